/*
 * Eight threads make the calls that any thread may make, at random, while runs fail, wait,
 * queue up, are moved and mended on a clock of the test's own: submit, cancel, next, wait,
 * result, free, health and reset, and some of them from inside callbacks. When all is over
 * every counter of the service is nought again.
 * A plain program: run by ctest, also under TSan. LLM_STEPS says how many calls are made,
 * LLM_SEED where chance begins. The network is support/fakenet.h.
 * Proves: R-LIM-6, R-CORE-2, R-CORE-4
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "llm/llm.h"
#include "run/attempt.h"
#include "support/failalloc.h"
#include "support/fakeclock.h"
#include "support/fatenet.h"

#define THREADS 8
#define HELD 6 /* calls that a thread holds at a time */
#define OF_A_TURN 8 /* steps of a thread in one turn of the loop, at most */
#define STEPS 100000
#define MOST_STEPS UINT64_C(1000000000)

typedef struct held {
	llm_call *call;
	int pulls; /* without a callback */
} held;

typedef struct worker {
	dice d;
	uint64_t steps;
	held calls[HELD];
} worker;

static llm_service *svc;
static fakeclock clock_of_all;
static atomic_int over, wrong;
static atomic_uint accepted, ends, inner, turns;
static atomic_ullong attempts;
static uint64_t seed = 1;

static const char config[] =
	"adaptive = \"aimd\"; queue = 700; connect = 400; first_token = 900; idle = 500;\n"
	"upstream_stream = \"on\"; limits = { service = 14; workspace = 6; };\n"
	"breaker = { failures = 8; outcomes = 30; share = 80; open = \"1s\";\n"
	"  open_max = \"2s\"; cool = \"1s\"; cool_long = \"1s\"; };\n"
	"providers = {\n"
	"  p0 = { plugin = \"ollama\"; base_url = \"http://127.0.0.1:1\"; max_concurrency = 4;\n"
	"    queue_max = 9; };\n"
	"  p1 = { plugin = \"ollama\"; base_url = \"http://127.0.0.1:2\"; max_concurrency = 7;\n"
	"    queue_max = 20; };\n"
	"};\n"
	"models = ( { id = \"p0/m\"; rpm = 4000; }, { id = \"p1/m\"; tpm = 90000; } );\n"
	"profiles = {\n"
	"  all = { candidates = [ \"p0/m\", \"p1/m\", \"p0/n\" ]; prefer = \"fastest\";\n"
	"    slow_start = 300; slow_start_action = \"switch\"; };\n"
	"  two = { candidates = [ \"p1/m\", \"p0/m\" ]; patience = 200; };\n"
	"};\n";

static void complain(const char *what)
{
	atomic_fetch_add(&wrong, 1);
	fprintf(stderr, "random_schedule: %s\n", what);
}

/* ---- the network ---- */

static void write_some(void *ctx, const xfer_request *rq, fakenet_script *s)
{
	const attempt *a = ctx;
	const uint64_t n = atomic_fetch_add(&attempts, 1);
	const fate f = fate_of(mix(seed + n), n % 2);

	(void)rq;
	fate_write(&f, loop_now(a->c->svc->loop), s);
}

/* ---- calls ---- */

static void submit(dice *d, held *h);

/* Runs that leave, or have others begin, from inside. */
static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	dice d = {mix((uintptr_t)call ^ clock_ns(&clock_of_all.source) ^ e->kind)};
	held one = {NULL, 0};

	(void)token;
	if (e->kind == LLM_EVENT_END)
		atomic_fetch_add(&ends, 1);
	switch (roll(&d, 40)) {
	case 0:
		llm_call_cancel(call);
		break;
	case 1:
		submit(&d, &one);
		atomic_fetch_add(&inner, 1);
		llm_call_free(one.call); /* cancelled, and gone when it has ended */
		break;
	case 2:
		llm_service_health_reset(svc, NULL);
		break;
	case 3:
		if (llm_call_wait(call, 0, NULL) != LLM_E_STATE && e->kind != LLM_EVENT_END)
			complain("a callback could wait for its own run");
		break;
	default:
		break;
	}
}

