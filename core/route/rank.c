#include "route/rank.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

#define NOT_SCORED UINT32_MAX

/* What is compared, the smaller first. Numbers of candidates follow their ids. */
struct plan_key {
	uint64_t group; /* level, fit, health */
	uint64_t score; /* turned round, so that the higher one is smaller */
	uint32_t candidate;
};

const char *rank_reason_name(uint32_t removed)
{
	static const char *const names[RANK_REASONS] = {
		"kept", "switched off", "draining", "not local", "lacks", "too long", "left out"};

	return removed < RANK_REASONS ? names[removed] : "?";
}

/* ---- memory ---- */

void plan_init(plan *p, const llm_allocator *mem)
{
	*p = (plan){.mem = mem, .policy = "ordered"};
}

void plan_done(plan *p)
{
	mem_free(p->mem, p->rows);
	mem_free(p->mem, p->order);
	mem_free(p->mem, p->views);
	mem_free(p->mem, p->kept);
	mem_free(p->mem, p->keys);
	mem_free(p->mem, p->spare);
	plan_init(p, p->mem);
}

static int32_t plan_room(plan *p, uint32_t n)
{
	plan grown;

	if (n <= p->cap)
		return 0;
	plan_init(&grown, p->mem);
	grown.rows = mem_array(p->mem, n, sizeof(*grown.rows));
	grown.order = mem_array(p->mem, n, sizeof(*grown.order));
	grown.views = mem_array(p->mem, n, sizeof(const llm_candidate_view *));
	grown.kept = mem_array(p->mem, n, sizeof(*grown.kept));
	grown.keys = mem_array(p->mem, n, sizeof(*grown.keys));
	grown.spare = mem_array(p->mem, n, sizeof(*grown.spare));
	grown.cap = n;
	if (!grown.rows || !grown.order || !grown.views || !grown.kept || !grown.keys ||
		!grown.spare) {
		plan_done(&grown);
		return LLM_E_NOMEM;
	}
	plan_done(p);
	*p = grown;
	return 0;
}

/* ---- who can answer ---- */

/* By more than a tenth: within it the provider decides, since an estimate is not exact. */
static int rank_is_too_long(int64_t tokens, int64_t window)
{
	return window > 0 && tokens > 0 && tokens > window && tokens - window > window / 10;
}

static uint32_t rank_judge(const snapshot *s, const snapshot_candidate *c)
{
	if (c->switched != SNAPSHOT_ON)
		return c->switched == SNAPSHOT_DRAINING ? RANK_DRAINING : RANK_SWITCHED_OFF;
	if (s->local_only && c->view.locality != LLM_LOCALITY_LOCAL)
		return RANK_NOT_LOCAL;
	if (c->missing < CAPS_CELLS)
		return RANK_LACKS;
	if (rank_is_too_long(s->input_tokens, c->view.max_input_tokens))
		return RANK_TOO_LONG;
	return RANK_KEPT;
}

/* Returns how many are left. */
static uint32_t rank_keep(const snapshot *s, plan *p)
{
	uint32_t i, n = 0;

	p->n = s->n;
	p->n_order = 0;
	for (i = 0; i < s->n; i++) {
		p->rows[i] = (rank_row){
			.removed = rank_judge(s, &s->candidates[i]), .rank = UINT32_MAX};
		if (p->rows[i].removed == RANK_KEPT) {
			p->views[n] = &s->candidates[i].view;
			p->kept[n++] = i;
		}
	}
	return n;
}

/* ---- nobody can ---- */

static uint32_t rank_count(const plan *p, uint32_t removed)
{
	uint32_t i, n = 0;

	for (i = 0; i < p->n; i++)
		n += p->rows[i].removed == removed;
	return n;
}

