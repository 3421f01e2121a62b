/*
 * idem.h - runs with an idempotency key: of several with one key one is answered, and the
 * others are told what it came to (R-IDEM-1 to R-IDEM-15).
 *
 * A run claims its key in the job that brings its row, before it is planned. Of those of one
 * service that want the same key one goes to the storage, its mates wait for it without asking
 * anybody. What a claim is worth lies with the storage: it has a number, one more each time,
 * and what is out of date is refused there.
 */
#ifndef LLM_RUN_IDEM_H
#define LLM_RUN_IDEM_H

#include "ledger.h"

struct llm_call_opts;

#define IDEM_KEY_MAX 255
#define IDEM_OPERATION "chat"
#define IDEM_POLL_FIRST_NS (50 * NS_PER_MS)
#define IDEM_POLL_MOST_NS NS_PER_S

enum {
	IDEM_NONE = 0,
	IDEM_ASKS, /* its claim is under way */
	IDEM_WAITS, /* another service has the key: it asks again at wake_ns */
	IDEM_MATE, /* another run of this service wants it, or has it */
	IDEM_HOLDS, /* the key is its own */
	IDEM_LOST, /* and is not any more */
	IDEM_TOLD /* it ends with what is stored, or was refused */
};

typedef struct idem {
	/* set at submit */
	char key_hash[SHA256_HEX];
	char fingerprint[SHA256_HEX];
	uint32_t on_duplicate; /* LLM_DUPLICATE_* */
	const llm_idem_row *known; /* bound: what was stored already; the call's */

	/* loop thread */
	uint32_t state; /* IDEM_* */
	uint32_t led; /* among the leaders, one of each key */
	uint32_t ended; /* the run has, while its claim was under way */
	int64_t generation; /* of the claim that it holds */
	int64_t orphan; /* of a claim that an earlier run of this service has left, 0: none */
	uint64_t pause_ns; /* until it asks again */
	uint64_t lease_end_ns; /* of who has the key, as last told */
	uint64_t asked_ns; /* its claim was made then */
	size_t claim_at; /* the claim among the operations of its job */
	trip trip;
	struct llm_call *next_leader; /* in its bucket */
	struct llm_call *mates, **last_mate;
	struct llm_call *next_mate;
	struct llm_call *leader;
} idem;

/* What a run leaves behind under its key. Pure (R-IDEM-8, R-IDEM-9). */
enum { IDEM_KEEP_ANSWER = 1, IDEM_KEEP_ERROR, IDEM_RELEASE };
uint32_t idem_keeps(int32_t code, uint32_t replay_errors);

/* What follows for who did not get the key. Pure. `row` null: nobody has it any more. */
enum { IDEM_ASK_AGAIN = 1, IDEM_DIFFERS, IDEM_STORED, IDEM_HELD };
uint32_t idem_verdict(const llm_idem_row *row, const char *fingerprint);

/* 1 to 255 printable ASCII bytes? LLM_E_INVALID_REQUEST. */
int32_t idem_check_key(const char *key, llm_err *err);
/* At submit, with c->rec. LLM_E_INVALID_REQUEST, LLM_E_CONFIG, LLM_E_NOMEM. */
int32_t idem_open(struct llm_call *c, const struct llm_call_opts *opts, llm_err *err);

/* The run begins: it claims its key, and goes on with run_plan when it has it. */
void idem_begin(struct llm_call *c);
/* A claim came back; its job is still there. */
void idem_returned(struct llm_call *c, const trip *t, llm_job *j);
/* It waits, and its time has come; or its deadline has, and the run has to end. */
void idem_wake(struct llm_call *c);
int32_t idem_late(struct llm_call *c);

/* The end: operations for its job. LLM_E_NOMEM, LLM_E_TOO_LARGE. */
int32_t idem_rows_end(struct llm_call *c, llm_job *j);
/* idem_rows.c: a claim with its question; an end with the claim's number; the orphan's end. */
int32_t idem_put_claim(struct llm_call *c, llm_job *j);
int32_t idem_put_settle(struct llm_call *c, llm_job *j);
int32_t idem_put_release(struct llm_call *c, llm_job *j);
/* The end is written (`code` 0), or is not; the job is still there. Its mates are told. */
void idem_settled(struct llm_call *c, int32_t code, const llm_job *j);
/* It wants its key no more. */
void idem_leave(struct llm_call *c);

/*
 * idem_bound.c: at submit in the host's transaction: is there a result already? Only reads.
 * LLM_E_IDEMPOTENCY_MISMATCH, LLM_E_IDEMPOTENCY_IN_PROGRESS.
 */
int32_t idem_look(struct llm_call *c, llm_unit *unit, llm_err *err);
/*
 * When it is recorded: claims the key, and makes the job that settles it; or there is a result
 * by now: the call takes that for its own, with another job of rows, and *ret stays null.
 */
int32_t idem_bound(struct llm_call *c, llm_unit *unit, llm_job **ret, llm_err *err);

/* idem_watch.c: with each beat: are the claims of this service still its own? */
void idem_watch(struct llm_service *svc);
void idem_watched(struct llm_service *svc);
/* Why a run ends whose key is another's. */
extern const char idem_lost_text[];
/* A beat of `at_ns` was committed. Any thread. */
void idem_beaten(ledger *l, uint64_t at_ns);

#endif
