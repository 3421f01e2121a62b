/*
 * dbg.h - knobs that make rare inputs and outputs common, in builds with LLM_DEBUG.
 *
 * LLM_DBG_IO=SEED cuts every piece of body that arrives into random smaller ones
 * and shortens what is handed to the socket. Other builds compile it away: the
 * functions return their argument.
 */
#ifndef LLM_BASE_DBG_H
#define LLM_BASE_DBG_H

#include "llm/base.h"

typedef struct dbg_io {
	uint64_t state; /* 0: off */
} dbg_io;

/* Reads LLM_DBG_IO once; off when it is unset or the build is not a debug one. */
dbg_io dbg_io_from_env(void);
/* How many of `len` bytes to take now: 1..len; `len` when off. */
size_t dbg_io_cut(dbg_io *d, size_t len);

#endif
