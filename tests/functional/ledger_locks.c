/*
 * ledger_locks.c - another process that holds the database's lock, and a file system that
 * really has no room or takes no writes.
 */
#include "ledger_try.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- another process ---- */

/* It locks and lets go as it is told, one letter each, and answers with the same. */
typedef struct peer {
	pid_t pid;
	int to, from;
} peer;

static _Noreturn void peer_play(const book *b, int in, int out)
{
	const struct timespec ms40 = {0, 40000000};
	book mine = *b;
	char said;

	while (read(in, &said, 1) == 1) {
		if (said == 'l' || said == 's')
			book_lock(&mine);
		if (write(out, &said, 1) != 1)
			break;
		if (said == 's')
			nanosleep(&ms40, NULL);
		if (said == 'u' || said == 's')
			book_unlock(&mine);
	}
	_exit(0);
}

/* Before any thread is there. */
static peer peer_start(const book *b)
{
	int to[2], from[2];
	peer p;

	cr_assert_eq(pipe2(to, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(from, O_CLOEXEC), 0);
	p.pid = fork();
	cr_assert_geq(p.pid, 0);
	if (!p.pid) {
		close(to[1]);
		peer_play(b, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	p.to = to[1];
	p.from = from[0];
	return p;
}

static void peer_tell(const peer *p, char what)
{
	char said = 0;

	cr_assert_eq(write(p->to, &what, 1), 1);
	cr_assert_eq(read(p->from, &said, 1), 1);
	cr_assert_eq(said, what);
}

static void peer_end(const peer *p)
{
	int status;

	close(p->to);
	close(p->from);
	cr_assert_eq(waitpid(p->pid, &status, 0), p->pid);
	cr_expect_eq(status, 0);
}

static oracle *start(const book *b, const char *script)
{
	const oracle_opts opts = {
		.mode = ORACLE_THREAD, .script = script, .config = b->config, .no_healthy = 1};

	return oracle_open(&opts);
}

Test(ledger_locks, S_02_strict_waits_until_the_deadline_and_sends_nothing)
{
	const oracle_ask ask = {.stream = 1, .limits = {.total_ms = 120}};
	oracle_run *asked;
	oracle *o;
	book b;
	peer p;

	book_open(&b, "busy_timeout = 5000;", "");
	p = peer_start(&b);
	o = start(&b, NULL);
	peer_tell(&p, 'l');
	asked = oracle_do(o, &ask);
	cr_expect_eq(asked->code, LLM_E_DB_BUSY, "%s", asked->err.message);
	cr_expect_eq(asked->err.sent, LLM_SENT_NO);
	cr_expect_eq(REQUESTS(o), 0);
	peer_tell(&p, 'u');
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	cr_expect_eq(asked->code, 0, "%s", asked->err.message);
	cr_expect_eq(book_persisted(asked), LLM_PERSISTED_YES);
	cr_assert_eq(oracle_close(o), 0);
	peer_end(&p);
	book_close(&b);
}

Test(ledger_locks, S_02_strict_goes_on_when_the_lock_is_free_in_time)
{
	oracle_run *asked;
	oracle *o;
	book b;
	peer p;

	book_open(&b, "busy_timeout = 5000;", "");
	p = peer_start(&b);
	o = start(&b, NULL);
	peer_tell(&p, 's'); /* and lets go by itself */
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	cr_expect_eq(asked->code, 0, "%s", asked->err.message);
	cr_expect_eq(book_persisted(asked), LLM_PERSISTED_YES);
	cr_expect_str_eq(book_find(&b, book_id(asked))->status, "succeeded");
	cr_assert_eq(oracle_close(o), 0);
	peer_end(&p);
	book_close(&b);
}

#define ASKS 12
#define QUEUE 3

/* Answers go on while nothing can be written; at the bound new runs are refused. */
Test(ledger_locks, S_02_after_answers_until_its_queue_is_full_and_drops_no_row)
{
	char ids[ASKS][40];
	size_t i, answered = 0, refused = 0;
	oracle_run *asked;
	oracle *o;
	book b;
	peer p;

	book_open(&b, "busy_timeout = 5000; ledger = \"after\"; queue = 3;", "");
	p = peer_start(&b);
	o = start(&b, NULL);
	peer_tell(&p, 'l');
	for (i = 0; i < ASKS; i++) {
		asked = oracle_do(o, &(oracle_ask){.stream = 1});
		if (asked->code == LLM_E_DB_BUSY) {
			cr_expect_eq(asked->err.sent, LLM_SENT_NO);
			cr_expect_eq(book_persisted(asked), LLM_PERSISTED_NO);
			refused++;
			continue;
		}
		cr_expect_eq(asked->code, 0, "%s", asked->err.message);
		snprintf(ids[answered++], sizeof(ids[0]), "%s", book_id(asked));
	}
	/* What waits, the group that a runner holds until the lock is free, what found it full. */
	cr_expect(answered >= QUEUE && answered <= QUEUE + QUEUE + 1, "%zu", answered);
	cr_expect_eq(REQUESTS(o), answered);
	cr_expect_eq(book_stats(o).failed, refused);
	peer_tell(&p, 'u');
	cr_assert_eq(oracle_close(o), 0);
	cr_expect_eq(book_ask(&b, LLM_QUERY_RUNS, WS, NULL)->n, answered, "a refused run has none");
	for (i = 0; i < answered; i++)
		cr_expect_str_eq(book_find(&b, ids[i])->status, "succeeded");
	peer_end(&p);
	book_close(&b);
}

/* ---- a file system of the test's own ---- */

/* Null, or why there is none. It ends with the process. */
static const char *small_disk(const char *folder, const char *size)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return "no right to make a mount namespace";
	return mount("small", folder, "tmpfs", 0, size) ? "no right to mount" : NULL;
}

/* As large as it can be, in steps down to one block. */
static void fill_up(const char *path)
{
	static const char block[65536];
	size_t n = sizeof(block);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	while (n)
		if (write(fd, block, n) <= 0)
			n /= 2;
	close(fd);
}

/* Migrated files cannot be moved onto it: the book is opened behind the mount. */
static int book_on_disk(book *b, char rubble[500], const char *more, const char *test)
{
	const char *why;

	book_open(b, more, "");
	why = small_disk(b->folder, "size=1m,mode=0700");
	if (why) {
		fprintf(stderr, "SKIP ledger_locks: %s: %s\n", test, why);
		book_close(b);
		return 0;
	}
	snprintf(rubble, 500, "%s/rubble", b->folder);
	book_take(b);
	cr_assert_eq(llm_unit_migrate(b->unit, LLM_SCHEMA_LATEST, NULL), 0);
	book_give(b);
	return 1;
}

Test(ledger_locks, S_04_strict_sends_nothing_on_a_full_disk_and_comes_back)
{
	char rubble[500];
	oracle_run *asked;
	int i, code = 0;
	oracle *o;
	book b;

	if (!book_on_disk(&b, rubble, "", "full"))
		return;
	o = start(&b, NULL);
	cr_assert_eq(oracle_do(o, &(oracle_ask){.stream = 1})->code, 0);
	fill_up(rubble);
	for (i = 0; i < 60 && !code; i++) { /* until the last block of the log is full */
		asked = oracle_do(o, &(oracle_ask){.stream = 1});
		code = asked->code;
	}
	cr_expect_eq(code, LLM_E_PERSISTENCE, "%s", asked->err.message);
	cr_expect_not_null(strstr(asked->err.message, "not on record"), "%s", asked->err.message);
	cr_expect_eq(asked->err.sent, LLM_SENT_NO);
	cr_expect_eq(REQUESTS(o), (size_t)i, "one for each that was answered");
	cr_expect_eq(book_stats(o).degraded, 1);
	cr_assert_eq(unlink(rubble), 0);
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	cr_expect_eq(asked->code, 0, "%s", asked->err.message);
	cr_expect_eq(book_persisted(asked), LLM_PERSISTED_YES);
	cr_expect_eq(book_stats(o).degraded, 0);
	cr_assert_eq(oracle_close(o), 0);
	cr_expect_eq(umount(b.folder), 0);
	book_close(&b);
}

Test(ledger_locks, S_04_a_read_only_file_system_is_named)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;
	char rubble[500];
	book b;

	if (!book_on_disk(&b, rubble, "", "read-only"))
		return;
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = b.config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(mount(NULL, b.folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	cr_expect_eq(llm_service_new(&so, &svc, &err), LLM_E_PERSISTENCE, "%s", err.message);
	cr_expect_not_null(strstr(err.message, "ead-only"), "%s", err.message);
	cr_expect_not_null(strstr(err.message, b.dsn), "%s", err.message);
	cr_assert_eq(mount(NULL, b.folder, NULL, MS_REMOUNT, NULL), 0);
	cr_expect_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	llm_service_free(svc);
	cr_expect_eq(umount(b.folder), 0);
	book_close(&b);
}
