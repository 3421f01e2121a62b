#include "llm/simulate.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "lookup.h"
#include "route/simulate.h"

struct llm_simulation {
	llm_allocator mem;
	buf json;
};

/* What a simulation needs while it runs. */
typedef struct trial {
	const llm_allocator *mem;
	arena ar;
	conf *conf;
	plugins *plugins;
	sim_world world;
	sim_policy policy;
} trial;

#define OPTIONS 32

/* ---- the policy ---- */

static int32_t option_unknown(
	const trial *t, const char *name, const llm_key_info *const *keys, llm_err *err)
{
	const char *names[OPTIONS], *near;
	size_t n = 0;

	for (; keys && *keys && n < OPTIONS; keys++)
		names[n++] = (*keys)->name;
	near = text_nearest(name, names, n);
	return err_set(err, LLM_E_INVALID_REQUEST,
		"%.200s: policy %.60s has no option '%.60s'%s%s%s", t->world.name, t->world.policy,
		name, near ? " - did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static const char *option_said(const trial *t, const char *name)
{
	size_t i;

	for (i = t->world.n_options; i > 0; i--)
		if (strcmp(t->world.options[i - 1].key, name) == 0)
			return t->world.options[i - 1].text;
	return NULL;
}

static int32_t option_known(trial *t, const llm_key_info *const *keys, llm_err *err)
{
	const llm_key_info *const *k;
	size_t i;

	for (i = 0; i < t->world.n_options; i++) {
		for (k = keys; k && *k; k++)
			if (strcmp((*k)->name, t->world.options[i].key) == 0)
				break;
		if (!k || !*k)
			return option_unknown(t, t->world.options[i].key, keys, err);
	}
	return 0;
}

/* What was said, then what is usual, in the form that a plugin reads. */
static int32_t option_list(trial *t, const llm_key_info *const *keys, host_config_item *to,
	size_t *ret_n, llm_err *err)
{
	char room[NUM_TEXT];
	const char *text;
	size_t n = 0;

	for (; keys && *keys && n < OPTIONS; keys++) {
		text = option_said(t, (*keys)->name);
		if (!text)
			text = (*keys)->default_text;
		if (!text)
			continue;
		text = conf_value_as((*keys)->type, text, room);
		if (!text)
			return err_set(err, LLM_E_INVALID_REQUEST,
				"%.200s: the option %s has a value that cannot be taken\n"
				"expected: %s",
				t->world.name, (*keys)->name, conf_value_expected((*keys)->type));
		to[n] = (host_config_item){(*keys)->name, arena_str(&t->ar, text)};
		if (!to[n++].text)
			return err_set(err, LLM_E_NOMEM, "no memory for the options of a policy");
	}
	*ret_n = n;
	return 0;
}

/* `ordered` is there without its file. */
static int32_t take_policy(trial *t, llm_err *err)
{
	host_config_item items[OPTIONS];
	const plugin *p = NULL;
	size_t n = 0;
	int32_t rc;

	if (strcmp(t->world.policy, "ordered") == 0)
		return option_known(t, NULL, err);
	rc = plugins_get(t->plugins, t->world.policy, NULL, &p, err);
	if (!rc && p->policy_info)
		rc = option_known(t, p->policy_info->options, err);
	if (!rc && p->policy_info)
		rc = option_list(t, p->policy_info->options, items, &n, err);
	if (!rc)
		rc = instance_new_policy(p, items, n, t->mem, NULL, &t->policy.seat, err);
	if (rc)
		return rc;
	t->policy.rank = (rank_policy){
		p->policy, instance_handle(t->policy.seat), p->policy_info->name, 0};
	t->policy.info = p->policy_info;
	return 0;
}

/* ---- all of it ---- */

static int32_t put(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

static int32_t report(const trial *t, buf *to, llm_err *err)
{
	jsonw w;
	int32_t rc;

	jsonw_init(&w, put, to);
	rc = simulate_write(&t->world, &w);
	if (!rc)
		rc = jsonw_finish(&w);
	return rc ? err_set(err, rc, "the report of a simulation cannot be written") : 0;
}

static int32_t try_text(trial *t, const llm_service_opts *opts, const char *text, size_t len,
	const llm_simulate_opts *how, llm_err *err)
{
	int32_t rc = simulate_read(
		text, len, how->name ? how->name : "outcomes", &t->ar, &t->world, err);

	if (rc)
		return rc;
	if (how->policy)
		t->world.policy = how->policy;
	rc = lookup_open(opts, t->mem, NULL, &t->conf, &t->plugins, err);
	if (!rc)
		rc = take_policy(t, err);
	return rc ? rc : simulate_run(&t->world, &t->policy, err);
}

static int32_t simulate(const llm_service_opts *opts, const char *text, size_t len,
	const llm_simulate_opts *how, llm_simulation *ret, llm_err *err)
{
	trial t = {.mem = &ret->mem};
	int32_t rc;

	arena_init(&t.ar, t.mem, 65536);
	rc = try_text(&t, opts, text, len, how, err);
	if (!rc)
		rc = report(&t, &ret->json, err);
	instance_free(t.policy.seat);
	plugins_free(t.plugins);
	conf_free(t.conf);
	arena_reset(&t.ar);
	return rc;
}

int32_t llm_simulate(const llm_service_opts *opts, const char *text, size_t len,
	const llm_simulate_opts *how, llm_simulation **ret, llm_err *err)
{
	static const llm_service_opts no_opts = LLM_SERVICE_OPTS_INIT;
	static const llm_simulate_opts usual = LLM_SIMULATE_OPTS_INIT;
	const llm_allocator *mem;
	llm_err why = LLM_ERR_INIT;
	llm_simulation *s;
	int32_t rc;

	if (!ret || (!text && len))
		return err_set(err, LLM_E_INVALID_REQUEST, "a text and a place for its report");
	opts = opts ? opts : &no_opts;
	mem = opts->allocator ? opts->allocator : mem_default();
	s = mem_new(mem, sizeof(*s));
	if (!s)
		return err_set(err, LLM_E_NOMEM, "no memory to simulate");
	s->mem = *mem;
	buf_init(&s->json, &s->mem, 0);
	rc = simulate(opts, text, len, how ? how : &usual, s, &why);
	if (rc) {
		llm_simulation_free(s);
		err_export(err, &why);
		return rc;
	}
	*ret = s;
	return 0;
}

const char *llm_simulation_json(const llm_simulation *s, size_t *ret_len)
{
	if (ret_len)
		*ret_len = s->json.len;
	return buf_text(&s->json);
}

void llm_simulation_free(llm_simulation *s)
{
	llm_allocator mem;

	if (!s)
		return;
	mem = s->mem;
	buf_done(&s->json);
	mem_free(&mem, s);
}
