/*
 * resolve.h - from the name in a request to the candidates that may answer it.
 */
#ifndef LLM_ROUTE_RESOLVE_H
#define LLM_ROUTE_RESOLVE_H

#include "conf/conf.h"

#define RESOLVE_NAME 64

/* "provider/model" or "provider#endpoint/model", taken apart. */
typedef struct candidate {
	char provider[RESOLVE_NAME];
	char endpoint[RESOLVE_NAME]; /* "" : the provider's only one */
	const char *model; /* points into the text that was parsed */
	const char *id; /* that text */
} candidate;

typedef struct route {
	const conf_profile *profile; /* null: a model was named */
	const char *const *names; /* candidates as configured, aliases not followed yet */
	size_t n_names;
	const uint32_t *weights; /* one for each name; null: all the same */
	const char *single[1];
} route;

/*
 * Finds what `name` stands for (null: the default profile; `want_profile`: only a
 * profile will do). LLM_E_INVALID_REQUEST naming what is close (R-ROUTE-1).
 */
int32_t resolve_target(const conf *c, const char *name, int want_profile, route *ret, llm_err *err);

/*
 * The candidates of a request in the place of the profile's. LLM_E_INVALID_REQUEST when a
 * model was named as well.
 */
int32_t resolve_list(const char *const *names, size_t n, route *r, llm_err *err);

/*
 * A name whose provider has several endpoints becomes one for each of them, with its part
 * of the weight. What is made is in `ar`. LLM_E_NOMEM.
 */
int32_t resolve_expand(const conf *c, arena *ar, route *r);

/* Follows an alias, then parses (R-ROUTE-2). */
int32_t resolve_candidate(const conf *c, const char *name, candidate *ret, llm_err *err);

#endif
