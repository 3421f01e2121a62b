/*
 * simread.c - the text of a simulation: a JSON object a line, the first of the candidates, each
 * further one a moment. Members are rows of tables.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "route/simulate.h"
#include "wire/jsonr.h"
#include "wire/money.h"
#include "wire/num.h"

#define NAME_CAP 256
#define MEMBERS 16

typedef struct sim_in {
	sim_world *w;
	llm_err *err;
	size_t line;
	const char *key; /* that is being read */
	jsonr r;
} sim_in;

typedef struct sim_member {
	const char *name;
	int32_t (*read)(sim_in *in, const struct sim_member *m, void *object);
	size_t at;
	int64_t least;
	int64_t most;
} sim_member;

/* ---- errors ---- */

static int32_t simread_refuse(const sim_in *in, const char *what, const char *expected)
{
	return err_set(in->err, LLM_E_INVALID_REQUEST, "%.200s:%zu: %s%s%s\nexpected: %s",
		in->w->name, in->line, in->key ? in->key : "", in->key ? " " : "", what, expected);
}

static int32_t simread_nomem(const sim_in *in)
{
	return err_set(in->err, LLM_E_NOMEM, "no memory to read %.200s", in->w->name);
}

/* What a reader of one value says when there was none of its kind. */
static int32_t simread_wrong(sim_in *in, const char *expected)
{
	return simread_refuse(in, "has a value that cannot be taken", expected);
}

/* ---- single values ---- */

static int32_t simread_int(sim_in *in, const sim_member *m, void *object)
{
	char expected[96];
	int64_t value;

	if (jsonr_int(&in->r, &value) && value >= m->least && value <= m->most) {
		*(int64_t *)(void *)((char *)object + m->at) = value;
		return 0;
	}
	(void)snprintf(expected, sizeof(expected), "a whole number from %" PRId64 " to %" PRId64,
		m->least, m->most);
	return simread_wrong(in, expected);
}

static int32_t simread_flag(sim_in *in, const sim_member *m, void *object)
{
	int on;

	if (!jsonr_bool(&in->r, &on))
		return simread_wrong(in, "true or false");
	*(int64_t *)(void *)((char *)object + m->at) = on;
	return 0;
}

/* Null in *ret when it is no text, or empty, too long, or holds a NUL. */
static int32_t simread_word(sim_in *in, const char **ret)
{
	jsonr_text text;
	char *copy;

	*ret = NULL;
	if (!jsonr_string(&in->r, &text) || !text.len || text.len > NAME_CAP)
		return 0;
	copy = arena_new(in->w->mem, text.len + 1);
	if (!copy)
		return simread_nomem(in);
	if (!memchr(copy, '\0', jsonr_decode(&text, copy)))
		*ret = copy;
	return 0;
}

static int32_t simread_text(sim_in *in, const sim_member *m, void *object)
{
	const char *text;
	int32_t rc = simread_word(in, &text);

	if (!rc && !text)
		return simread_wrong(in, "text of 1 to 256 bytes");
	*(const char **)(void *)((char *)object + m->at) = text;
	return rc;
}

static int32_t simread_money(sim_in *in, const sim_member *m, void *object)
{
	const char *text;
	int32_t rc = simread_word(in, &text);

	if (rc)
		return rc;
	if (!text ||
		!money_read(text, strlen(text), MONEY_PICO,
			(int64_t *)(void *)((char *)object + m->at)))
		return simread_wrong(in,
			"US dollars per million tokens as text with at most 6 decimal "
			"places, such as \"0.15\"");
	return 0;
}

static int32_t simread_code(sim_in *in, const sim_member *m, void *object)
{
	const llm_error_info *info = NULL;
	const char *text;
	int32_t rc = simread_word(in, &text);

	if (rc)
		return rc;
	if (text)
		info = llm_error_info_named(text);
	if (!info || info->code == LLM_OK)
		return simread_wrong(in,
			"the name of an error, such as \"CONNECTION\" (llmctl errors lists them)");
	*(int64_t *)(void *)((char *)object + m->at) = info->code;
	return 0;
}

/* ---- objects ---- */

