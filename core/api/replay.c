/*
 * replay.c - a plan made again from its record: the snapshot in it, through the policy that
 * it names.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "llm/explain.h"
#include "lookup.h"
#include "route/explain.h"
#include "wire/base64.h"
#include "wire/jsonr.h"

struct llm_replay {
	llm_allocator mem;
	buf json;
};

/* What a replay needs while it runs. */
typedef struct replay {
	const llm_allocator *mem;
	arena ar;
	llm_bytes record;
	llm_bytes plan; /* of the record */
	const char *profile; /* null: a model was named */
	const char *policy;
	const char *followed;
	const char *refused; /* or null */
	const char *hash;
	llm_bytes frozen; /* decoded; null: it is not in the record */
	conf *conf;
	plugins *plugins;
	instance *seat;
	const llm_policy_info *info;
	rank_policy by;
	snapshot snap;
	plan made;
} replay;

/* ---- reading the record ---- */

static int32_t damaged(const char *what, llm_err *err)
{
	return err_set(err, LLM_E_INVALID_REQUEST,
		"this is no record of a decision: %s\n"
		"expected: a text of llm_result_decision, or decision_json of a run",
		what);
}

static int32_t no_memory(llm_err *err)
{
	return err_set(err, LLM_E_NOMEM, "no memory to make a plan again");
}

/* A text, or null where there is none. */
static int32_t take_text(replay *r, jsonr *in, const char **ret)
{
	jsonr_text t;
	char *copy;

	if (!jsonr_string(in, &t))
		return 0;
	copy = arena_new(&r->ar, t.len + 1);
	if (!copy)
		return LLM_E_NOMEM;
	copy[jsonr_decode(&t, copy)] = '\0';
	*ret = copy;
	return 0;
}

static int32_t take_frozen(replay *r, jsonr *in)
{
	const char *text = NULL;
	unsigned char *bytes;
	int32_t rc = take_text(r, in, &text);

	if (rc || !text)
		return rc;
	bytes = arena_new(&r->ar, BASE64_BYTES(strlen(text)) + 1);
	if (!bytes)
		return LLM_E_NOMEM;
	if (!base64_decode(text, strlen(text), bytes, &r->frozen.len))
		return LLM_E_INVALID_REQUEST;
	r->frozen.ptr = (const char *)bytes;
	return 0;
}

static int32_t read_plan(replay *r, llm_err *err)
{
	int32_t rc = 0;
	jsonr_text key;
	jsonr in;

	jsonr_init(&in, r->plan.ptr, r->plan.len);
	if (!jsonr_enter_object(&in))
		return damaged("it has no plan", err);
	while (!rc && jsonr_member(&in, &key))
		if (jsonr_is(&key, "policy"))
			rc = take_text(r, &in, &r->policy);
		else if (jsonr_is(&key, "followed"))
			rc = take_text(r, &in, &r->followed);
		else if (jsonr_is(&key, "refused"))
			rc = take_text(r, &in, &r->refused);
		else if (jsonr_is(&key, "snapshot"))
			rc = take_text(r, &in, &r->hash);
		else if (jsonr_is(&key, "frozen"))
			rc = take_frozen(r, &in);
	if (rc == LLM_E_INVALID_REQUEST)
		return damaged("its snapshot is not base64", err);
	if (rc)
		return no_memory(err);
	if (!r->policy || !r->followed || !r->hash)
		return damaged("its plan lacks policy, followed or snapshot", err);
	return 0;
}

static int32_t read_record(replay *r, llm_err *err)
{
	const char *schema = NULL;
	int32_t rc = 0;
	jsonr_text key;
	jsonr in;

	jsonr_init(&in, r->record.ptr, r->record.len);
	(void)jsonr_enter_object(&in); /* else there is no member, and jsonr_finish says so */
	while (!rc && jsonr_member(&in, &key))
		if (jsonr_is(&key, "schema"))
			rc = take_text(r, &in, &schema);
		else if (jsonr_is(&key, "profile"))
			rc = take_text(r, &in, &r->profile);
		else if (jsonr_is(&key, "plan"))
			(void)jsonr_raw(&in, &r->plan);
	if (rc)
		return no_memory(err);
	if (jsonr_finish(&in))
		return damaged("it is not one JSON object", err);
	if (!schema || strcmp(schema, "llm.decision/1") != 0)
		return damaged("its schema is not llm.decision/1", err);
	return r->plan.len ? read_plan(r, err) : damaged("it has no plan", err);
}

/* The snapshot as it was: its hash says so. */
static int32_t thaw(replay *r, llm_err *err)
{
	char hex[SHA256_HEX];
	int32_t rc;

	if (!r->frozen.ptr)
		return err_set(err, LLM_E_UNSUPPORTED,
			"the plan was made of more than %d candidates: of so many no snapshot is "
			"kept, and it cannot be made again",
			EXPLAIN_FULL);
	rc = snapshot_decode(r->frozen.ptr, r->frozen.len, &r->snap, err);
	if (rc)
		return rc;
	if (snapshot_hash(&r->snap, hex))
		return no_memory(err);
	return strcmp(hex, r->hash) == 0 ?
		0 :
		damaged("its snapshot is not the one that its hash names", err);
}

/* ---- the policy ---- */

/* Options are those of the profile as it is now; without it there are none. */
static int32_t take_options(
	replay *r, const conf_profile *from, host_config_item **ret, size_t *ret_n, llm_err *err)
{
	host_config_item *items;
	conf_pair *set = NULL;
	size_t n = 0, i;
	int32_t rc = from ? conf_check_options(from, r->info->options, &r->ar, &set, &n, err) : 0;

	if (rc)
		return rc;
	items = arena_array(&r->ar, n + 1, sizeof(*items));
	if (!items)
		return no_memory(err);
	for (i = 0; i < n; i++)
		items[i] = (host_config_item){set[i].name, set[i].value};
	*ret = items;
	*ret_n = n;
	return 0;
}

