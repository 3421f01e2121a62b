/*
 * What the guards cost and hold under load, seen from outside.
 *
 *	prove_load slow STREAMS      readers of 1 KiB/s at a fast upstream, others beside them
 *	prove_load overload SECONDS  five times what the provider can take
 *	prove_load fallback RUNS     from a failed answer to the next candidate's request
 *
 * Prints one line of numbers, told below beside each; the status is 2 when it could not run
 * and 1 when a run ended as it must not.
 */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llm/llm.h>

#include "support/sim.h"

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define SAMPLES_MAX 100000

static void die(const char *what, const char *why)
{
	fprintf(stderr, "prove_load: %s: %s\n", what, why);
	exit(2);
}

static llm_service *open_service(const char *config)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_service *svc;

	setenv("PROVE_KEY", "any", 1);
	opts.config_text = config;
	opts.flags = LLM_SERVICE_NO_ENV;
	opts.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&opts, &svc, &err) || llm_service_start(svc, &err))
		die("service", err.message);
	return svc;
}

static llm_call *ask(llm_service *svc, const char *model, llm_call_opts *opts)
{
	llm_err err = LLM_ERR_INIT;
	llm_request *rq;
	llm_call *c = NULL;

	if (llm_request_new(NULL, &rq) || llm_request_model(rq, model) ||
		llm_request_text(rq, LLM_ROLE_USER, "hello", 5) ||
		llm_submit(svc, rq, opts, &c, &err))
		die("submit", err.message);
	llm_request_free(rq);
	return c;
}

/* ---- times ---- */

typedef struct samples {
	uint64_t ns[SAMPLES_MAX];
	atomic_size_t n;
} samples;

