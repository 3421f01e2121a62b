#include "support/hear.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SILENCE_MS 40
#define PATIENCE_MS 10000
#define HEARD_MAX ((size_t)4 << 20)

const char *const hear_wires[HEAR_WIRES] = {"ollama", "openai", "gemini"};
const char *const hear_ends[] = {"whole", "closed", "reset", "silent", "with more"};

static void *have(void *p)
{
	if (p)
		return p;
	fprintf(stderr, "hear: out of memory\n");
	_exit(99);
}

static char *joined(const char *format, const char *a, const char *b)
{
	char *text = NULL;

	return asprintf(&text, format, a, b) < 0 ? have(NULL) : text;
}

static char *body_of(int wire, const char *model, int stream)
{
	if (wire == HEAR_GEMINI)
		return have(strdup(
			"{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}"));
	return joined("{\"model\":\"%s\",\"stream\":%s,\"messages\":[{\"role\":\"user\","
		      "\"content\":\"hi\"}]}",
		model, stream ? "true" : "false");
}

static void ask(int fd, int wire, const char *model, int stream)
{
	char *body = body_of(wire, model, stream), *path, *head, *all;
	char length[32];

	if (wire == HEAR_GEMINI)
		path = joined("/v1beta/models/%s:%s", model,
			stream ? "streamGenerateContent?alt=sse" : "generateContent");
	else
		path = have(strdup(wire == HEAR_OLLAMA ? "/api/chat" : "/v1/chat/completions"));
	snprintf(length, sizeof(length), "%zu", strlen(body));
	head = joined("POST %s HTTP/1.1\r\nHost: localhost\r\nx-goog-api-key: k\r\n"
		      "Content-Length: %s\r\n\r\n",
		path, length);
	all = joined("%s%s", head, body);
	sim_send(fd, all, strlen(all));
	free(all);
	free(head);
	free(path);
	free(body);
}

static int is_whole(const heard *h)
{
	static const char last[] = "\r\n0\r\n\r\n";
	static const char name[] = "\r\nContent-Length: ";
	const char *length = h->body ? strstr(h->data, name) : NULL;

	if (!h->body)
		return 0;
	if (length && length < h->body)
		return h->len - (size_t)(h->body - h->data) ==
			strtoul(length + sizeof(name) - 1, NULL, 10);
	return !memcmp(h->data + h->len - sizeof(last) + 1, last, sizeof(last) - 1);
}

static void look(heard *h, const char *until)
{
	const char *end;

	h->data[h->len] = 0;
	end = h->body ? NULL : memmem(h->data, h->len, "\r\n\r\n", 4);
	if (end) {
		h->body = end + 4;
		h->status = (int)strtol(h->data + strlen("HTTP/1.1 "), NULL, 10);
	}
	if (is_whole(h))
		h->end = HEAR_WHOLE;
	if (h->len == HEARD_MAX || (until && memmem(h->data, h->len, until, strlen(until))))
		h->end = HEAR_MORE;
}

void hear_on(
	int fd, int wire, const char *model, int stream, const char *until, int silent, heard *ret)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	heard h = {.data = have(calloc(1, HEARD_MAX + 1)), .end = HEAR_SILENT};
	int limit = silent > 1 ? SILENCE_MS : PATIENCE_MS;

	ask(fd, wire, model, stream);
	while (h.end == HEAR_SILENT && poll(&p, 1, limit) > 0) {
		ssize_t n = recv(fd, h.data + h.len, HEARD_MAX - h.len, 0);

		if (n <= 0) {
			h.end = n ? HEAR_RESET : HEAR_CLOSED;
			break;
		}
		h.len += (size_t)n;
		look(&h, until);
		limit = silent ? SILENCE_MS : PATIENCE_MS;
	}
	*ret = h;
}

void hear(const sim *s, int wire, const char *model, int stream, heard *ret)
{
	int fd = sim_connect(s);

	hear_on(fd, wire, model, stream, NULL, 0, ret);
	close(fd);
}

int hear_status(const sim *s, int wire, const char *model)
{
	heard h;

	hear(s, wire, model, 0, &h);
	heard_done(&h);
	return h.status;
}

void heard_done(heard *h)
{
	free(h->data);
	h->data = NULL;
}
