/* cache.c - a hash table of entries that are in a list by their last use. */
#include "store/cache.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

#define BUCKETS 64 /* to begin with */
#define US_PER_MS 1000
#define JITTER 10 /* a tenth */

struct cache_entry {
	cache_entry *next; /* of its bucket */
	cache_entry *newer;
	cache_entry *older;
	int64_t created_us;
	int64_t expires_us;
	uint32_t format;
	size_t len;
	char key[SHA256_HEX];
	char digest[SHA256_HEX]; /* of the value */
	char value[];
};

void cache_init(cache *c, const llm_allocator *mem, size_t size_max, size_t entry_max)
{
	*c = (cache){.mem = mem,
		.size_max = size_max ? size_max : CACHE_SIZE,
		.entry_max = entry_max ? entry_max : CACHE_ENTRY,
		.expiry_us = INT64_MAX};
}

/* ---- finding ---- */

/* Keys are digests: their beginning is as good as a hash of them. */
static size_t bucket_of(const cache *c, const char *key)
{
	size_t h = 0, i;

	for (i = 0; i < 2 * sizeof(h) && key[i]; i++)
		h = h * 31 + (unsigned char)key[i];
	return h & (c->n_buckets - 1);
}

static cache_entry **place_of(const cache *c, const char *key)
{
	cache_entry **at;

	if (!c->n_buckets)
		return NULL;
	at = &c->buckets[bucket_of(c, key)];
	while (*at && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	return *at ? at : NULL;
}

static size_t weight(const cache_entry *e)
{
	return sizeof(*e) + e->len;
}

static void unlink_use(cache *c, cache_entry *e)
{
	if (e->newer)
		e->newer->older = e->older;
	else
		c->newest = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		c->oldest = e->newer;
}

static void link_use(cache *c, cache_entry *e)
{
	e->newer = NULL;
	e->older = c->newest;
	if (c->newest)
		c->newest->newer = e;
	else
		c->oldest = e;
	c->newest = e;
}

static void drop_at(cache *c, cache_entry **at)
{
	cache_entry *e = *at;

	*at = e->next;
	unlink_use(c, e);
	c->used -= weight(e);
	c->n--;
	mem_free(c->mem, e);
}

void cache_drop(cache *c, const char *key)
{
	cache_entry **at = place_of(c, key);

	if (at)
		drop_at(c, at);
}

void cache_done(cache *c)
{
	while (c->oldest)
		cache_drop(c, c->oldest->key);
	mem_free(c->mem, c->buckets);
	c->buckets = NULL;
	c->n_buckets = 0;
}

/* ---- making room: what has expired, then what was not used for longest (R-CACHE-18) ---- */

static void drop_expired(cache *c, int64_t now_us)
{
	cache_entry *e, *newer;

	if (now_us < c->expiry_us)
		return;
	c->expiry_us = INT64_MAX;
	for (e = c->oldest; e; e = newer) {
		newer = e->newer;
		if (e->expires_us <= now_us)
			cache_drop(c, e->key);
		else if (e->expires_us < c->expiry_us)
			c->expiry_us = e->expires_us;
	}
}

static void make_room(cache *c, int64_t now_us)
{
	const size_t n = c->n;

	if (c->used > c->size_max)
		drop_expired(c, now_us);
	while (c->used > c->size_max && c->oldest)
		cache_drop(c, c->oldest->key);
	c->evicted += n - c->n;
}

static int32_t grow(cache *c)
{
	const size_t n = c->n_buckets ? c->n_buckets * 2 : BUCKETS;
	cache_entry **more, *e;

	if (c->n < c->n_buckets)
		return 0;
	more = mem_array(c->mem, n, sizeof(void *));
	if (!more)
		return c->n_buckets ? 0 : LLM_E_NOMEM; /* a fuller table is slower, that is all */
	mem_free(c->mem, c->buckets);
	c->buckets = more;
	c->n_buckets = n;
	for (e = c->oldest; e; e = e->newer) {
		cache_entry **at = &more[bucket_of(c, e->key)];

		e->next = *at;
		*at = e;
	}
	return 0;
}

/* ---- put and get ---- */

int32_t cache_put(
	cache *c, const char *key, const llm_bytes *value, int64_t now_us, int64_t expires_us)
{
	cache_entry *e, **at;

	if (value->len > c->entry_max || value->len + sizeof(*e) > c->size_max)
		return LLM_E_TOO_LARGE;
	cache_drop(c, key);
	if (grow(c))
		return LLM_E_NOMEM;
	e = mem_new(c->mem, sizeof(*e) + value->len + 1);
	if (!e || strlen(key) >= sizeof(e->key) ||
		hash_keyed_hex(NULL, 0, value->ptr, value->len, e->digest)) {
		mem_free(c->mem, e);
		return LLM_E_NOMEM;
	}
	memcpy(e->key, key, strlen(key) + 1);
	memcpy(e->value, value->ptr, value->len);
	e->len = value->len;
	e->format = CACHE_FORMAT;
	e->created_us = now_us;
	e->expires_us = expires_us;
	at = &c->buckets[bucket_of(c, key)];
	e->next = *at;
	*at = e;
	link_use(c, e);
	c->used += weight(e);
	c->n++;
	if (expires_us < c->expiry_us)
		c->expiry_us = expires_us;
	make_room(c, now_us);
	return 0;
}

int64_t cache_age_us(int64_t created_us, int64_t now_us)
{
	return now_us > created_us ? now_us - created_us : 0;
}

int64_t cache_expiry_us(int64_t now_us, uint64_t ttl_ms, uint64_t chance)
{
	const uint64_t ttl_us = ttl_ms * US_PER_MS;

	return now_us + (int64_t)(ttl_us - clock_spread(chance, ttl_us / JITTER));
}

/* Only what was stored, in the form of now. */
static int is_whole(int64_t format, const char *digest, const llm_bytes *value)
{
	char hex[SHA256_HEX];

	return format == CACHE_FORMAT && digest &&
		!hash_keyed_hex(NULL, 0, value->ptr, value->len, hex) && strcmp(hex, digest) == 0;
}

static int is_young(int64_t created_us, const cache_question *q)
{
	return !q->max_age_us || cache_age_us(created_us, q->now_us) <= q->max_age_us;
}

int cache_get(cache *c, const cache_question *q, cache_found *ret)
{
	cache_entry **at = place_of(c, q->key), *e = at ? *at : NULL;
	llm_bytes value;

	if (e && e->expires_us <= q->now_us) {
		drop_at(c, at);
		return CACHE_MISS;
	}
	if (!e || !is_young(e->created_us, q))
		return CACHE_MISS;
	value = (llm_bytes){e->value, e->len};
	if (!is_whole(e->format, e->digest, &value)) {
		drop_at(c, at);
		return CACHE_DAMAGED;
	}
	unlink_use(c, e);
	link_use(c, e);
	*ret = (cache_found){value, e->created_us};
	return CACHE_HIT;
}

/* ---- as rows ---- */

int32_t cache_row_put(llm_job *j, const cache_put_row *from)
{
	arena *ar = job_arena(j);
	llm_cache_row *row = arena_new(ar, sizeof(*row));
	char digest[SHA256_HEX];

	if (!row || hash_keyed_hex(NULL, 0, from->value.ptr, from->value.len, digest))
		return LLM_E_NOMEM;
	*row = (llm_cache_row){.struct_size = sizeof(*row),
		.workspace_id = arena_str(ar, from->workspace),
		.key = arena_str(ar, from->key),
		.run_id = arena_str(ar, from->run_id),
		.candidate_id = arena_str(ar, from->candidate),
		.format_version = CACHE_FORMAT,
		.value_sha256 = arena_str(ar, digest),
		.value = {arena_dup(ar, from->value.ptr, from->value.len), from->value.len},
		.created_us = from->now_us,
		.expires_us = from->expires_us,
		.used_us = from->now_us};
	if (!row->workspace_id || !row->key || !row->run_id || !row->candidate_id ||
		!row->value_sha256 || !row->value.ptr)
		return LLM_E_NOMEM;
	return job_add(j, LLM_OP_CACHE_PUT, row);
}

int32_t cache_row_of(llm_job *j, uint32_t kind, const char *workspace, const char *key)
{
	arena *ar = job_arena(j);
	llm_cache_row *row = arena_new(ar, sizeof(*row));

	if (!row)
		return LLM_E_NOMEM;
	*row = (llm_cache_row){.struct_size = sizeof(*row),
		.workspace_id = arena_str(ar, workspace),
		.key = arena_str(ar, key)};
	return row->workspace_id && row->key ? job_add(j, kind, row) : LLM_E_NOMEM;
}

int32_t cache_row_trim(llm_job *j, size_t bytes)
{
	llm_cache_trim *t = arena_new(job_arena(j), sizeof(*t));

	if (!t)
		return LLM_E_NOMEM;
	*t = (llm_cache_trim){
		.struct_size = sizeof(*t), .bytes = (int64_t)bytes, .limit = CACHE_BATCH};
	return job_add(j, LLM_OP_CACHE_TRIM, t);
}

int cache_row_read(const llm_cache_row *row, const cache_question *q, cache_found *ret)
{
	if (row->expires_us <= q->now_us || !is_young(row->created_us, q))
		return CACHE_MISS;
	if (!is_whole(row->format_version, row->value_sha256, &row->value))
		return CACHE_DAMAGED;
	*ret = (cache_found){row->value, row->created_us};
	return CACHE_HIT;
}
