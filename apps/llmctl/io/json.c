#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *json_text_len(const char *text, size_t len)
{
	json_t *value;
	char *ascii;

	if (!text)
		return json_null();
	value = json_stringn(text, len);
	if (value)
		return value;
	ascii = malloc(len + 1);
	if (!ascii)
		return json_null();
	for (size_t i = 0; i < len; i++)
		ascii[i] = (char)((unsigned char)text[i] < 0x80 ? text[i] : '?');
	value = json_stringn(ascii, len);
	free(ascii);
	return value ? value : json_null();
}

json_t *json_text(const char *text)
{
	return json_text_len(text, text ? strlen(text) : 0);
}

json_t *json_word(const char *text)
{
	return text && *text ? json_text(text) : json_null();
}

json_t *json_count(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

json_t *json_positive(int64_t value)
{
	return value <= 0 ? json_null() : json_integer(value);
}

json_t *json_phase(uint32_t phase)
{
	return phase == LLM_PHASE_NONE ? json_null() : json_text(llm_phase_name(phase));
}

static const char *sent_name(uint32_t sent)
{
	return sent == LLM_SENT_NO ? "no" : sent == LLM_SENT_YES ? "yes" : "maybe";
}

json_t *json_error(const llm_err *err)
{
	json_t *o;

	if (!err)
		return json_null();
	o = json_object();
	json_object_set_new(o, "code", json_text(llm_error_name(err->code)));
	json_object_set_new(o, "class", json_text(llm_class_name(err->err_class)));
	json_object_set_new(o, "phase", json_phase(err->phase));
	json_object_set_new(o, "provider", json_word(err->provider));
	json_object_set_new(o, "candidate", json_word(err->candidate));
	json_object_set_new(o, "attempt", json_positive(err->attempt));
	json_object_set_new(o, "message", json_text(err->message));
	json_object_set_new(o, "http_status", json_positive(err->http_status));
	json_object_set_new(o, "provider_code", json_word(err->provider_code));
	json_object_set_new(o, "request_id", json_word(err->request_id));
	json_object_set_new(o, "retry_after_ms", json_count(err->retry_after_ms));
	json_object_set_new(o, "delivered", json_boolean(err->delivered));
	json_object_set_new(o, "sent", json_text(sent_name(err->sent)));
	return o;
}

void json_print(json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(value);
}

void json_print_error(const llm_err *err)
{
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_text("llm.error/1"));
	json_object_set_new(o, "error", json_error(err));
	json_print(o);
}
