/*
 * base_idmap.c - a map of text, against what was put in, with allocations failing.
 */
#include "base/idmap.h"

#include "support/failalloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static int values[6000];

static const char *key_of(size_t i)
{
	static char key[32];

	snprintf(key, sizeof(key), "key-%zu", i);
	return key;
}

Test(base_idmap, empty)
{
	failalloc fa;
	idmap m;

	failalloc_init(&fa);
	idmap_init(&m, &fa.hook);
	cr_assert_null(idmap_get(&m, "a"));
	cr_assert_not(idmap_has(&m, ""));
	idmap_done(&m);
	cr_assert_eq(fa.calls, 0);
}

Test(base_idmap, many_keys_are_found_and_in_order)
{
	failalloc fa;
	idmap m;

	failalloc_init(&fa);
	idmap_init(&m, &fa.hook);
	for (size_t i = 0; i < 6000; i++)
		cr_assert_eq(idmap_put(&m, key_of(i), &values[i]), 0);
	cr_assert_eq(m.n, 6000);
	for (size_t i = 0; i < 6000; i++) {
		cr_assert_eq(idmap_get(&m, key_of(i)), &values[i], "%s", key_of(i));
		cr_assert_str_eq(m.slots[i].key, key_of(i));
		cr_assert_eq(m.slots[i].value, &values[i]);
	}
	cr_assert_null(idmap_get(&m, key_of(6000)));
	cr_assert_not(idmap_has(&m, "key-"));
	idmap_done(&m);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_idmap, putting_again_replaces_and_keeps_the_place)
{
	failalloc fa;
	uint64_t calls;
	idmap m;

	failalloc_init(&fa);
	idmap_init(&m, &fa.hook);
	cr_assert_eq(idmap_put(&m, "a", &values[0]), 0);
	cr_assert_eq(idmap_put(&m, "b", &values[1]), 0);
	calls = fa.calls;
	cr_assert_eq(idmap_put(&m, "a", &values[2]), 0);
	cr_assert_eq(fa.calls, calls);
	cr_assert_eq(m.n, 2);
	cr_assert_str_eq(m.slots[0].key, "a");
	cr_assert_eq(idmap_get(&m, "a"), &values[2]);
	idmap_done(&m);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

Test(base_idmap, keys_are_bytewise_and_copied)
{
	failalloc fa;
	char key[] = "Model";
	idmap m;

	failalloc_init(&fa);
	idmap_init(&m, &fa.hook);
	cr_assert_eq(idmap_put(&m, key, &values[0]), 0);
	cr_assert_eq(idmap_put(&m, "", &values[1]), 0);
	cr_assert_eq(idmap_put(&m, "m\xc3\xb6", NULL), 0);
	key[0] = 'x';
	cr_assert_eq(idmap_get(&m, "Model"), &values[0]);
	cr_assert_not(idmap_has(&m, "model"));
	cr_assert_eq(idmap_get(&m, ""), &values[1]);
	cr_assert(idmap_has(&m, "m\xc3\xb6"));
	cr_assert_null(idmap_get(&m, "m\xc3\xb6"));
	idmap_done(&m);
	cr_assert_eq(m.n, 0);
	cr_assert_eq(idmap_put(&m, "again", &values[0]), 0);
	idmap_done(&m);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}

/* What was put successfully is there, what failed is not, and the next put works. */
static int idmap_play(failalloc *fa, void *arg)
{
	char put[50] = {0};
	int wrong = 0;
	size_t n = 0;
	idmap m;

	(void)arg;
	idmap_init(&m, &fa->hook);
	for (size_t i = 0; i < 50; i++) {
		int32_t rc = idmap_put(&m, key_of(i), &values[i]);

		put[i] = rc == 0;
		n += rc == 0;
		wrong += rc && rc != LLM_E_NOMEM;
		wrong += m.n != n;
	}
	for (size_t i = 0; i < 50; i++)
		wrong += idmap_get(&m, key_of(i)) != (put[i] ? &values[i] : NULL);
	idmap_done(&m);
	return wrong;
}

Test(base_idmap, every_failed_allocation_is_survived)
{
	cr_assert_eq(failalloc_sweep(idmap_play, NULL), 0);
}
