/*
 * U-02: names that lead nowhere, slowly, to many places or to another one than before. The
 * name server is the test's, in a network namespace of its own.
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
/* The longest that one turn of the loop may take, and how often it may be tried: others use
 * this machine, too. */
#define TURN_NS UINT64_C(10000000)
#define TRIES 5u

/* Null: this machine does not let a test do this. */
static dns *enter(void)
{
	const char *why = netns_enter(RESOLV);
	dns *d = why ? NULL : dns_start();

	if (!d)
		fprintf(stderr, "SKIP net_dns: %s\n", why ? why : "no name server on port 53");
	return d;
}

static void open_at(talk *t, const char *host, unsigned port, int faked)
{
	char config[256];

	snprintf(config, sizeof(config),
		"max_attempts = 1; providers = { ollama = { base_url = \"http://%s:%u\"; }; };",
		host, port);
	talk_open(t, PLUGINS, config, faked);
}

/* Asks for `host`; the result is in *c. How long the loop stood still at the most. */
static uint64_t asked(talk_call *c, const char *host, unsigned port, const llm_call_opts *limits)
{
	uint64_t longest = UINT64_MAX;
	uint32_t i;

	for (i = 0; i < TRIES && longest >= TURN_NS; i++) {
		talk t;

		open_at(&t, host, port, 0);
		talk_submit(&t, c, "ollama/sim-small", i % 2, limits);
		t.longest_ns = 0; /* the plugin was loaded until here */
		cr_assert(talk_finish(&t, c), "%s: no end", host);
		talk_done(c);
		if (t.longest_ns < longest)
			longest = t.longest_ns;
		talk_close(&t);
	}
	return longest;
}

static void unknown(const char *host)
{
	talk_call c;

	cr_assert_lt(asked(&c, host, 80, NULL), TURN_NS, "%s: the loop stood still", host);
	cr_assert_eq(c.code, LLM_E_CONNECTION, "%s: %s", host, c.err.message);
	cr_assert_eq(c.err.sent, LLM_SENT_NO);
	cr_assert_eq(c.err.phase, LLM_PHASE_CONNECT);
	cr_assert_not_null(strstr(c.err.message, "dns: "), "%s", c.err.message);
	cr_assert_not_null(strstr(c.err.message, host), "%s", c.err.message);
}

Test(net_dns, U_02_names_without_an_address)
{
	dns *d = enter();

	if (!d)
		return;
	unknown("nxdomain.internal");
	unknown("servfail.internal");
	unknown("empty.internal");
	cr_assert_gt(dns_asked(d), 0);
	dns_stop(d);
}

Test(net_dns, U_02_a_name_server_that_says_nothing_holds_nobody_up)
{
	const llm_call_opts limits = {.connect_ms = 150};
	dns *d = enter();
	talk_call c;

	if (!d)
		return;
	cr_assert_lt(asked(&c, "silent.internal", 80, &limits), TURN_NS, "the loop stood still");
	cr_assert_eq(c.code, LLM_E_TIMEOUT, "%s", c.err.message);
	cr_assert_eq(c.err.phase, LLM_PHASE_CONNECT);
	cr_assert_not_null(strstr(c.err.message, "name server"), "%s", c.err.message);
	cr_assert_geq(c.ended_ns - c.begun_ns, UINT64_C(150000000));
	cr_assert_lt(c.ended_ns - c.begun_ns, UINT64_C(400000000));
	/* Longer than the resolver's own patience. */
	unknown("silent.internal");
	dns_stop(d);
}

/* A cancel does not wait for the resolver either. */
Test(net_dns, U_02_a_cancel_while_a_name_is_looked_up)
{
	dns *d = enter();
	talk_call c;
	talk t;

	if (!d)
		return;
	open_at(&t, "silent.internal", 80, 0);
	talk_submit(&t, &c, "ollama/sim-small", 1, NULL);
	talk_turn(&t, 5);
	talk_turn(&t, 5);
	llm_call_cancel(c.call);
	cr_assert(talk_finish(&t, &c));
	cr_assert_eq(c.code, LLM_E_CANCELLED);
	cr_assert_lt(c.ended_ns - c.begun_ns, UINT64_C(200000000));
	talk_done(&c);
	talk_close(&t);
	dns_stop(d);
}

/* One of the 200 listens. The first ones refuse. */
Test(net_dns, U_02_two_hundred_addresses)
{
	dns *d = enter();
	talk_call c;
	sim *up;
	relay *line;

	if (!d)
		return;
	up = sim_start(NULL);
	line = relay_start("127.0.2.150", sim_port(up), 0);
	cr_assert_not_null(line);
	cr_assert_lt(asked(&c, "many.internal", relay_port(line), NULL), TURN_NS);
	cr_assert_eq(c.code, 0, "%s", c.err.message);
	(void)asked(&c, "many.internal", 1, NULL);
	cr_assert_eq(c.code, LLM_E_CONNECTION, "%s", c.err.message);
	free(relay_stop(line));
	cr_assert_eq(sim_stop(up), 0);
	dns_stop(d);
}

/* Whoever configures a host configures where its name leads; nothing else is asked. */
Test(net_dns, U_02_a_name_that_leads_to_a_private_address)
{
	const llm_call_opts limits = {.connect_ms = 200};
	dns *d = enter();
	talk_call c;

	if (!d)
		return;
	(void)asked(&c, "private.internal", 80, &limits);
	cr_assert_eq(c.code, LLM_E_CONNECTION, "%s", c.err.message);
	cr_assert_null(strstr(c.err.message, "dns: "), "%s", c.err.message);
	cr_assert_eq(c.err.sent, LLM_SENT_NO);
	cr_assert_eq(netns_do("ip link set lo up; ip addr add 10.11.12.13/32 dev lo"), 0);
	(void)asked(&c, "private.internal", 1, &limits);
	cr_assert_eq(c.code, LLM_E_CONNECTION, "%s", c.err.message);
	dns_stop(d);
}

/* The host moves: the first call finds nobody, the next one asks anew. */
Test(net_dns, U_02_an_answer_that_changes_is_not_kept_for_a_dead_address)
{
	dns *d = enter();
	talk_call c;
	relay *first, *second;
	sim *up;
	talk t;

	if (!d)
		return;
	up = sim_start(NULL);
	first = relay_start("127.0.3.1", sim_port(up), 0);
	open_at(&t, "changing.internal", relay_port(first), 0);
	cr_assert_eq(talk_ask(&t, &c, "ollama/sim-small", 1), 0, "%s", c.err.message);
	second = relay_start_at("127.0.3.2", relay_port(first), sim_port(up));
	cr_assert_not_null(second);
	free(relay_stop(first));
	dns_change(d);
	/* The kept connection is gone, and so is whoever is at the address that is known. */
	cr_assert_eq(talk_ask(&t, &c, "ollama/sim-small", 1), LLM_E_CONNECTION);
	cr_assert_eq(talk_ask(&t, &c, "ollama/sim-small", 1), 0, "%s", c.err.message);
	cr_assert_eq(relay_taken(second), 1);
	talk_close(&t);
	free(relay_stop(second));
	cr_assert_eq(sim_stop(up), 0);
	dns_stop(d);
}
