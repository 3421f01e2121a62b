/* Cancel in every phase: the run ends, and the upstream sees its socket close within 100 ms. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/oracle.h"

#define CLOSED "\"who\":\"peer\""
#define LIMIT_NS UINT64_C(100000000)

static const uint32_t modes[] = {ORACLE_PULL, ORACLE_THREAD, ORACLE_LOOP};
#define N_MODES (sizeof(modes) / sizeof(modes[0]))

static oracle *play(const char *script, uint32_t mode)
{
	const oracle_opts opts = {.mode = mode, .script = script};

	return oracle_open(&opts);
}

/* Lets time pass for whoever turns the loop, until the log has `what`. */
static void until_logged(oracle_run *run, const char *what)
{
	int i;

	for (i = 0; i < 500 && !sim_log_count(run->o->up, what); i++)
		oracle_step(run);
	cr_assert(sim_log_count(run->o->up, what), "never seen: %s\n%s", what,
		sim_log_text(run->o->up));
}

static void cancelled(oracle_run *run, uint32_t sent)
{
	cr_assert_eq(run->code, LLM_E_CANCELLED, "%s", run->err.message);
	cr_assert_eq(run->err.sent, sent, "sent is %u", (unsigned)run->err.sent);
}

/* Cancels, and holds the upstream's own clock against it. */
static void cancel_closes(oracle_run *run)
{
	uint64_t from = sim_now_ns(), at;

	llm_call_cancel(run->call);
	oracle_finish(run);
	cr_assert_leq(run->end_ns - from, LIMIT_NS);
	cr_assert(sim_log_wait(run->o->up, CLOSED, 1, 500), "the socket is still open\n%s",
		sim_log_text(run->o->up));
	at = sim_log_ns(run->o->up, CLOSED);
	cr_assert_leq(at, from + LIMIT_NS, "closed after %llu us",
		(unsigned long long)((at - from) / 1000));
}

