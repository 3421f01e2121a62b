/*
 * Every field of every exchange of tests/fixtures/openai is accounted for: mapped, read, or
 * ignored for a reason. The table is checked: without a field that is mapped some answer is
 * another one, and without one that is ignored every answer is the same.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "openai_fields.h"
#include "run/classify.h"
#include "support/exchange.h"
#include "support/neutral.h"
#include "wire/sse.h"

static int seen[200];
static int changed[200];

/* ---- paths ---- */

static int fits(const char *pattern, const char *path)
{
	size_t n = strlen(pattern);

	if (n > 2 && strcmp(pattern + n - 2, "**") == 0)
		return strncmp(pattern, path, n - 2) == 0;
	return strcmp(pattern, path) == 0;
}

static size_t row_of(const field *table, const char *path)
{
	size_t i;

	for (i = 0; table[i].path && !fits(table[i].path, path); i++)
		;
	return i;
}

static int is_leaf(const json_t *v)
{
	return json_is_object(v) ? json_object_size(v) == 0 :
				   !json_is_array(v) || json_array_size(v) == 0;
}

static void join(char *to, size_t cap, const char *path, const char *key)
{
	snprintf(to, cap, "%s%s%s", path, path[0] ? "." : "", key);
}

/* Marks the rows of all leaves; a leaf without a row fails. */
static void mark(const exchange *x, const field *table, const json_t *v, const char *path)
{
	char inner[300];
	const char *key;
	json_t *child;
	size_t i;

	if (is_leaf(v)) {
		i = row_of(table, path);
		cr_expect(table[i].path, "%s: nothing is said about %s", x->name, path);
		seen[i]++;
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)v, key, child)
	{
		join(inner, sizeof(inner), path, key);
		mark(x, table, child, inner);
	}
	json_array_foreach(v, i, child)
	{
		snprintf(inner, sizeof(inner), "%s[]", path);
		mark(x, table, child, inner);
	}
}

static int prune(json_t *v, const char *path, const char *pattern);

static int prune_object(json_t *v, const char *path, const char *pattern)
{
	char inner[300];
	const char *key;
	json_t *child;
	void *next;
	int n = 0;

	json_object_foreach_safe(v, next, key, child)
	{
		join(inner, sizeof(inner), path, key);
		n += prune(child, inner, pattern);
		if (fits(pattern, inner) && (is_leaf(child) || strchr(pattern, '*')))
			n += json_object_del(v, key) == 0;
	}
	return n;
}

/* Takes out what the pattern names; how much. */
static int prune(json_t *v, const char *path, const char *pattern)
{
	char inner[300];
	int n = 0;
	size_t i;

	if (json_is_object(v))
		return prune_object(v, path, pattern);
	snprintf(inner, sizeof(inner), "%s[]", path);
	for (i = json_array_size(v); i-- > 0;) {
		n += prune(json_array_get(v, i), inner, pattern);
		if (fits(pattern, inner) && is_leaf(json_array_get(v, i)))
			n += json_array_remove(v, i) == 0;
	}
	return n;
}

/* ---- documents of an answer ---- */

#define DOCS 30

typedef struct docs {
	const exchange *x;
	json_t *j[DOCS]; /* null: the end mark */
	size_t n;
} docs;

static int32_t on_frame(void *ctx, const frame *f)
{
	docs *d = ctx;

	cr_assert_lt(d->n, (size_t)DOCS);
	d->j[d->n++] = json_loadb(f->data.ptr, f->data.len, 0, NULL);
	return 0;
}

static void read_docs(const exchange *x, docs *d)
{
	llm_bytes residue;
	sse s;

	memset(d, 0, sizeof(*d));
	d->x = x;
	if (!x->is_stream) {
		d->j[d->n++] = json_loadb(x->body, x->body_len, 0, NULL);
		return;
	}
	sse_init(&s, mem_default(), 0);
	sse_feed(&s, x->body, x->body_len, on_frame, d);
	sse_end(&s, on_frame, d, &residue);
	sse_done(&s);
}

static void free_docs(docs *d)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		json_decref(d->j[i]);
}

/* ---- what becomes of them ---- */

static void add_facts(plug_text *t, const llm_error_facts *f, int32_t status, plug *p)
{
	verdict v = classify_reply(status, f, p->info->error_rules);
	char line[64];

	plug_add(t, f->message.ptr, f->message.len);
	plug_add(t, "|", 1);
	plug_add(t, f->code.ptr, f->code.len);
	plug_add(t, "|", 1);
	plug_add(t, f->type.ptr, f->type.len);
	snprintf(line, sizeof(line), "|%d", v.code);
	plug_add(t, line, strlen(line));
}

static void play_stream(const docs *d, plug_answer *a)
{
	llm_reply_view head = exchange_reply(d->x);
	llm_bytes residue = {"", 0};
	plug *p = d->x->p;
	uint32_t complete;
	void *stream;
	size_t i;

	plug_begin(p);
	cr_assert_eq(p->v->stream_open(p->instance, &head, &stream), 0);
	for (i = 0; i < d->n; i++) {
		char *text = d->j[i] ? json_dumps(d->j[i], JSON_COMPACT) : strdup("[DONE]");
		llm_frame_view f = {(uint32_t)sizeof(f), 0, {"", 0}, {text, strlen(text)}, {"", 0}};

		plug_begin(p);
		p->v->stream_frame(p->instance, stream, &f, &a->sink);
		free(text);
	}
	p->v->stream_close(p->instance, stream, &residue, &a->sink, &complete);
}

