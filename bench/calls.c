/*
 * calls.c - many calls through the public interface, a fixed number of them in flight.
 *
 *   bench-calls URL PROVIDER PROMPT_BYTES CALLS FLIGHT WARMUP DRIVE [stream] [count] [LEDGER DSN]
 *
 * DRIVE: `thread` the service's own thread, each end submits the next call; `loop` the
 * same in a loop of ours with poll; `wait` blocking calls, one after the other. `count`
 * counts allocations. With a LEDGER (`strict`, `after`, `off`) a SQLite file is there to record
 * the runs in. Prints one JSON object; exit 1 when a call failed.
 */
#include <llm/llm.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter.h"

struct slot {
	llm_call *call;
	struct meter_times times;
};

static struct {
	struct meter meter;
	llm_service *svc;
	const char *model;
	char *prompt;
	size_t prompt_len;
	const char *ledger; /* or null: no storage */
	const char *dsn;
	int stream;
	sem_t finished;
} bench;

static void die(const char *what, const llm_err *err)
{
	fprintf(stderr, "bench-calls: %s: %s\n", what, err ? err->message : "");
	exit(1);
}

/* ---- counting ---- */

static void *count_alloc(void *ctx, size_t bytes)
{
	bench.meter.allocs += (uint64_t)meter_counts(ctx);
	return malloc(bytes);
}

static void *count_resize(void *ctx, void *ptr, size_t bytes)
{
	bench.meter.allocs += (uint64_t)meter_counts(ctx);
	return realloc(ptr, bytes);
}

static void count_release(void *ctx, void *ptr)
{
	(void)ctx;
	free(ptr);
}

static const llm_allocator counting = {.ctx = &bench.meter,
	.alloc = count_alloc,
	.resize = count_resize,
	.release = count_release};

static const llm_allocator *allocator; /* null: the library's own */

/* ---- one call ---- */

static void submit(struct slot *s);

static int succeeded(const llm_call *c)
{
	return llm_result_status(llm_call_result(c)) == LLM_STATUS_SUCCEEDED;
}

static void end(struct slot *s)
{
	const int ok = succeeded(s->call);

	if (!ok)
		fprintf(stderr, "bench-calls: %s\n",
			llm_result_error(llm_call_result(s->call))->message);
	llm_call_free(s->call);
	meter_end(&bench.meter, &s->times, ok);
	if (meter_done(&bench.meter))
		sem_post(&bench.finished);
}

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	struct slot *s = (struct slot *)token;

	s->call = call; /* the first event may come before submit has returned */
	if (e->kind == LLM_EVENT_TEXT) {
		meter_piece(&s->times);
		bench.meter.events += (uint64_t)meter_counts(&bench.meter);
	}
	if (e->kind != LLM_EVENT_END)
		return;
	end(s);
	submit(s);
}

static llm_request *question(void)
{
	llm_request *rq = NULL;

	if (llm_request_new(allocator, &rq) || llm_request_model(rq, bench.model) ||
		llm_request_text(rq, LLM_ROLE_USER, bench.prompt, bench.prompt_len))
		die("the request", NULL);
	return rq;
}

static void send_off(struct slot *s, llm_event_fn fn, llm_call **ret)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = question();

	opts.flags = bench.stream ? LLM_CALL_STREAM : 0;
	opts.on_event = fn;
	opts.token = (uintptr_t)s;
	if (llm_submit(bench.svc, rq, &opts, ret, &err))
		die("submit", &err);
	llm_request_free(rq);
}

static void submit(struct slot *s)
{
	llm_call *call;

	if (meter_begin(&bench.meter, &s->times))
		send_off(s, on_event, &call);
}

/* ---- ways to drive ---- */

static void drive_wait(struct slot *s)
{
	llm_err err = LLM_ERR_INIT;

	while (meter_begin(&bench.meter, &s->times)) {
		send_off(s, NULL, &s->call);
		llm_call_wait(s->call, UINT32_MAX, &err);
		end(s);
	}
}

