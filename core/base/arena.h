/*
 * arena.h - memory with one end: everything taken from an arena goes at once.
 *
 * Built with LLM_ARENA_DEBUG every item is a block of its own, so that sanitizers
 * see an overrun of one item into the next.
 */
#ifndef LLM_BASE_ARENA_H
#define LLM_BASE_ARENA_H

#include "llm/base.h"

typedef struct arena_block arena_block;

typedef struct arena {
	const llm_allocator *mem;
	arena_block *head;
	size_t chunk; /* bytes of an ordinary block */
	size_t used; /* bytes handed out since the last reset */
} arena;

/* Takes nothing yet. `chunk` 0: 4096. */
void arena_init(arena *ar, const llm_allocator *mem, size_t chunk);
/* Zeroed, aligned for any type; null when memory is short. */
void *arena_new(arena *ar, size_t bytes);
void *arena_array(arena *ar, size_t n, size_t size);
/* NUL-terminated copies. */
char *arena_dup(arena *ar, const char *text, size_t len);
char *arena_str(arena *ar, const char *text);
/* Gives everything back; the arena can be used again. */
void arena_reset(arena *ar);
/* The same, but for one block, with which it goes on. */
void arena_rewind(arena *ar);

#endif
