/* Who waits for the only call there is turns the loop: no thread is started for it. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <pthread.h>
#include <time.h>

#include "support/oracle.h"

#define STALLS "accept\nread request\nstall\naccept\nread request\nstall\n"
#define ANSWERS "accept\nserve\n"

static int threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	cr_assert_not_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static oracle *play(const char *text)
{
	const oracle_opts opts = {.mode = ORACLE_BLOCK, .text = text, .no_healthy = 1};

	return oracle_open(&opts);
}

static llm_call *submit(oracle *o, uint32_t total_ms)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	llm_err err = LLM_ERR_INIT;

	co.total_ms = total_ms;
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "ollama/sim-small"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED), 0);
	cr_assert_eq(llm_submit(o->svc, rq, &co, &call, &err), 0, "%s", err.message);
	llm_request_free(rq);
	return call;
}

static int ends_within(llm_call *call, int ms)
{
	const struct timespec step = {.tv_nsec = 1000000};

	for (; ms && !llm_call_result(call); ms--)
		nanosleep(&step, NULL);
	return llm_call_result(call) != NULL;
}

Test(service_lead, a_call_that_is_waited_for_starts_no_thread)
{
	oracle *o = play(ANSWERS);
	const int before = threads();
	llm_call *call = submit(o, 0);
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_call_wait(call, 20000, &err), 0, "%s", err.message);
	cr_assert_eq(threads(), before);
	llm_call_free(call);
	/* Nobody drives now: a host may begin to. */
	cr_assert_geq(llm_service_fd(o->svc), 0);
	cr_assert_eq(llm_service_dispatch(o->svc, &err), 0, "%s", err.message);
	cr_assert_eq(oracle_close(o), 0);
}

/* R-TIME: the deadline of a call does not depend on somebody waiting for it. */
Test(service_lead, a_wait_that_gives_up_leaves_the_call_to_the_own_thread)
{
	oracle *o = play(STALLS);
	llm_call *call = submit(o, 120);

	cr_assert_eq(llm_call_wait(call, 20, NULL), LLM_E_TIMEOUT);
	cr_assert(ends_within(call, 5000));
	cr_assert_eq(llm_call_wait(call, 0, NULL), LLM_E_DEADLINE);
	llm_call_free(call);
	cr_assert_eq(oracle_close(o), 0);
}

/* A second call is nothing for the thread that waits for the first. */
Test(service_lead, a_second_call_gets_the_own_thread)
{
	oracle *o = play(STALLS);
	const int before = threads();
	llm_call *first = submit(o, 300), *second = submit(o, 40);

	cr_assert_eq(llm_call_wait(second, 5000, NULL), LLM_E_DEADLINE);
	cr_assert_eq(threads(), before + 1);
	cr_assert_eq(llm_service_fd(o->svc), -1);
	cr_assert_eq(llm_call_wait(first, 5000, NULL), LLM_E_DEADLINE);
	llm_call_free(first);
	llm_call_free(second);
	cr_assert_eq(oracle_close(o), 0);
}

static void *wait_for_it(void *ctx)
{
	return (void *)(intptr_t)llm_call_wait(ctx, 20000, NULL);
}

/* The end of a service takes the loop from who waits, who then gets the end of its call. */
Test(service_lead, the_end_of_the_service_is_the_end_of_the_wait)
{
	oracle *o = play(STALLS);
	llm_call *call = submit(o, 0);
	pthread_t waiter;
	void *code;

	cr_assert_eq(pthread_create(&waiter, NULL, wait_for_it, call), 0);
	cr_assert(sim_log_wait(o->up, "\"event\":\"accept\"", 1, 5000));
	llm_service_free(o->svc);
	o->svc = NULL;
	pthread_join(waiter, &code);
	cr_assert_eq((int32_t)(intptr_t)code, LLM_E_CANCELLED);
	llm_call_free(call);
	cr_assert_eq(oracle_close(o), 0);
}
