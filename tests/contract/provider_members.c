/*
 * Every member of every request and answer of tests/fixtures is accounted for in a table:
 * mapped, read, refused, or ignored for a reason. A member that no row names fails. The
 * tables are checked: without a member that is mapped some answer is another one, and
 * without one that is ignored every answer is the same; a request's members that are mapped
 * stand in a request that provider_requests.c builds whole. Exchanges of operations that
 * are not built say why, all of them together.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "members_gemini.h"
#include "members_ollama.h"
#include "members_openai.h"
#include "members_path.h"
#include "support/play.h"
#include "wire/ndjson.h"
#include "wire/sse.h"

#define ROWS 200

/* What the exchanges had of a table. */
typedef struct book {
	const member *rows;
	int seen[ROWS];
	int proved[ROWS]; /* it changed an answer, or stands in a request that is built */
	json_t *paths; /* every path that came: true when a row or a reason accounts for it */
} book;

typedef struct wire {
	const char *provider;
	const char *page; /* lists all that is ignored of answers; null: it does not */
	book answers;
	book requests;
} wire;

static wire wires[] = {
	{.provider = "ollama", .answers.rows = ollama_answers, .requests.rows = ollama_requests},
	{.provider = "openai", .answers.rows = openai_answers, .requests.rows = openai_requests},
	{.provider = "gemini",
		.page = "docs/providers/gemini.md",
		.answers.rows = gemini_answers,
		.requests.rows = gemini_requests},
};

static wire *now; /* whose exchanges are read */

static void mark_leaf(const exchange *x, book *b, const char *path, int is_built)
{
	size_t row = row_of(b->rows, path);

	if (!is_built) { /* the exchange says why */
		if (!json_object_get(b->paths, path))
			json_object_set_new(b->paths, path, json_true());
		return;
	}
	json_object_set_new(b->paths, path, json_boolean(b->rows[row].path));
	cr_expect(b->rows[row].path, "%s/%s: nothing is said about %s", x->provider, x->name, path);
	b->seen[row]++;
}

/* Marks the rows of all leaves. */
static void mark(const exchange *x, book *b, const json_t *v, const char *path, int is_built)
{
	char inner[300];
	const char *key;
	json_t *child;
	size_t i;

	if (is_leaf(v)) {
		mark_leaf(x, b, path, is_built);
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)v, key, child)
	{
		join(inner, sizeof(inner), path, key);
		mark(x, b, child, inner, is_built);
	}
	json_array_foreach(v, i, child)
	{
		snprintf(inner, sizeof(inner), "%s[]", path);
		mark(x, b, child, inner, is_built);
	}
}

/* ---- the documents of an answer ---- */

#define DOCS 40

typedef struct docs {
	json_t *j[DOCS]; /* null: no JSON, then */
	char *text[DOCS]; /* what stood there */
	size_t n;
	size_t n_frames; /* what is behind them was left over */
} docs;

static void add_doc(docs *d, const char *text, size_t len)
{
	cr_assert_lt(d->n, (size_t)DOCS);
	d->j[d->n] = json_loadb(text, len, JSON_DECODE_ANY, NULL);
	d->text[d->n++] = strndup(text, len);
}

static int32_t on_frame(void *ctx, const frame *f)
{
	add_doc(ctx, f->data.ptr, f->data.len);
	return 0;
}

static int is_lines(const exchange *x)
{
	return strcmp(x->provider, "ollama") == 0;
}

static void read_stream(const exchange *x, docs *d)
{
	llm_bytes residue = {"", 0};
	ndjson lines;
	sse s;

	if (is_lines(x)) {
		ndjson_init(&lines, mem_default(), 0);
		ndjson_feed(&lines, x->body, x->body_len, on_frame, d);
		ndjson_end(&lines, on_frame, d, &residue);
	} else {
		sse_init(&s, mem_default(), 0);
		sse_feed(&s, x->body, x->body_len, on_frame, d);
		sse_end(&s, on_frame, d, &residue);
	}
	d->n_frames = d->n;
	if (residue.len)
		add_doc(d, residue.ptr, residue.len);
	if (is_lines(x))
		ndjson_done(&lines);
	else
		sse_done(&s);
}

static void read_docs(const exchange *x, docs *d)
{
	memset(d, 0, sizeof(*d));
	if (x->is_stream)
		read_stream(x, d);
	else
		add_doc(d, x->body, x->body_len);
}

