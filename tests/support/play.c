#include "support/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "run/classify.h"
#include "wire/ndjson.h"
#include "wire/sse.h"

/* What a plugin may not do at all ends the test's process. */
static void must(const exchange *x, int32_t rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s/%s: %s returned %d\n", x->provider, x->name, what, (int)rc);
	abort();
}

typedef struct feeder {
	exchange *x;
	outcome *o;
	void *stream;
	int bad; /* frames in a row that made no sense */
} feeder;

static int32_t on_frame(void *ctx, const frame *f)
{
	feeder *w = ctx;
	plug *p = w->x->p;
	llm_frame_view view = {(uint32_t)sizeof(view), 0, f->event, f->data, f->id};
	int32_t rc;

	plug_begin(p);
	rc = p->v->stream_frame(p->instance, w->stream, &view, &w->o->answer.sink);
	w->bad = rc == LLM_E_PROTOCOL ? w->bad + 1 : 0;
	/* As the core: one is passed over, two in a row end it (R-RETRY-21). */
	return rc == LLM_FRAME_LAST || w->bad == 1 ? 0 : rc;
}

static int32_t feed_sse(feeder *w, const size_t *cuts, llm_bytes *ret_residue, sse *s)
{
	const exchange *x = w->x;
	size_t at = 0;
	int32_t rc = 0;

	sse_init(s, mem_default(), 0);
	while (rc == 0 && at < x->body_len) {
		rc = sse_feed(s, x->body + at, *cuts - at, on_frame, w);
		at = *cuts++;
	}
	return rc ? rc : sse_end(s, on_frame, w, ret_residue);
}

static int32_t feed_ndjson(feeder *w, const size_t *cuts, llm_bytes *ret_residue, ndjson *n)
{
	const exchange *x = w->x;
	size_t at = 0;
	int32_t rc = 0;

	ndjson_init(n, mem_default(), 0);
	while (rc == 0 && at < x->body_len) {
		rc = ndjson_feed(n, x->body + at, *cuts - at, on_frame, w);
		at = *cuts++;
	}
	return rc ? rc : ndjson_end(n, on_frame, w, ret_residue);
}

/* `cuts`: where the pieces end, the last one at the body's end. */
static int32_t feed(feeder *w, const size_t *cuts)
{
	plug *p = w->x->p;
	llm_bytes residue = {"", 0};
	llm_caps caps = {.struct_size = (uint32_t)sizeof(caps)};
	ndjson n;
	int32_t rc;
	sse s;

	must(w->x, p->v->capabilities(p->instance, "m", &caps), "capabilities");
	if (caps.framing == LLM_FRAMING_SSE)
		rc = feed_sse(w, cuts, &residue, &s);
	else
		rc = feed_ndjson(w, cuts, &residue, &n);
	plug_begin(p);
	must(w->x,
		p->v->stream_close(
			p->instance, w->stream, &residue, &w->o->answer.sink, &w->o->complete),
		"stream_close");
	if (caps.framing == LLM_FRAMING_SSE)
		sse_done(&s);
	else
		ndjson_done(&n);
	return rc;
}

static void judge(outcome *o, const exchange *x)
{
	verdict v = classify_reply(x->status, &o->facts, x->p->info->error_rules);

	o->code = v.code;
	o->flags = v.flags;
}

/* As the core (R-ERR-8): withheld without a text is an error. */
static void judge_filter(outcome *o)
{
	const plug_answer *a = &o->answer;

	if (o->code == 0 && a->finish == LLM_FINISH_CONTENT_FILTER && !a->text.len && !a->n_calls)
		o->code = LLM_E_CONTENT_FILTERED;
}

void play_stream(exchange *x, const size_t *cuts, outcome *o)
{
	llm_reply_view head = exchange_reply(x);
	feeder w = {x, o, NULL, 0};

	memset(o, 0, sizeof(*o));
	plug_answer_init(&o->answer);
	head.body = (llm_bytes){"", 0};
	plug_begin(x->p);
	must(x, x->p->v->stream_open(x->p->instance, &head, &w.stream), "stream_open");
	o->code = feed(&w, cuts);
	plug_attempt_ends(x->p);
	o->facts = o->answer.facts;
	if (o->answer.n_errors)
		judge(o, x);
	else if (o->code == 0 && !o->complete)
		o->code = LLM_E_STREAM_BROKEN;
	judge_filter(o);
}

void play_whole(exchange *x, outcome *o)
{
	llm_reply_view reply = exchange_reply(x);
	plug *p = x->p;

	memset(o, 0, sizeof(*o));
	plug_answer_init(&o->answer);
	plug_begin(p);
	if (x->status / 100 == 2) {
		o->code = p->v->parse_response(p->instance, &reply, &o->answer.sink);
		o->facts = o->answer.facts;
		if (o->answer.n_errors)
			judge(o, x);
		judge_filter(o);
		return;
	}
	must(x, p->v->classify_error(p->instance, &reply, &o->facts), "classify_error");
	plug_begin(p); /* the facts must outlive the call */
	judge(o, x);
}

void outcome_done(outcome *o)
{
	plug_answer_done(&o->answer);
}

void play(exchange *x, outcome *o)
{
	if (x->is_stream)
		play_stream(x, &x->body_len, o);
	else
		play_whole(x, o);
}

int32_t play_models(const exchange *x, const char *operation, plug_http *h, plug_models *m)
{
	const char *model = json_string_value(
		json_object_get(json_object_get(x->expectation, "request"), "model"));
	const llm_provider_vtable *v = x->p->v;
	void *in = x->p->instance;
	llm_reply_view reply = exchange_reply(x);

	if (strcmp(operation, "models") == 0) {
		const llm_models_ext *e = v->get_extension(in, LLM_EXT_MODELS);

		must(x, e->build(in, NULL, &h->sink), "build");
		return e->parse(in, &reply, &m->sink);
	}
	if (strcmp(operation, "model") == 0) {
		const llm_model_ext *e = v->get_extension(in, LLM_EXT_MODEL);

		must(x, e->build(in, model, &h->sink), "build");
		return e->parse(in, model, &reply, &m->sink);
	}
	must(x, strcmp(operation, "state"), "the operation");
	const llm_state_ext *e = v->get_extension(in, LLM_EXT_STATE);

	must(x, e->build(in, &h->sink), "build");
	return e->parse(in, &reply, &m->sink);
}

void play_open(plug *p, const char *binary_dir, const char *provider)
{
	static const struct {
		const char *provider;
		const char *config[3];
	} rows[] = {
		{"ollama", {"base_url", "http://127.0.0.1:11434", NULL}},
		{"openai", {"base_url", "https://api.openai.com/v1", NULL}},
		{"gemini", {"base_url", "https://generativelanguage.googleapis.com/", NULL}},
	};
	char path[600];
	size_t i = 0;

	while (i < 2 && strcmp(rows[i].provider, provider) != 0)
		i++;
	snprintf(path, sizeof(path), "%s/plugins/%s.so", binary_dir, provider);
	if (plug_open(p, path, rows[i].config) == 0) {
		p->path = plug_keep_text(p, path, strlen(path));
		return;
	}
	fprintf(stderr, "%s cannot be opened\n", path);
	abort();
}

int play_all(const char *binary_dir, const char *provider, void (*each)(exchange *x))
{
	plug p;
	int n;

	play_open(&p, binary_dir, provider);
	n = exchange_all(&p, provider, each);
	plug_close(&p);
	return n;
}
