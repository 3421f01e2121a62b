/*
 * check.c - descriptors, and the tables they lead to.
 */
#include "plugin/check.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "plugin/image.h"

#define CHECK_MAX_PARTS 64

static int check_id(const char *id)
{
	size_t i;

	if (!check_word(id, 127))
		return 0;
	for (i = 0; id[i]; i++)
		if (!(id[i] >= 'a' && id[i] <= 'z') && !(id[i] >= '0' && id[i] <= '9') &&
			id[i] != '.' && id[i] != '-')
			return 0;
	return 1;
}

static int32_t check_damaged(const plugin *p, const char *what, llm_err *err)
{
	return err_set(
		err, LLM_E_PLUGIN, "plugin file %s has a damaged descriptor: %s", p->path, what);
}

/* The magic first: where it is wrong, nothing else means anything. */
static int32_t check_magic(const llm_plugin_desc *theirs, const plugin *p, llm_err *err)
{
	static const uint32_t least = CHECK_THROUGH(llm_plugin_desc, get_extension);
	uint64_t magic;
	size_t room;

	if (!theirs)
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s: " LLM_PLUGIN_ENTRY_NAME " returned no descriptor",
			p->path);
	room = image_room(theirs);
	if (room < sizeof(magic) + sizeof(uint32_t) || (uintptr_t)theirs % sizeof(magic))
		return check_damaged(p, "its address is garbage", err);
	memcpy(&magic, &theirs->magic, sizeof(magic));
	if (magic != LLM_PLUGIN_MAGIC)
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s has the wrong magic %016" PRIx64 " instead of %016" PRIx64,
			p->path, magic, LLM_PLUGIN_MAGIC);
	if (theirs->struct_size < least || theirs->struct_size > CHECK_SIZE_MAX ||
		room < theirs->struct_size)
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s has a damaged descriptor: its size is %" PRIu32
			" bytes, that of ABI 1.0 is %" PRIu32,
			p->path, theirs->struct_size, least);
	return 0;
}

static int32_t check_head(const llm_plugin_desc *d, plugin *p, llm_err *err)
{
	if (!check_id(d->id))
		return check_damaged(p, "its id is not 1 to 127 bytes of [a-z0-9.-]", err);
	if (!check_word(d->version, 63))
		return check_damaged(p, "its version is not 1 to 63 bytes of ASCII", err);
	if (!check_word(d->licence, 127))
		return check_damaged(p, "its licence is not 1 to 127 bytes of ASCII", err);
	p->id = d->id;
	p->version = d->version;
	p->licence = d->licence;
	p->abi_minor = d->abi_minor;
	if (d->abi_minor_min > LLM_ABI_MINOR)
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s needs a newer libllm: "
			"it wants ABI %d.%u, this is ABI %d.%d",
			p->path, LLM_ABI_MAJOR, d->abi_minor_min, LLM_ABI_MAJOR, LLM_ABI_MINOR);
	return 0;
}

/* Part number `i`, null at the end of the list; *ret_rc says when it is damaged. */
static const llm_plugin_part *check_part(
	const llm_plugin_desc *d, size_t i, const plugin *p, int32_t *ret_rc, llm_err *err)
{
	const llm_plugin_part *part = NULL;

	*ret_rc = 0;
	if (!d->parts || i == CHECK_MAX_PARTS || image_room(d->parts + i) < sizeof(void *))
		*ret_rc = check_damaged(p, "its list of parts has no end", err);
	else
		part = d->parts[i];
	if (part && (image_room(part) < sizeof(*part) || !check_word(part->kind, 63))) {
		*ret_rc = check_damaged(p, "a part has no kind", err);
		return NULL;
	}
	return part;
}

static int32_t check_joined(buf *list, const char *separator, const char *text)
{
	int32_t rc = list->len ? buf_add_str(list, separator) : 0;

	return rc ? rc : buf_add_str(list, text);
}

static int32_t check_skip(buf *note, const char *kind)
{
	int32_t rc = check_joined(note, "; ", "skipped a part of kind ");

	if (!rc)
		rc = buf_add_str(note, kind);
	return rc ? rc : buf_add_str(note, ", which this libllm does not use");
}

/* The kinds that this version uses: a new one is a row here and a file. */
static const struct check_kind {
	const char *name;
	int32_t (*check)(const void *theirs, arena *ar, plugin *p, llm_err *err);
} check_kinds[] = {
	{LLM_KIND_PROVIDER, check_provider},
	{LLM_KIND_POLICY, check_policy},
	{LLM_KIND_STORAGE, check_storage},
};

/* *had has a bit for each kind of which a part came before. */
static int32_t check_part_of(
	const llm_plugin_part *part, arena *ar, plugin *p, uint32_t *had, buf *note, llm_err *err)
{
	size_t i;

	for (i = 0; i < sizeof(check_kinds) / sizeof(check_kinds[0]); i++) {
		if (strcmp(part->kind, check_kinds[i].name) != 0)
			continue;
		if (*had & UINT32_C(1) << i)
			return err_set(err, LLM_E_PLUGIN,
				"plugin file %s has a damaged descriptor: "
				"it has two parts of kind %s",
				p->path, check_kinds[i].name);
		*had |= UINT32_C(1) << i;
		return check_kinds[i].check(part->vtable, ar, p, err);
	}
	return check_skip(note, part->kind);
}

static int32_t check_parts(
	const llm_plugin_desc *d, arena *ar, plugin *p, buf *kinds, buf *note, llm_err *err)
{
	const llm_plugin_part *part;
	uint32_t had = 0;
	int32_t rc;
	size_t i;

	for (i = 0;; i++) {
		part = check_part(d, i, p, &rc, err);
		if (rc || !part)
			return rc;
		rc = check_joined(kinds, ", ", part->kind);
		if (!rc)
			rc = check_part_of(part, ar, p, &had, note, err);
		if (rc)
			return rc;
	}
}

int32_t check_descriptor(
	const llm_plugin_desc *theirs, arena *ar, plugin *p, const char **ret_note, llm_err *err)
{
	buf kinds, note;
	char *said;
	int32_t rc;

	rc = check_magic(theirs, p, err);
	if (!rc)
		rc = check_head(theirs, p, err);
	if (rc)
		return rc;
	buf_init(&kinds, ar->mem, 0);
	buf_init(&note, ar->mem, 0);
	rc = check_parts(theirs, ar, p, &kinds, &note, err);
	if (!rc) {
		p->kinds = arena_dup(ar, buf_text(&kinds), kinds.len);
		said = arena_dup(ar, buf_text(&note), note.len);
		if (p->kinds && said)
			*ret_note = said;
		else
			rc = LLM_E_NOMEM;
	}
	buf_done(&note);
	buf_done(&kinds);
	return rc;
}
