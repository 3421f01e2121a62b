#!/usr/bin/python3
"""An HTTP/2 server for tests: Ollama's chat, answered as the model's name says.

h2_peer.py PORT [--tls CERT KEY] [--http11] prints "ready" on standard output, then one line for
each event: "conn", "alpn NAME", "stream ID PATH", "rst ID", "http11", "gone". Ends after a minute.
"""
import argparse
import json
import selectors
import signal
import socket
import ssl
import struct
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

WORDS = ["one ", "two ", "three"]
SEEN = set()  # models that break off the first time only


def say(*words):
    print(*words, flush=True)


def piece(text, done):
    body = {"model": "m", "message": {"role": "assistant", "content": text}, "done": done}
    if done:
        body["done_reason"] = "stop"
    return json.dumps(body).encode() + b"\n"


class Conn:
    def __init__(self, sock):
        self.sock = sock
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.h2.initiate_connection()
        self.asked = {}
        self.ticking = []
        self.deaf = False
        self.flush()

    def flush(self):
        data = self.h2.data_to_send()
        if data and not self.deaf:
            self.sock.sendall(data)

    def head(self, stream, kind):
        self.h2.send_headers(stream, [(":status", "200"), ("content-type", kind)])

    def answer(self, stream, body):
        """What the model is called decides what comes of it."""
        ask = json.loads(body)
        how = ask["model"]
        if how.endswith("_once"):
            how = "" if how in SEEN else how[:-5]
            SEEN.add(ask["model"])
        if how.startswith("code_"):
            self.reset_at_once(stream, int(how[5:]))
            return
        act = getattr(self, "do_" + how.replace("-", "_"), None)
        if act:
            act(stream)
        elif ask.get("stream", True):
            self.head(stream, "application/x-ndjson")
            for word in WORDS:
                self.h2.send_data(stream, piece(word, False))
            self.h2.send_data(stream, piece("", True), end_stream=True)
        else:
            self.head(stream, "application/json")
            self.h2.send_data(stream, piece("".join(WORDS), True), end_stream=True)

    def do_silent(self, stream):
        """Nothing, but the connection lives."""

    def do_ticking(self, stream):
        """A piece with every request that comes after it; the end when one is reset."""
        self.head(stream, "application/x-ndjson")
        self.ticking.append(stream)

    def tick(self, last):
        for stream in self.ticking:
            self.h2.send_data(stream, piece("tick ", last), end_stream=last)
        if last:
            self.ticking = []

    def do_deaf(self, stream):
        """Nothing any more, on the whole connection."""
        self.deaf = True

    def do_refused(self, stream):
        self.h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)

    def do_reset(self, stream):
        self.head(stream, "application/x-ndjson")
        self.h2.send_data(stream, piece(WORDS[0], False))
        self.flush()
        time.sleep(0.03)  # libcurl drops what comes in one piece with a reset
        self.h2.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)

    def do_goaway(self, stream):
        self.h2.close_connection(last_stream_id=0)

    def reset_at_once(self, stream, code):
        self.h2.reset_stream(stream, code)

    def goaway(self, last):
        """As a frame, because python3-h2 says nothing more on a connection that it has closed."""
        self.flush()
        self.sock.sendall(b"\0\0\x08\x07\0\0\0\0\0" + struct.pack(">II", last, 0))

    def do_goaway_before(self, stream):
        """Of this request nothing was read; those before it are answered."""
        self.goaway(stream - 2)

    def do_goaway_taken(self, stream):
        """The request was read, but never answered."""
        self.goaway(stream)
        self.sock.shutdown(socket.SHUT_RDWR)

    def do_goaway_after(self, stream):
        self.head(stream, "application/json")
        self.h2.send_data(stream, piece("bye", True), end_stream=True)
        self.h2.close_connection(last_stream_id=stream)

    def do_garbage(self, stream):
        self.flush()
        self.sock.sendall(b"\xff" * 64)

    def do_leaves(self, stream):
        self.flush()
        self.sock.shutdown(socket.SHUT_RDWR)

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            path = dict((k, v) for k, v in event.headers)
            path = path.get(":path") or path.get(b":path")
            say("stream", event.stream_id, path if isinstance(path, str) else path.decode())
            self.asked[event.stream_id] = b""
            self.tick(False)
        elif isinstance(event, h2.events.DataReceived):
            self.asked[event.stream_id] += event.data
            self.h2.acknowledge_received_data(
                event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.answer(event.stream_id, self.asked.pop(event.stream_id))
        elif isinstance(event, h2.events.StreamReset):
            self.asked.pop(event.stream_id, None)
            say("rst", event.stream_id)
            self.tick(True)

    def read(self):
        """False when it is over."""
        try:
            data = self.sock.recv(65536)
            if not data:
                return False
            while True:
                for event in self.h2.receive_data(data):
                    self.take(event)
                self.flush()
                if not isinstance(self.sock, ssl.SSLSocket) or not self.sock.pending():
                    return True
                data = self.sock.recv(65536)
        except (OSError, h2.exceptions.ProtocolError):
            return False


def http11(sock):
    """One answer of a server that speaks no HTTP/2."""
    data = b""
    while b"\r\n\r\n" not in data or not data.rstrip().endswith(b"}"):
        got = sock.recv(65536)
        if not got:
            return
        data += got
    say("http11")
    body = piece("old", True)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                 b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sock.close()


def accept(server, tls, old):
    sock = server.accept()[0]
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    say("conn")
    try:
        if tls:
            sock = tls.wrap_socket(sock, server_side=True)
            say("alpn", sock.selected_alpn_protocol() or "none")
        if old or (tls and sock.selected_alpn_protocol() != "h2"):
            http11(sock)
            return None
        return Conn(sock)
    except OSError:
        sock.close()
        return None


def main():
    signal.alarm(60)
    args = argparse.ArgumentParser()
    args.add_argument("port", type=int)
    args.add_argument("--tls", nargs=2)
    args.add_argument("--http11", action="store_true")
    opt = args.parse_args()
    tls = None
    if opt.tls:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*opt.tls)
        tls.set_alpn_protocols(["http/1.1"] if opt.http11 else ["h2", "http/1.1"])
    server = socket.create_server(("127.0.0.1", opt.port))
    poll = selectors.DefaultSelector()
    poll.register(server, selectors.EVENT_READ)
    say("ready")
    while True:
        for key, _ in poll.select():
            if key.fileobj is server:
                conn = accept(server, tls, opt.http11)
                if conn:
                    poll.register(conn.sock, selectors.EVENT_READ, conn)
            elif not key.data.read():
                say("gone")
                poll.unregister(key.fileobj)
                key.fileobj.close()


main()