static const sim_member *simread_find(
	sim_in *in, const sim_member *members, const jsonr_text *key, int32_t *ret_rc)
{
	char name[NAME_CAP], what[2 * NAME_CAP];
	const char *names[MEMBERS], *near;
	size_t n;

	for (n = 0; members[n].name; n++) {
		if (jsonr_equals(key, members[n].name))
			return &members[n];
		names[n] = members[n].name;
	}
	name[key->len < sizeof(name) / 2 ? jsonr_decode(key, name) : 0] = '\0';
	near = text_nearest(name, names, n);
	(void)snprintf(what, sizeof(what), "unknown key '%s'%s%s%s", name,
		near ? " - did you mean '" : "", near ? near : "", near ? "'?" : "");
	in->key = NULL;
	*ret_rc = simread_refuse(in, what, "the keys that docs/routing.md lists");
	return NULL;
}

static int32_t simread_object(sim_in *in, const sim_member *members, void *object)
{
	const char *outer = in->key;
	const sim_member *m;
	jsonr_text key;
	uint32_t seen = 0;
	int32_t rc = 0;

	if (!jsonr_enter_object(&in->r))
		return jsonr_status(&in->r) ? 0 : simread_wrong(in, "an object { ... }");
	while (!rc && jsonr_member(&in->r, &key)) {
		m = simread_find(in, members, &key, &rc);
		if (!m)
			break;
		in->key = m->name;
		if (seen & (UINT32_C(1) << (m - members)))
			rc = simread_refuse(in, "stands twice", "each key once");
		seen |= UINT32_C(1) << (m - members);
		if (!rc)
			rc = m->read(in, m, object);
	}
	in->key = rc ? in->key : outer;
	return rc;
}

/* ---- how an attempt ends ---- */

static const sim_member simread_end_members[] = {
	{"error", simread_code, offsetof(sim_end, code), 0, 0},
	{"first_token_ms", simread_int, offsetof(sim_end, first_token_ms), 0, SIM_MS_MAX},
	{"total_ms", simread_int, offsetof(sim_end, total_ms), 0, SIM_MS_MAX},
	{"retry_after_ms", simread_int, offsetof(sim_end, retry_after_ms), 0, SIM_MS_MAX},
	{NULL, NULL, 0, 0, 0},
};

static int32_t simread_end(sim_in *in, const sim_member *m, void *object)
{
	sim_end end = {0, -1, -1, -1};
	int32_t rc = simread_object(in, simread_end_members, &end);

	if (rc)
		return rc;
	if (end.total_ms < 0)
		end.total_ms = end.first_token_ms < 0 ? 0 : end.first_token_ms;
	if (end.first_token_ms < 0)
		end.first_token_ms = end.total_ms;
	if (end.first_token_ms > end.total_ms)
		return simread_refuse(in, "has its first token after its end",
			"first_token_ms not above total_ms");
	*(sim_end *)(void *)((char *)object + m->at) = end;
	return 0;
}

/* ---- the first line ---- */

static const sim_member simread_candidate_members[] = {
	{"id", simread_text, offsetof(sim_candidate, id), 0, 0},
	{"level", simread_int, offsetof(sim_candidate, level), 0, 1000},
	{"weight", simread_int, offsetof(sim_candidate, weight), 0, 1000000},
	{"limit", simread_int, offsetof(sim_candidate, limit), 0, 1000000},
	{"local", simread_flag, offsetof(sim_candidate, local), 0, 0},
	{"loaded", simread_flag, offsetof(sim_candidate, loaded), 0, 0},
	{"input_price", simread_money, offsetof(sim_candidate, input_picousd), 0, 0},
	{"output_price", simread_money, offsetof(sim_candidate, output_picousd), 0, 0},
	{"max_input_tokens", simread_int, offsetof(sim_candidate, max_input_tokens), 1,
		INT64_C(1000000000000)},
	{"ends", simread_end, offsetof(sim_candidate, end), 0, 0},
	{NULL, NULL, 0, 0, 0},
};

/* Puts `c` where its id belongs. */
static int32_t simread_place(sim_in *in, const sim_candidate *c)
{
	sim_candidate *all = in->w->candidates;
	uint32_t i = in->w->n;

	while (i > 0 && strcmp(all[i - 1].id, c->id) > 0)
		i--;
	if (i > 0 && strcmp(all[i - 1].id, c->id) == 0) {
		in->key = c->id;
		return simread_refuse(in, "stands twice", "candidates with different ids");
	}
	memmove(&all[i + 1], &all[i], (in->w->n - i) * sizeof(*all));
	all[i] = *c;
	in->w->n++;
	return 0;
}

