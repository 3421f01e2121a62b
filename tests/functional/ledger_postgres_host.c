/*
 * ledger_postgres_host.c - what the host of a service on PostgreSQL is told, and what stays its
 * own: keys that are none, passwords, signals.
 */
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "ledger_postgres_try.h"
#include "support/run.h"

/* ---- keys ---- */

typedef struct said {
	int32_t code; /* of the submit, or of the run */
	int submitted;
	uint32_t replayed;
	llm_err err;
} said;

static said say(place *l, const char *workspace, const char *key, const char *text)
{
	said s = {.err = LLM_ERR_INIT};
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;

	opts.idempotency_key = key;
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, MODEL), 0);
	cr_assert_eq(llm_request_workspace(rq, workspace), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, text, LLM_NUL_TERMINATED), 0);
	s.code = llm_submit(l->t.svc, rq, &opts, &call, &s.err);
	s.submitted = !s.code;
	if (s.submitted) {
		s.code = llm_call_wait(call, 10000, &s.err);
		s.replayed = llm_result_replayed(llm_call_result(call));
	}
	llm_call_free(call);
	llm_request_free(rq);
	return s;
}

static int64_t number(place *l, const char *sql)
{
	return pg_number(l->p, l->database, sql);
}

Test(ledger_postgres_host, R_IDEM_1_keys_that_are_none)
{
	char long_key[257];
	const char *const bad[] = {"", long_key, "k\xC3\xA9", "\xFF", "a\nb", "a\x7F"};
	place l;
	said s;

	if (!place_found(&l, false, NULL))
		return;
	place_open_at(&l, pg_dsn(l.p, l.database, PG_DIRECT), "strict");
	memset(long_key, 'k', 256);
	long_key[256] = '\0';
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = say(&l, "w", bad[i], "hi");
		cr_expect_eq(s.code, LLM_E_INVALID_REQUEST, "%zu", i);
		cr_expect_eq(s.submitted, 0, "%zu", i);
	}
	cr_expect_eq(number(&l, "SELECT count(*) FROM llm_runs"), 0);
	cr_expect_eq(sim_log_count(l.up, "/api/chat"), 0);
	long_key[255] = '\0';
	cr_expect_eq(say(&l, "w", long_key, "hi").code, 0);
	cr_expect_eq(say(&l, "w", " ~", "hi").code, 0);
	cr_expect_eq(number(&l, "SELECT count(*) FROM llm_idempotency WHERE length(key_hash) = 64"),
		2, "a hash, however long the key is");
	place_end(&l);
}

Test(ledger_postgres_host, K_22_with_another_body_a_conflict_in_another_workspace_its_own)
{
	place l;
	said s;

	if (!place_found(&l, false, NULL))
		return;
	place_open_at(&l, pg_dsn(l.p, l.database, PG_DIRECT), "strict");
	cr_expect_eq(say(&l, "team-a", "one", "canary-4711").code, 0);
	s = say(&l, "team-a", "one", "another");
	cr_expect_eq(s.code, LLM_E_IDEMPOTENCY_MISMATCH, "%s", s.err.message);
	cr_expect_null(strstr(s.err.message, "canary"), "%s", s.err.message);
	s = say(&l, "team-b", "one", "another");
	cr_expect(s.code == 0 && !s.replayed, "%s", s.err.message);
	s = say(&l, "team-a", "one", "canary-4711");
	cr_expect(s.code == 0 && s.replayed, "%s", s.err.message);
	cr_expect_eq(sim_log_count(l.up, "/api/chat"), 2);
	cr_expect_eq(number(&l, "SELECT count(DISTINCT key_hash) FROM llm_idempotency"), 2);
	place_end(&l);
}

/* ---- passwords ---- */

/* Every line of the log, from every thread. */
static struct {
	pthread_mutex_t lock;
	char text[1 << 16];
	size_t n;
} diary = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_log(uintptr_t token, uint32_t level, const char *line, size_t len)
{
	(void)token;
	(void)level;
	pthread_mutex_lock(&diary.lock);
	if (diary.n + len + 2 < sizeof(diary.text))
		diary.n += (size_t)snprintf(diary.text + diary.n, sizeof(diary.text) - diary.n,
			"%.*s\n", (int)len, line);
	pthread_mutex_unlock(&diary.lock);
}

static int32_t open_logged(place *l, const char *dsn, llm_err *err)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	char text[900];

	place_config(l, dsn, "strict", text, sizeof(text));
	memset(&l->t, 0, sizeof(l->t));
	opts.config_text = text;
	opts.plugin_dir = PLUGINS;
	opts.log = on_log;
	opts.log_level = LLM_LOG_TRACE;
	return llm_service_new(&opts, &l->t.svc, err);
}

#define WORD "canary-4711"

static void nowhere(const char *where, const char *text)
{
	cr_expect_null(strstr(text, "canary"), "%s: %s", where, text);
}

Test(ledger_postgres_host, K_07_a_wrong_password_is_in_no_error_and_no_log)
{
	static const char *const forms[] = {
		"host=127.0.0.1 port=%u dbname=%s user=checked password=" WORD,
		"postgresql://checked:" WORD "@127.0.0.1:%u/%s",
		"host=127.0.0.1 port=%u dbname=%s user=checked password='" WORD " with spaces'",
		"postgresql://checked:%%63anary-4711@127.0.0.1:%u/%s"};
	char dsn[300];
	place l;

	if (!place_found(&l, false, NULL))
		return;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		llm_err err = LLM_ERR_INIT;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(dsn, sizeof(dsn), forms[i], (unsigned)pg_port(l.p), l.database);
#pragma GCC diagnostic pop
		cr_expect_eq(open_logged(&l, dsn, &err), LLM_E_PERSISTENCE, "%s", err.message);
		cr_expect_not_null(strstr(err.message, "PGPASSFILE"), "%s", err.message);
		nowhere("error", err.message);
		nowhere("log", diary.text);
	}
	sim_stop(l.up);
	pg_stop(l.p);
}

