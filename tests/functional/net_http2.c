/*
 * HTTP/2 by setting, against a real peer: tests/support/h2_peer.py, which speaks it by
 * Debian's python3-h2. What the peer does, the model's name says.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"
#include "support/talk.h"

#define PYTHON "/usr/bin/python3"
#define PEER TEST_SOURCE_DIR "/tests/support/h2_peer.py"
#define PLUGINS TEST_BINARY_DIR "/plugins"

static run *peer;
static uint16_t port;
static char *folder;

static int can(void)
{
	run_result r;
	int ok;

	run_program(RUN_LIST("/bin/sh", "-c", PYTHON " -c 'import h2' 2>&1"), NULL, &r);
	ok = r.status == 0;
	run_done(&r);
	if (!ok)
		fprintf(stderr, "SKIP http_two: " PYTHON " has no h2 (Debian: python3-h2)\n");
	return ok;
}

static void make_certificate(void)
{
	char line[1024];
	run_result r;

	folder = run_folder();
	snprintf(line, sizeof(line),
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
		"-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout %s/k -out %s/c "
		"2>&1",
		folder, folder);
	run_program(RUN_LIST("/bin/sh", "-c", line), NULL, &r);
	cr_assert_eq(r.status, 0, "%s", r.out);
	run_done(&r);
}

/* 1 when it runs. */
static int begin(const char *more)
{
	char line[1024];

	if (!can())
		return 0;
	make_certificate();
	port = talk_free_port();
	snprintf(line, sizeof(line), "exec " PYTHON " " PEER " %u --tls %s/c %s/k %s", port, folder,
		folder, more);
	peer = run_start(RUN_LIST("/bin/sh", "-c", line), NULL);
	cr_assert(run_wait_out(peer, "ready"), "the peer did not start");
	return 1;
}

static void end(void)
{
	run_result r;

	run_signal(peer, SIGTERM);
	run_end(peer, &r);
	run_done(&r);
	run_folder_free(folder);
}

static size_t count(const char *line)
{
	const char *at = run_out(peer);
	size_t n = 0;

	for (; (at = strstr(at, line)); at++)
		n++;
	return n;
}

static void open_trying(talk *t, const char *version, int attempts, int faked)
{
	char config[1024];

	snprintf(config, sizeof(config),
		"max_attempts = %d; providers = { ollama = { base_url = "
		"\"https://127.0.0.1:%u\"; ca_file = \"%s/c\"; %s }; };",
		attempts, port, folder, version);
	talk_open(t, PLUGINS, config, faked);
}

static void open_at(talk *t, const char *version, int faked)
{
	open_trying(t, version, 1, faked);
}

static void open_h2(talk *t, int faked)
{
	open_at(t, "http_version = \"2\";", faked);
}

static void healthy(talk *t, uint32_t stream)
{
	talk_call c;

	cr_assert_eq(talk_ask(t, &c, "ollama/m", stream), 0, "%s", c.err.message);
	cr_assert_str_eq(c.text, "one two three");
}

Test(net_http2, streams_and_whole_answers_share_one_connection)
{
	talk_call c[8];
	uint32_t i;
	talk t;

	if (!begin(""))
		return;
	open_h2(&t, 0);
	for (i = 0; i < 8; i++)
		healthy(&t, i % 2);
	cr_assert_eq(count("conn\n"), 1, "%s", run_out(peer));
	for (i = 0; i < 8; i++)
		talk_submit(&t, &c[i], "ollama/m", i % 2, NULL);
	for (i = 0; i < 8; i++) {
		cr_assert(talk_finish(&t, &c[i]));
		cr_assert_eq(c[i].code, 0, "%s", c[i].err.message);
		cr_assert_str_eq(c[i].text, "one two three");
		talk_done(&c[i]);
	}
	talk_close(&t);
	cr_assert_eq(count("/api/chat\n"), 16, "%s", run_out(peer));
	cr_assert_eq(count("conn\n"), 1, "%s", run_out(peer));
	end();
}

