/*
 * A thread that waits for the only call turns the loop itself, until another one wants it:
 * a second waiter, a callback, llm_service_start, the end of the service.
 * A plain program: run by ctest, also under TSan.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "llm/llm.h"
#include "support/sim.h"

#define SERVICES 40
#define ASKS 6
#define WAYS 4

static atomic_int wrong;

typedef struct place {
	llm_service *svc;
	pthread_t waiter;
	int way;
	atomic_int asked; /* answers that the waiter has had */
	atomic_int ended; /* callbacks that told the end */
} place;

static void complain(const char *what, const llm_err *err)
{
	atomic_fetch_add(&wrong, 1);
	fprintf(stderr, "lead: %s: %s %s\n", what, llm_error_name(err->code), err->message);
}

static void *wait_alone(void *ctx)
{
	place *p = ctx;
	int i;

	for (i = 0; i < ASKS; i++) {
		llm_err err = LLM_ERR_INIT;
		llm_call *call = NULL;
		int32_t rc = llm_ask(p->svc, "ollama/sim-small", "hi", &call, &err);

		if (rc)
			complain("ask", &err);
		llm_call_free(call);
		atomic_fetch_add(&p->asked, 1);
	}
	return NULL;
}

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	place *p = (place *)token;

	(void)call;
	if (pthread_equal(pthread_self(), p->waiter))
		complain("a callback came on a thread that waits for another call",
			&(llm_err)LLM_ERR_INIT);
	if (e->kind == LLM_EVENT_END)
		atomic_fetch_add(&p->ended, 1);
}

static void call_back(place *p)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;

	co.on_event = on_event;
	co.token = (uintptr_t)p;
	if (llm_request_new(NULL, &rq) || llm_request_model(rq, "ollama/sim-small") ||
		llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED) ||
		llm_submit(p->svc, rq, &co, &call, &err) || llm_call_wait(call, 20000, &err))
		complain("callback", &err);
	if (atomic_load(&p->ended) != 1)
		complain("END did not come exactly once", &err);
	llm_request_free(rq);
	llm_call_free(call);
}

static void disturb(place *p)
{
	llm_err err = LLM_ERR_INIT;
	int32_t rc;

	switch (p->way) {
	case 0:
		wait_alone(p);
		break;
	case 1:
		call_back(p);
		break;
	case 2:
		rc = llm_service_start(p->svc, &err);
		if (rc)
			complain("start", &err);
		break;
	default:
		break; /* nobody: the waiter leads to the end */
	}
}

static int play(const sim *up, int number)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	place p = {.way = number % WAYS};
	llm_err err = LLM_ERR_INIT;
	char config[160];

	snprintf(config, sizeof(config), "providers = { ollama = { base_url = \"%s\"; }; };",
		sim_url(up));
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&so, &p.svc, &err)) {
		complain("service", &err);
		return 1;
	}
	if (pthread_create(&p.waiter, NULL, wait_alone, &p))
		return 1;
	usleep((useconds_t)(number * 97 % 2000));
	disturb(&p);
	pthread_join(p.waiter, NULL);
	llm_service_free(p.svc);
	return 0;
}

int main(void)
{
	static const char *const args[] = {"--tokens", "8", NULL};
	sim *up = sim_start(args);
	int i;

	for (i = 0; i < SERVICES; i++)
		if (play(up, i))
			return 1;
	sim_stop(up);
	printf("lead: %d services, %d wrong\n", SERVICES, atomic_load(&wrong));
	return atomic_load(&wrong) != 0;
}
