#include "router.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "nopolicy.h"

/* ---- making ---- */

static int32_t take_options(routing *r, const conf_profile *c, const plugin *plug,
	host_config_item **ret, size_t *ret_n, llm_err *err)
{
	host_config_item *items;
	conf_pair *set = NULL;
	size_t n = 0, i;
	int32_t rc = conf_check_options(c, plug->policy_info->options, &r->ar, &set, &n, err);

	if (rc)
		return rc;
	items = arena_array(&r->ar, n + 1, sizeof(*items));
	if (!items)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	for (i = 0; i < n; i++)
		items[i] = (host_config_item){set[i].name, set[i].value};
	*ret = items;
	*ret_n = n;
	return 0;
}

/* Options that it does not know are wrong whatever is asked; a policy that is not there is not. */
static int32_t load(routing *r, const conf_profile *c, route_profile *p, llm_err *why, llm_err *err)
{
	host_config_item *items = NULL;
	const plugin *plug;
	size_t n = 0;
	int32_t rc = plugins_get(r->set->plugins, c->policy, NULL, &plug, why);

	if (!rc && !plug->policy)
		rc = err_set(why, LLM_E_PLUGIN, "%s holds no policy", plug->path);
	if (rc)
		return rc;
	rc = take_options(r, c, plug, &items, &n, err);
	if (rc)
		return rc;
	rc = instance_new_policy(plug, items, n, &r->svc->mem, &r->svc->log, &p->in, why);
	if (rc)
		return rc;
	instance_watch(p->in, &r->svc->watch);
	p->info = plug->policy_info;
	p->policy = (rank_policy){.vt = plug->policy,
		.instance = instance_handle(p->in),
		.name = plug->policy_info->name};
	return 0;
}

static int32_t remember(routing *r, route_profile *p, llm_err *why)
{
	llm_err *copy = arena_new(&r->ar, sizeof(*copy));

	if (!copy)
		return LLM_E_NOMEM;
	*copy = *why;
	log_line(
		&r->svc->log, LLM_LOG_WARN, "profile %s cannot be used: %s", p->name, why->message);
	p->problem = copy;
	return 0;
}

static int32_t make(routing *r, const conf_profile *c, route_profile *p, llm_err *err)
{
	llm_err why = LLM_ERR_INIT, wrong = LLM_ERR_INIT;
	int32_t rc;

	p->policy.name = "ordered";
	p->name = arena_str(&r->ar, c->name);
	if (!p->name)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	if (router_take(r->svc, p) || (strcmp(c->policy, "ordered") == 0 && !c->n_options))
		return 0;
	rc = load(r, c, p, &why, &wrong);
	if (wrong.code) {
		*err = wrong;
		return rc;
	}
	if (rc && rc != LLM_E_NOMEM)
		nopolicy_say(r->set->conf, r->set->plugins, c, &why);
	if (rc && (rc == LLM_E_NOMEM || remember(r, p, &why)))
		return err_set(err, LLM_E_NOMEM, "out of memory");
	return 0;
}

