#include "meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t meter_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A line "NAME: N kB" of the kernel's account; -1 when there is none. */
static long kib_of(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	long kib = -1;

	while (f && kib < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtol(line + strlen(name), NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static uint64_t *array(long n)
{
	uint64_t *a = calloc((size_t)n + 1, sizeof(*a));

	if (!a)
		exit(2);
	memset(a, 0, ((size_t)n + 1) * sizeof(*a)); /* in memory now, not in the middle */
	return a;
}

void meter_init(struct meter *m, const char *calls, const char *flight, const char *warmup)
{
	memset(m, 0, sizeof(*m));
	m->calls = strtol(calls, NULL, 10);
	m->flight = strtol(flight, NULL, 10);
	m->warmup = strtol(warmup, NULL, 10);
	m->took_ns = array(m->calls);
	m->first_ns = array(m->calls);
	m->gap_ns = array(m->calls);
}

int meter_begin(struct meter *m, struct meter_times *t)
{
	if (!m->begun)
		m->rss_kib = kib_of("VmRSS:");
	if (m->begun == m->warmup) {
		m->start_ns = meter_now();
		getrusage(RUSAGE_SELF, &m->start);
	}
	if (m->begun == m->warmup + m->calls)
		return 0;
	m->begun++;
	*t = (struct meter_times){.since = meter_now()};
	return 1;
}

void meter_piece(struct meter_times *t)
{
	const uint64_t now = meter_now();

	if (!t->first)
		t->first = now - t->since;
	else if (now - t->last > t->gap)
		t->gap = now - t->last;
	t->last = now;
}

int meter_counts(const struct meter *m)
{
	return m->ended >= m->warmup;
}

void meter_end(struct meter *m, const struct meter_times *t, int ok)
{
	const long i = m->ended++ - m->warmup;

	m->failed += !ok;
	if (i >= 0 && i < m->calls) {
		m->took_ns[i] = meter_now() - t->since;
		m->first_ns[i] = t->first;
		m->gap_ns[i] = t->gap;
	}
	if (meter_done(m)) {
		m->end_ns = meter_now();
		getrusage(RUSAGE_SELF, &m->end);
	}
}

int meter_done(const struct meter *m)
{
	return m->ended == m->warmup + m->calls;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void print_times(const char *name, uint64_t *ns, long n)
{
	if (n < 1)
		return;
	qsort(ns, (size_t)n, sizeof(*ns), by_size);
	printf(",\"%s_p50_us\":%llu.%03llu", name, (unsigned long long)ns[n / 2] / 1000,
		(unsigned long long)ns[n / 2] % 1000);
	printf(",\"%s_p99_us\":%llu.%03llu", name, (unsigned long long)ns[n * 99 / 100] / 1000,
		(unsigned long long)ns[n * 99 / 100] % 1000);
	printf(",\"%s_p999_us\":%llu.%03llu", name, (unsigned long long)ns[n * 999 / 1000] / 1000,
		(unsigned long long)ns[n * 999 / 1000] % 1000);
	printf(",\"%s_max_us\":%llu", name, (unsigned long long)ns[n - 1] / 1000);
}

static long us_between(struct timeval from, struct timeval to)
{
	return (long)(to.tv_sec - from.tv_sec) * 1000000 + (long)(to.tv_usec - from.tv_usec);
}

int meter_print(struct meter *m)
{
	printf("{\"calls\":%ld,\"flight\":%ld,\"failed\":%ld,\"events\":%llu", m->calls, m->flight,
		m->failed + (m->warmup + m->calls - m->ended), (unsigned long long)m->events);
	printf(",\"wall_us\":%llu,\"user_us\":%ld,\"sys_us\":%ld",
		(unsigned long long)(m->end_ns - m->start_ns) / 1000,
		us_between(m->start.ru_utime, m->end.ru_utime),
		us_between(m->start.ru_stime, m->end.ru_stime));
	printf(",\"rss_before_kib\":%ld,\"rss_peak_kib\":%ld,\"allocs\":%llu", m->rss_kib,
		kib_of("VmHWM:"), (unsigned long long)m->allocs);
	print_times("call", m->took_ns, m->calls);
	print_times("first", m->first_ns, m->calls);
	print_times("gap", m->gap_ns, m->calls);
	printf("}\n");
	return m->failed || !meter_done(m);
}
