/*
 * conn.h - one connection: bytes in, bytes out, and who closed it. What is said
 * on it is decided by `step`: serve_step() or script_step().
 */
#ifndef LLMSIM_CONN_H
#define LLMSIM_CONN_H

#include "reply.h"
#include "timer.h"

struct fault_model;
struct script_block;
struct server;

/* What a script is doing on this connection. */
struct conn_play {
	const struct script_block *block;
	size_t at; /* the directive */
	uint64_t count; /* inside it: bytes or repeats done */
	uint64_t due_ns; /* 0: not waiting */
	struct bytes out;
};

struct conn {
	struct server *srv;
	struct conn *prev;
	struct conn *next;
	/* One step on; true: call again, false: wait for an event or the timer. */
	bool (*step)(struct conn *c);
	uint64_t id;
	int fd;
	struct timer timer;
	struct bytes in;
	const char *data; /* what is being sent: from off to limit */
	size_t off;
	size_t limit;
	uint64_t answer_sent; /* bytes of the current answer */
	uint64_t total_sent;
	bool readable;
	bool gone; /* the peer closed or reset */
	bool reset; /* it was a reset */
	bool told; /* the close is in the log */
	bool dead; /* to be freed by whoever called conn_event() or conn_tick() */

	/* serve.c */
	struct fault_model *fault; /* of the script, for what is served; owned; null: none */
	const struct reply *reply; /* null: reading a request */
	struct reply own;
	size_t piece;
	uint64_t due_ns;
	bool continued;
	bool draining;

	struct conn_play play;
};

struct conn *conn_new(struct server *srv, int fd);
void conn_free(struct conn *c);

void conn_event(struct conn *c, uint32_t events);
void conn_tick(struct conn *c);

/* Reads what is there, up to `most` bytes; false: nothing for now. */
bool conn_fill(struct conn *c, size_t most);

enum conn_flush { FLUSH_ALL, FLUSH_BLOCKED };
/* Sends up to the limit. A peer that is gone shows as blocked, with `gone` set. */
enum conn_flush conn_flush(struct conn *c);

/* The answer is out: one line in the log. */
void conn_answered(struct conn *c);
/* Our close, after what was sent: orderly, or at once and with a reset. */
void conn_close(struct conn *c);
void conn_reset(struct conn *c);
/* The line of our close, for a caller that closes step by step. */
void conn_tell_close(struct conn *c);
/* Sends the end of our side only. */
void conn_half_close(struct conn *c);

#endif
