/*
 * privacy.c - keyed hashes, and rows of content by mode.
 */
#include "store/privacy.h"

#include <string.h>

#include "base/buf.h"

#define PRIVACY_DOMAIN "libllm-" /* in front of the purpose */

int32_t privacy_hash(const privacy *p, const char *purpose, const llm_bytes *bytes,
	const llm_allocator *mem, char ret_hex[SHA256_HEX])
{
	int32_t rc;
	buf all;

	buf_init(&all, mem, 0);
	rc = buf_add_str(&all, PRIVACY_DOMAIN);
	if (!rc)
		rc = buf_add_str(&all, purpose);
	if (!rc)
		rc = buf_add_char(&all, '\0');
	if (!rc)
		rc = buf_add(&all, bytes->ptr, bytes->len);
	if (!rc)
		rc = hash_keyed_hex(p->key, p->key_len, all.ptr, all.len, ret_hex);
	buf_done(&all);
	return rc;
}

static int32_t privacy_add(void *to, const char *bytes, size_t len)
{
	return buf_add(to, bytes, len);
}

/* What is left of the text: the row's own copy. A hook that fails keeps nothing. */
static int32_t privacy_fill(
	const privacy *p, const llm_bytes *bytes, arena *ar, llm_content_row *row, int *ret_kept)
{
	int32_t rc = 0;
	buf out;

	*ret_kept = 1;
	if (p->mode != PRIVACY_FULL && p->mode != PRIVACY_REDACTED)
		return 0;
	buf_init(&out, ar->mem, 0);
	if (p->mode == PRIVACY_FULL)
		rc = buf_add(&out, bytes->ptr, bytes->len);
	else
		*ret_kept = p->hook && p->hook(p->hook_ctx, bytes, privacy_add, &out) == 0;
	if (!rc && *ret_kept) {
		row->bytes.ptr = arena_dup(ar, buf_text(&out), out.len);
		row->bytes.len = out.len;
		row->has_bytes = 1;
		rc = row->bytes.ptr ? 0 : LLM_E_NOMEM;
	}
	buf_done(&out);
	return rc;
}

int32_t privacy_text(const privacy *p, const llm_bytes *text, arena *ar, const char **ret)
{
	llm_content_row row = {0};
	int32_t rc;
	int kept;

	rc = privacy_fill(p, text, ar, &row, &kept);
	if (!rc)
		*ret = kept ? row.bytes.ptr : NULL;
	return rc;
}

int32_t privacy_content(const privacy *p, const char *workspace, const char *kind,
	const llm_bytes *bytes, const char *reference, int64_t now_us, arena *ar,
	llm_content_row **ret)
{
	llm_content_row *row = arena_new(ar, sizeof(*row));
	char hex[SHA256_HEX];
	int32_t rc;
	int kept;

	if (!row)
		return LLM_E_NOMEM;
	*row = (llm_content_row){
		.struct_size = sizeof(*row), .size = (int64_t)bytes->len, .created_us = now_us};
	rc = privacy_fill(p, bytes, ar, row, &kept);
	if (!rc && p->key)
		rc = privacy_hash(p, "content", bytes, ar->mem, hex);
	if (rc)
		return rc;
	row->workspace_id = arena_str(ar, workspace);
	row->kind = arena_str(ar, kind);
	row->hash = arena_str(ar, p->key ? hex : reference);
	if (!row->workspace_id || !row->kind || !row->hash)
		return LLM_E_NOMEM;
	*ret = p->mode != PRIVACY_NONE && kept ? row : NULL;
	return 0;
}
