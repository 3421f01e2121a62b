#include <string.h>

#include "http.h"

static enum http_state bad(struct http_request *rq, int status)
{
	rq->bad_status = status;
	return HTTP_BAD;
}

static struct span trimmed(const char *from, const char *to)
{
	while (from < to && (*from == ' ' || *from == '\t'))
		from++;
	while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r'))
		to--;
	return (struct span){from, (size_t)(to - from)};
}

static bool decimal(struct span s, size_t *ret)
{
	size_t n = 0;

	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9' || n > SIZE_MAX / 16)
			return false;
		n = n * 10 + (size_t)(s.ptr[i] - '0');
	}
	*ret = n;
	return true;
}

static enum http_state request_line(struct http_request *rq, const char *line, const char *end)
{
	const char *one = memchr(line, ' ', (size_t)(end - line));
	const char *two = one ? memchr(one + 1, ' ', (size_t)(end - one - 1)) : NULL;
	const char *query;

	if (!two || one == line || one[1] != '/' || end - two != 9 || memcmp(two, " HTTP/", 6) != 0)
		return bad(rq, 400);
	if (two[6] != '1' || two[7] != '.' || (two[8] != '0' && two[8] != '1'))
		return bad(rq, 505);
	rq->method = (struct span){line, (size_t)(one - line)};
	rq->path = (struct span){one + 1, (size_t)(two - one - 1)};
	rq->query = (struct span){NULL, 0};
	query = memchr(one + 1, '?', rq->path.len);
	if (query) {
		rq->path.len = (size_t)(query - one - 1);
		rq->query = (struct span){query + 1, (size_t)(two - query - 1)};
	}
	rq->minor = two[8] - '0';
	rq->close = rq->minor == 0;
	return HTTP_WHOLE;
}

static enum http_state known_header(struct http_request *rq, const struct http_header *h)
{
	switch (h->name.len) {
	case 6:
		if (span_is_nocase(h->name, "expect") && span_is_nocase(h->value, "100-continue"))
			rq->expect = true;
		break;
	case 10:
		if (span_is_nocase(h->name, "connection") && span_has_nocase(h->value, "close"))
			rq->close = true;
		break;
	case 14:
		if (span_is_nocase(h->name, "content-length") && !decimal(h->value, &rq->length))
			return bad(rq, 400);
		break;
	case 17:
		if (!span_is_nocase(h->name, "transfer-encoding"))
			break;
		if (!span_is_nocase(h->value, "chunked"))
			return bad(rq, 501);
		rq->chunked = true;
		break;
	default:
		break;
	}
	return rq->length > HTTP_BODY_MAX ? bad(rq, 413) : HTTP_WHOLE;
}

static enum http_state header_line(struct http_request *rq, const char *line, const char *end)
{
	const char *colon = memchr(line, ':', (size_t)(end - line));
	struct http_header *h = &rq->headers[rq->header_count];

	if (!colon || colon == line)
		return bad(rq, 400);
	if (rq->header_count == HTTP_HEADERS_MAX)
		return bad(rq, 431);
	h->name = (struct span){line, (size_t)(colon - line)};
	h->value = trimmed(colon + 1, end);
	rq->header_count++;
	return known_header(rq, h);
}

static enum http_state head(struct http_request *rq, const char *from, const char *to)
{
	enum http_state state = HTTP_WHOLE;
	const char *line = from;

