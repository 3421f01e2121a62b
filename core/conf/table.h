/*
 * table.h - what all sources said, one entry for each key path, later over earlier.
 *
 * Every value is checked against its row of key_table when it is set, also one that
 * a later source replaces. Entries stand in the order in which they first came.
 */
#ifndef LLM_CONF_TABLE_H
#define LLM_CONF_TABLE_H

#include "base/arena.h"
#include "base/idmap.h"
#include "conf/keys.h"

enum { /* how a value was written */
	FORM_TEXT = 1, /* in the environment or an override: without a type */
	FORM_STRING,
	FORM_INT,
	FORM_BOOL,
	FORM_STRINGS,
	FORM_GROUP,
	FORM_LIST,
	FORM_OTHER /* a fraction, a mixed list */
};

enum { FROM_FILE = 1, FROM_ENV, FROM_CALL };

typedef struct written {
	uint32_t form;
	uint32_t from;
	const char *origin;
	const char *text; /* of a scalar; NUL-terminated */
	const char *const *list; /* of FORM_STRINGS */
	size_t n_list;
} written;

typedef struct entry {
	const key_def *def;
	struct entry *parent; /* null for the root */
	const char *path;
	const char *name; /* the last part of the path */
	int dead; /* belonged to a list that was replaced */
	size_t members; /* entries below it, the dead ones too */
	written set;
	uint64_t number; /* of a duration, integer, boolean, choice */
	void *object; /* of a KEY_OBJECT: see build.c */
} entry;

typedef struct table {
	arena *mem;
	llm_err *err;
	entry **items; /* items[0] is the root */
	size_t n;
	idmap by_fold; /* folded path to entry */
} table;

int32_t table_init(table *t, arena *mem, llm_err *err);
void table_done(table *t);

/*
 * The entry of member `name` of `parent`, made when it is not there. Unknown names,
 * names of a wrong form, keys of later versions and keys that fold like another one
 * are LLM_E_CONFIG. With `folded` a name that only folds like an existing one is that.
 */
int32_t table_member(
	table *t, entry *parent, const char *name, const written *w, int folded, entry **ret);
/* Checks and stores. For a list, forgets the elements that an earlier source gave. */
int32_t table_set(table *t, entry *e, const written *w);
/* The live entry of that exact path, or null. */
entry *table_get(const table *t, const char *path);

/* Appends room for one to `items` (n of them) in `mem`; null when memory is short. */
void *table_grow(arena *mem, void *items, size_t n, size_t size);
/* Formats into the arena; null when memory is short. */
char *table_text(arena *mem, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* value.c: checks w against e->def, fills e->set and e->number. */
int32_t value_set(table *t, entry *e, const written *w);
/* value.c: is it one whose text is a secret or names one? */
int value_is_secret(const entry *e);

#endif
