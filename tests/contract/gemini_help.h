/*
 * gemini_help.h - what the tests of gemini.so share beside provider_ask.h.
 */
#ifndef TESTS_GEMINI_HELP_H
#define TESTS_GEMINI_HELP_H

#include "provider_ask.h"

static inline void set_up(void)
{
	begin_asking(TEST_BINARY_DIR "/plugins/gemini.so", NULL);
}

/* The model and further members of a request that says hi. */
static inline void ask_model(const char *model, const char *more)
{
	char text[1000];

	snprintf(text, sizeof(text),
		"{'model':'%s','messages':[{'role':'user','parts':[{'text':'hi'}]}]%s}", model,
		more);
	ask(text);
}

#endif
