/*
 * db.c - "llmctl db migrate", "status", "backup" and "vacuum".
 */
#include <stdio.h>
#include <string.h>

#include "io/json.h"
#include "setup/store.h"

static const char *state_word(uint32_t state)
{
	static const char *const words[] = {
		"unknown", "ok", "none", "older", "newer", "half", "damaged"};

	return state < sizeof(words) / sizeof(words[0]) ? words[state] : words[0];
}

static int end(ctl *c, store *st, int32_t rc, const llm_err *err)
{
	store_close(st);
	return rc ? ctl_fail(c, err) : 0;
}

/* ---- migrate ---- */

static int32_t read_version(const char *text, uint32_t *ret, llm_err *err)
{
	uint32_t n = 0;
	const char *at = text;

	if (!text) {
		*ret = LLM_SCHEMA_LATEST;
		return 0;
	}
	while (*at >= '0' && *at <= '9' && n < 100000)
		n = n * 10 + (uint32_t)(*at++ - '0');
	if (!*text || *at)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--to %.40s is no schema number, such as 3; 0 takes all tables away", text);
	*ret = n;
	return 0;
}

static void say_migrated(const ctl *c, uint32_t from, uint32_t to)
{
	json_t *o;

	if (!c->opt.json) {
		if (from == to)
			printf("schema %u was there already\n", (unsigned)to);
		else
			printf("schema %u, it was %u\n", (unsigned)to, (unsigned)from);
		return;
	}
	o = json_object();
	json_object_set_new(o, "schema", json_text("llm.db-migrate/1"));
	json_object_set_new(o, "from", json_integer(from));
	json_object_set_new(o, "to", json_integer(to));
	json_print(o);
}

int db_migrate_run(ctl *c)
{
	llm_schema_state before = {.struct_size = sizeof(before)}, after = before;
	llm_err err = LLM_ERR_INIT;
	uint32_t version = 0;
	store st = {NULL, NULL, NULL};
	int32_t rc = read_version(c->opt.to, &version, &err);

	if (!rc && c->opt.fresh)
		rc = store_put_aside(c, &err);
	if (!rc)
		rc = store_open(c, STORE_ANY_SCHEMA | STORE_MAKE, &st, &err);
	if (!rc)
		rc = llm_records_schema(st.unit, &before, &err);
	if (!rc)
		rc = llm_unit_migrate(st.unit, version, &err);
	if (!rc)
		rc = llm_records_schema(st.unit, &after, &err);
	if (!rc)
		say_migrated(c, before.found, after.found);
	return end(c, &st, rc, &err);
}

/* ---- status ---- */

static void say_status(const ctl *c, const llm_schema_state *s, const llm_err *damage)
{
	json_t *o;

	if (!c->opt.json) {
		if (c->store.own)
			printf("file\t%s\n", c->store.path);
		printf("schema\t%s, found %u, expected %u\n", state_word(s->state),
			(unsigned)s->found, (unsigned)s->expected);
		printf("check\t%.*s\n", damage ? (int)strcspn(damage->message, "\n") : 2,
			damage ? damage->message : "ok");
		return;
	}
	o = json_object();
	json_object_set_new(o, "schema", json_text("llm.db-status/1"));
	json_object_set_new(o, "file", json_word(c->store.path));
	json_object_set_new(o, "state", json_text(state_word(s->state)));
	json_object_set_new(o, "found", json_integer(s->found));
	json_object_set_new(o, "expected", json_integer(s->expected));
	json_object_set_new(o, "error", json_error(damage));
	json_print(o);
}

int db_status_run(ctl *c)
{
	llm_schema_state s = {.struct_size = sizeof(s)};
	llm_err err = LLM_ERR_INIT, damage = LLM_ERR_INIT;
	store st = {NULL, NULL, NULL};
	int32_t bad = 0, rc = store_open(c, STORE_ANY_SCHEMA | STORE_READ, &st, &err);

	if (!rc)
		rc = llm_records_schema(st.unit, &s, &err);
	if (!rc)
		bad = llm_records_maintain(st.unit, LLM_MAINTAIN_CHECK, NULL, &damage);
	if (!rc)
		say_status(c, &s, bad ? &damage : NULL);
	if (!rc && !bad)
		bad = llm_unit_check_schema(st.unit, &damage);
	store_name_file(c, &damage);
	if (!rc && bad)
		complain(&c->term, &damage, NULL);
	return rc || !bad ? end(c, &st, rc, &err) : (store_close(&st), complain_exit(bad));
}

/* ---- the file as a whole ---- */

static int maintain(ctl *c, uint32_t what, const char *path)
{
	llm_err err = LLM_ERR_INIT;
	store st = {NULL, NULL, NULL};
	int32_t rc = store_open(c, 0, &st, &err);

	if (!rc)
		rc = llm_records_maintain(st.unit, what, path, &err);
	return end(c, &st, rc, &err);
}

int db_backup_run(ctl *c)
{
	llm_err err = LLM_ERR_INIT;

	if (c->opt.words.n)
		return maintain(c, LLM_MAINTAIN_BACKUP, c->opt.words.items[0]);
	complain_set(&err, LLM_E_INVALID_REQUEST,
		"a backup needs the name of a file that is not there yet\n"
		"Try: llmctl db backup runs-today.db");
	return ctl_fail(c, &err);
}

int db_vacuum_run(ctl *c)
{
	return maintain(c, LLM_MAINTAIN_VACUUM, NULL);
}
