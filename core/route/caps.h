/*
 * caps.h - what a model can do, who says so, and what a request needs.
 *
 * A cell holds LLM_CAP_*. The first source that knows wins: configuration, the
 * provider's own answer, the plugin's knowledge of names, the table shipped here.
 */
#ifndef LLM_ROUTE_CAPS_H
#define LLM_ROUTE_CAPS_H

#include "llm/abi/policy.h"
#include "llm/abi/provider.h"

enum {
	CAPS_CHAT = 0,
	CAPS_STREAM,
	CAPS_TOOLS,
	CAPS_PARALLEL_TOOLS,
	CAPS_TOOL_CHOICE,
	CAPS_JSON_OBJECT,
	CAPS_JSON_SCHEMA,
	CAPS_TOOLS_WITH_SCHEMA,
	CAPS_VISION,
	CAPS_AUDIO,
	CAPS_SYSTEM_ROLE,
	CAPS_PREFILL,
	CAPS_SEED,
	CAPS_LOGPROBS,
	CAPS_REASONING,
	CAPS_CELLS
};

enum {
	CAPS_FROM_NOBODY = 0,
	CAPS_FROM_CONFIG,
	CAPS_FROM_ANSWER,
	CAPS_FROM_PLUGIN,
	CAPS_FROM_TABLE,
	CAPS_SOURCES
};

typedef struct caps_matrix { /* all zero: nothing is known */
	uint8_t value[CAPS_CELLS]; /* LLM_CAP_* */
	uint8_t source[CAPS_CELLS]; /* CAPS_FROM_* */
	uint8_t max_input_source;
	uint8_t max_output_source;
	uint8_t elsewhere; /* LLM_LOCALITY_CLOUD: it computes there whatever its server says */
	int64_t max_input_tokens; /* 0: unknown */
	int64_t max_output_tokens;
} caps_matrix;

/* "tools", "configuration", "enforced"; static. */
const char *caps_name(uint32_t cell);
const char *caps_source_name(uint32_t source);
const char *caps_value_name(uint32_t cell, uint32_t value);

/* Fills the cells that nobody has filled yet. */
void caps_take(caps_matrix *m, const llm_caps *from, uint32_t source);
/* The same from the shipped table: `plugin` "ollama", `model` as a request names it. */
void caps_take_table(caps_matrix *m, const char *plugin, const char *model);

/* Bit N: cell N is needed. From the request alone (R-ROUTE-4). */
uint32_t caps_required(const llm_request_view *rq);

#define CAPS_LACKS (-1)

/*
 * LLM_FIT_YES, LLM_FIT_UNKNOWN, or CAPS_LACKS with the first cell that is missing in
 * *ret_missing.
 */
int caps_fit(const uint8_t value[CAPS_CELLS], uint32_t required, uint32_t *ret_missing);

#endif
