/*
 * fresh.c - "llmctl db migrate --fresh": what is damaged is put aside, never deleted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "setup/store.h"

#define NAMES_MAX 100

enum { IS_DAMAGED, IS_EMPTY, IS_WHOLE };

static int look(llm_unit *unit)
{
	llm_schema_state s = {.struct_size = sizeof(s)};
	llm_err ignored = LLM_ERR_INIT;

	if (llm_records_maintain(unit, LLM_MAINTAIN_CHECK, NULL, &ignored) ||
		llm_records_schema(unit, &s, &ignored) || s.state == LLM_SCHEMA_HALF ||
		s.state == LLM_SCHEMA_DAMAGED)
		return IS_DAMAGED;
	return s.state == LLM_SCHEMA_NONE ? IS_EMPTY : IS_WHOLE;
}

/* What cannot be opened may be damaged; for what is busy, or wrongly configured, nothing is moved. */
static int32_t check(ctl *c, bool *ret_damaged, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	store st;
	int32_t rc = store_open(c, STORE_ANY_SCHEMA | STORE_READ, &st, &why);
	const int found = rc ? IS_DAMAGED : look(st.unit);

	store_close(&st);
	if (found == IS_WHOLE)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"nothing is wrong with the database, so --fresh would only lose what is in it\n"
			"Begin anew by moving its file away yourself.");
	if (rc && rc != LLM_E_PERSISTENCE) {
		*err = why;
		return rc;
	}
	*ret_damaged = found == IS_DAMAGED;
	return 0;
}

/* The first of FILE.damaged, FILE.damaged2, ... that is not there. */
static int32_t new_name(const char *path, char *ret, size_t cap, llm_err *err)
{
	int n;

	for (unsigned i = 1; i <= NAMES_MAX; i++) {
		n = snprintf(ret, cap, i > 1 ? "%s.damaged%u" : "%s.damaged", path, i);
		if (n < 0 || (size_t)n >= cap)
			break;
		if (access(ret, F_OK))
			return 0;
	}
	return complain_set(err, LLM_E_PERSISTENCE,
		"no name is left for what is damaged: tidy up beside %.600s", path);
}

/* The log first: left alone it would be taken for that of the new file. */
static int32_t move(const char *path, const char *to, llm_err *err)
{
	static const char *const parts[] = {"-wal", "-shm", ""};
	char from[1100], into[1200];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(from, sizeof(from), "%s%s", path, parts[i]);
		snprintf(into, sizeof(into), "%s%s", to, parts[i]);
		if (rename(from, into) && errno != ENOENT)
			return complain_set(err, LLM_E_PERSISTENCE, "%s cannot be moved: %s", from,
				strerror(errno));
	}
	return 0;
}

int32_t store_put_aside(ctl *c, llm_err *err)
{
	const char *path;
	char to[1100], line[1200];
	bool damaged = false;
	int32_t rc = check(c, &damaged, err);

	path = c->store.own ? c->store.path : c->store.dsn;
	if (!rc && (!store_is_file(&c->store) || strncmp(path, "file:", 5) == 0 || *path == ':'))
		return complain_set(err, LLM_E_UNSUPPORTED,
			"--fresh works on a dsn that is the path of a file\n"
			"Move what is damaged away yourself, then: llmctl db migrate");
	if (!rc && damaged && access(path, F_OK) == 0) {
		rc = new_name(path, to, sizeof(to), err);
		if (!rc)
			rc = move(path, to, err);
		snprintf(line, sizeof(line), "what was there is now %s", to);
		if (!rc)
			complain_note(&c->term, "note", line);
	}
	ctl_again(c);
	return rc;
}
