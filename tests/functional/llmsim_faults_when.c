/* llmsim's faults: how often, whose they are, and their names. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/hear.h"
#include "support/run.h"

#define SAY "t1 t2 t3 t4 t5 t6"
#define TOKENS 6
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* How many of the answer's tokens are there: all from the first on. */
static int tokens(const heard *h)
{
	char word[4] = "t1";
	int n = 0;

	for (; n < TOKENS; n++) {
		word[1] = (char)('1' + n);
		if (!h->body || !strstr(h->body, word))
			break;
	}
	return n;
}

/* ---- how often ---- */

static void expect_statuses(const sim *s, const char *model, const char *want)
{
	char got[16] = "";
	size_t i;

	for (i = 0; want[i]; i++)
		got[i] = hear_status(s, (int)(i % HEAR_WIRES), model) == 200 ? '.' : 'x';
	got[i] = 0;
	cr_expect_str_eq(got, want, "%s: %s", model, got);
}

Test(llmsim_faults_when, once_n_times_and_by_turns)
{
	sim *s = sim_start(NULL);

	expect_statuses(s, "fault-500", "xxxx");
	expect_statuses(s, "fault-500-once", "x...");
	expect_statuses(s, "fault-429-seconds-1-times-3", "xxx...");
	expect_statuses(s, "fault-503-flap-2", "xx..xx..");
	expect_statuses(s, "fault-cut-after-0-flap-1", "......"); /* its status is 200 */
	expect_statuses(s, "fault-503-for-10s", "xxxxxx");
	expect_statuses(s, "fault-503-flap-10s", "xxxx");
	cr_assert_eq(sim_log_count(s, "\"event\":\"fault\""), 4 + 1 + 3 + 4 + 3 + 6 + 4);
	cr_assert_eq(sim_stop(s), 0);
}

/* Asks until the status comes; false after five seconds. */
static bool becomes(const sim *s, const char *model, int status)
{
	uint64_t end = sim_now_ns() + 5000000000u;

	while (hear_status(s, HEAR_OLLAMA, model) != status) {
		if (sim_now_ns() > end)
			return false;
		usleep(2000);
	}
	return true;
}

Test(llmsim_faults_when, for_a_time_from_the_first_request_on)
{
	sim *s = sim_start(NULL);
	uint64_t begin = sim_now_ns();

	cr_expect_eq(hear_status(s, HEAR_OLLAMA, "fault-503-for-30ms"), 503);
	cr_expect(becomes(s, "fault-503-for-30ms", 200));
	cr_expect_geq(sim_now_ns() - begin, 30 * 1000000u);
	cr_expect_eq(hear_status(s, HEAR_OLLAMA, "fault-503-for-30ms"), 200);
	cr_expect_eq(hear_status(s, HEAR_OLLAMA, "fault-503-flap-30ms"), 503);
	cr_expect(becomes(s, "fault-503-flap-30ms", 200));
	cr_expect(becomes(s, "fault-503-flap-30ms", 503));
	cr_expect(becomes(s, "fault-503-flap-30ms", 200));
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_faults_when, each_name_counts_for_itself)
{
	sim *s = sim_start(NULL);
	sim *other = sim_start(NULL);
	int fd = sim_connect(s);
	heard h;

	cr_expect_eq(hear_status(s, HEAR_OLLAMA, "fault-500-once"), 500);
	/* A connection of its own, and one that stays: it is the name that counts. */
	for (int i = 0; i < 2; i++) {
		hear_on(fd, HEAR_OPENAI, "fault-500-once:latest", 0, NULL, 0, &h);
		cr_expect_eq(h.status, 200, "%s", h.data);
		heard_done(&h);
	}
	close(fd);
	expect_statuses(s, "fault-503-once", "x..");
	expect_statuses(s, "fault-500-once:a", "x..");
	expect_statuses(s, "fault-500-once:b", "x..");
	expect_statuses(s, "sim-small", "...");
	cr_expect_eq(hear_status(other, HEAR_OLLAMA, "fault-500-once"), 500);
	cr_assert_eq(sim_stop(s), 0);
	cr_assert_eq(sim_stop(other), 0);
}

