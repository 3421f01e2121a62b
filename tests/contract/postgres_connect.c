/*
 * postgres_connect.c - how a connection is found, refused, lost and found again.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include "postgres_help.h"

static stand s;

static int up(pg **ret)
{
	*ret = stand_postgres(&s, PG_DIRECT);
	return *ret != NULL;
}

static const char *dsn_for(pg *p, const char *more)
{
	static char text[700];

	snprintf(text, sizeof(text), "host=127.0.0.1 port=%u dbname=%s %s", (unsigned)pg_port(p),
		s.database, more);
	return text;
}

/* Begins and rolls back. */
static int32_t breathe(wire *c)
{
	int32_t rc = wire_begin(c);

	return rc ? rc : wire_rollback(c);
}

/* ---- where to, and as whom ---- */

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	cr_assert_not_null(f);
	fputs(text, f);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(path, 0600), 0);
}

Test(postgres_connect, D_2_5_environment_service_and_socket)
{
	help_path folder, file;
	char port[16], text[300];
	wire c;
	pg *p;

	if (!up(&p))
		return;
	snprintf(port, sizeof(port), "%u", (unsigned)pg_port(p));
	help_folder(folder);
	help_join(file, folder, "services");
	snprintf(text, sizeof(text), "[ours]\nhost=127.0.0.1\nport=%s\nuser=app\ndbname=%s\n", port,
		s.database);
	put(file, text);
	setenv("PGSERVICEFILE", file, 1);
	cr_assert_eq(with_settings(&s, &c, "service=ours", NULL), 0, "%s", c.err.message);
	wire_close(&c);
	setenv("PGHOST", "127.0.0.1", 1);
	setenv("PGPORT", port, 1);
	setenv("PGUSER", "app", 1);
	setenv("PGDATABASE", s.database, 1);
	cr_assert_eq(with_settings(&s, &c, "", NULL), 0, "%s", c.err.message);
	wire_close(&c);
	cr_assert_eq(with_settings(&s, &c, pg_dsn(p, s.database, PG_SOCKET), NULL), 0);
	wire_close(&c);
	unlink(file);
	rmdir(folder);
	stand_down(&s);
}

Test(postgres_connect, D_2_5_tls_as_the_dsn_says)
{
	char more[400];
	wire c;
	pg *p;

	if (!up(&p))
		return;
	snprintf(more, sizeof(more), "user=tlsonly sslmode=verify-full sslrootcert=%s/root.crt",
		pg_folder(p));
	cr_assert_eq(with_settings(&s, &c, dsn_for(p, more), NULL), 0, "%s", c.err.message);
	wire_close(&c);
	not_opened(
		&s, dsn_for(p, "user=tlsonly sslmode=disable"), NULL, LLM_E_PERSISTENCE, "28000");
	not_opened(&s, dsn_for(p, "user=tlsonly sslmode=verify-full sslrootcert=/nowhere"), NULL,
		LLM_E_PERSISTENCE, "/nowhere");
	stand_down(&s);
}

/* A certificate that nobody has asked for. */
static void make_other_ca(const char *path)
{
	char line[1800];
	FILE *f;

	snprintf(line, sizeof(line),
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
		"-subj /CN=other -keyout %s.key -out %s 2>&1; rm -f %s.key",
		path, path, path);
	f = popen(line, "re");
	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f))
		;
	pclose(f);
}

Test(postgres_connect, D_2_5_K_07_tls_that_does_not_know_whom_it_talks_to)
{
	char more[600], named[700];
	help_path folder, other;
	wire c;
	pg *p;

	if (!up(&p))
		return;
	help_folder(folder);
	help_join(other, folder, "other.crt");
	make_other_ca(other);
	cr_assert_eq(with_settings(&s, &c, dsn_for(p, "user=tlsonly sslmode=require"), NULL), 0,
		"%s", c.err.message);
	wire_close(&c);
	snprintf(more, sizeof(more), "user=tlsonly sslmode=verify-ca sslrootcert=%s", other);
	not_opened(&s, dsn_for(p, more), NULL, LLM_E_PERSISTENCE, "certificate verify failed");
	not_opened(&s, dsn_for(p, more), NULL, LLM_E_PERSISTENCE, "name in sslrootcert=");
	snprintf(more, sizeof(more),
		"host=elsewhere.test hostaddr=127.0.0.1 port=%u dbname=%s user=tlsonly "
		"sslrootcert=%s/root.crt sslmode=",
		(unsigned)pg_port(p), s.database, pg_folder(p));
	snprintf(named, sizeof(named), "%sverify-full", more);
	not_opened(&s, named, NULL, LLM_E_PERSISTENCE, "elsewhere.test");
	snprintf(named, sizeof(named), "%sverify-ca", more);
	cr_assert_eq(with_settings(&s, &c, named, NULL), 0, "%s", c.err.message);
	wire_close(&c);
	not_opened(
		&s, dsn_for(p, "user=tlsonly sslmode=perhaps"), NULL, LLM_E_PERSISTENCE, "sslmode");
	unlink(other);
	rmdir(folder);
	stand_down(&s);
}

