/*
 * check.h - is a descriptor sound, and our own copies of its tables.
 */
#ifndef LLM_PLUGIN_CHECK_H
#define LLM_PLUGIN_CHECK_H

#include "base/arena.h"
#include "plugin/plugin.h"

/* The size of a table as far as one member, its padding left out. */
#define CHECK_THROUGH(type, member) \
	((uint32_t)(offsetof(type, member) + sizeof(((const type *)NULL)->member)))

/* No table of any version is larger; a size above it is garbage. */
#define CHECK_SIZE_MAX ((uint32_t)1 << 16)

/*
 * Fills p->id, version, licence, kinds, abi_minor and the tables from what the
 * entry returned; p->path is set. *ret_note is "" or says which parts were
 * skipped. LLM_E_PLUGIN with one sentence naming file and cause, LLM_E_NOMEM.
 */
int32_t check_descriptor(
	const llm_plugin_desc *theirs, arena *ar, plugin *p, const char **ret_note, llm_err *err);

/* A part of one kind: its table and what its `describe` returned. (KIND.c) */
int32_t check_provider(const void *theirs, arena *ar, plugin *p, llm_err *err);
int32_t check_policy(const void *theirs, arena *ar, plugin *p, llm_err *err);
int32_t check_storage(const void *theirs, arena *ar, plugin *p, llm_err *err);

/* "plugin file PATH: WHAT" */
int32_t check_refuse(const plugin *p, const char *what, llm_err *err);

/* ---- tables (table.c) ---- */

/* A slot that must not be null. */
typedef struct check_slot {
	size_t at; /* offset in the table */
	const char *name;
} check_slot;

/* A table of functions, or the facts that `describe` returns. */
typedef struct check_table {
	const char *kind; /* LLM_KIND_*; null: what `describe` returned */
	uint32_t sizes[1]; /* by ABI minor: 1.0 */
	uint32_t ours;
	const check_slot *required; /* or null: none */
	size_t n_required;
} check_table;

/*
 * Our copy of the table at `theirs`, with our struct_size, zero where theirs ends;
 * null and *ret_rc when it is not sound or memory is short.
 */
void *check_copy(const check_table *t, const void *theirs, arena *ar, const plugin *p,
	int32_t *ret_rc, llm_err *err);

/*
 * Can a table at `theirs` be read, and is its size, its first member, one that
 * some version had? `sizes` are the versions' sizes, ascending; above the last
 * anything goes. Returns the size, 0 for a garbage address, or with *ret_bad 1 the
 * size that no version had.
 */
uint32_t check_size(const void *theirs, const uint32_t *sizes, size_t n, int *ret_bad);

/* A copy of `ours` bytes, zero where theirs ends; null when memory is short. */
void *check_adopt(arena *ar, const void *theirs, uint32_t size, size_t ours);

/* ---- words and lists (rows.c) ---- */

/* Printable ASCII, 1 to `max` bytes, inside an object. */
int check_word(const char *text, size_t max);
/* [a-z][a-z0-9_]*, at most 63 bytes; a dash as well where `dash`. */
int check_name(const char *text, int dash);
/* One line of UTF-8; may be empty, and null where `optional`. */
int check_line(const char *text, int optional);

/* The rows of a null-terminated list of pointers. */
typedef struct check_list {
	uint32_t sizes[1]; /* by ABI minor: 1.0 */
	size_t ours;
	int (*valid)(const void *row);
	int (*used)(const void *row); /* null: all */
} check_list;

extern const check_list check_keys; /* llm_key_info */

/* The number of rows in front of the list's null. */
int32_t check_count(
	const void *list, const char *name, const plugin *p, size_t *ret_n, llm_err *err);
/* Copies a list, null-terminated again, into *ret. A null list is an empty one. */
int32_t check_rows(const check_list *kind, const char *name, const void *theirs, arena *ar,
	const plugin *p, void **ret, llm_err *err);
/* `row` from 0. */
int32_t check_refuse_list(const plugin *p, const char *name, size_t row, llm_err *err);

#endif
