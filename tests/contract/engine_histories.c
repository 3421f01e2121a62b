/*
 * Runs of a real service in random histories, beside the slow second writing of their rules
 * (engine_rules.h): the same attempts in the same order at the same nanosecond, the same
 * waits and moves, the same text, and the same end. Time is the test's, and the network is
 * support/fakenet.h: everything else is the library as it is.
 * LLM_HISTORIES says how many, LLM_SEED which is the first.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine_rules.h"
#include "run/attempt.h"
#include "support/fatenet.h"
#include "wire/num.h"

#define HISTORIES 20000
#define OF_A_SERVICE 100 /* histories */
#define START (100000 * SECOND)
#define APART (5000 * SECOND)
#define TURNS 20000 /* more than any history takes */

typedef struct real_run {
	ask_row ask;
	llm_call *call;
	int begun; /* attempts */
	int cancelled;
	int ended;
	tale tale;
} real_run;

typedef struct stage {
	uint64_t now, start_ns, history;
	llm_time_source time;
	llm_service *svc;
	setup set;
	upstream *up[PROVIDERS];
	llm_request *asks[PLANS][2]; /* seeded or not */
	real_run runs[RUNS];
	uint32_t tokens[PROVIDERS];
	slow slow;
	uint64_t ties;
	uint64_t met[TALE_ROW + 1],
		codes[-LLM_E_LAST + 2]; /* how often, to see that all of it is met */
} stage;

static stage *on_stage;

/* ---- time and chance ---- */

static uint64_t stage_ns(void *ctx)
{
	return ((const stage *)ctx)->now;
}

static int64_t stage_us(void *ctx)
{
	return INT64_C(1767225600000000) + (int64_t)(((const stage *)ctx)->now / 1000);
}

/* One draw for each instant, so that who draws first does not matter. */
static void stage_chance(void *ctx, void *bytes, size_t len)
{
	const stage *s = ctx;
	const uint64_t word = mix(s->history ^ mix(s->now));
	size_t i;

	for (i = 0; i < len; i++)
		((unsigned char *)bytes)[i] = (unsigned char)(word >> i % 8 * 8);
}

/* ---- the network ---- */

static int candidate_of(const char *id)
{
	int i;

	for (i = 0; i < CANDIDATES; i++)
		if (strcmp(candidate_ids[i], id) == 0)
			return i;
	return -1;
}

static void write_fate(void *ctx, const xfer_request *rq, fakenet_script *s)
{
	const attempt *a = ctx;
	real_run *r = (real_run *)a->c->token;
	stage *st = on_stage;
	const int c = candidate_of(a->t->cand.id);
	const fate f = fate_in(st->history, (int)(r - st->runs), ++r->begun, c);

	(void)rq;
	tell(&r->tale, st->now - st->start_ns, TALE_BEGINS, c, 0, 0);
	fate_write(&f, st->now, s);
}

/* ---- what the caller sees ---- */

static void tell_end(tale *t, uint64_t at, const llm_result *r)
{
	const llm_err *e = llm_result_error(r);
	const uint32_t told = LLM_ERRF_RETRY_BUDGET | LLM_ERRF_DEADLINE | LLM_ERRF_PARTIAL;
	const int32_t code = e ? e->code : 0;
	uint32_t i, flags = e ? e->flags & told : 0;
	size_t len;
	const char *text = llm_result_text(r, &len);

	if (code == LLM_E_CANCELLED || code == LLM_E_DEADLINE)
		flags &= LLM_ERRF_PARTIAL;
	tell(t, at, TALE_ENDS, -1, code, flags);
	if (code == LLM_E_NO_CANDIDATE)
		tell(t, at, TALE_READY, -1, e->retry_after_ms, 0);
	for (i = 0; i < llm_result_attempt_count(r); i++) {
		llm_attempt row = {.struct_size = (uint32_t)sizeof(row)};

		llm_result_attempt(r, i, &row);
		tell(t, at, TALE_ROW, -1, row.error_code, 0);
	}
	t->kept_len = len < sizeof(t->kept) ? len : sizeof(t->kept);
	memcpy(t->kept, text, t->kept_len);
}

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	real_run *r = (real_run *)token;
	const uint64_t at = on_stage->now - on_stage->start_ns;

	switch (e->kind) {
	case LLM_EVENT_TEXT:
		cr_assert_leq(r->tale.told_len + e->len, sizeof(r->tale.told));
		memcpy(r->tale.told + r->tale.told_len, e->text, e->len);
		r->tale.told_len += e->len;
		break;
	case LLM_EVENT_WAITING:
		tell(&r->tale, at, TALE_WAITS, candidate_of(e->id), e->index, 0);
		break;
	case LLM_EVENT_FALLBACK:
		tell(&r->tale, at, TALE_MOVES, candidate_of(e->id), 0, 0);
		break;
	case LLM_EVENT_RECOVERED:
		tell(&r->tale, at, TALE_MENDED, -1, e->index, 0);
		break;
	case LLM_EVENT_END:
		r->ended++;
		tell_end(&r->tale, at, llm_call_result(call));
		break;
	default:
		break;
	}
}

