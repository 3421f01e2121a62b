#include "route/explain.h"

#include <string.h>

#include "wire/num.h"

static const char *health_name(uint32_t health)
{
	static const char *const names[] = {"closed", "half open", "cooling", "open"};

	return health < sizeof(names) / sizeof(names[0]) ? names[health] : "?";
}

/* ---- reasons ---- */

static const llm_reason_info *explain_find(const llm_policy_info *info, uint32_t reason)
{
	static const llm_reason_info place = {
		(uint32_t)sizeof(place), 0, "place", "place %a of the profile"};
	const llm_reason_info *const *row;

	if (!info)
		return &place;
	for (row = info->reasons; row && *row; row++)
		if ((*row)->reason == reason)
			return *row;
	return NULL;
}

static size_t explain_add(char *to, size_t used, size_t cap, const char *text, size_t len)
{
	if (len > cap - 1 - used)
		len = cap - 1 - used;
	memcpy(to + used, text, len);
	return used + len;
}

void explain_reason(const plan *p, uint32_t i, const llm_policy_info *info, char *ret, size_t cap)
{
	const rank_row *row = &p->rows[i];
	const llm_reason_info *why;
	char number[NUM_TEXT];
	const char *t, *part;
	size_t used = 0;

	why = row->removed == RANK_KEPT && row->rank != UINT32_MAX ?
		explain_find(p->refusal[0] ? NULL : info, row->reason) :
		NULL;
	for (t = why ? why->text : ""; *t; t = part) {
		part = strchr(t + 1, '%');
		if (!part)
			part = t + strlen(t);
		if (t[0] == '%' && (t[1] == 'a' || t[1] == 'b')) {
			used = explain_add(ret, used, cap, number,
				num_write_i64(t[1] == 'a' ? row->a : row->b, number));
			t += 2;
		}
		used = explain_add(ret, used, cap, t, (size_t)(part - t));
	}
	ret[used] = '\0';
}

/* ---- the record ---- */

static void explain_number(jsonw *w, const char *key, int64_t value)
{
	jsonw_name(w, key);
	jsonw_int(w, value);
}

static void explain_text(jsonw *w, const char *key, const char *text)
{
	jsonw_name(w, key);
	jsonw_cstring(w, text);
}

static void explain_known(jsonw *w, const char *key, int64_t value)
{
	jsonw_name(w, key);
	if (value < 0)
		jsonw_null(w);
	else
		jsonw_int(w, value);
}

/* What was known of it, null where nothing was. */
static void explain_view(const llm_candidate_view *v, jsonw *w)
{
	static const char *const places[] = {NULL, "local", "cloud"};
	static const char *const loaded[] = {NULL, "warm", "cold"};

	explain_number(w, "ready_ms", v->ready_ms);
	explain_text(w, "locality", v->locality < 3 ? places[v->locality] : NULL);
	explain_text(w, "loaded", v->loaded < 3 ? loaded[v->loaded] : NULL);
	explain_number(w, "weight", v->weight);
	explain_number(w, "in_flight", v->in_flight);
	explain_number(w, "limit", v->limit);
	explain_number(w, "waiting", v->waiting);
	explain_known(w, "latency_us", v->latency_us);
	explain_known(w, "input_picousd", v->input_picousd);
	explain_known(w, "output_picousd", v->output_picousd);
	explain_known(w, "max_input_tokens", v->max_input_tokens);
	explain_known(w, "max_output_tokens", v->max_output_tokens);
}

static void explain_candidate(
	const snapshot *s, const plan *p, uint32_t i, const llm_policy_info *info, jsonw *w)
{
	const snapshot_candidate *c = &s->candidates[i];
	const rank_row *row = &p->rows[i];
	char why[300];

	jsonw_object(w);
	explain_text(w, "id", c->view.id);
	jsonw_name(w, "kept");
	jsonw_bool(w, row->removed == RANK_KEPT);
	explain_text(
		w, "removed", row->removed == RANK_KEPT ? NULL : rank_reason_name(row->removed));
	explain_text(w, "lacks", row->removed == RANK_LACKS ? caps_name(c->missing) : NULL);
	explain_number(w, "level", c->view.level);
	explain_text(w, "fit", c->view.fit == LLM_FIT_YES ? "yes" : "unknown");
	explain_text(w, "health", health_name(c->view.health));
	explain_view(&c->view, w);
	if (row->removed == RANK_KEPT && row->rank != UINT32_MAX) {
		explain_reason(p, i, info, why, sizeof(why));
		explain_number(w, "score", row->score);
		explain_text(w, "reason", why);
		explain_number(w, "rank", row->rank);
	}
	jsonw_object_end(w);
}

/* The bytes from which the plan can be made again. */
static void explain_frozen(const snapshot *s, jsonw *w)
{
	jsonw_name(w, "frozen");
	if (s->n > EXPLAIN_FULL)
		jsonw_null(w);
	else
		jsonw_base64(w, buf_text(&s->bytes), s->bytes.len);
}

int32_t explain_write(snapshot *s, const plan *p, const llm_policy_info *info, jsonw *w)
{
	char hex[SHA256_HEX];
	int32_t rc = snapshot_hash(s, hex);
	uint32_t i;

	if (rc)
		return rc;
	jsonw_object(w);
	explain_text(w, "schema", "llm.plan/1");
	explain_text(w, "policy", s->policy);
	explain_text(w, "followed", p->policy);
	explain_text(w, "refused", p->refusal[0] ? p->refusal : NULL);
	explain_text(w, "snapshot", hex);
	jsonw_name(w, "replayable");
	jsonw_bool(w, s->n <= EXPLAIN_FULL);
	explain_number(w, "input_tokens", s->input_tokens);
	jsonw_name(w, "candidates");
	jsonw_array(w);
	for (i = 0; i < p->n; i++)
		explain_candidate(s, p, i, info, w);
	jsonw_array_end(w);
	jsonw_name(w, "plan");
	jsonw_array(w);
	for (i = 0; i < p->n_order; i++)
		jsonw_cstring(w, s->candidates[p->order[i]].view.id);
	jsonw_array_end(w);
	explain_frozen(s, w);
	jsonw_object_end(w);
	return w->status;
}
