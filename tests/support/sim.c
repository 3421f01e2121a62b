#include "support/sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/litter.h"

#define ARGS_MAX 64
#define START_MS 10000
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

struct sim {
	pid_t pid;
	uint16_t port;
	char url[64];
	char *log_path;
	char *log;
};

static _Noreturn void fail(const char *what, const char *which)
{
	fprintf(stderr, "sim: %s %s: %s\n", what, which, strerror(errno));
	_exit(99);
}

static void *more(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p)
		fail("realloc", "");
	return p;
}

uint64_t sim_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

void rest_until(uint64_t at_ns)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(at_ns / NS_PER_S), .tv_nsec = (long)(at_ns % NS_PER_S)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		continue;
}

void rest_ms(uint64_t ms)
{
	rest_until(sim_now_ns() + ms * NS_PER_MS);
}

/* ---- files ---- */

char *sim_file(const char *text)
{
	char *path = litter_file();
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || close(fd))
		fail("cannot write", path);
	return path;
}

void sim_file_free(char *path)
{
	litter_remove(path);
}

/* ---- the process ---- */

static bool has_word(const char *const *args, const char *word)
{
	for (size_t i = 0; args && args[i]; i++)
		if (!strcmp(args[i], word))
			return true;
	return false;
}

static void become(const char *program, const char *const *args, const char *log, int out)
{
	const char *argv[ARGS_MAX] = {program, "--port", "0", "--exit-with-parent"};
	size_t n = 4;
	sigset_t none;

	if (!has_word(args, "--fast")) { /* which keeps no log */
		argv[n++] = "--log";
		argv[n++] = log;
		argv[n++] = "--log-body";
	}
	for (size_t i = 0; args && args[i] && n + 1 < ARGS_MAX; i++)
		argv[n++] = args[i];
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(out, STDOUT_FILENO);
	execv(program, (char *const *)(uintptr_t)argv);
	_exit(98);
}

static void read_port(sim *s, int fd, const char *program)
{
	static const char said[] = "llmsim: listening on ";
	char line[128];
	size_t n = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	const char *colon;

	while (n + 1 < sizeof(line) && poll(&p, 1, START_MS) == 1) {
		ssize_t got = read(fd, line + n, 1);

		if (got <= 0 || line[n] == '\n')
			break;
		n++;
	}
	line[n] = 0;
	colon = strrchr(line, ':');
	if (strncmp(line, said, sizeof(said) - 1) != 0 || !colon)
		fail("did not start:", program);
	s->port = (uint16_t)strtoul(colon + 1, NULL, 10);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", s->port);
}

sim *sim_start_program(const char *program, const char *const *args)
{
	sim *s = more(NULL, sizeof(*s));
	int pipe_fd[2];

	*s = (sim){.log_path = sim_file("")};
	if (pipe2(pipe_fd, O_CLOEXEC))
		fail("pipe", "");
	s->pid = fork();
	if (s->pid < 0)
		fail("fork", "");
	if (s->pid == 0)
		become(program, args, s->log_path, pipe_fd[1]);
	close(pipe_fd[1]);
	read_port(s, pipe_fd[0], program);
	close(pipe_fd[0]);
	return s;
}

int sim_stop(sim *s)
{
	int status = 0;

	if (!s)
		return 0;
	kill(s->pid, SIGTERM);
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	sim_file_free(s->log_path);
	free(s->log);
	free(s);
	return status;
}

const char *sim_url(const sim *s)
{
	return s->url;
}

uint16_t sim_port(const sim *s)
{
	return s->port;
}

pid_t sim_pid(const sim *s)
{
	return s->pid;
}

/* ---- the log ---- */

const char *sim_log_path(const sim *s)
{
	return s->log_path;
}

const char *sim_log_text(sim *s)
{
	FILE *f = fopen(s->log_path, "re");
	size_t len = 0;
	size_t n;

	if (!f)
		fail("cannot read", s->log_path);
	do {
		s->log = more(s->log, len + 65537);
		n = fread(s->log + len, 1, 65536, f);
		len += n;
	} while (n);
	s->log[len] = 0;
	fclose(f);
	return s->log;
}

static bool line_has(const char *line, const char *what)
{
	const char *hit = strstr(line, what);
	const char *end = strchr(line, '\n');

	return hit && end && hit < end;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : "";
}

size_t sim_log_count(sim *s, const char *what)
{
	size_t n = 0;

	for (const char *line = sim_log_text(s); *line; line = next_line(line))
		n += line_has(line, what);
	return n;
}

bool sim_log_wait(sim *s, const char *what, size_t n, int limit_ms)
{
	uint64_t end = sim_now_ns() + (uint64_t)limit_ms * NS_PER_MS;

	while (sim_log_count(s, what) < n) {
		if (sim_now_ns() > end)
			return false;
		rest_ms(2);
	}
	return true;
}

