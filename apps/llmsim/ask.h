/*
 * ask.h - what the APIs share in reading a JSON request: the body, and a fault with
 * the status and text that the server imitated would give.
 */
#ifndef LLMSIM_ASK_H
#define LLMSIM_ASK_H

#include <jansson.h>

#include "http.h"

struct fault {
	int status; /* 0: none */
	struct bytes text;
	const char *param; /* OpenAI only; null: none */
	const char *code; /* OpenAI's code, Gemini's reason; null: none */
	const char *type; /* OpenAI only; null: invalid_request_error */
	json_t *details; /* Gemini only; owned; null: made from the others */
	struct bytes where; /* Gemini only: the field at fault; empty: none */
};

void fault_set(struct fault *f, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void fault_done(struct fault *f);

/* A member, where JSON null counts as absent. */
json_t *ask_get(const json_t *object, const char *key);

/* The name of v's type as Go's and OpenAI's texts have it: "string", "number"... */
const char *ask_kind(const json_t *v);

/* The body as JSON; null with the fault set, in Go's words. */
json_t *ask_body(const struct http_request *rq, struct fault *f);

/* Every string of a message's content, joined by newlines, is added to b. */
void ask_text(struct bytes *b, const json_t *content);
/* A string, an array of them, or tokens: numbers, which stay such. */
void ask_words(struct bytes *b, const json_t *input);

#endif