/* All at once, on a service that has no connection yet. */
Test(net_http2, who_comes_at_the_same_time_waits_for_the_first_connection)
{
	talk_call c[8];
	uint32_t i;
	talk t;

	if (!begin(""))
		return;
	open_h2(&t, 0);
	for (i = 0; i < 8; i++)
		talk_submit(&t, &c[i], "ollama/m", 1, NULL);
	for (i = 0; i < 8; i++) {
		cr_assert(talk_finish(&t, &c[i]));
		cr_assert_eq(c[i].code, 0, "%s", c[i].err.message);
		talk_done(&c[i]);
	}
	talk_close(&t);
	cr_assert_eq(count("conn\n"), 1, "%s", run_out(peer));
	end();
}

/* ---- both sides say what they speak ---- */

static void speaks(const char *more, const char *version, const char *line)
{
	talk_call c;
	talk t;

	if (!begin(more))
		return;
	open_at(&t, version, 0);
	cr_assert_eq(talk_ask(&t, &c, "ollama/m", 0), 0, "%s", c.err.message);
	talk_close(&t);
	cr_assert_eq(count(line), 1, "%s", run_out(peer));
	end();
}

Test(net_http2, it_is_negotiated)
{
	speaks("", "http_version = \"2\";", "alpn h2\n");
	speaks("--http11", "http_version = \"2\";", "http11\n");
}

Test(net_http2, http_1_1_is_what_is_spoken_without_a_setting)
{
	speaks("", "", "alpn http/1.1\n");
	speaks("", "http_version = \"1.1\";", "alpn http/1.1\n");
}

Test(net_http2, without_tls_there_is_none)
{
	llm_err err = LLM_ERR_INIT;
	llm_models *m = NULL;
	talk t;

	talk_open(&t, PLUGINS,
		"max_attempts = 1; providers = { ollama = { base_url = \"http://127.0.0.1:1\"; http_version = "
		"\"2\"; }; };",
		0);
	cr_assert_eq(llm_service_models(t.svc, "ollama", LLM_MODELS_ALL, 100, &m, &err),
		LLM_E_CONFIG, "%s", err.message);
	cr_assert_not_null(strstr(err.message, "https"), "%s", err.message);
	talk_close(&t);
}

/* ---- time-outs ---- */

static void expire(talk *t, talk_call *c, uint64_t ms)
{
	fakeclock_advance_ms(&t->clock, ms);
	cr_assert(talk_finish(t, c));
	cr_assert_eq(c->code, LLM_E_TIMEOUT, "%s", c->err.message);
	talk_done(c);
}

/* Only this stream ends; its neighbour goes on, and the connection is used again. */
Test(net_http2, R_TIME_7_a_time_out_resets_the_stream_and_keeps_a_connection_that_lives)
{
	const llm_call_opts patient = {.first_token_ms = 90000, .idle_ms = 90000},
			    short_of_time = {.first_token_ms = 1000};
	talk_call ticking, silent;
	talk t;

	if (!begin(""))
		return;
	open_h2(&t, 1);
	healthy(&t, 1);
	talk_submit(&t, &ticking, "ollama/ticking", 1, &patient);
	while (count("stream 3") == 0)
		talk_turn(&t, 5);
	talk_submit(&t, &silent, "ollama/silent", 1, &short_of_time);
	while (ticking.len == 0)
		talk_turn(&t, 5);
	expire(&t, &silent, 1000);
	cr_assert(talk_finish(&t, &ticking), "%s", run_out(peer));
	cr_assert_eq(ticking.code, 0, "%s", ticking.err.message);
	cr_assert_str_eq(ticking.text, "tick tick ");
	talk_done(&ticking);
	cr_assert_eq(count("rst 5"), 1, "%s", run_out(peer));
	healthy(&t, 0);
	talk_close(&t);
	cr_assert_eq(count("conn\n"), 1, "%s", run_out(peer));
	end();
}

