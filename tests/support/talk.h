/*
 * support/talk.h - a service in the hands of one test: its loop is turned by hand, its
 * clock is the real one or the test's, and each turn is timed.
 */
#ifndef SUPPORT_TALK_H
#define SUPPORT_TALK_H

#include "llm/llm.h"
#include "support/fakeclock.h"

typedef struct talk {
	llm_service *svc;
	fakeclock clock;
	uint64_t longest_ns; /* of all turns */
	char log[1000]; /* warnings, cut; on whatever thread the loop runs */
} talk;

/* One call, as far as it has come. */
typedef struct talk_call {
	llm_call *call;
	int ended;
	int32_t code; /* of its end */
	llm_err err; /* the result's, when it has one */
	char text[512]; /* the events', cut; of a whole answer the result's */
	size_t len;
	uint64_t begun_ns; /* real time */
	uint64_t ended_ns;
} talk_call;

/*
 * `plugin_dir`: where the build put the plugins; `config`: all of it; `faked` 1: time stands
 * still until the test moves it. Ends the process with status 99 when it cannot.
 */
void talk_open(talk *t, const char *plugin_dir, const char *config, int faked);
/* The same, and runs are recorded through `jobs`. */
void talk_open_port(
	talk *t, const char *plugin_dir, const char *config, int faked, const llm_job_port *jobs);
/* `limits` may be null; only its times count. */
void talk_submit(
	talk *t, talk_call *c, const char *model, uint32_t stream, const llm_call_opts *limits);
/* Waits at most `ms` for something to do, and does it. */
void talk_turn(talk *t, int ms);
/* Until it has ended; 0 when that took more than 10 s of real time. */
int talk_finish(talk *t, talk_call *c);
/* All in one; its code. The call is freed. */
int32_t talk_ask(talk *t, talk_call *c, const char *model, uint32_t stream);
void talk_done(talk_call *c);
void talk_close(talk *t);

uint64_t talk_real_ns(void);
/* A port of 127.0.0.1 that nobody listens on, for a program that wants to be told one. */
uint16_t talk_free_port(void);

#endif
