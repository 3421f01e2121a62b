/*
 * retry.h - what follows a failed attempt: the same candidate again, the next one, or the
 * end. Pure: facts, counts and 64 random bits in, a verdict out.
 *
 * Instants are ns on the service's monotonic clock; UINT64_MAX is "never".
 */
#ifndef LLM_RUN_RETRY_H
#define LLM_RUN_RETRY_H

#include "llm/error.h"

enum { RETRY_PRIMARY = 0, RETRY_FASTEST = 1 }; /* `prefer`: stay, or move at once */

/* The settings of a run. */
typedef struct retry_rules {
	uint32_t per_candidate; /* attempts, the first included; 1: no retries */
	uint32_t in_all; /* attempts of all candidates */
	uint32_t prefer; /* RETRY_PRIMARY, RETRY_FASTEST */
	uint64_t base_ns; /* the first backoff is at most this, */
	uint64_t base_limited_ns; /* after RATE_LIMITED this, */
	uint64_t cap_ns; /* and all are at most this */
	uint64_t patience_ns; /* all waits for a candidate while another is untried */
	uint64_t retry_after_max_ns; /* a server's longer delay is not waited for */
	uint64_t min_attempt_ns; /* with less time left no attempt begins */
} retry_rules;

/* The rules when nothing is configured. */
retry_rules retry_rules_usual(void);

/* What is known of a failure besides its code. */
#define RETRY_UNSENT 1u /* it came before any byte of the request was taken */
#define RETRY_SILENT 2u /* no byte of a reply came */
#define RETRY_REUSED 4u /* a kept connection died before the reply */
#define RETRY_FORBIDDEN 8u /* an HTTP error with x-should-retry: false, */
#define RETRY_WANTED 16u /* or with true */

typedef struct retry_failure {
	int32_t code; /* LLM_E_* */
	uint32_t facts; /* RETRY_* */
	int64_t server_ms; /* the delay that the server named; -1: none, 0: as if none */
} retry_failure;

/* The fact in the value of x-should-retry: RETRY_FORBIDDEN, RETRY_WANTED or 0. */
uint32_t retry_header(const char *value);

/* What a run did so far; zero at first but for rules and deadline. */
typedef struct retry_run {
	retry_rules rules;
	uint64_t deadline_ns;
	uint32_t attempts; /* of all candidates; free retries are not counted */
	uint32_t committed; /* content has reached the caller (R-RETRY-8) */
} retry_run;

/* What it did with one candidate; zero at first. */
typedef struct retry_tries {
	uint32_t attempts;
	uint32_t backoffs; /* since the last delay that the server named */
	uint32_t vague; /* retries after "not now" that named no time */
	uint32_t once; /* retries of what may be retried once */
	uint32_t free; /* free retries before the first byte */
	uint32_t reused; /* retries at once after a kept connection died */
	uint64_t waited_ns;
} retry_tries;

/*
 * What the run finds when the attempt has failed. A candidate is untried when this run has
 * not asked it and its breaker and cooling would let it in now; with fallbacks switched
 * off there is none.
 */
typedef struct retry_scene {
	uint64_t now_ns;
	uint64_t chance; /* 64 random bits */
	uint32_t untried; /* other candidates that may be asked now */
	uint32_t untried_peers; /* of these, healthy and of the same level of the plan */
	uint32_t untried_context; /* in the chain for contexts that are too long */
	uint32_t untried_content; /* in the chain for what is filtered */
	int next_on_invalid; /* fallback_on_invalid */
	int affordable; /* quota_allows */
	int refused; /* by the candidate's breaker or cooling, and not of this run's making */
} retry_scene;

enum { RETRY_END = 0, RETRY_SAME = 1, RETRY_NEXT = 2 };
/* Why the same candidate is asked when it is. */
enum { RETRY_BY_BACKOFF = 0, RETRY_BY_SERVER, RETRY_AT_ONCE, RETRY_FREE };

/* Flags of a verdict, and of the error it is about. */
#define RETRY_NO_BUDGET 1u /* retry_budget_exhausted */
#define RETRY_NO_TIME 2u /* deadline_prevented_retry; only with RETRY_END */

typedef struct retry_verdict {
	uint32_t action; /* RETRY_END, RETRY_SAME, RETRY_NEXT */
	uint32_t why; /* of RETRY_SAME; RETRY_FREE: counts nowhere and costs nothing */
	uint32_t flags;
	uint64_t at_ns; /* when it begins */
	uint64_t wait_ns; /* until then */
} retry_verdict;

/*
 * R-RETRY-1 to 7, 9 to 14 and 16. A committed run ends here; what may mend it is
 * recover.h's.
 */
retry_verdict retry_decide(const retry_run *run, const retry_tries *tries, const retry_failure *f,
	const retry_scene *scene);

/*
 * An attempt begins: the first at its candidate (both null), or the one that verdict `v`,
 * RETRY_SAME on `f`, asked for.
 */
void retry_begin(
	retry_run *run, retry_tries *tries, const retry_failure *f, const retry_verdict *v);

/* The most that backoff number `n` may be (R-RETRY-2); any n. */
uint64_t retry_ceiling_ns(const retry_rules *rules, int32_t code, uint32_t n);

/* 1 when an attempt may begin at `at_ns` (R-RETRY-16). */
int retry_has_time(const retry_run *run, uint64_t at_ns);

/*
 * How long a phase before the first content may last, so that the deadline leaves a
 * candidate that is untried its share: all of `limit_ns` when that leaves it
 * min_attempt_ns, else half of the time that remains.
 */
uint64_t retry_share_ns(const retry_run *run, uint64_t limit_ns, uint64_t now_ns, uint32_t untried);

#endif
