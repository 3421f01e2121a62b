#include "multi.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "llm/version.h"

#define LINE_MAX_BYTES 8300

static void tell_sent(xfer *x)
{
	if (x->sent_told || x->cancelled)
		return;
	x->sent_told = 1;
	x->ev->sent(x->ctx);
}

static size_t on_read(char *dst, size_t size, size_t count, void *ctx)
{
	xfer *x = ctx;
	size_t room = size * count, left = x->rq->body_len - x->body_sent;
	size_t take = left < room ? left : room;

	if (take)
		memcpy(dst, x->rq->body + x->body_sent, take);
	x->body_sent += take;
	if (x->body_sent == x->rq->body_len)
		tell_sent(x);
	return x->cancelled ? CURL_READFUNC_ABORT : take;
}

/* An answer that was there before the first byte of a question is an answer to no one. */
static int is_stray(const xfer *x)
{
	return x->reused && x->rq->body_len && !x->one_piece && !x->body_sent && !x->h2;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the shape is libcurl's */
static int on_prereq(void *ctx, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
	xfer *x = ctx;
	long fresh = 1;

	(void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
	/*
	 * The second time in one transfer: a kept connection died, and libcurl wants to send
	 * the request again on a new one. Whether to is not its business (R-RETRY-14).
	 */
	if (x->connected)
		return CURL_PREREQFUNC_ABORT;
	curl_easy_getinfo(x->easy, CURLINFO_NUM_CONNECTS, &fresh);
	x->reused = fresh == 0;
	x->connected = 1;
	x->ev->connected(x->ctx);
	if (!x->rq->body_len || x->one_piece)
		tell_sent(x);
	return x->cancelled ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* One connection of HTTP/2 carries many answers, and each says whose it is. */
static void read_version(xfer *x, const char *line, size_t len)
{
	if (len > 6 && memcmp(line, "HTTP/2", 6) == 0)
		x->h2 = 1;
	doubt_alive(x);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the shape is libcurl's */
static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
	xfer *x = ctx;
	int32_t rc;

	if (x->sharing)
		read_version(x, line, size * count);
	rc = is_stray(x) ? LLM_E_CONNECTION : x->ev->header(x->ctx, line, size * count);
	if (size * count <= 2)
		x->head_read = 1;
	else if (size * count > 5 && memcmp(line, "HTTP/", 5) == 0) /* trailers are no head */
		x->head_read = 0;
	if (rc)
		x->stop = rc;
	return rc || x->cancelled ? 0 : size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	xfer *x = ctx;
	int32_t rc = x->ev->body(x->ctx, bytes, size * count);

	doubt_alive(x);
	if (x->cancelled)
		return 0;
	if (rc == XFER_PAUSE) {
		x->paused = 1;
		return CURL_WRITEFUNC_PAUSE;
	}
	multi_touch(x);
	if (rc)
		x->stop = rc;
	return rc ? 0 : size * count;
}

/* ---- headers: libcurl's list, in memory that is used again ---- */

/* Without it libcurl waits up to a second for "100 Continue" on large bodies. */
static const char no_expect[] = "Expect:";

/* libcurl's spelling of a header without a value is "Name;". */
static size_t line_size(const xfer_header *h)
{
	const size_t value = strlen(h->value);

	return strlen(h->name) + (value ? 2 + value : 1) + 1;
}

static char *put_line(char *at, const xfer_header *h)
{
	const size_t name = strlen(h->name), value = strlen(h->value);

	memcpy(at, h->name, name + 1);
	at += name;
	if (!value) {
		memcpy(at, ";", 2);
		return at + 2;
	}
	*at++ = ':';
	*at++ = ' ';
	memcpy(at, h->value, value + 1);
	return at + value + 1;
}

static int32_t measure(const xfer_request *rq, size_t *ret_bytes)
{
	size_t i, all = 0;

	for (i = 0; i < rq->n_headers; i++) {
		size_t n = line_size(&rq->headers[i]);

		if (n > LINE_MAX_BYTES)
			return LLM_E_TOO_LARGE;
		all += n;
	}
	*ret_bytes = all;
	return 0;
}

/* The old text is never moved: it held secrets, and was wiped. */
static int32_t make_room(xfer *x, size_t rows, size_t bytes)
{
	const llm_allocator *mem = x->n->mem;

	if (rows > x->rows_cap) {
		struct curl_slist *more = mem_resize(mem, x->rows, rows * sizeof(*more));

		if (!more)
			return LLM_E_NOMEM;
		x->rows = more;
		x->rows_cap = rows;
	}
	if (bytes > x->lines_cap) {
		mem_free(mem, x->lines);
		x->lines_cap = 0;
		x->lines = mem_new(mem, bytes);
		if (!x->lines)
			return LLM_E_NOMEM;
		x->lines_cap = bytes;
	}
	return 0;
}

static int32_t set_headers(xfer *x)
{
	const xfer_request *rq = x->rq;
	size_t i, bytes;
	char *at;
	int32_t rc = measure(rq, &bytes);

	if (!rc)
		rc = make_room(x, rq->n_headers + 1, bytes);
	if (rc)
		return rc;
	at = x->lines;
	x->lines_len = bytes;
	x->rows[0].data = (char *)(uintptr_t)no_expect;
	for (i = 0; i < rq->n_headers; i++) {
		x->rows[i].next = &x->rows[i + 1];
		x->rows[i + 1].data = at;
		at = put_line(at, &rq->headers[i]);
	}
	x->rows[i].next = NULL;
	return curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->rows) == CURLE_OK ? 0 : LLM_E_NOMEM;
}

/* ---- what differs from request to request ---- */

static CURLcode set_method(xfer *x)
{
	const xfer_request *rq = x->rq;
	CURLcode rc;

	if (strcmp(rq->method, "GET") == 0)
		return curl_easy_setopt(x->easy, CURLOPT_HTTPGET, 1L);
	rc = curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_len);
	x->one_piece = rq->body_len && rq->body_len <= NET_SMALL;
	if (rc == CURLE_OK && x->one_piece)
		rc = curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, rq->body);
	if (rc == CURLE_OK && strcmp(rq->method, "POST") != 0) {
		x->special = 1;
		rc = curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, rq->method);
	}
	return rc;
}

