/*
 * meter.h - what every bench program counts, and the one JSON object it prints.
 *
 * Used by one thread at a time. The first `warmup` calls are not counted.
 */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdint.h>
#include <sys/resource.h>

struct meter {
	long calls;
	long warmup;
	long flight;
	long begun;
	long ended;
	long failed;
	uint64_t events; /* pieces of streams, warm-up left out */
	uint64_t *took_ns; /* per call */
	uint64_t *first_ns; /* per call: to the first piece of a stream */
	uint64_t *gap_ns; /* per call: the longest pause between two pieces */
	uint64_t allocs;
	uint64_t start_ns;
	uint64_t end_ns;
	struct rusage start;
	struct rusage end;
	long rss_kib; /* before the first call */
};

/* The moments of one call. */
struct meter_times {
	uint64_t since;
	uint64_t first; /* from since to the first piece */
	uint64_t last;
	uint64_t gap; /* the longest between two pieces */
};

uint64_t meter_now(void);
/* Numbers as the command line has them. */
void meter_init(struct meter *m, const char *calls, const char *flight, const char *warmup);
/* 1 when another call is to be made: it begins now. */
int meter_begin(struct meter *m, struct meter_times *t);
/* 1 when the calls that end now count. */
int meter_counts(const struct meter *m);
/* Something of a stream has come. */
void meter_piece(struct meter_times *t);
void meter_end(struct meter *m, const struct meter_times *t, int ok);
int meter_done(const struct meter *m);
/* Prints; returns the exit status: 1 when a call failed. */
int meter_print(struct meter *m);

#endif