static void put_password(const char *folder, const char *word)
{
	char line[100], path[400];

	snprintf(line, sizeof(line), "*:*:*:checked:%s\n", word);
	run_folder_put(folder, "pass", line);
	snprintf(path, sizeof(path), "%s/pass", folder);
	cr_assert_eq(chmod(path, 0600), 0);
}

/* While it runs: what is refused says so without the words, and the new one takes no restart. */
Test(ledger_postgres_host, D_2_5_K_07_a_password_that_is_changed_under_a_service)
{
	const uint64_t until = talk_real_ns() + UINT64_C(20000000000);
	char *folder, dsn[500];
	llm_err err = LLM_ERR_INIT;
	place l;
	said s;

	if (!place_found(&l, true, NULL))
		return;
	folder = run_folder();
	pg_sql(l.p, NULL, "ALTER ROLE checked PASSWORD '" WORD "'");
	put_password(folder, WORD);
	snprintf(dsn, sizeof(dsn), "host=127.0.0.1 port=%u dbname=%s user=checked passfile=%s/pass",
		(unsigned)pg_port(l.p), l.database, folder);
	cr_assert_eq(open_logged(&l, dsn, &err), 0, "%s", err.message);
	s = say(&l, "w", NULL, "hi");
	cr_expect_eq(s.code, 0, "%s", s.err.message);
	pg_sql(l.p, NULL, "ALTER ROLE checked PASSWORD 'canary-0815'");
	s = say(&l, "w", NULL, "hi");
	cr_expect_eq(s.code, 0, "the connection stays: %s", s.err.message);
	pg_end_backends(l.p, l.database);
	s = say(&l, "w", NULL, "hi");
	cr_expect_neq(s.code, 0);
	nowhere("error", s.err.message);
	put_password(folder, "canary-0815");
	while ((s = say(&l, "w", NULL, "hi")).code && talk_real_ns() < until)
		continue;
	cr_expect_eq(s.code, 0, "%s", s.err.message);
	nowhere("log", diary.text);
	talk_close(&l.t);
	run_folder_free(folder);
	sim_stop(l.up);
	pg_stop(l.p);
}

/* ---- signals, and what else a process has one of ---- */

static volatile sig_atomic_t pipes;

static void on_pipe(int number)
{
	(void)number;
	pipes = pipes + 1;
}

typedef struct habits {
	struct sigaction of[NSIG];
	sigset_t mask;
	mode_t umask;
	char locale[200];
	char folder[400];
	size_t variables;
} habits;

static void look(habits *h)
{
	extern char **environ;

	memset(h, 0, sizeof(*h));
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, NULL, &h->of[i]); /* two numbers are the C library's */
	pthread_sigmask(SIG_SETMASK, NULL, &h->mask);
	h->umask = umask(0);
	umask(h->umask);
	snprintf(h->locale, sizeof(h->locale), "%s", setlocale(LC_ALL, NULL));
	cr_assert_not_null(getcwd(h->folder, sizeof(h->folder)));
	while (environ[h->variables])
		h->variables++;
}

static void expect_same(const habits *a, const habits *b)
{
	for (int i = 1; i < NSIG; i++) {
		cr_expect_eq(a->of[i].sa_handler, b->of[i].sa_handler, "signal %d", i);
		cr_expect_eq(a->of[i].sa_flags, b->of[i].sa_flags, "signal %d", i);
		cr_expect_eq(sigismember(&a->mask, i), sigismember(&b->mask, i), "signal %d", i);
	}
	cr_expect_eq(a->umask, b->umask);
	cr_expect_str_eq(a->locale, b->locale);
	cr_expect_str_eq(a->folder, b->folder);
	cr_expect_eq(a->variables, b->variables);
}

/* Connections are ended at rest and at work, on the runner's thread and on the host's own. */
static void live_a_little(place *l, const char *sslmode)
{
	const uint64_t until = talk_real_ns() + UINT64_C(10000000000);
	char dsn[300];
	said s;

	snprintf(dsn, sizeof(dsn), "%s sslmode=%s", pg_dsn(l->p, l->database, PG_DIRECT), sslmode);
	place_make_tables(dsn);
	place_open_at(l, dsn, "strict");
	for (int i = 0; i < 5; i++) {
		s = say(l, "w", NULL, "hi");
		while (s.code && talk_real_ns() < until)
			s = say(l, "w", NULL, "hi");
		cr_expect_eq(s.code, 0, "%s: %s", sslmode, s.err.message);
		pg_end_backends(l->p, l->database);
	}
	talk_close(&l->t);
}

Test(ledger_postgres_host, R_CORE_2_handlers_stay_and_none_is_called)
{
	struct sigaction a = {.sa_handler = on_pipe, .sa_flags = SA_NODEFER};
	habits before, after;
	place l;

	cr_assert_eq(sigaction(SIGPIPE, &a, NULL), 0);
	look(&before);
	if (!place_found(&l, true, NULL))
		return;
	live_a_little(&l, "disable");
	live_a_little(&l, "require");
	pg_down(l.p, true);
	look(&after);
	expect_same(&before, &after);
	cr_expect_eq(pipes, 0, "SIGPIPE was raised");
	pg_up(l.p);
	sim_stop(l.up);
	pg_stop(l.p);
}
