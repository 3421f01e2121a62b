/*
 * sqlite_disk.c - where the file lies, the lock beside it, and a file that is damaged.
 */
#include "sqlite_help.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sqlite/unit.h"

/* ---- network file systems ---- */

static unsigned long pretended; /* a type of file system, 0: what it is */

/* Before the C library's: the plugin is linked in. */
int statfs(const char *path, struct statfs *ret)
{
	long rc = syscall(SYS_statfs, path, ret);

	if (!rc && pretended)
		ret->f_type = (__typeof__(ret->f_type))pretended;
	return (int)rc;
}

static void expect_refused(stand *s, unsigned long type, const char *says)
{
	wire c;

	pretended = type;
	cr_expect_eq(wire_try(s, &c, NULL, NULL), LLM_E_CONFIG, "%s", says);
	cr_expect_not_null(strstr(c.err.message, says), "%s", c.err.message);
	cr_expect_not_null(strstr(c.err.message, s->dsn), "%s", c.err.message);
	cr_expect_not_null(strstr(c.err.message, "\nput it on a local disk"), "%s", c.err.message);
	cr_expect_eq(wire_try(s, &c, "access", "read"), LLM_E_CONFIG, "readers lock as well");
	pretended = 0;
}

Test(sqlite_disk, S_03_a_file_on_nfs_is_refused_by_name)
{
	stand s;
	wire c;

	sqlite_stand_inside(&s);
	expect_refused(&s, 0x6969, "lies on NFS,");
	expect_refused(&s, 0xff534d42ul, "lies on CIFS,");
	expect_refused(&s, 0x01021997, "lies on 9P,");
	c = wire_open(&s);
	wire_close(&c);
	stand_down(&s);
}

/* ---- the lock beside the file ---- */

/* Another process, as far as the lock knows: one of an open file of its own. */
static int lock_open(const stand *s)
{
	char path[sizeof(help_path) + 8];
	int fd;

	snprintf(path, sizeof(path), "%s-llm", s->dsn);
	fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	return fd;
}

static int lock_set(int fd, short type)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &fl);
}

static int32_t maintain(wire *c, uint32_t what)
{
	instance_begin(c->seat, NULL);
	return wire_said(c, "maintain", c->s->v->maintain(c->unit, what, NULL));
}

Test(sqlite_disk, S_03_commits_and_checkpoints_hold_the_lock)
{
	llm_run_row r = row_begin(W, ID("1"));
	wire writer, reader, again;
	stand s;
	int fd;

	sqlite_stand(&s);
	cr_assert_eq(wire_try(&s, &writer, "busy_timeout", "20"), 0);
	fd = lock_open(&s);
	cr_assert_eq(wire_begin(&writer), 0);
	cr_expect_neq(lock_set(fd, F_WRLCK), 0, "a transaction holds it");
	cr_assert_eq(wire_commit(&writer), 0);
	cr_assert_eq(lock_set(fd, F_WRLCK), 0, "and then nobody");
	cr_expect_eq(wire_begin(&writer), LLM_E_DB_BUSY);
	cr_expect_eq(maintain(&writer, LLM_MAINTAIN_CHECKPOINT), LLM_E_DB_BUSY);
	cr_expect_eq(maintain(&writer, LLM_MAINTAIN_VACUUM), LLM_E_DB_BUSY);
	cr_expect_eq(wire_try(&s, &again, "busy_timeout", "20"), LLM_E_DB_BUSY, "the log's mode");
	cr_assert_eq(wire_try(&s, &reader, "access", "read"), 0);
	cr_expect_null(ask_run(&reader, W, ID("1")));
	wire_close(&reader);
	cr_assert_eq(lock_set(fd, F_UNLCK), 0);
	cr_expect_eq(wire_store(&writer, LLM_OP_RUN_BEGIN, &r), 0);
	cr_expect_eq(maintain(&writer, LLM_MAINTAIN_CHECKPOINT), 0);
	close(fd);
	wire_close(&writer);
	stand_down(&s);
}

static int64_t log_size(const stand *s)
{
	char path[sizeof(help_path) + 8];
	struct stat st;

	snprintf(path, sizeof(path), "%s-wal", s->dsn);
	return stat(path, &st) ? -1 : (int64_t)st.st_size;
}

