#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "log.h"
#include "options.h"

int log_open(const struct options *opt, struct log *ret)
{
	struct log l = {.fd = -1, .body = opt->log_body, .secrets = opt->log_secrets};

	if (opt->log) {
		l.fd = open(opt->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
		if (l.fd < 0) {
			fprintf(stderr, "llmsim: cannot write the log %s: %s\n", opt->log,
				strerror(errno));
			return 1;
		}
	}
	*ret = l;
	return 0;
}

void log_done(struct log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	bytes_done(&l->line);
	l->fd = -1;
}

static bool begin(struct log *l, const char *event, uint64_t conn, uint64_t ns)
{
	if (l->fd < 0)
		return false;
	l->line.len = 0;
	bytes_text(&l->line, "{\"event\":\"");
	bytes_text(&l->line, event);
	bytes_text(&l->line, "\",\"conn\":");
	bytes_number(&l->line, conn);
	bytes_text(&l->line, ",\"ns\":");
	bytes_number(&l->line, ns);
	return true;
}

static void end(struct log *l)
{
	bytes_text(&l->line, "}\n");
	if (write(l->fd, l->line.data, l->line.len) == (ssize_t)l->line.len)
		return;
	fprintf(stderr, "llmsim: the log went away: %s\n", strerror(errno));
	close(l->fd);
	l->fd = -1;
}

static void member(struct log *l, const char *name, struct span value)
{
	bytes_text(&l->line, ",\"");
	bytes_text(&l->line, name);
	bytes_text(&l->line, "\":");
	bytes_json(&l->line, value.ptr, value.len);
}

static bool secret(struct span name)
{
	static const char *const names[] = {"authorization", "proxy-authorization", "x-api-key",
		"api-key", "x-goog-api-key", "cookie"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is_nocase(name, names[i]))
			return true;
	return false;
}

static void header_name(struct bytes *b, struct span name)
{
	size_t from = b->len;

	bytes_json(b, name.ptr, name.len);
	for (size_t i = from; i < b->len; i++)
		if (b->data[i] >= 'A' && b->data[i] <= 'Z')
			b->data[i] = (char)(b->data[i] + ('a' - 'A'));
}

static bool named(struct span a, struct span b)
{
	return a.len == b.len && !strncasecmp(a.ptr, b.ptr, a.len);
}

static bool seen_before(const struct http_request *rq, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (named(rq->headers[j].name, rq->headers[i].name))
			return true;
	return false;
}

/* Repeated headers are one member, joined as HTTP allows. */
static void header_value(struct log *l, const struct http_request *rq, size_t i)
{
	struct bytes joined = {0};

	bytes_add(&joined, rq->headers[i].value.ptr, rq->headers[i].value.len);
	for (size_t j = i + 1; j < rq->header_count; j++) {
		if (!named(rq->headers[j].name, rq->headers[i].name))
			continue;
		bytes_text(&joined, ", ");
		bytes_add(&joined, rq->headers[j].value.ptr, rq->headers[j].value.len);
	}
	bytes_json(&l->line, joined.data, joined.len);
	bytes_done(&joined);
}

static void headers(struct log *l, const struct http_request *rq)
{
	const char *comma = "";

	bytes_text(&l->line, ",\"headers\":{");
	for (size_t i = 0; i < rq->header_count; i++) {
		if (seen_before(rq, i))
			continue;
		bytes_text(&l->line, comma);
		header_name(&l->line, rq->headers[i].name);
		bytes_text(&l->line, ":");
		if (secret(rq->headers[i].name) && !l->secrets)
			bytes_text(&l->line, "\"***\"");
		else
			header_value(l, rq, i);
		comma = ",";
	}
	bytes_text(&l->line, "}");
}

void log_accept(struct log *l, uint64_t conn, uint64_t ns)
{
	if (begin(l, "accept", conn, ns))
		end(l);
}

void log_request(struct log *l, uint64_t conn, uint64_t ns, const struct http_request *rq)
{
	if (!begin(l, "request", conn, ns))
		return;
	member(l, "method", rq->method);
	member(l, "path", rq->path);
	if (rq->query.ptr && l->secrets) /* keys travel in it, too */
		member(l, "query", rq->query);
	headers(l, rq);
	bytes_text(&l->line, ",\"body_bytes\":");
	bytes_number(&l->line, rq->body.len);
	if (l->body)
		member(l, "body", rq->body);
	end(l);
}

void log_fault(struct log *l, uint64_t conn, uint64_t ns, const char *name)
{
	if (!begin(l, "fault", conn, ns))
		return;
	member(l, "name", span_of(name));
	end(l);
}

void log_first_byte(struct log *l, uint64_t conn, uint64_t ns)
{
	if (begin(l, "first_byte", conn, ns))
		end(l);
}

void log_sent(struct log *l, uint64_t conn, uint64_t ns, uint64_t bytes)
{
	if (!begin(l, "sent", conn, ns))
		return;
	bytes_text(&l->line, ",\"bytes\":");
	bytes_number(&l->line, bytes);
	end(l);
}

void log_close(
	struct log *l, uint64_t conn, uint64_t ns, const char *who, const char *kind, uint64_t sent)
{
	if (!begin(l, "close", conn, ns))
		return;
	member(l, "who", span_of(who));
	member(l, "kind", span_of(kind));
	bytes_text(&l->line, ",\"sent\":");
	bytes_number(&l->line, sent);
	end(l);
}
