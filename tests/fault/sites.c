/*
 * sites.c - the host's own faults: every descriptor and thread that cannot be had, and reads
 * and writes that are cut short. This program's functions stand before those of the C
 * library, for the library under test and for libcurl alike.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "llm/llm.h"
#include "support/oracle.h"
#include "support/sim.h"

enum { NONE, DESCRIPTORS, THREADS, INPUT };

/* What is made to fail, in this process. */
static struct {
	int what;
	int from; /* this call of its kind, counted from 1 */
	int for_ever; /* and all that follow */
	atomic_int calls;
	_Atomic uint64_t chance; /* INPUT */
} armed;

static int fails(int what)
{
	int n;

	if (armed.what != what)
		return 0;
	n = atomic_fetch_add(&armed.calls, 1) + 1;
	return armed.from && (n == armed.from || (armed.for_ever && n > armed.from));
}

#define REAL(name) \
	static __typeof__(&name) real; \
	if (!real) \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

#pragma GCC visibility push(default)

/* ---- descriptors (P-03) ---- */

#define DESCRIPTOR(name, args, call) \
	int name args \
	{ \
		REAL(name); \
		if (fails(DESCRIPTORS)) { \
			errno = EMFILE; \
			return -1; \
		} \
		return real call; \
	}

DESCRIPTOR(socket, (int family, int type, int protocol), (family, type, protocol))
DESCRIPTOR(socketpair, (int f, int t, int p, int two[2]), (f, t, p, two))
DESCRIPTOR(epoll_create1, (int flags), (flags))
DESCRIPTOR(eventfd, (unsigned int first, int flags), (first, flags))
DESCRIPTOR(timerfd_create, (clockid_t clock, int flags), (clock, flags))
DESCRIPTOR(pipe2, (int two[2], int flags), (two, flags))

/* ---- threads (P-04) ---- */

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	REAL(pthread_create);
	return fails(THREADS) ? EAGAIN : real(t, attr, fn, arg);
}

int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
	REAL(pthread_mutex_init);
	return fails(THREADS) ? ENOMEM : real(m, attr);
}

int pthread_key_create(pthread_key_t *key, void (*done)(void *))
{
	REAL(pthread_key_create);
	return fails(THREADS) ? EAGAIN : real(key, done);
}

/* ---- input and output that comes in pieces (P-05) ---- */

static uint64_t chance(void)
{
	uint64_t z = atomic_fetch_add(&armed.chance, UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* -1 with errno, or how many of `len` bytes are moved now. Of ten calls seven are whole. */
static ssize_t cut(int fd, size_t len)
{
	const uint64_t c = armed.what == INPUT ? chance() : 9;

	if (c % 10 > 2 || !len)
		return (ssize_t)len;
	atomic_fetch_add(&armed.calls, 1);
	if (c % 10 == 0) {
		errno = EINTR;
		return -1;
	}
	if (c % 10 == 1 && (fcntl(fd, F_GETFL) & O_NONBLOCK)) {
		errno = EAGAIN;
		return -1;
	}
	return (ssize_t)(1 + (c >> 8) % len);
}

ssize_t recv(int fd, void *to, size_t len, int flags)
{
	const ssize_t n = cut(fd, len);
	REAL(recv);

	return n < 0 ? n : real(fd, to, (size_t)n, flags);
}

ssize_t send(int fd, const void *from, size_t len, int flags)
{
	const ssize_t n = cut(fd, len);
	REAL(send);

	return n < 0 ? n : real(fd, from, (size_t)n, flags);
}

static int interrupted(void)
{
	if (armed.what != INPUT || chance() % 10 > 2)
		return 0;
	atomic_fetch_add(&armed.calls, 1);
	errno = EINTR;
	return 1;
}

int poll(struct pollfd *fds, nfds_t n, int ms)
{
	REAL(poll);
	return interrupted() ? -1 : real(fds, n, ms);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int ms)
{
	REAL(epoll_wait);
	return interrupted() ? -1 : real(fd, events, most, ms);
}

#pragma GCC visibility pop

/* ---- a service and a call of it ---- */

static sim *up;

static llm_service *open_service(int own_thread, llm_err *err)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	char config[512];

	snprintf(config, sizeof(config),
		"providers = { ollama = { base_url = \"%s\"; };\n"
		"openai = { base_url = \"%s/v1\"; api_key = \"env:SITES_KEY\"; };\n"
		"gemini = { base_url = \"%s\"; api_key = \"env:SITES_KEY\"; }; };",
		sim_url(up), sim_url(up), sim_url(up));
	setenv("SITES_KEY", "any", 1);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&so, &svc, err))
		return NULL;
	if (own_thread && llm_service_start(svc, err)) {
		llm_service_free(svc);
		return NULL;
	}
	return svc;
}

