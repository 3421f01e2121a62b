/*
 * storage_help.h - a storage plugin under test, for tests that know nothing of its kind.
 */
#ifndef TESTS_CONTRACT_STORAGE_HELP_H
#define TESTS_CONTRACT_STORAGE_HELP_H

#include "plugin_help.h"

#ifdef TEST_WITH_POSTGRES
#include "support/pg.h"
#endif

#define W "tenant-a"
#define ID(n) "01900000-0000-7000-8000-00000000000" n
#define BEGUN_US INT64_C(1767225600000000) /* 2026-01-01 00:00:00 UTC */

/* A plugin and a fresh store. */
typedef struct stand {
	plugins *ps;
	const plugin *p;
	const llm_storage_vtable *v;
	help_path folder; /* "": on a server */
	help_path dsn;
	int many; /* 1: several transactions write at once */
	const char *database; /* on a server */
	struct pg *server;
} stand;

/* A connection and its half of the host. */
typedef struct wire {
	const stand *s;
	instance *seat;
	void *unit;
	llm_err err; /* of the last call that failed */
} wire;

static inline int stand_op(const stand *s, uint32_t kind)
{
	return (s->p->storage_info->ops >> kind & 1) != 0;
}

static inline int stand_query(const stand *s, uint32_t kind)
{
	return (s->p->storage_info->queries >> kind & 1) != 0;
}

/* What the call that just returned `rc` said; gives rc back. */
static inline int32_t wire_said(wire *c, const char *slot, int32_t rc)
{
	c->err = (llm_err)LLM_ERR_INIT;
	return instance_end(c->seat, slot, rc, &c->err);
}

/* A connection; `key` and `value` are one more setting, or null. */
static inline int32_t wire_try(const stand *s, wire *c, const char *key, const char *value)
{
	host_config_item config[] = {{"dsn", s->dsn}, {"create", "true"}, {key ? key : "x", value}};
	int32_t rc;

	*c = (wire){.s = s};
	cr_assert_eq(instance_seat(s->p, config, 3, mem_default(), NULL, &c->seat, &c->err), 0);
	instance_begin(c->seat, NULL);
	rc = wire_said(c, "open", s->v->open(instance_host(c->seat), &c->unit));
	if (rc) {
		instance_free(c->seat);
		c->seat = NULL;
	}
	return rc;
}

static inline wire wire_open(const stand *s)
{
	wire c;

	cr_assert_eq(wire_try(s, &c, NULL, NULL), 0, "%s", c.err.message);
	return c;
}

static inline void wire_close(wire *c)
{
	c->s->v->close(c->unit);
	instance_free(c->seat);
	c->seat = NULL;
}

static inline int32_t wire_begin(wire *c)
{
	instance_begin(c->seat, NULL);
	return wire_said(c, "begin", c->s->v->begin(c->unit));
}

static inline int32_t wire_commit(wire *c)
{
	instance_begin(c->seat, NULL);
	return wire_said(c, "commit", c->s->v->commit(c->unit));
}

static inline int32_t wire_rollback(wire *c)
{
	instance_begin(c->seat, NULL);
	return wire_said(c, "rollback", c->s->v->rollback(c->unit));
}

/* One operation on the open transaction. */
static inline int32_t wire_put(wire *c, uint32_t kind, const void *record, llm_op_result *ret)
{
	llm_op op = {sizeof(op), kind, record};
	const llm_op *ops[] = {&op};
	llm_op_result *results[] = {ret};

	*ret = (llm_op_result){.struct_size = sizeof(*ret), .code = 1, .changed = -7};
	instance_begin(c->seat, NULL);
	return wire_said(c, "apply", c->s->v->apply(c->unit, ops, 1, results));
}

/* In a transaction of its own; gives the operation's own code. */
static inline int32_t wire_store(wire *c, uint32_t kind, const void *record)
{
	llm_op_result result;

	cr_assert_eq(wire_begin(c), 0, "%s", c->err.message);
	cr_assert_eq(wire_put(c, kind, record, &result), 0, "%s", c->err.message);
	cr_assert_eq(wire_commit(c), 0, "%s", c->err.message);
	return result.code;
}

static inline int32_t wire_query(
	wire *c, uint32_t kind, const llm_filter *filter, const llm_row_sink *out)
{
	instance_begin(c->seat, NULL);
	return wire_said(c, "query", c->s->v->query(c->unit, kind, filter, out));
}

/* ---- rows ---- */

