/*
 * P-01 for runs that share one attempt (R-CACHE-13, R-CACHE-14): every allocation of two equal
 * runs in flight, and of the flight itself, fails, once and for ever. Each caller gets a clear end:
 * the whole answer, or NOMEM; nobody waits for ever, and behind it all is as it was.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "functional/ledger_try.h"
#include "support/failalloc.h"
#include "support/oracle.h"

#define ANSWER "All is well and told."
#define CALLERS 2
#define PATIENCE_MS 8000 /* far more than any of it takes */

/* Fewer points than this would mean that the sweep no longer goes where it went. */
#ifdef LLM_DEBUG
#define FLOOR 120
#else /* arenas take blocks, not single items */
#define FLOOR 50
#endif

enum { TOGETHER, LATE, LEAVES }; /* the second comes, or the first goes, under way */

typedef struct caller {
	llm_call *call;
	uint32_t flags;
	int ended; /* its stream has */
	int gone; /* it was cancelled */
	int32_t code;
	size_t len;
	char text[200]; /* of its stream */
} caller;

typedef struct play {
	char config[2400];
	uint32_t flags[CALLERS];
	int course; /* TOGETHER, ... */
	int records; /* lack of memory is PERSISTENCE where a row cannot be written */
	failalloc fa;
	caller callers[CALLERS];
	size_t shared; /* plays in which one was told what the other was */
	unsigned wrong;
	char where[48]; /* also the question: what one play has stored is no answer in another */
} play;

static void tell(play *p, const char *what, const llm_err *err)
{
	p->wrong++;
	fprintf(stderr, "P_01: %s: %s: %s %s\n", p->where, what, llm_error_name(err->code),
		err->message);
}

static int fair(const play *p, int32_t rc)
{
	return rc == 0 || rc == LLM_E_NOMEM || (p->records && rc == LLM_E_PERSISTENCE);
}

/* ---- callers ---- */

static int32_t begin(play *p, llm_service *svc, caller *c, llm_err *err)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;
	llm_request *rq = NULL;
	int32_t rc = llm_request_new(&p->fa.hook, &rq);

	co.flags = c->flags;
	co.total_ms = PATIENCE_MS / 2;
	err->code = rc;
	if (!rc)
		rc = llm_request_model(rq, "ollama/sim-small");
	if (!rc)
		rc = llm_request_number(rq, LLM_NUM_TEMPERATURE, 0);
	if (!rc)
		rc = llm_request_text(rq, LLM_ROLE_USER, p->where, LLM_NUL_TERMINATED);
	if (!rc)
		rc = llm_submit(svc, rq, &co, &c->call, err);
	llm_request_free(rq);
	c->code = rc;
	return rc;
}

/* What is told piece by piece, up to the end, or to the first piece. */
static int32_t pull(caller *c, int whole)
{
	llm_event e = {.kind = 0};
	int32_t rc = 0;

	while (!rc && e.kind != LLM_EVENT_END && (whole || !c->len)) {
		rc = llm_call_next(c->call, PATIENCE_MS, &e);
		if (rc || e.kind != LLM_EVENT_TEXT || c->len + e.len >= sizeof(c->text))
			continue;
		memcpy(c->text + c->len, e.text, e.len);
		c->len += e.len;
	}
	c->ended = !rc && e.kind == LLM_EVENT_END;
	return rc;
}

/* The end is there, it is the same wherever one looks, and an answer is the whole one. */
static void look(play *p, caller *c, const llm_err *err)
{
	const llm_result *r = llm_call_result(c->call);
	const llm_err *why = r ? llm_result_error(r) : NULL;

	if (!fair(p, c->code) && !(c->gone && c->code == LLM_E_CANCELLED))
		tell(p, "an end that is not clear", err);
	if (!r || (why ? why->code : 0) != c->code || (c->code && !err->message[0]))
		tell(p, "a result of another mind", err);
	if (c->code || !r)
		return;
	if (strcmp(llm_result_text(r, NULL), ANSWER) != 0)
		tell(p, "another answer", err);
	if ((c->flags & LLM_CALL_STREAM) && strcmp(c->text, ANSWER) != 0)
		tell(p, "another stream", err);
	p->shared += llm_result_source(r) == LLM_SOURCE_COALESCED;
}

static void finish(play *p, caller *c)
{
	llm_err err = LLM_ERR_INIT;
	int32_t rc;

	if (!c->call)
		return;
	rc = (c->flags & LLM_CALL_STREAM) && !c->ended ? pull(c, 1) : 0;
	if (rc) {
		err.code = rc;
		tell(p, "a stream that does not end", &err);
	}
	c->code = llm_call_wait(c->call, PATIENCE_MS, &err);
	look(p, c, &err);
	llm_call_free(c->call);
}

static void enter(play *p, llm_service *svc, size_t i)
{
	llm_err err = LLM_ERR_INIT;

	p->callers[i] = (caller){.flags = p->flags[i]};
	if (begin(p, svc, &p->callers[i], &err) && !fair(p, err.code))
		tell(p, "llm_submit", &err);
}

/* Up to the first piece of what the first is told. */
static void under_way(play *p)
{
	llm_err err = LLM_ERR_INIT;

	if (p->callers[0].call)
		err.code = pull(&p->callers[0], 0);
	if (err.code)
		tell(p, "a stream that does not begin", &err);
}

