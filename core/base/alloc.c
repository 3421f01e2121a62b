/*
 * alloc.c - the only file of the core that names malloc.
 */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static void *alloc_take(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

static void *alloc_resize(void *ctx, void *ptr, size_t bytes)
{
	(void)ctx;
	return realloc(ptr, bytes);
}

static void alloc_release(void *ctx, void *ptr)
{
	(void)ctx;
	free(ptr);
}

static const llm_allocator alloc_libc = {
	.alloc = alloc_take,
	.resize = alloc_resize,
	.release = alloc_release,
};

const llm_allocator *mem_default(void)
{
	return &alloc_libc;
}

/* What an allocator does with zero is its own choice, so it never sees one. */
static size_t alloc_at_least_one(size_t bytes)
{
	return bytes ? bytes : 1;
}

void *mem_new(const llm_allocator *a, size_t bytes)
{
	void *ptr = a->alloc(a->ctx, alloc_at_least_one(bytes));

	if (ptr)
		memset(ptr, 0, alloc_at_least_one(bytes));
	return ptr;
}

void *mem_array(const llm_allocator *a, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		return NULL;
	return mem_new(a, n * size);
}

void *mem_resize(const llm_allocator *a, void *ptr, size_t bytes)
{
	return a->resize(a->ctx, ptr, alloc_at_least_one(bytes));
}

void mem_free(const llm_allocator *a, void *ptr)
{
	if (ptr)
		a->release(a->ctx, ptr);
}

char *mem_dup(const llm_allocator *a, const char *text, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		return NULL;
	copy = a->alloc(a->ctx, len + 1);
	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *mem_str(const llm_allocator *a, const char *text)
{
	return text ? mem_dup(a, text, strlen(text)) : NULL;
}

void mem_wipe(const llm_allocator *a, char *secret, size_t len)
{
	if (!secret)
		return;
	explicit_bzero(secret, len);
	mem_free(a, secret);
}
