/*
 * outage_points.h - what is held against each call of prove_outage beside the rows: its end comes
 * in time, its error is the table's and says what was sent, nobody was asked twice, no secret is
 * told, and no descriptor stays.
 */
#ifndef PROVE_OUTAGE_POINTS_H
#define PROVE_OUTAGE_POINTS_H

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "llm/llm.h"
#include "support/oracle.h"
#include "support/talk.h"

#define POINTS_SECRET "canary-outage-5521" /* a password that the server does not ask for */
#define POINTS_PROMPT "canary-question-8846"
#define POINTS_TOTAL_MS 8000

static atomic_uint_fast64_t points_wrong;

static inline void point_missed(const char *what, const char *which)
{
	if (atomic_fetch_add(&points_wrong, 1) < 20)
		fprintf(stderr, "prove_outage: %s: %s\n", what, which);
}

static inline void points_log(uintptr_t token, uint32_t level, const char *line, size_t len)
{
	(void)token;
	(void)level;
	if (memmem(line, len, POINTS_SECRET, strlen(POINTS_SECRET)) ||
		memmem(line, len, POINTS_PROMPT, strlen(POINTS_PROMPT)))
		point_missed("a secret in the log", line);
}

static inline unsigned points_lines(const char *text)
{
	unsigned n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static inline void points_error(const llm_result *r, const llm_err *e)
{
	const llm_error_info *row = llm_error_info_of(e->code);

	if (!row || row->err_class != e->err_class)
		point_missed("another class than the table's", e->message);
	if (!e->message[0] || points_lines(e->message) > 3)
		point_missed("a message of no line, or of more than three", e->message);
	if (e->delivered)
		point_missed("delivered, and nobody streams", e->message);
	if (!llm_result_attempt_count(r) && e->sent != LLM_SENT_NO)
		point_missed("sent, and there was no attempt", e->message);
	if (strstr(e->message, POINTS_SECRET) || strstr(e->message, POINTS_PROMPT))
		point_missed("a secret in an error", e->message);
}

/* At the end of a call that was asked for at `asked_ns`. */
static inline void points_end(const llm_result *r, uint64_t asked_ns, uint64_t slack)
{
	const uint64_t ms = (talk_real_ns() - asked_ns) / 1000000;

	if (!r) {
		point_missed("an end without a result", "");
		return;
	}
	if (ms > POINTS_TOTAL_MS + ORACLE_GRACE_MS * slack)
		point_missed("an end behind its deadline", llm_result_run_id(r));
	if (llm_result_attempt_count(r) > 1)
		point_missed("asked twice", llm_result_run_id(r));
	if (llm_result_error(r))
		points_error(r, llm_result_error(r));
}

/* `before`: descriptors before a service was made. */
static inline void points_closed(size_t before, const char *after)
{
	if (oracle_fds() != before)
		point_missed("descriptors are left", after);
}

#endif
