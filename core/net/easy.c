#include "multi.h"

#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "llm/version.h"

/* Beyond every deadline: libcurl's own clock must never end a transfer. */
#define NEVER_MS 2000000000L

CURL *easy_take(net *n)
{
	if (n->n_spare)
		return n->spare[--n->n_spare];
	return curl_easy_init();
}

void easy_give(net *n, CURL *easy)
{
	if (n->n_spare == NET_SPARE) {
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_reset(easy);
	n->spare[n->n_spare++] = easy;
}

static size_t on_read(char *dst, size_t size, size_t count, void *ctx)
{
	xfer *x = ctx;
	size_t room = size * count, left = x->rq->body_len - x->body_sent;
	size_t take = left < room ? left : room;

	if (take)
		memcpy(dst, x->rq->body + x->body_sent, take);
	x->body_sent += take;
	if (x->body_sent == x->rq->body_len && !x->sent_told) {
		x->sent_told = 1;
		x->ev->sent(x->ctx);
	}
	return x->cancelled ? CURL_READFUNC_ABORT : take;
}

void easy_drop_excess(CURL *easy)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	char waste[4096];
	int i, found = 0;

	curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD)
		return;
	for (i = 0; i < 16 && recv(fd, waste, sizeof(waste), MSG_DONTWAIT) > 0; i++)
		found = 1;
	/* libcurl takes a connection for dead when it sees its end, and not by such bytes. */
	if (found)
		shutdown(fd, SHUT_RDWR);
}

/* An answer that was there before the first byte of a question is an answer to no one. */
static int is_stray(const xfer *x)
{
	return x->reused && x->rq->body_len && !x->body_sent;
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
	x->connected = 1;
	curl_easy_getinfo(x->easy, CURLINFO_NUM_CONNECTS, &fresh);
	x->reused = fresh == 0;
	x->ev->connected(x->ctx);
	if (!x->rq->body_len && !x->sent_told && !x->cancelled) {
		x->sent_told = 1;
		x->ev->sent(x->ctx);
	}
	return x->cancelled ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
	xfer *x = ctx;
	int32_t rc = is_stray(x) ? LLM_E_CONNECTION : x->ev->header(x->ctx, line, size * count);

	x->head_read = size * count <= 2; /* the empty line at its end */

	if (rc)
		x->stop = rc;
	return rc || x->cancelled ? 0 : size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	xfer *x = ctx;
	int32_t rc = x->ev->body(x->ctx, bytes, size * count);

	if (x->cancelled)
		return 0;
	if (rc == XFER_PAUSE) {
		x->paused = 1;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (rc)
		x->stop = rc;
	return rc ? 0 : size * count;
}

static int32_t add_header(xfer *x, const char *line)
{
	struct curl_slist *more = curl_slist_append(x->headers, line);

	if (!more)
		return LLM_E_NOMEM;
	x->headers = more;
	return 0;
}

static int32_t set_headers(xfer *x)
{
	char line[8300];
	size_t i;
	int32_t rc;

	/* Without it libcurl waits up to a second for "100 Continue" on large bodies. */
	rc = add_header(x, "Expect:");
	for (i = 0; !rc && i < x->rq->n_headers; i++) {
		const xfer_header *h = &x->rq->headers[i];
		/* libcurl's spelling of a header without a value is "Name;". */
		int n = snprintf(
			line, sizeof(line), "%s%s%s", h->name, h->value[0] ? ": " : ";", h->value);

		if (n < 0 || (size_t)n >= sizeof(line))
			return LLM_E_TOO_LARGE;
		rc = add_header(x, line);
		explicit_bzero(line, (size_t)n);
	}
	return rc;
}

static CURLcode set_target(xfer *x)
{
	const xfer_request *rq = x->rq;
	struct curl_blob key = {.data = (void *)(uintptr_t)rq->client_key.ptr,
		.len = rq->client_key.len,
		.flags = CURL_BLOB_COPY};
	CURLcode rc = curl_easy_setopt(x->easy, CURLOPT_URL, rq->url);

	if (rc == CURLE_OK && strcmp(rq->method, "GET") != 0) {
		rc = curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_len);
		if (rc == CURLE_OK && strcmp(rq->method, "POST") != 0)
			rc = curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, rq->method);
	}
	/* "" means no proxy at all, where null would mean what the environment says. */
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(x->easy, CURLOPT_PROXY, rq->proxy ? rq->proxy : "");
	if (rc == CURLE_OK && rq->ca_file)
		rc = curl_easy_setopt(x->easy, CURLOPT_CAINFO, rq->ca_file);
	if (rc == CURLE_OK && rq->client_cert)
		rc = curl_easy_setopt(x->easy, CURLOPT_SSLCERT, rq->client_cert);
	if (rc == CURLE_OK && rq->client_key.len)
		rc = curl_easy_setopt(x->easy, CURLOPT_SSLKEY_BLOB, &key);
	return rc;
}

/*
 * What a cancelled transfer has not sent yet would keep the peer from seeing the end
 * until it has read it all: then the connection is reset instead.
 */
static int on_close_socket(void *ctx, curl_socket_t fd)
{
	const net *n = ctx;
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	int unsent = 0;

	if (n->dropping && ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	return close(fd);
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
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, x->n);
}

static void set_habits(const xfer *x)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* Removing a handle must not wait for its resolver thread. */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, NEVER_MS);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/*
	 * libcurl keeps the certificates it has read only where they come from one file
	 * and no folder: reading them anew costs 15 ms of the loop for each connection.
	 */
	if (x->n->have_bundle)
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "libllm/" LLM_VERSION_STRING);
}

int32_t easy_setup(xfer *x)
{
	int32_t rc;

	set_habits(x);
	set_callbacks(x);
	rc = set_headers(x);
	if (rc)
		return rc;
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
	return set_target(x) == CURLE_OK ? 0 : LLM_E_NOMEM;
}
