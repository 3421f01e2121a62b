/*
 * export.c - "llmctl db export": the command, and how a file is written. The plain form and the
 * module for SQLAlchemy are here, the others in files of their own.
 */
#include "export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/json.h"

#define FILE_MAX_BYTES (4 << 20)

const export_dialect export_dialects[] = {{"sqlite", "sqlite", "sqlite", sqlite_migrations},
	{"postgres", "postgresql", "pg", postgres_migrations}};
const size_t export_n_dialects = sizeof(export_dialects) / sizeof(export_dialects[0]);

unsigned export_count(void)
{
	return sqlite_migration_count;
}

/* ---- files ---- */

bool export_join(char *room, const char *a, const char *b)
{
	int n = snprintf(room, EXPORT_PATH, "%s/%s", a, b);

	return n > 0 && n < EXPORT_PATH;
}

static int32_t cannot(llm_err *err, const char *what, const char *path)
{
	return complain_set(
		err, LLM_E_PERSISTENCE, "%.300s cannot be %s: %s", path, what, strerror(errno));
}

int32_t export_folder(const char *path, llm_err *err)
{
	struct stat st;

	if (mkdir(path, 0777) == 0 || (errno == EEXIST && !stat(path, &st) && S_ISDIR(st.st_mode)))
		return 0;
	return cannot(err, "made", path);
}

static int32_t read_all(FILE *f, const char *path, char **ret, llm_err *err)
{
	char *text = malloc(FILE_MAX_BYTES + 1);
	size_t n;

	if (!text)
		return complain_set(err, LLM_E_NOMEM, "memory is short");
	n = fread(text, 1, FILE_MAX_BYTES + 1, f);
	if (ferror(f) || n > FILE_MAX_BYTES) {
		free(text);
		errno = ferror(f) ? errno : EFBIG;
		return cannot(err, "read", path);
	}
	text[n] = '\0';
	*ret = text;
	return 0;
}

int32_t export_read(const char *path, char **ret, llm_err *err)
{
	FILE *f = fopen(path, "rbe");
	char *text = NULL;
	int32_t rc = 0;

	if (!f && errno != ENOENT)
		return cannot(err, "read", path);
	if (f) {
		rc = read_all(f, path, &text, err);
		fclose(f);
	}
	if (!rc)
		*ret = text;
	return rc;
}

const char *export_next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : NULL;
}

/* Under another name first: a full disk leaves no half of a migration. */
static int32_t write_file(const char *path, const char *text, llm_err *err)
{
	const size_t n = strlen(text);
	char part[EXPORT_PATH + 8];
	int32_t rc = 0;
	FILE *f;

	snprintf(part, sizeof(part), "%s.part", path);
	f = fopen(part, "wbe");
	if (!f)
		return cannot(err, "written", path);
	if (fwrite(text, 1, n, f) != n || fflush(f) || fsync(fileno(f)))
		rc = cannot(err, "written", path);
	if (fclose(f) && !rc)
		rc = cannot(err, "written", path);
	if (!rc && rename(part, path))
		rc = cannot(err, "written", path);
	if (rc)
		unlink(part);
	return rc;
}

int32_t export_put(exporter *e, const char *dir, const char *name, const char *text,
	export_other other, llm_err *err)
{
	char path[EXPORT_PATH], *there = NULL;
	int32_t rc = 0;

	if (!export_join(path, dir, name))
		return complain_set(err, LLM_E_INVALID_REQUEST, "the path of %s is too long", name);
	rc = export_read(path, &there, err);
	if (!rc && there && strcmp(there, text) == 0)
		goto free_there;
	if (!rc && there && other == EXPORT_REFUSE)
		rc = complain_set(err, LLM_E_INVALID_REQUEST,
			"%.300s is there and says something else\n"
			"Move it away, or name another folder.",
			path);
	if (!rc)
		rc = write_file(path, text, err);
	if (!rc)
		json_array_append_new(e->files, json_text(path));
free_there:
	free(there);
	return rc;
}

int32_t export_text_open(export_text *t, llm_err *err)
{
	t->text = NULL;
	t->to = open_memstream(&t->text, &t->len);
	return t->to ? 0 : complain_set(err, LLM_E_NOMEM, "memory is short");
}

int32_t export_text_put(exporter *e, export_text *t, const char *dir, const char *name,
	export_other other, llm_err *err)
{
	const bool bad = fflush(t->to) || ferror(t->to);
	int32_t rc;

	fclose(t->to);
	rc = bad ? complain_set(err, LLM_E_NOMEM, "memory is short") :
		   export_put(e, dir, name, t->text, other, err);
	free(t->text);
	return rc;
}

/* ---- the plain form, and that for SQLAlchemy ---- */

