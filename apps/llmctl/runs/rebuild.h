/*
 * rebuild.h - turns as they are stored, put into a request again.
 *
 * A conversation is a JSON array of turns {"role", "content", and where they are there
 * "reasoning", "parts", "tool_calls", "tool_results"}: what a stored prompt is, and what a
 * chat keeps in memory.
 */
#ifndef LLMCTL_REBUILD_H
#define LLMCTL_REBUILD_H

#include <jansson.h>

#include "llm/request.h"

/* Bytes of an image, of audio or a file; null: not stored. */
typedef struct rebuild_part {
	void *bytes;
	size_t len;
} rebuild_part;

/* Those of all turns, in their order. */
typedef struct rebuild_media {
	rebuild_part *items;
	size_t n;
} rebuild_media;

/*
 * Adds the turns; `media` may be null. *ret_lost: images, audio and files that they had, and of
 * which only the kind and the size are stored. LLM_E_INVALID_REQUEST: they are no turns; what a
 * setter says.
 */
int32_t rebuild_turns(
	const json_t *turns, const rebuild_media *media, llm_request *rq, unsigned *ret_lost);
/* Sets what `params_json` of a run's row says; null: nothing. What a setter says. */
int32_t rebuild_params(const json_t *params, llm_request *rq);
/* Its list of what was asked for and is not kept ("2 tools"), or null. */
const json_t *rebuild_left_out(const json_t *params);

#endif
