/*
 * storage.c - the tables of a storage part, and finding one by name.
 */
#include "base/err.h"
#include "plugin/check.h"

#define STORAGE_SLOT(name) \
	{ \
		offsetof(llm_storage_vtable, name), #name \
	}
static const check_slot storage_required[] = {
	STORAGE_SLOT(describe),
	STORAGE_SLOT(open),
	STORAGE_SLOT(close),
	STORAGE_SLOT(begin),
	STORAGE_SLOT(commit),
	STORAGE_SLOT(rollback),
	STORAGE_SLOT(interrupt),
	STORAGE_SLOT(apply),
	STORAGE_SLOT(query),
};

static const check_table storage_table = {LLM_KIND_STORAGE,
	{CHECK_THROUGH(llm_storage_vtable, get_extension)}, sizeof(llm_storage_vtable),
	storage_required, sizeof(storage_required) / sizeof(storage_required[0])};
static const check_table storage_facts = {
	NULL, {CHECK_THROUGH(llm_storage_info, native_kind)}, sizeof(llm_storage_info), NULL, 0};

static int32_t storage_check_words(
	const llm_storage_info *info, const llm_storage_vtable *vt, const plugin *p, llm_err *err)
{
	if (!check_name(info->name, 1))
		return check_refuse(
			p, "describe returned a name that is not [a-z][a-z0-9_-]{0,62}", err);
	if (!check_line(info->label, 0) || !info->label[0])
		return check_refuse(p, "describe returned no label of one line", err);
	if (vt->bind ? !check_line(info->native_kind, 0) || !info->native_kind[0] :
		       info->native_kind != NULL)
		return check_refuse(
			p, "describe and the slot bind do not agree on a kind of handle", err);
	return 0;
}

static int32_t storage_describe(const llm_storage_vtable *vt, arena *ar, plugin *p, llm_err *err)
{
	llm_storage_info *info;
	void *keys = NULL;
	int32_t rc;

	info = check_copy(&storage_facts, vt->describe(), ar, p, &rc, err);
	if (!info)
		return rc;
	rc = storage_check_words(info, vt, p, err);
	if (!rc)
		rc = check_rows(&check_keys, "config_keys", info->config_keys, ar, p, &keys, err);
	info->config_keys = keys;
	if (!rc)
		p->storage_info = info;
	return rc;
}

int32_t check_storage(const void *theirs, arena *ar, plugin *p, llm_err *err)
{
	llm_storage_vtable *vt;
	int32_t rc;

	vt = check_copy(&storage_table, theirs, ar, p, &rc, err);
	if (!vt)
		return rc;
	if (!vt->bind != !vt->release || !vt->schema != !vt->migrate)
		return check_refuse(p,
			"its table " LLM_KIND_STORAGE
			" has one of bind and release, or of schema and migrate, not both",
			err);
	rc = storage_describe(vt, ar, p, err);
	if (!rc)
		p->storage = vt;
	return rc;
}

int32_t plugins_storage(
	plugins *ps, const char *name_or_path, const char *sha256, const plugin **ret, llm_err *err)
{
	const plugin *p = NULL;
	int32_t rc = plugins_get(ps, name_or_path, sha256, &p, err);

	if (rc)
		return rc;
	if (!p->storage)
		return err_set(err, LLM_E_PLUGIN,
			"plugin %s (%s) is no storage: it has %s\n"
			"Name a storage plugin, such as sqlite.",
			p->name, p->path, *p->kinds ? p->kinds : "no parts");
	*ret = p;
	return 0;
}
