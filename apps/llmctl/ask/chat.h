/*
 * chat.h - a conversation under way, shared by the files chat*.c.
 */
#ifndef LLMCTL_CHAT_H
#define LLMCTL_CHAT_H

#include <jansson.h>

#include "llm/result.h"
#include "resume.h"
#include "setup/ctl.h"

/* Sums over the answers so far. */
typedef struct chat_sums {
	unsigned answers, stopped, failed;
	int64_t input_tokens, output_tokens;
	int64_t nanousd;
	unsigned uncosted; /* answers whose cost is not known */
	int64_t ms;
} chat_sums;

typedef struct chat {
	ctl *c;
	bool terminal; /* a person types */
	resumed from;
	json_t *turns; /* as runs/rebuild.h has them, without a system text */
	char *system, *target; /* set by a command; c->opt points to them */
	chat_sums sums;
	int status; /* of the last question that failed; 0: none did */
	bool ends;
} chat;

/* chat_words.c: a line that begins with "/". */
void chat_command(chat *ch, const char *line);
/* An answer has come, or what there is of one; null: there was no run. */
void chat_count(chat *ch, const llm_result *r, int status);
/* To standard error: standard output is for answers. */
void chat_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
