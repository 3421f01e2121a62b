/* Each timer alone, through real sockets (R-TIME-1, -2, -5, -7); and who owns the clock. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/fakeclock.h"
#include "support/oracle.h"

#define LATE_MS ORACLE_GRACE_MS /* a busy machine may be that late */
#define LIMIT 40

typedef struct timed {
	oracle_row row;
	uint32_t limit_ms;
} timed;

/* Where the reply's head is to be there in time, also on a busy machine. */
#define AMPLE 120

/* Which limit is short; the others are out of the way. */
static const timed rows[] = {
	{{"stall_before_head", 1, LLM_E_TIMEOUT, LLM_PHASE_FIRST_TOKEN, LLM_SENT_YES, 0, NULL,
		 {.first_token_ms = LIMIT}},
		LIMIT},
	{{"stall_after_head", 1, LLM_E_TIMEOUT, LLM_PHASE_FIRST_TOKEN, LLM_SENT_YES, 200, NULL,
		 {.first_token_ms = AMPLE}},
		AMPLE},
	{{"alive_before_text", 1, LLM_E_TIMEOUT, LLM_PHASE_FIRST_TOKEN, LLM_SENT_YES, 200, NULL,
		 {.first_token_ms = AMPLE}},
		AMPLE},
	{{"stall_in_stream", 1, LLM_E_TIMEOUT, LLM_PHASE_IDLE, LLM_SENT_YES, 200, "Hel",
		 {.idle_ms = LIMIT, .silence_ms = 3000}},
		LIMIT},
	{{"alive_in_stream", 1, LLM_E_TIMEOUT, LLM_PHASE_IDLE, LLM_SENT_YES, 200, "Hel",
		 {.idle_ms = 180, .silence_ms = 150}},
		180},
	{{"stall_in_stream", 1, LLM_E_TIMEOUT, LLM_PHASE_SILENCE, LLM_SENT_YES, 200, "Hel",
		 {.idle_ms = 3000, .silence_ms = LIMIT}},
		LIMIT},
	{{"stall_before_head", 1, LLM_E_TIMEOUT, LLM_PHASE_ATTEMPT, LLM_SENT_YES, 0, NULL,
		 {.attempt_ms = LIMIT}},
		LIMIT},
	{{"stall_before_head", 0, LLM_E_TIMEOUT, LLM_PHASE_ATTEMPT, LLM_SENT_YES, 0, NULL,
		 {.attempt_ms = LIMIT}},
		LIMIT},
	{{"stall_before_head", 1, LLM_E_DEADLINE, LLM_PHASE_DEADLINE, LLM_SENT_YES, 0, NULL,
		 {.total_ms = LIMIT}},
		LIMIT},
	{{"stall_before_head", 0, LLM_E_DEADLINE, LLM_PHASE_DEADLINE, LLM_SENT_YES, 0, NULL,
		 {.total_ms = LIMIT}},
		LIMIT},
	/* White space before a whole answer: only `silence`, `attempt` and the deadline count. */
	{{"alive_whole", 0, LLM_E_TIMEOUT, LLM_PHASE_ATTEMPT, LLM_SENT_YES, 200, NULL,
		 {.attempt_ms = AMPLE, .first_token_ms = 10, .idle_ms = 10, .silence_ms = 3000}},
		AMPLE},
};

static void took(const oracle_run *run, uint32_t limit_ms)
{
	uint64_t ms = (run->end_ns - run->submit_ns) / 1000000;

	cr_assert_geq(ms, limit_ms, "after %llu ms", (unsigned long long)ms);
	cr_assert_leq(ms, limit_ms + LATE_MS, "after %llu ms", (unsigned long long)ms);
}

