/*
 * recall.h - a run read back with what is stored of it: its row, its attempts, and what was
 * asked and answered where that is kept.
 */
#ifndef LLMCTL_RECALL_H
#define LLMCTL_RECALL_H

#include <jansson.h>

#include "rebuild.h"
#include "setup/store.h"

typedef struct recalled {
	json_t *run; /* every member of its row; null: there is none */
	json_t *attempts;
	char *prompt, *response; /* or null: not stored */
	int64_t prompt_size, response_size; /* bytes, -1: not known */
} recalled;

/*
 * The run of that id in the store's workspace. LLM_E_NOT_FOUND, and what reading says.
 * Ended with recall_done, also after a failure.
 */
int32_t recall_run(const store *st, const char *id, recalled *ret, llm_err *err);
/*
 * The images, audio and files of its prompt, where they are stored. What reading says. Ended with
 * recall_media_done, also after a failure.
 */
int32_t recall_media(const store *st, const recalled *r, rebuild_media *ret, llm_err *err);
void recall_media_done(rebuild_media *m);
/*
 * The newest run that succeeded and whose prompt and answer are both stored. LLM_E_NOT_FOUND
 * says how they come to be stored.
 */
int32_t recall_last(const store *st, recalled *ret, llm_err *err);
void recall_done(recalled *r);

/* A text of a row as JSON, or null; a number, or LLM_UNKNOWN. */
const char *recall_text(const json_t *o, const char *name);
int64_t recall_number(const json_t *o, const char *name);

#endif
