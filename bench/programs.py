"""The programs of bench/: where they are, how they are started, what they print."""
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time

CORE_MEASURED, CORE_UPSTREAM = "0", "1"
FIXTURES = {
    "ollama": ("chat_basic.response.json", "chat_stream_basic.stream.txt"),
    "openai": ("chat_basic.response.json", "chat_stream.stream.txt"),
    "gemini": ("generate_basic.response.json", "stream_basic.stream.txt"),
}
POLICIES = ("ordered", "weighted", "least_busy", "latency", "cost", "affinity")
OWN_HEADERS = ("host", "content-length", "accept", "connection")


class Failed(Exception):
    """A program failed, or a call did: the run is worth nothing."""


def has_descriptors(flight):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < flight + 100:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return True


def words(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "?"


class Upstream:
    """A llmsim of our own on the other core; ended by its process id."""

    def __init__(self, build, *options):
        self.options = options
        self.process = subprocess.Popen(
            pinned(CORE_UPSTREAM, [f"{build}/bin/llmsim", "--port", "0", "--exit-with-parent",
                                   "--max-seconds", "900", *options]),
            stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def pinned(core, command):
    if (os.cpu_count() or 1) < 2 or not shutil.which("taskset"):
        return command
    return ["taskset", "-c", core, *command]


class Bench:
    def __init__(self, opts):
        self.build = os.path.abspath(opts.build)
        self.provider = opts.provider
        self.quick = opts.quick
        self.rounds = 3 if opts.quick else 7
        self.keep = opts.keep
        self.room = tempfile.mkdtemp(prefix="llm-bench-")
        self.ups = {}
        self.requests = {}
        os.environ["BENCH_KEY"] = "bench"  # Gemini's API wants one
        self.commit = words(["git", "rev-parse", "--short", "HEAD"]) + \
            ("+" if words(["git", "status", "--porcelain", "core", "plugins"]) else "")
        self.machine = self._machine()
        self.versions = ", ".join(
            f"{name} {words(['pkg-config', '--modversion', name])}"
            for name in ("libcurl", "jansson", "libconfig", "libcrypto")) + \
            f", {words(['ldd', '--version']).splitlines()[0].split()[-1]} libc, " + \
            f"gcc {words(['gcc', '-dumpfullversion'])}"

    @staticmethod
    def _machine():
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
        return f"{model[0] if model else '?'}, {os.cpu_count()} cores, Linux {os.uname().release}"

    def close(self):
        self.stop_upstreams()
        shutil.rmtree(self.room)

    def scale(self, calls):
        return max(calls // 4, 20) if self.quick else calls

    # ---- the upstream ----

    def upstream(self, *options):
        options = ("--fast", *options)
        if options not in self.ups:
            self.ups[options] = Upstream(self.build, *options)
        return self.ups[options]

    def stop_upstreams(self):
        for up in self.ups.values():
            up.stop()
        self.ups.clear()

    # ---- the same request for both ----

    def request(self, prompt, stream=False):
        """What the library sends: path, headers and a file with the body."""
        key = (self.provider, prompt, stream)
        if key not in self.requests:
            self.requests[key] = self._capture(prompt, stream)
        return self.requests[key]

    def _capture(self, prompt, stream):
        log = f"{self.room}/log.ndjson"
        up = Upstream(self.build, "--log", log, "--log-body", "--log-secrets")
        try:
            self.library(up, prompt, 1, 1, 0, "thread", *(["stream"] if stream else []))
            time.sleep(0.05)
        finally:
            up.stop()
        with open(log, encoding="utf-8") as file:
            seen = [row for row in map(json.loads, file) if row["event"] == "request"]
        os.remove(log)
        body = f"{self.room}/body-{self.provider}-{prompt}-{stream}"
        with open(body, "w", encoding="utf-8", newline="") as file:
            file.write(seen[0]["body"])
        headers = [f"{name}: {value}" for name, value in seen[0]["headers"].items()
                   if name not in OWN_HEADERS]
        query = seen[0].get("query", "")
        return seen[0]["path"] + ("?" + query if query else ""), headers, body

    # ---- programs ----

    def run(self, *command, core=CORE_MEASURED):
        done = subprocess.run(pinned(core, [str(word) for word in command]),
                              capture_output=True, text=True, check=False, timeout=300)
        try:
            row = json.loads(done.stdout)
        except ValueError:
            row = {"failed": 1}
        if done.returncode or row["failed"]:
            raise Failed(f"{' '.join(map(str, command[:4]))} ...: {row['failed']} calls failed "
                         f"(status {done.returncode}) {done.stderr.strip()[:300]}")
        return row

    def base(self, up):
        return up.url + ("/v1" if self.provider == "openai" else "")

    def floor_command(self, up, request, calls, flight, warmup):
        path, headers, body = request
        return (f"{self.build}/bench/floor-calls", up.url + path, body, calls, flight, warmup,
                *headers)

    def floor(self, *args):
        return self.run(*self.floor_command(*args))

    def library_command(self, up, prompt, calls, flight, warmup, drive, *more):
        return (f"{self.build}/bench/bench-calls", self.base(up), self.provider, prompt, calls,
                flight, warmup, drive, *more)

    def library(self, *args):
        return self.run(*self.library_command(*args))

    def recorded(self, up, calls, flight, warmup, *ledger):
        """On both cores: where runs are recorded a second thread does it."""
        return self.run(*self.library_command(up, 11, calls, flight, warmup, "thread", *ledger),
                        core=f"{CORE_MEASURED},{CORE_UPSTREAM}")

    def floor_rows(self, runs, group):
        path = f"{self.room}/floor.db"
        try:
            return self.run(f"{self.build}/bench/floor-lite", path, runs, group)
        finally:
            for end in ("", "-wal", "-shm"):
                if os.path.exists(path + end):
                    os.remove(path + end)

    def has_sqlite(self):
        return os.path.exists(f"{self.build}/plugins/sqlite.so")

    def direct(self, up, request, calls, flight):
        path, _, body = request
        return self.run(f"{self.build}/bench/bench-direct", up.url.rsplit(":", 1)[1], path, body,
                        calls, flight)

    def providers(self):
        return [name for name in FIXTURES if os.path.exists(f"{self.build}/plugins/{name}.so")]

    def codec_command(self, name, calls, *only):
        answer, stream = FIXTURES[name]
        return (f"{self.build}/bench/bench-codec", f"{self.build}/plugins/{name}.so",
                f"tests/fixtures/{name}/{answer}", f"tests/fixtures/{name}/{stream}", calls, *only)

    def codec(self, name, calls):
        return self.run(*self.codec_command(name, calls))

    def plan(self, policy, candidates, times):
        return self.run(f"{self.build}/bench/bench-plan", policy, candidates, times)

    def start(self, up, times):
        return self.run(f"{self.build}/bench/bench-start", self.base(up), self.provider, times,
                        self.database())

    def database(self, name="llm"):
        """A SQLite file that has its tables."""
        path, conf = f"{self.room}/{name}.db", f"{self.room}/{name}.conf"
        if not os.path.exists(path):
            with open(conf, "w", encoding="utf-8") as file:
                file.write(f'storage = {{ dsn = "{path}"; }};\n')
            subprocess.run([f"{self.build}/bin/llmctl", "db", "migrate", "-c", conf], check=True,
                           stdout=subprocess.DEVNULL)
        return path

    def sizes(self):
        stripped = f"{self.room}/libllm.so"
        subprocess.run(["strip", "-o", stripped, f"{self.build}/lib/libllm.so"], check=True)
        yield "libllm.so, stripped", 600, 400, os.path.getsize(stripped) / 1024
        up = self.upstream("--bytes", "1024")
        row = self.run(f"{self.build}/bench/bench-host", up.url, self.request(11)[0],
                       self.provider, f"{self.build}/lib/libllm.so")
        yield "RSS added to a host with libcurl, after one call", 3072, 1536, row["added_kib"]
