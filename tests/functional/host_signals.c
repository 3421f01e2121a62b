/* A host with signal handlers of its own keeps them, and no signal of ours reaches it. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "support/oracle.h"
#include "support/run.h"

#define BIG ((size_t)16 << 20)

static volatile sig_atomic_t pipes, alarms, elsewhere;
static pthread_t home;

static void on_pipe(int number)
{
	(void)number;
	pipes = 1;
}

static void on_alarm(int number)
{
	(void)number;
	alarms = alarms + 1;
	if (!pthread_equal(pthread_self(), home))
		elsewhere = 1;
}

static void install(int number, void (*handler)(int number))
{
	struct sigaction a = {.sa_handler = handler, .sa_flags = SA_NODEFER};

	sigaddset(&a.sa_mask, SIGUSR2);
	cr_assert_eq(sigaction(number, &a, NULL), 0);
}

typedef struct habits {
	struct sigaction of[NSIG];
	sigset_t mask;
} habits;

static void look(habits *h)
{
	int i;

	memset(h, 0, sizeof(*h));
	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, NULL, &h->of[i]); /* two numbers are the C library's */
	pthread_sigmask(SIG_SETMASK, NULL, &h->mask);
}

static void same_set(const sigset_t *a, const sigset_t *b)
{
	int i;

	for (i = 1; i < NSIG; i++)
		cr_assert_eq(sigismember(a, i), sigismember(b, i), "signal %d", i);
}

static void same(const habits *a, const habits *b)
{
	int i;

	for (i = 1; i < NSIG; i++) {
		cr_assert_eq(a->of[i].sa_handler, b->of[i].sa_handler, "signal %d", i);
		cr_assert_eq(a->of[i].sa_flags, b->of[i].sa_flags, "signal %d", i);
		same_set(&a->of[i].sa_mask, &b->of[i].sa_mask);
	}
	same_set(&a->mask, &b->mask);
}

/* An alarm every millisecond. */
static void ticking(long us)
{
	const struct itimerval it = {{0, us}, {0, us}};

	cr_assert_eq(setitimer(ITIMER_REAL, &it, NULL), 0);
}

/* Healthy ones, and peers that go away while we send, in their answer, or never. */
static const struct moment {
	const char *script;
	const char *text;
	int big; /* 1: there is much to send */
	uint32_t idle_ms;
	int32_t code;
} moments[] = {
	{"hello_stream", NULL, 0, 0, 0},
	{NULL, "accept\nread 100\nsleep 20\nreset\naccept\nserve\n", 1, 0, LLM_E_CONNECTION},
	{"one_piece_then_end", NULL, 0, 0, 0},
	{"stall_in_stream", NULL, 0, 40, LLM_E_TIMEOUT},
};

static char *big_prompt(void)
{
	char *prompt = malloc(BIG + 1);

	cr_assert_not_null(prompt);
	memset(prompt, 'a', BIG);
	prompt[BIG] = '\0';
	return prompt;
}

static void live_a_little(uint32_t mode)
{
	char *prompt = big_prompt();
	size_t i;

	for (i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		const struct moment *m = &moments[i];
		const oracle_opts opts = {.mode = mode, .script = m->script, .text = m->text};
		const oracle_ask ask = {.stream = 1,
			.prompt = m->big ? prompt : NULL,
			.limits = {.idle_ms = m->idle_ms}};
		oracle *o = oracle_open(&opts);
		oracle_run *one = oracle_do(o, &ask);

		cr_assert_eq(one->code, m->code, "%s", one->err.message);
		cr_assert_eq(oracle_close(o), 0);
	}
	free(prompt);
}

Test(host_signals, R_CORE_2_handlers_stay_and_none_is_called)
{
	habits before, after;
	uint32_t mode;

	home = pthread_self();
	install(SIGPIPE, on_pipe);
	install(SIGALRM, on_alarm);
	look(&before);
	for (mode = 0; mode < ORACLE_MODES; mode++)
		live_a_little(mode);
	look(&after);
	same(&before, &after);
	cr_assert_eq(pipes, 0, "SIGPIPE was raised");
	cr_assert_eq(alarms, 0, "SIGALRM was raised");
}