static void free_docs(docs *d)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		json_decref(d->j[i]);
		free(d->text[i]);
	}
}

/* As a body again. */
static void write_docs(const exchange *x, const docs *d, plug_text *body)
{
	size_t i;

	plug_add(body, "", 0);
	for (i = 0; i < d->n; i++) {
		char *text = d->j[i] ? json_dumps(d->j[i], JSON_COMPACT | JSON_ENCODE_ANY) :
				       strdup(d->text[i]);
		int framed = i < d->n_frames;

		if (framed && !is_lines(x))
			plug_add(body, "data: ", 6);
		plug_add(body, text, strlen(text));
		if (framed)
			plug_add(body, "\n\n", is_lines(x) ? 1 : 2);
		free(text);
	}
}

/* ---- what becomes of them ---- */

static void add_number(plug_text *t, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), " %lld", (long long)n);
	plug_add(t, text, strlen(text));
}

static void add_bytes(plug_text *t, const llm_bytes *b)
{
	plug_add(t, "|", 1);
	plug_add(t, b->ptr ? b->ptr : "", b->len);
}

static void add_models(exchange *x, const char *operation, plug_text *t)
{
	plug_models m;
	plug_http h;
	size_t i;

	plug_models_init(&m);
	plug_http_init(&h);
	plug_begin(x->p);
	add_number(t, play_models(x, operation, &h, &m));
	plug_add(t, m.cursor.ptr ? m.cursor.ptr : "", m.cursor.len);
	for (i = 0; i < m.n; i++) {
		const plug_model *row = &m.rows[i];

		plug_add(t, row->name.ptr, row->name.len);
		plug_add(t, row->detail.ptr ? row->detail.ptr : "", row->detail.len);
		add_number(t, row->size_bytes);
		add_number(t, row->context_tokens);
		add_number(t, row->loaded);
		plug_add(t, (const char *)&row->caps, sizeof(row->caps));
	}
	plug_models_done(&m);
	plug_http_done(&h);
}

static void add_chat(exchange *x, plug_text *t)
{
	outcome o;
	char *text;

	play(x, &o);
	text = plug_answer_print(&o.answer);
	plug_add(t, text, strlen(text));
	free(text);
	add_bytes(t, &o.facts.message);
	add_bytes(t, &o.facts.code);
	add_bytes(t, &o.facts.type);
	add_number(t, o.facts.retry_after_ms);
	add_number(t, o.code);
	add_number(t, o.flags);
	add_number(t, o.complete);
	add_number(t, (int64_t)o.answer.metric[LLM_METRIC_PROMPT_MS]);
	add_number(t, (int64_t)o.answer.metric[LLM_METRIC_OUTPUT_MS]);
	outcome_done(&o);
	plug_attempt_ends(x->p);
}

/* All that comes of these documents. */
static plug_text outcome_of(exchange *x, const docs *d)
{
	const char *operation = json_string_value(json_object_get(x->expectation, "operation"));
	exchange with = *x;
	plug_text body = {NULL, 0};
	plug_text t = {NULL, 0};

	write_docs(x, d, &body);
	with.body = body.ptr;
	with.body_len = body.len;
	plug_add(&t, "", 0);
	if (strcmp(operation, "chat") == 0)
		add_chat(&with, &t);
	else
		add_models(&with, operation, &t);
	plug_clear(&body);
	return t;
}

static void try_without(exchange *x, book *b, size_t row)
{
	docs d;
	plug_text with;
	plug_text without;
	int n = 0;
	size_t i;

	read_docs(x, &d);
	with = outcome_of(x, &d);
	for (i = 0; i < d.n; i++)
		n += prune(d.j[i], "", b->rows[row].path);
	without = outcome_of(x, &d);
	if (n && (with.len != without.len || memcmp(with.ptr, without.ptr, with.len) != 0)) {
		b->proved[row]++;
		cr_expect_neq(b->rows[row].how, IGNORED, "%s/%s: without %s the answer is another",
			x->provider, x->name, b->rows[row].path);
	}
	plug_clear(&with);
	plug_clear(&without);
	free_docs(&d);
}

/* ---- the exchanges ---- */