Test(llmsim_faults_when, a_reset_begins_anew)
{
	sim *s = sim_start(NULL);
	sim_reply r;

	expect_statuses(s, "fault-500-once", "x..");
	sim_ask_once(s, "POST", "/llmsim/reset", "", &r);
	cr_expect_eq(r.status, 200);
	sim_reply_done(&r);
	expect_statuses(s, "fault-500-once", "x..");
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_faults_when, a_wrong_request_does_not_count)
{
	static const char bad[] = "{\"model\":\"fault-500-once\",\"messages\":7}";
	sim *s = sim_start(NULL);
	sim_reply r;

	sim_ask_once(s, "POST", "/api/chat", bad, &r);
	cr_expect_eq(r.status, 400);
	sim_reply_done(&r);
	sim_ask_once(s, "POST", "/api/show", "{\"model\":\"fault-500-once\"}", &r);
	cr_expect_eq(r.status, 200);
	sim_reply_done(&r);
	expect_statuses(s, "fault-500-once", "x..");
	cr_assert_eq(sim_stop(s), 0);
}

/* ---- who has it ---- */

Test(llmsim_faults_when, a_server_of_which_every_answer_fails)
{
	sim *s = sim_start(RUN_LIST("--fault", "503-times-2"));
	sim_reply r;

	/* Whatever the model, and what it is asked for besides an answer is well. */
	sim_ask_once(s, "GET", "/v1/models", NULL, &r);
	cr_expect_eq(r.status, 200);
	sim_reply_done(&r);
	cr_expect_eq(hear_status(s, HEAR_OPENAI, "sim-small"), 503);
	cr_expect_eq(hear_status(s, HEAR_GEMINI, "sim-large"), 503);
	cr_expect_eq(hear_status(s, HEAR_OLLAMA, "sim-small"), 200);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_faults_when, connections_of_a_script)
{
	char *file = sim_file("accept\n fault 503-seconds-2-once\naccept\n fault cut-after-1\n"
			      "accept\n serve\n");
	sim *s = sim_start(RUN_LIST("--script", file, "--say", SAY));
	int fd = sim_connect(s);
	heard h;

	hear_on(fd, HEAR_OPENAI, "sim-small", 0, NULL, 0, &h);
	cr_expect_eq(h.status, 503);
	heard_done(&h);
	hear_on(fd, HEAR_OPENAI, "sim-small", 0, NULL, 0, &h);
	cr_expect_eq(h.status, 200);
	heard_done(&h);
	close(fd);
	hear(s, HEAR_OLLAMA, "sim-small", 1, &h);
	cr_expect(h.end == HEAR_CLOSED && tokens(&h) == 1, "%s", h.data);
	heard_done(&h);
	cr_expect_eq(hear_status(s, HEAR_OLLAMA, "sim-small"), 200);
	cr_assert_eq(sim_stop(s), 0);
	sim_file_free(file);
}

