/*
 * resume.h - going on from a run whose prompt and answer are stored.
 */
#ifndef LLMCTL_RESUME_H
#define LLMCTL_RESUME_H

#include <jansson.h>

#include "runs/rebuild.h"
#include "setup/ctl.h"

typedef struct resumed {
	json_t *turns; /* as runs/rebuild.h has them: what was asked, then the answer */
	rebuild_media media; /* images, audio and files of the turns, where they are stored */
	bool told; /* that some of them are not */
	char *profile, *model; /* whom the command goes on with, or null: it names one itself */
} resumed;

/*
 * Reads the run `id`, or (null) the newest that can be gone on from, of the workspace. What
 * follows is stored as well, unless it is not recorded: c->opt is changed so, and names the
 * profile or model of that run where the command line names none. Before the service is made.
 * LLM_E_NOT_FOUND says what is missing and how it comes to be stored. Ended with
 * resume_done, when nothing uses c->opt any more.
 */
int32_t resume_load(ctl *c, const char *id, resumed *ret, llm_err *err);
void resume_done(resumed *r);
/*
 * Takes system turns of nothing but text out; the text of the first, to be freed, or null. Where
 * the others have images and files stays as it is.
 */
char *resume_take_system(json_t *turns);

#endif