static inline void help_no_numbers(int64_t *first, int64_t *last)
{
	for (; first <= last; first++)
		*first = LLM_UNKNOWN;
}

/* A run of which nothing is said but its key. */
static inline llm_run_row row_run(const char *workspace, const char *id, const char *status)
{
	llm_run_row r = {
		.struct_size = sizeof(r), .workspace_id = workspace, .id = id, .status = status};

	help_no_numbers(&r.attempts, &r.reasoning_tokens);
	r.cost_nanousd = LLM_UNKNOWN;
	help_no_numbers(&r.queue_ms, &r.settle_us);
	help_no_numbers(&r.created_us, &r.delivered);
	return r;
}

/* A run as it begins, and the end of it. */
static inline llm_run_row row_begin(const char *workspace, const char *id)
{
	llm_run_row r = row_run(workspace, id, "running");

	r.operation = "chat";
	r.owner_id = "owner-1";
	r.profile = "fast";
	r.requested_model = "ollama/small";
	r.created_us = BEGUN_US;
	r.started_us = BEGUN_US + 5;
	return r;
}

static inline llm_run_row row_finish(const char *workspace, const char *id, const char *status)
{
	llm_run_row r = row_run(workspace, id, status);

	r.source = "provider";
	r.provider = "ollama";
	r.resolved_model = "small";
	r.usage_source = "provider";
	r.input_tokens = 11;
	r.output_tokens = 0;
	r.duration_ms = 1500;
	r.finished_us = BEGUN_US + 1500000;
	r.version = 1;
	return r;
}

static inline llm_attempt_row row_attempt(const char *workspace, const char *run_id, int64_t seq)
{
	llm_attempt_row a = {.struct_size = sizeof(a),
		.workspace_id = workspace,
		.id = run_id,
		.run_id = run_id,
		.seq = seq,
		.candidate_id = "ollama/small",
		.provider = "ollama",
		.model = "small",
		.status = "succeeded"};

	help_no_numbers(&a.http_status, &a.waited_ms);
	help_no_numbers(&a.input_tokens, &a.finished_us);
	return a;
}

/* ---- answers ---- */

#define FOUND_MAX 64
#define FOUND_TEXT (1 << 16)

/* What a question found. Texts live in `text`. */
typedef struct found {
	size_t n;
	size_t stop_at; /* the row whose sink says stop; 0: none */
	llm_run_row runs[FOUND_MAX];
	llm_attempt_row attempts[FOUND_MAX];
	char text[FOUND_TEXT];
	size_t used;
} found;

/* Copies the texts of a row: members from `from` to `to` whose pointer is one. */
static inline void found_keep(found *f, const char **text)
{
	size_t n = *text ? strlen(*text) + 1 : 0;

	cr_assert_leq(n, FOUND_TEXT - f->used);
	if (*text)
		*text = memcpy(f->text + f->used, *text, n);
	f->used += n;
}

static inline int32_t found_run(void *ctx, const void *row)
{
	found *f = ctx;
	llm_run_row *r = &f->runs[f->n];

	cr_assert_lt(f->n, FOUND_MAX);
	*r = *(const llm_run_row *)row;
	for (const char **t = &r->workspace_id; t <= &r->error_message; t++)
		found_keep(f, t);
	found_keep(f, &r->usage_source);
	found_keep(f, &r->price_version);
	for (const char **t = &r->request_hash; t <= &r->span_id; t++)
		found_keep(f, t);
	f->n++;
	return f->n == f->stop_at ? LLM_E_CANCELLED : 0;
}

static inline int32_t found_attempt(void *ctx, const void *row)
{
	found *f = ctx;
	llm_attempt_row *a = &f->attempts[f->n];

	cr_assert_lt(f->n, FOUND_MAX);
	*a = *(const llm_attempt_row *)row;
	for (const char **t = &a->workspace_id; t <= &a->run_id; t++)
		found_keep(f, t);
	for (const char **t = &a->candidate_id; t <= &a->phase; t++)
		found_keep(f, t);
	found_keep(f, &a->generation);
	f->n++;
	return 0;
}

/* Asks for runs; the answer is static, and the next question overwrites it. */
static inline const found *ask_runs(wire *c, const llm_filter *filter)
{
	static found f;
	llm_row_sink sink = {sizeof(sink), 0, &f, found_run};

	memset(&f, 0, sizeof(f));
	cr_assert_eq(wire_query(c, LLM_QUERY_RUNS, filter, &sink), 0, "%s", c->err.message);
	return &f;
}

