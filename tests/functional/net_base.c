/* Where a provider is: prefixes, slashes, IPv6, localhost; and how long a connection lasts. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/relay.h"
#include "support/sim.h"
#include "support/talk.h"

#define PLUGINS TEST_BINARY_DIR "/plugins"
#define REQUEST "\"event\":\"request\""
#define ACCEPT "\"event\":\"accept\""

static void open_at(talk *t, const char *url, int faked)
{
	char config[512];

	snprintf(config, sizeof(config),
		"max_attempts = 1; providers = { ollama = { base_url = \"%s\"; }; };", url);
	talk_open(t, PLUGINS, config, faked);
}

static void healthy(talk *t, uint32_t stream)
{
	talk_call c;

	cr_assert_eq(talk_ask(t, &c, "ollama/sim-small", stream), 0, "%s", c.err.message);
	cr_assert_gt(c.len, 0);
}

/* ---- keep-alive ---- */

Test(net_base, keep_alive_many_calls_on_one_connection)
{
	sim *up = sim_start(NULL);
	uint32_t i;
	talk t;

	open_at(&t, sim_url(up), 0);
	for (i = 0; i < 50; i++)
		healthy(&t, i % 2);
	cr_assert_eq(sim_log_count(up, REQUEST), 50);
	cr_assert_eq(sim_log_count(up, ACCEPT), 1);
	talk_close(&t);
	cr_assert_eq(sim_stop(up), 0);
}

/* The other side dropped it long ago, or the NAT between: nobody would say so. */
static void idles_through(talk *t, relay *line, uint64_t ms)
{
	healthy(t, 1);
	healthy(t, 1);
	cr_assert_eq(relay_taken(line), 1);
	relay_go_dead(line);
	fakeclock_advance_ms(&t->clock, ms);
	healthy(t, 1);
	cr_assert_eq(relay_taken(line), 2);
}

Test(net_base, a_connection_that_rested_too_long_is_not_used_again)
{
	sim *up = sim_start(NULL);
	relay *line = relay_start("127.0.0.1", sim_port(up), 0);
	char url[64];
	talk t;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", relay_port(line));
	open_at(&t, url, 1);
	idles_through(&t, line, 90001);
	talk_close(&t);
	free(relay_stop(line));
	cr_assert_eq(sim_stop(up), 0);
}

/* A jump of eight hours ends what is under way by its time-outs, and the next call works. */
Test(net_base, a_jump_of_the_clock_ends_what_runs_and_the_next_call_works)
{
	sim *up = sim_start(NULL);
	relay *line = relay_start("127.0.0.1", sim_port(up), 0);
	char url[64];
	talk_call c;
	talk t;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", relay_port(line));
	open_at(&t, url, 1);
	healthy(&t, 1);
	relay_go_dead(line);
	talk_submit(&t, &c, "ollama/sim-small", 1, NULL);
	talk_turn(&t, 5);
	talk_turn(&t, 5);
	fakeclock_advance_ms(&t.clock, 8 * 3600 * 1000);
	cr_assert(talk_finish(&t, &c));
	cr_assert_eq(c.code, LLM_E_DEADLINE, "%s", c.err.message);
	talk_done(&c);
	healthy(&t, 0);
	cr_assert_eq(relay_taken(line), 2);
	talk_close(&t);
	free(relay_stop(line));
	cr_assert_eq(sim_stop(up), 0);
}

/* ---- spellings ---- */

static char *asked_path(const char *base)
{
	relay *line = relay_start("127.0.0.1", 0, 0);
	char url[128], *seen;
	talk_call c;
	talk t;

	snprintf(url, sizeof(url), base, relay_port(line));
	open_at(&t, url, 0);
	talk_submit(&t, &c, "ollama/m", 0, NULL);
	while (relay_heard(line) == 0)
		talk_turn(&t, 5);
	llm_call_cancel(c.call);
	cr_assert(talk_finish(&t, &c));
	talk_done(&c);
	talk_close(&t);
	seen = relay_stop(line);
	seen[strcspn(seen, "\r")] = '\0';
	return seen;
}

Test(net_base, prefixes_and_slashes)
{
	static const char *const rows[][2] = {{"http://127.0.0.1:%u", "POST /api/chat HTTP/1.1"},
		{"http://127.0.0.1:%u/", "POST /api/chat HTTP/1.1"},
		{"http://127.0.0.1:%u/base", "POST /base/api/chat HTTP/1.1"},
		{"http://127.0.0.1:%u/base//", "POST /base/api/chat HTTP/1.1"},
		{"HTTP://127.0.0.1:%u/a/b%%20c/", "POST /a/b%20c/api/chat HTTP/1.1"}};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *line = asked_path(rows[i][0]);

		cr_assert_str_eq(line, rows[i][1], "%s", rows[i][0]);
		free(line);
	}
}

/* ---- addresses ---- */

/* Listens on `address` alone, and is asked for by `host`. */
static void reached(const char *address, const char *host)
{
	sim *up = sim_start(NULL);
	relay *line = relay_start(address, sim_port(up), 0);
	char url[64];
	talk t;

	if (!line) {
		fprintf(stderr, "SKIP ipv_six: this machine has no ::1\n");
		cr_assert_eq(sim_stop(up), 0);
		return;
	}
	snprintf(url, sizeof(url), "http://%s:%u", host, relay_port(line));
	open_at(&t, url, 0);
	healthy(&t, 0);
	healthy(&t, 1);
	cr_assert_eq(relay_taken(line), 1);
	talk_close(&t);
	free(relay_stop(line));
	cr_assert_eq(sim_stop(up), 0);
}

Test(net_base, an_address_of_ipv6)
{
	reached("::1", "[::1]");
}

Test(net_base, localhost_listens_on_one_of_its_addresses_only)
{
	reached("::1", "localhost");
	reached("127.0.0.1", "localhost");
}