uint64_t sim_log_ns(sim *s, const char *what)
{
	uint64_t ns = 0;

	for (const char *line = sim_log_text(s); *line; line = next_line(line)) {
		const char *at = strstr(line, "\"ns\":");

		if (line_has(line, what) && at)
			ns = strtoull(at + 5, NULL, 10);
	}
	return ns;
}

/* ---- raw client ---- */

int sim_connect(const sim *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(s->port)};
	struct timeval limit = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		fail("cannot connect to", s->url);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* A test that hangs says nothing; one that ends early fails. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

void sim_send(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail("send", "");
		data += n;
		len -= (size_t)n;
	}
}

/* One recv() appended to *data; what recv() returned. */
static ssize_t read_more(int fd, char **data, size_t *len)
{
	ssize_t n;

	*data = more(*data, *len + 16385);
	do
		n = recv(fd, *data + *len, 16384, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		*len += (size_t)n;
	(*data)[*len] = 0;
	return n;
}

char *sim_read_all(int fd, size_t *ret_len, bool *ret_reset)
{
	char *data = NULL;
	size_t len = 0;
	ssize_t n;

	do
		n = read_more(fd, &data, &len);
	while (n > 0);
	if (ret_len)
		*ret_len = len;
	if (ret_reset)
		*ret_reset = n < 0;
	return data;
}

static const char *header_value(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = head; *line; line = next_line(line))
		if (!strncasecmp(line, name, n) && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " ");
	return NULL;
}

/* Decodes in place. The length of the body; *ret_used: bytes of coding, 0 while not whole. */
static size_t decode_chunks(char *data, size_t len, size_t *ret_used)
{
	size_t at = 0;
	size_t out = 0;

	*ret_used = 0;
	for (;;) {
		char *lf = at < len ? memchr(data + at, '\n', len - at) : NULL;
		size_t size = lf ? strtoul(data + at, NULL, 16) : 0;
		size_t from = lf ? (size_t)(lf - data) + 1 : 0;

		if (!lf || from + size + 2 > len)
			return out;
		memmove(data + out, data + from, size);
		out += size;
		at = from + size + 2;
		if (size)
			continue;
		*ret_used = at;
		return out;
	}
}

static bool chunks_whole(const char *data, size_t len)
{
	return (len >= 5 && !memcmp(data + len - 5, "0\r\n\r\n", 5) &&
		(len == 5 || data[len - 6] == '\n'));
}

static void read_body(int fd, sim_reply *r)
{
	const char *length = header_value(r->head, "content-length");
	const char *coding = header_value(r->head, "transfer-encoding");
	bool chunked = coding && !strncasecmp(coding, "chunked", 7);
	size_t want = length ? strtoul(length, NULL, 10) : SIZE_MAX;
	size_t used;
	ssize_t n = 1;

	while (n > 0 && (chunked ? !chunks_whole(r->body, r->body_len) : r->body_len < want))
		n = read_more(fd, &r->body, &r->body_len);
	r->complete = length ? r->body_len == want : n == 0;
	if (chunked) {
		r->body_len = decode_chunks(r->body, r->body_len, &used);
		r->complete = used > 0;
	}
	r->body[r->body_len] = 0;
}

void sim_read_reply(int fd, sim_reply *ret)
{
	sim_reply r = {0};
	char *data = NULL;
	size_t len = 0;
	char *end = NULL;

	while (!end && read_more(fd, &data, &len) > 0)
		end = memmem(data, len, "\r\n\r\n", 4);
	if (!end) {
		r.head = data;
		r.body = more(NULL, 1);
		r.body[0] = 0;
		*ret = r;
		return;
	}
	r.body_len = len - (size_t)(end + 4 - data);
	r.body = more(NULL, r.body_len + 1);
	memcpy(r.body, end + 4, r.body_len + 1);
	end[2] = 0;
	r.head = data;
	r.status = strncmp(data, "HTTP/1.", 7) ? 0 : (int)strtol(data + 9, NULL, 10);
	read_body(fd, &r);
	*ret = r;
}

void sim_ask(int fd, const char *method, const char *path, const char *body, sim_reply *ret)
{
	size_t len = body ? strlen(body) : 0;
	char head[512];
	int n = snprintf(head, sizeof(head),
		"%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n\r\n", method, path,
		len);

	sim_send(fd, head, (size_t)n);
	if (body)
		sim_send(fd, body, len);
	sim_read_reply(fd, ret);
}

void sim_ask_once(
	const sim *s, const char *method, const char *path, const char *body, sim_reply *ret)
{
	int fd = sim_connect(s);

	sim_ask(fd, method, path, body, ret);
	close(fd);
}

void sim_reply_done(sim_reply *r)
{
	free(r->head);
	free(r->body);
	*r = (sim_reply){0};
}