static bool connects(const sim *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons(sim_port(s)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool in = !connect(fd, (struct sockaddr *)&a, sizeof(a));

	close(fd);
	return in;
}

Test(llmsim_faults_when, a_server_that_refuses)
{
	sim *s = sim_start(RUN_LIST("--fault", "refuse"));

	cr_expect_not(connects(s));
	cr_expect_not(connects(s));
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_faults_when, a_server_that_refuses_by_turns)
{
	sim *s = sim_start(RUN_LIST("--fault", "refuse-flap-40ms"));
	uint64_t end = sim_now_ns() + 5000000000u;
	int turns = 0;

	for (bool in = true; turns < 4 && sim_now_ns() < end; usleep(2000)) {
		turns += connects(s) != in;
		in = turns % 2 == 0;
	}
	cr_expect_eq(turns, 4, "refused, in, refused, in: %d of them were seen", turns);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_faults_when, embeddings_fail_as_well)
{
	static const char *const paths[] = {
		"/api/embed", "/v1/embeddings", "/v1beta/models/fault-503-once:embedContent?key=k"};
	static const char *const bodies[] = {"{\"model\":\"fault-503\",\"input\":\"x\"}",
		"{\"model\":\"fault-503\",\"input\":\"x\"}",
		"{\"content\":{\"parts\":[{\"text\":\"x\"}]}}"};
	sim *s = sim_start(NULL);
	sim_reply r;

	for (int wire = 0; wire < HEAR_WIRES; wire++) {
		sim_ask_once(s, "POST", paths[wire], bodies[wire], &r);
		cr_expect_eq(r.status, 503, "%s: %s", paths[wire], r.body);
		sim_reply_done(&r);
	}
	sim_ask_once(s, "POST", paths[0], "{\"model\":\"fault-no-choices\",\"input\":\"x\"}", &r);
	cr_expect(r.status == 400 && strstr(r.body, "not played with embeddings"), "%s", r.body);
	sim_reply_done(&r);
	cr_assert_eq(sim_stop(s), 0);
}

/* ---- names ---- */

Test(llmsim_faults_when, an_unknown_name_tells_the_nearest)
{
	static const char *const pairs[][2] = {
		{"fault-429-onc", "fault-429-once?"},
		{"fault-cutt-after-5", "fault-cut-after-N?"},
		{"fault-cut-after", "fault-cut-after-N?"},
		{"fault-malform", "fault-malformed?"},
		{"fault-slow-head-5", "fault-slow-head-T?"},
		{"fault-429-seconds-7-time-3", "fault-429-seconds-N-times-N?"},
		{"fault-503-times-0", "fault-503-times-N?"},
		{"fault-refuse", "fault-refuse?"},
	};
	sim *s = sim_start(NULL);
	heard h;

	for (size_t i = 0; i < COUNT(pairs) * HEAR_WIRES; i++) {
		hear(s, (int)(i % HEAR_WIRES), pairs[i / HEAR_WIRES][0], 1, &h);
		cr_expect_eq(h.status, 404, "%s", h.data);
		cr_expect(strstr(h.body, pairs[i / HEAR_WIRES][1]), "%s", h.data);
		heard_done(&h);
	}
	/* What does not begin so is an ordinary model that is not there. */
	cr_expect_eq(hear_status(s, HEAR_OLLAMA, "faults"), 404);
	cr_assert_eq(sim_stop(s), 0);
}

static void expect_refused(const char *const *args, const char *says)
{
	run_result r;

	run_program(args, NULL, &r);
	cr_expect_eq(r.status, 2, "%s", r.err);
	cr_expect(strstr(r.err, says), "%s", r.err);
	run_done(&r);
}

#define LLMSIM TEST_BINARY_DIR "/bin/llmsim"

Test(llmsim_faults_when, a_mistake_ends_llmsim_before_it_listens)
{
	char *file = sim_file("accept\n fault 503-twice\n");

	expect_refused(RUN_LIST(LLMSIM, "--port", "0", "--fault", "stal-after-3"),
		"there is no \"stal-after-3\"; did you mean fault-stall-after-N?");
	expect_refused(RUN_LIST(LLMSIM, "--port", "0", "--fault", "refuse-once"), "fault-refuse");
	expect_refused(RUN_LIST(LLMSIM, "--port", "0", "--fast", "--fault", "503"), "--fault");
	expect_refused(RUN_LIST(LLMSIM, "--port", "0", "--script", file), ":2: fault-503");
	sim_file_free(file);
}

/* Each name of the list, as it stands there, is known to a server. */
Test(llmsim_faults_when, the_list_is_what_there_is)
{
	sim *s = sim_start(NULL);
	char name[64];
	size_t n = 0;
	run_result r;

	run_program(RUN_LIST(LLMSIM, "--faults"), NULL, &r);
	cr_assert_eq(r.status, 0);
	for (const char *at = r.out; (at = strstr(at, "\nfault-")); n++) {
		char given[64] = "";
		int fd = sim_connect(s);
		heard h;

		at++;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, " ["), at);
		run_replace(name, "-N", "-2", given, sizeof(given));
		run_replace(given, "-T", "-1ms", name, sizeof(name));
		hear_on(fd, HEAR_OPENAI, name, 1, "\r\n", 2, &h);
		close(fd);
		cr_expect(!strcmp(name, "fault-refuse") || !strstr(h.data, " 404 "), "%s: %s", name,
			h.data);
		heard_done(&h);
	}
	cr_expect_geq(n, 45, "%zu faults are listed", n);
	run_done(&r);
	cr_assert_eq(sim_stop(s), 0);
}

/* ---- the same text, or another ---- */

static void first_words(const sim *s, const char *model, char *ret, size_t cap)
{
	heard h;
	const char *at;

	hear(s, HEAR_OLLAMA, model, 0, &h);
	at = strstr(h.data, "\"content\":\"");
	snprintf(ret, cap, "%.100s", at ? at : "");
	heard_done(&h);
}

Test(llmsim_faults_when, models_say_different_text_unless_told_not_to)
{
	char one[128], other[128];
	sim *s = sim_start(NULL);

	first_words(s, "sim-small", one, sizeof(one));
	first_words(s, "sim-large", other, sizeof(other));
	cr_expect_str_neq(one, other);
	cr_assert_eq(sim_stop(s), 0);
	s = sim_start(RUN_LIST("--same-text"));
	first_words(s, "sim-small", one, sizeof(one));
	first_words(s, "fault-503-flap-1", other, sizeof(other));
	first_words(s, "fault-503-flap-1", other, sizeof(other));
	cr_expect_str_eq(one, other);
	cr_assert_eq(sim_stop(s), 0);
}