static int32_t load(replay *r, const conf_profile *from, llm_err *err)
{
	host_config_item *items = NULL;
	const plugin *p = NULL;
	size_t n = 0;
	int32_t rc = plugins_get(r->plugins, from ? from->policy : r->policy, NULL, &p, err);

	if (rc)
		return rc;
	if (!p->policy || strcmp(p->policy_info->name, r->policy) != 0)
		return err_set(err, LLM_E_PLUGIN, "%s is not the policy %.60s", p->path, r->policy);
	r->info = p->policy_info;
	rc = take_options(r, from, &items, &n, err);
	if (!rc)
		rc = instance_new_policy(p, items, n, r->mem, NULL, &r->seat, err);
	if (!rc)
		r->by = (rank_policy){p->policy, instance_handle(r->seat), r->info->name, 0};
	return rc;
}

/* Of a profile that goes by another policy now, name and usual options of the old one count. */
static int32_t take_policy(replay *r, llm_err *err)
{
	const conf_profile *from = r->profile ? conf_profile_named(r->conf, r->profile) : NULL;
	llm_err why = LLM_ERR_INIT;
	int32_t rc;

	if (strcmp(r->followed, "ordered") == 0)
		return 0;
	if (from && strcmp(from->policy, r->policy) != 0 && from->policy[0] != '/')
		from = NULL;
	rc = load(r, from, &why);
	if (rc == LLM_E_PLUGIN)
		return err_set(err, rc,
			"the run was planned by %.60s, which is no policy that can be had now\n%s",
			r->policy, why.message);
	if (rc)
		err_export(err, &why);
	return rc;
}

/* ---- the plan ---- */

/* That nobody was left is what the record says too. */
static int32_t make(replay *r, llm_err *err)
{
	llm_err nobody = LLM_ERR_INIT;

	if (rank_plan(&r->snap, r->by.vt ? &r->by : NULL, &r->made, &nobody) == LLM_E_NOMEM)
		return no_memory(err);
	/* What was not followed then is not asked again: it may have been late. */
	if (r->refused && !r->by.vt)
		(void)snprintf(r->made.refusal, sizeof(r->made.refusal), "%s", r->refused);
	return 0;
}

static int32_t put(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

/* The record as it stands, with the new plan in the place of its own. */
static int32_t write(replay *r, buf *to)
{
	const size_t before = (size_t)(r->plan.ptr - r->record.ptr);
	int32_t rc = buf_add(to, r->record.ptr, before);
	jsonw w;

	jsonw_init(&w, put, to);
	if (!rc)
		rc = explain_write(&r->snap, &r->made, r->info, &w);
	if (!rc)
		rc = jsonw_finish(&w);
	return rc ? rc :
		    buf_add(to, r->plan.ptr + r->plan.len, r->record.len - before - r->plan.len);
}

static int32_t play(replay *r, const llm_service_opts *opts, buf *to, llm_err *err)
{
	int32_t rc = read_record(r, err);

	if (!rc)
		rc = thaw(r, err);
	if (!rc)
		rc = lookup_open(opts, r->mem, NULL, &r->conf, &r->plugins, err);
	if (!rc)
		rc = take_policy(r, err);
	if (!rc)
		rc = make(r, err);
	if (rc)
		return rc;
	return write(r, to) ? no_memory(err) : 0;
}

static int32_t replay_into(llm_replay *ret, const llm_service_opts *opts, const char *decision,
	size_t len, llm_err *err)
{
	replay r = {.mem = &ret->mem, .record = {decision, len}};
	int32_t rc;

	arena_init(&r.ar, r.mem, 4096);
	snapshot_init(&r.snap, r.mem);
	plan_init(&r.made, r.mem);
	rc = play(&r, opts, &ret->json, err);
	instance_free(r.seat);
	plugins_free(r.plugins);
	conf_free(r.conf);
	plan_done(&r.made);
	snapshot_done(&r.snap);
	arena_reset(&r.ar);
	return rc;
}

/* ---- the interface ---- */

int32_t llm_replay_new(const llm_service_opts *opts, const char *decision, size_t len,
	llm_replay **ret, llm_err *err)
{
	static const llm_service_opts no_opts = LLM_SERVICE_OPTS_INIT;
	const llm_allocator *mem;
	llm_err why = LLM_ERR_INIT;
	llm_replay *r;
	int32_t rc;

	if (!ret || (!decision && len))
		return err_set(
			err, LLM_E_INVALID_REQUEST, "a record and a place for what comes of it");
	opts = opts ? opts : &no_opts;
	mem = opts->allocator ? opts->allocator : mem_default();
	r = mem_new(mem, sizeof(*r));
	if (!r)
		return no_memory(err);
	r->mem = *mem;
	buf_init(&r->json, &r->mem, 0);
	rc = replay_into(r, opts, decision, len, &why);
	if (rc) {
		llm_replay_free(r);
		err_export(err, &why);
		return rc;
	}
	*ret = r;
	return 0;
}

const char *llm_replay_decision(const llm_replay *r, size_t *ret_len)
{
	if (ret_len)
		*ret_len = r->json.len;
	return buf_text(&r->json);
}

void llm_replay_free(llm_replay *r)
{
	llm_allocator mem;

	if (!r)
		return;
	mem = r->mem;
	buf_done(&r->json);
	mem_free(&mem, r);
}