static llm_request *request_of(dice *d)
{
	static const char *const names[] = {"p0/m", "p1/m", "p0/n"};
	static const char *const workspaces[] = {"one", "two", "three"};
	const uint64_t n = roll(d, 5);
	llm_request *rq = NULL;

	if (llm_request_new(NULL, &rq))
		abort();
	if (n < 3)
		llm_request_model(rq, names[n]);
	else
		llm_request_profile(rq, n == 3 ? "all" : "two");
	if (roll(d, 4))
		llm_request_workspace(rq, workspaces[roll(d, 3)]);
	if (roll(d, 2))
		llm_request_integer(rq, LLM_NUM_SEED, 7);
	llm_request_text(rq, LLM_ROLE_USER, "go", 2);
	return rq;
}

static void submit(dice *d, held *h)
{
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	llm_request *rq = request_of(d);
	llm_err err = LLM_ERR_INIT;

	h->pulls = roll(d, 2) != 0;
	o.flags = roll(d, 4) ? LLM_CALL_STREAM : 0;
	o.on_event = h->pulls ? NULL : on_event;
	o.total_ms = roll(d, 3) ? 0 : (uint32_t)(1 + roll(d, 4000));
	o.max_attempts = (uint32_t)roll(d, 5);
	o.priority = roll(d, 3) ? LLM_PRIORITY_INTERACTIVE : LLM_PRIORITY_BATCH;
	o.stream_recovery = (uint32_t)roll(d, LLM_RECOVER_BUFFER + 1);
	if (llm_submit(svc, rq, &o, &h->call, &err))
		complain(err.message);
	else if (!h->pulls)
		atomic_fetch_add(&accepted, 1);
	llm_request_free(rq);
}

static void read_one(held *h, dice *d)
{
	llm_event e;
	const int32_t rc = llm_call_next(h->call, (uint32_t)roll(d, 2), &e);

	if (h->pulls ? rc && rc != LLM_E_TIMEOUT && rc != LLM_E_STATE : rc != LLM_E_STATE)
		complain(llm_error_name(rc));
}

static void look(const held *h)
{
	const llm_result *r = llm_call_result(h->call);

	if (r && llm_result_status(r) < LLM_STATUS_SUCCEEDED)
		complain("a result without a status");
}

static void look_at_health(dice *d)
{
	static const char *const names[] = {NULL, "p0/m", "p1/m", "nobody/x"};
	llm_health health = {.struct_size = (uint32_t)sizeof(health)};
	uint32_t i;

	for (i = 0; !llm_service_health(svc, i, &health); i++)
		if (health.state > LLM_HEALTH_IS_OPEN)
			complain("a state that does not exist");
	if (!roll(d, 20))
		llm_service_health_reset(svc, names[roll(d, 4)]);
}

static void let_go(worker *w, held *h)
{
	if (!llm_call_result(h->call) && roll(&w->d, 4))
		return; /* most are seen to their end */
	llm_call_free(h->call);
	h->call = NULL;
}

static void use(worker *w, held *h)
{
	switch (roll(&w->d, 24)) {
	case 0:
		llm_call_cancel(h->call);
		break;
	case 1:
	case 2:
		(void)llm_call_wait(h->call, (uint32_t)roll(&w->d, 2), NULL);
		break;
	case 3:
	case 4:
	case 5:
		let_go(w, h);
		break;
	case 6:
	case 7:
		look(h);
		break;
	case 8:
		look_at_health(&w->d);
		break;
	default:
		read_one(h, &w->d);
		break;
	}
}

/* So that time goes on between the calls, however they are scheduled. */
static void await_turn(void)
{
	const unsigned seen = atomic_load(&turns);

	while (atomic_load(&turns) == seen)
		sched_yield();
}

static void *work(void *ctx)
{
	worker *w = ctx;
	int i;

	while (w->steps--) {
		held *h = &w->calls[roll(&w->d, HELD)];

		if (h->call)
			use(w, h);
		else
			submit(&w->d, h);
		if (w->steps % OF_A_TURN == 0)
			await_turn();
	}
	for (i = 0; i < HELD; i++) {
		if (i % 2 && w->calls[i].call)
			(void)llm_call_wait(w->calls[i].call, UINT32_MAX, NULL);
		llm_call_free(w->calls[i].call);
	}
	return NULL;
}

/* ---- time: it goes on while the loop is turned ---- */

static int is_idle(void)
{
	int idle;

	pthread_mutex_lock(&svc->lock);
	idle = !svc->inbox_first;
	pthread_mutex_unlock(&svc->lock);
	return idle && !svc->n_live;
}

