/*
 * ledger_key_print.c - a storage and the privacy.key of those who use it: another key is told once,
 * and nothing that was kept under the old one is found.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "ledger_key_try.h"

#define WORD "privacy.key is not the one"

static void write_key(const book *b, const char *key)
{
	char path[600];

	run_folder_put(b->folder, "key", key);
	snprintf(path, sizeof(path), "%s/key", b->folder);
	cr_assert_eq(chmod(path, 0600), 0);
}

/* A file, and a service of it whose key lies beside it. */
static void open_with_key(keys *k, const char *key)
{
	memset(k, 0, sizeof(*k));
	book_open(&k->b, "", "");
	snprintf(k->b.config + strlen(k->b.config), sizeof(k->b.config) - strlen(k->b.config),
		"privacy = { store = \"idempotency_only\"; key = \"file:%s/key\"; };\n",
		k->b.folder);
	write_key(&k->b, key);
}

/* One run of a service that begins and ends; how often it spoke of a key, how much it asked. */
static size_t one_service(keys *k, const char *idempotency_key, size_t *ret_requests)
{
	const oracle_opts opts = {.mode = ORACLE_THREAD,
		.config = k->b.config,
		.attempts = 1,
		.no_healthy = 1,
		.log_word = WORD};
	const oracle_run *got;
	size_t words;

	keys_start(k, &opts);
	got = keys_do(k, idempotency_key);
	cr_assert_eq(got->code, 0, "%s", got->err.message);
	words = atomic_load(&k->o->log_words);
	*ret_requests = REQUESTS(k->o);
	sqlite3_close(k->db);
	cr_expect_eq(oracle_close(k->o), 0);
	return words;
}

Test(ledger_key_print, R_PRIV_1_another_key_is_told_once_and_keys_of_the_old_one_are_not_found)
{
	size_t asked;
	keys k;

	open_with_key(&k, "one key of this installation, long enough");
	cr_expect_eq(one_service(&k, "a", &asked), 0, "the first one has nobody before it");
	cr_expect_eq(asked, 1);
	cr_expect_eq(one_service(&k, "a", &asked), 0);
	cr_expect_eq(asked, 0, "the same key: its answer is told again");
	write_key(&k.b, "and another one, of the same length or not");
	cr_expect_eq(one_service(&k, "a", &asked), 1);
	cr_expect_eq(asked, 1, "not found under another key");
	cr_expect_eq(one_service(&k, "a", &asked), 0, "told already");
	cr_expect_eq(asked, 0);
	book_close(&k.b);
}

Test(ledger_key_print, R_PRIV_1_a_key_that_is_there_or_gone_is_another_one)
{
	size_t asked;
	char *section;
	keys k;

	open_with_key(&k, "one key of this installation, long enough");
	cr_expect_eq(one_service(&k, "a", &asked), 0);
	section = strstr(k.b.config, "privacy");
	snprintf(section, sizeof(k.b.config) - (size_t)(section - k.b.config), KEPT "\n");
	cr_expect_eq(one_service(&k, "a", &asked), 1);
	cr_expect_eq(asked, 1);
	cr_expect_eq(one_service(&k, "a", &asked), 0);
	book_close(&k.b);
}

/* What is on record tells keys apart, and is no key. */
Test(ledger_key_print, R_PRIV_1_the_key_is_not_on_record)
{
	const char *print;
	size_t asked;
	keys k;

	open_with_key(&k, "one key of this installation, long enough");
	(void)one_service(&k, "a", &asked);
	cr_assert_eq(sqlite3_open(k.b.dsn, &k.db), SQLITE_OK);
	print = keys_text(&k, "SELECT key_print FROM llm_owners");
	cr_expect_eq(strspn(print, "0123456789abcdef"), 64, "%s", print);
	sqlite3_close(k.db);
	book_close(&k.b);
}