static void submit(stage *s, real_run *r)
{
	const ask_row *a = &r->ask;
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;

	o.flags = LLM_CALL_NOTICES | (a->stream ? LLM_CALL_STREAM : 0);
	o.on_event = on_event;
	o.token = (uintptr_t)r;
	o.total_ms = a->total_ms;
	o.max_attempts = a->per_candidate;
	o.max_attempts_total = a->in_all;
	o.retry_after_max_ms = a->longest_delay_ms;
	o.priority = a->batch ? LLM_PRIORITY_BATCH : LLM_PRIORITY_INTERACTIVE;
	cr_assert_eq(llm_submit(s->svc, s->asks[a->plan][a->seeded], &o, &r->call, &err), 0, "%s",
		err.message);
}

/* ---- a service ---- */

static llm_request *request_of(int plan, int seeded)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	if (plan < PROFILES)
		llm_request_profile(rq, plan_rows[plan].name);
	else
		llm_request_model(rq, plan_rows[plan].name);
	if (seeded)
		llm_request_integer(rq, LLM_NUM_SEED, 7);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "go", 2), 0);
	return rq;
}

static void open_service(stage *s)
{
	llm_service_opts o = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char config[4000];
	int i;

	s->set = setup_of(mix(s->history / OF_A_SERVICE));
	write_config(&s->set, config, sizeof(config));
	s->time = (llm_time_source){s, stage_ns, stage_us, stage_chance};
	o.flags = LLM_SERVICE_NO_ENV;
	o.config_text = config;
	o.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.time = &s->time;
	cr_assert_eq(llm_service_new(&o, &s->svc, &err), 0, "%s\n%s", err.message, config);
	for (i = 0; i < PROVIDERS; i++) {
		const char name[] = {'p', (char)('0' + i), '\0'};

		cr_assert_eq(
			upstream_get(s->svc->set, name, &s->up[i], &err), 0, "%s", err.message);
	}
	for (i = 0; i < PLANS * 2; i++)
		s->asks[i / 2][i % 2] = request_of(i / 2, i % 2);
}

static void close_service(stage *s)
{
	int i;

	llm_service_free(s->svc);
	s->svc = NULL;
	for (i = 0; i < PLANS * 2; i++)
		llm_request_free(s->asks[i / 2][i % 2]);
}

/* Nothing of the history before is left but what the reset leaves. */
static void forget(stage *s)
{
	static const uint32_t tokens[] = {100, 100, 15, 5};
	idmap *seen = &s->svc->slots.candidates;
	dice d = {mix(s->history) + 1};
	size_t i;

	s->start_ns = s->now += APART;
	llm_service_health_reset(s->svc, NULL);
	for (i = 0; i < PROVIDERS; i++) {
		s->tokens[i] = tokens[roll(&d, 4)];
		s->up[i]->use->quota.tokens = s->tokens[i];
		s->up[i]->use->slots.streak = 0;
	}
	for (i = 0; i < seen->n; i++)
		((cand_state *)seen->slots[i].value)->used_ns = 0;
	memset(s->runs, 0, sizeof(s->runs));
	for (i = 0; i < RUNS; i++)
		s->runs[i].ask = ask_of(s->history, (int)i);
}