static void timed_in(uint32_t mode)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const oracle_row *row = &rows[i].row;
		const oracle_opts opts = {.mode = mode, .script = row->script};
		const oracle_ask ask = {.stream = row->stream, .limits = row->limits};
		oracle *o = oracle_open(&opts);
		oracle_run *run = oracle_do(o, &ask);

		cr_assert_eq(run->code, row->code, "row %zu: %s", i, run->err.message);
		cr_assert_eq(run->err.phase, row->phase, "row %zu: %s", i, run->err.message);
		cr_assert_eq(run->err.sent, row->sent);
		cr_assert_eq(run->err.http_status, row->http_status, "row %zu", i);
		cr_assert_str_eq(run->text, row->text ? row->text : "");
		cr_assert_not_null(strstr(run->err.message, llm_phase_name(row->phase)));
		took(run, rows[i].limit_ms);
		cr_assert_eq(sim_log_count(o->up, "\"event\":\"request\""), 1);
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_time, R_TIME_1_R_TIME_2_each_phase_alone)
{
	timed_in(ORACLE_PULL);
}

Test(service_time, R_TIME_1_R_TIME_2_each_phase_alone_in_a_foreign_loop)
{
	timed_in(ORACLE_LOOP);
}

/* ---- connect: a listener whose queue is full ---- */

typedef struct full_listener {
	int fd;
	int waiting[8];
	char url[64];
} full_listener;

/* Fills the queue of connections that nobody accepts: the next SYN gets no answer. */
static void fill(full_listener *l)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	size_t i;

	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(l->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(l->fd, 0), 0);
	cr_assert_eq(getsockname(l->fd, (struct sockaddr *)&a, &len), 0);
	for (i = 0; i < 8; i++) {
		l->waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(l->waiting[i], (struct sockaddr *)&a, sizeof(a));
	}
	snprintf(l->url, sizeof(l->url), "http://127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
}

static void empty(full_listener *l)
{
	size_t i;

	for (i = 0; i < 8; i++)
		close(l->waiting[i]);
	close(l->fd);
}

Test(service_time, R_TIME_1_U_01_connect)
{
	uint32_t stream;
	full_listener l;

	fill(&l);
	for (stream = 0; stream < 2; stream++) {
		const oracle_opts opts = {.base_url = l.url};
		const oracle_ask ask = {.stream = stream, .limits = {.connect_ms = LIMIT}};
		oracle *o = oracle_open(&opts);
		oracle_run *run = oracle_do(o, &ask);

		cr_assert_eq(run->code, LLM_E_TIMEOUT, "%s", run->err.message);
		cr_assert_eq(run->err.phase, LLM_PHASE_CONNECT);
		cr_assert_eq(run->err.sent, LLM_SENT_NO);
		took(run, LIMIT);
		cr_assert_eq(oracle_close(o), 0);
	}
	empty(&l);
}

Test(service_time, R_TIME_5_U_01_the_deadline_ends_a_connect)
{
	full_listener l;
	oracle_opts opts = {.base_url = l.url};
	const oracle_ask ask = {.limits = {.total_ms = LIMIT}};
	oracle *o;
	oracle_run *run;

	fill(&l);
	o = oracle_open(&opts);
	run = oracle_do(o, &ask);
	cr_assert_eq(run->code, LLM_E_DEADLINE, "%s", run->err.message);
	cr_assert_eq(run->err.sent, LLM_SENT_NO);
	took(run, LIMIT);
	cr_assert_eq(oracle_close(o), 0);
	empty(&l);
}

/* ---- what happens to the connection ---- */

Test(service_time, R_TIME_7_the_connection_is_closed_and_not_used_again)
{
	const oracle_opts opts = {.script = "stall_in_stream"};
	const oracle_ask ask = {.stream = 1, .limits = {.idle_ms = LIMIT}};
	oracle *o = oracle_open(&opts);
	oracle_run *run = oracle_do(o, &ask);
	uint64_t closed;

	cr_assert_eq(run->code, LLM_E_TIMEOUT);
	cr_assert(sim_log_wait(o->up, "\"who\":\"peer\"", 1, 500), "%s", sim_log_text(o->up));
	closed = sim_log_ns(o->up, "\"who\":\"peer\"");
	cr_assert_lt(closed, run->end_ns + UINT64_C(100000000));
	run = oracle_do(o, &ask);
	cr_assert_eq(run->code, 0, "%s", run->err.message);
	cr_assert_eq(sim_log_count(o->up, "\"event\":\"accept\""), 2);
	cr_assert_eq(oracle_close(o), 0);
}

