/*
 * breaker.h - may this candidate be asked? What its answers so far say.
 *
 * One breaker for each candidate: CLOSED, OPEN until an instant, HALF_OPEN, and beside
 * that COOLING until an instant, for rate limits. Pure: every call takes the time, and
 * chance where it needs some; each takes the same small time.
 *
 * Who is let in gets a ticket and gives it back with the outcome. A ticket from before the
 * last change of state is late: its outcome is counted in the window and moves nothing
 * (R-CB-6). The window moves in steps of a second.
 */
#ifndef LLM_ROUTE_BREAKER_H
#define LLM_ROUTE_BREAKER_H

#include "llm/error.h"

/* As numbers for a gauge, and in the order in which candidates are ranked. */
enum { BREAKER_CLOSED = 0, BREAKER_HALF_OPEN = 1, BREAKER_OPEN = 2 };

typedef struct breaker_rules {
	uint32_t in_a_row; /* failures that open it */
	uint32_t outcomes; /* in the window, before their share counts */
	uint32_t share; /* of failures among them that opens it, percent */
	uint32_t probes; /* successes in a row that close it */
	uint64_t open_ns; /* the first time; then twice as long each time, */
	uint64_t open_max_ns; /* up to this; all within 10 % by chance */
	uint64_t account_ns; /* after AUTHENTICATION, PERMISSION_DENIED, NOT_FOUND */
	uint64_t calm_ns; /* CLOSED for so long forgets earlier openings */
	uint64_t cool_ns; /* after RATE_LIMITED without a delay */
	uint64_t cool_long_ns; /* after QUOTA_EXHAUSTED without a time */
	uint64_t cool_max_ns; /* whatever the server says */
	uint64_t last_resort_ns; /* between probes when nothing else is left (R-CB-7) */
} breaker_rules;

/* The rules when nothing is configured. */
breaker_rules breaker_rules_usual(void);

#define BREAKER_STEPS 60 /* seconds of the window */

typedef struct breaker_step {
	uint32_t good;
	uint32_t bad;
} breaker_step;

typedef struct breaker { /* all zero: closed, nothing known */
	uint32_t state; /* BREAKER_*; as of the last call, see breaker_state */
	uint32_t in_a_row; /* failures since the last success */
	uint32_t openings; /* since it was last closed for calm_ns */
	uint32_t probing; /* HALF_OPEN: the one place is taken */
	uint32_t successes; /* HALF_OPEN: of probes */
	uint32_t good; /* in the window */
	uint32_t bad;
	uint64_t epoch; /* changes of state so far */
	uint64_t until_ns; /* OPEN */
	uint64_t cooling_ns; /* COOLING until then, or past */
	uint64_t closed_ns; /* CLOSED since */
	uint64_t resort_ns; /* the next last resort is let in then */
	uint64_t second; /* of the newest step */
	breaker_step steps[BREAKER_STEPS];
} breaker;

/* As whom an attempt asks to be let in. */
enum {
	BREAKER_AS_USUAL = 0,
	BREAKER_AS_OWN, /* a retry: this run's failure opened or cooled it (R-CB-1) */
	BREAKER_AS_LAST_RESORT /* by breaker_choose */
};

enum { BREAKER_PLAIN = 0, BREAKER_PROBE, BREAKER_LAST_RESORT }; /* kinds of ticket */

typedef struct breaker_ticket {
	uint64_t epoch;
	uint32_t kind;
} breaker_ticket;

/* What a call changed, for the log and the metrics. */
#define BREAKER_CHANGED_OPEN 1u
#define BREAKER_CHANGED_HALF 2u
#define BREAKER_CHANGED_CLOSED 4u
#define BREAKER_CHANGED_COOLING 8u /* it cools, and did not before */

/* The state at `now_ns`: what is OPEN turns HALF_OPEN by itself. */
uint32_t breaker_state(const breaker *b, uint64_t now_ns);
/* When a usual attempt would be let in: now_ns or earlier means now. */
uint64_t breaker_ready_ns(const breaker *b, const breaker_rules *r, uint64_t now_ns);
/* 1 and *ret when an attempt may begin, else 0. *ret_changed is added to, in both cases. */
int breaker_admit(breaker *b, const breaker_rules *r, uint32_t who, uint64_t now_ns,
	breaker_ticket *ret, uint32_t *ret_changed);
/*
 * The attempt has ended: `code` 0 for success, `server_ms` the delay that the server named
 * (-1: none). Every ticket is settled once. Returns BREAKER_CHANGED_*.
 */
uint32_t breaker_settle(breaker *b, const breaker_rules *r, const breaker_ticket *t, int32_t code,
	int64_t server_ms, uint64_t now_ns, uint64_t chance);
/* Closed, not cooling, nothing known; tickets that are out are late. */
void breaker_reset(breaker *b, uint64_t now_ns);

/* ---- what a plan can do (R-CB-7) ---- */

enum {
	BREAKER_GO = 0, /* ask `index`, as usual */
	BREAKER_GO_LAST_RESORT, /* ask it as that */
	BREAKER_WAIT, /* the sole candidate cools, and there is time: wait until at_ns */
	BREAKER_NONE /* NO_CANDIDATE; one may be asked at at_ns */
};

typedef struct breaker_choice {
	uint32_t action;
	size_t index; /* in the plan */
	uint64_t at_ns;
} breaker_choice;

/* `plan` in the order of preference, n > 0; `latest_ns`: when an attempt can begin at last. */
breaker_choice breaker_choose(const breaker *const *plan, size_t n, const breaker_rules *r,
	uint64_t now_ns, uint64_t latest_ns);

/* ---- beyond this process ---- */

/* What is worth keeping, on the wall clock, us since 1970. */
typedef struct breaker_saved {
	uint32_t state; /* BREAKER_CLOSED or BREAKER_OPEN */
	uint32_t openings;
	int64_t until_us;
	int64_t cooling_us;
	int64_t closed_us;
} breaker_saved;

void breaker_save(const breaker *b, uint64_t now_ns, int64_t utc_us, breaker_saved *ret);
/* Into a breaker that is all zero. Times that the rules could not have made are cut. */
void breaker_load(breaker *b, const breaker_rules *r, const breaker_saved *s, uint64_t now_ns,
	int64_t utc_us);

#endif
