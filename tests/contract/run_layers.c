/* In which order a run goes through its layers (core/run/layers.h, R-CORE-1). */
#include <criterion/criterion.h>
#include <string.h>

#include "run/layers.h"
#include "support/oracle.h"

static const char letters[] = "?VKPLHATFSC"; /* by LAYER_* */
static char seen[64];

static void note(void *ctx, uint32_t layer)
{
	size_t n = strlen(seen);

	*(unsigned *)ctx += 1;
	if (n + 1 < sizeof(seen))
		seen[n] = letters[layer < sizeof(letters) - 1 ? layer : 0];
}

static oracle *traced(const char *script, uint32_t mode, unsigned *count)
{
	const oracle_opts opts = {.mode = mode, .script = script};
	oracle *o = oracle_open(&opts);

	memset(seen, 0, sizeof(seen));
	*count = 0;
	o->svc->layer_ctx = count;
	o->svc->layer_fn = note;
	return o;
}

static size_t untraced(oracle *o)
{
	o->svc->layer_fn = NULL;
	return oracle_close(o);
}

Test(run_layers, R_CORE_1_in_this_order_whatever_comes_of_the_run)
{
	static const struct {
		const char *script;
		int32_t code;
	} rows[] = {{"hello_stream", 0}, {"u_15_500", LLM_E_SERVER_ERROR}};
	const oracle_ask ask = {.stream = 1};
	unsigned count;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]) * ORACLE_MODES; i++) {
		oracle *o = traced(rows[i / ORACLE_MODES].script, i % ORACLE_MODES, &count);
		oracle_run *run = oracle_do(o, &ask);

		cr_assert_eq(run->code, rows[i / ORACLE_MODES].code, "%s", run->err.message);
		cr_assert_str_eq(seen, "VPAFC");
		cr_assert_eq(count, 5);
		cr_assert_eq(untraced(o), 0);
	}
}

/* What does not happen is not entered: nothing was planned, or nothing was tried. */
Test(run_layers, R_CORE_1_what_is_not_reached_is_absent)
{
	const oracle_ask unknown = {.model = "nobody/x"}, ask = {.stream = 1};
	llm_err err = LLM_ERR_INIT;
	unsigned count;
	oracle *o = traced("hello_stream", ORACLE_LOOP, &count);
	oracle_run *run;

	cr_assert_null(oracle_submit(o, &unknown, &err));
	cr_assert_str_eq(seen, "V");
	memset(seen, 0, sizeof(seen));
	run = oracle_submit(o, &ask, NULL);
	cr_assert_str_eq(seen, "V");
	o->opts.no_healthy = 1;
	llm_service_shutdown(o->svc, NULL);
	oracle_finish(run);
	cr_assert_eq(run->code, LLM_E_CANCELLED);
	cr_assert_str_eq(seen, "VFC");
	cr_assert_eq(untraced(o), 0);
}

/* A hook looks on: with it and without it a run asks for memory as often. */
Test(run_layers, R_CORE_1_the_hook_changes_nothing)
{
	unsigned count, i;
	uint64_t taken[2];

	for (i = 0; i < 2; i++) {
		oracle *o = traced("hello_whole", ORACLE_LOOP, &count);
		uint64_t before;

		cr_assert_eq(oracle_do(o, NULL)->code, 0);
		if (!i)
			o->svc->layer_fn = NULL;
		before = o->fa.calls;
		cr_assert_eq(oracle_do(o, NULL)->code, 0);
		taken[i] = o->fa.calls - before;
		cr_assert_eq(count, i ? 10 : 5);
		cr_assert_eq(untraced(o), 0);
	}
	cr_assert_eq(taken[0], taken[1]);
}
