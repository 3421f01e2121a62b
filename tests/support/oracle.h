/*
 * support/oracle.h - one service, one scripted upstream, and what must hold whatever
 * goes wrong between them.
 *
 * Every run that goes through here is held to these points:
 *   1  no block of memory and no descriptor is left when the service is gone
 *   2  exactly one END, within the deadline and 250 ms
 *   3  the error's class is the table's; delivered, sent, status and attempts agree
 *   4  one request a run, whatever failed (the upstream counts)
 *   6  neither the API key nor the prompt is in an error or a log line, the key not in
 *      the kept exchange either
 *   7  the next request, a healthy one, succeeds on the same service
 * Point 5, the ledger of runs, joins when there is one.
 *
 * What does not hold is told on stderr and counted; oracle_close returns the count.
 */
#ifndef SUPPORT_ORACLE_H
#define SUPPORT_ORACLE_H

#include <semaphore.h>
#include <stdatomic.h>

#include "llm/llm.h"
#include "support/failalloc.h"
#include "support/sim.h"

#define ORACLE_KEY "canary-key-91c5e2ab77d04f36"
#define ORACLE_PROMPT "canary-prompt-4be07d12c9a3"
#define ORACLE_TOTAL_MS 5000
#define ORACLE_GRACE_MS 250

/* Who turns the loop, and how a run is followed. */
enum {
	ORACLE_PULL = 0, /* llm_call_next */
	ORACLE_BLOCK = 1, /* llm_call_wait */
	ORACLE_THREAD = 2, /* callbacks on the service's own thread */
	ORACLE_LOOP = 3, /* callbacks, the service's descriptor in poll() */
	ORACLE_MODES = 4
};

/* Where the scripts are, and where the build put llmsim and the plugins. */
typedef struct oracle_home {
	const char *source_dir;
	const char *binary_dir;
} oracle_home;

typedef struct oracle_opts {
	uint32_t mode;
	const char *script; /* NAME: tests/fixtures/scripts/NAME.sim; null: no script */
	const char *text; /* or the script itself */
	const char *base_url; /* of every provider but "ok"; null: the upstream's */
	const char *model; /* of asks that name none; null: ollama/sim-small */
	const char *config; /* more of it */
	const char *provider; /* more of the provider "ollama" */
	const char *grace; /* null: 50ms */
	const llm_time_source *time;
	const char *const *sim_args;
	llm_redact_fn redact;
	const char *log_word; /* lines of the log that hold it are counted */
	uint32_t attempts; /* 1: as configured, breakers too; 0: each run has one attempt */
	uint32_t no_healthy; /* 1: point 7 has no meaning here */
} oracle_opts;

typedef struct oracle oracle;
typedef struct oracle_run oracle_run;

typedef struct oracle_ask {
	const char *model; /* null: the oracle's */
	const char *prompt; /* null: ORACLE_PROMPT */
	uint32_t stream;
	llm_call_opts limits; /* only times and flags are used; total_ms 0: ORACLE_TOTAL_MS */
	/*
	 * Called for every event, after it was noted. On another thread it may come before
	 * the submit has returned, so `run->call` may not be set yet.
	 */
	void (*on_event)(oracle_run *run, llm_call *call, const llm_event *e);
} oracle_ask;

/* One run as it was seen. */
struct oracle_run {
	oracle *o;
	llm_call *call;
	void (*on_event)(oracle_run *run, llm_call *call, const llm_event *e);
	uint32_t stream;
	uint64_t submit_ns;
	uint64_t end_ns;
	uint64_t total_ms;
	atomic_int submitting;
	atomic_int starts;
	atomic_int deltas; /* text, reasoning, tool calls */
	atomic_int ends;
	atomic_int strays; /* events in submit, before START or after END */
	int32_t code; /* of the result */
	llm_err err;
	char text[4096]; /* of the events, cut */
	size_t text_len;
	sem_t ended;
	oracle_run *next;
};

struct oracle {
	const oracle_home *home;
	oracle_opts opts;
	llm_service *svc;
	sim *up;
	failalloc fa;
	char *key_file;
	char *script_file; /* null: not ours to remove */
	size_t fds;
	atomic_size_t wrong;
	atomic_size_t log_lines;
	atomic_size_t log_words; /* those with opts.log_word */
	oracle_run *runs;
};

/* `opts` may be null. Ends the process with a message when it cannot start. */
oracle *oracle_open_at(const oracle_home *home, const oracle_opts *opts);
/* The healthy request, the end of the service and of the upstream. How much was wrong. */
size_t oracle_close(oracle *o);
/* One more thing that is wrong. */
void oracle_wrong(oracle *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Submits; null when it was refused: then *ret_err says why. */
oracle_run *oracle_submit(oracle *o, const oracle_ask *ask, llm_err *ret_err);
/* Follows a run to its end in the mode of the service, and holds it to the points. */
void oracle_finish(oracle_run *run);
/* Both. `ask` may be null. */
oracle_run *oracle_do(oracle *o, const oracle_ask *ask);
/* One turn of poll() and dispatch, of at most `ms`. ORACLE_LOOP only. */
void oracle_turn(oracle *o, int ms);
/* A few milliseconds of following it. */
void oracle_step(oracle_run *run);
/* Follows it until *what is at least n, or the deadline has passed. */
void oracle_until(oracle_run *run, const atomic_int *what, int n);

/* One fault: a script, how it is asked, what must come of it. */
typedef struct oracle_row {
	const char *script;
	uint32_t stream;
	int32_t code;
	uint32_t phase;
	uint32_t sent;
	int32_t http_status;
	const char *text; /* of the result; null: none */
	llm_call_opts limits;
} oracle_row;

/* Plays it; returns how much was wrong. */
size_t oracle_play_at(const oracle_home *home, const oracle_row *row, uint32_t mode);

#ifdef TEST_BINARY_DIR
static const oracle_home oracle_here = {TEST_SOURCE_DIR, TEST_BINARY_DIR};

static inline oracle *oracle_open(const oracle_opts *opts)
{
	return oracle_open_at(&oracle_here, opts);
}

static inline size_t oracle_play(const oracle_row *row, uint32_t mode)
{
	return oracle_play_at(&oracle_here, row, mode);
}

/* All of a table, in one mode. */
static inline size_t oracle_play_all(const oracle_row *rows, size_t n, uint32_t mode)
{
	size_t wrong = 0, i;

	for (i = 0; i < n; i++)
		wrong += oracle_play(&rows[i], mode);
	return wrong;
}
#endif

/*
 * Compares code and message with tests/golden/errors/NAME.txt, the upstream's port
 * written as PORT. What differs is printed and counted; see support/run.h.
 */
void oracle_golden(oracle *o, const char *name, const llm_err *err);

/* Descriptors of this process that are open, those of loaded plugins left out. */
size_t oracle_fds(void);

#endif