static void add(samples *s, uint64_t ns)
{
	const size_t i = atomic_fetch_add(&s->n, 1);

	if (i < SAMPLES_MAX)
		s->ns[i] = ns;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* In microseconds; of none 0. */
static uint64_t point(samples *s, size_t percent)
{
	const size_t n = s->n < SAMPLES_MAX ? s->n : SAMPLES_MAX;

	qsort(s->ns, n, sizeof(s->ns[0]), by_size);
	return n ? s->ns[(n * percent - 1) / 100] / NS_PER_US : 0;
}

/* ---- slow readers (U-31) ---- */

#define FLOOD \
	"accept\nread request\n" \
	"head 200 \"content-type: application/x-ndjson\" \"transfer-encoding: chunked\"\n" \
	"repeat 200000 \"6a\\r\\n{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":" \
	"\\\"assistant\\\",\\\"content\\\":\\\"hello hello hello hello hello hello\\\"}," \
	"\\\"done\\\":false}\\n\\r\\n\"\nkeep\n"
#define CALLS 300
#define SLOW_MAX 64

static void many_calls(llm_service *svc, samples *took)
{
	llm_err err = LLM_ERR_INIT;
	int i;

	for (i = 0; i < CALLS; i++) {
		const uint64_t from = sim_now_ns();
		llm_call *c = ask(svc, "ok/sim-small", NULL);

		if (llm_call_wait(c, 10000, &err))
			die("a call beside the slow readers", err.message);
		add(took, sim_now_ns() - from);
		llm_call_free(c);
	}
}

/* About a KiB of text; the bytes that were read. */
static size_t read_some(llm_call *c)
{
	llm_event e;
	size_t n = 0;

	while (n < 1024 && llm_call_next(c, 5000, &e) == 0) {
		if (e.kind == LLM_EVENT_END)
			die("a slow stream", "it has ended");
		n += e.len;
	}
	return n;
}

/* What had been taken from the upstream and not read, told once nothing more can come. */
static size_t waiting(llm_call *c)
{
	llm_event e;
	size_t n = 0;

	llm_call_cancel(c);
	while (llm_call_next(c, 5000, &e) == 0 && e.kind != LLM_EVENT_END)
		n += e.len;
	llm_call_free(c);
	return n;
}

/* The most that waited for one reader, in bytes; p50 of calls before and beside, in us. */
static int slow(int streams)
{
	static samples before, beside;
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	char *file = sim_file(FLOOD), config[512];
	const char *const args[] = {"--script", file, NULL};
	sim *flood = sim_start(args), *well = sim_start(NULL);
	llm_call *calls[SLOW_MAX];
	llm_service *svc;
	size_t most = 0;
	int i, k;

	snprintf(config, sizeof(config),
		"providers = { ollama = { base_url = \"%s\"; max_concurrency = %d; };\n"
		"ok = { plugin = \"ollama\"; base_url = \"%s\"; }; };",
		sim_url(flood), SLOW_MAX, sim_url(well));
	svc = open_service(config);
	many_calls(svc, &before);
	opts.flags = LLM_CALL_STREAM;
	for (i = 0; i < streams; i++)
		calls[i] = ask(svc, "ollama/m", &opts);
	for (k = 0; k < 2; k++) {
		for (i = 0; i < streams; i++)
			(void)read_some(calls[i]);
		rest_ms(1000);
	}
	many_calls(svc, &beside);
	for (i = 0; i < streams; i++) {
		const size_t n = waiting(calls[i]);

		most = n > most ? n : most;
	}
	llm_service_free(svc);
	sim_stop(flood);
	sim_stop(well);
	sim_file_free(file);
	printf("slow %zu %" PRIu64 " %" PRIu64 "\n", most, point(&before, 50), point(&beside, 50));
	return 0;
}

/* ---- more than it can take (L-04) ---- */

#define SLOTS 8
#define DELAY "20"

typedef struct load {
	llm_service *svc;
	int closed; /* each end submits the next */
	atomic_int stop;
	atomic_int flying;
	atomic_size_t good;
	atomic_size_t wrong;
	samples refused;
} load;

typedef struct shot {
	load *l;
	uint64_t from_ns;
} shot;

static void shoot(load *l);

static void landed(shot *s, llm_call *call)
{
	load *l = s->l;
	const llm_err *err = llm_result_error(llm_call_result(call));

	if (!err)
		atomic_fetch_add(&l->good, 1);
	else if (err->code == LLM_E_QUEUE_FULL)
		add(&l->refused, sim_now_ns() - s->from_ns);
	else if (atomic_fetch_add(&l->wrong, 1) == 0)
		fprintf(stderr, "prove_load: %s\n", err->message);
	free(s);
	llm_call_free(call);
	if (l->closed && !atomic_load(&l->stop))
		shoot(l);
	atomic_fetch_sub(&l->flying, 1);
}

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	if (e->kind == LLM_EVENT_END)
		landed((shot *)token, call);
}

static void shoot(load *l)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	shot *s = malloc(sizeof(*s));

	if (!s)
		die("a call", "out of memory");
	*s = (shot){.l = l, .from_ns = sim_now_ns()};
	opts.on_event = on_event;
	opts.token = (uintptr_t)s;
	atomic_fetch_add(&l->flying, 1);
	(void)ask(l->svc, "ollama/sim-small", &opts);
}

/* The last answers are waited for, and counted to those of the time before. */
static double a_second(load *l, uint64_t from_ns)
{
	const uint64_t end = sim_now_ns();
	const size_t good = atomic_load(&l->good);

	atomic_store(&l->stop, 1);
	while (atomic_load(&l->flying) > 0)
		rest_ms(1);
	return (double)good * 1e9 / (double)(end - from_ns);
}

static double peak_of(load *l, uint64_t seconds)
{
	const uint64_t from = sim_now_ns();
	int i;

	l->closed = 1;
	for (i = 0; i < SLOTS * 2; i++)
		shoot(l);
	rest_ms(seconds * 1000);
	return a_second(l, from);
}

static double storm(load *l, uint64_t seconds, double rate)
{
	const uint64_t from = sim_now_ns(), step = (uint64_t)(1e9 / rate);
	uint64_t at;

	for (at = from; at < from + seconds * NS_PER_S; at += step) {
		rest_until(at);
		shoot(l);
	}
	return a_second(l, from);
}