static int32_t simread_candidates(sim_in *in, const sim_member *m, void *object)
{
	int32_t rc = 0;

	(void)m;
	(void)object;
	in->w->candidates = arena_array(in->w->mem, SIM_CANDIDATES + 1, sizeof(sim_candidate));
	if (!in->w->candidates)
		return simread_nomem(in);
	if (!jsonr_enter_array(&in->r))
		return simread_wrong(in, "a list of candidates [ { \"id\": ... }, ... ]");
	while (!rc && jsonr_element(&in->r)) {
		sim_candidate c = {.position = in->w->n,
			.weight = 1,
			.local = -1,
			.loaded = -1,
			.input_picousd = -1,
			.output_picousd = -1,
			.max_input_tokens = -1};

		rc = simread_object(in, simread_candidate_members, &c);
		if (rc || jsonr_status(&in->r))
			return rc;
		if (!c.id)
			rc = simread_refuse(in, "has one without an id", "\"id\": \"ollama/a\"");
		else if (in->w->n == SIM_CANDIDATES)
			rc = simread_refuse(in, "has too many", "at most 64 candidates");
		else
			rc = simread_place(in, &c);
	}
	return rc;
}

/* An option's value as a configuration would say it. */
static int32_t simread_option(sim_in *in, host_config_item *ret)
{
	llm_bytes raw;

	if (jsonr_peek(&in->r) == JSONR_STRING) {
		int32_t rc = simread_word(in, &ret->text);

		return rc || ret->text ? rc : simread_wrong(in, "text of 1 to 256 bytes");
	}
	if (jsonr_peek(&in->r) == JSONR_OBJECT || jsonr_peek(&in->r) == JSONR_ARRAY ||
		!jsonr_raw(&in->r, &raw))
		return simread_wrong(in, "text, a number, true or false");
	ret->text = arena_dup(in->w->mem, raw.ptr, raw.len);
	return ret->text ? 0 : simread_nomem(in);
}

static int32_t simread_options(sim_in *in, const sim_member *m, void *object)
{
	host_config_item *list = arena_array(in->w->mem, MEMBERS, sizeof(*list));
	jsonr_text key;
	char *name;
	int32_t rc = 0;

	(void)m;
	(void)object;
	if (!list)
		return simread_nomem(in);
	if (!jsonr_enter_object(&in->r))
		return simread_wrong(in, "an object { ... }");
	in->w->options = list;
	while (!rc && jsonr_member(&in->r, &key)) {
		if (in->w->n_options == MEMBERS || key.len > NAME_CAP)
			return simread_wrong(in, "at most 16 options of the policy");
		name = arena_new(in->w->mem, key.len + 1);
		if (!name)
			return simread_nomem(in);
		(void)jsonr_decode(&key, name);
		list[in->w->n_options].key = name;
		rc = simread_option(in, &list[in->w->n_options++]);
	}
	return rc;
}

static const sim_member simread_head_members[] = {
	{"policy", simread_text, offsetof(sim_world, policy), 0, 0},
	{"options", simread_options, 0, 0, 0},
	{"seed", simread_int, offsetof(sim_world, seed), 0, INT64_MAX},
	{"local_only", simread_flag, offsetof(sim_world, local_only), 0, 0},
	{"candidates", simread_candidates, 0, 0, 0},
	{NULL, NULL, 0, 0, 0},
};

static int32_t simread_head(sim_in *in)
{
	int32_t rc = simread_object(in, simread_head_members, in->w);

	if (rc || jsonr_status(&in->r))
		return rc;
	if (!in->w->n)
		return simread_refuse(in, "the first line names no candidate",
			"{\"policy\": \"latency\", \"candidates\": [{\"id\": \"ollama/a\"}, ...]}");
	return 0;
}

/* ---- moments ---- */

static uint32_t simread_number_of(const sim_world *w, const jsonr_text *id)
{
	uint32_t i;

	for (i = 0; i < w->n; i++)
		if (jsonr_equals(id, w->candidates[i].id))
			break;
	return i;
}

