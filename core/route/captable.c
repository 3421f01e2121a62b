/*
 * captable.c - what is known of models by their names, where neither the user nor the
 * provider says anything. Rows are facts that providers publish; what is not published is
 * not here.
 */
#include <string.h>

#include "route/caps.h"

typedef struct captable_row {
	const char *plugin;
	const char *model; /* a trailing "*" stands for any end */
	llm_caps caps;
} captable_row;

/* The first row that fits speaks first; later ones fill what it leaves open. */
static const captable_row captable[] = {
	/* Input, thinking and output share one window: no limit of the output alone. */
	{"gemini", "gemini-4-argon",
		{.reasoning = LLM_CAP_YES, .max_input_tokens = INT64_C(1048576)}},
	{"gemini", "gemini-3*",
		{.reasoning = LLM_CAP_YES,
			.max_input_tokens = INT64_C(1048576),
			.max_output_tokens = INT64_C(65536)}},
	{"gemini", "gemini-embedding*", {.chat = LLM_CAP_NO, .stream = LLM_CAP_NO}},
	/* Cannot be told not to reason. */
	{"ollama", "gpt-oss*", {.reasoning = LLM_CAP_YES}},
};

static int captable_fits(const char *pattern, const char *model)
{
	const size_t len = strlen(pattern);

	if (len && pattern[len - 1] == '*')
		return strncmp(pattern, model, len - 1) == 0;
	return strcmp(pattern, model) == 0;
}

void caps_take_table(caps_matrix *m, const char *plugin, const char *model)
{
	size_t i;

	for (i = 0; i < sizeof(captable) / sizeof(captable[0]); i++)
		if (strcmp(captable[i].plugin, plugin) == 0 &&
			captable_fits(captable[i].model, model))
			caps_take(m, &captable[i].caps, CAPS_FROM_TABLE);
}
