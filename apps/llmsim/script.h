/*
 * script.h - plays what a file says: bytes, delays, resets, half frames.
 */
#ifndef LLMSIM_SCRIPT_H
#define LLMSIM_SCRIPT_H

#include "bytes.h"

struct conn;
struct script;

enum script_op {
	OP_READ_REQUEST,
	OP_READ,
	OP_SEND,
	OP_SLEEP,
	OP_DRIP,
	OP_REPEAT,
	OP_HALF_CLOSE,
	OP_CLOSE,
	OP_RESET,
	OP_KEEP,
	OP_SERVE,
	OP_FAULT,
};

struct directive {
	enum script_op op;
	uint64_t number;
	struct bytes data;
};

struct script_block {
	struct directive *list;
	size_t count;
};

struct script {
	struct script_block *blocks;
	size_t count;
	size_t next;
	bool once; /* the last block does not repeat */
};

/* script_read.c. Returns 0, or 2 after "file:line: what". */
int script_load(const char *path, struct script **ret);
void script_free(struct script *s);

/* Gives the connection its block. */
void script_begin(struct script *s, struct conn *c);
bool script_step(struct conn *c);

#endif
