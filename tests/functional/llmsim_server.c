/* llmsim as a server: many connections, clients that leave, its log, its options. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/sim.h"

#define MS 1000000u
#define CHAT "{\"model\":\"sim-small\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define WHOLE \
	"{\"model\":\"sim-small\",\"stream\":false,\"messages\":[{\"role\":\"user\",\"content\":" \
	"\"hi\"}]}"

static const char *const none[] = {NULL};

static void send_chat(int fd, const char *body)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
		"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n",
		strlen(body));

	sim_send(fd, head, (size_t)n);
	sim_send(fd, body, strlen(body));
}

static void close_hard(int fd)
{
	struct linger l = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

Test(llmsim_server, five_hundred_requests_on_one_connection)
{
	sim *s = sim_start(none);
	int fd = sim_connect(s);

	for (int i = 0; i < 500; i++) {
		sim_reply r;

		sim_ask(fd, "POST", "/api/chat", i % 2 ? CHAT : WHOLE, &r);
		cr_assert_eq(r.status, 200);
		cr_assert(r.complete);
		cr_assert(strstr(r.body, "\"done\":true"));
		sim_reply_done(&r);
	}
	close(fd);
	/* The last line is written after the last answer was read. */
	cr_assert(sim_log_wait(s, "\"event\":\"sent\"", 500, 5000));
	cr_assert_eq(sim_log_count(s, "\"event\":\"sent\""), 500);
	cr_assert_eq(sim_log_count(s, "\"event\":\"accept\""), 1);
	cr_assert_eq(sim_log_count(s, "\"event\":\"request\""), 500);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_server, sixty_four_connections_at_once)
{
	static const char *const args[] = {"--pace-ms", "1", "--tokens", "8", NULL};
	sim *s = sim_start(args);
	int fds[64];

	for (int i = 0; i < 64; i++) {
		fds[i] = sim_connect(s);
		send_chat(fds[i], CHAT);
	}
	for (int i = 0; i < 64; i++) {
		sim_reply r;

		sim_read_reply(fds[i], &r);
		cr_assert_eq(r.status, 200);
		cr_assert(r.complete);
		sim_reply_done(&r);
		close(fds[i]);
	}
	cr_assert(sim_log_wait(s, "\"event\":\"close\"", 64, 2000));
	cr_assert_eq(sim_stop(s), 0);
}

/* Leaves by FIN or RST in the given phase: the log has it, and had it at once. */
static void leave(const char *const *args, const char *phase, bool hard)
{
	sim *s = sim_start(args);
	int fd = sim_connect(s);
	uint64_t left;

	send_chat(fd, CHAT);
	cr_assert(sim_log_wait(s, phase, 1, 2000));
	left = sim_now_ns();
	if (hard)
		close_hard(fd);
	else
		shutdown(fd, SHUT_WR);
	cr_assert(sim_log_wait(s, "\"who\":\"peer\"", 1, 2000));
	cr_assert_eq(sim_log_count(s, hard ? "\"kind\":\"rst\"" : "\"kind\":\"fin\""), 1);
	cr_assert_geq(sim_log_ns(s, "\"who\":\"peer\""), left);
	cr_assert_lt(sim_log_ns(s, "\"who\":\"peer\"") - left, 100 * MS);
	if (!hard)
		close(fd);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_server, client_leaves_before_the_first_byte)
{
	static const char *const args[] = {"--delay-ms", "60000", NULL};

	leave(args, "\"event\":\"request\"", false);
	leave(args, "\"event\":\"request\"", true);
}

Test(llmsim_server, client_leaves_between_two_events)
{
	static const char *const args[] = {"--pace-ms", "60000", NULL};

	leave(args, "\"event\":\"first_byte\"", false);
	leave(args, "\"event\":\"first_byte\"", true);
}

Test(llmsim_server, client_asks_and_leaves_in_one_breath)
{
	sim *s = sim_start(none);

	for (int i = 0; i < 20; i++) {
		int fd = sim_connect(s);

		send_chat(fd, CHAT);
		close_hard(fd);
	}
	cr_assert(sim_log_wait(s, "\"event\":\"close\"", 20, 2000));
	cr_assert_eq(sim_log_count(s, "\"event\":\"accept\""), 20);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_server, delay_and_pace)
{
	static const char *const args[] = {
		"--delay-ms", "20", "--pace-ms", "5", "--tokens", "4", NULL};
	sim *s = sim_start(args);
	sim_reply r;
	uint64_t asked;

	sim_ask_once(s, "POST", "/api/chat", CHAT, &r);
	cr_assert(r.complete);
	sim_reply_done(&r);
	asked = sim_log_ns(s, "\"event\":\"request\"");
	cr_assert_geq(sim_log_ns(s, "\"event\":\"first_byte\"") - asked, 20 * MS);
	cr_assert_geq(sim_log_ns(s, "\"event\":\"sent\"") - asked, 40 * MS);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_server, log_masks_secrets)
{
	static const char ask[] = "GET /api/version?x=1 HTTP/1.1\r\nHost: "
				  "localhost\r\nX-One: a\r\n"
				  "AUTHORIZATION: Bearer sk-secret\r\nx-one: b\r\n\r\n";
	static const char *const open_args[] = {"--log-secrets", NULL};

	for (int i = 0; i < 2; i++) {
		sim *s = sim_start(i ? open_args : none);
		int fd = sim_connect(s);
		sim_reply r;

		sim_send(fd, ask, sizeof(ask) - 1);
		sim_read_reply(fd, &r);
		sim_reply_done(&r);
		cr_assert_eq(sim_log_count(s, "\"x-one\":\"a, b\""), 1);
		cr_assert_eq(sim_log_count(s, "\"path\":\"/api/version\""), 1);
		cr_assert_eq(sim_log_count(s, "sk-secret"), (size_t)i);
		cr_assert_eq(sim_log_count(s, "\"authorization\":\"***\""), (size_t)!i);
		close(fd);
		cr_assert_eq(sim_stop(s), 0);
	}
}