/* ---- a history ---- */

static void turn(stage *s)
{
	cr_assert_eq(service_turn(s->svc, 0, NULL), 0);
}

/* The next thing that a caller does; NEVER: nothing more. */
static uint64_t next_deed(const stage *s, int *ret_run)
{
	uint64_t first = NEVER;
	int i;

	for (i = 0; i < RUNS; i++) {
		const real_run *r = &s->runs[i];
		uint64_t at = r->call ? r->ask.cancel_ns : r->ask.submit_ns;

		if (r->call && (r->cancelled || r->ended))
			at = NEVER;
		if (at >= first)
			continue;
		first = at;
		*ret_run = i;
	}
	return first == NEVER ? NEVER : s->start_ns + first;
}

static void do_deed(stage *s, real_run *r)
{
	if (!r->call) {
		submit(s, r);
		return;
	}
	r->cancelled = 1;
	llm_call_cancel(r->call);
}

static void play(stage *s)
{
	int run = 0, turns;

	for (turns = 0; turns < TURNS; turns++) {
		const uint64_t deed = next_deed(s, &run), left = loop_next_ns(s->svc->loop);

		if (deed == NEVER && !s->svc->n_live)
			break;
		if (left != NEVER && s->now + left <= deed) {
			s->now += left;
		} else {
			cr_assert_neq(deed, NEVER, "history %llu stands still",
				(unsigned long long)s->history);
			s->now = deed;
			do_deed(s, &s->runs[run]);
		}
		turn(s);
	}
	cr_assert_lt(turns, TURNS, "history %llu has no end", (unsigned long long)s->history);
}

/* ---- comparing ---- */

static void print(const char *who, const tale *t)
{
	static const char *const names[] = {
		"", "begins", "waits", "moves", "mended", "ends", "ready", "row"};
	int i;

	fprintf(stderr, "  %s: told \"%.*s\", kept \"%.*s\"\n", who, (int)t->told_len, t->told,
		(int)t->kept_len, t->kept);
	for (i = 0; i < t->n; i++) {
		const tale_line *l = &t->lines[i];

		fprintf(stderr, "    %12.3f ms %-7s %-5s %s %lld, %lld\n", (double)l->at_ns / 1e6,
			names[l->what], l->candidate < 0 ? "" : candidate_ids[l->candidate],
			l->what >= TALE_ENDS && l->what != TALE_READY && l->value ?
				llm_error_name((int32_t)l->value) :
				"",
			(long long)l->value, (long long)l->more);
	}
}

static int same(const tale *a, const tale *b)
{
	return a->n == b->n && a->told_len == b->told_len && a->kept_len == b->kept_len &&
		memcmp(a->lines, b->lines, (size_t)a->n * sizeof(a->lines[0])) == 0 &&
		memcmp(a->told, b->told, a->told_len) == 0 &&
		memcmp(a->kept, b->kept, a->kept_len) == 0;
}

static void compare_runs(stage *s)
{
	int i, k;

	for (i = 0; i < RUNS; i++) {
		const tale *real = &s->runs[i].tale, *rules = &s->slow.runs[i].tale;

		if (!same(real, rules)) {
			fprintf(stderr, "history %llu, run %d\n", (unsigned long long)s->history,
				i);
			for (k = 0; k < RUNS; k++) {
				print("engine", &s->runs[k].tale);
				print("rules", &s->slow.runs[k].tale);
			}
			cr_assert_fail("LLM_SEED=%llu LLM_HISTORIES=1 plays it again",
				(unsigned long long)s->history);
		}
		for (k = 0; k < real->n; k++) {
			s->met[real->lines[k].what]++;
			if (real->lines[k].what == TALE_ENDS)
				s->codes[-real->lines[k].value]++;
		}
	}
}

#define equal(a, b, what) \
	cr_assert_eq((a), (b), "%s of %s: %llu, by the rules %llu (history %llu)", what, id, \
		(unsigned long long)(a), (unsigned long long)(b), (unsigned long long)s->history)

