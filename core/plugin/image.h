/*
 * image.h - is an address part of a loaded object?
 *
 * What a plugin's descriptor points at is constant and static by contract, so it
 * lies in some loaded object. An address that does not is garbage, and following
 * it would end the process instead of the load.
 */
#ifndef LLM_PLUGIN_IMAGE_H
#define LLM_PLUGIN_IMAGE_H

#include <stddef.h>

/* How many bytes can be read from `p` on within its segment; 0 when it lies in none. */
size_t image_room(const void *p);

/* 1 when `p` is a NUL-terminated text of at most `max` bytes inside an object. */
int image_text(const char *p, size_t max);

#endif
