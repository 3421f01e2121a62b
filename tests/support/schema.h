/*
 * support/schema.h - does a JSON document have the shape that a schema says? The
 * part of JSON Schema that docs/llm.ask.schema.json uses: type, enum, minimum,
 * pattern, properties, required, additionalProperties
 * false, items. A keyword it does not know is a failure, so nothing goes unchecked.
 */
#ifndef SUPPORT_SCHEMA_H
#define SUPPORT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* False and the place and reason in `why`. */
bool schema_check(const json_t *schema, const json_t *value, char *why, size_t cap);

#endif
