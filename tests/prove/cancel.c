/*
 * How long a cancel takes to reach the upstream, phase by phase.
 *
 *	prove_cancel PHASE RUNS [LIMIT_MS]
 *
 * Prints one row (and fails when p99 is over the limit, 100 ms): phase, runs, p50, p99 and
 * the longest, in microseconds from the call of llm_call_cancel to the moment at which the
 * upstream's log saw its socket close. In `resolve` and `connect` the upstream has no socket
 * yet: there it is the moment at which the kernel lists no socket of ours to it any more,
 * and the run has completed.
 *
 * In the phases leave_* the provider has a single slot, so that one that leaked would stop
 * the next run, and what had come, text and usage, must be in the result of each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <llm/llm.h>

#include "support/sim.h"

#define RUNS_MAX 10000

typedef struct phase {
	const char *name;
	const char *script; /* null: no llmsim */
	const char *scheme;
	size_t prompt_bytes;
	int wait_text; /* cancel after the first piece of text */
	int leave_unread; /* cancel when the reader has held up the transfer */
	const char *model; /* null: ollama/m */
	int64_t used; /* tokens that each result must tell; -1: that none are known; 0: any */
} phase;

#define HEAD "head 200 \"content-type: application/x-ndjson\" \"transfer-encoding: chunked\"\n"
#define LINE \
	"{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":\\\"assistant\\\"," \
	"\\\"content\\\":\\\"hello hello hello hello hello hello\\\"},\\\"done\\\":false}\\n"

#define SSE "head 200 \"content-type: text/event-stream\" \"transfer-encoding: chunked\"\n"
#define PIECE \
	"data: {\\\"candidates\\\":[{\\\"content\\\":{\\\"parts\\\":[{\\\"text\\\":\\\"hello\\\"}]," \
	"\\\"role\\\":\\\"model\\\"}}],\\\"usageMetadata\\\":{\\\"promptTokenCount\\\":5," \
	"\\\"candidatesTokenCount\\\":2,\\\"totalTokenCount\\\":7}}\\r\\n\\r\\n"

static const phase phases[] = {
	{"resolve", NULL, "http", 0, 0, 0, NULL, 0},
	{"connect", NULL, "http", 0, 0, 0, NULL, 0},
	{"tls", "accept\nkeep\n", "https", 0, 0, 0, NULL, 0},
	{"sending", "accept\nread 1000\nkeep\n", "http", 16u << 20, 0, 0, NULL, 0},
	{"before_first_byte", "accept\nread request\nkeep\n", "http", 0, 0, 0, NULL, 0},
	{"in_stream", "accept\nread request\n" HEAD "chunk \"" LINE "\"\nkeep\n", "http", 0, 1, 0,
		NULL, 0},
	{"paused", "accept\nread request\n" HEAD "repeat 60000 \"6a\\r\\n" LINE "\\r\\n\"\nkeep\n",
		"http", 0, 1, 1, NULL, 0},
	{"leave_before_headers", "accept\nread request\nkeep\n", "http", 0, 0, 0, "gemini/m", -1},
	{"leave_before_token", "accept\nread request\n" SSE "keep\n", "http", 0, 0, 0, "gemini/m",
		-1},
	{"leave_in_stream", "accept\nread request\n" SSE "chunk \"" PIECE "\"\nkeep\n", "http", 0,
		1, 0, "gemini/m", 7},
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "prove_cancel: %s: %s\n", what, why);
	exit(2);
}

/* ---- an address that never answers a SYN ---- */

/* A listener whose queue is full: further connections wait in SYN_SENT. */
static uint16_t full_listener(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), i;

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 0) ||
		getsockname(fd, (struct sockaddr *)&a, &len))
		die("listen", strerror(errno));
	for (i = 0; i < 4; i++) {
		int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (connect(c, (struct sockaddr *)&a, sizeof(a)) && errno != EINPROGRESS)
			die("connect", strerror(errno));
	}
	rest_ms(20);
	return ntohs(a.sin_port);
}

/* A name server that hears every question and answers none: in a namespace of our own. */
static void silent_name_server(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons(53),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("name server", strerror(errno));
}

/* Sockets of ours to that port; the four that fill the queue are always among them. */
static int sockets_to(uint16_t port)
{
	char line[512], hex[16];
	FILE *f = fopen("/proc/self/net/tcp", "re");
	int n = 0;

	snprintf(hex, sizeof(hex), ":%04X 0", port);
	while (f && fgets(line, sizeof(line), f)) {
		const char *rem = strstr(line, hex);

		/* SYN_SENT or ESTABLISHED: what was closed meanwhile is the kernel's */
		n += rem && rem - line > 20 && (rem[7] == '1' || rem[7] == '2');
	}
	if (f)
		fclose(f);
	return n;
}

/* ---- one run ---- */

static char *prompt_of(size_t bytes)
{
	size_t n = bytes ? bytes : 5;
	char *text = malloc(n + 1);

	if (!text)
		die("prompt", "out of memory");
	memset(text, 'a', n);
	text[n] = '\0';
	return text;
}

static llm_call *begin(const phase *p, llm_service *svc, const char *prompt)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_request *rq;
	llm_call *c = NULL;

	opts.flags = LLM_CALL_STREAM;
	opts.total_ms = opts.connect_ms = opts.first_token_ms = 60000;
	if (llm_request_new(NULL, &rq) || llm_request_model(rq, p->model ? p->model : "ollama/m") ||
		llm_request_text(rq, LLM_ROLE_USER, prompt, LLM_NUL_TERMINATED) ||
		llm_submit(svc, rq, &opts, &c, &err))
		die("submit", err.message);
	llm_request_free(rq);
	return c;
}