/* After a sleep the peer may be gone without a word: the next call must not wait for it. */
Test(net_http2, R_TIME_7_a_connection_that_is_silent_as_a_whole_ends_with_the_time_out)
{
	const llm_call_opts limits = {.first_token_ms = 1000};
	talk_call c;
	talk t;

	if (!begin(""))
		return;
	open_h2(&t, 1);
	healthy(&t, 1);
	talk_submit(&t, &c, "ollama/deaf", 1, &limits);
	while (count("stream 3") == 0)
		talk_turn(&t, 5);
	talk_turn(&t, 5);
	expire(&t, &c, 1000);
	healthy(&t, 1);
	talk_close(&t);
	cr_assert_eq(count("conn\n"), 2, "%s", run_out(peer));
	end();
}

/* The server learns at once that nobody waits any more, and what is left of it is whole. */
Test(net_http2, a_cancel_reaches_the_peer_at_once)
{
	talk_call c;
	talk t;

	if (!begin(""))
		return;
	open_h2(&t, 1);
	talk_submit(&t, &c, "ollama/silent", 1, NULL);
	while (count("stream 1") == 0)
		talk_turn(&t, 5);
	talk_turn(&t, 5);
	llm_call_cancel(c.call);
	cr_assert(talk_finish(&t, &c));
	cr_assert_eq(c.code, LLM_E_CANCELLED);
	talk_done(&c);
	cr_assert(run_wait_out(peer, "gone"), "%s", run_out(peer));
	healthy(&t, 1);
	talk_close(&t);
	end();
}

/* ---- a peer that breaks off ---- */

static void breaks(const char *model, uint32_t stream, int32_t code)
{
	talk_call c;
	talk t;

	open_h2(&t, 0);
	healthy(&t, 0);
	cr_assert_eq(talk_ask(&t, &c, model, stream), code, "%s: %s", model, c.err.message);
	healthy(&t, 1);
	talk_close(&t);
}

Test(net_http2, what_a_peer_breaks_off_is_an_error_and_the_next_call_works)
{
	uint32_t stream;

	if (!begin(""))
		return;
	for (stream = 0; stream < 2; stream++) {
		breaks("ollama/refused", stream, LLM_E_CONNECTION);
		breaks("ollama/goaway", stream, LLM_E_CONNECTION);
		breaks("ollama/garbage", stream, LLM_E_CONNECTION);
		breaks("ollama/leaves", stream, LLM_E_CONNECTION);
	}
	breaks("ollama/goaway_after", 0, 0);
	breaks("ollama/reset", 1, LLM_E_STREAM_BROKEN);
	end();
}

/* ---- what the server says that it has not touched (U-17) ---- */

static llm_attempt row(const talk_call *c, uint32_t i)
{
	llm_attempt a = {.struct_size = (uint32_t)sizeof(a)};

	cr_assert_eq(llm_result_attempt(llm_call_result(c->call), i, &a), 0);
	return a;
}

static size_t rows(const talk_call *c)
{
	return llm_result_attempt_count(llm_call_result(c->call));
}

/* Asked again at once, and for nothing: the attempts that a run has are all left. */
static void untouched(const char *model, uint32_t stream)
{
	talk_call c;
	talk t;

	open_trying(&t, "http_version = \"2\";", 2, 1);
	healthy(&t, 0);
	talk_submit(&t, &c, model, stream, NULL);
	cr_assert(talk_finish(&t, &c), "%s", run_out(peer));
	cr_assert_eq(c.code, 0, "%s: %s", model, c.err.message);
	cr_assert_str_eq(c.text, "one two three");
	cr_assert_eq(rows(&c), 2);
	cr_assert_eq(row(&c, 0).error_code, LLM_E_CONNECTION);
	cr_assert_eq(row(&c, 0).error->sent, LLM_SENT_NO, "%s", row(&c, 0).error->message);
	cr_assert_not_null(strstr(row(&c, 0).error->message, "did not take the request"), "%s",
		row(&c, 0).error->message);
	cr_assert_eq(row(&c, 1).waited_ms, 0);
	talk_done(&c);
	healthy(&t, 1);
	talk_close(&t);
}

Test(net_http2, U_17_R_RETRY_13_a_request_that_the_server_has_not_touched_is_sent_again_at_once)
{
	uint32_t stream;

	for (stream = 0; stream < 2; stream++) {
		if (!begin(""))
			return;
		untouched("ollama/refused_once", stream);
		untouched("ollama/goaway_before_once", stream);
		cr_assert_eq(count("/api/chat\n"), 8, "%s", run_out(peer));
		end();
	}
}