Test(llmsim_server, log_lines_are_json)
{
	sim *s = sim_start(none);
	sim_reply r;
	const char *line;

	sim_ask_once(s, "POST", "/api/chat", "{\"bad\":\"\xff\"}", &r);
	sim_reply_done(&r);
	cr_assert(sim_log_wait(s, "\"event\":\"close\"", 1, 1000));
	line = sim_log_text(s);
	while (*line) {
		const char *end = strchr(line, '\n');
		json_t *v;

		cr_assert(end);
		v = json_loadb(line, (size_t)(end - line), 0, NULL);
		cr_assert(json_is_integer(json_object_get(v, "ns")), "%s", line);
		json_decref(v);
		line = end + 1;
	}
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_server, requests_in_pieces_chunks_and_pairs)
{
	static const char chunked[] =
		"POST /api/show HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
		"b\r\n{\"model\":\"s\r\nA;x=y\r\nim-small\"}\r\n0\r\n\r\n";
	static const char pair[] = "GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n"
				   "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: "
				   "close\r\n\r\n";
	sim *s = sim_start(none);
	int fd = sim_connect(s);
	sim_reply r;
	char *got;

	for (size_t i = 0; i < sizeof(chunked) - 1; i++)
		sim_send(fd, chunked + i, 1);
	sim_read_reply(fd, &r);
	cr_assert_eq(r.status, 200, "%s", r.body);
	sim_reply_done(&r);
	sim_send(fd, pair, sizeof(pair) - 1);
	got = sim_read_all(fd, NULL, NULL);
	cr_assert(strstr(got, "\"version\""));
	cr_assert(strstr(got, "Connection: close"));
	cr_assert(strstr(got, "Ollama is running"));
	free(got);
	close(fd);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_server, expect_is_answered)
{
	static const char head[] =
		"POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: 21"
		"\r\nExpect: 100-continue\r\n\r\n";
	sim *s = sim_start(none);
	int fd = sim_connect(s);
	char got[26] = "";
	sim_reply r;

	sim_send(fd, head, sizeof(head) - 1);
	cr_assert_eq(recv(fd, got, 25, MSG_WAITALL), 25);
	cr_assert_str_eq(got, "HTTP/1.1 100 Continue\r\n\r\n");
	sim_send(fd, "{\"model\":\"sim-small\"}", 21);
	sim_read_reply(fd, &r);
	cr_assert_eq(r.status, 200);
	sim_reply_done(&r);
	close(fd);
	cr_assert_eq(sim_stop(s), 0);
}

static void expect_refused(const sim *s, const char *ask, size_t len, int status)
{
	int fd = sim_connect(s);
	sim_reply r;

	sim_send(fd, ask, len);
	sim_read_reply(fd, &r);
	cr_assert_eq(r.status, status, "%.40s: %d", ask, r.status);
	sim_reply_done(&r);
	close(fd);
}

#define REFUSED(s, ask, status) expect_refused(s, ask, sizeof(ask) - 1, status)

