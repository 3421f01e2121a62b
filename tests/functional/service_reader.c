/* Readers that are slow, and readers that do not read at all (R-TIME-2, U-31). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/oracle.h"

#define HELD (256 * 1024) /* the high mark of a stream's queue */

static size_t rss_kb(void)
{
	char line[128] = "";
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	cr_assert_not_null(f);
	cr_assert_not_null(fgets(line, sizeof(line), f));
	fclose(f);
	cr_assert_eq(sscanf(line, "%*u %lu", &pages), 1);
	return pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* Until our memory has not grown for a while: the transfer stands still. */
static size_t settled(oracle *o)
{
	size_t bytes = o->fa.bytes, still = 0;
	int i;

	for (i = 0; i < 1000 && still < 30; i++) {
		rest_ms(1);
		still = o->fa.bytes == bytes ? still + 1 : 0;
		bytes = o->fa.bytes;
	}
	return bytes;
}

/* 64 MiB come, the reader takes one event: what waits is bounded, then the run ends. */
Test(service_reader, R_TIME_2_U_31_a_stream_that_nobody_reads)
{
	const oracle_opts opts = {
		.script = "flood_of_pieces", .config = "consumer_idle = \"250ms\";\n"};
	oracle *o = oracle_open(&opts);
	size_t before = rss_kb(), held;
	oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
	llm_event e;
	uint64_t from;

	oracle_until(run, &run->deltas, 1);
	from = sim_now_ns();
	held = settled(o);
	cr_assert_geq(held, HELD, "%zu bytes", held);
	cr_assert_lt(held, 8 * HELD, "%zu bytes", held);
	cr_assert_lt(rss_kb() - before, 8 * 1024, "%zu KiB more", rss_kb() - before);
	cr_assert_eq(sim_log_count(o->up, "\"event\":\"sent\""), 0, "the upstream sent all");
	/* The loop ends it by itself; only then is the rest read. */
	cr_assert(sim_log_wait(o->up, "\"who\":\"peer\"", 1, 2000));
	cr_assert_geq(sim_log_ns(o->up, "\"who\":\"peer\"") - from, UINT64_C(200000000));
	cr_assert_eq(llm_call_next(run->call, 0, &e), 0);
	cr_assert_eq(e.kind, LLM_EVENT_TEXT);
	oracle_until(run, &run->ends, 1);
	oracle_finish(run);
	cr_assert_eq(run->code, LLM_E_CANCELLED, "%s", run->err.message);
	cr_assert_eq(run->err.flags & LLM_ERRF_CONSUMER, LLM_ERRF_CONSUMER);
	cr_assert_not_null(strstr(run->err.message, "consumer_idle"));
	cr_assert_eq(run->err.delivered, 1);
	cr_assert_eq(oracle_close(o), 0);
}

/* Far more than may wait, for a reader that makes pauses, each longer or shorter than some limit. */
static void read_slowly(const char *config, const llm_call_opts *limits, int pauses, uint64_t ms)
{
	const oracle_opts opts = {
		.config = config, .sim_args = (const char *const[]){"--bytes", "200000", NULL}};
	oracle *o = oracle_open(&opts);
	oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1, .limits = *limits}, NULL);
	size_t len;
	int i;

	oracle_until(run, &run->deltas, 1);
	for (i = 1; i <= pauses; i++) {
		rest_ms(ms);
		oracle_until(run, &run->deltas, 1 + i);
	}
	oracle_finish(run);
	cr_assert_eq(run->code, 0, "%s", run->err.message);
	llm_result_text(llm_call_result(run->call), &len);
	cr_assert_eq(len, 200000);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_reader, R_TIME_2_idle_and_silence_stand_still_meanwhile)
{
	read_slowly(NULL, &(llm_call_opts){.idle_ms = 100, .silence_ms = 100}, 6, 50);
}