/* Answers a second at the peak and under the storm, how many were refused, p50, p99 in us. */
static int overload(uint64_t seconds)
{
	static load calm, much;
	const char *const args[] = {"--delay-ms", DELAY, NULL};
	sim *up = sim_start(args);
	char config[256];
	double peak, good;

	snprintf(config, sizeof(config),
		"providers = { ollama = { base_url = \"%s\"; max_concurrency = %d; queue_max = %d; "
		"}; };",
		sim_url(up), SLOTS, SLOTS);
	calm.svc = much.svc = open_service(config);
	peak = peak_of(&calm, seconds);
	good = storm(&much, seconds, peak * 5);
	llm_service_free(calm.svc);
	sim_stop(up);
	printf("overload %.0f %.0f %zu %" PRIu64 " %" PRIu64 "\n", peak, good,
		atomic_load(&much.refused.n), point(&much.refused, 50), point(&much.refused, 99));
	return calm.wrong || much.wrong || calm.refused.n;
}

/* ---- to the next candidate (W12) ---- */

static const char *const failing[] = {"503", "429", "error-in-200", "reset"};

/* The last line of its kind in the log. */
static uint64_t last_ns(sim *s, const char *event)
{
	char what[64];

	snprintf(what, sizeof(what), "\"event\":\"%s\"", event);
	return sim_log_ns(s, what);
}

/* From when the first answer went wrong to the whole request of the second. */
static void fall_back(llm_service *svc, sim *first, sim *second, const char *fault, samples *took)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *c = ask(svc, fault, NULL);
	uint64_t from;

	if (llm_call_wait(c, 10000, &err))
		die(fault, err.message);
	if (llm_result_attempt_count(llm_call_result(c)) != 2)
		die(fault, "it did not take two attempts");
	llm_call_free(c);
	from = last_ns(first, "fault");
	add(took, last_ns(second, "request") - from);
	llm_service_health_reset(svc, NULL);
}

static char *two_candidates(sim *first, sim *second)
{
	static char text[2048];
	size_t n, i;

	n = (size_t)snprintf(text, sizeof(text),
		"prefer = \"fastest\"; providers = { ollama = { base_url = \"%s\"; };\n"
		"gemini = { base_url = \"%s\"; api_key = \"env:PROVE_KEY\"; }; };\nprofiles = {\n",
		sim_url(first), sim_url(second));
	for (i = 0; i < sizeof(failing) / sizeof(failing[0]); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"%s%s = { candidates = [ \"ollama/fault-%s\", \"gemini/sim-small\" ]; };\n",
			failing[i][0] < 'a' ? "s" : "", failing[i], failing[i]);
	snprintf(text + n, sizeof(text) - n, "};");
	return text;
}

/* p50 and p99 in us, of all faults by turns. */
static int fallback(int runs)
{
	static samples took;
	sim *first = sim_start(NULL), *second = sim_start(NULL);
	llm_service *svc = open_service(two_candidates(first, second));
	const size_t kinds = sizeof(failing) / sizeof(failing[0]);
	char name[32];
	size_t i;

	for (i = 0; i < (size_t)runs + kinds; i++) {
		const char *fault = failing[i % kinds];

		snprintf(name, sizeof(name), "%s%s", fault[0] < 'a' ? "s" : "", fault);
		if (i == kinds) /* what came before was to warm up */
			took.n = 0;
		fall_back(svc, first, second, name, &took);
	}
	llm_service_free(svc);
	sim_stop(first);
	sim_stop(second);
	printf("fallback %" PRIu64 " %" PRIu64 "\n", point(&took, 50), point(&took, 99));
	return 0;
}

int main(int argc, char **argv)
{
	const int n = argc == 3 ? (int)strtol(argv[2], NULL, 10) : 0;

	if (n > 0 && n <= SLOW_MAX && strcmp(argv[1], "slow") == 0)
		return slow(n);
	if (n > 0 && strcmp(argv[1], "overload") == 0)
		return overload((uint64_t)n);
	if (n > 0 && n < SAMPLES_MAX && strcmp(argv[1], "fallback") == 0)
		return fallback(n);
	fprintf(stderr, "usage: prove_load slow STREAMS | overload SECONDS | fallback RUNS\n");
	return 2;
}
