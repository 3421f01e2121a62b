/* cache_lookup.c - another lookup behind the exact one, and answers that cannot be read. */
#include "cache_try.h"

#define ON "mode = \"on\";"

static int of_any(void *ctx, const cache_question *q, cache_found *ret)
{
	*(size_t *)ctx += strstr(q->canonical.ptr, "\"messages\"") != NULL;
	ret->value = (llm_bytes){"damaged", 7};
	return CACHE_HIT;
}

Test(cache_run, R_CACHE_17_an_answer_that_cannot_be_read_is_a_miss)
{
	size_t asked = 0;
	cache_try t;

	cache_open(&t, ON, "");
	t.svc->caching.lookup = of_any;
	t.svc->caching.lookup_ctx = &asked;
	(void)cache_ask(&t, "hi");
	cr_assert_eq(cache_asked(&t), 1);
	cr_assert_eq(asked, 1);
	cr_assert_eq(atomic_load(&t.svc->caching.faults), 1);
	cr_assert(strstr(t.log, "cache: "), "%s", t.log);
	cr_assert(strstr(cache_fault(&t), "deleted"), "%s", cache_fault(&t));
	cache_close(&t);
}

typedef struct like {
	char bytes[4096];
	size_t len;
} like;

static int of_like(void *ctx, const cache_question *q, cache_found *ret)
{
	const like *l = ctx;

	if (!l->len)
		return CACHE_MISS;
	*ret = (cache_found){{l->bytes, l->len}, q->now_us};
	return CACHE_HIT;
}

Test(cache_run, R_CACHE_19_another_lookup_can_be_put_behind_the_exact_one)
{
	like l = {.len = 0};
	cache_found f;
	cache_try t;
	char first[600];

	cache_open(&t, ON, "");
	t.svc->caching.lookup = of_like;
	t.svc->caching.lookup_ctx = &l;
	(void)cache_ask(&t, "hello");
	snprintf(first, sizeof(first), "%s", llm_result_text(t.r, NULL));
	cr_assert_eq(cache_get(&t.svc->caching.memory,
			     &(cache_question){.key = t.call->cache->key, .now_us = CACHE_UTC}, &f),
		CACHE_HIT);
	memcpy(l.bytes, f.value.ptr, f.value.len);
	l.len = f.value.len;
	(void)cache_ask(&t, "hello there");
	cr_assert(cache_hit(&t));
	cr_assert_str_eq(llm_result_text(t.r, NULL), first);
	cache_close(&t);
}
