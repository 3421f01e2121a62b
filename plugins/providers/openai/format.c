/*
 * format.c - response_format.
 *
 * `strict` true is refused by OpenAI when the schema breaks its rules, so it is sent only
 * when the schema keeps them, or when the caller says so.
 */
#include <string.h>

#include "openai.h"

#define NAME_MAX_LEN 64

int32_t openai_format_check(const openai *o, const llm_request_view *rq)
{
	if (rq->format != LLM_FORMAT_SCHEMA || kit_is_object(&rq->schema))
		return 0;
	return kit_error(o->host, LLM_E_INVALID_REQUEST, "the answer's schema is not a JSON object",
		NULL, NULL);
}

static int is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		c == '_' || c == '-';
}

/* A name is demanded, of letters, digits, "_" and "-"; it means nothing. */
static void write_name(jsonw *w, const char *name)
{
	char plain[NAME_MAX_LEN];
	size_t n;

	if (!name || !name[0])
		name = "answer";
	for (n = 0; n < NAME_MAX_LEN && name[n]; n++) {
		plain[n] = name[n];
		if (!is_plain(name[n]))
			plain[n] = '_';
	}
	jsonw_key(w, "name");
	jsonw_string(w, plain, n);
}

static int32_t is_strict(
	const openai *o, const llm_request_view *rq, const llm_http_sink *out, int *ret)
{
	int said = openai_option_bool(rq, "strict_schema");
	const char *problem = said < 0 ? openai_schema_problem(&rq->schema) : NULL;
	char text[300] = "the schema is not enforced, because OpenAI's strict form wants that ";
	size_t n = strlen(text);

	*ret = said < 0 ? problem == NULL : said;
	if (!problem || (o->dialect->flags & OPENAI_ENFORCES))
		return 0;
	memcpy(text + n, problem, strlen(problem) + 1); /* they are short */
	return kit_warn(out, text);
}

int32_t openai_write_format(const openai *o, kit_doc *d, const llm_request_view *rq)
{
	jsonw *w = &d->w;
	int32_t rc;
	int strict;

	if (rq->format == LLM_FORMAT_TEXT)
		return 0;
	kit_doc_member(d, "response_format");
	jsonw_object(w);
	jsonw_key(w, "type");
	if (rq->format == LLM_FORMAT_JSON) {
		jsonw_cstring(w, "json_object");
		jsonw_object_end(w);
		return 0;
	}
	rc = is_strict(o, rq, d->out, &strict);
	if (rc)
		return rc;
	jsonw_cstring(w, "json_schema");
	jsonw_key(w, "json_schema");
	jsonw_object(w);
	write_name(w, rq->schema_name);
	jsonw_key(w, "strict");
	jsonw_bool(w, strict);
	jsonw_key(w, "schema");
	jsonw_raw(w, rq->schema.ptr, rq->schema.len);
	jsonw_object_end(w);
	jsonw_object_end(w);
	return 0;
}
