/*
 * members_path.h - paths of members in JSON documents, and taking out what one names; for
 * provider_members.c.
 */
#ifndef TESTS_MEMBERS_PATH_H
#define TESTS_MEMBERS_PATH_H

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "members.h"

static int fits(const char *pattern, const char *path)
{
	size_t n = strlen(pattern);

	if (n > 2 && strcmp(pattern + n - 2, "**") == 0)
		return strncmp(pattern, path, n - 2) == 0;
	return strcmp(pattern, path) == 0;
}

static size_t row_of(const member *rows, const char *path)
{
	size_t i;

	for (i = 0; rows[i].path && !fits(rows[i].path, path); i++)
		;
	return i;
}

static int is_leaf(const json_t *v)
{
	return json_is_object(v) ? json_object_size(v) == 0 :
				   !json_is_array(v) || json_array_size(v) == 0;
}

static void join(char *to, size_t cap, const char *path, const char *key)
{
	snprintf(to, cap, "%s%s%s", path, path[0] ? "." : "", key);
}

static int prune(json_t *v, const char *path, const char *pattern);

static int prune_object(json_t *v, const char *path, const char *pattern)
{
	char inner[300];
	const char *key;
	json_t *child;
	void *next;
	int n = 0;

	json_object_foreach_safe(v, next, key, child)
	{
		join(inner, sizeof(inner), path, key);
		n += prune(child, inner, pattern);
		if (fits(pattern, inner) && (is_leaf(child) || strchr(pattern, '*')))
			n += json_object_del(v, key) == 0;
	}
	return n;
}

/* Takes out what the pattern names; how much. */
static int prune(json_t *v, const char *path, const char *pattern)
{
	char inner[300];
	int n = 0;
	size_t i;

	if (json_is_object(v))
		return prune_object(v, path, pattern);
	snprintf(inner, sizeof(inner), "%s[]", path);
	for (i = json_array_size(v); i-- > 0;) {
		n += prune(json_array_get(v, i), inner, pattern);
		if (fits(pattern, inner) && is_leaf(json_array_get(v, i)))
			n += json_array_remove(v, i) == 0;
	}
	return n;
}

#endif
