/* What a host must not do, and what it may: callbacks, forks, threads, several services. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/oracle.h"

static oracle *play(const char *script, uint32_t mode)
{
	const oracle_opts opts = {.mode = mode, .script = script};

	return oracle_open(&opts);
}

/* ---- inside a callback ---- */

typedef struct tried {
	int32_t ask, next, wait, dispatch, start, models;
	llm_call *left; /* llm_ask's, if it left one */
} tried;

static tried got;

/* Everything that would wait, in a callback where waiting would never end. */
static void try_all(oracle_run *run, llm_call *call, const llm_event *e)
{
	llm_service *svc = run->o->svc;
	llm_models *models = NULL;
	llm_event other;

	if (e->kind != LLM_EVENT_TEXT)
		return;
	got.ask = llm_ask(svc, "ok/sim-small", "hi", &got.left, NULL);
	got.next = llm_call_next(call, 0, &other);
	got.wait = llm_call_wait(call, 0, NULL);
	got.dispatch = llm_service_dispatch(svc, NULL);
	got.start = llm_service_start(svc, NULL);
	got.models = llm_service_models(svc, "ok", LLM_MODELS_ALL, 0, &models, NULL);
	llm_service_free(svc);
}

Test(service_misuse, P_10_waiting_inside_a_callback_is_refused)
{
	static const uint32_t modes[] = {ORACLE_THREAD, ORACLE_LOOP};
	const oracle_ask ask = {.stream = 1, .on_event = try_all};
	size_t i;

	for (i = 0; i < 2; i++) {
		oracle *o = play("hello_stream", modes[i]);

		memset(&got, 0, sizeof(got));
		cr_assert_eq(oracle_do(o, &ask)->code, 0);
		cr_assert_eq(got.ask, LLM_E_STATE);
		cr_assert_null(got.left);
		cr_assert_eq(got.next, LLM_E_STATE);
		cr_assert_eq(got.wait, LLM_E_STATE);
		cr_assert_eq(got.dispatch, LLM_E_STATE);
		cr_assert_eq(got.start, LLM_E_STATE);
		cr_assert_eq(got.models, LLM_E_STATE);
		cr_assert_eq(sim_log_count(o->up, "\"event\":\"request\""), 1);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* A callback may submit, and what it submits runs like any other. */
static llm_call *second;

static void submit_more(oracle_run *run, llm_call *call, const llm_event *e)
{
	llm_request *rq = NULL;

	(void)call;
	if (e->kind != LLM_EVENT_END)
		return;
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	llm_request_model(rq, "ollama/sim-small");
	llm_request_text(rq, LLM_ROLE_USER, "again", LLM_NUL_TERMINATED);
	cr_assert_eq(llm_submit(run->o->svc, rq, NULL, &second, NULL), 0);
	llm_request_free(rq);
}

Test(service_misuse, a_callback_may_submit)
{
	static const uint32_t modes[] = {ORACLE_THREAD, ORACLE_LOOP};
	const oracle_ask ask = {.stream = 1, .on_event = submit_more};
	size_t i;

	for (i = 0; i < 2; i++) {
		oracle *o = play("hello_stream", modes[i]);

		cr_assert_eq(oracle_do(o, &ask)->code, 0);
		cr_assert_eq(llm_call_wait(second, 5000, NULL), 0);
		llm_call_free(second);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* ---- waiters are told last ---- */

static atomic_int end_returned;

static void slow_end(oracle_run *run, llm_call *call, const llm_event *e)
{
	(void)run, (void)call;
	if (e->kind != LLM_EVENT_END)
		return;
	usleep(20000);
	atomic_store(&end_returned, 1);
}

Test(service_misuse, R_CORE_4_a_wait_returns_after_the_last_callback)
{
	const oracle_ask ask = {.on_event = slow_end};
	oracle *o = play("hello_whole", ORACLE_THREAD);
	oracle_run *run = oracle_submit(o, &ask, NULL);

	cr_assert_eq(llm_call_wait(run->call, 5000, NULL), 0);
	cr_assert_eq(atomic_load(&end_returned), 1, "the callback still runs");
	oracle_finish(run);
	cr_assert_eq(oracle_close(o), 0);
}

/* ---- after fork ---- */

/* Those that ask a provider, or load one. Returns 0 when each is refused. */
static int refuses_to_ask(oracle *o)
{
	llm_models *models = NULL;
	llm_provider_desc desc;
	llm_option_desc option;
	llm_call *call = NULL;

	return llm_ask(o->svc, "ok/sim-small", "hi", &call, NULL) != LLM_E_STATE || call ||
		llm_service_models(o->svc, "ok", LLM_MODELS_ALL, 0, &models, NULL) != LLM_E_STATE ||
		llm_service_provider(o->svc, "ok", &desc, NULL) != LLM_E_STATE ||
		llm_service_option_at(o->svc, "ok", 0, &option, NULL) != LLM_E_STATE;
}

/* In the child: every door is shut, and leaving does the parent no harm. */
static int child_sees(oracle *o, oracle_run *run)
{
	llm_request *rq = NULL;
	llm_call *call = NULL;
	llm_event e;
	int wrong = 0;

	llm_request_new(NULL, &rq);
	llm_request_model(rq, "ollama/sim-small");
	llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED);
	wrong |= llm_submit(o->svc, rq, NULL, &call, NULL) != LLM_E_STATE;
	wrong |= (llm_call_next(run->call, 10, &e) != LLM_E_STATE) << 1;
	wrong |= (llm_call_wait(run->call, 10, NULL) != LLM_E_STATE) << 2;
	wrong |= (llm_service_dispatch(o->svc, NULL) != LLM_E_STATE) << 3;
	wrong |= (llm_service_start(o->svc, NULL) != LLM_E_STATE) << 4;
	wrong |= refuses_to_ask(o);
	wrong |= (llm_service_shutdown(o->svc, NULL) != LLM_E_STATE) << 5;
	wrong |= (llm_service_fd(o->svc) != -1) << 6;
	wrong |= (llm_service_next_ns(o->svc) != UINT64_MAX) << 7;
	llm_call_cancel(run->call);
	llm_call_free(run->call);
	llm_service_free(o->svc);
	llm_request_free(rq);
	return wrong;
}

Test(service_misuse, P_10_a_forked_child_is_refused_and_harms_nobody)
{
	static const uint32_t modes[] = {ORACLE_PULL, ORACLE_THREAD, ORACLE_LOOP};
	size_t i;

	for (i = 0; i < 3; i++) {
		oracle *o = play("one_piece_then_end", modes[i]);
		oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
		int status = 0;
		pid_t pid;

		oracle_until(run, &run->deltas, 1);
		pid = fork();
		if (!pid)
			_exit(child_sees(o, run));
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFEXITED(status), "the child was killed by signal %d", WTERMSIG(status));
		cr_assert_eq(WEXITSTATUS(status), 0, "0x%x", (unsigned)WEXITSTATUS(status));
		oracle_finish(run);
		cr_assert_eq(run->code, 0, "%s", run->err.message);
		cr_assert_str_eq(run->text, "Hello");
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* ---- several ---- */

Test(service_misuse, two_services_at_once)
{
	oracle *a = play("hello_stream", ORACLE_LOOP), *b = play("stall_in_stream", ORACLE_THREAD);
	oracle_run *two = oracle_submit(b, &(oracle_ask){.stream = 1}, NULL);
	oracle_run *one = oracle_do(a, &(oracle_ask){.stream = 1});

	oracle_until(two, &two->deltas, 1);
	cr_assert_eq(one->code, 0);
	llm_call_cancel(two->call);
	oracle_finish(two);
	cr_assert_eq(two->code, LLM_E_CANCELLED);
	/* The descriptors of one are not those of the other: compare after both are gone. */
	a->fds = b->fds = oracle_fds();
	a->opts.no_healthy = b->opts.no_healthy = 1;
	llm_service_free(a->svc);
	llm_service_free(b->svc);
	cr_assert_leq(oracle_fds(), a->fds);
	a->svc = b->svc = NULL;
	a->fds = b->fds = oracle_fds();
	cr_assert_eq(oracle_close(a), 0);
	cr_assert_eq(oracle_close(b), 0);
}

/* ---- on the wrong thread ---- */

Test(service_misuse, P_10_a_loop_that_the_own_thread_turns_is_nobody_elses)
{
	oracle *o = play("hello_stream", ORACLE_THREAD);

	cr_assert_eq(llm_service_fd(o->svc), -1);
	cr_assert_eq(llm_service_next_ns(o->svc), UINT64_MAX);
	cr_assert_eq(llm_service_dispatch(o->svc, NULL), LLM_E_STATE);
	cr_assert_eq(oracle_close(o), 0);
}

/* In a callback of the loop, while another thread tries its luck. */
static int32_t other_dispatch;

static void *try_dispatch(void *ctx)
{
	other_dispatch = llm_service_dispatch(ctx, NULL);
	return NULL;
}

static void let_another_try(oracle_run *run, llm_call *call, const llm_event *e)
{
	pthread_t t;

	(void)call;
	if (e->kind != LLM_EVENT_TEXT)
		return;
	cr_assert_eq(pthread_create(&t, NULL, try_dispatch, run->o->svc), 0);
	pthread_join(t, NULL);
}

Test(service_misuse, P_10_two_threads_never_dispatch_at_once)
{
	oracle *o = play("hello_stream", ORACLE_LOOP);

	other_dispatch = 0;
	cr_assert_eq(
		oracle_do(o, &(oracle_ask){.stream = 1, .on_event = let_another_try})->code, 0);
	cr_assert_eq(other_dispatch, LLM_E_STATE);
	cr_assert_eq(oracle_close(o), 0);
}

/* Another thread may wait meanwhile: it sleeps, and the host's loop does the work. */
static void *wait_for_it(void *ctx)
{
	return llm_call_wait(ctx, 5000, NULL) == 0 ? ctx : NULL;
}

Test(service_misuse, P_10_another_thread_may_wait_while_the_host_dispatches)
{
	oracle *o = play("one_piece_then_end", ORACLE_LOOP);
	oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
	void *waited = NULL;
	pthread_t t;

	oracle_turn(o, 0);
	cr_assert_eq(pthread_create(&t, NULL, wait_for_it, run->call), 0);
	oracle_finish(run);
	pthread_join(t, &waited);
	cr_assert_not_null(waited);
	cr_assert_eq(oracle_close(o), 0);
}

static void *dispatch_it(void *ctx)
{
	llm_err err = LLM_ERR_INIT;

	return llm_service_dispatch(ctx, &err) == LLM_E_STATE ? ctx : NULL;
}

Test(service_misuse, one_driver_at_a_time)
{
	oracle *o = play("hello_stream", ORACLE_THREAD);
	llm_err err = LLM_ERR_INIT;
	pthread_t t;
	void *refused = NULL;

	cr_assert_eq(llm_service_start(o->svc, &err), LLM_E_STATE);
	cr_assert_eq(pthread_create(&t, NULL, dispatch_it, o->svc), 0);
	pthread_join(t, &refused);
	cr_assert_not_null(refused);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_misuse, calls_with_callbacks_are_not_pulled)
{
	oracle *o = play("hello_stream", ORACLE_LOOP);
	oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
	llm_event e;

	cr_assert_eq(llm_call_next(run->call, 0, &e), LLM_E_STATE);
	oracle_finish(run);
	cr_assert_eq(llm_call_next(run->call, 0, &e), LLM_E_STATE);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_misuse, nothing_is_pulled_after_the_end)
{
	oracle *o = play("hello_stream", ORACLE_PULL);
	oracle_run *run = oracle_do(o, &(oracle_ask){.stream = 1});
	llm_event e;

	cr_assert_eq(llm_call_next(run->call, 0, &e), LLM_E_STATE);
	cr_assert_eq(llm_call_wait(run->call, 0, NULL), 0);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_misuse, nulls_are_refused)
{
	llm_call *call = NULL;
	llm_event e;

	cr_assert_eq(llm_submit(NULL, NULL, NULL, &call, NULL), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_ask(NULL, NULL, NULL, &call, NULL), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_call_next(NULL, 0, &e), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_call_wait(NULL, 0, NULL), LLM_E_INVALID_REQUEST);
	cr_assert_null(llm_call_result(NULL));
	llm_call_cancel(NULL);
	llm_call_free(NULL);
	llm_service_free(NULL);
}
