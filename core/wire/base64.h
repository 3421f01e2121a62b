/*
 * base64.h - bytes out of a base64 text (RFC 4648 section 4), as jsonw_base64 writes it.
 */
#ifndef LLM_WIRE_BASE64_H
#define LLM_WIRE_BASE64_H

#include <stddef.h>

/* Room that suffices for the bytes of `len` digits. */
#define BASE64_BYTES(len) ((len) / 4 * 3)

/*
 * Padded, one text for the same bytes: 1 with *ret_len, or 0 for any other text. `dst` has
 * BASE64_BYTES(len) and may be the text itself.
 */
int base64_decode(const char *text, size_t len, unsigned char *dst, size_t *ret_len);

#endif
