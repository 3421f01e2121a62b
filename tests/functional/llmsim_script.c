/* llmsim playing scripts: each directive, as a client on a plain socket sees it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/sim.h"

#define GET "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define MS 1000000u

static sim *play(const char *script, char **ret_path)
{
	char *path = sim_file(script);
	const char *args[] = {"--script", path, NULL};
	sim *s = sim_start(args);

	*ret_path = path;
	return s;
}

/* Runs one connection of a script: sends `ask`, reads all. */
static char *exchange(const sim *s, const char *ask, size_t *ret_len, bool *ret_reset)
{
	int fd = sim_connect(s);
	char *got;

	if (ask)
		sim_send(fd, ask, strlen(ask));
	got = sim_read_all(fd, ret_len, ret_reset);
	close(fd);
	return got;
}

static void expect(
	const char *script, const char *ask, const char *want, size_t want_len, bool want_reset)
{
	char *path;
	sim *s = play(script, &path);
	size_t len;
	bool reset;
	char *got = exchange(s, ask, &len, &reset);

	cr_assert_eq(len, want_len, "%zu bytes: %s", len, got);
	cr_assert_arr_eq(got, want, want_len);
	cr_assert_eq(reset, want_reset);
	free(got);
	cr_assert_eq(sim_stop(s), 0);
	sim_file_free(path);
}

#define EXPECT(script, ask, want, reset) expect(script, ask, want, sizeof(want) - 1, reset)

Test(llmsim_script, send_and_escapes)
{
	EXPECT("accept\n send \"a\\n\\t\\\"\\\\\" \"\\x00\\xffz\"  # said\n", NULL,
		"a\n\t\"\\\0\xffz", false);
}

Test(llmsim_script, send_hex)
{
	EXPECT("accept\nsend-hex 00ff 61\nsend \"!\"\n", NULL,
		"\0\xff"
		"a!",
		false);
}

Test(llmsim_script, head_chunk_and_end)
{
	EXPECT("accept\nread request\nhead 503 \"Retry-After: 1\" \"A: b\"\nchunk \""
	       "hello, world!!!!\""
	       "\nend-chunks\nclose\n",
		GET,
		"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nA: b\r\n\r\n"
		"10\r\nhello, world!!!!\r\n0\r\n\r\n",
		false);
}

Test(llmsim_script, reply_is_a_whole_answer)
{
	EXPECT("accept\nread request\nreply 429 \"Content-Type: text/plain\" \"slow\"\n", GET,
		"HTTP/1.1 429 Too Many Requests\r\nContent-Type: "
		"text/plain\r\nContent-Length: 4\r\n"
		"\r\nslow",
		false);
}

Test(llmsim_script, read_takes_so_many_bytes)
{
	EXPECT("accept\nread 3\nsend \"got\"\n", "abc", "got", false);
}

Test(llmsim_script, reset_after_half_a_frame)
{
	EXPECT("accept\nread request\nsend \"HTTP/1.1 200 OK\\r\\nContent-Le\"\nreset\n", GET,
		"HTTP/1.1 200 OK\r\nContent-Le", true);
}

Test(llmsim_script, end_of_a_block_closes)
{
	EXPECT("accept\nread request\nsend \"x\"\n", GET, "x", false);
}

Test(llmsim_script, repeat_is_a_flood)
{
	char *path;
	sim *s = play("accept\nrepeat 400000 \"0123456789\"\n", &path);
	size_t len;
	bool reset;
	char *got = exchange(s, NULL, &len, &reset);

	cr_assert_eq(len, 4000000);
	cr_assert_arr_eq(got + len - 20, "01234567890123456789", 20);
	free(got);
	cr_assert_eq(sim_stop(s), 0);
	sim_file_free(path);
}

Test(llmsim_script, sleep_and_drip_take_their_time)
{
	char *path;
	sim *s = play("accept\nsleep 20\nsend \"a\"\ndrip 5 \"bcde\"\n", &path);
	uint64_t start = sim_now_ns();
	size_t len;
	bool reset;
	char *got = exchange(s, NULL, &len, &reset);
	uint64_t took = sim_now_ns() - start;

	cr_assert_str_eq(got, "abcde");
	cr_assert_geq(took, 40 * MS, "%llu ns", (unsigned long long)took);
	free(got);
	cr_assert_eq(sim_stop(s), 0);
	sim_file_free(path);
}

