/* store_cache.c - the store of answers in memory: what it finds, and what has to go. */
#include "store/cache.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "support/failalloc.h"

#define FAR INT64_C(1000000)

static void key_of(unsigned n, char ret[SHA256_HEX])
{
	cr_assert_eq(hash_keyed_hex(NULL, 0, &n, sizeof(n), ret), 0);
}

static int32_t put(cache *c, unsigned n, const char *value, int64_t now, int64_t until)
{
	const llm_bytes bytes = {value, strlen(value)};
	char key[SHA256_HEX];

	key_of(n, key);
	return cache_put(c, key, &bytes, now, until);
}

static int get(cache *c, unsigned n, int64_t now, cache_found *ret)
{
	char key[SHA256_HEX];

	key_of(n, key);
	return cache_get(c, &(cache_question){.key = key, .now_us = now}, ret);
}

Test(store_cache, R_CACHE_18_finds_what_was_put)
{
	char value[32];
	cache_found f;
	unsigned i;
	cache c;

	cache_init(&c, mem_default(), 0, 0);
	cr_assert_eq(c.size_max, (size_t)64 << 20);
	cr_assert_eq(c.entry_max, (size_t)1 << 20);
	cr_assert_eq(get(&c, 1, 0, &f), CACHE_MISS);
	for (i = 0; i < 1000; i++) {
		snprintf(value, sizeof(value), "value %u", i);
		cr_assert_eq(put(&c, i, value, i, FAR), 0);
	}
	for (i = 0; i < 1000; i++) {
		snprintf(value, sizeof(value), "value %u", i);
		cr_assert_eq(get(&c, i, i, &f), CACHE_HIT);
		cr_assert_eq(f.value.len, strlen(value));
		cr_assert_eq(memcmp(f.value.ptr, value, f.value.len), 0);
		cr_assert_eq(f.created_us, i);
	}
	cr_assert_eq(put(&c, 5, "another", 7, FAR), 0);
	cr_assert_eq(get(&c, 5, 8, &f), CACHE_HIT);
	cr_assert_eq(memcmp(f.value.ptr, "another", f.value.len), 0);
	cr_assert_eq(c.n, 1000);
	cache_done(&c);
	cr_assert_eq(c.used, 0);
}

Test(store_cache, R_CACHE_18_what_has_expired_goes_first_then_what_was_not_used)
{
	char value[101];
	cache_found f;
	unsigned i;
	size_t one;
	cache c;

	memset(value, 'x', 100);
	value[100] = '\0';
	cache_init(&c, mem_default(), 0, 0);
	cr_assert_eq(put(&c, 0, value, 0, FAR), 0);
	one = c.used;
	cache_done(&c);
	cache_init(&c, mem_default(), 4 * one, 1000);
	for (i = 0; i < 4; i++)
		cr_assert_eq(put(&c, i, value, 0, i == 2 ? 10 : FAR), 0);
	cr_assert_eq(get(&c, 0, 1, &f), CACHE_HIT);
	cr_assert_eq(put(&c, 4, value, 11, FAR), 0); /* 2 has expired */
	cr_assert_eq(get(&c, 1, 11, &f), CACHE_HIT);
	cr_assert_eq(put(&c, 5, value, 12, FAR), 0); /* 3 was used longest ago */
	cr_assert_eq(get(&c, 3, 12, &f), CACHE_MISS);
	cr_assert_eq(get(&c, 2, 12, &f), CACHE_MISS);
	cr_assert_eq(get(&c, 0, 12, &f), CACHE_HIT);
	cr_assert_eq(get(&c, 1, 12, &f), CACHE_HIT);
	cr_assert_eq(get(&c, 4, 12, &f), CACHE_HIT);
	cr_assert_eq(get(&c, 5, 12, &f), CACHE_HIT);
	cr_assert_leq(c.used, c.size_max);
	cache_done(&c);
}

Test(store_cache, R_CACHE_18_an_entry_has_its_bound)
{
	char value[101];
	cache_found f;
	cache c;

	memset(value, 'x', 100);
	value[100] = '\0';
	cache_init(&c, mem_default(), 4096, 99);
	cr_assert_eq(put(&c, 0, value, 0, FAR), LLM_E_TOO_LARGE);
	value[99] = '\0';
	cr_assert_eq(put(&c, 0, value, 0, FAR), 0);
	cr_assert_eq(get(&c, 0, 1, &f), CACHE_HIT);
	cache_done(&c);
	cache_init(&c, mem_default(), 100, 1000);
	cr_assert_eq(put(&c, 0, value, 0, FAR), LLM_E_TOO_LARGE);
	cache_done(&c);
}

