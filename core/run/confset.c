#include "confset.h"

#include "base/alloc.h"
#include "base/err.h"
#include "routing.h"
#include "service.h"
#include "upstream.h"

static int32_t make(llm_service *svc, conf *c, plugins *ps, confset **ret, llm_err *err)
{
	confset *set = mem_new(&svc->mem, sizeof(*set));
	int32_t rc;

	if (!set)
		return LLM_E_NOMEM;
	set->svc = svc;
	atomic_init(&set->refs, 1);
	atomic_init(&set->lent, 0);
	set->conf = c;
	set->plugins = ps;
	idmap_init(&set->upstreams, &svc->mem);
	rc = routing_new(set, &set->routing, err);
	if (rc) {
		mem_free(&svc->mem, set);
		return rc;
	}
	*ret = set;
	return 0;
}

static int32_t open_plugins(
	llm_service *svc, const llm_service_opts *opts, const conf *c, plugins **ret)
{
	const plugin_search search = {.env_path = c->env_plugin_path,
		.config_path = c->plugin_path,
		.user_dir = opts->user_plugin_dir,
		.tool_dir = opts->plugin_dir,
		.lib_dir = LLM_PLUGIN_LIBDIR};
	const int32_t rc = plugins_new(&search, &svc->mem, &svc->log, ret);

	if (!rc)
		plugins_limit(*ret, c->max_parked);
	return rc;
}

/* Nobody writes a line while its secrets become known. */
static int32_t read_conf(llm_service *svc, const llm_service_opts *opts, const conf *before,
	conf **ret, llm_err *err)
{
	int32_t rc;

	pthread_rwlock_wrlock(&svc->secrets_lock);
	if (before)
		rc = conf_load_again(opts, before, &svc->mem, svc->secrets, ret, err);
	else
		rc = conf_load(opts, NULL, &svc->mem, svc->secrets, ret, err);
	pthread_rwlock_unlock(&svc->secrets_lock);
	return rc;
}

int32_t confset_load(llm_service *svc, const llm_service_opts *opts, const conf *before,
	confset **ret, llm_err *err)
{
	plugins *ps = NULL;
	conf *c = NULL;
	int32_t rc = read_conf(svc, opts, before, &c, err);

	if (!rc)
		rc = service_check_files(c, err);
	if (rc)
		goto free_conf;
	rc = open_plugins(svc, opts, c, &ps);
	if (!rc)
		rc = make(svc, c, ps, ret, err);
	if (!rc)
		return 0;
	if (rc == LLM_E_NOMEM)
		err_set(err, rc, "out of memory");
	plugins_free(ps);
free_conf:
	conf_free(c);
	return rc;
}

int32_t confset_with(const confset *set, plugins *ps, confset **ret, llm_err *err)
{
	int32_t rc = make(set->svc, set->conf, ps, ret, err);

	if (!rc)
		(void)conf_hold(set->conf);
	return rc;
}

/* ---- its end ---- */

/* What was lent is text: of the configuration, and the names of providers. */
static void stop_instances(confset *set)
{
	size_t i;

	for (i = 0; i < set->upstreams.n; i++) {
		upstream *up = set->upstreams.slots[i].value;

		instance_free(up->in);
		up->in = NULL;
	}
	routing_free(set->routing);
	set->routing = NULL;
	plugins_free(set->plugins);
	set->plugins = NULL;
}

static void take_apart(confset *set)
{
	llm_service *svc = set->svc;
	size_t i;

	stop_instances(set);
	for (i = 0; i < set->upstreams.n; i++)
		upstream_free(set, set->upstreams.slots[i].value);
	idmap_done(&set->upstreams);
	conf_free(set->conf);
	mem_free(&svc->mem, set);
}

static confset *take_idle(llm_service *svc)
{
	confset *list;

	pthread_mutex_lock(&svc->lock);
	list = svc->idle_sets;
	svc->idle_sets = NULL;
	pthread_mutex_unlock(&svc->lock);
	return list;
}

void confset_sweep(llm_service *svc)
{
	confset *set = take_idle(svc), *next;

	for (; set; set = next) {
		next = set->next;
		if (!atomic_load(&set->lent)) {
			take_apart(set);
			continue;
		}
		stop_instances(set);
		set->next = svc->lent_sets;
		svc->lent_sets = set;
	}
}

void confset_sweep_all(llm_service *svc)
{
	confset *set;

	confset_sweep(svc);
	while ((set = svc->lent_sets)) {
		svc->lent_sets = set->next;
		take_apart(set);
	}
}

/* ---- holding ---- */

confset *confset_hold_locked(llm_service *svc)
{
	atomic_fetch_add(&svc->set->refs, 1);
	return svc->set;
}

confset *confset_share(confset *set)
{
	atomic_fetch_add(&set->refs, 1);
	return set;
}

confset *confset_hold(llm_service *svc)
{
	confset *set;

	pthread_mutex_lock(&svc->lock);
	set = confset_hold_locked(svc);
	pthread_mutex_unlock(&svc->lock);
	return set;
}

void confset_drop(confset *set)
{
	llm_service *svc;

	if (!set || atomic_fetch_sub(&set->refs, 1) != 1)
		return;
	svc = set->svc;
	pthread_mutex_lock(&svc->lock);
	set->next = svc->idle_sets;
	svc->idle_sets = set;
	if (svc->loop) /* a service that was not made has none */
		service_wake_locked(svc);
	pthread_mutex_unlock(&svc->lock);
}

const conf *confset_lend(llm_service *svc)
{
	const conf *c;

	pthread_mutex_lock(&svc->lock);
	atomic_store(&svc->set->lent, 1);
	c = svc->set->conf;
	pthread_mutex_unlock(&svc->lock);
	return c;
}
