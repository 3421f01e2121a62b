/* Where a configuration is read from, in one block, which may hold secrets. */
#include <string.h>

#include "base/alloc.h"
#include "reload.h"

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static size_t bytes_of(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static size_t bytes_of_list(const char *const *list)
{
	size_t i, n = (count(list) + 1) * sizeof(*list);

	for (i = 0; list && list[i]; i++)
		n += bytes_of(list[i]);
	return n;
}

static const char *put(char **at, const char *text)
{
	const size_t n = bytes_of(text);
	char *copy = *at;

	if (!text)
		return NULL;
	memcpy(copy, text, n);
	*at += n;
	return copy;
}

/* The pointers stand in front, where they are aligned. */
static const char *const *put_list(const char ***room, char **at, const char *const *list)
{
	const char **copy = *room;
	const size_t n = count(list);
	size_t i;

	for (i = 0; i < n; i++)
		copy[i] = put(at, list[i]);
	copy[n] = NULL;
	*room += n + 1;
	return list ? copy : NULL;
}

source *source_copy(const llm_service_opts *o, const llm_allocator *mem)
{
	source *s = mem_new(mem, sizeof(*s));
	const char **room;
	char *at;

	if (!s)
		return NULL;
	s->len = bytes_of(o->config_path) + bytes_of(o->config_text) + bytes_of(o->plugin_dir) +
		bytes_of(o->user_plugin_dir) + bytes_of_list(o->config_paths) +
		bytes_of_list(o->overrides);
	s->bytes = mem_new(mem, s->len);
	if (!s->bytes) {
		mem_free(mem, s);
		return NULL;
	}
	room = (const char **)(void *)s->bytes;
	at = s->bytes + (count(o->config_paths) + count(o->overrides) + 2) * sizeof(*room);
	s->opts = (llm_service_opts){.struct_size = (uint32_t)sizeof(s->opts),
		.flags = o->flags,
		.config_path = put(&at, o->config_path),
		.config_text = put(&at, o->config_text),
		.plugin_dir = put(&at, o->plugin_dir),
		.user_plugin_dir = put(&at, o->user_plugin_dir)};
	s->opts.config_paths = put_list(&room, &at, o->config_paths);
	s->opts.overrides = put_list(&room, &at, o->overrides);
	return s;
}

void source_free(source *s, const llm_allocator *mem)
{
	if (!s)
		return;
	mem_wipe(mem, s->bytes, s->len);
	mem_free(mem, s);
}
