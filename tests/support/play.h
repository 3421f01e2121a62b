/*
 * play.h - an answer of tests/fixtures given to its plugin, as the core would: framed, cut
 * where the test wants, judged. Linked with the inside of the library.
 */
#ifndef TESTS_PLAY_H
#define TESTS_PLAY_H

#include "support/exchange.h"

/* What became of it: the answer, and the code that the core would give. */
typedef struct outcome {
	plug_answer answer;
	llm_error_facts facts;
	int32_t code;
	uint32_t flags;
	uint32_t complete;
} outcome;

/* A stream in pieces. `cuts`: where they end, the last one at the body's end. */
void play_stream(exchange *x, const size_t *cuts, outcome *o);
/* An answer that is no stream, also one that is an error. */
void play_whole(exchange *x, outcome *o);
/* Either, a stream in one piece. */
void play(exchange *x, outcome *o);
void outcome_done(outcome *o);

/* Answers of `operation` ("models", "model", "state"); builds their request into `h` too. */
int32_t play_models(const exchange *x, const char *operation, plug_http *h, plug_models *m);

/* The file of a provider's plugin, opened; prints why and aborts when it cannot be. */
void play_open(plug *p, const char *binary_dir, const char *provider);
/* exchange_all with it. */
int play_all(const char *binary_dir, const char *provider, void (*each)(exchange *x));

#endif
