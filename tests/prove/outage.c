/*
 * What a service does while its PostgreSQL is away (S-08): restarted, killed, cut off, silent,
 * reading only, full, or through a pgbouncer that hangs up on who is idle.
 *
 *	prove_outage [ROUNDS [SLACK]]        3, 1: times that the limits are taken
 *
 * 16 calls are in flight, recorded strictly; the loop is turned here, and each turn that waited
 * for anything is timed. One line for each fault: how often, the longest time from the server's
 * return to an answer on record, the longest wait inside a turn, answers, refusals; then what
 * must be 0: answers said to be on record that are not, runs with two attempts, halves of runs,
 * runs that are open and were not told as such, calls against the points of outage_points.h.
 */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "llm/abi/storage.h"
#include "llm/llm.h"
#include "llm/runner.h"
#include "support/pg.h"
#include "support/relay.h"
#include "support/sim.h"
#include "support/talk.h"

#include "outage_faults.h"
#include "outage_points.h"

#define WS "outage"
#define FLIGHT 16
#define ID_ROOM 40
#define KEPT_MAX 200000
#define PACE_NS UINT64_C(500000) /* between two submits */
#define WARM 30 /* answers before the fault */
#define AFTER_NS UINT64_C(200000000) /* of calls behind the return */
#define HOPELESS_NS UINT64_C(20000000000)
#define BACK_NS UINT64_C(2000000000)
#define BLOCKED_NS UINT64_C(5000000)

typedef struct tally {
	uint64_t times, back_ns, blocked_ns, answered, refused, lost, doubled, halved, open, wrong;
} tally;

/* ---- the service, and what its calls come to ---- */

static struct {
	llm_service *svc;
	llm_request *question;
	uint64_t submitted_ns, blocked_ns;
	uint64_t answered, refused, unsaid;
	uint64_t good_ns; /* the last answer on record, and when it was asked for */
	uint64_t good_asked_ns;
	int in_flight;
	char (*ids)[ID_ROOM]; /* said to be on record */
	size_t n_ids;
} work;

static atomic_uint_fast64_t mended_ns; /* 0: not yet */

static uint64_t slack = 1;

static void keep(const llm_result *r, uint64_t asked_ns)
{
	if (work.n_ids == KEPT_MAX)
		die("ids", "no more room");
	snprintf(work.ids[work.n_ids++], ID_ROOM, "%s", llm_result_run_id(r));
	work.good_ns = talk_real_ns();
	work.good_asked_ns = asked_ns;
}

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	const llm_result *r = llm_call_result(call);

	if (e->kind != LLM_EVENT_END)
		return;
	points_end(r, (uint64_t)token, slack);
	if (r && llm_result_persisted(r, NULL) == LLM_PERSISTED_YES)
		keep(r, (uint64_t)token);
	else
		work.unsaid++;
	if (r && llm_result_status(r) == LLM_STATUS_SUCCEEDED)
		work.answered++;
	else
		work.refused++;
	work.in_flight--;
	llm_call_free(call);
}

static void ask(void)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;

	work.submitted_ns = talk_real_ns();
	opts.on_event = on_event;
	opts.total_ms = POINTS_TOTAL_MS;
	opts.token = (uintptr_t)work.submitted_ns;
	if (llm_submit(work.svc, work.question, &opts, &call, &err))
		die("submit", err.message);
	work.in_flight++;
}

static long waits(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nvcsw;
}

/* A turn that gave the processor away of itself has waited for something. */
static void turn(void)
{
	struct pollfd p = {.fd = llm_service_fd(work.svc), .events = POLLIN};
	uint64_t before, took;
	llm_err err = LLM_ERR_INIT;
	long waited;

	poll(&p, 1, 1);
	waited = waits();
	before = talk_real_ns();
	if (llm_service_dispatch(work.svc, &err) < 0)
		die("dispatch", err.message);
	took = talk_real_ns() - before;
	if (waits() != waited && took > work.blocked_ns)
		work.blocked_ns = took;
}

static void turn_and_ask(void)
{
	turn();
	if (!atomic_load(&resting) && work.in_flight < FLIGHT &&
		talk_real_ns() - work.submitted_ns > PACE_NS)
		ask();
}

static const char *dsn_of(scene *s, enum line line)
{
	if (line == LINE_RELAY)
		return pg_dsn_at(s->p, s->database, s->line_port);
	return pg_dsn(s->p, s->database, line == LINE_POOLED ? PG_POOLED : PG_DIRECT);
}

