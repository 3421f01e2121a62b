/*
 * arena.c - a list of blocks, the newest ordinary one first.
 */
#include "base/arena.h"

#include "base/alloc.h"

#include <stdalign.h>
#include <string.h>

#define ARENA_CHUNK 4096
#define ARENA_CHUNK_MIN 64 /* holds the smallest item four times */

struct arena_block {
	arena_block *next;
	size_t cap;
	size_t used;
	max_align_t data[];
};

#ifdef LLM_ARENA_DEBUG
static const int arena_single = 1;
#else
static const int arena_single = 0;
#endif

void arena_init(arena *ar, const llm_allocator *mem, size_t chunk)
{
	if (!chunk)
		chunk = ARENA_CHUNK;
	*ar = (arena){.mem = mem, .chunk = chunk < ARENA_CHUNK_MIN ? ARENA_CHUNK_MIN : chunk};
}

static arena_block *arena_block_new(arena *ar, size_t cap)
{
	arena_block *block;

	if (cap > SIZE_MAX - sizeof(*block))
		return NULL;
	/* An item is zeroed when it is handed out: most of a block is never used. */
	block = mem_resize(ar->mem, NULL, sizeof(*block) + cap);
	if (block)
		*block = (arena_block){.cap = cap};
	return block;
}

/* Behind the head, so that the room left in the head stays in use. */
static void *arena_own_block(arena *ar, size_t bytes)
{
	arena_block *block = arena_block_new(ar, bytes);

	if (!block)
		return NULL;
	block->used = bytes;
	if (ar->head) {
		block->next = ar->head->next;
		ar->head->next = block;
	} else {
		ar->head = block;
	}
	return block->data;
}

static void *arena_share_block(arena *ar, size_t bytes)
{
	arena_block *block = ar->head;
	void *item;

	if (!block || block->cap - block->used < bytes) {
		block = arena_block_new(ar, ar->chunk);
		if (!block)
			return NULL;
		block->next = ar->head;
		ar->head = block;
	}
	item = (char *)block->data + block->used;
	block->used += bytes;
	return item;
}

/* Not zeroed. */
static void *arena_take(arena *ar, size_t bytes)
{
	const size_t unit = alignof(max_align_t);
	void *item;

	if (!bytes)
		bytes = 1;
	if (arena_single || bytes > ar->chunk / 4)
		item = arena_own_block(ar, bytes);
	else
		item = arena_share_block(ar, (bytes + unit - 1) / unit * unit);
	if (item)
		ar->used += bytes;
	return item;
}

void *arena_new(arena *ar, size_t bytes)
{
	void *item = arena_take(ar, bytes);

	return item ? memset(item, 0, bytes ? bytes : 1) : NULL;
}

void *arena_array(arena *ar, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		return NULL;
	return arena_new(ar, n * size);
}

char *arena_dup(arena *ar, const char *text, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		return NULL;
	copy = arena_take(ar, len + 1);
	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *arena_str(arena *ar, const char *text)
{
	return text ? arena_dup(ar, text, strlen(text)) : NULL;
}

void arena_reset(arena *ar)
{
	while (ar->head) {
		arena_block *next = ar->head->next;

		mem_free(ar->mem, ar->head);
		ar->head = next;
	}
	ar->used = 0;
}

void arena_rewind(arena *ar)
{
	arena_block *kept = ar->head;

	if (!kept || arena_single || kept->cap != ar->chunk) {
		arena_reset(ar);
		return;
	}
	ar->head = kept->next;
	arena_reset(ar);
	*kept = (arena_block){.cap = ar->chunk};
	ar->head = kept;
}
