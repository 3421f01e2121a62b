/*
 * answer.h - what the simulated model says to one question, whichever API asked.
 */
#ifndef LLMSIM_ANSWER_H
#define LLMSIM_ANSWER_H

#include <jansson.h>

#include "bytes.h"

struct options;

struct question {
	const struct options *opt;
	const char *model;
	uint64_t seed;
	struct bytes prompt; /* every text of the request, one per line */
	struct span last_user; /* empty unless the last message is the user's */
	const json_t *tools; /* the array both APIs share; null: none */
	const char *forced; /* a call must come: of this tool, "" for any; null: none must */
	const json_t *schema; /* the answer is a document of this schema */
	bool json; /* the answer is some JSON object */
	bool think;
	uint64_t limit; /* tokens; 0: none */
	const json_t *stop; /* a string or an array of them; null: none */
};

enum finish { FINISH_STOP, FINISH_LENGTH, FINISH_TOOLS };

struct answer {
	struct pieces thinking;
	struct pieces text;
	json_t *calls; /* [{"id","name","arguments":{}}], null: none */
	enum finish finish;
	size_t prompt_tokens;
	size_t thinking_tokens;
	size_t output_tokens; /* with those of thinking */
	uint64_t rng; /* for ids */
};

void answer_make(const struct question *q, struct answer *ret);
void answer_done(struct answer *a);

void question_done(struct question *q);

/* `n` random letters and digits. */
void answer_id(struct bytes *b, uint64_t *rng, size_t n);

#endif
