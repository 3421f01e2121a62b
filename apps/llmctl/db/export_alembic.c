/*
 * export_alembic.c - a revision for each migration that the tree does not have yet, in one line
 * behind its head. A statement is an op.execute of its own: SQLite's drivers take one at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "export_tree.h"

/* ---- the text of a revision ---- */

/* A statement ends with ; at the end of its line, and none is inside one. */
static void write_statements(FILE *to, const char *sql)
{
	const char *end;

	while ((end = strstr(sql, ";\n"))) {
		fprintf(to, "        op.execute(\n            \"\"\"%.*s\"\"\"\n        )\n",
			(int)(end - sql), sql);
		sql = end + 2 + strspn(end + 2, "\n");
	}
}

static void write_function(FILE *to, const char *name, unsigned i)
{
	fprintf(to, "\n\ndef %s():\n    dialect = op.get_context().dialect.name\n", name);
	for (size_t d = 0; d < export_n_dialects; d++) {
		const sql_migration *m = &export_dialects[d].migrations[i];

		fprintf(to, "    %s dialect == \"%s\":\n", d ? "elif" : "if",
			export_dialects[d].sqlalchemy);
		write_statements(to, strcmp(name, "upgrade") == 0 ? m->up : m->down);
	}
	fprintf(to,
		"    else:\n        raise NotImplementedError(\n"
		"            \"libllm has no migrations for \" + dialect\n        )\n");
}

static void write_revision(FILE *to, unsigned i, const char *id, const char *down)
{
	fprintf(to,
		"\"\"\"libllm, schema %u: %s\n\n"
		"Written by llmctl db export. What it makes is changed by later revisions of libllm "
		"only.\n\n"
		"Revision ID: %s\nRevises: %s\n\"\"\"\n\n"
		"from alembic import op\n\n"
		"revision = \"%s\"\n",
		i + 1, export_dialects[0].migrations[i].name, id, down ? down : "", id);
	if (down)
		fprintf(to, "down_revision = \"%s\"\n", down);
	else
		fputs("down_revision = None\n", to);
	fputs("branch_labels = None\ndepends_on = None\n", to);
	write_function(to, "upgrade", i);
	write_function(to, "downgrade", i);
}

static void id_of(unsigned i, char *ret, size_t cap)
{
	snprintf(ret, cap, "llm_%04u", i + 1);
}

static int32_t put_revision(exporter *e, const tree *t, unsigned i, const char *down, llm_err *err)
{
	char id[TREE_ID], name[200];
	export_text text;
	int32_t rc = export_text_open(&text, err);

	if (rc)
		return rc;
	id_of(i, id, sizeof(id));
	snprintf(name, sizeof(name), "%s_%s.py", id, export_dialects[0].migrations[i].name);
	write_revision(text.to, i, id, down);
	return export_text_put(e, &text, t->versions, name, EXPORT_REFUSE, err);
}

/* ---- what it follows ---- */

static int32_t check_asked(const tree *t, const char *asked, const char *head, llm_err *err)
{
	if (!tree_has(&t->revisions, asked))
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--down-revision %.60s: %.300s has no such revision%s%s", asked,
			t->versions, head ? "; the head is " : "", head ? head : "");
	if (tree_has(&t->followed, asked))
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--down-revision %.60s has a follower already: that would make a second "
			"head\nTry: --down-revision %s",
			asked, head ? head : "HEAD");
	return 0;
}

/* Sets *ret to null for a tree without revisions. */
static int32_t find_down(const tree *t, const char *asked, const char **ret, llm_err *err)
{
	const char *heads[3] = {NULL, NULL, NULL};
	const size_t n = tree_heads(t, heads, 3);
	int32_t rc = 0;

	if (!asked && n > 1)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"the tree has %zu heads: %s, %s%s%s\n"
			"Join them with `alembic merge heads`, or say --down-revision ID.",
			n, heads[0], heads[1], n > 2 ? ", " : "", n > 2 ? heads[2] : "");
	if (asked)
		rc = check_asked(t, asked, heads[0], err);
	if (!rc)
		*ret = asked ? asked : heads[0];
	return rc;
}

/* The first that is missing; behind it none may be there. */
static int32_t first_missing(const tree *t, unsigned *ret, llm_err *err)
{
	unsigned i, first = export_count();
	char id[TREE_ID];

	for (i = export_count(); i-- > 0;) {
		id_of(i, id, sizeof(id));
		if (!tree_has(&t->revisions, id))
			first = i;
		else if (first < export_count() && first > i + 1)
			break;
	}
	for (i = first; i < export_count(); i++) {
		id_of(i, id, sizeof(id));
		if (tree_has(&t->revisions, id))
			return complain_set(err, LLM_E_INVALID_REQUEST,
				"%.300s has %s, but not what it is built on, llm_%04u\n"
				"Restore that revision.",
				t->versions, id, first + 1);
	}
	*ret = first;
	return 0;
}

static int32_t put_missing(exporter *e, const tree *t, unsigned first, llm_err *err)
{
	const char *down = NULL;
	char before[TREE_ID];
	int32_t rc = find_down(t, e->down_revision, &down, err);

	if (!rc)
		rc = export_folder(t->versions, err);
	for (unsigned i = first; i < export_count() && !rc; i++) {
		rc = put_revision(e, t, i, down, err);
		id_of(i, before, sizeof(before));
		down = before;
	}
	return rc;
}

int32_t export_alembic(exporter *e, llm_err *err)
{
	unsigned first = 0;
	int32_t rc;
	tree t;

	rc = tree_read(&t, e->dir, err);
	if (!rc)
		rc = first_missing(&t, &first, err);
	if (!rc && first < export_count())
		rc = put_missing(e, &t, first, err);
	tree_done(&t);
	return rc;
}