/* "a/b lacks tools, c/d lacks vision" of those that were removed for one reason, cut at `cap`. */
static void rank_list(const snapshot *s, const plan *p, uint32_t removed, char *list, size_t cap)
{
	size_t used = 0;
	uint32_t i;
	int n;

	list[0] = '\0';
	for (i = 0; i < p->n; i++) {
		if (p->rows[i].removed != removed)
			continue;
		n = snprintf(list + used, cap - used, "%s%.120s %s %s", used ? ", " : "",
			s->candidates[i].view.id, removed == RANK_LACKS ? "lacks" : "computes",
			removed == RANK_LACKS ? caps_name(s->candidates[i].missing) : "elsewhere");
		if (n < 0 || (size_t)n >= cap - used) {
			list[used] = '\0';
			break;
		}
		used += (size_t)n;
	}
}

static int32_t rank_lacking(const snapshot *s, const plan *p, llm_err *err)
{
	char list[900];

	rank_list(s, p, RANK_LACKS, list, sizeof(list));
	return err_set(err, LLM_E_UNSUPPORTED, "no candidate can do what is asked: %s", list);
}

static int32_t rank_not_local(const snapshot *s, const plan *p, llm_err *err)
{
	char list[900];

	rank_list(s, p, RANK_NOT_LOCAL, list, sizeof(list));
	return err_set(err, LLM_E_NO_CANDIDATE,
		"only local candidates may be asked, and none is: %s\n"
		"add one that is, or allow others (local_only, require.locality)",
		list);
}

static int32_t rank_nobody(const snapshot *s, const plan *p, llm_err *err)
{
	int64_t window = 0;
	uint32_t i;

	for (i = 0; i < p->n; i++)
		if (p->rows[i].removed == RANK_TOO_LONG &&
			s->candidates[i].view.max_input_tokens > window)
			window = s->candidates[i].view.max_input_tokens;
	if (window)
		return err_set(err, LLM_E_CONTEXT_LENGTH_EXCEEDED,
			"the request has about %" PRId64
			" tokens, the largest window of a candidate %" PRId64 ": shorten it",
			s->input_tokens, window);
	if (rank_count(p, RANK_LACKS))
		return rank_lacking(s, p, err);
	if (rank_count(p, RANK_NOT_LOCAL))
		return rank_not_local(s, p, err);
	return err_set(err, LLM_E_NO_CANDIDATE,
		p->n ? "every candidate is switched off or draining: switch one on" :
		       "there is no candidate");
}

/* ---- the policy ---- */

static int32_t rank_refuse(plan *p, const char *what, uint32_t candidate)
{
	if (!p->refusal[0])
		(void)snprintf(p->refusal, sizeof(p->refusal), "it ranked %s (number %" PRIu32 ")",
			what, candidate);
	return LLM_E_PLUGIN;
}

static int32_t rank_score(
	void *ctx, uint32_t candidate, int64_t score, uint32_t reason, int64_t a, int64_t b)
{
	plan *p = ctx;
	rank_row *row;

	if (candidate >= p->n_order)
		return rank_refuse(p, "an unknown candidate", candidate);
	row = &p->rows[p->kept[candidate]];
	if (row->rank != NOT_SCORED)
		return rank_refuse(p, "a candidate twice", candidate);
	row->rank = 0; /* until it has its place: scored */
	row->score = score;
	row->reason = reason;
	row->a = a;
	row->b = b;
	p->scored++;
	return 0;
}

static void rank_in_order(const snapshot *s, plan *p)
{
	uint32_t i;

	p->policy = "ordered";
	p->scored = p->n_order;
	for (i = 0; i < p->n_order; i++) {
		rank_row *row = &p->rows[p->kept[i]];

		row->rank = 0;
		row->reason = 0;
		row->a = (int64_t)s->candidates[p->kept[i]].view.position + 1;
		row->b = 0;
		row->score = 1 - row->a;
	}
}

