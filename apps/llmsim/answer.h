/*
 * answer.h - what the simulated model says to one question, whichever API asked:
 * the same words for the same question on every wire.
 */
#ifndef LLMSIM_ANSWER_H
#define LLMSIM_ANSWER_H

#include <jansson.h>

#include "bytes.h"
#include "special.h"

struct faults;
struct options;

struct question {
	const struct options *opt;
	const struct faults *faults;
	const char *model;
	uint64_t seed;
	uint64_t choice; /* which of several answers; 0: the first */
	struct bytes prompt; /* every text of the request, one per line */
	struct span last_user; /* empty unless the last message is the user's */
	/* [{"function":{"name","parameters"}}] as OpenAI and Ollama have it; null: none */
	const json_t *tools;
	const char *forced; /* a call must come: of this tool, "" for any; null: none must */
	bool one_call; /* not several at a time */
	const json_t *schema; /* the answer is a document of this schema */
	bool json; /* the answer is some JSON object */
	bool bare; /* a document that is a string stands without quotes */
	bool think;
	uint64_t limit; /* tokens; 0: none */
	const json_t *stop; /* a string or an array of them; null: none */
};

enum finish { FINISH_STOP, FINISH_LENGTH, FINISH_TOOLS, FINISH_FILTER };

struct answer {
	struct pieces thinking;
	struct pieces text;
	/* [{"id","name","arguments":{}}], null: none. A custom tool has "input" instead. */
	json_t *calls;
	const struct special *special; /* null: an ordinary answer */
	enum finish finish;
	size_t prompt_tokens;
	size_t thinking_tokens;
	size_t output_tokens; /* with those of thinking */
	uint64_t rng; /* for ids */
};

void answer_make(const struct question *q, struct answer *ret);
void answer_done(struct answer *a);

void question_done(struct question *q);

/* Does the answer end like this? */
bool answer_is(const struct answer *a, enum ending ending);

/* `n` random letters and digits. */
void answer_id(struct bytes *b, uint64_t *rng, size_t n);

/*
 * {"token","logprob","bytes","top_logprobs"} of one token, as OpenAI and Ollama have
 * it; the numbers are made up.
 */
void answer_logprob(struct bytes *b, struct span token, size_t top);

#endif
