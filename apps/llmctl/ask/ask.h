/*
 * ask.h - one question under way, shared by the files ask*.c.
 */
#ifndef LLMCTL_ASK_H
#define LLMCTL_ASK_H

#include <jansson.h>

#include "io/input.h"
#include "io/out.h"
#include "llm/call.h"
#include "resume.h"
#include "setup/ctl.h"

/* How an answer appears to a person. */
typedef struct show {
	bool reasoning; /* wanted, on standard error */
	bool thinking; /* reasoning was the last thing shown */
	bool got_reasoning;
	bool got_text;
	strip thoughts;
	spinner spin;
} show;

typedef struct ask {
	ctl *c;
	input_bytes prompt; /* there already: it is not looked for */
	resumed from; /* with --continue */
	resumed *earlier; /* has the images and files of `before`; or null */
	char *system; /* of what is gone on from, or null */
	json_t *before; /* borrowed: the turns before this one, or null */
	llm_request *rq;
	llm_call *call; /* null: refused before a run began */
	const llm_result *result; /* null until the run has completed */
	char model[300]; /* chosen for want of anything named, or "" */
	llm_err err; /* why it was refused */
	out out;
	show show;
	bool stopped; /* we cancelled it */
	bool planning; /* nobody is to be asked: the prompt may be left out */
} ask;

/*
 * ask.c: the request that the command line describes, the service, and the limits of a call.
 * 0, or the code of a->err. The caller frees with ask_done, also after a failure.
 */
int32_t ask_prepare(ask *a, llm_call_opts *opts);
/* Asks, and shows what comes. 0 or the code of a->err; the result says how it went. */
int32_t ask_go(ask *a);
/* Shows the rest, errors too; the exit status. */
int ask_end(ask *a);
void ask_done(ask *a);

/* candidates/explain.c: a decision for people; `json` may be null. */
void explain_print(const char *json, bool aligned, FILE *to);
/* candidates/replay.c: the plan of the run that --run names; the exit status. */
int replay_run(ctl *c);

/* ask_show.c: text for people. */
void show_begin(ask *a);
void show_event(ask *a, const llm_event *e);
/* A line for people: what is waited for, who is asked instead. */
void show_notice(ask *a, const llm_event *e);
void show_wait(ask *a);
/* What did not come in pieces, and the end of the line. */
void show_end(ask *a);
void show_notes(const ask *a);
/* Of a dry run: the request that would have been sent, on standard output. */
void show_request(ask *a);

/* ask_json.c: objects for tools. */
void ask_json_event(ask *a, const llm_event *e);
/* The object itself, as an "end" event when `as_event`. Without a result, of a refusal. */
void ask_json_end(ask *a, bool as_event);

#endif
