/*
 * schema.h - a document that satisfies a JSON Schema, the same for the same seed.
 * Not honoured: pattern, not, if/then/else, patternProperties, uniqueItems on
 * anything but strings and numbers.
 */
#ifndef LLMSIM_SCHEMA_H
#define LLMSIM_SCHEMA_H

#include <jansson.h>
#include <stdint.h>

/* A new value. `schema` null or not an object: {}. */
json_t *schema_make(const json_t *schema, uint64_t *rng);

#endif