Test(sqlite_disk, S_03_sqlite_checkpoints_neither_by_itself_nor_at_a_close)
{
	llm_run_row r = row_begin(W, ID("1"));
	int64_t size;
	stand s;
	wire c;
	int fd;

	sqlite_stand_inside(&s);
	c = wire_open(&s);
	cr_expect_eq(sqlite_number(((const unit *)c.unit)->db, "PRAGMA wal_autocheckpoint"), 0);
	cr_expect_eq(maintain(&c, LLM_MAINTAIN_CHECKPOINT), 0);
	cr_expect_eq(log_size(&s), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	size = log_size(&s);
	cr_expect_gt(size, 0);
	fd = lock_open(&s);
	cr_assert_eq(lock_set(fd, F_WRLCK), 0);
	wire_close(&c);
	cr_expect_eq(log_size(&s), size, "another process has the lock: the log stays");
	close(fd);
	c = wire_open(&s);
	cr_expect_not_null(ask_run(&c, W, ID("1")));
	wire_close(&c);
	stand_down(&s);
}

/* ---- damage ---- */

static void overwrite(const stand *s, long at, const char *bytes, size_t n)
{
	int fd = open(s->dsn, O_WRONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, bytes, n, at), (ssize_t)n);
	close(fd);
}

/* Refused with a way out; and that way works. */
Test(sqlite_disk, S_06_a_damaged_file_is_refused_and_a_new_one_takes_its_place)
{
	static const char zeros[3 * 4096];
	llm_run_row r = row_begin(W, ID("1"));
	help_path away;
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	cr_expect_eq(maintain(&c, LLM_MAINTAIN_CHECKPOINT), 0);
	wire_close(&c);
	overwrite(&s, 4096, zeros, sizeof(zeros));
	c = wire_open(&s);
	cr_expect_eq(maintain(&c, LLM_MAINTAIN_CHECK), LLM_E_PERSISTENCE);
	cr_expect_not_null(strstr(c.err.message, "damaged"), "%s", c.err.message);
	wire_close(&c);
	overwrite(&s, 0, "a letter to an aunt", 19);
	cr_expect_eq(wire_try(&s, &c, NULL, NULL), LLM_E_PERSISTENCE);
	cr_expect_not_null(strstr(c.err.message, "no SQLite database; name another one, or put"),
		"%s", c.err.message);
	help_join(away, s.folder, "away.db");
	cr_assert_eq(rename(s.dsn, away), 0);
	c = wire_open(&s);
	instance_begin(c.seat, NULL);
	cr_expect_eq(
		wire_said(&c, "migrate", s.v->migrate(c.unit, UINT32_MAX)), 0, "%s", c.err.message);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	wire_close(&c);
	cr_expect_eq(unlink(away), 0);
	stand_down(&s);
}

/* A page of the table, not of the file's head: who reads it says what to do. */
Test(sqlite_disk, S_06_damage_that_a_question_meets_names_the_way_out)
{
	llm_run_row r = row_begin(W, ID("1"));
	llm_filter filter = LLM_FILTER_INIT;
	static found f;
	const llm_row_sink sink = {sizeof(sink), 0, &f, found_run};
	char garbage[4096];
	int64_t page;
	sqlite3 *db;
	stand s;
	wire c;

	memset(garbage, 0xee, sizeof(garbage));
	sqlite_stand(&s);
	c = wire_open(&s);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	cr_expect_eq(maintain(&c, LLM_MAINTAIN_CHECKPOINT), 0);
	wire_close(&c);
	db = sqlite_own(&s);
	page = sqlite_number(db, "SELECT rootpage FROM sqlite_master WHERE name = 'llm_runs'");
	sqlite3_close(db);
	overwrite(&s, (long)(page - 1) * 4096, garbage, sizeof(garbage));
	c = wire_open(&s);
	filter.workspace_id = W;
	cr_expect_eq(wire_query(&c, LLM_QUERY_RUNS, &filter, &sink), LLM_E_PERSISTENCE);
	cr_expect_not_null(strstr(c.err.message, "restore a backup of it, or put it aside"), "%s",
		c.err.message);
	wire_close(&c);
	stand_down(&s);
}
