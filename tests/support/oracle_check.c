#include "support/oracle_check.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)

static int is_delta(uint32_t kind)
{
	return kind == LLM_EVENT_TEXT || kind == LLM_EVENT_REASONING || kind == LLM_EVENT_TOOL_CALL;
}

static void keep_text(oracle_run *run, const llm_event *e)
{
	size_t room = sizeof(run->text) - 1 - run->text_len;
	size_t n = e->len < room ? e->len : room;

	memcpy(run->text + run->text_len, e->text, n);
	run->text_len += n;
}

void check_event(oracle_run *run, const llm_event *e)
{
	int first = atomic_load(&run->starts) == 0;

	if (atomic_load(&run->submitting) || atomic_load(&run->ends))
		atomic_fetch_add(&run->strays, 1);
	if (first && e->kind != LLM_EVENT_START && e->kind != LLM_EVENT_END)
		atomic_fetch_add(&run->strays, 1);
	if (!e->text || e->text[e->len] != '\0')
		oracle_wrong(run->o, "an event's text does not end in NUL");
	if (e->kind == LLM_EVENT_TEXT)
		keep_text(run, e);
	if (is_delta(e->kind))
		atomic_fetch_add(&run->deltas, 1);
	if (e->kind == LLM_EVENT_START)
		atomic_fetch_add(&run->starts, 1);
	if (e->kind != LLM_EVENT_END)
		return;
	run->end_ns = sim_now_ns();
	atomic_fetch_add(&run->ends, 1);
}

/* ---- the result ---- */

static void check_text(oracle_run *run, const llm_result *r)
{
	size_t len, n;
	const char *text = llm_result_text(r, &len);

	if (run->o->opts.mode == ORACLE_BLOCK || !run->stream) {
		if (run->text_len)
			oracle_wrong(run->o, "text was told that nobody asked for");
		run->text_len = len < sizeof(run->text) - 1 ? len : sizeof(run->text) - 1;
		memcpy(run->text, text, run->text_len);
	}
	n = len < sizeof(run->text) - 1 ? len : sizeof(run->text) - 1;
	if (run->text_len != n || memcmp(run->text, text, n) != 0)
		oracle_wrong(
			run->o, "the events tell \"%.60s\", the result \"%.60s\"", run->text, text);
}

static void check_status(oracle_run *run, const llm_result *r)
{
	const llm_err *err = llm_result_error(r);
	uint32_t status = llm_result_status(r);
	uint32_t want = !err		     ? LLM_STATUS_SUCCEEDED :
		err->code == LLM_E_CANCELLED ? LLM_STATUS_CANCELLED :
					       LLM_STATUS_FAILED;

	if (err)
		run->err = *err;
	run->code = run->err.code;
	if (status != want)
		oracle_wrong(run->o, "status %s with %s", llm_status_name(status),
			err ? llm_error_name(err->code) : "no error");
}

/* Only a kept connection that died is asked once more. */
static void check_again(oracle_run *run, const llm_result *r)
{
	llm_attempt a = {.struct_size = (uint32_t)sizeof(a)};
	const uint32_t n = llm_result_attempt_count(r);

	if (n > 2)
		oracle_wrong(run->o, "%u attempts", (unsigned)n);
	if (n < 2 || llm_result_attempt(r, 0, &a))
		return;
	if (a.error_code != LLM_E_CONNECTION || a.status != LLM_STATUS_FAILED || !a.error ||
		!(a.error->flags & LLM_ERRF_REUSED))
		oracle_wrong(run->o, "a second attempt after %s", llm_error_name(a.error_code));
}

static void check_attempts(oracle_run *run, const llm_result *r)
{
	llm_attempt a = {.struct_size = (uint32_t)sizeof(a)};

	if (!run->o->opts.attempts)
		check_again(run, r);
	if (llm_result_attempt(r, llm_result_attempt_count(r) - 1, &a))
		return;
	/* Ended between two attempts, or by what broke before the last. */
	if (run->o->opts.attempts && (a.error_code != run->code || a.seq != run->err.attempt))
		return;
	if (a.error_code != run->code || a.status != llm_result_status(r))
		oracle_wrong(run->o, "the attempt says %s, the run %s",
			llm_error_name(a.error_code), llm_error_name(run->code));
	if (a.phase != run->err.phase || a.http_status != (run->code ? run->err.http_status : 200))
		oracle_wrong(run->o, "the attempt says phase %s and status %d, the error %s and %d",
			llm_phase_name(a.phase), (int)a.http_status, llm_phase_name(run->err.phase),
			(int)run->err.http_status);
	if (run->code && (!a.error || a.error->code != run->code || run->err.attempt != a.seq))
		oracle_wrong(run->o, "the attempt does not carry the run's error");
}