static CURLcode set_proxy(xfer *x)
{
	CURLcode rc = curl_easy_setopt(x->easy, CURLOPT_PROXY, x->rq->proxy);

	if (rc == CURLE_OK && x->rq->no_proxy)
		rc = curl_easy_setopt(x->easy, CURLOPT_NOPROXY, x->rq->no_proxy);
	return rc;
}

static int begins(const char *text, size_t len, const char *word)
{
	const size_t n = strlen(word);

	return len >= n && memcmp(text, word, n) == 0;
}

/* The number behind a word; 0 when there is none. */
static uint64_t number_after(const char *text, size_t len, const char *word)
{
	const char *at = memmem(text, len, word, strlen(word));
	uint64_t n = 0;

	if (!at)
		return 0;
	for (at += strlen(word); at < text + len && *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	return n;
}

/*
 * REFUSED_STREAM, or a GOAWAY whose last stream is an earlier one: libcurl 7.88 has no code
 * for either, and would ask again by itself, as it does when a kept connection has died. It
 * only mentions that. Of a connection that has died it has told an error before.
 */
/* NOLINTNEXTLINE(readability-non-const-parameter): the shape is libcurl's */
static int on_words(CURL *easy, curl_infotype type, char *text, size_t len, void *ctx)
{
	xfer *x = ctx;

	(void)easy;
	if (type != CURLINFO_TEXT)
		return 0;
	if (begins(text, len, "Using Stream ID")) {
		x->h2 = 1;
		x->stream = number_after(text, len, "ID: ");
	}
	if (begins(text, len, "REFUSED_STREAM") ||
		(x->h2 && !x->problem[0] && begins(text, len, "Connection died, retrying")) ||
		(memmem(text, len, " GOAWAY, ", 9) &&
			number_after(text, len, "last_stream=") < x->stream))
		x->refused = 1;
	return 0;
}

/* Those that come at the same time wait for the first one's connection. */
static CURLcode set_http2(xfer *x)
{
	curl_easy_setopt(x->easy, CURLOPT_DEBUGFUNCTION, on_words);
	curl_easy_setopt(x->easy, CURLOPT_DEBUGDATA, x);
	curl_easy_setopt(x->easy, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(x->easy, CURLOPT_PIPEWAIT, 1L);
	return curl_easy_setopt(x->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
}

static CURLcode set_special(xfer *x)
{
	const xfer_request *rq = x->rq;
	struct curl_blob key = {.data = (void *)(uintptr_t)rq->client_key.ptr,
		.len = rq->client_key.len,
		.flags = CURL_BLOB_COPY};
	CURLcode rc = CURLE_OK;

	if (!rq->proxy && !rq->ca_file && !rq->client_cert && !rq->client_key.len && !rq->http2 &&
		!rq->fresh)
		return CURLE_OK;
	x->special = 1;
	if (rq->fresh)
		curl_easy_setopt(x->easy, CURLOPT_FRESH_CONNECT, 1L);
	if (rq->http2)
		rc = set_http2(x);
	if (rc == CURLE_OK && rq->proxy)
		rc = set_proxy(x);
	if (rc == CURLE_OK && rq->ca_file)
		rc = curl_easy_setopt(x->easy, CURLOPT_CAINFO, rq->ca_file);
	if (rc == CURLE_OK && rq->client_cert)
		rc = curl_easy_setopt(x->easy, CURLOPT_SSLCERT, rq->client_cert);
	if (rc == CURLE_OK && rq->client_key.len)
		rc = curl_easy_setopt(x->easy, CURLOPT_SSLKEY_BLOB, &key);
	return rc;
}

/* ---- what is always the same ---- */

/*
 * What a cancelled transfer has not sent yet would keep the peer from seeing the end
 * until it has read it all: then the connection is reset instead.
 */
static int on_close_socket(void *ctx, curl_socket_t fd)
{
	net *n = ctx;
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	int unsent = 0;

	socks_closed(n, fd);

	if (n->dropping && ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	return close(fd);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the shape is libcurl's */
static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
	xfer *x = ctx;
	int fd;

	(void)purpose;
	if (x->connected) /* to send the request again: see on_prereq */
		return CURL_SOCKET_BAD;
	fd = socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
	x->opened = fd;
	x->no_fd = fd < 0 && (errno == EMFILE || errno == ENFILE);
	socks_opened(x->n, fd, x->plain);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static void set_callbacks(xfer *x)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, x);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->problem);
	/* A read callback without a seek callback: libcurl cannot send the body again. */
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(e, CURLOPT_READDATA, x);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_prereq);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, x);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, x);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, x->n);
}