/* Once; after that it is an attempt like any other. The clock stands still: so do backoffs. */
Test(net_http2, U_17_R_RETRY_13_only_the_first_time_is_free)
{
	talk_call c;
	talk t;
	int i;

	if (!begin(""))
		return;
	open_trying(&t, "http_version = \"2\";", 2, 1);
	talk_submit(&t, &c, "ollama/refused", 1, NULL);
	for (i = 0; i < 200 && count("/api/chat\n") < 2; i++)
		talk_turn(&t, 5);
	for (i = 0; i < 10; i++)
		talk_turn(&t, 5);
	cr_assert_eq(count("/api/chat\n"), 2, "it did not wait: %s", run_out(peer));
	fakeclock_advance_ms(&t.clock, 2000);
	cr_assert(talk_finish(&t, &c));
	cr_assert_eq(c.code, LLM_E_CONNECTION);
	cr_assert_eq(c.err.sent, LLM_SENT_NO);
	cr_assert_eq(rows(&c), 3);
	cr_assert_eq(count("/api/chat\n"), 3, "%s", run_out(peer));
	talk_done(&c);
	talk_close(&t);
	end();
}

/* The server may have begun to work: that costs an attempt. */
static void touched(const char *model, uint32_t stream)
{
	talk_call c;
	talk t;

	open_trying(&t, "http_version = \"2\";", 1, 0);
	healthy(&t, 0);
	cr_assert_neq(talk_ask(&t, &c, model, stream), 0, "%s", model);
	cr_assert(c.code == LLM_E_CONNECTION || c.code == LLM_E_PROTOCOL, "%s: %s", model,
		c.err.message);
	cr_assert_eq(c.err.sent, LLM_SENT_YES, "%s", model);
	healthy(&t, 1);
	talk_close(&t);
}

Test(net_http2, U_17_R_RETRY_13_every_other_reset_is_an_attempt)
{
	char model[32];
	uint32_t code;

	if (!begin(""))
		return;
	for (code = 0; code <= 13; code++) {
		if (code == 7) /* REFUSED_STREAM */
			continue;
		snprintf(model, sizeof(model), "ollama/code_%u", (unsigned)code);
		touched(model, code % 2);
	}
	touched("ollama/goaway_taken", 0);
	touched("ollama/goaway_taken", 1);
	end();
}

/* A stream that is going on beside it ends as if nothing had been. */
static void beside(const char *model)
{
	const llm_call_opts patient = {.first_token_ms = 90000, .idle_ms = 90000};
	talk_call ticking, c;
	talk t;

	open_trying(&t, "http_version = \"2\";", 1, 1);
	healthy(&t, 1);
	talk_submit(&t, &ticking, "ollama/ticking", 1, &patient);
	while (count("stream 3") == 0)
		talk_turn(&t, 5);
	talk_submit(&t, &c, model, 1, NULL);
	cr_assert(talk_finish(&t, &c), "%s", run_out(peer));
	cr_assert_eq(c.code, LLM_E_CONNECTION, "%s", c.err.message);
	talk_done(&c);
	/* When the peer sees a stream reset it ends those that tick, as they should end. */
	talk_turn(&t, 5);
	if (!ticking.ended)
		llm_call_cancel(ticking.call);
	cr_assert(talk_finish(&t, &ticking));
	cr_assert(ticking.code == 0 || ticking.code == LLM_E_CANCELLED, "%s: %s", model,
		ticking.err.message);
	cr_assert_str_eq(
		ticking.text, ticking.code ? "tick " : "tick tick ", "%s: %s", model, ticking.text);
	talk_done(&ticking);
	talk_close(&t);
}

Test(net_http2, U_17_only_the_stream_that_was_hit_ends)
{
	static const char *const models[] = {
		"ollama/refused", "ollama/goaway_before", "ollama/code_2", "ollama/code_8"};
	size_t i;

	for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		if (!begin(""))
			return;
		beside(models[i]);
		end();
	}
}