static int32_t ask(
	llm_service *svc, const char *model, uint32_t flags, char *text, size_t cap, llm_err *err)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	int32_t rc;

	co.flags = flags;
	co.total_ms = 10000;
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, model), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hello", 5), 0);
	rc = llm_submit(svc, rq, &co, &call, err);
	llm_request_free(rq);
	if (!rc)
		rc = llm_call_wait(call, 20000, err);
	if (!rc)
		snprintf(text, cap, "%s", llm_result_text(llm_call_result(call), NULL));
	llm_call_free(call);
	return rc;
}

/* 0 when all is as it should be: an answer, or an error with a name and a word. */
static int scene(int own_thread)
{
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = open_service(own_thread, &err);
	char text[4096] = "";
	int32_t rc = svc ? ask(svc, "ollama/sim-small", LLM_CALL_STREAM, text, sizeof(text), &err) :
			   err.code;

	llm_service_free(svc);
	if (rc ? err.message[0] && llm_error_info_of(rc) && err.code == rc : text[0] != '\0')
		return 0;
	fprintf(stderr, "sites: %s: \"%s\", \"%s\"\n", llm_error_name(rc), err.message, text);
	return 1;
}

/*
 * In a process of its own, so that what happens once happens anew: the scene with call
 * number `n` failing, then the scene undisturbed; nothing may stay open.
 */
static int play(int what, int n, int for_ever, int own_thread, int *ret_calls)
{
	size_t before;
	int bad;

	armed.from = n;
	armed.for_ever = for_ever;
	armed.calls = 0;
	before = oracle_fds();
	armed.what = what;
	bad = scene(own_thread);
	armed.what = NONE;
	*ret_calls = armed.calls;
	bad |= scene(own_thread) << 1;
	bad |= (oracle_fds() != before) << 2;
	return bad;
}

static int play_apart(int what, int n, int for_ever, int own_thread, int *ret_calls)
{
	int *calls = mmap(
		NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t pid;

	cr_assert_neq(calls, MAP_FAILED);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (!pid)
		_exit(play(what, n, for_ever, own_thread, calls));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	*ret_calls = *calls;
	munmap(calls, sizeof(*calls));
	return status;
}

/* Every call of the kind, once and for ever; how many there are. */
static int sweep(int what, int own_thread)
{
	int all, calls, n;

	cr_assert_eq(play_apart(what, 0, 0, own_thread, &all), 0);
	for (n = 1; n <= 2 * all; n++) {
		const int status = play_apart(what, (n + 1) / 2, n % 2, own_thread, &calls);

		cr_assert_eq(status, 0, "number %d of %d, %s: status %d", (n + 1) / 2, all,
			n % 2 ? "for ever" : "once", status);
	}
	return all;
}

Test(sites, P_03_every_descriptor_may_be_missing)
{
	up = sim_start(NULL);
	cr_assert_geq(sweep(DESCRIPTORS, 0), 4);
	cr_assert_geq(sweep(DESCRIPTORS, 1), 4);
	cr_assert_eq(sim_stop(up), 0);
}

Test(sites, P_04_every_thread_and_lock_may_be_missing)
{
	up = sim_start(NULL);
	cr_assert_geq(sweep(THREADS, 0), 1);
	cr_assert_geq(sweep(THREADS, 1), 2);
	cr_assert_eq(sim_stop(up), 0);
}

Test(sites, P_05_input_and_output_in_pieces)
{
	static const char *const models[] = {
		"ollama/sim-small", "openai/sim-small", "gemini/sim-small"};
	uint64_t seed;
	size_t i;

	up = sim_start(NULL);
	for (seed = 1; seed <= 5; seed++)
		for (i = 0; i < 12; i++) {
			char plain[4096] = "", cut_up[4096] = "";
			const uint32_t flags = i / 3 % 2 ? LLM_CALL_STREAM : 0;
			llm_err err = LLM_ERR_INIT;
			llm_service *svc = open_service(i >= 6, &err);

			cr_assert_not_null(svc, "%s", err.message);
			cr_assert_eq(ask(svc, models[i % 3], flags, plain, sizeof(plain), &err), 0,
				"%s", err.message);
			armed.chance = seed;
			armed.calls = 0;
			armed.what = INPUT;
			cr_assert_eq(ask(svc, models[i % 3], flags, cut_up, sizeof(cut_up), &err),
				0, "seed %d, %s: %s", (int)seed, models[i % 3], err.message);
			armed.what = NONE;
			cr_assert_str_eq(cut_up, plain);
			cr_assert_gt(armed.calls, 0);
			llm_service_free(svc);
		}
	cr_assert_eq(sim_stop(up), 0);
}