static int32_t simread_changes(sim_in *in, const sim_member *m, void *object)
{
	static const sim_member whole = {"ends", simread_end, 0, 0, 0};
	sim_moment *to = object;
	jsonr_text id;
	sim_change *c;
	int32_t rc = 0;

	(void)m;
	to->changes = arena_array(in->w->mem, SIM_CANDIDATES, sizeof(*to->changes));
	if (!to->changes)
		return simread_nomem(in);
	if (!jsonr_enter_object(&in->r))
		return simread_wrong(in, "an object { \"ID\": { ... }, ... }");
	while (!rc && jsonr_member(&in->r, &id)) {
		const uint32_t candidate = simread_number_of(in->w, &id);

		if (candidate == in->w->n || to->n_changes == SIM_CANDIDATES)
			return simread_refuse(in, "is of a candidate that there is not",
				"ids of the first line, each once");
		c = &to->changes[to->n_changes++];
		c->candidate = candidate;
		rc = simread_end(in, &whole, &c->end);
	}
	return rc;
}

static const sim_member simread_moment_members[] = {
	{"at_ms", simread_int, offsetof(sim_moment, at_ms), 0, SIM_MS_MAX},
	{"runs", simread_int, offsetof(sim_moment, runs), 0, SIM_RUNS},
	{"every_ms", simread_int, offsetof(sim_moment, every_ms), 0, SIM_MS_MAX},
	{"input_tokens", simread_int, offsetof(sim_moment, input_tokens), 0,
		INT64_C(1000000000000)},
	{"output_tokens", simread_int, offsetof(sim_moment, output_tokens), 0,
		INT64_C(1000000000000)},
	{"head", simread_text, offsetof(sim_moment, head), 0, 0},
	{"head_bytes", simread_int, offsetof(sim_moment, head_bytes), 0, 8192},
	{"ends", simread_changes, 0, 0, 0},
	{NULL, NULL, 0, 0, 0},
};

/* When the last run of a moment comes. */
static int64_t simread_last(const sim_moment *m)
{
	return m->at_ms + (m->runs > 1 ? (m->runs - 1) * m->every_ms : 0);
}

static int32_t simread_moment(sim_in *in, sim_moment *m)
{
	int32_t rc;

	*m = (sim_moment){.at_ms = -1, .runs = 1, .output_tokens = -1, .head_bytes = 4096};
	rc = simread_object(in, simread_moment_members, m);
	if (rc || jsonr_status(&in->r))
		return rc;
	in->key = "at_ms";
	if (m->at_ms < 0)
		return simread_refuse(in, "is missing", "when it happens, in ms since the start");
	if (in->w->n_moments && m->at_ms < simread_last(m - 1))
		return simread_refuse(in, "is before the last run of the line above",
			"moments in the order in which they happen");
	in->key = "runs";
	if (in->w->n_runs + m->runs > SIM_RUNS || simread_last(m) > SIM_MS_MAX)
		return simread_refuse(in, "are too many", "at most 100000 in all, within 30 days");
	in->w->n_runs += (uint32_t)m->runs;
	in->w->n_moments++;
	return 0;
}

/* ---- lines ---- */

static int32_t simread_line(sim_in *in, const char *line, size_t len)
{
	int32_t rc;

	while (len && (line[len - 1] == '\r' || line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	if (!len || line[0] == '#')
		return 0;
	in->key = NULL;
	jsonr_init(&in->r, line, len);
	rc = in->w->n ? simread_moment(in, &in->w->moments[in->w->n_moments]) : simread_head(in);
	if (rc || !jsonr_finish(&in->r))
		return rc;
	in->key = NULL;
	return simread_refuse(in, "this is no JSON object", "one object a line");
}

static size_t simread_count(const char *text, size_t len)
{
	size_t i, n = 1;

	for (i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

int32_t simulate_read(
	const char *text, size_t len, const char *name, arena *mem, sim_world *ret, llm_err *err)
{
	sim_world w = {.mem = mem, .name = name, .policy = "ordered"};
	sim_in in = {.w = &w, .err = err};
	const char *end;
	size_t n;
	int32_t rc = 0;

	w.moments = arena_array(mem, simread_count(text, len), sizeof(*w.moments));
	if (!w.moments)
		return simread_nomem(&in);
	for (; !rc && len; text += n, len -= n) {
		in.line++;
		end = memchr(text, '\n', len);
		n = end ? (size_t)(end - text) : len;
		rc = simread_line(&in, text, n);
		n += end != NULL;
	}
	in.key = NULL;
	if (!rc && !w.n)
		rc = simread_refuse(&in, "there is no line", "candidates, then moments");
	if (!rc)
		*ret = w;
	return rc;
}
