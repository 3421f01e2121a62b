/* llmctl chat at a terminal: lines are edited and remembered, and Ctrl-C stops an answer only. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/run.h"
#include "support/sim.h"

#ifdef TEST_WITH_LIBEDIT
#define EDITS 1
#else
#define EDITS 0
#endif

#define LIMIT_MS 15000
#define CTRL_C "\003"
#define CTRL_D "\004"
#define UP "\033[A"
#define BACK "\177"

/* Who sits at a terminal of its own, in front of llmctl. */
typedef struct typist {
	pid_t pid;
	int fd;
	size_t len, seen;
	char out[1 << 16];
} typist;

static void become(const char *host, const char *home, const char *const *args)
{
	char *argv[16] = {LLMCTL, "chat", "-m", "ollama/sim-small"};
	size_t n = 4;

	for (size_t i = 0; args[i]; i++)
		argv[n++] = (char *)(void *)args[i];
	clearenv();
	setenv("OLLAMA_HOST", host, 1);
	setenv("HOME", home, 1);
	setenv("TERM", "xterm", 1);
	setenv("PATH", "/usr/bin:/bin", 1);
	execv(argv[0], argv);
	_exit(99);
}

static void sit_down(typist *t, const sim *s, const char *home, const char *const *args)
{
	struct winsize size = {.ws_row = 24, .ws_col = 200};

	memset(t, 0, sizeof(*t));
	t->pid = forkpty(&t->fd, NULL, NULL, &size);
	cr_assert_geq(t->pid, 0, "%s", strerror(errno));
	if (!t->pid)
		become(sim_url(s), home, args);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Reads what has come; false at the end. */
static bool read_some(typist *t)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	ssize_t n;

	if (poll(&p, 1, 50) <= 0)
		return true;
	n = read(t->fd, t->out + t->len, sizeof(t->out) - 1 - t->len);
	if (n <= 0)
		return false;
	t->len += (size_t)n;
	t->out[t->len] = '\0';
	return true;
}

/* Until `text` stands on the screen, behind what was waited for before. */
static void sees(typist *t, const char *text)
{
	const int64_t end = now_ms() + LIMIT_MS;
	const char *at;

	while (!(at = strstr(t->out + t->seen, text)))
		cr_assert(
			read_some(t) && now_ms() < end, "\"%s\" does not come:\n%s", text, t->out);
	t->seen = (size_t)(at - t->out) + strlen(text);
}

static void types(typist *t, const char *text)
{
	cr_assert_eq(write(t->fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* Its exit status. */
static int leaves(typist *t)
{
	const int64_t end = now_ms() + LIMIT_MS;
	int status = 0;
	pid_t got;

	while ((got = waitpid(t->pid, &status, WNOHANG)) == 0) {
		(void)read_some(t);
		cr_assert_lt(now_ms(), end, "it does not end:\n%s", t->out);
	}
	close(t->fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool was_asked(sim *s, const char *text)
{
	return sim_log_wait(s, text, 1, LIMIT_MS);
}

Test(llmctl_chat_terminal, ctrl_c_stops_the_answer_and_not_the_program)
{
	sim *s = sim_start(RUN_LIST("--pace-ms", "40", "--say",
		"one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
		"fifteen sixteen seventeen eighteen nineteen twenty and many more of them to come "
		"for as long as somebody listens to what is told here word by word by word by word"));
	char *home = run_folder();
	static typist t;

	sit_down(&t, s, home, RUN_LIST("--no-record"));
	sees(&t, "> ");
	types(&t, "count\n");
	sees(&t, "two three");
	types(&t, CTRL_C);
	sees(&t, "interrupted");
	cr_expect(sim_log_wait(s, "\"who\":\"peer\"", 1, LIMIT_MS), "the upstream was not left");
	sees(&t, "> ");
	types(&t, "/stats\n");
	sees(&t, "answers: 0, stopped: 1, failed: 0; turns kept: 2");
	sees(&t, "> ");
	types(&t, "again\n");
	sees(&t, "two three");
	types(&t, CTRL_C CTRL_C); /* twice is no other thing */
	sees(&t, "interrupted");
	sees(&t, "> ");
	types(&t, "half a question" CTRL_C);
	sees(&t, "> ");
	types(&t, CTRL_D);
	cr_expect_eq(leaves(&t), 0);
	cr_expect_eq(sim_log_count(s, "half a question"), 0);
	run_folder_free(home);
	sim_stop(s);
}

static void expect_history(const char *home, const char *text)
{
	char path[300], bytes[4000];
	struct stat st;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/.local/state/llm/chat-history", home);
	cr_assert_eq(stat(path, &st), 0, "%s", path);
	cr_expect_eq(st.st_mode & 0777, 0600, "mode %o", (unsigned)st.st_mode);
	f = fopen(path, "rb");
	cr_assert_not_null(f);
	n = fread(bytes, 1, sizeof(bytes) - 1, f);
	bytes[n] = '\0';
	fclose(f);
	cr_expect_not_null(strstr(bytes, text), "%s", bytes);
}

Test(llmctl_chat_terminal, a_line_is_edited_and_remembered)
{
	sim *s = sim_start(RUN_LIST("--say", "All is well."));
	char *home = run_folder();
	static typist t;

	if (!EDITS) {
		puts("SKIP libedit: lines are neither edited nor remembered in this build");
		run_folder_free(home);
		sim_stop(s);
		return;
	}
	umask(0);
	sit_down(&t, s, home, RUN_LIST(NULL));
	sees(&t, "> ");
	types(&t, "h\xc3\xa4\xc3\xb6" BACK "llx" BACK "o\n");
	sees(&t, "All is well.");
	cr_expect(was_asked(s, "h\xc3\xa4llo"), "%s", sim_log_text(s));
	sees(&t, "> ");
	types(&t, UP " again\n");
	cr_expect(was_asked(s, "h\xc3\xa4llo again"), "%s", sim_log_text(s));
	sees(&t, "All is well."); /* the prompt is drawn anew for a line of the history */
	sees(&t, "> ");
	types(&t, CTRL_D);
	cr_expect_eq(leaves(&t), 0);
	expect_history(home, "again");
	sit_down(&t, s, home, RUN_LIST(NULL));
	sees(&t, "> ");
	types(&t, UP " and again\n");
	cr_expect(was_asked(s, "h\xc3\xa4llo again and again"), "%s", sim_log_text(s));
	sees(&t, "All is well.");
	sees(&t, "> ");
	types(&t, "/quit\n");
	cr_expect_eq(leaves(&t), 0);
	run_folder_free(home);
	sim_stop(s);
}

Test(llmctl_chat_terminal, what_leaves_no_record_leaves_no_history)
{
	sim *s = sim_start(RUN_LIST("--say", "All is well."));
	char *home = run_folder(), path[300];
	static typist t;

	sit_down(&t, s, home, RUN_LIST("--no-record"));
	sees(&t, "> ");
	types(&t, "secret\n");
	sees(&t, "All is well.");
	sees(&t, "> ");
	types(&t, CTRL_D);
	cr_expect_eq(leaves(&t), 0);
	snprintf(path, sizeof(path), "%s/.local/state/llm/chat-history", home);
	cr_expect_neq(access(path, F_OK), 0, "%s is there", path);
	run_folder_free(home);
	sim_stop(s);
}