/* Brings a run into its phase. */
static void settle(const phase *p, llm_call *c, sim *s, int run)
{
	llm_event e;

	while (p->wait_text && llm_call_next(c, 5000, &e) == 0 && e.kind != LLM_EVENT_TEXT)
		if (e.kind == LLM_EVENT_END)
			die(p->name, llm_result_error(llm_call_result(c))->message);
	if (!p->wait_text)
		(void)llm_call_next(c, 0, &e); /* a driver, and START */
	if (s && !p->wait_text && !sim_log_wait(s, "\"event\":\"accept\"", (size_t)run + 1, 5000))
		die(p->name, "the upstream saw no connection");
	rest_ms(p->leave_unread || p->prompt_bytes ? 25 : 2);
}

static uint64_t cancel_and_wait(llm_call *c)
{
	uint64_t start = now_ns();
	llm_err err = LLM_ERR_INIT;

	llm_call_cancel(c);
	if (llm_call_wait(c, 5000, &err) != LLM_E_CANCELLED)
		die("cancel", err.message);
	return start;
}

/* What had come is there, of the run and of its one attempt. */
static int is_told(const phase *p, const llm_call *c)
{
	const llm_result *r = llm_call_result(c);
	const int64_t want = p->used < 0 ? LLM_TOKENS_UNKNOWN : 5;
	llm_usage all = LLM_USAGE_INIT, one = LLM_USAGE_INIT;

	llm_result_usage(r, &all);
	if (llm_result_attempt_count(r) != 1 || llm_result_attempt_usage(r, 0, &one))
		return 0;
	if (all.input_tokens != want || one.input_tokens != want)
		return 0;
	if (p->used < 0)
		return all.output_tokens == LLM_TOKENS_UNKNOWN &&
			llm_result_error(r)->sent != LLM_SENT_NO;
	return all.input_tokens + all.output_tokens == p->used &&
		one.output_tokens == all.output_tokens &&
		strcmp(llm_result_text(r, NULL), "hello") == 0;
}

static uint64_t seen_close(sim *s, uint16_t port, int run)
{
	char what[64];

	if (!s) {
		while (port && sockets_to(port) > 4)
			continue;
		return now_ns();
	}
	snprintf(what, sizeof(what), "\"event\":\"close\",\"conn\":%d,", run + 1);
	if (!sim_log_wait(s, what, 1, 5000))
		die("close", "the upstream never saw its socket close");
	return sim_log_ns(s, what);
}

/* ---- all of them ---- */

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static llm_service *open_service(const char *base_url)
{
	char text[600];
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_service *svc;

	snprintf(text, sizeof(text),
		"providers = { ollama = { base_url = \"%s\"; };\n"
		"gemini = { base_url = \"%s\"; api_key = \"env:PROVE_KEY\"; max_concurrency = 1; "
		"queue_max = 1; queue = \"1s\"; }; };",
		base_url, base_url);
	setenv("PROVE_KEY", "any", 1);
	opts.config_text = text;
	opts.flags = LLM_SERVICE_NO_ENV;
	opts.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&opts, &svc, &err))
		die("service", err.message);
	return svc;
}

static void measure(const phase *p, int runs, uint64_t *took)
{
	char *script = p->script ? sim_file(p->script) : NULL, url[64];
	const char *const args[] = {"--script", script, NULL};
	sim *s = script ? sim_start(args) : NULL;
	uint16_t port = s ? sim_port(s) : strcmp(p->name, "connect") == 0 ? full_listener() : 0;
	char *prompt = prompt_of(p->prompt_bytes);
	llm_service *svc;
	int i;

	if (strcmp(p->name, "resolve") == 0)
		silent_name_server();
	snprintf(url, sizeof(url), "%s://%s:%u", p->scheme, port ? "127.0.0.1" : "slow.example",
		port ? port : 80u);
	svc = open_service(url);
	for (i = -1; i < runs; i++) { /* the first one warms up: it is not counted */
		llm_call *c = begin(p, svc, prompt);
		uint64_t start, end;

		settle(p, c, s, i + 1);
		start = cancel_and_wait(c);
		end = seen_close(s, port, i + 1);
		if (i >= 0)
			took[i] = end > start ? end - start : 0;
		if (p->used && !is_told(p, c))
			die(p->name, "what had come is not in the result");
		llm_call_free(c);
	}
	llm_service_free(svc);
	sim_stop(s);
	if (script)
		sim_file_free(script);
	free(prompt);
}

int main(int argc, char **argv)
{
	static uint64_t took[RUNS_MAX];
	int runs = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
	uint64_t limit_ms = argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
	size_t i;

	if (runs < 1 || runs > RUNS_MAX) {
		fprintf(stderr, "usage: prove_cancel PHASE RUNS [LIMIT_MS]\n");
		return 2;
	}
	for (i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		if (strcmp(phases[i].name, argv[1]) == 0)
			break;
	if (i == sizeof(phases) / sizeof(phases[0]))
		die(argv[1], "no such phase");
	measure(&phases[i], runs, took);
	qsort(took, (size_t)runs, sizeof(took[0]), by_size);
	printf("%s %d %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", argv[1], runs, took[runs / 2] / 1000,
		took[(runs * 99 - 1) / 100] / 1000, took[runs - 1] / 1000);
	return took[(runs * 99 - 1) / 100] > limit_ms * 1000000u;
}