/* ---- whose clock ---- */

static oracle *with_clock(fakeclock *fc)
{
	oracle_opts opts = {.mode = ORACLE_LOOP, .script = "stall_before_head"};

	fakeclock_init(fc, 7);
	opts.time = &fc->source;
	return oracle_open(&opts);
}

Test(service_time, R_CORE_5_only_the_monotonic_clock_ends_a_run)
{
	fakeclock fc;
	const oracle_ask ask = {
		.stream = 1, .limits = {.first_token_ms = 10000, .total_ms = 20000}};
	oracle *o = with_clock(&fc);
	oracle_run *run = oracle_submit(o, &ask, NULL);

	while (!sim_log_count(o->up, "\"event\":\"request\""))
		oracle_turn(o, 5);
	fakeclock_set_utc_us(&fc, 0);
	oracle_turn(o, 5);
	fakeclock_set_utc_us(&fc, INT64_C(4102444800000000));
	oracle_turn(o, 5);
	cr_assert_eq(run->ends, 0, "the wall clock ended the run");
	fakeclock_advance_ms(&fc, 9999);
	oracle_turn(o, 5);
	cr_assert_eq(run->ends, 0, "it ended early");
	fakeclock_advance_ms(&fc, 1);
	oracle_turn(o, 5);
	cr_assert_eq(run->ends, 1, "it did not end");
	oracle_finish(run);
	cr_assert_eq(run->code, LLM_E_TIMEOUT);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_time, R_TIME_5_in_the_same_tick_the_deadline_wins)
{
	static const uint32_t first_ms[] = {50, 49};
	size_t i;

	for (i = 0; i < 2; i++) {
		fakeclock fc;
		const oracle_ask ask = {
			.stream = 1, .limits = {.attempt_ms = first_ms[i], .total_ms = 50}};
		oracle *o = with_clock(&fc);
		oracle_run *run = oracle_submit(o, &ask, NULL);

		while (!sim_log_count(o->up, "\"event\":\"request\""))
			oracle_turn(o, 5);
		fakeclock_advance_ms(&fc, 60);
		oracle_turn(o, 5);
		oracle_finish(run);
		cr_assert_eq(run->code, LLM_E_DEADLINE, "%s", run->err.message);
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_time, R_TIME_5_phases_never_outlast_the_deadline)
{
	const oracle_opts opts = {.script = "endless_pieces"};
	const oracle_ask ask = {
		.stream = 1, .limits = {.attempt_ms = 1000, .idle_ms = 1000, .total_ms = 60}};
	oracle *o = oracle_open(&opts);
	oracle_run *run = oracle_do(o, &ask);

	cr_assert_eq(run->code, LLM_E_DEADLINE, "%s", run->err.message);
	cr_assert_geq(run->text_len, 3);
	took(run, 60);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_time, R_TIME_1_an_attempt_ends_although_text_flows)
{
	const oracle_opts opts = {.script = "endless_pieces"};
	const oracle_ask ask = {
		.stream = 1, .limits = {.attempt_ms = 60, .idle_ms = 30, .first_token_ms = 2000}};
	oracle *o = oracle_open(&opts);
	oracle_run *run = oracle_do(o, &ask);

	cr_assert_eq(run->code, LLM_E_TIMEOUT, "%s", run->err.message);
	cr_assert_eq(run->err.phase, LLM_PHASE_ATTEMPT);
	cr_assert_geq(run->text_len, 3);
	took(run, 60);
	cr_assert_eq(oracle_close(o), 0);
}