/* Who is there before the service looks for the first time is of one flight. */
static void fly(play *p, llm_service *svc)
{
	llm_err err = LLM_ERR_INIT;
	size_t i;

	enter(p, svc, 0);
	if (p->course != LATE)
		enter(p, svc, 1);
	if (!fair(p, llm_service_start(svc, &err)))
		tell(p, "llm_service_start", &err);
	if (p->course != TOGETHER)
		under_way(p);
	if (p->course == LATE)
		enter(p, svc, 1);
	p->callers[0].gone = p->course == LEAVES;
	if (p->callers[0].gone)
		llm_call_cancel(p->callers[0].call);
	for (i = 0; i < CALLERS; i++)
		finish(p, &p->callers[i]);
}

/* The same is asked, and something else. */
static void ask_again(play *p, llm_service *svc)
{
	caller c = {.flags = 0};
	llm_err err = LLM_ERR_INIT;
	llm_call *other = NULL;

	failalloc_never(&p->fa);
	if (begin(p, svc, &c, &err) || llm_call_wait(c.call, PATIENCE_MS, &err))
		tell(p, "the same with memory again", &err);
	else if (strcmp(llm_result_text(llm_call_result(c.call), NULL), ANSWER) != 0)
		tell(p, "another answer with memory again", &err);
	llm_call_free(c.call);
	if (llm_ask(svc, "ollama/sim-small", "else", &other, &err))
		tell(p, "another question", &err);
	llm_call_free(other);
}

/* ---- sweeps ---- */

static int32_t open_service(play *p, llm_service **ret, llm_err *err)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;

	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = p->config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	so.allocator = &p->fa.hook;
	return llm_service_new(&so, ret, err);
}

/* Returns 1 while the failure was reached. That of a service of its own is in alloc_run.c. */
static int once_through(play *p, uint64_t n, int for_ever)
{
	llm_service *svc = NULL;
	llm_err err = LLM_ERR_INIT;
	const size_t fds = oracle_fds();

	snprintf(p->where, sizeof(p->where), "allocation %llu failing %s", (unsigned long long)n,
		for_ever ? "for ever" : "once");
	failalloc_init(&p->fa);
	cr_assert_eq(open_service(p, &svc, &err), 0, "%s", err.message);
	if (for_ever)
		failalloc_from(&p->fa, n);
	else
		failalloc_once(&p->fa, n);
	fly(p, svc);
	ask_again(p, svc);
	llm_service_free(svc);
	if (failalloc_leaks(&p->fa))
		tell(p, "memory is left", &err);
	if (oracle_fds() != fds)
		tell(p, "descriptors are left", &err);
	return p->fa.failed > 0;
}

/* `more`: of the configuration. */
static void sweep(const char *what, const uint32_t flags[CALLERS], int course, const char *more)
{
	static const char *const say[] = {"--say", ANSWER, NULL};
	static const char *const slowly[] = {"--say", ANSWER, "--pace-ms", "1", NULL};
	play *p = calloc(1, sizeof(*p));
	sim *up = sim_start(course == TOGETHER ? say : slowly);
	uint64_t n;

	cr_assert_not_null(p);
	p->course = course;
	p->records = strstr(more, "storage") != NULL;
	memcpy(p->flags, flags, sizeof(p->flags));
	snprintf(p->config, sizeof(p->config),
		"%smax_attempts = 1;\nproviders = { ollama = { base_url = \"%s\"; }; };\n", more,
		sim_url(up));
	for (n = 1; once_through(p, n, 0); n++)
		(void)once_through(p, n, 1);
	printf("P_01 %s: %llu points, %zu shared answers\n", what, (unsigned long long)(n - 1),
		p->shared);
	cr_assert_eq(p->wrong, 0, "%u of the failures were not taken well", p->wrong);
	cr_assert_geq(n - 1, FLOOR, "only %llu points", (unsigned long long)(n - 1));
	if (course != LEAVES) /* who is left has the attempt */
		cr_assert_geq(p->shared, n / 4, "shared in %zu plays only", p->shared);
	sim_stop(up);
	free(p);
}

#define IN_MEMORY "workspace = \"w\"; cache = { mode = \"on\"; };\n"

static const uint32_t wholes[] = {0, 0}, streams[] = {LLM_CALL_STREAM, LLM_CALL_STREAM},
		      each[] = {0, LLM_CALL_STREAM};

Test(alloc_flight, P_01_R_CACHE_13_every_allocation_of_a_shared_answer)
{
	sweep("whole", wholes, TOGETHER, IN_MEMORY);
}

Test(alloc_flight, P_01_R_CACHE_14_every_allocation_of_a_shared_stream)
{
	sweep("stream", streams, TOGETHER, IN_MEMORY);
}

Test(alloc_flight, P_01_R_CACHE_14_every_allocation_when_the_second_comes_late)
{
	sweep("late", streams, LATE, IN_MEMORY);
}

Test(alloc_flight, P_01_R_CACHE_13_every_allocation_when_the_first_leaves)
{
	sweep("leaves", streams, LEAVES, IN_MEMORY);
}

/* The one that pays is told at the end what the other was told as it came. */
Test(alloc_flight, P_01_R_CACHE_14_every_allocation_of_one_of_each)
{
	sweep("one of each", each, TOGETHER,
		"workspace = \"w\"; cache = { mode = \"off\"; coalesce = true; };\n");
}

/* Looked for and kept by jobs, and the runs are on record. */
Test(alloc_flight, P_01_R_CACHE_17_every_allocation_with_answers_in_the_storage)
{
	char more[1600];
	book b;

	book_open(&b, "sync = \"off\";", "");
	snprintf(more, sizeof(more), "%scache = { mode = \"on\"; store = \"sql\"; };\n", b.config);
	sweep("in the storage", wholes, TOGETHER, more);
	book_close(&b);
}