Test(store_cache, R_CACHE_18_what_was_altered_is_a_miss_and_deleted)
{
	cache_found f;
	cache c;

	cache_init(&c, mem_default(), 0, 0);
	cr_assert_eq(put(&c, 0, "what was said", 0, FAR), 0);
	cr_assert_eq(get(&c, 0, 1, &f), CACHE_HIT);
	((char *)(uintptr_t)f.value.ptr)[3] ^= 1;
	cr_assert_eq(get(&c, 0, 1, &f), CACHE_DAMAGED);
	cr_assert_eq(get(&c, 0, 1, &f), CACHE_MISS);
	cr_assert_eq(c.n, 0);
	cache_done(&c);
}

Test(store_cache, R_CACHE_10_expired_is_a_miss_before_anybody_purges)
{
	cache_found f;
	cache c;

	cache_init(&c, mem_default(), 0, 0);
	cr_assert_eq(put(&c, 0, "x", 0, 10), 0);
	cr_assert_eq(get(&c, 0, 9, &f), CACHE_HIT);
	cr_assert_eq(get(&c, 0, 10, &f), CACHE_MISS);
	cr_assert_eq(c.n, 0);
	cache_done(&c);
}

Test(store_cache, R_CACHE_10_ages_and_expiry)
{
	cr_assert_eq(cache_age_us(5, 12), 7);
	cr_assert_eq(cache_age_us(12, 5), 0);
	cr_assert_eq(cache_expiry_us(7, 1000, 0), 1000007);
	cr_assert_eq(cache_expiry_us(7, 1000, 100000), 900007);
	cr_assert_eq(cache_expiry_us(7, 1000, 100001), 1000007);
}

Test(store_cache, R_CACHE_18_rows_are_looked_at_as_entries_are)
{
	static const char text[] = "answer";
	char digest[SHA256_HEX];
	llm_cache_row row = {.struct_size = sizeof(row),
		.value_sha256 = digest,
		.format_version = CACHE_FORMAT,
		.value = {text, 6},
		.created_us = 10,
		.expires_us = 100};
	cache_question q = {.now_us = 50};
	cache_found f;

	cr_assert_eq(hash_keyed_hex(NULL, 0, text, 6, digest), 0);
	cr_assert_eq(cache_row_read(&row, &q, &f), CACHE_HIT);
	cr_assert_eq(f.created_us, 10);
	q.max_age_us = 39;
	cr_assert_eq(cache_row_read(&row, &q, &f), CACHE_MISS);
	q.max_age_us = 40;
	cr_assert_eq(cache_row_read(&row, &q, &f), CACHE_HIT);
	row.format_version++;
	cr_assert_eq(cache_row_read(&row, &q, &f), CACHE_DAMAGED);
	row.format_version--;
	digest[0] = digest[0] == 'a' ? 'b' : 'a';
	cr_assert_eq(cache_row_read(&row, &q, &f), CACHE_DAMAGED);
	row.value_sha256 = NULL;
	cr_assert_eq(cache_row_read(&row, &q, &f), CACHE_DAMAGED);
	q.now_us = 100;
	cr_assert_eq(cache_row_read(&row, &q, &f), CACHE_MISS);
}

static int play(failalloc *fa, void *arg)
{
	cache_found f;
	unsigned i;
	cache c;

	(void)arg;
	cache_init(&c, &fa->hook, 0, 0);
	for (i = 0; i < 70; i++) {
		const uint64_t failed = fa->failed;
		const int32_t rc = put(&c, i, "value", 0, FAR);

		/* A table that cannot grow is slower, that is all. */
		if (rc && (rc != LLM_E_NOMEM || fa->failed == failed))
			return 1;
		if (get(&c, i, 1, &f) != (rc ? CACHE_MISS : CACHE_HIT))
			return 1;
	}
	cache_done(&c);
	return 0;
}

Test(store_cache, survives_each_failed_allocation)
{
	cr_assert_eq(failalloc_sweep(play, NULL), 0);
}
