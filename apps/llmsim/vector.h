/*
 * vector.h - embeddings: a vector of length 1 that depends on model and text only.
 */
#ifndef LLMSIM_VECTOR_H
#define LLMSIM_VECTOR_H

#include "bytes.h"

#define VECTOR_LEN 1024 /* unless asked for another */
#define VECTOR_MOST 8192

/* "[0.012345,...]" */
void vector_json(struct bytes *b, const char *model, struct span text, size_t n);
/* The same numbers as 32-bit floats, little-endian, in base64 and quotes. */
void vector_base64(struct bytes *b, const char *model, struct span text, size_t n);

#endif