/* What the dsn does not say: a service by its name, a password, TLS, words for the server. */
Test(postgres_connect, D_2_5_what_the_environment_says)
{
	help_path folder, file;
	char text[300];
	wire c;
	pg *p;

	if (!up(&p))
		return;
	help_folder(folder);
	help_join(file, folder, "services");
	snprintf(text, sizeof(text), "[ours]\nhost=127.0.0.1\nport=%u\ndbname=%s\n",
		(unsigned)pg_port(p), s.database);
	put(file, text);
	setenv("PGSERVICEFILE", file, 1);
	setenv("PGSERVICE", "ours", 1);
	setenv("PGUSER", "checked", 1);
	not_opened(&s, "", NULL, LLM_E_PERSISTENCE, "PGPASSFILE, mode 0600");
	setenv("PGPASSWORD", "wrong-4711", 1);
	not_opened(&s, "", NULL, LLM_E_PERSISTENCE, "28P01");
	cr_assert_neq(with_settings(&s, &c, "", NULL), 0);
	cr_expect_null(strstr(c.err.message, "4711"), "%s", c.err.message);
	setenv("PGPASSWORD", "right", 1);
	setenv("PGSSLMODE", "verify-full", 1);
	setenv("PGSSLROOTCERT", "/nowhere", 1);
	not_opened(&s, "", NULL, LLM_E_PERSISTENCE, "/nowhere");
	snprintf(text, sizeof(text), "%s/root.crt", pg_folder(p));
	setenv("PGSSLROOTCERT", text, 1);
	setenv("PGAPPNAME", "ours, too", 1);
	cr_assert_eq(with_settings(&s, &c, "", NULL), 0, "%s", c.err.message);
	cr_expect_eq(
		pg_number(p, s.database,
			"SELECT count(*) FROM pg_stat_activity WHERE application_name = "
			"'ours, too' AND usename = 'checked' AND datname = current_database()"),
		1);
	wire_close(&c);
	setenv("PGSERVICE", "theirs", 1);
	not_opened(&s, "", NULL, LLM_E_PERSISTENCE, "theirs");
	not_opened(&s, "", NULL, LLM_E_PERSISTENCE, "pg_service.conf");
	unlink(file);
	rmdir(folder);
	stand_down(&s);
}

/* A connection that is made anew takes what the password file says by then. */
Test(postgres_connect, D_2_5_a_password_that_changes_takes_no_restart)
{
	help_path folder, file;
	wire c;
	pg *p;

	if (!up(&p))
		return;
	help_folder(folder);
	help_join(file, folder, "passwords");
	put(file, "*:*:*:checked:right\n");
	setenv("PGPASSFILE", file, 1);
	cr_assert_eq(
		with_settings(&s, &c, dsn_for(p, "user=checked"), NULL), 0, "%s", c.err.message);
	pg_sql(p, NULL, "ALTER ROLE checked PASSWORD 'another'");
	cr_expect_eq(breathe(&c), 0, "the connection stays");
	pg_end_backends(p, s.database);
	cr_expect_eq(breathe(&c), LLM_E_PERSISTENCE);
	cr_expect_not_null(strstr(c.err.message, "28P01"), "%s", c.err.message);
	put(file, "*:*:*:checked:another\n");
	for (int64_t end = help_ms() + 2000; breathe(&c) && help_ms() < end;)
		;
	cr_expect_eq(breathe(&c), 0, "%s", c.err.message);
	wire_close(&c);
	pg_sql(p, NULL, "ALTER ROLE checked PASSWORD 'right'");
	unlink(file);
	rmdir(folder);
	stand_down(&s);
}