static void *turn(void *ctx)
{
	dice d = {seed};

	(void)ctx;
	while (!atomic_load(&over) || !is_idle()) {
		fakeclock_advance_ns(&clock_of_all, roll(&d, 60 * MS));
		if (llm_service_dispatch(svc, NULL))
			complain("the loop could not be turned");
		atomic_fetch_add(&turns, 1);
		sched_yield();
	}
	return NULL;
}

/* ---- what must be nought ---- */

static void nought(uint64_t n, const char *what)
{
	if (!n)
		return;
	atomic_fetch_add(&wrong, 1);
	fprintf(stderr, "random_schedule: %llu %s left\n", (unsigned long long)n, what);
}

static void check_candidates(const slots *s)
{
	size_t i;

	for (i = 0; i < s->candidates.n; i++) {
		const cand_state *c = s->candidates.slots[i].value;

		nought(c->limit.slots.used, "slots of a candidate");
		nought(c->limit.waiting, "waiters of a candidate");
		nought(c->health->state.probing, "probes");
	}
}

static void check_providers(void)
{
	size_t i;

	for (i = 0; i < svc->uses.n; i++) {
		const upstream_use *up = svc->uses.slots[i].value;

		nought(up->slots.slots.used, "slots of a provider");
		nought(up->slots.waiting, "waiters of a provider");
		nought(up->slots.turn[0] || up->slots.turn[1], "lanes");
		nought(up->wire.attempts, "attempts on the wire");
		nought(up->wire.retries, "retries on the wire");
		nought(up->quota.tokens > QUOTA_FULL, "tokens too many");
	}
}

static void check_counters(void)
{
	const slots *s = &svc->slots;

	nought(svc->n_live, "runs");
	nought(svc->inbox_first != NULL, "letters in the inbox");
	nought((uint64_t)atomic_load(&svc->refs) - 1, "holds on the service");
	nought(s->limiter.slots.used, "slots");
	nought(s->limiter.waiting, "waiters");
	nought(s->limiter.metered, "metered waiters");
	nought(s->limiter.turn != NULL, "providers with waiters");
	nought(s->n_told, "changes untold");
	nought((uint64_t)atomic_load(&fakenet_live), "transfers");
	check_candidates(s);
	check_providers();
	if (atomic_load(&ends) != atomic_load(&accepted))
		complain("not every accepted run had one end");
}

/* ---- all of it ---- */

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	const uint64_t n = text ? strtoull(text, NULL, 10) : otherwise;

	if (!n || n > MOST_STEPS)
		abort();
	return n;
}

static void open_service(const llm_allocator *mem)
{
	llm_service_opts o = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;

	fakenet_write = write_some;
	fakeclock_init(&clock_of_all, seed);
	o.flags = LLM_SERVICE_NO_ENV;
	o.config_text = config;
	o.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.allocator = mem;
	o.time = &clock_of_all.source;
	if (llm_service_new(&o, &svc, &err)) {
		fprintf(stderr, "random_schedule: %s\n", err.message);
		exit(1);
	}
	(void)llm_service_fd(svc); /* the test turns the loop */
	if (llm_service_dispatch(svc, &err))
		complain(err.message);
}

int main(void)
{
	static worker workers[THREADS];
	const uint64_t steps = from_env("LLM_STEPS", STEPS);
	pthread_t threads[THREADS], clock;
	failalloc fa;
	int i;

	seed = from_env("LLM_SEED", 1);
	failalloc_init(&fa);
	open_service(&fa.hook);
	if (pthread_create(&clock, NULL, turn, NULL))
		return 1;
	for (i = 0; i < THREADS; i++) {
		workers[i].d.state = mix(seed * 100 + (uint64_t)i);
		workers[i].steps = steps / THREADS;
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			return 1;
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&over, 1);
	pthread_join(clock, NULL);
	check_counters();
	llm_service_free(svc);
	nought(failalloc_leaks(&fa), "blocks of memory");
	printf("random_schedule: %llu steps from seed %llu, %u runs with callbacks, %u begun in "
	       "them, %llu attempts, %d wrong\n",
		(unsigned long long)(steps / THREADS * THREADS), (unsigned long long)seed,
		atomic_load(&ends), atomic_load(&inner), atomic_load(&attempts),
		atomic_load(&wrong));
	return atomic_load(&wrong) != 0;
}
