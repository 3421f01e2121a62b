/*
 * support/snaps.h - snapshots by number, and the six policies that rank them.
 */
#ifndef SUPPORT_SNAPS_H
#define SUPPORT_SNAPS_H

#include "plugin/plugin.h"
#include "route/rank.h"

/* ---- chance that is the same everywhere ---- */

typedef struct snaps_chance {
	uint64_t state; /* any */
} snaps_chance;
uint64_t snaps_next(snaps_chance *c);
uint64_t snaps_below(snaps_chance *c, uint64_t n);

/* ---- snapshots ---- */

#define SNAPS_MOST 24 /* candidates */
#define SNAPS_POLICIES 6
extern const char *const snaps_policy_names[SNAPS_POLICIES];

/*
 * Snapshot number `i` into `s`, sealed. `shuffle` 0: candidates in the order of the
 * profile, else in one that this number says. Exits on failure.
 */
void snaps_make(snapshot *s, uint64_t i, uint64_t shuffle);
/* The ids of the plan, joined by spaces, and who was removed why. Static text. */
const char *snaps_plan_text(const snapshot *s, const plan *p);

/* The bytes of `n` snapshots and their plans on standard output: the same on every machine. */
void snaps_bytes(const rank_policy each[SNAPS_POLICIES], uint64_t n);

/* ---- policies (snaps_policies.c) ---- */

typedef struct snaps_policies {
	plugins *all;
	instance *instances[SNAPS_POLICIES];
	rank_policy each[SNAPS_POLICIES];
} snaps_policies;

/* From the folder of a build's plugins, with the options' defaults. Exits on failure. */
void snaps_policies_open(snaps_policies *p, const char *folder);
void snaps_policies_close(snaps_policies *p);
/* An instance of one policy with options of the test's own ("name", "value", ..., null). */
instance *snaps_policy(
	plugins *all, const char *name, const char *const *options, rank_policy *ret);

#endif