/* Whatever is wrong with it, none of its secrets is told. */
Test(postgres_connect, K_07_the_password_of_a_dsn_is_never_told)
{
	static const char *const bad[] = {
		"host=127.0.0.1 port=%u dbname=%s user=checked password=hush99",
		"postgresql://checked:hush99@127.0.0.1:%u/%s",
		"postgresql://checked:hu@sh99@127.0.0.1:%u/%s",
		"postgresql://checked:hush99/@127.0.0.1:%u/%s",
		"host=127.0.0.1 port=%u dbname=%s password=x hush99",
		"host=127.0.0.1 port=%u dbname=%s password='hush99",
		"host=127.0.0.1 user=a%u dbname=%s port= password=hush99",
		"postgresql://checked:hush99@127.0.0.1:%u/%s?hush99"};
	char dsn[400];
	size_t i;
	wire c;
	pg *p;

	if (!up(&p))
		return;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(dsn, sizeof(dsn), bad[i], (unsigned)pg_port(p), s.database);
#pragma GCC diagnostic pop
		cr_expect_neq(with_settings(&s, &c, dsn, NULL), 0, "%s", dsn);
		cr_expect_null(strstr(c.err.message, "sh99"), "%s", c.err.message);
	}
	stand_down(&s);
}

/* ---- refused ---- */

Test(postgres_connect, S_10_a_database_of_another_encoding)
{
	const char *database;
	pg *p;

	if (!up(&p))
		return;
	database = pg_database_with(
		p, "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	not_opened(&s, pg_dsn(p, database, PG_DIRECT), NULL, LLM_E_CONFIG,
		"the database has the encoding LATIN1");
	database = pg_database_with(
		p, "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	not_opened(&s, pg_dsn(p, database, PG_POOLED), NULL, LLM_E_CONFIG,
		"the database has the encoding SQL_ASCII");
	stand_down(&s);
}

Test(postgres_connect, S_08_no_connection_is_left)
{
	wire c;
	pg *p;

	if (!up(&p))
		return;
	pg_limit(p, s.database, 0);
	not_opened(&s, s.dsn, NULL, LLM_E_DB_BUSY, "53300");
	pg_limit(p, s.database, -1);
	cr_assert_eq(with_settings(&s, &c, s.dsn, NULL), 0, "%s", c.err.message);
	wire_close(&c);
	stand_down(&s);
}

Test(postgres_connect, D_2_5_settings_that_do_not_work)
{
	pg *p;

	if (!up(&p))
		return;
	not_opened(
		&s, s.dsn, SETTINGS("prepared=maybe"), LLM_E_CONFIG, "prepared: it is off on auto");
	not_opened(&s, s.dsn, SETTINGS("sync=1"), LLM_E_CONFIG, "sync");
	not_opened(&s, s.dsn, SETTINGS("lock_timeout=2s"), LLM_E_CONFIG, "lock_timeout");
	not_opened(&s, s.dsn, SETTINGS("access=all"), LLM_E_CONFIG, "access");
	not_opened(&s, "host=127.0.0.1 port=1", NULL, LLM_E_PERSISTENCE, "Connection refused");
	not_opened(&s, dsn_for(p, "user=app dbname=none"), NULL, LLM_E_PERSISTENCE, "createdb");
	stand_down(&s);
}

/* Its port takes connections, and nobody speaks. */
Test(postgres_connect, S_08_a_server_that_is_silent)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char dsn[100];
	int64_t began;
	pg *p;

	if (!up(&p))
		return;
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, n), 0);
	cr_assert_eq(listen(fd, 4), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	snprintf(dsn, sizeof(dsn), "host=127.0.0.1 port=%u user=app", (unsigned)ntohs(at.sin_port));
	began = help_ms();
	not_opened(&s, dsn, SETTINGS("connect_timeout=40"), LLM_E_PERSISTENCE, "did not answer");
	cr_expect_lt(help_ms() - began, 500);
	close(fd);
	stand_down(&s);
}

/* ---- lost, and found again ---- */

Test(postgres_connect, S_08_a_connection_that_is_gone_is_made_anew)
{
	llm_run_row r = row_begin(W, ID("1"));
	llm_op_result result;
	wire c;
	pg *p;

	if (!up(&p))
		return;
	c = wire_open(&s);
	pg_end_backends(p, s.database);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0, "nobody notices");
	pg_end_backends(p, s.database);
	cr_expect_not_null(ask_run(&c, W, ID("1")), "neither does who asks");
	r.id = ID("2");
	cr_assert_eq(wire_begin(&c), 0);
	pg_end_backends(p, s.database);
	cr_expect_eq(wire_put(&c, LLM_OP_RUN_BEGIN, &r, &result), LLM_E_DB_BUSY);
	cr_expect_not_null(strstr(c.err.message, "57P01"), "%s", c.err.message);
	cr_expect_eq(wire_put(&c, LLM_OP_RUN_BEGIN, &r, &result), LLM_E_STATE);
	cr_expect_eq(wire_commit(&c), LLM_E_STATE);
	cr_expect_eq(wire_rollback(&c), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0, "%s", c.err.message);
	wire_close(&c);
	stand_down(&s);
}

