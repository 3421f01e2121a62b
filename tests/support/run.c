#include "support/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/litter.h"

#define ENV_MAX 32
#define ARGS_MAX 64

typedef struct text {
	char *data;
	size_t len;
} text;

struct run {
	pid_t pid;
	int in; /* our ends, -1 when closed */
	int out;
	int err;
	const char *input;
	size_t input_len;
	text out_text;
	text err_text;
	char *home; /* to be removed, or null */
	int64_t end_ms;
};

static void fail(const char *what)
{
	fprintf(stderr, "run: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- folders ---- */

char *run_folder(void)
{
	return litter_folder();
}

void run_folder_free(char *path)
{
	litter_remove(path);
}

void run_folder_put(const char *folder, const char *name, const char *content)
{
	char path[4096];
	size_t len = strlen(content);
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *at = strchr(path + strlen(folder) + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			fail(path);
		*at = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, content, len) != (ssize_t)len || close(fd))
		fail(path);
}

/* ---- the child ---- */

static const char *keep(char *room, size_t cap, const char *name, const char *value)
{
	snprintf(room, cap, "%s=%s", name, value);
	return room;
}

static void exec_clean(const char *const *argv, const char *home, const run_opts *o)
{
	const char *const *extra = o->env;
	static char rooms[3][4096];
	const char *env[ENV_MAX];
	const char *path = getenv("PATH"), *locale = getenv("LC_ALL");
	size_t n = 0;

	/* Of two with one name the first counts. */
	for (; extra && *extra && n + 6 < ENV_MAX; extra++)
		env[n++] = *extra;
	if (!o->records && argv[1] && strcmp(argv[1], "ask") == 0)
		env[n++] = "LLM_STORAGE__LEDGER=off";
	env[n++] = "TERM=xterm";
	env[n++] = keep(rooms[0], sizeof(rooms[0]), "HOME", home);
	env[n++] = keep(rooms[1], sizeof(rooms[1]), "PATH", path ? path : "/usr/bin:/bin");
	if (locale)
		env[n++] = keep(rooms[2], sizeof(rooms[2]), "LC_ALL", locale);
	env[n] = NULL;
	execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	fprintf(stderr, "run: cannot execute %s: %s\n", argv[0], strerror(errno));
	_exit(98);
}

static void become(
	const char *const *argv, const run_opts *o, const char *home, int in, int out, int err)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t none;

	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sigaction(SIGPIPE, &usual, NULL);
	exec_clean(argv, home, o);
}

static void make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC))
		fail("pipe");
}