Test(llmsim_script, half_close_then_still_sees_the_peer)
{
	char *path;
	sim *s = play("accept\nread request\nsend \"x\"\nhalf-close\nkeep\n", &path);
	int fd = sim_connect(s);
	size_t len;
	char *got;

	sim_send(fd, GET, sizeof(GET) - 1);
	got = sim_read_all(fd, &len, NULL);
	cr_assert_str_eq(got, "x");
	free(got);
	cr_assert_eq(sim_log_count(s, "\"event\":\"close\""), 0, "only half");
	close(fd);
	cr_assert(sim_log_wait(s, "\"who\":\"peer\"", 1, 1000));
	cr_assert_eq(sim_stop(s), 0);
	sim_file_free(path);
}

static void expect_text(const sim *s, const char *want)
{
	char *got = exchange(s, NULL, NULL, NULL);

	cr_assert_str_eq(got, want);
	free(got);
}

Test(llmsim_script, one_block_per_connection_and_the_last_repeats)
{
	char *path;
	sim *s = play("accept\nsend \"1\"\naccept\nsend \"2\"\n", &path);

	expect_text(s, "1");
	expect_text(s, "2");
	expect_text(s, "2");
	cr_assert_eq(sim_stop(s), 0);
	sim_file_free(path);
}

Test(llmsim_script, once_refuses_further_connections)
{
	char *path;
	sim *s = play("accept\nonce\nsend \"1\"\n", &path);
	pid_t child;
	int status = 0;

	expect_text(s, "1");
	child = fork(); /* sim_connect() ends the process that cannot connect */
	if (!child) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		sim_connect(s);
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(WEXITSTATUS(status), 99);
	cr_assert_eq(sim_stop(s), 0);
	sim_file_free(path);
}

Test(llmsim_script, serve_goes_on_as_the_model)
{
	char *path;
	sim *s = play("accept\nread request\nreply 503 \"\"\nserve\n", &path);
	int fd = sim_connect(s);
	sim_reply r;

	sim_ask(fd, "GET", "/api/version", NULL, &r);
	cr_assert_eq(r.status, 503);
	sim_reply_done(&r);
	sim_ask(fd, "GET", "/api/version", NULL, &r);
	cr_assert_eq(r.status, 200);
	sim_reply_done(&r);
	close(fd);
	cr_assert_eq(sim_stop(s), 0);
	sim_file_free(path);
}

Test(llmsim_script, send_file_is_relative_to_the_script)
{
	char *data = sim_file("from a file");
	char script[256];

	snprintf(script, sizeof(script), "accept\nsend-file %s\n", strrchr(data, '/') + 1);
	EXPECT(script, NULL, "from a file", false);
	sim_file_free(data);
}

static const struct {
	const char *script;
	const char *error;
} wrong[] = {
	{"accept\nsend \"x\n", ":2: a text without its end"},
	{"accept\nsend \"\\q\"\n", ":2: a text without its end, or an escape"},
	{"send \"x\"\n", ":1: the first directive is \"accept\", not \"send\""},
	{"accept\n\nsned \"x\"\n", ":3: unknown directive \"sned\""},
	{"accept\nsleep soon\n", ":2: not a number: \"soon\""},
	{"accept\nsleep\n", ":2: something is missing after \"sleep\""},
	{"accept\nclose now\n", ":2: too much after \"close\""},
	{"accept\nsend x\n", ":2: a text wants quotes: \"x\""},
	{"accept\nsend-hex 123\n", ":2: not pairs of hex digits: \"123\""},
	{"accept\nsend-file nosuch\n", ":2: cannot read the file \"nosuch\""},
	{"accept\nonce\naccept\n", ":3: \"once\" belongs to the last block"},
	{"# empty\n", ":1: no \"accept\" in the script"},
};

Test(llmsim_script, errors_name_file_and_line)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *path = sim_file(wrong[i].script);
		char command[1024];
		char said[1024] = "";
		FILE *f;
		int status;

		snprintf(command, sizeof(command), "%s --script %s --port 0 2>&1",
			TEST_BINARY_DIR "/bin/llmsim", path);
		f = popen(command, "r");
		cr_assert(f && fgets(said, sizeof(said), f), "nothing said");
		status = pclose(f);
		cr_assert_eq(WEXITSTATUS(status), 2);
		cr_assert(strstr(said, path) && strstr(said, wrong[i].error), "%s instead of %s",
			said, wrong[i].error);
		sim_file_free(path);
	}
}
