/*
 * jcs.h - JSON in its canonical form (RFC 8785), so that equal requests are equal bytes.
 *
 * Members stand in the order of their names' UTF-16 code units, doubles in their
 * shortest form, as ECMAScript writes them; text is neither normalised nor trimmed.
 * Stricter than the RFC in two points (R-CACHE-5): a member that stands twice is refused,
 * and a whole number beyond 2^53 - 1, written without fraction and exponent, becomes a
 * string of its digits, because a double would not hold it.
 */
#ifndef LLM_STORE_JCS_H
#define LLM_STORE_JCS_H

#include "base/buf.h"
#include "llm/error.h"
#include "wire/num.h"

/*
 * Appends the canonical form of one JSON document. LLM_E_INVALID_REQUEST for what is no
 * JSON, nests deeper than 128, has a member twice, or a number that no double holds;
 * LLM_E_NOMEM. On failure `out` may hold a part of it.
 */
int32_t jcs_write(const char *json, size_t len, const llm_allocator *mem, buf *out, llm_err *err);

/* As ECMAScript writes a number: "1e+21", "0.000001", -0 as "0"; 0 for NaN and infinities. */
size_t jcs_double(double value, char ret_text[NUM_TEXT]);

#endif
