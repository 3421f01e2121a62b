/*
 * errors.c - "llmctl errors": the library's table of errors for people.
 */
#include <stdio.h>

#include "io/json.h"
#include "io/table.h"
#include "near.h"
#include "setup/ctl.h"

static const char *retry_name(uint32_t retry)
{
	static const char *const names[] = {"no", "yes", "once", "before the first output"};

	return retry < sizeof(names) / sizeof(names[0]) ? names[retry] : "no";
}

static const char *fallback_name(uint32_t fallback)
{
	static const char *const names[] = {"no", "yes", "to a larger context",
		"to another content policy", "before the first output", "when asked for"};

	return fallback < sizeof(names) / sizeof(names[0]) ? names[fallback] : "no";
}

static const char *health_name(uint32_t health)
{
	static const char *const names[] = {"none", "counts as a failure", "out for 60 s",
		"rests as long as the server says", "rests for 15 min"};

	return health < sizeof(names) / sizeof(names[0]) ? names[health] : "none";
}

static json_t *info_json(const llm_error_info *info)
{
	json_t *o = json_object();

	json_object_set_new(o, "code", json_text(info->name));
	json_object_set_new(o, "number", json_integer(info->code));
	json_object_set_new(o, "meaning", json_text(info->meaning));
	json_object_set_new(o, "fix", json_text(info->fix));
	json_object_set_new(o, "class", json_text(llm_class_name(info->err_class)));
	json_object_set_new(o, "retry", json_text(retry_name(info->retry)));
	json_object_set_new(o, "fallback", json_text(fallback_name(info->fallback)));
	json_object_set_new(o, "health", json_text(health_name(info->health)));
	json_object_set_new(o, "exit", json_integer(info->exit_code));
	return o;
}

static void print_one(const llm_error_info *info)
{
	printf("%s (%d)\n", info->name, info->code);
	printf("  Meaning:     %s\n", info->meaning);
	printf("  What to do:  %s\n", info->fix);
	printf("  Class:       %s\n", llm_class_name(info->err_class));
	printf("  Retry:       %s\n", retry_name(info->retry));
	printf("  Fallback:    %s\n", fallback_name(info->fallback));
	printf("  Health:      %s\n", health_name(info->health));
	printf("  Exit status: %u%s\n", (unsigned)info->exit_code,
		info->code == LLM_E_CANCELLED ? ", 130 after Ctrl-C" : "");
}

static void print_all(const ctl *c)
{
	const llm_error_info *info;
	table t;

	table_open(&t);
	for (uint32_t i = 0; (info = llm_error_info_at(i)); i++) {
		char status[16];

		snprintf(status, sizeof(status), "exit %u", (unsigned)info->exit_code);
		table_cell(&t, info->name);
		table_cell(&t, llm_class_name(info->err_class));
		table_cell(&t, status);
		table_cell(&t, info->meaning);
		table_row_end(&t);
	}
	table_close(&t, c->term.out);
}

static void print_json(const llm_error_info *one)
{
	json_t *o = json_object(), *list = json_array();
	const llm_error_info *info;

	for (uint32_t i = 0; (info = llm_error_info_at(i)); i++)
		if (!one || one == info)
			json_array_append_new(list, info_json(info));
	json_object_set_new(o, "schema", json_text("llm.errors/1"));
	json_object_set_new(o, "errors", list);
	json_print(o);
}

static int unknown(const ctl *c, const char *name)
{
	llm_err err = LLM_ERR_INIT;
	const llm_error_info *info;
	char upper[65] = "";
	near n = {.word = upper};

	for (size_t i = 0; i < sizeof(upper) - 1 && name[i]; i++)
		upper[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
	for (uint32_t i = 0; (info = llm_error_info_at(i)); i++)
		near_try(&n, info->name);
	complain_set(&err, LLM_E_NOT_FOUND,
		"no error is called \"%.60s\"%s%s%s\n"
		"llmctl errors lists them all.",
		name, n.best ? "; did you mean " : "", n.best ? n.best : "", n.best ? "?" : "");
	return ctl_fail(c, &err);
}

int errors_run(ctl *c)
{
	const char *name = c->opt.words.n ? c->opt.words.items[0] : NULL;
	const llm_error_info *info = name ? llm_error_info_named(name) : NULL;

	if (name && !info)
		return unknown(c, name);
	if (c->opt.json)
		print_json(info);
	else if (info)
		print_one(info);
	else
		print_all(c);
	return 0;
}