Test(service_reader, R_TIME_2_a_slow_reader_is_a_reader)
{
	read_slowly("consumer_idle = \"200ms\";\n", &(llm_call_opts){.idle_ms = 3000}, 10, 40);
}

/* Who waits for the end only, or does not want the pieces, holds nothing up. */
Test(service_reader, R_TIME_2_U_31_waiting_is_reading)
{
	static const uint32_t stream[] = {1, 0};
	size_t i;

	for (i = 0; i < 2; i++) {
		const oracle_opts opts = {.mode = ORACLE_BLOCK,
			.config = "consumer_idle = \"100ms\"; upstream_stream = \"on\";\n",
			.sim_args = (const char *const[]){"--bytes", "200000", NULL}};
		oracle *o = oracle_open(&opts);
		oracle_run *run = oracle_do(o, &(oracle_ask){.stream = stream[i]});
		size_t len;

		cr_assert_eq(run->code, 0, "%s", run->err.message);
		llm_result_text(llm_call_result(run->call), &len);
		cr_assert_eq(len, 200000);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* ---- keep-alives ---- */

#define SSE_HEAD \
	"accept\nread request\n" \
	"head 200 \"Content-Type: text/event-stream\" \"Connection: close\"\n"
#define SSE_HEL \
	"send \"data: {\\\"choices\\\":[{\\\"index\\\":0,\\\"delta\\\":{\\\"content\\\":\\\"Hel\\\"}}]}" \
	"\\n\\n\"\n"

/* Comments every 20 ms for 200 ms, then the rest of the answer. */
static const char commented[] = SSE_HEAD SSE_HEL
	"drip 5 \": up\\n: up\\n: up\\n: up\\n: up\\n: up\\n: up\\n: up\\n\"\n"
	"send \"data: {\\\"choices\\\":[{\\\"index\\\":0,\\\"delta\\\":{\\\"content\\\":\\\"lo\\\"},"
	"\\\"finish_reason\\\":\\\"stop\\\"}]}\\n\\ndata: [DONE]\\n\\n\"\nclose\naccept\nserve\n";

static oracle_run *commented_run(const char *config, const llm_call_opts *limits, oracle **ret_o)
{
	const oracle_opts opts = {.text = commented, .config = config};

	*ret_o = oracle_open(&opts);
	return oracle_do(
		*ret_o, &(oracle_ask){.model = "openai/sim-small", .stream = 1, .limits = *limits});
}

Test(service_reader, R_TIME_2_keep_alives_of_a_provider_that_declares_them)
{
	const llm_call_opts none = {.idle_ms = 0}, own = {.idle_ms = 100, .silence_ms = 3000};
	oracle_run *run;
	oracle *o;

	/* `idle` alone would end it. */
	run = commented_run("idle = \"100ms\"; silence = \"90ms\";\n", &none, &o);
	cr_assert_eq(run->code, 0, "%s", run->err.message);
	cr_assert_str_eq(run->text, "Hello");
	cr_assert_eq(oracle_close(o), 0);
	/* Its longer cousin ends it as well, by its own limit. */
	run = commented_run(
		"idle = \"60ms\"; silence = \"3s\"; idle_keepalive = \"120ms\";\n", &none, &o);
	cr_assert_eq(run->code, LLM_E_TIMEOUT, "%s", run->err.message);
	cr_assert_eq(run->err.phase, LLM_PHASE_IDLE);
	cr_assert_not_null(strstr(run->err.message, "120 ms"), "%s", run->err.message);
	cr_assert_eq(oracle_close(o), 0);
	/* What the call itself says holds in any case. */
	run = commented_run("idle_keepalive = \"3s\";\n", &own, &o);
	cr_assert_eq(run->code, LLM_E_TIMEOUT, "%s", run->err.message);
	cr_assert_eq(run->err.phase, LLM_PHASE_IDLE);
	cr_assert_eq(oracle_close(o), 0);
}
