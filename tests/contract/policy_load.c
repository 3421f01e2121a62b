/* Policies as files: what is taken, what is refused and why (core/plugin/policy.c). */
#include "plugin_help.h"

static void expect_refused(const char *module, const char *why)
{
	const plugin_search where = {.tool_dir = MODULES};
	llm_err err = LLM_ERR_INIT;
	const plugin *p;
	plugins *ps;

	cr_assert_eq(plugins_new(&where, mem_default(), NULL, &ps), 0);
	cr_expect_eq(plugins_get(ps, module, NULL, &p, &err), LLM_E_PLUGIN, "%s", module);
	cr_expect(strstr(err.message, why), "%s", err.message);
	cr_expect(strstr(err.message, module), "%s", err.message);
	plugins_free(ps);
}

Test(policy_load, X_06_a_policy_that_is_wrong_is_refused_with_its_reason)
{
	expect_refused("policy_no_rank", "lacks the required slot rank");
	expect_refused("policy_twice", "two parts of kind llm.policy/1");
	expect_refused("policy_short", "has 24 bytes, that of ABI 1.0 has 48");
	expect_refused("policy_bad_name", "a name that is not");
	expect_refused("policy_no_info", "describe returned nothing");
	expect_refused("policy_bad_reason", "damaged list reasons (row 1)");
}

Test(policy_load, X_06_a_policy_is_no_provider)
{
	const plugin_search where = {.tool_dir = MODULES};
	llm_err err = LLM_ERR_INIT;
	const plugin *policy, *provider;
	instance *in;
	plugins *ps;

	cr_assert_eq(plugins_new(&where, mem_default(), NULL, &ps), 0);
	cr_assert_eq(plugins_get(ps, "policy_good", NULL, &policy, &err), 0, "%s", err.message);
	cr_assert_eq(plugins_get(ps, "good", NULL, &provider, &err), 0, "%s", err.message);
	cr_expect_eq(instance_new(policy, NULL, 0, mem_default(), NULL, &in, &err), LLM_E_PLUGIN);
	cr_expect(strstr(err.message, "is no provider: it has llm.policy/1"), "%s", err.message);
	cr_expect_eq(instance_new_policy(provider, NULL, 0, mem_default(), NULL, &in, &err),
		LLM_E_PLUGIN);
	cr_expect(strstr(err.message, "is no policy: it has llm.provider/1"), "%s", err.message);
	cr_expect_eq(instance_new_policy(policy, NULL, 0, mem_default(), NULL, &in, &err), 0);
	instance_free(in);
	plugins_free(ps);
}