static void compare_health(const stage *s)
{
	int i;

	for (i = 0; i < CANDIDATES; i++) {
		const char *id = candidate_ids[i];
		const cand_state *c = idmap_get(&s->svc->slots.candidates, id);
		const rules_breaker *want = &s->slow.b[i];

		if (!c)
			continue;
		equal(c->health->state.state, (uint32_t)want->state, "state");
		equal(c->health->state.cooling_ns, want->cool_ns, "cooling");
		equal(c->health->state.probing, (uint32_t)want->probe_out, "probes");
		if (want->state == RULES_OPEN)
			equal(c->health->state.until_ns, want->until_ns, "open until");
		equal(c->limit.slots.used, 0u, "slots");
		equal(c->limit.waiting, 0u, "waiters");
	}
	for (i = 0; i < PROVIDERS; i++) {
		const char *id = s->up[i]->name;

		equal(s->up[i]->use->quota.tokens, (uint32_t)rules_tokens(&s->slow.q[i]), "tokens");
		equal(s->up[i]->use->wire.attempts, 0u, "attempts on the wire");
		equal(s->up[i]->use->wire.retries, 0u, "retries on the wire");
		equal(s->up[i]->use->slots.slots.used, 0u, "slots");
		equal(s->up[i]->use->slots.waiting, 0u, "waiters");
	}
	cr_assert_eq(s->svc->slots.limiter.slots.used, 0);
	cr_assert_eq(s->svc->slots.limiter.waiting, 0);
	cr_assert_eq(atomic_load(&fakenet_live), 0);
}

static void live_through(stage *s)
{
	int i;

	if (s->svc && s->history % OF_A_SERVICE == 0)
		close_service(s);
	if (!s->svc)
		open_service(s);
	forget(s);
	slow_play(&s->slow, s->history, &s->set, s->start_ns, s->tokens);
	play(s);
	s->ties += (uint64_t)s->slow.tie;
	if (!s->slow.tie) {
		compare_runs(s);
		compare_health(s);
	}
	for (i = 0; i < RUNS; i++) {
		cr_assert_eq(s->runs[i].ended, 1);
		llm_call_free(s->runs[i].call);
	}
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t n = otherwise;

	if (text && !num_read_u64(text, strlen(text), &n))
		cr_assert_fail("%s=%s is no number", name, text);
	return n;
}

Test(engine_histories, R_RETRY_7_R_RETRY_8_R_RETRY_19_R_CB_7_R_LIM_2_runs_agree_with_their_rules)
{
	static const int32_t all[] = {0, LLM_E_UNAVAILABLE, LLM_E_RATE_LIMITED, LLM_E_TIMEOUT,
		LLM_E_CONNECTION, LLM_E_SERVER_ERROR, LLM_E_PROTOCOL, LLM_E_STREAM_BROKEN,
		LLM_E_CANCELLED, LLM_E_DEADLINE, LLM_E_QUEUE_FULL, LLM_E_QUEUE_TIMEOUT,
		LLM_E_NO_CANDIDATE, LLM_E_INVALID_REQUEST};
	static stage s;
	const uint64_t n = from_env("LLM_HISTORIES", HISTORIES), seed = from_env("LLM_SEED", 1);
	uint64_t i;

	on_stage = &s;
	fakenet_write = write_fate;
	s.now = START;
	for (i = 0; i < n; i++) {
		s.history = seed + i;
		live_through(&s);
	}
	close_service(&s);
	fprintf(stderr,
		"histories: %llu from seed %llu, %llu attempts, %llu waits, %llu moves, "
		"%llu mended, %llu left out\n",
		(unsigned long long)n, (unsigned long long)seed,
		(unsigned long long)s.met[TALE_BEGINS], (unsigned long long)s.met[TALE_WAITS],
		(unsigned long long)s.met[TALE_MOVES], (unsigned long long)s.met[TALE_MENDED],
		(unsigned long long)s.ties);
	cr_assert_leq(s.ties, 1 + n / 1000);
	for (i = 0; n >= HISTORIES && i < sizeof(all) / sizeof(all[0]); i++)
		cr_assert_gt(s.codes[-all[i]], n / 1000, "%s: %llu", llm_error_name(all[i]),
			(unsigned long long)s.codes[-all[i]]);
}
