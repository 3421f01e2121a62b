/*
 * export_sqitch.c - changes at the end of a sqitch plan, with what deploys, reverts and verifies
 * them. The plan comes last: what it names is there.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export.h"

#define CHANGE_NAME 120

static void name_of(unsigned i, char *ret)
{
	snprintf(ret, CHANGE_NAME, "llm_%04u_%s", i + 1, export_dialects[0].migrations[i].name);
}

/* ---- the scripts ---- */

/* Each is a transaction of its own, as sqitch wants it: half a change is none. */
static int32_t put_script(exporter *e, const char *kind, unsigned i, const char *sql, llm_err *err)
{
	char dir[EXPORT_PATH], change[CHANGE_NAME], name[CHANGE_NAME + 8];
	export_text text;
	int32_t rc;

	name_of(i, change);
	snprintf(name, sizeof(name), "%s.sql", change);
	if (!export_join(dir, e->dir, kind))
		return complain_set(err, LLM_E_INVALID_REQUEST, "the path of DIR is too long");
	rc = export_folder(dir, err);
	if (!rc)
		rc = export_text_open(&text, err);
	if (rc)
		return rc;
	fprintf(text.to, "-- %c%s %s on %s: libllm, written by llmctl db export\n\nBEGIN;\n\n%s%s",
		kind[0] - 'a' + 'A', kind + 1, change, e->dialect->sqitch, sql,
		strcmp(kind, "verify") == 0 ? "\nROLLBACK;\n" : "\nCOMMIT;\n");
	return export_text_put(e, &text, dir, name, EXPORT_REFUSE, err);
}

static int32_t put_scripts(exporter *e, unsigned i, llm_err *err)
{
	const sql_migration *m = &e->dialect->migrations[i];
	int32_t rc = put_script(e, "deploy", i, m->up, err);

	if (!rc)
		rc = put_script(e, "revert", i, m->down, err);
	return rc ? rc : put_script(e, "verify", i, m->verify, err);
}

/* ---- the plan ---- */

static bool is_planned(const char *plan, const char *change)
{
	const size_t n = strlen(change);

	for (const char *line = plan; line; line = export_next_line(line))
		if (strncmp(line, change, n) == 0 && (line[n] == ' ' || line[n] == '\t'))
			return true;
	return false;
}

static void plan_change(FILE *to, unsigned i)
{
	char change[CHANGE_NAME], before[CHANGE_NAME], when[32];
	const time_t now = time(NULL);
	struct tm utc;

	name_of(i, change);
	gmtime_r(&now, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	fputs(change, to);
	if (i) {
		name_of(i - 1, before);
		fprintf(to, " [%s]", before);
	}
	fprintf(to, " %s llmctl <llmctl@localhost> # libllm, schema %u\n", when, i + 1);
}

static int32_t put_plan(exporter *e, const char *plan, llm_err *err)
{
	const size_t n = plan ? strlen(plan) : 0;
	char change[CHANGE_NAME];
	export_text text;
	int32_t rc = export_text_open(&text, err);

	if (rc)
		return rc;
	if (plan)
		fprintf(text.to, "%s%s", plan, n && plan[n - 1] != '\n' ? "\n" : "");
	else
		fputs("%syntax-version=1.0.0\n%project=llm\n\n", text.to);
	for (unsigned i = 0; i < export_count(); i++) {
		name_of(i, change);
		if (!plan || !is_planned(plan, change))
			plan_change(text.to, i);
	}
	return export_text_put(e, &text, e->dir, "sqitch.plan", EXPORT_REPLACE, err);
}

/* ---- the project that is there ---- */

/* The value of a key in a line of its own; false when it is not set. */
static bool conf_value(const char *conf, const char *key, char *ret, size_t cap)
{
	const size_t n = strlen(key);
	const char *line = conf, *at;

	for (; line; line = export_next_line(line)) {
		at = line + strspn(line, " \t");
		if (strncmp(at, key, n) != 0)
			continue;
		at += n + strspn(at + n, " \t");
		if (*at++ != '=')
			continue;
		at += strspn(at, " \t");
		snprintf(ret, cap, "%.*s", (int)strcspn(at, " \t\r\n"), at);
		return true;
	}
	return false;
}

/* The project's engine decides, unless a dialect was asked for. */
static int32_t check_engine(exporter *e, const char *path, const char *engine, llm_err *err)
{
	const export_dialect *d = NULL;

	for (size_t i = 0; i < export_n_dialects; i++)
		if (strcmp(export_dialects[i].sqitch, engine) == 0)
			d = &export_dialects[i];
	if (!d)
		return complain_set(err, LLM_E_UNSUPPORTED,
			"%.300s is for %s: libllm has migrations for sqlite and pg", path, engine);
	if (e->asked && e->dialect != d)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"%.300s is for %s, and --dialect says %s", path, engine, e->dialect->name);
	e->dialect = d;
	return 0;
}

static int32_t check_conf(exporter *e, const char *path, const char *conf, llm_err *err)
{
	static const char *const moved[] = {
		"top_dir", "plan_file", "deploy_dir", "revert_dir", "verify_dir", "extension"};
	char value[80];
	int32_t rc = 0;

	if (conf_value(conf, "engine", value, sizeof(value)))
		rc = check_engine(e, path, value, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++)
		if (conf_value(conf, moved[i], value, sizeof(value)))
			return complain_set(err, LLM_E_UNSUPPORTED,
				"%.300s sets %s: an export goes into the usual folders only\n"
				"Export into an empty folder, and move the files and the lines of "
				"the plan from there.",
				path, moved[i]);
	return 0;
}

static int32_t settle_conf(exporter *e, llm_err *err)
{
	char path[EXPORT_PATH], made[60], *conf = NULL;
	int32_t rc;

	if (!export_join(path, e->dir, "sqitch.conf"))
		return complain_set(err, LLM_E_INVALID_REQUEST, "the path of DIR is too long");
	rc = export_read(path, &conf, err);
	if (!rc && conf)
		rc = check_conf(e, path, conf, err);
	snprintf(made, sizeof(made), "[core]\n\tengine = %s\n", e->dialect->sqitch);
	if (!rc && !conf)
		rc = export_put(e, e->dir, "sqitch.conf", made, EXPORT_REFUSE, err);
	free(conf);
	return rc;
}

int32_t export_sqitch(exporter *e, llm_err *err)
{
	char path[EXPORT_PATH], *plan = NULL;
	int32_t rc = export_folder(e->dir, err);

	if (!rc && !export_join(path, e->dir, "sqitch.plan"))
		rc = complain_set(err, LLM_E_INVALID_REQUEST, "the path of DIR is too long");
	if (!rc)
		rc = settle_conf(e, err);
	if (!rc)
		rc = export_read(path, &plan, err);
	for (unsigned i = 0; i < export_count() && !rc; i++)
		rc = put_scripts(e, i, err);
	if (!rc)
		rc = put_plan(e, plan, err);
	free(plan);
	return rc;
}
