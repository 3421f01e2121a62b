/*
 * poll-loop.c - eight answers at once and standard input, in one thread and one poll().
 *
 *	cc poll-loop.c -lllm && ./a.out ollama/llama3.2 "Why is the sky blue?"
 *
 * The library gives the loop one descriptor and says how long to wait at most; it starts
 * no thread and never waits by itself. A line on standard input is the other thing that
 * may happen meanwhile: "q" cancels what still runs.
 */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <llm/llm.h>

#define STREAMS 8

typedef struct stream {
	llm_call *call;
	size_t bytes;
	int ended;
} stream;

static stream streams[STREAMS];

/* Runs inside llm_service_dispatch, never anywhere else. */
static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	stream *s = (stream *)token;

	(void)call;
	if (e->kind == LLM_EVENT_TEXT)
		s->bytes += e->len;
	if (e->kind != LLM_EVENT_END)
		return;
	s->ended = 1;
	printf("%d: %lu bytes, %s\n", (int)(s - streams), (unsigned long)s->bytes,
		llm_status_name(llm_result_status(llm_call_result(s->call))));
}

static int submit_all(llm_service *svc, const char *model, const char *question, llm_err *err)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_request *rq;
	int i, rc = llm_request_new(NULL, &rq);

	if (rc)
		return rc;
	llm_request_model(rq, model);
	llm_request_text(rq, LLM_ROLE_USER, question, LLM_NUL_TERMINATED);
	opts.flags = LLM_CALL_STREAM;
	opts.on_event = on_event;
	for (i = 0; i < STREAMS && !rc; i++) { /* a request may be submitted again */
		opts.token = (uintptr_t)&streams[i];
		rc = llm_submit(svc, rq, &opts, &streams[i].call, err);
	}
	llm_request_free(rq);
	return rc;
}

static int running(void)
{
	int i, n = 0;

	for (i = 0; i < STREAMS; i++)
		n += !streams[i].ended;
	return n;
}

/* 0 when there will be no more. */
static int read_input(void)
{
	char line[256];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line));
	int i;

	if (n > 0)
		printf("input: %ld bytes\n", (long)n);
	for (i = 0; i < STREAMS && n > 0 && line[0] == 'q'; i++)
		llm_call_cancel(streams[i].call);
	return n > 0;
}

/* Whole milliseconds for poll(), rounded up so that it does not wake too early. */
static int timeout_ms(llm_service *svc)
{
	uint64_t ns = llm_service_next_ns(svc);

	if (ns == UINT64_MAX)
		return -1;
	return ns > 60000000000u ? 60000 : (int)((ns + 999999) / 1000000);
}

static int loop(llm_service *svc, llm_err *err)
{
	struct pollfd fds[2];
	int rc = 0;

	memset(fds, 0, sizeof(fds));
	fds[0].fd = llm_service_fd(svc);
	fds[1].fd = STDIN_FILENO;
	fds[0].events = fds[1].events = POLLIN;
	while (!rc && running()) {
		if (poll(fds, 2, timeout_ms(svc)) > 0 && fds[1].revents && !read_input())
			fds[1].fd = -1; /* poll() passes over it from now on */
		rc = llm_service_dispatch(svc, err);
	}
	return rc;
}

int main(int argc, char **argv)
{
	llm_err err = LLM_ERR_INIT;
	llm_service *svc;
	int i, rc;

	if (argc < 3) {
		fprintf(stderr, "usage: %s MODEL QUESTION\n", argv[0]);
		return 2;
	}
	rc = llm_service_new(NULL, &svc, &err);
	if (!rc) {
		rc = submit_all(svc, argv[1], argv[2], &err);
		if (!rc)
			rc = loop(svc, &err);
		for (i = 0; i < STREAMS; i++)
			llm_call_free(streams[i].call);
		llm_service_free(svc);
	}
	if (rc)
		fprintf(stderr, "%s\n", err.message);
	return rc != 0;
}
