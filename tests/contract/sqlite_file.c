/*
 * sqlite_file.c - the database as a file: its mode, settings, several writers, waits.
 */
#include "sqlite_help.h"

#include <pthread.h>

#include "sqlite/unit.h"

Test(sqlite_rows, D_2_5_a_file_of_its_own)
{
	help_path copy;
	struct stat st;
	stand s;
	wire c;

	sqlite_stand(&s);
	cr_assert_eq(stat(s.dsn, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600);
	c = wire_open(&s);
	help_join(copy, s.folder, "copy.db");
	instance_begin(c.seat, NULL);
	cr_expect_eq(wire_said(&c, "maintain", s.v->maintain(c.unit, LLM_MAINTAIN_BACKUP, copy)), 0,
		"%s", c.err.message);
	instance_begin(c.seat, NULL);
	cr_expect_eq(wire_said(&c, "maintain", s.v->maintain(c.unit, LLM_MAINTAIN_BACKUP, copy)),
		LLM_E_PERSISTENCE, "never over a file");
	cr_expect_not_null(
		strstr(c.err.message, "give the name of a new file"), "%s", c.err.message);
	cr_expect_eq(s.v->maintain(c.unit, LLM_MAINTAIN_CHECK, NULL), 0);
	cr_expect_eq(s.v->maintain(c.unit, LLM_MAINTAIN_VACUUM, NULL), 0);
	cr_expect_eq(s.v->maintain(c.unit, LLM_MAINTAIN_CHECKPOINT, NULL), 0);
	cr_expect_eq(s.v->maintain(c.unit, 99, NULL), LLM_E_UNSUPPORTED);
	wire_close(&c);
	cr_expect_eq(unlink(copy), 0);
	stand_down(&s);
}

static void refused(stand *s, const char *key, const char *value, int32_t code, const char *says)
{
	wire c;

	cr_expect_eq(wire_try(s, &c, key, value), code, "%s: %s", says, c.err.message);
	cr_expect_not_null(strstr(c.err.message, says), "%s", c.err.message);
}

Test(sqlite_rows, D_2_5_settings_that_do_not_work)
{
	llm_run_row r = row_begin(W, ID("1"));
	help_path real, missing;
	stand s;
	wire c;

	sqlite_stand(&s);
	refused(&s, "sync", "sometimes", LLM_E_CONFIG, "off, normal or full");
	refused(&s, "busy_timeout", "5s", LLM_E_CONFIG, "milliseconds");
	cr_assert_eq(wire_try(&s, &c, "access", "read"), 0);
	cr_expect_eq(wire_begin(&c), LLM_E_STATE);
	cr_expect_null(ask_run(&c, W, ID("1")));
	wire_close(&c);
	cr_assert_eq(wire_try(&s, &c, "sync", "full"), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	wire_close(&c);
	memcpy(real, s.dsn, sizeof(real));
	help_join(missing, s.folder, "no/such.db");
	memcpy(s.dsn, missing, sizeof(missing));
	refused(&s, NULL, NULL, LLM_E_PERSISTENCE, "its folder is not there\nmake the folder");
	s.dsn[0] = '\0';
	refused(&s, NULL, NULL, LLM_E_CONFIG, "dsn is missing");
	snprintf(s.dsn, sizeof(s.dsn), "host=db.internal dbname=runs");
	refused(&s, NULL, NULL, LLM_E_CONFIG, "plugin = \"postgres\"");
	snprintf(s.dsn, sizeof(s.dsn), "postgresql://app@db.internal/runs");
	refused(&s, NULL, NULL, LLM_E_CONFIG, "plugin = \"postgres\"");
	memcpy(s.dsn, real, sizeof(real));
	stand_down(&s);
}

Test(sqlite_rows, S_03_network_file_systems_by_name)
{
	cr_expect_str_eq(file_network_name(0x6969), "NFS");
	cr_expect_str_eq(file_network_name(0xff534d42u), "CIFS");
	cr_expect_str_eq(file_network_name((uint64_t)(int32_t)0xfe534d42u), "SMB", "sign extended");
	cr_expect_null(file_network_name(0xef53), "ext4");
	cr_expect_null(file_network_name(0x01021994), "tmpfs");
}

/* ---- several writers ---- */

typedef struct writer {
	pthread_t thread;
	const stand *s;
	int number;
	int wrong;
} writer;

static void *write_some(void *arg)
{
	writer *w = arg;
	wire c = wire_open(w->s);
	char id[40];
	int i;

	for (i = 0; i < 50; i++) {
		llm_run_row r = row_begin(W, id);

		snprintf(id, sizeof(id), ID("%02d") "%02d", w->number, i);
		w->wrong += wire_store(&c, LLM_OP_RUN_BEGIN, &r) != 0;
	}
	wire_close(&c);
	return NULL;
}

Test(sqlite_rows, S_03_writers_take_turns)
{
	writer w[4];
	sqlite3 *db;
	stand s;
	int i;

	sqlite_stand(&s);
	for (i = 0; i < 4; i++) {
		w[i] = (writer){.s = &s, .number = i};
		cr_assert_eq(pthread_create(&w[i].thread, NULL, write_some, &w[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(w[i].thread, NULL);
		cr_expect_eq(w[i].wrong, 0);
	}
	db = sqlite_own(&s);
	cr_expect_eq(sqlite_number(db, "SELECT count(*) FROM llm_runs"), 200);
	cr_expect_eq(
		sqlite_number(db,
			"SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
		1);
	sqlite3_close(db);
	stand_down(&s);
}

static void *interrupt_it(void *arg)
{
	wire *c = arg;

	file_nap(50);
	c->s->v->interrupt(c->unit);
	return NULL;
}

Test(sqlite_rows, D_2_5_an_interrupt_ends_a_wait)
{
	pthread_t thread;
	stand s;
	wire a, b;

	sqlite_stand(&s);
	a = wire_open(&s);
	b = wire_open(&s);
	cr_assert_eq(wire_begin(&a), 0);
	cr_assert_eq(pthread_create(&thread, NULL, interrupt_it, &b), 0);
	cr_expect_eq(wire_begin(&b), LLM_E_CANCELLED, "%s", b.err.message);
	pthread_join(thread, NULL);
	cr_assert_eq(wire_commit(&a), 0);
	cr_expect_eq(wire_begin(&b), 0, "the next call is not disturbed");
	cr_expect_eq(wire_commit(&b), 0);
	wire_close(&b);
	wire_close(&a);
	stand_down(&s);
}
