/*
 * columns.h - the records of llm/abi/storage.h as lists of columns, for every dialect.
 *
 * A statement names its parameters and its result as columns are named; these lists
 * say where in the record a name is found.
 */
#ifndef LLM_PERSISTENCE_COLUMNS_H
#define LLM_PERSISTENCE_COLUMNS_H

#include "llm/abi/storage.h"

enum {
	COLUMN_TEXT = 1, /* const char *, null is NULL */
	COLUMN_NUMBER = 2, /* int64_t, -1 is NULL */
	COLUMN_FLAG = 3, /* uint32_t, 0 or 1 */
	COLUMN_BYTES = 4 /* llm_bytes, no address is NULL */
};

typedef struct column {
	const char *name;
	uint16_t type; /* COLUMN_* */
	uint16_t at; /* offset in the record */
} column;

typedef struct columns {
	const char *table; /* or null: the record is of no table */
	const column *list;
	size_t n;
	size_t size; /* of the record as this plugin knows it */
} columns;

extern const columns columns_run;
extern const columns columns_attempt;
extern const columns columns_stage;
extern const columns columns_content;
extern const columns columns_owner;
extern const columns columns_health;
extern const columns columns_idem;
extern const columns columns_cache;
extern const columns columns_trim;
extern const columns columns_stat;
extern const columns columns_spend;
extern const columns columns_budget;
extern const columns columns_filter;
extern const columns columns_purge;

/* The column of that name, or null. */
const column *columns_find(const columns *cs, const char *name);

/* A record of which nothing is said: no texts, every number -1, every flag 0. */
void columns_clear(const columns *cs, void *record);

#endif