static inline const found *ask_attempts(wire *c, const char *workspace, const char *run_id)
{
	static found f;
	llm_row_sink sink = {sizeof(sink), 0, &f, found_attempt};
	llm_filter filter = LLM_FILTER_INIT;

	memset(&f, 0, sizeof(f));
	filter.workspace_id = workspace;
	filter.id = run_id;
	cr_assert_eq(wire_query(c, LLM_QUERY_ATTEMPTS, &filter, &sink), 0, "%s", c->err.message);
	return &f;
}

/* The one run, or null. */
static inline const llm_run_row *ask_run(wire *c, const char *workspace, const char *id)
{
	static found f;
	llm_row_sink sink = {sizeof(sink), 0, &f, found_run};
	llm_filter filter = LLM_FILTER_INIT;

	memset(&f, 0, sizeof(f));
	filter.workspace_id = workspace;
	filter.id = id;
	cr_assert_eq(wire_query(c, LLM_QUERY_RUN, &filter, &sink), 0, "%s", c->err.message);
	return f.n ? &f.runs[0] : NULL;
}

/* ---- stands ---- */

static inline void stand_load(stand *s, const char *folder_of, const char *name)
{
	llm_err err = LLM_ERR_INIT;

	memset(s, 0, sizeof(*s));
	s->ps = help_registry(folder_of, NULL);
	cr_assert_eq(plugins_storage(s->ps, name, NULL, &s->p, &err), 0, "%s", err.message);
	s->v = s->p->storage;
}

/* The tables of the plugin, where it has such. */
static inline void stand_migrate(stand *s)
{
	wire c;

	if (!s->v->migrate)
		return;
	c = wire_open(s);
	instance_begin(c.seat, NULL);
	cr_assert_eq(wire_said(&c, "migrate", s->v->migrate(c.unit, UINT32_MAX)), 0, "%s",
		c.err.message);
	wire_close(&c);
}

/* A fresh store of the plugin in `folder_of` (a folder of plugins) called `name`. */
static inline void stand_up(stand *s, const char *folder_of, const char *name)
{
	stand_load(s, folder_of, name);
	help_folder(s->folder);
	help_join(s->dsn, s->folder, "records.db");
	stand_migrate(s);
}

#ifdef TEST_WITH_POSTGRES
/* A fresh database on the server of this test program, without tables; null: there is no server. */
static inline pg *stand_server(stand *s, enum pg_way way)
{
	const char *missing = pg_missing();
	static pg *server;

	if (missing) {
		fprintf(stderr, "SKIP postgres: %s\n", missing);
		return NULL;
	}
	server = server ? server : pg_shared(getppid());
	stand_load(s, TEST_BINARY_DIR "/plugins", "postgres");
	s->many = 1;
	s->server = server;
	s->database = pg_database(server);
	snprintf(s->dsn, sizeof(s->dsn), "%s", pg_dsn(server, s->database, way));
	return server;
}

/* The same with tables. */
static inline pg *stand_postgres(stand *s, enum pg_way way)
{
	pg *server = stand_server(s, way);

	if (server)
		stand_migrate(s);
	return server;
}
#endif

/* No file of the store is left. */
static inline void stand_clear(const stand *s)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-llm", "-journal"};
	char path[sizeof(help_path) + 16];
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]) && s->folder[0]; i++) {
		snprintf(path, sizeof(path), "%s%s", s->dsn, ends[i]);
		unlink(path);
	}
}

static inline void stand_down(stand *s)
{
	stand_clear(s);
	if (s->folder[0])
		cr_expect_eq(rmdir(s->folder), 0, "something was left in %s", s->folder);
	plugins_free(s->ps);
}

/* Plays with every storage plugin of this build, each time on a fresh store. */
static inline void play_everywhere(void (*play)(stand *s))
{
	stand s;

	stand_up(&s, MODULES, "memstore");
	play(&s);
	stand_down(&s);
#ifdef TEST_WITH_SQLITE
	stand_up(&s, TEST_BINARY_DIR "/plugins", "sqlite");
	play(&s);
	stand_down(&s);
#endif
#ifdef TEST_WITH_POSTGRES
	for (int way = PG_DIRECT; way <= PG_POOLED; way++)
		if (stand_postgres(&s, (enum pg_way)way)) {
			play(&s);
			stand_down(&s);
		}
#endif
}

#endif
