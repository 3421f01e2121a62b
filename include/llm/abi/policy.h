/*
 * llm/abi/policy.h - a policy: in which order candidates are asked.
 *
 * Integers in, integers out. A policy sees one frozen snapshot: the candidates that
 * can answer, what is known of each, one seed. It never sees prompt text, a clock or
 * a source of chance, and it keeps nothing between calls: what must be remembered is
 * at most LLM_POLICY_STATE_MAX bytes that the core keeps and puts into the next
 * snapshot. So the same snapshot gives the same order, on every machine.
 *
 * The core orders by level, capability, health, then the policy's score, higher
 * first, then id bytewise. A policy that names an unknown candidate, one twice, or
 * none at all is not followed for that plan.
 */
#ifndef LLM_ABI_POLICY_H
#define LLM_ABI_POLICY_H

#include "host.h"

LLM_EXTERN_C_BEGIN

/* How a candidate does, best first. */
enum {
	LLM_CANDIDATE_CLOSED = 0, /* usual */
	LLM_CANDIDATE_HALF_OPEN = 1, /* being tried again */
	LLM_CANDIDATE_COOLING = 2, /* said to come back later */
	LLM_CANDIDATE_OPEN = 3 /* failed too often */
};

/* Has it what the request needs? Candidates that lack something are not shown. */
enum { LLM_FIT_YES = 0, LLM_FIT_UNKNOWN = 1 };

/* Is the model in memory? */
enum { LLM_LOADED_UNKNOWN = 0, LLM_LOADED_WARM = 1, LLM_LOADED_COLD = 2 };

#define LLM_POLICY_STATE_MAX 4096

/* One candidate as it is now. -1 stands for "not known" wherever a number can be. */
typedef struct llm_candidate_view {
	uint32_t struct_size;
	uint32_t position; /* as configured, 0 first */
	const char *id; /* "provider/model" or "provider#endpoint/model" */
	uint32_t level; /* 0 is asked before 1 */
	uint32_t fit; /* LLM_FIT_* */
	uint32_t health; /* LLM_CANDIDATE_* */
	uint32_t locality; /* LLM_LOCALITY_* */
	uint32_t loaded; /* LLM_LOADED_* */
	uint32_t weight; /* as configured; 0: never first */
	uint32_t in_flight; /* attempts on the wire now */
	uint32_t limit; /* of attempts at a time; 0: none */
	uint32_t waiting; /* for one of them */
	uint32_t reserved;
	uint64_t affinity_u64; /* LLM_POLICY_AFFINITY: how well the prompt's head belongs here */
	int64_t latency_us; /* usual time to the first token, loading left out */
	int64_t ready_ms; /* until it may be asked; 0: now */
	int64_t input_picousd; /* price of one token */
	int64_t output_picousd;
	int64_t max_input_tokens;
	int64_t max_output_tokens;
} llm_candidate_view;

typedef struct llm_snapshot {
	uint32_t struct_size;
	uint32_t n_candidates;
	const llm_candidate_view *const *candidates; /* in byte order of their ids */
	uint64_t seed;
	uint64_t now_ms; /* since the service began; for what a state holds */
	uint64_t affinity_key; /* LLM_POLICY_AFFINITY: of the prompt's head; 0: none */
	uint32_t affinity_bytes; /* how long that head is */
	uint32_t stream; /* 1: a stream is asked for */
	int64_t input_tokens; /* estimate */
	int64_t output_tokens; /* what the request allows; -1: it does not say */
	llm_bytes state; /* from on_outcome, empty at first */
} llm_snapshot;

/* Where the ranking goes. */
typedef struct llm_rank_sink {
	uint32_t struct_size;
	uint32_t reserved;
	void *ctx;
	/*
	 * Candidate number `candidate` of the snapshot gets `score`; higher is asked
	 * earlier. `reason` is a code of the policy's own (llm_policy_info.reasons), `a`
	 * and `b` the numbers it speaks of. Once for each candidate; one that is left out
	 * is not asked.
	 */
	int32_t (*score)(void *ctx, uint32_t candidate, int64_t score, uint32_t reason, int64_t a,
		int64_t b);
} llm_rank_sink;

/* Why a candidate got its score, in words: "%a" and "%b" stand for the two numbers. */
typedef struct llm_reason_info {
	uint32_t struct_size;
	uint32_t reason;
	const char *name; /* [a-z][a-z0-9_]* */
	const char *text; /* "%a in flight of %b" */
} llm_reason_info;

/* How one attempt ended. */
typedef struct llm_outcome {
	uint32_t struct_size;
	int32_t code; /* 0: success; else LLM_E_* */
	const char *id; /* of the candidate */
	uint64_t now_ms; /* as in the snapshot */
	uint64_t affinity_key; /* of the run; 0: none */
	int64_t first_token_us; /* -1: not known */
	uint32_t place; /* in the plan, 0 first */
	uint32_t moved; /* 1: another candidate of this run had failed before */
} llm_outcome;

typedef struct llm_state_sink {
	uint32_t struct_size;
	uint32_t reserved;
	void *ctx;
	/* The new state, at most LLM_POLICY_STATE_MAX bytes; not called: the old one stays. */
	int32_t (*state)(void *ctx, const void *bytes, size_t len);
} llm_state_sink;

/* Bits of llm_policy_info.flags. */
#define LLM_POLICY_AFFINITY (UINT32_C(1) << 0) /* wants affinity_u64 */
#define LLM_POLICY_FASTEST \
	(UINT32_C(1) << 1) /* balances: after a failure the next is asked at once */

/* Constant facts about a policy. All pointers are static. */
typedef struct llm_policy_info {
	uint32_t struct_size;
	uint32_t flags; /* LLM_POLICY_* */
	const char *name; /* "least_busy": what a profile says */
	const char *label; /* one line */
	const llm_key_info *const *options; /* read with host.config; null-terminated, or null */
	const llm_reason_info *const *reasons; /* null-terminated, or null */
} llm_policy_info;

typedef struct llm_policy_vtable {
	uint32_t struct_size;
	uint32_t reserved;

	/* --- 1.0: required --- */

	/* Constant facts; callable without an instance. */
	const llm_policy_info *(*describe)(void);

	/* An instance for one profile. Cheap, no I/O. `host` outlives it. */
	int32_t (*create)(const llm_host *host, void **ret_instance);
	void (*destroy)(void *instance);

	/* Scores the candidates of a snapshot. A pure function of it. */
	int32_t (*rank)(void *instance, const llm_snapshot *snapshot, const llm_rank_sink *out);

	/* --- 1.0: optional, null when absent --- */

	/* What is remembered of an attempt that ended. `state` is what the core keeps now. */
	int32_t (*on_outcome)(void *instance, const llm_bytes *state, const llm_outcome *outcome,
		const llm_state_sink *out);
} llm_policy_vtable;

LLM_EXTERN_C_END
#endif
