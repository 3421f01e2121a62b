#include "request.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"

void request_ref(llm_request *rq)
{
	atomic_fetch_add(&rq->refs, 1);
}

void request_unref(llm_request *rq)
{
	llm_allocator mem;

	if (!rq || atomic_fetch_sub(&rq->refs, 1) != 1)
		return;
	mem = rq->mem;
	arena_reset(&rq->ar);
	mem_free(&mem, rq);
}

int32_t request_open(llm_request *rq)
{
	if (!rq)
		return LLM_E_INVALID_REQUEST;
	if (atomic_load(&rq->frozen))
		return request_refuse(rq, LLM_E_STATE,
			"the request was submitted and cannot be changed: make a new one");
	return 0;
}

void request_blame(llm_request *rq, int32_t code, const char *text)
{
	err_copy(rq->problem, sizeof(rq->problem), text, strlen(text));
	if (code == LLM_E_NOMEM)
		rq->broken = code;
}

static int32_t refuse_about(llm_request *rq, const char *what, const char *why)
{
	char text[200];
	size_t n = strnlen(what, 60);

	memcpy(text, what, n);
	err_copy(text + n, sizeof(text) - n, why, strlen(why));
	return request_refuse(rq, LLM_E_INVALID_REQUEST, text);
}

int32_t request_text(
	llm_request *rq, const char *text, size_t len, const char *what, llm_bytes *ret)
{
	char *copy;

	if (!text)
		return refuse_about(rq, what, " is missing (null)");
	if (len == LLM_NUL_TERMINATED)
		len = strlen(text);
	if (memchr(text, '\0', len))
		return refuse_about(rq, what, " holds a NUL byte: only text can be sent");
	if (!utf8_valid(text, len))
		return refuse_about(rq, what, " is not UTF-8: convert it before it is sent");
	copy = arena_dup(&rq->ar, text, len);
	if (!copy)
		return request_refuse(rq, LLM_E_NOMEM, "out of memory");
	ret->ptr = copy;
	ret->len = len;
	return 0;
}

int32_t request_push(llm_request *rq, list *l, void *item)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;
		/* One more than asked for: the arrays of a view may end in null. */
		void **more = arena_array(&rq->ar, cap + 1, sizeof(*more));

		if (!more)
			return request_refuse(rq, LLM_E_NOMEM, "out of memory");
		if (l->n)
			memcpy(more, l->items, l->n * sizeof(*more));
		l->items = more;
		l->cap = cap;
	}
	l->items[l->n++] = item;
	return 0;
}

/* The part's own list is an array of pointers already: show it as the view's. */
static void seal_messages(llm_request *rq)
{
	size_t i;

	for (i = 0; i < rq->messages.n; i++) {
		llm_message *m = rq->messages.items[i];

		m->view.parts = (const llm_part_view *const *)m->parts.items;
		m->view.n_parts = m->parts.n;
	}
	/* A message begins with its view, so its pointer is a pointer to the view. */
	rq->view.messages = (const llm_message_view *const *)rq->messages.items;
	rq->view.n_messages = rq->messages.n;
}

static int has_content(const llm_request *rq)
{
	size_t i, k;

	for (i = 0; i < rq->messages.n; i++) {
		const llm_message *m = rq->messages.items[i];

		for (k = 0; k < m->parts.n; k++) {
			const llm_part_view *p = m->parts.items[k];

			if (p->kind > LLM_PART_TEXT || p->text.len)
				return 1;
		}
	}
	return 0;
}

int32_t request_seal(llm_request *rq, llm_err *err)
{
	const llm_message *last;

	if (rq->broken)
		return err_set(err, rq->broken, "the request ran out of memory while it was built");
	if (!has_content(rq))
		return err_set(err, LLM_E_INVALID_REQUEST,
			"the request has no content: add a message with text");
	last = rq->messages.items[rq->messages.n - 1];
	if (rq->view.continue_last_turn && last->view.role != LLM_ROLE_ASSISTANT)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"continue_last needs a last turn of the assistant");
	seal_messages(rq);
	rq->view.struct_size = (uint32_t)sizeof(rq->view);
	rq->view.tools = (const llm_tool_view *const *)rq->tools.items;
	rq->view.n_tools = rq->tools.n;
	rq->view.stop = (const char *const *)rq->stop.items;
	rq->view.n_stop = rq->stop.n;
	rq->view.headers = (const llm_header_view *const *)rq->headers.items;
	rq->view.n_headers = rq->headers.n;
	atomic_store(&rq->frozen, 1);
	return 0;
}