static void play_whole(const docs *d, plug_answer *a, plug_text *t)
{
	char *text = d->j[0] ? json_dumps(d->j[0], JSON_COMPACT | JSON_ENCODE_ANY) : strdup("");
	llm_reply_view reply = exchange_reply(d->x);
	plug *p = d->x->p;
	llm_error_facts facts;

	reply.body = (llm_bytes){text, strlen(text)};
	plug_begin(p);
	if (reply.status == 200) {
		p->v->parse_response(p->instance, &reply, &a->sink);
	} else {
		p->v->classify_error(p->instance, &reply, &facts);
		add_facts(t, &facts, reply.status, p);
	}
	plug_attempt_ends(p);
	free(text);
}

static void play_models(const docs *d, const char *operation, plug_text *t)
{
	char *text = json_dumps(d->j[0], JSON_COMPACT);
	llm_reply_view reply = exchange_reply(d->x);
	plug *p = d->x->p;
	const llm_models_ext *all = p->v->get_extension(p->instance, LLM_EXT_MODELS);
	const llm_model_ext *one = p->v->get_extension(p->instance, LLM_EXT_MODEL);
	plug_models m;
	size_t i;

	reply.body = (llm_bytes){text, strlen(text)};
	plug_models_init(&m);
	plug_begin(p);
	if (strcmp(operation, "models") == 0)
		all->parse(p->instance, &reply, &m.sink);
	else
		one->parse(p->instance, "m", &reply, &m.sink);
	for (i = 0; i < m.n; i++)
		plug_add(t, m.rows[i].name.ptr, m.rows[i].name.len);
	plug_models_done(&m);
	free(text);
}

/* All that came of it, as one text. */
static char *outcome(const docs *d)
{
	const char *operation = json_string_value(json_object_get(d->x->expectation, "operation"));
	plug_text t = {NULL, 0};
	plug_answer a;
	char *text;
	char line[100];

	plug_add(&t, "", 0);
	if (strcmp(operation, "chat") != 0) {
		play_models(d, operation, &t);
		return t.ptr;
	}
	plug_answer_init(&a);
	if (d->x->is_stream)
		play_stream(d, &a);
	else
		play_whole(d, &a, &t);
	if (a.n_errors)
		add_facts(&t, &a.facts, 200, d->x->p);
	text = plug_answer_print(&a);
	plug_add(&t, text, strlen(text));
	snprintf(line, sizeof(line), "%d %d", (int)a.metric[LLM_METRIC_PROMPT_MS],
		(int)a.metric[LLM_METRIC_OUTPUT_MS]);
	plug_add(&t, line, strlen(line));
	free(text);
	plug_answer_done(&a);
	plug_attempt_ends(d->x->p);
	return t.ptr;
}

/* ---- the tests ---- */

static void try_without(const exchange *x, const field *row, int *ret_changed)
{
	docs d;
	char *with;
	char *without;
	int n = 0;
	size_t i;

	read_docs(x, &d);
	with = outcome(&d);
	for (i = 0; i < d.n; i++)
		n += prune(d.j[i], "", row->path);
	without = outcome(&d);
	if (n && strcmp(with, without) != 0) {
		++*ret_changed;
		cr_expect_neq(row->how, IGNORED, "%s: without %s the answer is another", x->name,
			row->path);
	}
	free(with);
	free(without);
	free_docs(&d);
}

static int is_built(const exchange *x)
{
	return strcmp(json_string_value(json_object_get(x->expectation, "operation")), "none") != 0;
}

static void check_answer(exchange *x)
{
	docs d;
	size_t i;

	if (!is_built(x)) {
		cr_expect(json_object_get(x->expectation, "reason"), "%s: no reason", x->name);
		return;
	}
	read_docs(x, &d);
	for (i = 0; i < d.n; i++)
		if (d.j[i])
			mark(x, answers, d.j[i], "");
	free_docs(&d);
	for (i = 0; answers[i].path; i++)
		try_without(x, &answers[i], &changed[i]);
}

static void check_request(exchange *x)
{
	json_t *body = exchange_json(x, ".request.json");

	if (body && is_built(x))
		mark(x, requests, body, "");
	json_decref(body);
}

static void all_exchanges(void (*check)(exchange *x))
{
	plug p;

	cr_assert_eq(plug_open(&p, TEST_BINARY_DIR "/plugins/openai.so", NULL), 0);
	cr_expect_gt(exchange_all(&p, "openai", check), 70);
	plug_close(&p);
}

static void all_seen(const field *table)
{
	size_t i;

	for (i = 0; table[i].path; i++) {
		cr_expect_gt(seen[i], 0, "%s is in no exchange", table[i].path);
		cr_expect(table[i].what && table[i].what[0], "%s: no reason", table[i].path);
	}
}

Test(openai_fields, every_field_of_an_answer)
{
	size_t i;

	all_exchanges(check_answer);
	all_seen(answers);
	for (i = 0; answers[i].path; i++)
		if (answers[i].how == MAPPED)
			cr_expect_gt(changed[i], 0, "%s changes nothing", answers[i].path);
}

Test(openai_fields, every_field_of_a_request)
{
	all_exchanges(check_request);
	all_seen(requests);
}