	while (line < to && state == HTTP_WHOLE) {
		const char *lf = memchr(line, '\n', (size_t)(to - line));
		const char *end = lf > line && lf[-1] == '\r' ? lf - 1 : lf;

		state = line == from ? request_line(rq, line, end) : header_line(rq, line, end);
		line = lf + 1;
	}
	return state;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The size line of a chunk at `at`: its value, and where the data starts. */
static enum http_state chunk_size(
	const struct bytes *in, size_t at, size_t *ret_size, size_t *ret_data)
{
	const char *line = in->data + at;
	const char *lf = memchr(line, '\n', in->len - at);
	size_t size = 0;

	if (!lf)
		return in->len - at > 256 ? HTTP_BAD : HTTP_MORE;
	if (hex(line[0]) < 0)
		return HTTP_BAD;
	for (; hex(*line) >= 0; line++) {
		size = size * 16 + (size_t)hex(*line);
		if (size > HTTP_BODY_MAX)
			return HTTP_BAD;
	}
	*ret_size = size;
	*ret_data = (size_t)(lf - in->data) + 1;
	return HTTP_WHOLE;
}

/* Where the chunked body ends. With `out`, its data is moved there as well. */
static enum http_state chunks(
	const struct bytes *in, size_t at, char *out, size_t *ret_len, size_t *ret_end)
{
	size_t len = 0;

	for (;;) {
		size_t size;
		size_t data;
		enum http_state state = chunk_size(in, at, &size, &data);

		if (state != HTTP_WHOLE)
			return state;
		at = data + size + 2; /* trailers are not accepted: no client here sends any */
		if (at > in->len)
			return HTTP_MORE;
		if (memcmp(in->data + at - 2, "\r\n", 2) != 0)
			return HTTP_BAD;
		if (out)
			memmove(out + len, in->data + data, size);
		len += size;
		if (!size)
			break;
	}
	*ret_len = len;
	*ret_end = at;
	return HTTP_WHOLE;
}

static enum http_state chunked_body(struct bytes *in, struct http_request *rq)
{
	enum http_state state = chunks(in, rq->head_len, NULL, &rq->body.len, &rq->total);

	if (state == HTTP_BAD || (state == HTTP_MORE && in->len > HTTP_BODY_MAX))
		return bad(rq, state == HTTP_BAD ? 400 : 413);
	if (state == HTTP_MORE)
		return state;
	rq->body.ptr = in->data + rq->head_len;
	return chunks(in, rq->head_len, in->data + rq->head_len, &rq->body.len, &rq->total);
}

enum http_state http_parse(struct bytes *in, struct http_request *ret)
{
	const char *end;
	enum http_state state;

	ret->header_count = ret->head_len = ret->length = ret->total = 0;
	ret->chunked = ret->close = ret->expect = false;
	ret->bad_status = 0;
	end = in->len ? memmem(in->data, in->len, "\r\n\r\n", 4) : NULL;
	if (!end)
		return in->len > HTTP_HEAD_MAX ? bad(ret, 431) : HTTP_MORE;
	state = head(ret, in->data, end + 2);
	if (state != HTTP_WHOLE)
		return state;
	ret->head_len = (size_t)(end - in->data) + 4;
	if (ret->chunked)
		return chunked_body(in, ret);
	ret->body = (struct span){in->data + ret->head_len, ret->length};
	ret->total = ret->head_len + ret->length;
	return in->len < ret->total ? HTTP_MORE : HTTP_WHOLE;
}

struct span http_header(const struct http_request *rq, const char *name)
{
	for (size_t i = 0; i < rq->header_count; i++)
		if (span_is_nocase(rq->headers[i].name, name))
			return rq->headers[i].value;
	return (struct span){NULL, 0};
}

struct span http_query(const struct http_request *rq, const char *name)
{
	size_t n = strlen(name);
	const char *at = rq->query.ptr;
	const char *end = at ? at + rq->query.len : NULL;

	while (at < end) {
		const char *next = memchr(at, '&', (size_t)(end - at));
		size_t len = (size_t)((next ? next : end) - at);

		if (len > n && at[n] == '=' && !memcmp(at, name, n))
			return (struct span){at + n + 1, len - n - 1};
		at += len + 1;
	}
	return (struct span){NULL, 0};
}

char *http_decoded(struct span s)
{
	char *out = mem_copy(s.ptr, s.len);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		out[n++] = s.ptr[i];
		if (s.ptr[i] != '%' || i + 2 >= s.len || hex(s.ptr[i + 1]) < 0 ||
			hex(s.ptr[i + 2]) < 0)
			continue;
		out[n - 1] = (char)(hex(s.ptr[i + 1]) * 16 + hex(s.ptr[i + 2]));
		i += 2;
	}
	out[n] = 0;
	return out;
}

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{308, "Permanent Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{402, "Payment Required"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{413, "Content Too Large"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
		{529, "Overloaded"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}