/* The host's alarms interrupt every wait, and land on the host's thread alone. */
Test(host_signals, R_CORE_2_runs_bear_the_hosts_alarms)
{
	uint32_t mode;

	home = pthread_self();
	install(SIGALRM, on_alarm);
	for (mode = 0; mode < ORACLE_MODES; mode++) {
		const oracle_opts opts = {.mode = mode, .script = "one_piece_then_end"};
		oracle *o = oracle_open(&opts);
		oracle_run *one;
		int had = alarms;

		ticking(1000);
		one = oracle_do(o, &(oracle_ask){.stream = 1});
		ticking(0);
		cr_assert_eq(one->code, 0, "%s", one->err.message);
		cr_assert_gt(alarms, had, "the alarm did not tick");
		cr_assert_eq(oracle_close(o), 0);
	}
	cr_assert_eq(elsewhere, 0, "an alarm landed on a thread of the library");
}

/* ---- with SIGPIPE as it is by default: it ends the process ---- */

Test(host_signals, R_CORE_2_no_sigpipe_kills_the_host)
{
	uint32_t mode;

	install(SIGPIPE, SIG_DFL);
	for (mode = 0; mode < ORACLE_MODES; mode++)
		live_a_little(mode);
}

#define OPENSSL "/usr/bin/openssl"

/* A TLS server that takes what comes while its output is read; its input never ends. */
static run *sealed(const char *folder, unsigned port)
{
	char line[1024];
	run_result r;
	run *server;

	snprintf(line, sizeof(line),
		OPENSSL " req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
			" -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
			" -keyout %s/key.pem -out %s/cert.pem 2>&1",
		folder, folder);
	run_program(RUN_LIST("/bin/sh", "-c", line), NULL, &r);
	cr_assert_eq(r.status, 0, "%s", r.out);
	run_done(&r);
	snprintf(line, sizeof(line),
		"mkfifo %s/in; exec " OPENSSL " s_server -accept 127.0.0.1:%u -cert %s/cert.pem"
		" -key %s/key.pem <>%s/in",
		folder, port, folder, folder, folder);
	server = run_start(RUN_LIST("/bin/sh", "-c", line), NULL);
	cr_assert(run_wait_out(server, "ACCEPT"), "openssl s_server did not start");
	return server;
}

/* A port that was free a moment ago. */
static unsigned free_port(void)
{
	sim *s = sim_start(NULL);
	unsigned port = sim_port(s);

	sim_stop(s);
	return port;
}

/* The peer dies while we send through TLS, in a loop of the host's and on our thread. */
Test(host_signals, R_CORE_2_no_sigpipe_through_tls)
{
	static const uint32_t modes[] = {ORACLE_LOOP, ORACLE_PULL};
	char *prompt = big_prompt(), url[64], more[512];
	size_t i;

	install(SIGPIPE, SIG_DFL);
	for (i = 0; i < 2; i++) {
		char *folder = run_folder();
		unsigned port = free_port();
		run *server = sealed(folder, port);
		oracle_opts opts = {.mode = modes[i], .base_url = url, .provider = more};
		oracle_run *call;
		run_result r;
		oracle *o;
		int k;

		snprintf(url, sizeof(url), "https://127.0.0.1:%u", port);
		snprintf(more, sizeof(more), "ca_file = \"%s/cert.pem\";", folder);
		o = oracle_open(&opts);
		call = oracle_submit(o, &(oracle_ask){.prompt = prompt}, NULL);
		for (k = 0; k < 40; k++)
			oracle_step(call);
		cr_assert_eq(call->ends, 0, "it ended first: %s",
			call->ends ? llm_result_error(llm_call_result(call->call))->message : "");
		run_signal(server, SIGKILL);
		oracle_finish(call);
		cr_assert_eq(call->code, LLM_E_CONNECTION, "%s", call->err.message);
		cr_assert_eq(call->err.sent, LLM_SENT_MAYBE);
		cr_assert_eq(oracle_close(o), 0);
		run_end(server, &r);
		run_done(&r);
		run_folder_free(folder);
	}
	free(prompt);
}
