#include "support/talk.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HOPELESS_NS UINT64_C(10000000000)

static void die(const char *what, const char *why)
{
	fprintf(stderr, "talk: %s: %s\n", what, why);
	_exit(99);
}

uint64_t talk_real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

uint16_t talk_free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
		getsockname(fd, (struct sockaddr *)&a, &len))
		die("socket", "no port");
	close(fd);
	return ntohs(a.sin_port);
}

void talk_open(talk *t, const char *plugin_dir, const char *config, int faked)
{
	talk_open_port(t, plugin_dir, config, faked, NULL);
}

static void on_log(uintptr_t token, uint32_t level, const char *line, size_t len)
{
	talk *t = (talk *)token;
	const size_t used = strlen(t->log);

	(void)level;
	snprintf(t->log + used, sizeof(t->log) - used, "%.*s\n", (int)len, line);
}

void talk_open_port(
	talk *t, const char *plugin_dir, const char *config, int faked, const llm_job_port *jobs)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;

	memset(t, 0, sizeof(*t));
	fakeclock_init(&t->clock, 1);
	opts.config_text = config;
	opts.plugin_dir = plugin_dir;
	opts.jobs = jobs;
	opts.time = faked ? &t->clock.source : NULL;
	opts.log = on_log;
	opts.log_level = LLM_LOG_WARN;
	opts.log_token = (uintptr_t)t;
	if (llm_service_new(&opts, &t->svc, &err))
		die("llm_service_new", err.message);
	/* Descriptor and timers are the host's from now on. */
	(void)llm_service_fd(t->svc);
	t->longest_ns = 0;
}

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	talk_call *c = (talk_call *)token;
	size_t room = sizeof(c->text) - 1 - c->len, n = e->len < room ? e->len : room;

	(void)call;
	if (e->kind == LLM_EVENT_TEXT) {
		memcpy(c->text + c->len, e->text, n);
		c->len += n;
	}
	if (e->kind == LLM_EVENT_END)
		c->ended = 1;
}

void talk_submit(
	talk *t, talk_call *c, const char *model, uint32_t stream, const llm_call_opts *limits)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_request *rq = NULL;
	llm_err err = LLM_ERR_INIT;

	memset(c, 0, sizeof(*c));
	if (limits)
		opts = *limits;
	opts.struct_size = (uint32_t)sizeof(opts);
	opts.flags = stream ? LLM_CALL_STREAM : 0;
	opts.on_event = on_event;
	opts.token = (uintptr_t)c;
	if (llm_request_new(NULL, &rq) || llm_request_model(rq, model) ||
		llm_request_text(rq, LLM_ROLE_USER, "hello", 5))
		die("request", "out of memory");
	c->begun_ns = talk_real_ns();
	if (llm_submit(t->svc, rq, &opts, &c->call, &err))
		die("llm_submit", err.message);
	llm_request_free(rq);
}

void talk_turn(talk *t, int ms)
{
	struct pollfd p = {.fd = llm_service_fd(t->svc), .events = POLLIN};
	uint64_t due = llm_service_next_ns(t->svc), before;
	llm_err err = LLM_ERR_INIT;

	if (due != UINT64_MAX && due / 1000000 + 1 < (uint64_t)ms)
		ms = (int)(due / 1000000 + 1);
	poll(&p, 1, ms);
	before = talk_real_ns();
	if (llm_service_dispatch(t->svc, &err))
		die("llm_service_dispatch", err.message);
	before = talk_real_ns() - before;
	if (before > t->longest_ns)
		t->longest_ns = before;
}

static void note_end(talk_call *c)
{
	const llm_result *r = llm_call_result(c->call);
	const llm_err *err = llm_result_error(r);
	size_t len;
	const char *text = llm_result_text(r, &len);

	c->ended_ns = talk_real_ns();
	if (err)
		c->err = *err;
	c->code = c->err.code;
	if (!c->len) {
		c->len = len < sizeof(c->text) - 1 ? len : sizeof(c->text) - 1;
		memcpy(c->text, text, c->len);
	}
}

int talk_finish(talk *t, talk_call *c)
{
	const uint64_t end = talk_real_ns() + HOPELESS_NS;

	while (!c->ended && talk_real_ns() < end)
		talk_turn(t, 10);
	if (c->ended)
		note_end(c);
	return c->ended;
}

int32_t talk_ask(talk *t, talk_call *c, const char *model, uint32_t stream)
{
	talk_submit(t, c, model, stream, NULL);
	if (!talk_finish(t, c))
		die(model, "has no end");
	talk_done(c);
	return c->code;
}

void talk_done(talk_call *c)
{
	llm_call_free(c->call);
	c->call = NULL;
}

void talk_close(talk *t)
{
	llm_service_free(t->svc);
	t->svc = NULL;
}
