#include "route/affinity.h"

#include <string.h>

#include "wire/jsonw.h"

#define FULL 1 /* no error: what follows does not count */

typedef struct affinity_out {
	sha256 *h;
	size_t left;
} affinity_out;

static int32_t affinity_put(void *ctx, const char *bytes, size_t len)
{
	affinity_out *out = ctx;
	const size_t n = len < out->left ? len : out->left;

	out->left -= n;
	if (sha256_add(out->h, bytes, n))
		return LLM_E_INTERNAL;
	return out->left ? 0 : FULL;
}

static void affinity_text(jsonw *w, const char *key, const char *ptr, size_t len)
{
	if (!len)
		return;
	jsonw_key(w, key);
	jsonw_string(w, ptr, len);
}

static void affinity_word(jsonw *w, const char *key, const char *text)
{
	affinity_text(w, key, text ? text : "", text ? strlen(text) : 0);
}

static void affinity_tool(jsonw *w, const llm_tool_view *t)
{
	jsonw_object(w);
	affinity_word(w, "name", t->name);
	affinity_word(w, "description", t->description);
	affinity_text(w, "schema", t->schema.ptr, t->schema.len);
	jsonw_object_end(w);
}

/* Of an image or a file the first bytes: whatever is behind 8 KiB does not count. */
static void affinity_part(jsonw *w, const llm_part_view *p)
{
	jsonw_object(w);
	jsonw_key(w, "kind");
	jsonw_int(w, p->kind);
	affinity_word(w, "id", p->id);
	affinity_word(w, "name", p->name);
	affinity_word(w, "url", p->url);
	affinity_text(w, "text", p->text.ptr, p->text.len);
	if (p->data.len) {
		jsonw_key(w, "data");
		jsonw_base64(
			w, p->data.ptr, p->data.len < AFFINITY_HEAD ? p->data.len : AFFINITY_HEAD);
	}
	jsonw_object_end(w);
}

static void affinity_message(jsonw *w, const llm_message_view *m)
{
	size_t i;

	jsonw_object(w);
	jsonw_key(w, "role");
	jsonw_int(w, m->role);
	jsonw_key(w, "parts");
	jsonw_array(w);
	for (i = 0; i < m->n_parts && !w->status; i++)
		affinity_part(w, m->parts[i]);
	jsonw_array_end(w);
	jsonw_object_end(w);
}

static void affinity_write(jsonw *w, const llm_request_view *rq, const char *workspace)
{
	size_t i;

	jsonw_object(w);
	affinity_word(w, "workspace", workspace);
	jsonw_key(w, "tools");
	jsonw_array(w);
	for (i = 0; i < rq->n_tools && !w->status; i++)
		affinity_tool(w, rq->tools[i]);
	jsonw_array_end(w);
	jsonw_key(w, "messages");
	jsonw_array(w);
	for (i = 0; i < rq->n_messages && !w->status; i++)
		affinity_message(w, rq->messages[i]);
	jsonw_array_end(w);
	jsonw_object_end(w);
}

static uint64_t affinity_u64(const unsigned char *p)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

int32_t affinity_of(const llm_request_view *rq, const char *workspace, affinity_head *ret)
{
	affinity_out out = {sha256_new(), AFFINITY_HEAD};
	affinity_head head;
	int32_t rc = LLM_E_NOMEM;
	jsonw w;

	if (!out.h)
		return rc;
	jsonw_init(&w, affinity_put, &out);
	affinity_write(&w, rq, workspace);
	rc = jsonw_finish(&w);
	if (rc == FULL)
		rc = 0;
	if (!rc)
		rc = sha256_take(out.h, head.digest);
	if (!rc) {
		head.key = affinity_u64(head.digest);
		head.key += !head.key;
		head.bytes = (uint32_t)(AFFINITY_HEAD - out.left);
		*ret = head;
	}
	sha256_free(out.h);
	return rc;
}

int32_t affinity_score(sha256 *h, const affinity_head *head, const char *id, uint64_t *ret)
{
	unsigned char raw[SHA256_BYTES];
	int32_t rc = sha256_add(h, head->digest, sizeof(head->digest));

	if (!rc)
		rc = sha256_add(h, "", 1);
	if (!rc)
		rc = sha256_add(h, id, strlen(id));
	if (!rc)
		rc = sha256_take(h, raw);
	if (!rc)
		*ret = affinity_u64(raw);
	return rc;
}
