/*
 * export_tree.h - the revisions of an Alembic tree: where they are, and which follows which.
 */
#ifndef LLMCTL_EXPORT_TREE_H
#define LLMCTL_EXPORT_TREE_H

#include "export.h"

#define TREE_ID 64

typedef struct tree_ids {
	char (*ids)[TREE_ID];
	size_t n, cap;
} tree_ids;

typedef struct tree {
	char versions[EXPORT_PATH]; /* where new revisions go */
	tree_ids revisions;
	tree_ids followed; /* those that another one names as its down-revision */
} tree;

/*
 * `dir` is the project (alembic.ini), the folder with env.py, or that of the revisions.
 * LLM_E_INVALID_REQUEST when there is no tree, or when a revision cannot be read. Ended with
 * tree_done, also after a failure.
 */
int32_t tree_read(tree *t, const char *dir, llm_err *err);
void tree_done(tree *t);

bool tree_has(const tree_ids *list, const char *id);
/* Revisions that no other follows: how many; up to `cap` of them in `ret`. */
size_t tree_heads(const tree *t, const char **ret, size_t cap);

#endif