static void rank_ask(const snapshot *s, const rank_policy *policy, plan *p)
{
	const llm_snapshot view = {.struct_size = (uint32_t)sizeof(view),
		.n_candidates = p->n_order,
		.candidates = p->views,
		.seed = s->seed,
		.now_ms = s->now_ms,
		.affinity_key = s->affinity_key,
		.affinity_bytes = s->affinity_bytes,
		.stream = s->stream,
		.input_tokens = s->input_tokens,
		.output_tokens = s->output_tokens,
		.state = s->state};
	const llm_rank_sink sink = {
		.struct_size = (uint32_t)sizeof(sink), .ctx = p, .score = rank_score};
	int32_t rc = policy->vt->rank(policy->instance, &view, &sink);

	if (rc && !p->refusal[0])
		(void)snprintf(p->refusal, sizeof(p->refusal), "rank returned %" PRId32, rc);
	else if (!rc && !p->scored)
		(void)snprintf(
			p->refusal, sizeof(p->refusal), "it ranked none of %" PRIu32, p->n_order);
}

/* Who was not scored goes; a policy that is refused is as if it had not been asked. */
static int32_t rank_follow(const snapshot *s, const rank_policy *policy, plan *p, llm_err *err)
{
	if (!policy || !policy->vt) {
		rank_in_order(s, p);
		return 0;
	}
	rank_ask(s, policy, p);
	if (!p->refusal[0])
		return 0;
	if (policy->strict)
		return err_set(err, LLM_E_CONFIG, "the router %s cannot be followed: %s",
			policy->name, p->refusal);
	rank_in_order(s, p);
	return 0;
}

/* ---- the order ---- */

static uint64_t rank_small(uint32_t value)
{
	return value < 255 ? value : 255;
}

static void rank_keys(const snapshot *s, plan *p)
{
	uint32_t i, n = 0;

	for (i = 0; i < p->n_order; i++) {
		const llm_candidate_view *c = &s->candidates[p->kept[i]].view;
		rank_row *row = &p->rows[p->kept[i]];

		if (row->rank == NOT_SCORED) {
			row->removed = RANK_LEFT_OUT;
			continue;
		}
		p->keys[n].group = (uint64_t)c->level << 32 | rank_small(c->fit) << 8 |
			rank_small(c->health);
		p->keys[n].score = ~((uint64_t)row->score ^ (UINT64_C(1) << 63));
		p->keys[n++].candidate = p->kept[i];
	}
	p->n_order = n;
}

static int rank_before(const plan_key *a, const plan_key *b)
{
	if (a->group != b->group)
		return a->group < b->group;
	return a->score < b->score;
}

/* Stable, so that equals stay in the order of their ids. */
static void rank_merge(
	const plan_key *from, plan_key *to, uint32_t low, uint32_t middle, uint32_t high)
{
	uint32_t a = low, b = middle, i;

	for (i = low; i < high; i++)
		to[i] = b == high || (a < middle && !rank_before(&from[b], &from[a])) ? from[a++] :
											from[b++];
}

static void rank_sort(plan *p)
{
	plan_key *swap;
	uint32_t width, low, middle, high;

	for (width = 1; width < p->n_order; width *= 2) {
		for (low = 0; low < p->n_order; low = high) {
			middle = p->n_order - low < width ? p->n_order : low + width;
			high = p->n_order - middle < width ? p->n_order : middle + width;
			rank_merge(p->keys, p->spare, low, middle, high);
		}
		swap = p->keys;
		p->keys = p->spare;
		p->spare = swap;
	}
}

int32_t rank_plan(const snapshot *s, const rank_policy *policy, plan *p, llm_err *err)
{
	uint32_t i;
	int32_t rc;

	if (plan_room(p, s->n))
		return err_set(err, LLM_E_NOMEM, "no memory to rank %" PRIu32 " candidates", s->n);
	p->refusal[0] = '\0';
	p->scored = 0;
	p->policy = policy && policy->vt ? policy->name : "ordered";
	p->n_order = rank_keep(s, p);
	if (!p->n_order)
		return rank_nobody(s, p, err);
	rc = rank_follow(s, policy, p, err);
	if (rc) {
		p->n_order = 0;
		return rc;
	}
	rank_keys(s, p);
	rank_sort(p);
	for (i = 0; i < p->n_order; i++) {
		p->order[i] = p->keys[i].candidate;
		p->rows[p->order[i]].rank = i;
	}
	return 0;
}