static void work_begin(scene *s, enum line line)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char text[900];

	snprintf(text, sizeof(text),
		"providers = { ollama = { base_url = \"%s\"; max_concurrency = 64; }; };\n"
		"workspace = \"" WS "\";\nprivacy = { content = \"none\"; };\n"
		"storage = { plugin = \"postgres\"; dsn = \"%s password=" POINTS_SECRET "\"; "
		"connect_timeout = \"500ms\"; statement_timeout = \"500ms\"; };\n",
		sim_url(s->up), dsn_of(s, line));
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = text;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	so.log = points_log;
	so.log_level = LLM_LOG_TRACE;
	if (llm_service_new(&so, &work.svc, &err))
		die("service", err.message);
	(void)llm_service_fd(work.svc);
	work.answered = work.refused = work.unsaid = work.n_ids = work.blocked_ns = 0;
	work.good_ns = work.good_asked_ns = 0;
}

static void work_end(void)
{
	const uint64_t until = talk_real_ns() + HOPELESS_NS;

	while (work.in_flight && talk_real_ns() < until)
		turn();
	if (work.in_flight)
		die("the end", "calls that do not end");
	llm_service_free(work.svc);
}

typedef struct deed {
	scene *s;
	const fault *f;
} deed;

static void *do_harm(void *arg)
{
	const deed *d = arg;

	d->f->harm(d->s);
	rest_ms(d->f->hold_ms);
	d->f->mend(d->s);
	atomic_store(&mended_ns, talk_real_ns());
	return NULL;
}

/* ---- what is on record ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

typedef struct found {
	char (*ids)[ID_ROOM];
	size_t n;
} found;

static int32_t on_row(void *ctx, const void *row)
{
	const llm_run_row *r = row;
	found *f = ctx;

	if (strcmp(r->status, "succeeded") == 0 && f->n < KEPT_MAX)
		snprintf(f->ids[f->n++], ID_ROOM, "%s", r->id);
	return 0;
}

static llm_unit *reach(scene *s, llm_storage **ret)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	char setting[300];
	const char *settings[] = {setting, NULL};
	llm_err err = LLM_ERR_INIT;
	llm_unit *unit = NULL;

	snprintf(setting, sizeof(setting), "dsn=%s", pg_dsn(s->p, s->database, PG_DIRECT));
	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.plugin = "postgres";
	o.settings = settings;
	o.service = &so;
	if (llm_storage_new(&o, ret, &err) || llm_unit_open(*ret, &unit, &err))
		die("database", err.message);
	return unit;
}

static void make_tables(scene *s)
{
	llm_storage *st = NULL;
	llm_unit *unit = reach(s, &st);
	llm_err err = LLM_ERR_INIT;

	if (llm_unit_migrate(unit, LLM_SCHEMA_LATEST, &err))
		die("migrate", err.message);
	llm_unit_close(unit);
	llm_storage_free(st);
}

static uint64_t missing(scene *s)
{
	found f = {calloc(KEPT_MAX, ID_ROOM), 0};
	const llm_row_sink sink = {sizeof(sink), 0, &f, on_row};
	llm_filter filter = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;
	llm_unit *unit = reach(s, &st);
	uint64_t lost = 0;
	int32_t rc;

	if (!f.ids)
		die("ids", "out of memory");
	filter.workspace_id = WS;
	llm_unit_call(unit);
	rc = llm_unit_table(unit)->query(llm_unit_connection(unit), LLM_QUERY_RUNS, &filter, &sink);
	if (llm_unit_called(unit, "query", rc, &err))
		die("query", err.message);
	qsort(f.ids, f.n, ID_ROOM, by_text);
	for (size_t i = 0; i < work.n_ids; i++)
		lost += !bsearch(work.ids[i], f.ids, f.n, ID_ROOM, by_text);
	llm_unit_close(unit);
	llm_storage_free(st);
	free(f.ids);
	return lost;
}

static uint64_t count(scene *s, const char *sql)
{
	return (uint64_t)pg_number(s->p, s->database, sql);
}

static void judge(scene *s, tally *t)
{
	const uint64_t open = count(s, "SELECT count(*) FROM llm_runs WHERE status = 'running'");

	t->lost += missing(s);
	t->doubled += count(s,
		"SELECT count(*) FROM (SELECT run_id FROM llm_attempts GROUP BY workspace_id, "
		"run_id HAVING count(*) > 1) AS twice");
	t->halved += count(s,
		"SELECT count(*) FROM llm_runs r WHERE status = 'succeeded' AND NOT EXISTS (SELECT "
		"1 FROM llm_attempts a WHERE a.workspace_id = r.workspace_id AND a.run_id = r.id)");
	t->open += open > work.unsaid ? open - work.unsaid : 0;
	pg_sql(s->p, s->database, "DELETE FROM llm_attempts; DELETE FROM llm_runs");
}

/* ---- one fault, and all of them ---- */