/* ends[0] is the terminal as its user has it, ends[1] as a program has it. */
static void make_tty(int ends[2])
{
	ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ends[0] < 0 || grantpt(ends[0]) || unlockpt(ends[0]))
		fail("terminal");
	ends[1] = open(ptsname(ends[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ends[1] < 0)
		fail(ptsname(ends[0]));
}

static void open_ends(const run_opts *o, int in[2], int out[2], int err[2])
{
	make_pipe(in);
	if (o->tty) {
		make_tty(out);
		err[0] = -1;
		err[1] = fcntl(out[1], F_DUPFD_CLOEXEC, 3);
	} else {
		make_pipe(out);
		make_pipe(err);
	}
	if (!o->input) {
		close(in[0]);
		in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	if (o->out_path) {
		close(out[1]);
		out[1] = open(o->out_path, O_WRONLY | O_CLOEXEC);
	}
	if (in[0] < 0 || out[1] < 0 || err[1] < 0)
		fail("standard streams");
}

run *run_start(const char *const *argv, const run_opts *opts)
{
	static const run_opts none;
	const run_opts *o = opts ? opts : &none;
	run *r = calloc(1, sizeof(*r));
	int in[2], out[2], err[2];

	if (!r)
		fail("calloc");
	if (!o->home)
		r->home = run_folder();
	open_ends(o, in, out, err);
	r->pid = fork();
	if (r->pid < 0)
		fail("fork");
	if (!r->pid)
		become(argv, o, o->home ? o->home : r->home, in[0], out[1], err[1]);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	r->in = in[1];
	r->out = out[0];
	r->err = err[0];
	r->input = o->input ? o->input : "";
	r->input_len = o->input_len ? o->input_len : strlen(r->input);
	r->end_ms = now_ms() + RUN_LIMIT_MS;
	fcntl(r->in, F_SETFL, O_NONBLOCK);
	return r;
}

/* ---- its streams ---- */

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void feed(run *r)
{
	struct sigaction quiet = {.sa_handler = SIG_IGN}, before;
	ssize_t n = 0;

	sigaction(SIGPIPE, &quiet, &before);
	if (r->input_len)
		n = write(r->in, r->input, r->input_len);
	sigaction(SIGPIPE, &before, NULL);
	if (n > 0) {
		r->input += n;
		r->input_len -= (size_t)n;
	}
	if (!r->input_len || (n < 0 && errno != EAGAIN))
		shut(&r->in);
}

/* A terminal whose last program is gone says EIO: that is its end. */
static void drain(int *fd, text *t)
{
	char part[65536];
	ssize_t n = read(*fd, part, sizeof(part));

	if (n <= 0) {
		shut(fd);
		return;
	}
	t->data = realloc(t->data, t->len + (size_t)n + 1);
	if (!t->data)
		fail("realloc");
	memcpy(t->data + t->len, part, (size_t)n);
	t->len += (size_t)n;
	t->data[t->len] = '\0';
}

/* Moves bytes once. False when all is closed, or the time is up. */
static bool turn(run *r)
{
	struct pollfd fds[3] = {{.fd = r->in, .events = POLLOUT}, {.fd = r->out, .events = POLLIN},
		{.fd = r->err, .events = POLLIN}};
	int64_t left = r->end_ms - now_ms();

	if (left <= 0 || (r->in < 0 && r->out < 0 && r->err < 0))
		return false;
	if (poll(fds, 3, (int)left) <= 0)
		return true;
	if (r->in >= 0 && fds[0].revents)
		feed(r);
	if (r->out >= 0 && fds[1].revents)
		drain(&r->out, &r->out_text);
	if (r->err >= 0 && fds[2].revents)
		drain(&r->err, &r->err_text);
	return true;
}

bool run_wait_out(run *r, const char *what)
{
	while (!r->out_text.data || !strstr(r->out_text.data, what))
		if (r->out < 0 || !turn(r))
			return false;
	return true;
}

const char *run_out(run *r)
{
	struct pollfd p = {.fd = r->out, .events = POLLIN};

	while (r->out >= 0 && poll(&p, 1, 0) > 0)
		drain(&r->out, &r->out_text);
	return r->out_text.data ? r->out_text.data : "";
}

void run_signal(run *r, int number)
{
	kill(r->pid, number);
}

void run_close_out(run *r)
{
	shut(&r->out);
}

/* ---- golden files ---- */

static char *file_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *data = calloc(1, 65536);
	size_t n = 0;

	if (!data)
		fail("calloc");
	if (f)
		n = fread(data, 1, 65535, f);
	if (f)
		fclose(f);
	data[n] = '\0';
	return data;
}

static void write_golden(const char *path, const char *content)
{
	FILE *f = fopen(path, "we");

	if (!f || fputs(content, f) < 0 || fclose(f))
		fail(path);
}

void run_replace(const char *what, const char *word, const char *other, char *out, size_t cap)
{
	size_t n = 0;

	while (*what && n + strlen(other) + 1 < cap) {
		if (strncmp(what, word, strlen(word)) == 0) {
			memcpy(out + n, other, strlen(other));
			n += strlen(other);
			what += strlen(word);
			continue;
		}
		out[n++] = *what++;
	}
	out[n] = '\0';
}

bool run_golden(const char *path, const char *content)
{
	char *kept;
	bool same;

	if (getenv("LLM_GOLDEN_WRITE"))
		write_golden(path, content);
	kept = file_text(path);
	same = strcmp(kept, content) == 0;
	if (!same)
		fprintf(stderr, "%s holds:\n%swhat came is:\n%s", path, kept, content);
	free(kept);
	return same;
}

/* ---- its end ---- */

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static char *taken(text *t)
{
	char *data = t->data ? t->data : calloc(1, 1);

	if (!data)
		fail("calloc");
	return data;
}

void run_end(run *r, run_result *ret)
{
	const struct timespec step = {.tv_nsec = 1000000};
	run_result res = {.late = false};
	int status = 0;

	while (turn(r))
		continue;
	/* Its streams are closed; the process itself is given what is left of the time. */
	while (waitpid(r->pid, &status, WNOHANG) == 0) {
		if (now_ms() >= r->end_ms && !res.late) {
			res.late = true;
			kill(r->pid, SIGKILL);
		}
		nanosleep(&step, NULL);
	}
	res.status = status_of(status);
	res.out = taken(&r->out_text);
	res.out_len = r->out_text.len;
	res.err = taken(&r->err_text);
	res.err_len = r->err_text.len;
	shut(&r->in);
	shut(&r->out);
	shut(&r->err);
	run_folder_free(r->home);
	free(r);
	*ret = res;
}

void run_program(const char *const *argv, const run_opts *opts, run_result *ret)
{
	run_end(run_start(argv, opts), ret);
}

void run_cli(const char *program, const char *ollama, const char *input, const char *const *args,
	run_result *ret)
{
	const char *argv[ARGS_MAX] = {program};
	char host[256];
	const char *env[2] = {ollama ? host : NULL, NULL};
	const run_opts opts = {.env = env, .input = input};

	snprintf(host, sizeof(host), "OLLAMA_HOST=%s", ollama ? ollama : "");
	for (size_t n = 1; *args && n + 1 < ARGS_MAX; n++)
		argv[n] = *args++;
	run_program(argv, &opts, ret);
}

void run_done(run_result *r)
{
	free(r->out);
	free(r->err);
	memset(r, 0, sizeof(*r));
}
