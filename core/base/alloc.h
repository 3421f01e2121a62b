/*
 * alloc.h - the one door to memory.
 *
 * Every allocation of libllm goes through an llm_allocator, so that a host can
 * give its own and a test can count them and fail the n-th. Null is accepted
 * wherever memory is given back.
 */
#ifndef LLM_BASE_ALLOC_H
#define LLM_BASE_ALLOC_H

#include "llm/base.h"

/* malloc, realloc and free behind the hook. Static. */
const llm_allocator *mem_default(void);

/* `bytes` of zeroed memory, or null. Zero bytes give a distinct pointer. */
void *mem_new(const llm_allocator *a, size_t bytes);

/* n * size bytes of zeroed memory; null also when the product overflows. */
void *mem_array(const llm_allocator *a, size_t n, size_t size);

/* Grows or shrinks; the old block stays valid when null comes back. */
void *mem_resize(const llm_allocator *a, void *ptr, size_t bytes);

void mem_free(const llm_allocator *a, void *ptr);

/* A NUL-terminated copy of `len` bytes, or null. */
char *mem_dup(const llm_allocator *a, const char *text, size_t len);

/* As mem_dup up to the NUL; null gives null. */
char *mem_str(const llm_allocator *a, const char *text);

/* As mem_free, but the `len` bytes are overwritten first: for secrets. */
void mem_wipe(const llm_allocator *a, char *secret, size_t len);

#endif