static CURLcode set_habits(const xfer *x)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* Removing a handle must not wait for its resolver thread. */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)NET_IDLE_S);
	/* A peer that is gone is noticed while an answer is waited for, and NATs stay open. */
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, 30L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, 15L);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/*
	 * libcurl keeps the certificates it has read only where they come from one file
	 * and no folder: reading them anew costs 15 ms of the loop for each connection.
	 */
	if (x->n->have_bundle)
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	if (curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
		curl_easy_setopt(e, CURLOPT_USERAGENT, "libllm/" LLM_VERSION_STRING) != CURLE_OK)
		return CURLE_OUT_OF_MEMORY;
	/* "" means none at all, where null would mean what the environment says. */
	if (curl_easy_setopt(e, CURLOPT_NOPROXY, "") != CURLE_OK)
		return CURLE_OUT_OF_MEMORY;
	return curl_easy_setopt(e, CURLOPT_PROXY, "");
}

int32_t easy_setup(xfer *x)
{
	int32_t rc;

	if (!x->prepared) {
		set_callbacks(x);
		if (set_habits(x) != CURLE_OK)
			return LLM_E_NOMEM;
		x->prepared = 1;
	}
	rc = set_headers(x);
	if (rc)
		return rc;
	x->plain = !x->rq->proxy && strncmp(x->rq->url, "http:", 5) == 0;
	if (curl_easy_setopt(x->easy, CURLOPT_URL, x->rq->url) != CURLE_OK ||
		set_method(x) != CURLE_OK || set_special(x) != CURLE_OK ||
		doubt_setup(x) != CURLE_OK)
		return LLM_E_NOMEM;
	return 0;
}

void easy_clear(xfer *x)
{
	if (x->lines_len)
		explicit_bzero(x->lines, x->lines_len);
	x->lines_len = 0;
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, NULL);
	if (!x->special)
		return;
	curl_easy_reset(x->easy);
	x->special = x->prepared = 0;
	x->connect_ms = x->dns_s = 0;
}
