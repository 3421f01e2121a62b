#include "xfer.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "multi.h"

static xfer *take(net *n)
{
	xfer *x = n->spare;

	if (x) {
		n->spare = x->next;
		n->n_spare--;
		return x;
	}
	x = mem_new(n->mem, sizeof(*x));
	if (!x)
		return NULL;
	x->n = n;
	x->easy = curl_easy_init();
	if (x->easy)
		return x;
	mem_free(n->mem, x);
	return NULL;
}

/*
 * libcurl's own limit follows the number of transfers at this moment: between two waves
 * it would close most of their connections.
 */
static void keep_connections(net *n)
{
	if (n->n_live <= n->keep)
		return;
	n->keep = n->n_live + n->n_live / 2;
	curl_multi_setopt(n->multi, CURLMOPT_MAXCONNECTS, (long)n->keep);
}

/* Out of libcurl's sight; that closes a connection that is still in use. */
static void release(xfer *x)
{
	curl_multi_remove_handle(x->n->multi, x->easy);
	easy_clear(x);
}

static void give_back(xfer *x)
{
	net *n = x->n;

	n->n_live--;
	doubt_leave(x);
	if (n->n_spare == NET_SPARE) {
		xfer_free(x);
		return;
	}
	memset(&x->rq, 0, sizeof(*x) - offsetof(xfer, rq));
	x->next = n->spare;
	n->spare = x;
	n->n_spare++;
}

void xfer_free(xfer *x)
{
	if (!x)
		return;
	curl_easy_cleanup(x->easy);
	mem_free(x->n->mem, x->rows);
	mem_free(x->n->mem, x->lines);
	mem_free(x->n->mem, x);
}

void xfer_bury(xfer *x)
{
	x->n->dropping = 1;
	release(x);
	x->n->dropping = 0;
	doubt_reset(x);
	give_back(x);
}

/* libcurl says "out of memory" also of a header line of 100 KiB, and gives no other sign. */
static int head_too_large(const xfer *x)
{
	return x->sent_told && !x->head_read;
}

/* A connection that ends inside the header is an end like any other to libcurl. */
static int cut_in_head(const xfer *x, CURLcode result)
{
	return (result == CURLE_OK || result == CURLE_PARTIAL_FILE) && x->connected &&
		!x->head_read;
}

/*
 * libcurl reports a damaged chunk and a reset connection by the same code; only the
 * second has an errno behind it.
 */
static int32_t code_of(const xfer *x, CURLcode result)
{
	long os = 0;

	if (x->stop)
		return x->stop;
	curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &os);
	switch (result) {
	case CURLE_OK:
		return cut_in_head(x, result) ? LLM_E_CONNECTION : 0;
	case CURLE_OUT_OF_MEMORY:
		return head_too_large(x) ? LLM_E_PROTOCOL : LLM_E_NOMEM;
	case CURLE_RECV_ERROR: /* a proxy's refusal as well, before there is a connection */
		return !x->connected || os == ECONNRESET || os == EPIPE || os == ETIMEDOUT ||
				strstr(x->problem, "Recv failure") || strstr(x->problem, "SSL") ||
				strstr(x->problem, "HTTP/2") ?
			LLM_E_CONNECTION :
			LLM_E_PROTOCOL;
	case CURLE_PARTIAL_FILE:
		return cut_in_head(x, result) ? LLM_E_CONNECTION : LLM_E_STREAM_BROKEN;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_WRITE_ERROR:
		return LLM_E_PROTOCOL;
	default:
		return LLM_E_CONNECTION;
	}
}

/* What happened, in words. */
static const char *words_of(const xfer *x, CURLcode result)
{
	if (x->refused)
		return "the server did not take the request (REFUSED_STREAM or GOAWAY)";
	if (result == CURLE_OUT_OF_MEMORY && head_too_large(x))
		return "a header line without an end";
	if (cut_in_head(x, result))
		return "the connection was closed inside the header";
	return x->problem[0] ? x->problem : curl_easy_strerror(result);
}

void xfer_finish(xfer *x, CURLcode result)
{
	xfer_outcome out = {
		.code = code_of(x, result), .reused = x->reused, .detail = "", .advice = ""};
	char detail[CURL_ERROR_SIZE];

	if (out.code != LLM_E_CONNECTION)
		x->refused = 0;
	if (out.code) {
		const char *text = words_of(x, result);

		memcpy(detail, text, strnlen(text, sizeof(detail) - 1) + 1);
		detail[sizeof(detail) - 1] = '\0';
		out.detail = detail;
		out.unprocessed = x->refused;
		out.advice = x->refused ? "" : why_advice(x, result);
	}
	if (out.code == LLM_E_CONNECTION && !x->refused)
		doubt_host(x->n);
	release(x);
	if (out.code)
		doubt_reset(x);
	x->ev->done(x->ctx, &out);
	give_back(x);
}

int32_t xfer_start(net *n, const xfer_request *rq, const xfer_events *ev, void *ctx, xfer **ret)
{
	xfer *x = take(n);
	int32_t rc;

	if (!x)
		return LLM_E_NOMEM;
	n->n_live++;
	keep_connections(n);
	doubt_look(n);
	x->rq = rq;
	x->ev = ev;
	x->ctx = ctx;
	rc = easy_setup(x);
	if (!rc && curl_multi_add_handle(n->multi, x->easy) != CURLM_OK)
		rc = LLM_E_NOMEM;
	if (rc) {
		easy_clear(x);
		give_back(x);
		return rc;
	}
	*ret = x;
	return 0;
}

void xfer_cancel(xfer *x)
{
	net *n = x->n;

	x->cancelled = 1;
	if (!n->turning) {
		xfer_bury(x);
		return;
	}
	/* Inside libcurl: it is buried when libcurl has returned. */
	x->next = n->dying;
	n->dying = x;
}

void xfer_spend(xfer *x)
{
	x->special = 1;
	curl_easy_setopt(x->easy, CURLOPT_FORBID_REUSE, 1L);
}

void xfer_resume(xfer *x)
{
	net *n = x->n;

	if (!x->paused)
		return;
	x->paused = 0;
	/* libcurl hands out what it kept at once, so callbacks run in here. */
	multi_enter(n);
	curl_easy_pause(x->easy, CURLPAUSE_CONT);
	multi_leave(n);
	multi_kick(n);
}