int32_t routing_new(confset *set, routing **ret, llm_err *err)
{
	llm_service *svc = set->svc;
	const conf *c = set->conf;
	routing *r = mem_new(&svc->mem, sizeof(*r));
	int32_t rc = 0;
	size_t i;

	if (!r)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	r->svc = svc;
	r->set = set;
	arena_init(&r->ar, &svc->mem, 1024);
	snapshot_init(&r->snap, &svc->mem);
	plan_init(&r->made, &svc->mem);
	r->profiles = c->n_profiles ? arena_array(&r->ar, c->n_profiles, sizeof(*r->profiles)) :
				      NULL;
	rc = c->n_profiles && !r->profiles ? err_set(err, LLM_E_NOMEM, "out of memory") :
					     pricing_init(&r->prices, svc, c, err);
	for (i = 0; !rc && r->profiles && i < c->n_profiles; i++, r->n++)
		rc = make(r, &c->profiles[i], &r->profiles[i], err);
	if (rc) {
		routing_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void routing_free(routing *r)
{
	size_t i;

	if (!r)
		return;
	for (i = 0; i < r->n; i++) {
		instance_free(r->profiles[i].in);
		mem_free(&r->svc->mem, r->profiles[i].state);
	}
	pricing_done(&r->prices);
	plan_done(&r->made);
	snapshot_done(&r->snap);
	arena_reset(&r->ar);
	mem_free(&r->svc->mem, r);
}

/* The same policy: of a plugin, or the host's own, which no configuration names. */
static int goes_on(const route_profile *to, const route_profile *from)
{
	return to->policy.vt && from->policy.vt && to->info && from->info &&
		strcmp(to->policy.name, from->policy.name) == 0;
}

static void adopt_state(routing *r, route_profile *to, const route_profile *from)
{
	char *copy;

	/* No configuration names a host's own router: it stays whatever is reloaded. */
	if (from->policy.vt && !from->in && to->policy.vt != from->policy.vt) {
		instance_free(to->in);
		to->in = NULL;
		to->problem = NULL;
		to->policy = from->policy;
		to->info = from->info;
	}
	if (!goes_on(to, from))
		return;
	to->n_ranked = atomic_load(&from->n_ranked);
	to->n_late = atomic_load(&from->n_late);
	to->n_refused = atomic_load(&from->n_refused);
	if (!from->state || to->state)
		return;
	copy = mem_dup(&r->svc->mem, from->state, from->state_len);
	if (!copy) /* then it begins anew */
		return;
	to->state = copy;
	to->state_len = from->state_len;
}

void routing_adopt(routing *r, const routing *before)
{
	size_t i, k;

	for (i = 0; i < r->n; i++)
		for (k = 0; k < before->n; k++)
			if (strcmp(r->profiles[i].name, before->profiles[k].name) == 0)
				adopt_state(r, &r->profiles[i], &before->profiles[k]);
}

route_profile *routing_profile(routing *r, const char *name)
{
	size_t i;

	for (i = 0; name && i < r->n; i++)
		if (strcmp(r->profiles[i].name, name) == 0)
			return &r->profiles[i];
	return NULL;
}

int32_t routing_router(
	routing *r, const char *profile, const rank_policy *policy, const llm_policy_info *info)
{
	int32_t rc = LLM_E_NOT_FOUND;
	size_t i;

	for (i = 0; i < r->n; i++) {
		route_profile *p = &r->profiles[i];

		if (profile && strcmp(p->name, profile) != 0)
			continue;
		instance_free(p->in);
		p->in = NULL;
		p->problem = NULL;
		p->policy = *policy;
		p->info = info;
		rc = 0;
	}
	return rc;
}

uint64_t routing_now_ms(const routing *r)
{
	return (clock_ns(&r->svc->time) - r->svc->begun_ns) / NS_PER_MS;
}

/* ---- ranking ---- */

/* There is one writer. */
static void count(_Atomic uint64_t *n)
{
	const uint64_t before = atomic_load_explicit(n, memory_order_relaxed);

	atomic_store_explicit(n, before + 1, memory_order_relaxed);
}

/* Three in a row: it holds up every run of the profile (all share the loop). */
static void judge_time(routing *r, route_profile *p, uint64_t took_ns)
{
	if (took_ns <= ROUTING_LATE_NS) {
		p->late = 0;
		return;
	}
	p->late++;
	count(&p->n_late);
	p->given_up = p->late >= ROUTING_LATE_MOST;
	log_line(&r->svc->log, LLM_LOG_WARN,
		"policy %s took %" PRIu64 " ms to rank %" PRIu32
		" candidates of profile %s (late: %" PRIu64 ")%s",
		p->policy.name, took_ns / NS_PER_MS, r->snap.n, p->name, atomic_load(&p->n_late),
		p->given_up ? "; it is not asked any more, the order of the profile holds" : "");
}

int32_t routing_rank(routing *r, route_profile *p, llm_err *err)
{
	const rank_policy *by = p && p->policy.vt && !p->given_up ? &p->policy : NULL;
	uint64_t begun_ns;
	int32_t rc;

	if (!by) {
		rc = rank_plan(&r->snap, NULL, &r->made, err);
		if (p && p->given_up)
			(void)snprintf(r->made.refusal, sizeof(r->made.refusal),
				"it was late %d times in a row", ROUTING_LATE_MOST);
		return rc;
	}
	count(&p->n_ranked);
	begun_ns = clock_ns(&r->svc->time);
	if (p->in)
		instance_enter(p->in, "rank", NULL);
	rc = rank_plan(&r->snap, by, &r->made, err);
	if (p->in)
		(void)instance_end(p->in, "rank", 0, NULL);
	judge_time(r, p, clock_ns(&r->svc->time) - begun_ns);
	if (r->made.refusal[0]) {
		count(&p->n_refused);
		log_line(&r->svc->log, LLM_LOG_WARN,
			"policy %s of profile %s is not followed: %s (refused: %" PRIu64 ")",
			p->policy.name, p->name, r->made.refusal, atomic_load(&p->n_refused));
	}
	return rc;
}

/* ---- what a policy remembers ---- */

typedef struct keeper {
	routing *r;
	route_profile *p;
	int32_t rc;
} keeper;

static int32_t keep_state(void *ctx, const void *bytes, size_t len)
{
	keeper *k = ctx;
	char *copy;

	if (len > LLM_POLICY_STATE_MAX || (len && !bytes)) {
		k->rc = LLM_E_PLUGIN;
		return k->rc;
	}
	copy = mem_new(&k->r->svc->mem, len + 1);
	if (!copy) {
		k->rc = LLM_E_NOMEM;
		return k->rc;
	}
	if (len)
		memcpy(copy, bytes, len);
	mem_free(&k->r->svc->mem, k->p->state);
	k->p->state = copy;
	k->p->state_len = len;
	return 0;
}

void routing_outcome(routing *r, route_profile *p, const llm_outcome *outcome)
{
	keeper k = {r, p, 0};
	const llm_state_sink sink = {
		.struct_size = (uint32_t)sizeof(sink), .ctx = &k, .state = keep_state};
	llm_bytes state;
	int32_t rc;

	if (!p || !p->policy.vt || !p->policy.vt->on_outcome || p->given_up)
		return;
	state = (llm_bytes){p->state ? p->state : "", p->state_len};
	if (p->in)
		instance_enter(p->in, "on_outcome", NULL);
	rc = p->policy.vt->on_outcome(p->policy.instance, &state, outcome, &sink);
	if (p->in)
		(void)instance_end(p->in, "on_outcome", 0, NULL);
	if (rc || k.rc)
		log_line(&r->svc->log, LLM_LOG_WARN,
			"policy %s of profile %s: on_outcome failed (%s); its state stays as it was",
			p->policy.name, p->name, llm_error_name(k.rc ? k.rc : rc));
}