static void until_answered(uint64_t n)
{
	const uint64_t until = talk_real_ns() + HOPELESS_NS;

	while (work.answered < n && talk_real_ns() < until)
		turn_and_ask();
	if (work.answered < n)
		die("before the fault", "no answers");
}

/* Nanoseconds from the server's return to an answer on record that was asked for later. */
static uint64_t until_back(uint64_t begun_ns)
{
	const uint64_t until = talk_real_ns() + HOPELESS_NS;
	uint64_t mended = 0;

	while (talk_real_ns() < until) {
		turn_and_ask();
		mended = atomic_load(&mended_ns);
		if (mended && work.good_ns >= mended && work.good_asked_ns >= begun_ns)
			return work.good_ns - mended;
	}
	return HOPELESS_NS;
}

static void play(scene *s, const fault *f, tally *t)
{
	deed d = {s, f};
	const size_t fds = oracle_fds();
	uint64_t begun, back, until;
	pthread_t saboteur;

	work_begin(s, f->line);
	until_answered(WARM);
	atomic_store(&mended_ns, 0);
	begun = talk_real_ns();
	if (pthread_create(&saboteur, NULL, do_harm, &d))
		die("thread", "cannot be started");
	back = until_back(begun);
	pthread_join(saboteur, NULL);
	for (until = talk_real_ns() + AFTER_NS; talk_real_ns() < until;)
		turn_and_ask();
	work_end();
	if (f->line != LINE_RELAY) /* its descriptors are of this process */
		points_closed(fds, f->name);
	judge(s, t);
	t->wrong += atomic_exchange(&points_wrong, 0);
	t->times++;
	t->answered += work.answered;
	t->refused += work.refused;
	t->back_ns = back > t->back_ns ? back : t->back_ns;
	t->blocked_ns = work.blocked_ns > t->blocked_ns ? work.blocked_ns : t->blocked_ns;
}

static int say(const fault *f, const tally *t)
{
	printf("%s: %" PRIu64 " times, %" PRIu64 " ms back, %" PRIu64 " us blocked, %" PRIu64
	       " answered, %" PRIu64 " refused, %" PRIu64 " lost, %" PRIu64 " doubled, %" PRIu64
	       " halved, %" PRIu64 " left open, %" PRIu64 " against the oracle\n",
		f->name, t->times, t->back_ns / 1000000, t->blocked_ns / 1000, t->answered,
		t->refused, t->lost, t->doubled, t->halved, t->open, t->wrong);
	fflush(stdout);
	return t->back_ns > slack * BACK_NS || t->blocked_ns > slack * BLOCKED_NS || t->lost ||
		t->doubled || t->halved || t->open || t->wrong || (f->rests && t->refused);
}

int main(int argc, char **argv)
{
	static const char *const settings[] = {"pool:client_idle_timeout=1", NULL};
	const uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 3;
	const char *why = pg_missing();
	int bad = 0;
	scene s = {0};

	slack = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	if (why) {
		printf("SKIP postgres: %s\n", why);
		return 0;
	}
	work.ids = calloc(KEPT_MAX, ID_ROOM);
	s.p = pg_start(settings);
	s.database = pg_database(s.p);
	s.up = sim_start((const char *const[]){"--fast", "--delay-ms", "3", NULL});
	s.line = relay_start("127.0.0.1", pg_port(s.p), 0);
	if (!work.ids || !s.line || !rounds)
		die("usage", "prove_outage [ROUNDS [SLACK]]");
	s.line_port = relay_port(s.line);
	make_tables(&s);
	if (llm_request_new(NULL, &work.question) ||
		llm_request_model(work.question, "ollama/sim-small") ||
		llm_request_text(work.question, LLM_ROLE_USER, POINTS_PROMPT, LLM_NUL_TERMINATED))
		die("request", llm_request_problem(work.question));
	for (size_t i = 0; i < N_FAULTS; i++) {
		tally t = {0};

		for (uint64_t n = 0; n < rounds; n++)
			play(&s, &faults[i], &t);
		bad |= say(&faults[i], &t);
	}
	llm_request_free(work.question);
	free(relay_stop(s.line));
	sim_stop(s.up);
	pg_stop(s.p);
	free(work.ids);
	return bad;
}