static volatile sig_atomic_t pipes;

static void on_pipe(int number)
{
	(void)number;
	pipes = pipes + 1;
}

/* On the host's own thread, in the middle of much that is to be sent. */
Test(postgres_connect, R_CORE_2_a_server_that_hangs_up_raises_no_signal)
{
	static const char *const modes[] = {"user=app sslmode=disable", "user=app sslmode=require"};
	static char much[1 << 23];
	struct sigaction a = {.sa_handler = on_pipe}, now;
	llm_content_row t = {
		sizeof(t), 1, W, "hash", "prompt", {much, sizeof(much)}, sizeof(much), BEGUN_US};
	llm_op_result result;
	size_t i;
	wire c;
	pg *p;

	cr_assert_eq(sigaction(SIGPIPE, &a, NULL), 0);
	if (!up(&p))
		return;
	for (i = 0; i < 6; i++) {
		cr_assert_eq(with_settings(&s, &c, dsn_for(p, modes[i % 2]), NULL), 0, "%s",
			c.err.message);
		cr_assert_eq(wire_begin(&c), 0, "%s", c.err.message);
		pg_end_backends(p, s.database);
		cr_expect_eq(wire_put(&c, LLM_OP_CONTENT_PUT, &t, &result), LLM_E_DB_BUSY, "%s",
			c.err.message);
		cr_expect_eq(wire_rollback(&c), 0);
		wire_close(&c);
	}
	cr_assert_eq(sigaction(SIGPIPE, NULL, &now), 0);
	cr_expect_eq(now.sa_handler, on_pipe, "it is installed as it was");
	cr_expect_eq(pipes, 0, "and was never called");
	stand_down(&s);
}

/* A server that may not be written to is left for whichever is there by the next unit. */
Test(postgres_connect, S_08_a_server_that_only_reads)
{
	llm_run_row r = row_begin(W, ID("1"));
	llm_op_result result;
	char sql[200];
	wire c;
	pg *p;

	if (!up(&p))
		return;
	snprintf(sql, sizeof(sql), "ALTER DATABASE %s SET default_transaction_read_only = on",
		s.database);
	pg_sql(p, NULL, sql);
	c = wire_open(&s);
	snprintf(sql, sizeof(sql), "ALTER DATABASE %s RESET default_transaction_read_only",
		s.database);
	pg_sql(p, NULL, sql);
	cr_assert_eq(wire_begin(&c), 0);
	cr_expect_eq(wire_put(&c, LLM_OP_RUN_BEGIN, &r, &result), LLM_E_PERSISTENCE);
	cr_expect_not_null(strstr(c.err.message, "25006"), "%s", c.err.message);
	cr_expect_eq(wire_rollback(&c), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0, "a new session may");
	wire_close(&c);
	stand_down(&s);
}

/* Quick noes while it is away, and a yes within two seconds when it is back. */
Test(postgres_connect, S_08_a_server_that_goes_and_comes_back)
{
	int64_t began, longest = 0, took;
	int i;
	wire c;
	pg *p;

	if (!up(&p))
		return;
	stand_down(&s);
	p = pg_start(NULL);
	stand_load(&s, TEST_BINARY_DIR "/plugins", "postgres");
	s.database = pg_database(p);
	c = (wire){0};
	cr_assert_eq(with_settings(&s, &c, pg_dsn(p, s.database, PG_DIRECT), NULL), 0);
	pg_down(p, true);
	for (i = 0; i < 200; i++) {
		began = help_ms();
		cr_expect_neq(wire_begin(&c), 0);
		took = help_ms() - began;
		longest = took > longest ? took : longest;
	}
	cr_expect_lt(longest, 1000, "%d ms", (int)longest);
	pg_up(p);
	began = help_ms();
	while (wire_begin(&c) && help_ms() - began < 5000)
		;
	cr_expect_lt(help_ms() - began, 2000, "%d ms", (int)(help_ms() - began));
	cr_expect_eq(wire_rollback(&c), 0);
	wire_close(&c);
	pg_stop(p);
	stand_down(&s);
}