Test(llmsim_server, broken_requests_are_refused)
{
	sim *s = sim_start(none);
	char *big = malloc(70000);

	REFUSED(s, "nonsense\r\n\r\n", 400);
	REFUSED(s, "GET / HTTP/2.0\r\n\r\n", 505);
	REFUSED(s, "GET / HTTP/1.1\r\nnocolon\r\n\r\n", 400);
	REFUSED(s, "POST /api/chat HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400);
	REFUSED(s, "POST /api/chat HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413);
	REFUSED(s, "POST /api/chat HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501);
	REFUSED(s, "POST /api/chat HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400);
	cr_assert(big);
	memset(big, 'a', 70000);
	expect_refused(s, big, 70000, 431);
	free(big);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_server, bytes_are_exact)
{
	static const char *const args[] = {"--bytes", "1331", NULL};
	sim *s = sim_start(args);
	sim_reply r;
	json_t *v;

	sim_ask_once(s, "POST", "/api/chat", WHOLE, &r);
	v = json_loadb(r.body, r.body_len, 0, NULL);
	cr_assert_eq(json_string_length(json_object_get(json_object_get(v, "message"), "content")),
		1331);
	json_decref(v);
	sim_reply_done(&r);
	cr_assert_eq(sim_stop(s), 0);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

Test(llmsim_server, fast_mode)
{
	static const char *const args[] = {"--fast", "--events", "50", NULL};
	sim *s = sim_start(args);
	int fd = sim_connect(s);
	sim_reply r;

	sim_ask(fd, "POST", "/api/chat", WHOLE, &r);
	cr_assert(r.complete && strstr(r.head, "Content-Length"));
	sim_reply_done(&r);
	sim_ask(fd, "POST", "/api/chat", CHAT, &r);
	cr_assert_eq(count(r.body, "\"done\":false"), 50);
	cr_assert_eq(count(r.body, "\"done\":true"), 1);
	sim_reply_done(&r);
	sim_ask(fd, "POST", "/v1/chat/completions", "{\"stream\": true}", &r);
	cr_assert_eq(count(r.body, "\"delta\":{\"content\""), 50);
	sim_reply_done(&r);
	sim_ask(fd, "POST", "/api/chat", "{\"model\":", &r);
	cr_assert_eq(r.status, 400);
	sim_reply_done(&r);
	sim_ask(fd, "GET", "/api/tags", NULL, &r);
	cr_assert_eq(r.status, 200, "what is not benchmarked works as ever");
	sim_reply_done(&r);
	close(fd);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_server, fast_mode_paces_by_timer)
{
	static const char *const args[] = {"--fast", "--events", "5", "--pace-ms", "5", NULL};
	sim *s = sim_start(args);
	uint64_t start = sim_now_ns();
	sim_reply r;

	sim_ask_once(s, "POST", "/api/chat", CHAT, &r);
	cr_assert(r.complete);
	cr_assert_geq(sim_now_ns() - start, 25 * MS);
	sim_reply_done(&r);
	cr_assert_eq(sim_stop(s), 0);
}

/* Runs llmsim with these options until it ends; its status, and what it said first. */
static int said(const char *options, char *line, size_t size)
{
	char command[512];
	FILE *f;
	int status;

	line[0] = 0;
	snprintf(command, sizeof(command), "%s %s 2>&1", TEST_BINARY_DIR "/bin/llmsim", options);
	f = popen(command, "r");
	cr_assert(f);
	if (!fgets(line, (int)size, f))
		line[0] = 0;
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(llmsim_server, command_line)
{
	char line[512];

	cr_assert_eq(said("--prot 1", line, sizeof(line)), 2);
	cr_assert_str_eq(line, "llmsim: unknown option \"--prot\"; did you mean --port?\n");
	cr_assert_eq(said("--port many", line, sizeof(line)), 2);
	cr_assert_eq(said("--port 70000", line, sizeof(line)), 2);
	cr_assert_eq(said("--port", line, sizeof(line)), 2);
	cr_assert_eq(said("--fast=1", line, sizeof(line)), 2);
	cr_assert_eq(said("--host 0.0.0.0 --port 0", line, sizeof(line)), 2);
	cr_assert(strstr(line, "not on the loopback"));
	cr_assert_eq(said("--models a=flying", line, sizeof(line)), 2);
	cr_assert_eq(said("--fast --log x", line, sizeof(line)), 2);
	cr_assert_eq(said("--help", line, sizeof(line)), 0);
	cr_assert_str_eq(line, "Examples:\n");
	cr_assert_eq(said("--version", line, sizeof(line)), 0);
	cr_assert(!strncmp(line, "llmsim ", 7));
}

Test(llmsim_server, port_file_and_the_line_on_stdout)
{
	char *file = sim_file("");
	const char *args[] = {"--port-file", file, NULL};
	sim *s = sim_start(args);
	char want[16];
	char got[16] = "";
	FILE *f = fopen(file, "r");

	cr_assert(f && fgets(got, sizeof(got), f));
	fclose(f);
	snprintf(want, sizeof(want), "%u\n", sim_port(s));
	cr_assert_str_eq(got, want);
	cr_assert_eq(sim_stop(s), 0);
	sim_file_free(file);
}

Test(llmsim_server, ends_with_its_parent)
{
	int ends[2];
	char byte;
	pid_t parent;
	struct pollfd p;

	cr_assert_eq(pipe(ends), 0);
	parent = fork();
	if (!parent) {
		/* It inherits the write end, which closes when both are gone. */
		unlink(sim_log_path(sim_start(none)));
		_exit(0);
	}
	close(ends[1]);
	cr_assert_eq(waitpid(parent, NULL, 0), parent);
	p = (struct pollfd){.fd = ends[0], .events = POLLIN};
	cr_assert_eq(poll(&p, 1, 5000), 1, "llmsim is still there");
	cr_assert_eq(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}
