#include "options.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "wire/jsonio.h"
#include "wire/jsonw.h"
#include "wire/num.h"

static const llm_key_info *described(const llm_provider_info *info, const char *name)
{
	const llm_key_info *const *k = info->request_options;

	for (; k && *k; k++)
		if (strcmp((*k)->name, name) == 0)
			return *k;
	return NULL;
}

static int32_t unknown_option(const llm_provider_info *info, const char *name, llm_err *err)
{
	static const char *const neutral[] = {"temperature", "top_p", "top_k", "min_p", "seed",
		"max_tokens", "presence_penalty", "frequency_penalty", "repeat_penalty", "stop",
		"reasoning", "truncate", "logprobs", "top_logprobs", "parallel_tools", "choices"};
	enum { NEUTRAL = sizeof(neutral) / sizeof(neutral[0]), MOST = NEUTRAL + 64 };
	const llm_key_info *const *k = info->request_options;
	const char *names[MOST], *near;
	size_t n = NEUTRAL;

	memcpy(names, neutral, sizeof(neutral));
	for (; k && *k && n < MOST; k++)
		names[n++] = (*k)->name;
	near = text_nearest(name, names, n);
	if (near)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"%s has no option \"%.64s\"; did you mean \"%s\"?", info->label, name,
			near);
	return err_set(err, LLM_E_INVALID_REQUEST, "%s has no option \"%.64s\"", info->label, name);
}

static int32_t wrong_type(const llm_key_info *k, llm_err *err)
{
	static const char *const forms[] = {"", "text", "true or false", "a whole number",
		"a number", "a duration such as 500ms, 10s or 5m", "a size such as 64k or 2M",
		"a JSON array of strings", "a JSON document"};

	return err_set(err, LLM_E_INVALID_REQUEST, "the option \"%s\" must be %s%s%s%s", k->name,
		forms[k->type <= LLM_TYPE_JSON ? k->type : LLM_TYPE_JSON], k->unit ? " (" : "",
		k->unit ? k->unit : "", k->unit ? ")" : "");
}

/* Writes a scalar as JSON; 0 when the text is not of the type. */
static int write_scalar(jsonw *w, uint32_t type, const char *text, size_t len)
{
	int64_t whole;
	uint64_t units;
	double real;
	int on;

	switch (type) {
	case LLM_TYPE_STRING:
		jsonw_string(w, text, len);
		return 1;
	case LLM_TYPE_BOOL:
		if (!num_read_bool(text, len, &on))
			return 0;
		jsonw_bool(w, on);
		return 1;
	case LLM_TYPE_INT:
		if (!num_read_i64(text, len, &whole))
			return 0;
		jsonw_int(w, whole);
		return 1;
	case LLM_TYPE_REAL:
		if (!num_read_double(text, len, &real))
			return 0;
		jsonw_double(w, real);
		return 1;
	default:
		if (!(type == LLM_TYPE_SIZE ? num_read_size : num_read_duration_ms)(
			    text, len, &units) ||
			units > INT64_MAX)
			return 0;
		jsonw_int(w, (int64_t)units);
		return 1;
	}
}

static int is_strings(const char *text, size_t len)
{
	json_t *doc;
	size_t i;
	int ok;

	if (jsonio_load(text, len, "the option", &doc, NULL))
		return 0;
	ok = json_is_array(doc);
	for (i = 0; ok && i < json_array_size(doc); i++)
		ok = json_is_string(json_array_get(doc, i));
	json_decref(doc);
	return ok;
}

static int32_t put_buf(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

static int32_t write_value(
	llm_call *c, const llm_key_info *k, const char *text, llm_bytes *ret, llm_err *err)
{
	size_t len = strlen(text);
	buf b;
	jsonw w;
	int32_t rc;

	if (k->type == LLM_TYPE_STRINGS && !is_strings(text, len))
		return wrong_type(k, err);
	if (k->type >= LLM_TYPE_JSON && jsonio_check(text, len, 0, "the option", NULL))
		return wrong_type(k, err);
	buf_init(&b, &c->mem, 0);
	jsonw_init(&w, put_buf, &b);
	if (k->type >= LLM_TYPE_STRINGS)
		jsonw_raw(&w, text, len);
	else if (!write_scalar(&w, k->type, text, len)) {
		buf_done(&b);
		return wrong_type(k, err);
	}
	rc = jsonw_finish(&w);
	ret->ptr = rc ? NULL : arena_dup(&c->ar, buf_text(&b), b.len);
	ret->len = b.len;
	buf_done(&b);
	return ret->ptr ? 0 : err_set(err, LLM_E_NOMEM, "out of memory");
}

int32_t options_for(llm_call *c, target *t, llm_err *err)
{
	const llm_provider_info *info = t->up->plug->info;
	const list *asked = &c->rq->options;
	const llm_option_view **views;
	size_t i;

	if (!asked->n)
		return 0;
	views = arena_array(&c->ar, asked->n, sizeof(void *));
	if (!views)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	for (i = 0; i < asked->n; i++) {
		const request_option *o = asked->items[i];
		const llm_key_info *k = described(info, o->name);
		llm_option_view *v = arena_new(&c->ar, sizeof(*v));
		int32_t rc;

		if (!k)
			return unknown_option(info, o->name, err);
		if (!v)
			return err_set(err, LLM_E_NOMEM, "out of memory");
		v->struct_size = (uint32_t)sizeof(*v);
		v->name = k->name;
		rc = write_value(c, k, o->value, &v->json, err);
		if (rc)
			return rc;
		views[i] = v;
	}
	t->options = views;
	t->n_options = asked->n;
	return 0;
}

static int32_t merge(llm_call *c, target *t, const char *usual, llm_err *err)
{
	json_t *base = NULL, *own = NULL;
	char *text = NULL;
	int32_t rc = jsonio_load(usual, strlen(usual), "the provider's extra", &base, err);

	if (!rc && t->extra.len)
		rc = jsonio_load(t->extra.ptr, t->extra.len, "extra", &own, err);
	if (rc)
		goto drop;
	rc = err_set(err, LLM_E_NOMEM, "out of memory");
	if (own && json_object_update(base, own))
		goto drop;
	text = json_dumps(base, JSON_COMPACT);
	t->extra.ptr = text ? arena_str(&c->ar, text) : NULL;
	t->extra.len = t->extra.ptr ? strlen(text) : 0;
	if (t->extra.ptr)
		rc = 0;
drop:
	free(text);
	json_decref(base);
	json_decref(own);
	return rc;
}

int32_t options_extra(llm_call *c, target *t, llm_err *err)
{
	const char *usual = t->up->conf->extra;

	return usual ? merge(c, t, usual, err) : 0;
}
