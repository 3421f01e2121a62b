/*
 * args.c - "--name=value", "--name value", "-n value", "-nvalue", clusters of
 * switches, and "--" after which everything is a word.
 */
#include "args.h"

#include <stdlib.h>
#include <string.h>

#include "io/complain.h"
#include "near.h"

static const arg_option no_options[] = {{0, ARG_SWITCH, NULL, NULL, NULL, 0}};

static const arg_option *table(const args *a, int which)
{
	if (which == 0)
		return args_common;
	return a->extra ? a->extra : no_options;
}

static const arg_option *by_name(const args *a, const char *name, size_t len)
{
	for (int t = 0; t < 2; t++)
		for (const arg_option *o = table(a, t); o->name; o++)
			if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
				return o;
	return NULL;
}

static const arg_option *by_letter(const args *a, char letter)
{
	for (int t = 0; t < 2; t++)
		for (const arg_option *o = table(a, t); o->name; o++)
			if (o->letter && o->letter == letter)
				return o;
	return NULL;
}

static int32_t push(const args *a, arg_words *list, const char *text, llm_err *err)
{
	/* Nothing can be given more often than there are arguments. */
	if (!list->items)
		list->items = calloc((size_t)a->argc, sizeof(*list->items));
	if (!list->items)
		return complain_set(err, LLM_E_NOMEM, "memory is short");
	list->items[list->n++] = text;
	return 0;
}

static int32_t store(
	const args *a, const arg_option *opt, const char *value, ctl_options *o, llm_err *err)
{
	char *where = (char *)o + opt->at;

	if (value && !*value && opt->kind != ARG_ANY)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"the value of --%s is empty: --%s %s\nTry: %s --help", opt->name, opt->name,
			opt->value, a->command);
	switch (opt->kind) {
	case ARG_SWITCH:
		*(bool *)(void *)where = true;
		return 0;
	case ARG_TEXT:
	case ARG_ANY:
		*(const char **)(void *)where = value;
		return 0;
	case ARG_LIST:
		return push(a, (arg_words *)(void *)where, value, err);
	}
	return 0;
}

static int32_t unknown(const args *a, const char *name, size_t len, llm_err *err)
{
	char typed[65] = "";
	near n = {.word = typed};

	if (len < sizeof(typed))
		memcpy(typed, name, len);
	for (int t = 0; t < 2; t++)
		for (const arg_option *o = table(a, t); o->name; o++)
			near_try(&n, o->name);
	return complain_set(err, LLM_E_INVALID_REQUEST,
		"unknown option --%.*s%s%s%s\nTry: %s --help", (int)(len < 60 ? len : 60), name,
		n.best ? "; did you mean --" : "", n.best ? n.best : "", n.best ? "?" : "",
		a->command);
}

/* The value that follows as an argument of its own. */
static int32_t following(args *a, const arg_option *opt, const char **ret, llm_err *err)
{
	if (a->next >= a->argc)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--%s wants a value: --%s %s\nTry: %s --help", opt->name, opt->name,
			opt->value, a->command);
	*ret = a->argv[a->next++];
	return 0;
}

static int32_t read_long(args *a, const char *arg, ctl_options *o, llm_err *err)
{
	const char *equal = strchr(arg, '='), *value = equal ? equal + 1 : NULL;
	size_t len = equal ? (size_t)(equal - arg) : strlen(arg);
	const arg_option *opt = by_name(a, arg, len);
	int32_t rc = 0;

	if (!opt)
		return unknown(a, arg, len, err);
	if (opt->kind == ARG_SWITCH && value)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--%s takes no value\nTry: %s --help", opt->name, a->command);
	if (opt->kind != ARG_SWITCH && !value)
		rc = following(a, opt, &value, err);
	return rc ? rc : store(a, opt, value, o, err);
}

static int32_t read_short(args *a, const char *letters, ctl_options *o, llm_err *err)
{
	for (; *letters; letters++) {
		const arg_option *opt = by_letter(a, *letters);
		const char *value = letters[1] ? letters + 1 : NULL;
		int32_t rc = 0;

		if (!opt)
			return complain_set(err, LLM_E_INVALID_REQUEST,
				"unknown option -%c\nTry: %s --help", *letters, a->command);
		if (opt->kind != ARG_SWITCH && !value)
			rc = following(a, opt, &value, err);
		if (!rc)
			rc = store(a, opt, value, o, err);
		if (rc || opt->kind != ARG_SWITCH)
			return rc;
	}
	return 0;
}

int32_t args_read(args *a, ctl_options *o, llm_err *err)
{
	bool words_only = false;
	int32_t rc = 0;

	while (!rc && a->next < a->argc) {
		const char *arg = a->argv[a->next];
		bool word = words_only || arg[0] != '-' || !arg[1];

		if (word && a->stop_at_word)
			break;
		a->next++;
		if (word)
			rc = push(a, &o->words, arg, err);
		else if (arg[1] != '-')
			rc = read_short(a, arg + 1, o, err);
		else if (arg[2])
			rc = read_long(a, arg + 2, o, err);
		else
			words_only = true;
	}
	return rc;
}

void args_done(ctl_options *o)
{
	free(o->images.items);
	free(o->options.items);
	free(o->words.items);
}