Test(service_cancel, R_CORE_4_right_after_submit)
{
	const oracle_ask ask = {.stream = 1};
	size_t i;

	for (i = 0; i < N_MODES; i++) {
		oracle *o = play("hello_stream", modes[i]);
		oracle_run *run = oracle_submit(o, &ask, NULL);

		llm_call_cancel(run->call);
		oracle_finish(run);
		if (run->code)
			cr_assert_eq(run->code, LLM_E_CANCELLED);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* A name, so that a resolver is at work; whether it answers does not matter. */
Test(service_cancel, R_CORE_4_while_a_name_is_looked_up)
{
	size_t i;

	for (i = 0; i < N_MODES; i++) {
		const oracle_opts opts = {.mode = modes[i], .base_url = "http://nowhere.invalid:9"};
		const oracle_ask ask = {.stream = 1};
		oracle *o = oracle_open(&opts);
		oracle_run *run = oracle_submit(o, &ask, NULL);
		uint64_t from;

		if (modes[i] == ORACLE_LOOP)
			oracle_turn(o, 0);
		from = sim_now_ns();
		llm_call_cancel(run->call);
		oracle_finish(run);
		cr_assert_leq(run->end_ns - from, LIMIT_NS);
		cr_assert(run->code == LLM_E_CANCELLED || run->code == LLM_E_CONNECTION);
		cr_assert_eq(run->err.sent, LLM_SENT_NO);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* A listener with a full queue never answers a SYN. */
Test(service_cancel, R_CORE_4_while_connecting)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0), full[4];
	char url[64];
	size_t i;

	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(fd, 0), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	for (i = 0; i < 4; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(full[i], (struct sockaddr *)&a, sizeof(a));
	}
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
	for (i = 0; i < N_MODES; i++) {
		const oracle_opts opts = {.mode = modes[i], .base_url = url};
		oracle *o = oracle_open(&opts);
		oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
		uint64_t from;

		oracle_until(run, &run->starts, 1);
		from = sim_now_ns();
		llm_call_cancel(run->call);
		oracle_finish(run);
		cr_assert_leq(run->end_ns - from, LIMIT_NS);
		cancelled(run, LLM_SENT_NO);
		cr_assert_eq(oracle_close(o), 0);
	}
	for (i = 0; i < 4; i++)
		close(full[i]);
	close(fd);
}

/* The peer reads the beginning and no more, so most of the prompt waits on our side. */
Test(service_cancel, R_CORE_4_while_sending)
{
	size_t size = (size_t)16 << 20, i;
	char *prompt = malloc(size + 1);
	const oracle_ask ask = {.stream = 1, .prompt = prompt};

	cr_assert_not_null(prompt);
	memset(prompt, 'a', size);
	prompt[size] = '\0';
	for (i = 0; i < N_MODES; i++) {
		oracle *o = play("reads_a_little", modes[i]);
		oracle_run *run = oracle_submit(o, &ask, NULL);

		until_logged(run, "\"event\":\"first_byte\"");
		cancel_closes(run);
		cancelled(run, LLM_SENT_MAYBE);
		cr_assert_eq(oracle_close(o), 0);
	}
	free(prompt);
}

Test(service_cancel, R_CORE_4_before_the_first_byte)
{
	uint32_t stream;
	size_t i;

	for (i = 0; i < N_MODES * 2; i++) {
		oracle *o = play("stall_before_head", modes[i / 2]);
		oracle_run *run;

		stream = i % 2;
		run = oracle_submit(o, &(oracle_ask){.stream = stream}, NULL);
		until_logged(run, "\"event\":\"request\"");
		cancel_closes(run);
		cancelled(run, LLM_SENT_YES);
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(service_cancel, R_CORE_4_in_the_stream)
{
	size_t i;

	for (i = 0; i < N_MODES; i++) {
		oracle *o = play("stall_in_stream", modes[i]);
		oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);

		oracle_until(run, &run->deltas, 1);
		cancel_closes(run);
		cancelled(run, LLM_SENT_YES);
		cr_assert_str_eq(run->text, "Hel");
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* 64 MiB of text that nobody reads: the transfer is paused, memory is bounded. */
Test(service_cancel, R_CORE_4_U_31_paused_by_the_reader)
{
	oracle *o = play("flood_of_pieces", ORACLE_PULL);
	oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
	struct timespec rest = {.tv_nsec = 50000000};

	oracle_until(run, &run->deltas, 1);
	nanosleep(&rest, NULL);
	cr_assert_lt(o->fa.peak, (size_t)4 << 20, "%zu bytes", o->fa.peak);
	cancel_closes(run);
	cancelled(run, LLM_SENT_YES);
	cr_assert_eq(oracle_close(o), 0);
}

/* A reader that comes back finds everything, in order. */
Test(service_cancel, U_31_a_slow_reader_loses_nothing)
{
	const oracle_opts opts = {.sim_args = (const char *const[]){"--bytes", "1000000", NULL}};
	oracle *o = oracle_open(&opts);
	oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
	struct timespec rest = {.tv_nsec = 50000000};
	size_t len;

	oracle_until(run, &run->deltas, 1);
	nanosleep(&rest, NULL);
	oracle_finish(run);
	cr_assert_eq(run->code, 0, "%s", run->err.message);
	llm_result_text(llm_call_result(run->call), &len);
	cr_assert_eq(len, 1000000);
	cr_assert_eq(oracle_close(o), 0);
}

static void *cancel_many(void *ctx)
{
	llm_call *call = ctx;
	int i;

	for (i = 0; i < 1000; i++)
		llm_call_cancel(call);
	return NULL;
}

Test(service_cancel, R_CORE_4_from_several_threads_at_once)
{
	size_t i, k;

	for (i = 0; i < N_MODES; i++) {
		oracle *o = play("stall_in_stream", modes[i]);
		oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
		pthread_t t[4];

		oracle_until(run, &run->deltas, 1);
		for (k = 0; k < 4; k++)
			cr_assert_eq(pthread_create(&t[k], NULL, cancel_many, run->call), 0);
		oracle_finish(run);
		for (k = 0; k < 4; k++)
			pthread_join(t[k], NULL);
		cancelled(run, LLM_SENT_YES);
		cr_assert_eq(oracle_close(o), 0);
	}
}
