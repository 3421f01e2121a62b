/*
 * fleet.c - eight members behind one profile, the first of them 20 times slower: what a run
 * waits for its first token, by policy. Time is simulated; snapshots, ranking, statistics and
 * policies are the library's.
 *
 *   prove_fleet SEED [TRACE.csv]     prints "POLICY runs p50_ms p99_ms share_of_the_slow_%"; exit
 *                                    status 1 unless least_busy and latency have a third of the
 *                                    p99 of ordered
 *
 * A run that finds its first choice full goes to the next of its plan, and waits only when all
 * are full: the best that can be said for `ordered`.
 *
 * Proves: R-ROUTE-7, R-ROUTE-8
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "route/stats.h"
#include "support/snaps.h"

#define MEMBERS 8
#define SLOTS 16
#define SLOW 0 /* the user's first choice */
#define RUNS 20000
#define GAP_US 4000 /* 250 runs a second: 0 to 8 ms apart */
#define USUAL_US 100000

typedef struct member {
	char id[32];
	stats usual;
	uint32_t in_flight;
	uint32_t runs;
} member;

typedef struct running { /* a run on the wire */
	uint64_t end_us;
	uint64_t took_us;
	uint32_t member;
} running;

static struct fleet {
	member members[MEMBERS];
	running on_wire[MEMBERS * SLOTS];
	size_t n;
	snaps_chance chance;
	int64_t waited[RUNS]; /* us, arrival to first token */
	FILE *trace;
} fleet;

static snapshot snap;
static plan made;

static void die(const char *what)
{
	fprintf(stderr, "prove_fleet: %s\n", what);
	exit(1);
}

static void make_plan(const rank_policy *p, uint64_t run, uint64_t now_us)
{
	uint32_t i;

	snapshot_clear(&snap);
	snap.seed = run;
	snap.now_ms = now_us / 1000;
	for (i = 0; i < MEMBERS; i++) {
		snapshot_candidate *c = snapshot_add(&snap, fleet.members[i].id);

		if (!c)
			die("no memory");
		c->view.in_flight = fleet.members[i].in_flight;
		c->view.limit = SLOTS;
		c->view.latency_us = stats_latency_us(&fleet.members[i].usual, snap.now_ms);
	}
	if (snapshot_seal(&snap, NULL) || rank_plan(&snap, p, &made, NULL))
		die("no plan");
}

/* 0.5 to 1.5 times the usual, and once in a hundred three times that. */
static uint64_t service_us(uint32_t m)
{
	uint64_t us = USUAL_US / 2 + snaps_below(&fleet.chance, USUAL_US);

	if (!snaps_below(&fleet.chance, 100))
		us *= 3;
	return m == SLOW ? us * 20 : us;
}

static size_t next_to_end(void)
{
	size_t i, best = 0;

	for (i = 1; i < fleet.n; i++)
		if (fleet.on_wire[i].end_us < fleet.on_wire[best].end_us)
			best = i;
	return best;
}

static void end_one(size_t i)
{
	const running r = fleet.on_wire[i];
	member *m = &fleet.members[r.member];

	m->in_flight--;
	stats_add(&m->usual, (int64_t)r.took_us, -1, r.end_us / 1000);
	fleet.on_wire[i] = fleet.on_wire[--fleet.n];
}

static void end_until(uint64_t now_us)
{
	size_t i;

	while (fleet.n) {
		i = next_to_end();
		if (fleet.on_wire[i].end_us > now_us)
			return;
		end_one(i);
	}
}

/* The first of the plan with a free slot; MEMBERS when there is none. */
static uint32_t choose(void)
{
	uint32_t i;

	for (i = 0; i < made.n_order; i++)
		if (fleet.members[made.order[i]].in_flight < SLOTS)
			return made.order[i];
	return MEMBERS;
}

static void start(const rank_policy *p, uint32_t run, uint64_t arrived_us, uint64_t *now_us)
{
	uint32_t m;
	uint64_t us;

	make_plan(p, run, *now_us);
	while ((m = choose()) == MEMBERS) {
		*now_us = fleet.on_wire[next_to_end()].end_us;
		end_until(*now_us);
		make_plan(p, run, *now_us);
	}
	us = service_us(m);
	fleet.on_wire[fleet.n++] = (running){*now_us + us, us, m};
	fleet.members[m].in_flight++;
	fleet.members[m].runs++;
	fleet.waited[run] = (int64_t)(*now_us + us - arrived_us);
	if (fleet.trace)
		fprintf(fleet.trace, "%s,%" PRIu32 ",%" PRIu64 ",%" PRIu32 ",%" PRId64 "\n",
			p->name, run, arrived_us, m, fleet.waited[run]);
}

static int by_size(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Returns the p99 in ms. */
static int64_t simulate(const rank_policy *p, uint64_t seed, FILE *trace)
{
	uint64_t arrived = 0, now = 0;
	uint32_t i;

	memset(&fleet, 0, sizeof(fleet));
	fleet.chance.state = seed;
	fleet.trace = trace;
	for (i = 0; i < MEMBERS; i++)
		snprintf(fleet.members[i].id, sizeof(fleet.members[i].id),
			"fleet#m%" PRIu32 "/model", i);
	for (i = 0; i < RUNS; i++) {
		arrived += snaps_below(&fleet.chance, UINT64_C(2) * GAP_US);
		now = now > arrived ? now : arrived;
		end_until(now);
		start(p, i, arrived, &now);
	}
	qsort(fleet.waited, RUNS, sizeof(fleet.waited[0]), by_size);
	printf("%s %d %" PRId64 " %" PRId64 " %" PRIu32 ".%02" PRIu32 "\n", p->name, RUNS,
		fleet.waited[RUNS / 2] / 1000, fleet.waited[RUNS - RUNS / 100] / 1000,
		fleet.members[SLOW].runs * 100 / RUNS,
		fleet.members[SLOW].runs * 10000 / RUNS % 100);
	return fleet.waited[RUNS - RUNS / 100] / 1000;
}

int main(int argc, char **argv)
{
	const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	FILE *trace = argc > 2 ? fopen(argv[2], "w") : NULL;
	snaps_policies policies;
	int64_t p99[4];
	size_t i;

	if (argc > 2 && !trace)
		die(argv[2]);
	if (trace)
		fprintf(trace, "policy,run,arrived_us,member,waited_us\n");
	snapshot_init(&snap, mem_default());
	plan_init(&made, mem_default());
	snaps_policies_open(&policies, TEST_BINARY_DIR "/plugins");
	for (i = 0; i < 4; i++) /* ordered, weighted, least_busy, latency */
		p99[i] = simulate(&policies.each[i], seed, trace);
	snaps_policies_close(&policies);
	plan_done(&made);
	snapshot_done(&snap);
	if (trace && fclose(trace))
		die("the trace cannot be written");
	return p99[2] * 3 > p99[0] || p99[3] * 3 > p99[0];
}