static void drive_loop(void)
{
	struct pollfd p = {.fd = llm_service_fd(bench.svc), .events = POLLIN};

	while (!meter_done(&bench.meter)) {
		if (llm_service_dispatch(bench.svc, NULL))
			die("dispatch", NULL);
		if (!meter_done(&bench.meter))
			poll(&p, 1, -1);
	}
}

static void run(const char *drive)
{
	struct slot *slots = calloc((size_t)bench.meter.flight, sizeof(*slots));
	llm_err err = LLM_ERR_INIT;
	long i;

	if (strcmp(drive, "wait") == 0) {
		drive_wait(slots);
		free(slots);
		return;
	}
	if (strcmp(drive, "loop") == 0)
		llm_service_dispatch(bench.svc, NULL);
	for (i = 0; i < bench.meter.flight; i++)
		submit(&slots[i]);
	if (strcmp(drive, "loop") == 0)
		drive_loop();
	else if (llm_service_start(bench.svc, &err))
		die("start", &err);
	while (sem_wait(&bench.finished))
		continue;
	llm_service_free(bench.svc);
	bench.svc = NULL;
	free(slots);
}

static void open_service(const char *url, const char *provider)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	const unsigned flight = (unsigned)bench.meter.flight;
	char text[1024];
	static char model[128];
	int n;

	/* What is measured is calls, not the queue for them. */
	n = snprintf(text, sizeof(text),
		"limits = { service = %u; workspace = %u; };\n"
		"providers = { %s = { base_url = \"%s\"; api_key = \"env:BENCH_KEY\"; "
		"max_concurrency = %u; }; };",
		flight, flight, provider, url, flight);
	if (bench.ledger)
		snprintf(text + n, sizeof(text) - (size_t)n,
			"workspace = \"bench\"; privacy = { content = \"none\"; };\n"
			"storage = { dsn = \"%s\"; ledger = \"%s\"; };",
			bench.dsn, bench.ledger);
	snprintf(model, sizeof(model), "%s/sim-small", provider);
	bench.model = model;
	opts.flags = LLM_SERVICE_NO_ENV;
	opts.config_text = text;
	opts.plugin_dir = LLM_BUILD_PLUGIN_DIR;
	opts.allocator = allocator;
	if (llm_service_new(&opts, &bench.svc, &err))
		die("the service", &err);
}

/* Prose with what JSON has to escape now and then. */
static void make_prompt(size_t len)
{
	static const char text[] = "Where the road ends, he said \"so be it\" and went on "
				   "along the river, past the mill, to the bridge.\n";
	size_t i;

	bench.prompt = malloc(len + 1);
	for (i = 0; i < len; i++)
		bench.prompt[i] = text[i % (sizeof(text) - 1)];
	bench.prompt[len] = '\0';
	bench.prompt_len = len;
}

static void take_word(const char *word)
{
	if (strcmp(word, "stream") == 0)
		bench.stream = 1;
	else if (strcmp(word, "count") == 0)
		allocator = &counting;
	else if (!bench.ledger)
		bench.ledger = word;
	else
		bench.dsn = word;
}

int main(int argc, char **argv)
{
	int i;

	if (argc < 8) {
		fprintf(stderr,
			"bench-calls URL PROVIDER PROMPT_BYTES CALLS FLIGHT WARMUP "
			"DRIVE [stream] [count] [LEDGER DSN]\n");
		return 2;
	}
	meter_init(&bench.meter, argv[4], argv[5], argv[6]);
	sem_init(&bench.finished, 0, 0);
	for (i = 8; i < argc; i++)
		take_word(argv[i]);
	make_prompt(strtoul(argv[3], NULL, 10));
	open_service(argv[1], argv[2]);
	run(argv[7]);
	llm_service_free(bench.svc);
	free(bench.prompt);
	return meter_print(&bench.meter);
}