static int is_built(const exchange *x)
{
	const char *operation = json_string_value(json_object_get(x->expectation, "operation"));

	if (strcmp(operation, "none") != 0)
		return 1;
	cr_expect(json_string_length(json_object_get(x->expectation, "reason")) > 0,
		"%s/%s: it is not built, and no reason is given", x->provider, x->name);
	return 0;
}

static void check_answer(exchange *x)
{
	book *b = &now->answers;
	int built = is_built(x);
	docs d;
	size_t i;

	read_docs(x, &d);
	for (i = 0; i < d.n; i++)
		if (d.j[i] && !json_is_string(d.j[i]))
			mark(x, b, d.j[i], "", built);
	free_docs(&d);
	for (i = 0; built && b->rows[i].path; i++)
		try_without(x, b, i);
}

/* A request that is built is compared whole elsewhere: all of it is proved. */
static void prove_request(book *b, const json_t *body)
{
	size_t i;

	for (i = 0; b->rows[i].path; i++) {
		json_t *copy = json_deep_copy(body);

		b->proved[i] += prune(copy, "", b->rows[i].path);
		json_decref(copy);
	}
}

static void check_request(exchange *x)
{
	const json_t *request = json_object_get(x->expectation, "request");
	json_t *body = exchange_json(x, ".request.json");

	if (body && !is_leaf(body))
		mark(x, &now->requests, body, "", is_built(x));
	if (body && json_is_object(request))
		prove_request(&now->requests, body);
	json_decref(body);
}

static void check_exchange(exchange *x)
{
	check_answer(x);
	check_request(x);
}

/* ---- the tables ---- */

static void check_book(const wire *w, const book *b)
{
	size_t i;

	for (i = 0; b->rows[i].path; i++) {
		const member *m = &b->rows[i];

		cr_assert_lt(i + 1, (size_t)ROWS);
		cr_expect_gt(b->seen[i], 0, "%s: %s is in no exchange", w->provider, m->path);
		cr_expect(m->what && m->what[0], "%s: %s: no reason", w->provider, m->path);
		if (m->how == MAPPED)
			cr_expect_gt(
				b->proved[i], 0, "%s: %s changes nothing", w->provider, m->path);
		if (b == &w->requests && m->how != MAPPED)
			cr_expect_eq(b->proved[i], 0, "%s: %s is sent", w->provider, m->path);
	}
}

/* The last name in a path, without what stands for elements and all below. */
static void name_in(const char *path, char ret[80])
{
	size_t len = strcspn(path, "*");
	size_t at;

	while (len > 2 && path[len - 1] == ']')
		len -= 2;
	for (at = len; at > 0 && path[at - 1] != '.'; at--)
		;
	snprintf(ret, 80, "`%.*s`", (int)(len - at), path + at);
}

static void check_page(const wire *w)
{
	char name[80];
	size_t len;
	size_t i;
	char *page;

	if (!w->page)
		return;
	page = plug_read_file(w->page, &len);
	cr_assert(page, "%s", w->page);
	for (i = 0; w->answers.rows[i].path; i++) {
		if (w->answers.rows[i].how != IGNORED)
			continue;
		name_in(w->answers.rows[i].path, name);
		cr_expect(strstr(page, name), "%s does not list %s", w->page, name);
	}
	free(page);
}

static size_t count(const book *b, size_t *ret_accounted)
{
	const char *path;
	json_t *is_accounted;
	size_t n = 0;

	json_object_foreach(b->paths, path, is_accounted)
	{
		n++;
		*ret_accounted += json_is_true(is_accounted);
	}
	return n;
}

Test(provider_members, every_member_of_every_fixture_is_accounted_for)
{
	static const int exchanges[] = {51, 78, 51};
	size_t all = 0;
	size_t accounted = 0;
	size_t i;

	for (i = 0; i < sizeof(wires) / sizeof(wires[0]); i++) {
		now = &wires[i];
		now->answers.paths = json_object();
		now->requests.paths = json_object();
		cr_expect_eq(
			play_all(TEST_BINARY_DIR, now->provider, check_exchange), exchanges[i]);
		check_book(now, &now->answers);
		check_book(now, &now->requests);
		check_page(now);
		all += count(&now->answers, &accounted) + count(&now->requests, &accounted);
		json_decref(now->answers.paths);
		json_decref(now->requests.paths);
	}
	printf("fields accounted for: %zu of %zu\n", accounted, all);
	fflush(stdout);
	cr_expect_eq(accounted, all);
}
