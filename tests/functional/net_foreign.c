/*
 * Descriptors of the host's that have the number of a connection which was never made: libcurl
 * closes such a socket without a word, and the number is free while the service still works.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/sim.h"
#include "support/talk.h"

#define PAIRS 16

/* Takes no connection: its queue is full. */
typedef struct deaf {
	int listener;
	int queued[2];
	struct sockaddr_in at;
} deaf;

static void deaf_open(deaf *d)
{
	socklen_t len = sizeof(d->at);
	int i;

	d->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7F000001)};
	d->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(d->listener, (struct sockaddr *)&d->at, len), 0);
	cr_assert_eq(listen(d->listener, 0), 0);
	cr_assert_eq(getsockname(d->listener, (struct sockaddr *)&d->at, &len), 0);
	for (i = 0; i < 2; i++) {
		d->queued[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(d->queued[i], (struct sockaddr *)&d->at, len);
	}
}

static void deaf_close(deaf *d)
{
	close(d->queued[0]);
	close(d->queued[1]);
	close(d->listener);
}

/* A call that is cancelled while it still connects. */
static void give_up_connecting(talk *t)
{
	talk_call c;
	int i;

	talk_submit(t, &c, "deaf/sim-small", 0, NULL);
	for (i = 0; i < 5; i++)
		talk_turn(t, 5);
	cr_assert_not(c.ended, "%s", c.err.message);
	llm_call_cancel(c.call);
	cr_assert(talk_finish(t, &c));
	cr_assert_eq(c.code, LLM_E_CANCELLED);
	talk_done(&c);
}

static void expect_alive(int pairs[PAIRS][2])
{
	char byte = 0;
	int i;

	for (i = 0; i < PAIRS; i++) {
		cr_expect_eq(
			send(pairs[i][0], "x", 1, MSG_NOSIGNAL), 1, "descriptor %d", pairs[i][0]);
		cr_expect_eq(
			recv(pairs[i][1], &byte, 1, MSG_DONTWAIT), 1, "descriptor %d", pairs[i][1]);
		cr_expect_eq(
			send(pairs[i][1], "y", 1, MSG_NOSIGNAL), 1, "descriptor %d", pairs[i][1]);
		cr_expect_eq(
			recv(pairs[i][0], &byte, 1, MSG_DONTWAIT), 1, "descriptor %d", pairs[i][0]);
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
}

/* After a long sleep of the machine no connection that rests is trusted: they are shut. */
Test(net_foreign, U_01_a_number_that_a_connection_had_is_the_hosts)
{
	int pairs[PAIRS][2], i;
	char config[400];
	talk_call c;
	sim *up;
	talk t;
	deaf d;

	deaf_open(&d);
	up = sim_start(NULL);
	snprintf(config, sizeof(config),
		"providers = { deaf = { plugin = \"ollama\"; base_url = \"http://127.0.0.1:%u\"; };\n"
		"ollama = { base_url = \"%s\"; }; };\n",
		(unsigned)ntohs(d.at.sin_port), sim_url(up));
	talk_open(&t, TEST_BINARY_DIR "/plugins", config, 1);
	cr_assert_eq(talk_ask(&t, &c, "ollama/sim-small", 0), 0);
	give_up_connecting(&t);
	for (i = 0; i < PAIRS; i++)
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]), 0);
	fakeclock_advance_ms(&t.clock, 3600000);
	cr_assert_eq(talk_ask(&t, &c, "ollama/sim-small", 0), 0, "%s", c.err.message);
	expect_alive(pairs);
	talk_close(&t);
	sim_stop(up);
	deaf_close(&d);
}
