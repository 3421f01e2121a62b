/*
 * err.h - filling an llm_err. The table of codes is in err.c.
 */
#ifndef LLM_BASE_ERR_H
#define LLM_BASE_ERR_H

#include "llm/error.h"

#if defined(__GNUC__)
#define ERR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define ERR_PRINTF(f, a)
#endif

/* Clears `err` to "no error"; keeps struct_size. Accepts null. */
void err_clear(llm_err *err);

/*
 * Sets code, class and message and clears the rest; accepts a null `err`. The
 * message is cut at a UTF-8 boundary. Returns `code`, so that a caller can write
 * `return err_set(err, LLM_E_CONFIG, ...)`. Numbers only with %d, %u, %zu, PRI*.
 */
int32_t err_set(llm_err *err, int32_t code, const char *format, ...) ERR_PRINTF(3, 4);

/* Changes the message only. */
void err_message(llm_err *err, const char *text, size_t len);

/* Copies at most cap-1 bytes, cut at a UTF-8 boundary, NUL-terminated. Null is "". */
void err_copy(char *dst, size_t cap, const char *text, size_t len);

/* Copies `src` into `dst` as far as dst->struct_size reaches. Accepts null dst. */
void err_export(llm_err *dst, const llm_err *src);

#endif
