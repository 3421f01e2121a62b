/* idem_rules.c - what a key keeps of a run, by its code; what follows for who did not get it. */
#include "run/idem.h"

#include <criterion/criterion.h>
#include <string.h>

#include "conf/conf.h"

/* What becomes of the key for every code: A an answer, E the error is kept, r released. */
static const struct {
	int32_t code;
	char terminal, all;
} codes[] = {{0, 'A', 'A'}, {LLM_E_INVALID_REQUEST, 'E', 'E'}, {LLM_E_UNSUPPORTED, 'E', 'E'},
	{LLM_E_CONTEXT_LENGTH_EXCEEDED, 'E', 'E'}, {LLM_E_CONTENT_FILTERED, 'E', 'E'},
	{LLM_E_OUTPUT_INVALID, 'E', 'E'}, {LLM_E_AUTHENTICATION, 'r', 'E'},
	{LLM_E_PERMISSION_DENIED, 'r', 'E'}, {LLM_E_NOT_FOUND, 'r', 'E'},
	{LLM_E_CONFLICT, 'r', 'E'}, {LLM_E_RATE_LIMITED, 'r', 'E'},
	{LLM_E_QUOTA_EXHAUSTED, 'r', 'E'}, {LLM_E_UNAVAILABLE, 'r', 'E'},
	{LLM_E_SERVER_ERROR, 'r', 'E'}, {LLM_E_CONNECTION, 'r', 'E'}, {LLM_E_TIMEOUT, 'r', 'E'},
	{LLM_E_PROTOCOL, 'r', 'E'}, {LLM_E_STREAM_BROKEN, 'r', 'E'}, {LLM_E_DEADLINE, 'r', 'r'},
	{LLM_E_CANCELLED, 'r', 'r'}, {LLM_E_QUEUE_FULL, 'r', 'r'}, {LLM_E_QUEUE_TIMEOUT, 'r', 'r'},
	{LLM_E_NO_CANDIDATE, 'r', 'r'}, {LLM_E_BUDGET_EXCEEDED, 'r', 'r'},
	{LLM_E_IDEMPOTENCY_MISMATCH, 'r', 'r'}, {LLM_E_IDEMPOTENCY_IN_PROGRESS, 'r', 'r'},
	{LLM_E_IDEMPOTENCY_LOST, 'r', 'r'}, {LLM_E_WORKSPACE_REQUIRED, 'r', 'E'},
	{LLM_E_WORKSPACE_CONFLICT, 'r', 'E'}, {LLM_E_SCHEMA_INVALID, 'r', 'E'},
	{LLM_E_CONFIG, 'r', 'r'}, {LLM_E_SCHEMA, 'r', 'r'}, {LLM_E_DB_BUSY, 'r', 'r'},
	{LLM_E_PERSISTENCE, 'r', 'r'}, {LLM_E_STATE, 'r', 'r'}, {LLM_E_PLUGIN, 'r', 'r'},
	{LLM_E_TOO_LARGE, 'r', 'r'}, {LLM_E_NOMEM, 'r', 'r'}, {LLM_E_INTERNAL, 'r', 'r'}};

#define N_CODES (sizeof(codes) / sizeof(codes[0]))

static char kept(int32_t code, uint32_t replay_errors)
{
	return "?AEr"[idem_keeps(code, replay_errors)];
}

Test(idem_rules, R_IDEM_8_what_a_key_keeps_for_every_code)
{
	size_t i, n = 0;
	int32_t code;

	for (i = 0; i < N_CODES; i++) {
		cr_expect_eq(kept(codes[i].code, REPLAY_TERMINAL), codes[i].terminal, "%d",
			(int)codes[i].code);
		cr_expect_eq(kept(codes[i].code, REPLAY_ALL), codes[i].all, "all: %d",
			(int)codes[i].code);
		cr_expect_eq(kept(codes[i].code, REPLAY_NONE), codes[i].code ? 'r' : 'A');
	}
	for (code = -1; code > -1000; code--)
		n += llm_error_info_of(code) != NULL;
	cr_expect_eq(n + 1, N_CODES, "a code was added: say what a key keeps of it");
}

Test(idem_rules, R_IDEM_9_what_the_queue_or_a_budget_refuses_frees_the_key)
{
	static const int32_t refusals[] = {
		LLM_E_QUEUE_FULL, LLM_E_QUEUE_TIMEOUT, LLM_E_NO_CANDIDATE, LLM_E_BUDGET_EXCEEDED};
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		cr_expect_eq(idem_keeps(refusals[i], REPLAY_TERMINAL), IDEM_RELEASE);
		cr_expect_eq(idem_keeps(refusals[i], REPLAY_ALL), IDEM_RELEASE);
	}
}

Test(idem_rules, R_IDEM_2_another_fingerprint_is_a_mismatch_at_any_state)
{
	static const struct {
		const char *state;
		uint32_t same;
	} rows[] = {{"claimed", IDEM_HELD}, {"succeeded", IDEM_STORED}, {"failed", IDEM_STORED},
		{"released", IDEM_ASK_AGAIN}, {NULL, IDEM_ASK_AGAIN}};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const llm_idem_row row = {.fingerprint = "f", .state = rows[i].state};

		cr_expect_eq(idem_verdict(&row, "f"), rows[i].same);
		cr_expect_eq(idem_verdict(&row, "g"), IDEM_DIFFERS);
	}
	cr_expect_eq(idem_verdict(&(llm_idem_row){.state = "claimed"}, "f"), IDEM_DIFFERS);
	cr_expect_eq(idem_verdict(NULL, "f"), IDEM_ASK_AGAIN);
}