static int32_t plain_one(exporter *e, unsigned i, llm_err *err)
{
	const sql_migration *m = &e->dialect->migrations[i];
	char name[120];
	int32_t rc;

	snprintf(name, sizeof(name), "%04u_%s.up.sql", i + 1, m->name);
	rc = export_put(e, e->dir, name, m->up, EXPORT_REFUSE, err);
	snprintf(name, sizeof(name), "%04u_%s.down.sql", i + 1, m->name);
	return rc ? rc : export_put(e, e->dir, name, m->down, EXPORT_REFUSE, err);
}

int32_t export_plain(exporter *e, llm_err *err)
{
	int32_t rc = export_folder(e->dir, err);

	for (unsigned i = 0; i < export_count() && !rc; i++)
		rc = plain_one(e, i, err);
	return rc;
}

/* A module of this name that is not ours stays. */
int32_t export_sqlalchemy(exporter *e, llm_err *err)
{
	static const char name[] = "llm_tables.py";
	char path[EXPORT_PATH], *there = NULL;
	int32_t rc = export_folder(e->dir, err);
	bool ours;

	if (!rc && !export_join(path, e->dir, name))
		rc = complain_set(err, LLM_E_INVALID_REQUEST, "the path of %s is too long", name);
	if (!rc)
		rc = export_read(path, &there, err);
	if (rc)
		return rc;
	ours = there && strstr(there, "llmctl db export --format sqlalchemy");
	free(there);
	return export_put(
		e, e->dir, name, export_tables, ours ? EXPORT_REPLACE : EXPORT_REFUSE, err);
}

/* ---- the command ---- */

typedef struct export_form {
	const char *name;
	int32_t (*run)(exporter *e, llm_err *err);
	bool one; /* dialect, not all of them */
} export_form;

static const export_form forms[] = {{"plain", export_plain, true},
	{"alembic", export_alembic, false}, {"sqitch", export_sqitch, true},
	{"sqlalchemy", export_sqlalchemy, false}};

static int32_t pick(const ctl_options *o, const export_form **ret, llm_err *err)
{
	const char *wanted = o->format ? o->format : forms[0].name;
	const export_form *found = NULL;

	if (!o->words.n)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"where to? Name the folder that the migrations go into\n"
			"Try: llmctl db export --format %s DIR",
			wanted);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].name, wanted) == 0)
			found = &forms[i];
	if (!found)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--format %.40s is none of plain, alembic, sqitch, sqlalchemy", wanted);
	if (o->down_revision && found->run != export_alembic)
		return complain_set(
			err, LLM_E_INVALID_REQUEST, "--down-revision is for --format alembic");
	if (o->dialect && !found->one)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--dialect is for --format plain and sqitch: %s has all of them", wanted);
	*ret = found;
	return 0;
}

static const export_dialect *dialect_named(const char *name)
{
	for (size_t i = 0; i < export_n_dialects; i++)
		if (strcmp(export_dialects[i].name, name) == 0)
			return &export_dialects[i];
	return NULL;
}

/* What was asked for, else that of the configured storage, else SQLite's. */
static int32_t pick_dialect(ctl *c, const export_form *form, exporter *e, llm_err *err)
{
	const char *configured = "";
	int32_t rc = 0;

	e->dialect = &export_dialects[0];
	e->asked = c->opt.dialect != NULL;
	if (!form->one)
		return 0;
	if (!e->asked)
		rc = store_plugin(c, &configured, err);
	else if (!dialect_named(c->opt.dialect))
		rc = complain_set(err, LLM_E_INVALID_REQUEST,
			"--dialect %.40s is none of sqlite, postgres", c->opt.dialect);
	if (!rc && dialect_named(e->asked ? c->opt.dialect : configured))
		e->dialect = dialect_named(e->asked ? c->opt.dialect : configured);
	return rc;
}

static void say(const ctl *c, const export_form *form, exporter *e)
{
	json_t *o;
	size_t i;

	if (c->opt.json) {
		o = json_object();
		json_object_set_new(o, "schema", json_text("llm.db-export/1"));
		json_object_set_new(o, "format", json_text(form->name));
		json_object_set_new(o, "number", json_integer(export_count()));
		json_object_set(o, "files", e->files);
		json_print(o);
		return;
	}
	for (i = 0; i < json_array_size(e->files); i++)
		puts(json_string_value(json_array_get(e->files, i)));
	if (!json_array_size(e->files))
		complain_note(&c->term, "note", "everything is there already");
}

int db_export_run(ctl *c)
{
	exporter e = {.down_revision = c->opt.down_revision, .files = json_array()};
	const export_form *form = &forms[0];
	llm_err err = LLM_ERR_INIT;
	int32_t rc = pick(&c->opt, &form, &err);

	if (!rc)
		rc = pick_dialect(c, form, &e, &err);
	if (!rc) {
		e.dir = c->opt.words.items[0];
		rc = form->run(&e, &err);
	}
	if (!rc)
		say(c, form, &e);
	json_decref(e.files);
	return rc ? ctl_fail(c, &err) : 0;
}
