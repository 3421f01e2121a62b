/*
 * Networks that are not there, or not there any more: U-01 in a network namespace of the
 * test's own, with packets dropped by iptables.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/dns.h"
#include "support/netns.h"
#include "support/relay.h"
#include "support/sim.h"
#include "support/talk.h"

#define PLUGINS TEST_BINARY_DIR "/plugins"
#define RESOLV "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
#define LIMIT_MS 200
#define TRIES 5u

/* 1: in a network of its own; `command` (or null) has changed it. */
static int enter(const char *command)
{
	const char *why = netns_enter(RESOLV);

	if (!why && command && netns_do(command))
		why = "iptables or ip cannot be used in a network namespace";
	if (why)
		fprintf(stderr, "SKIP net_gone: %s\n", why);
	return !why;
}

static void open_at(talk *t, const char *host, unsigned port, int faked)
{
	char config[256];

	snprintf(config, sizeof(config),
		"max_attempts = 1; providers = { ollama = { base_url = \"http://%s:%u\"; }; };",
		host, port);
	talk_open(t, PLUGINS, config, faked);
}

/* One call; how long it took, in ms. */
static double once(talk_call *c, const char *host, uint32_t stream, uint32_t connect_ms)
{
	const llm_call_opts limits = {.connect_ms = connect_ms};
	talk t;

	open_at(&t, host, 9, 0);
	talk_submit(&t, c, "ollama/sim-small", stream, &limits);
	cr_assert(talk_finish(&t, c));
	talk_done(c);
	talk_close(&t);
	return (double)(c->ended_ns - c->begun_ns) / 1e6;
}

/* Within 50 ms; a machine that others use as well may be late now and then. */
Test(net_gone, U_01_a_black_hole_ends_at_the_connect_time_out)
{
	uint32_t stream, i;
	double took;
	talk_call c;

	if (!enter("iptables -A INPUT -p tcp --dport 9 --syn -j DROP"))
		return;
	for (stream = 0; stream < 2; stream++) {
		for (i = 0, took = 0; i < TRIES && !(took > 150 && took < 250); i++)
			took = once(&c, "127.0.0.1", stream, LIMIT_MS);
		cr_assert(took >= LIMIT_MS - 50 && took <= LIMIT_MS + 50, "%f ms", took);
		cr_assert_eq(c.code, LLM_E_TIMEOUT, "%s", c.err.message);
		cr_assert_eq(c.err.phase, LLM_PHASE_CONNECT);
		cr_assert_eq(c.err.sent, LLM_SENT_NO);
		cr_assert_not_null(
			strstr(c.err.message, "no connection within 200 ms"), "%s", c.err.message);
	}
}

static void unreachable(const char *host, const char *words)
{
	uint32_t stream;
	talk_call c;

	for (stream = 0; stream < 2; stream++) {
		(void)once(&c, host, stream, 5000);
		cr_assert_eq(c.code, LLM_E_CONNECTION, "%s", c.err.message);
		cr_assert_eq(c.err.phase, LLM_PHASE_CONNECT);
		cr_assert_eq(c.err.sent, LLM_SENT_NO);
		cr_assert_not_null(strstr(c.err.message, words), "%s", c.err.message);
		cr_assert_not_null(strstr(c.err.message, "base_url"), "%s", c.err.message);
	}
}

Test(net_gone, U_01_refused_rejected_and_without_a_route)
{
	if (!enter("iptables -A INPUT -p tcp -d 127.0.0.7 -j REJECT --reject-with tcp-reset; "
		   "iptables -A INPUT -p tcp -d 127.0.0.8 -j REJECT "
		   "--reject-with icmp-host-unreachable"))
		return;
	unreachable("127.0.0.1", "127.0.0.1");
	unreachable("127.0.0.7", "127.0.0.7");
	unreachable("127.0.0.8", "127.0.0.8");
	unreachable("10.99.0.1", "10.99.0.1");
	unreachable("[fd00::1]", "fd00::1");
}

/* Half of the time is the first one's. */
Test(net_gone, U_01_of_two_addresses_the_first_is_a_black_hole)
{
	const llm_call_opts limits = {.connect_ms = 300};
	relay *line;
	talk_call c;
	sim *up;
	dns *d;
	talk t;

	if (!enter("iptables -A INPUT -p tcp -d 127.0.4.1 --syn -j DROP"))
		return;
	d = dns_start();
	cr_assert_not_null(d);
	up = sim_start(NULL);
	line = relay_start("127.0.4.2", sim_port(up), 0);
	open_at(&t, "two.internal", relay_port(line), 0);
	talk_submit(&t, &c, "ollama/sim-small", 1, &limits);
	cr_assert(talk_finish(&t, &c));
	cr_assert_eq(c.code, 0, "%s", c.err.message);
	talk_done(&c);
	talk_close(&t);
	free(relay_stop(line));
	cr_assert_eq(sim_stop(up), 0);
	dns_stop(d);
}

/* The cable is pulled in the middle of a call, and put in again. */
Test(net_gone, the_network_goes_and_comes_back)
{
	relay *line;
	talk_call c;
	sim *up;
	talk t;

	if (!enter("ip addr add 10.5.0.1/32 dev lo"))
		return;
	up = sim_start(NULL);
	line = relay_start("10.5.0.1", sim_port(up), 0);
	open_at(&t, "10.5.0.1", relay_port(line), 1);
	cr_assert_eq(talk_ask(&t, &c, "ollama/sim-small", 1), 0, "%s", c.err.message);
	cr_assert_eq(netns_do("ip addr del 10.5.0.1/32 dev lo"), 0);
	talk_submit(&t, &c, "ollama/sim-small", 1, NULL);
	talk_turn(&t, 5);
	talk_turn(&t, 5);
	fakeclock_advance_ms(&t.clock, 600000);
	cr_assert(talk_finish(&t, &c));
	cr_assert(c.code == LLM_E_CONNECTION || c.code == LLM_E_TIMEOUT || c.code == LLM_E_DEADLINE,
		"%s", c.err.message);
	talk_done(&c);
	cr_assert_eq(talk_ask(&t, &c, "ollama/sim-small", 0), LLM_E_CONNECTION);
	cr_assert_eq(netns_do("ip addr add 10.5.0.1/32 dev lo"), 0);
	cr_assert_eq(talk_ask(&t, &c, "ollama/sim-small", 0), 0, "%s", c.err.message);
	cr_assert_eq(talk_ask(&t, &c, "ollama/sim-small", 1), 0, "%s", c.err.message);
	cr_assert_eq(relay_taken(line), 2);
	talk_close(&t);
	free(relay_stop(line));
	cr_assert_eq(sim_stop(up), 0);
}