static unsigned lines_of(const char *text)
{
	unsigned n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void check_error(oracle_run *run)
{
	const llm_err *e = &run->err;
	const llm_error_info *row = llm_error_info_of(e->code);
	const uint32_t told = run->stream && run->o->opts.mode != ORACLE_BLOCK;

	if (!e->code)
		return;
	if (!row || e->err_class != row->err_class)
		oracle_wrong(run->o, "%s has class %s", llm_error_name(e->code),
			llm_class_name(e->err_class));
	if (told && e->delivered != (uint32_t)(atomic_load(&run->deltas) > 0))
		oracle_wrong(run->o, "delivered is %u after %d pieces", (unsigned)e->delivered,
			atomic_load(&run->deltas));
	if (!run->stream && e->delivered)
		oracle_wrong(run->o, "delivered, and nothing was");
	if (e->http_status && e->sent != LLM_SENT_YES && e->sent != LLM_SENT_MAYBE &&
		!llm_result_replayed(llm_call_result(run->call)))
		oracle_wrong(run->o, "an answer to a request that was not sent");
	if (!e->message[0] || lines_of(e->message) > 3)
		oracle_wrong(run->o, "a message of %u lines: %s", lines_of(e->message), e->message);
	if (!e->provider[0] || !e->candidate[0])
		oracle_wrong(run->o, "the error names no provider or no candidate");
}

static void check_time(oracle_run *run)
{
	uint64_t took = (run->end_ns - run->submit_ns) / NS_PER_MS;

	if (!(run->o->opts.time && run->o->opts.time->monotonic_ns) &&
		took > run->total_ms + ORACLE_GRACE_MS)
		oracle_wrong(run->o, "the run took %llu ms, its deadline was %llu",
			(unsigned long long)took, (unsigned long long)run->total_ms);
	if (atomic_load(&run->ends) != 1)
		oracle_wrong(run->o, "%d ends", atomic_load(&run->ends));
	if (atomic_load(&run->starts) > 1)
		oracle_wrong(run->o, "%d starts", atomic_load(&run->starts));
	if (atomic_load(&run->strays))
		oracle_wrong(run->o, "%d events in submit, before START or after END",
			atomic_load(&run->strays));
}

static void check_secrets(oracle_run *run, const llm_result *r)
{
	const char *exchange = llm_result_exchange(r);

	if (strstr(run->err.message, ORACLE_KEY) || strstr(run->err.provider_code, ORACLE_KEY) ||
		strstr(run->err.request_id, ORACLE_KEY))
		oracle_wrong(run->o, "the key is in the error: %s", run->err.message);
	if (strstr(run->err.message, ORACLE_PROMPT))
		oracle_wrong(run->o, "the prompt is in the error: %s", run->err.message);
	if (exchange && strstr(exchange, ORACLE_KEY))
		oracle_wrong(run->o, "the key is in the exchange: %s", exchange);
}

void check_run(oracle_run *run)
{
	const llm_result *r = llm_call_result(run->call);

	if (!r) {
		oracle_wrong(run->o, "END came, and there is no result");
		return;
	}
	check_text(run, r);
	check_status(run, r);
	check_attempts(run, r);
	check_error(run);
	check_time(run);
	check_secrets(run, r);
}

/* ---- a row of a table ---- */

void check_row(oracle_run *run, const oracle_row *row)
{
	const char *text = row->text ? row->text : "";
	size_t seen = sim_log_count(run->o->up, "\"event\":\"request\"");

	if (run->code != row->code)
		oracle_wrong(run->o, "%s instead of %s: %s", llm_error_name(run->code),
			row->code ? llm_error_name(row->code) : "success", run->err.message);
	if (run->err.phase != row->phase)
		oracle_wrong(run->o, "phase %s instead of %s", llm_phase_name(run->err.phase),
			llm_phase_name(row->phase));
	if (row->code && run->err.sent != row->sent)
		oracle_wrong(run->o, "sent is %u instead of %u", (unsigned)run->err.sent,
			(unsigned)row->sent);
	if (row->code && run->err.http_status != row->http_status)
		oracle_wrong(run->o, "http_status %d instead of %d", (int)run->err.http_status,
			(int)row->http_status);
	if (strcmp(run->text, text) != 0)
		oracle_wrong(run->o, "the text is \"%.100s\" instead of \"%s\"", run->text, text);
	if (seen != 1)
		oracle_wrong(run->o, "the upstream saw %zu requests", seen);
}
