/* A failure as the provider tells it: facts -> code -> the error of the attempt. */
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "base/err.h"
#include "base/text.h"
#include "classify.h"

static int64_t delay_of(const attempt *a, const llm_error_facts *f)
{
	int64_t ms = httpmsg_retry_after_ms(&a->head, clock_utc_us(&a->c->svc->time));

	return ms >= 0 ? ms : f->retry_after_ms;
}

/* A server may say as much as it likes, but in one line: the others are ours. */
static void join_lines(char *text)
{
	for (; *text; text++)
		if (*text == '\n' || *text == '\r')
			*text = ' ';
}

/* Whose key it was, or where one could be set. */
static void name_key(const upstream *up, llm_err *err)
{
	const size_t n = strlen(err->message);
	char *to = err->message + n;
	const size_t cap = sizeof(err->message) - n;

	if (up->key && up->key->value)
		snprintf(to, cap, "\nthe key was that of %s: set one there that is valid",
			strncmp(up->key->origin, "env:", 4) ? up->key->origin :
							      up->key->origin + 4);
	else
		snprintf(to, cap, "\nno key was sent: set %s, or %s = \"env:NAME\"",
			up->key_names[0] ? up->key_names : "a key variable", up->key_setting);
}

static void describe(attempt *a, const llm_error_facts *f, int32_t code)
{
	llm_err *err = &a->c->res.error;
	const char *label = a->t->up->title;
	size_t n = utf8_cut(f->message.ptr, f->message.len, LLM_ERR_MESSAGE_MAX - 200);

	if (n && utf8_valid(f->message.ptr, n))
		err_set(err, code, "%s: %.*s", label, (int)n, f->message.ptr);
	else
		err_set(err, code, "%s answered with status %d and no reason that can be read",
			label, (int)a->head.status);
	join_lines(err->message);
	if (code == LLM_E_AUTHENTICATION)
		name_key(a->t->up, err);
}

/* One line of text, as a code or an id is. */
static int is_line(const llm_bytes *b)
{
	size_t i;

	if (!sink_is_text(b->ptr, b->len))
		return 0;
	for (i = 0; i < b->len; i++)
		if ((unsigned char)b->ptr[i] < 0x20 || b->ptr[i] == 0x7f)
			return 0;
	return 1;
}

/* What is no text is no fact. */
static llm_error_facts sound(const llm_error_facts *theirs)
{
	llm_error_facts f = *theirs;
	llm_bytes *const words[] = {&f.code, &f.type, &f.request_id};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!is_line(words[i]))
			words[i]->len = 0;
	if (!f.message.ptr) /* what is not UTF-8 may still hold a phrase */
		f.message.len = 0;
	if (f.retry_after_ms < 0)
		f.retry_after_ms = -1;
	return f;
}

int32_t facts_tell(attempt *a, const llm_error_facts *theirs)
{
	const llm_error_facts own = sound(theirs), *f = &own;
	verdict v = classify_reply(a->head.status, f, a->t->up->plug->info->error_rules);
	llm_err *err = &a->c->res.error;
	const llm_bytes *word = f->code.len ? &f->code : &f->type;

	describe(a, f, v.code);
	err->flags |= v.flags;
	err->retry_after_ms = delay_of(a, f);
	err_copy(err->provider_code, sizeof(err->provider_code), word->ptr, word->len);
	if (f->request_id.len)
		err_copy(err->request_id, sizeof(err->request_id), f->request_id.ptr,
			f->request_id.len);
	a->failed = 1;
	return v.code;
}
