/*
 * request.h - the neutral request as it is kept. Private to core/run and core/api.
 */
#ifndef LLM_RUN_REQUEST_H
#define LLM_RUN_REQUEST_H

#include <stdatomic.h>

#include "base/arena.h"
#include "llm/abi/wire.h"
#include "llm/request.h"

/* A growing list of pointers; its arrays live in the request's arena. */
typedef struct list {
	void **items;
	size_t n;
	size_t cap;
} list;

struct llm_message {
	llm_message_view view;
	list parts; /* llm_part_view */
	llm_request *rq;
};

/* An option whose name only a provider can judge. */
typedef struct request_option {
	const char *name;
	const char *value;
} request_option;

struct llm_request {
	llm_allocator mem;
	arena ar;
	atomic_int refs;
	atomic_int frozen; /* 1 from the first submit on */
	int32_t broken; /* LLM_E_NOMEM met by a setter */
	const char *target; /* profile, model or alias as asked; null: default */
	int target_is_profile;
	const char *workspace;
	const char *metadata; /* a JSON object, or null */
	const char *metadata_workspace; /* its workspace_id, or null */
	int local_only;
	list candidates; /* char: asked instead of the profile's */
	list messages; /* llm_message */
	list tools; /* llm_tool_view */
	list stop; /* char */
	list headers; /* llm_header_view */
	list options; /* request_option */
	llm_request_view view; /* numbers and flags; the arrays are filled by request_seal */
	char problem[400];
};

void request_ref(llm_request *rq);
void request_unref(llm_request *rq);
/* Checks the whole and fills the view's arrays. Once, at the first submit. */
int32_t request_seal(llm_request *rq, llm_err *err);

/* 0, LLM_E_STATE when frozen; starts every setter. */
int32_t request_open(llm_request *rq);
/* Records why a setter refused. */
void request_blame(llm_request *rq, int32_t code, const char *text);
/* The same; returns `code`, here, where a reader and a compiler see that it is not 0. */
static inline int32_t request_refuse(llm_request *rq, int32_t code, const char *text)
{
	request_blame(rq, code, text);
	return code;
}
/* Text that a provider can be given: UTF-8 without NUL. *ret is a copy in the arena. */
int32_t request_text(
	llm_request *rq, const char *text, size_t len, const char *what, llm_bytes *ret);
/* Room for one more item, then the item. 0 or LLM_E_NOMEM. */
int32_t request_push(llm_request *rq, list *l, void *item);

#endif
