/*
 * outage_faults.h - the ways in which a PostgreSQL goes away, for prove_outage.
 */
#ifndef PROVE_OUTAGE_FAULTS_H
#define PROVE_OUTAGE_FAULTS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/pg.h"
#include "support/relay.h"
#include "support/sim.h"
#include "support/talk.h"

#define SILENT_NS UINT64_C(3000000000)
#define IDLE_MS 1400 /* pgbouncer hangs up after a second */

enum line { LINE_DIRECT, LINE_POOLED, LINE_RELAY };

typedef struct scene {
	pg *p;
	const char *database;
	sim *up;
	relay *line;
	uint16_t line_port;
} scene;

typedef struct fault {
	const char *name;
	enum line line;
	void (*harm)(scene *s);
	void (*mend)(scene *s);
	uint32_t hold_ms;
	int rests; /* nobody calls meanwhile */
} fault;

static atomic_int resting; /* nobody is to call */

static void die(const char *what, const char *why)
{
	fprintf(stderr, "prove_outage: %s: %s\n", what, why);
	exit(99);
}

static void rest_a_while(scene *s)
{
	(void)s;
	atomic_store(&resting, 1);
}

static void wake_up(scene *s)
{
	(void)s;
	atomic_store(&resting, 0);
}

static void stop_server(scene *s)
{
	pg_down(s->p, false);
}

static void crash_server(scene *s)
{
	pg_down(s->p, true);
}

static void start_server(scene *s)
{
	pg_up(s->p);
}

static void end_backends(scene *s)
{
	pg_end_backends(s->p, s->database);
}

static void nothing(scene *s)
{
	(void)s;
}

static void only_read(scene *s)
{
	pg_read_only(s->p, true);
}

static void write_again(scene *s)
{
	pg_read_only(s->p, false);
}

static void no_room(scene *s)
{
	pg_limit(s->p, s->database, 0);
	pg_end_backends(s->p, s->database);
}

static void room_again(scene *s)
{
	pg_limit(s->p, s->database, -1);
}

static void cut_line(scene *s)
{
	free(relay_stop(s->line));
	s->line = NULL;
}

static void lay_line(scene *s)
{
	s->line = relay_start_at("127.0.0.1", s->line_port, pg_port(s->p));
	if (!s->line)
		die("relay", "its port is taken");
}

/* Nobody hears anything, who calls anew neither, and nobody is told. */
static void silence_line(scene *s)
{
	for (uint64_t end = talk_real_ns() + SILENT_NS; talk_real_ns() < end; rest_ms(3))
		relay_go_dead(s->line);
}

static void line_again(scene *s)
{
	cut_line(s);
	lay_line(s);
}

static const fault faults[] = {
	{"restart", LINE_DIRECT, stop_server, start_server, 200, 0},
	{"restart, pooled", LINE_POOLED, stop_server, start_server, 200, 0},
	{"crash", LINE_DIRECT, crash_server, start_server, 200, 0},
	{"backend killed", LINE_DIRECT, end_backends, nothing, 0, 0},
	{"backend killed, pooled", LINE_POOLED, end_backends, nothing, 0, 0},
	{"connection cut", LINE_RELAY, cut_line, lay_line, 200, 0},
	{"line silent for 3 s", LINE_RELAY, silence_line, line_again, 0, 0},
	{"read-only", LINE_DIRECT, only_read, write_again, 300, 0},
	{"read-only, pooled", LINE_POOLED, only_read, write_again, 300, 0},
	{"too many connections", LINE_DIRECT, no_room, room_again, 300, 0},
	{"idle, pooled", LINE_POOLED, rest_a_while, wake_up, IDLE_MS, 1},
};
#define N_FAULTS (sizeof(faults) / sizeof(faults[0]))

#endif
