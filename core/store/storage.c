/*
 * storage.c - settings of a storage plugin.
 */
#include "store/storage.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"

#define STORAGE_MAX_KEYS 64

static int32_t storage_unknown(const llm_storage *st, const char *key, llm_err *err)
{
	const llm_key_info *const *keys = st->plugin->storage_info->config_keys;
	const char *names[STORAGE_MAX_KEYS];
	const char *near;
	size_t n;

	for (n = 0; n < STORAGE_MAX_KEYS && keys[n]; n++)
		names[n] = keys[n]->name;
	near = text_nearest(key, names, n);
	return err_set(err, LLM_E_CONFIG, "storage %s has no setting %s%s%s%s", st->plugin->name,
		key, near ? "\ndid you mean " : "", near ? near : "", near ? "?" : "");
}

static int storage_knows(const llm_storage *st, const char *key)
{
	const llm_key_info *const *keys = st->plugin->storage_info->config_keys;

	for (; *keys; keys++)
		if (strcmp((*keys)->name, key) == 0)
			return 1;
	return 0;
}

static int32_t storage_set(llm_storage *st, const char *setting, llm_err *err)
{
	host_config_item *item = &st->settings[st->n_settings];
	const char *equals = strchr(setting, '=');

	if (!equals)
		return err_set(err, LLM_E_CONFIG, "storage setting %s is not KEY=VALUE", setting);
	item->key = arena_dup(&st->ar, setting, (size_t)(equals - setting));
	item->text = arena_str(&st->ar, equals + 1);
	if (!item->key || !item->text)
		return err_set(err, LLM_E_NOMEM, "no memory for the settings of a storage");
	if (!storage_knows(st, item->key))
		return storage_unknown(st, item->key, err);
	st->n_settings++;
	return 0;
}

static int32_t storage_set_all(llm_storage *st, const char *const *settings, llm_err *err)
{
	size_t n = 0, i;
	int32_t rc = 0;

	while (settings && settings[n])
		n++;
	st->settings = arena_array(&st->ar, n + 1, sizeof(*st->settings));
	if (!st->settings)
		return err_set(err, LLM_E_NOMEM, "no memory for the settings of a storage");
	for (i = 0; i < n && !rc; i++)
		rc = storage_set(st, settings[i], err);
	return rc;
}

int32_t storage_new(const plugin *p, const char *const *settings, const llm_allocator *mem,
	const logger *log, llm_storage **ret, llm_err *err)
{
	llm_storage *st = mem_new(mem, sizeof(*st));
	int32_t rc;

	if (!st)
		return err_set(err, LLM_E_NOMEM, "no memory for a storage");
	st->mem = *mem;
	st->plugin = p;
	if (log)
		st->log = *log;
	arena_init(&st->ar, &st->mem, 0);
	rc = storage_set_all(st, settings, err);
	if (rc)
		storage_free(st);
	else
		*ret = st;
	return rc;
}

void storage_free(llm_storage *st)
{
	llm_allocator mem;

	if (!st)
		return;
	arena_reset(&st->ar);
	mem = st->mem;
	mem_free(&mem, st);
}

int storage_has_op(const llm_storage *st, uint32_t kind)
{
	return kind < 64 && (st->plugin->storage_info->ops >> kind & 1);
}

int storage_has_query(const llm_storage *st, uint32_t kind)
{
	return kind < 64 && (st->plugin->storage_info->queries >> kind & 1);
}
