#include "multi.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"

#define LEAST_LIBCURL 0x075800 /* 7.88.0 */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;

/* Process-wide and harmless when the host has done it before us. */
static void init_curl(void)
{
	curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

void multi_enter(net *n)
{
	n->turning++;
}

void multi_touch(xfer *x)
{
	if (x->touched || !x->ev->settled)
		return;
	x->touched = 1;
	x->next_touched = x->n->touched;
	x->n->touched = x;
}

static void settle(net *n)
{
	while (n->touched) {
		xfer *x = n->touched;

		n->touched = x->next_touched;
		x->touched = 0;
		if (!x->cancelled)
			x->ev->settled(x->ctx);
	}
}

/*
 * Where an address refuses, libcurl 7.88 tries the next one only when some timer of its own
 * has run out, seconds later. To pause and resume a transfer makes it look at once.
 */
static void unstick(net *n)
{
	while (n->stuck) {
		xfer *x = n->stuck;

		n->stuck = x->next_stuck;
		x->stuck = 0;
		if (x->cancelled)
			continue;
		curl_easy_pause(x->easy, CURLPAUSE_RECV);
		curl_easy_pause(x->easy, CURLPAUSE_CONT);
	}
}

static void note_stuck(xfer *x)
{
	if (x->connected || x->stuck || !x->n->turning)
		return;
	x->stuck = 1;
	x->next_stuck = x->n->stuck;
	x->n->stuck = x;
}

void multi_leave(net *n)
{
	if (n->turning == 1) {
		unstick(n);
		settle(n);
	}
	if (--n->turning)
		return;
	while (n->dying) {
		xfer *x = n->dying;

		n->dying = x->next;
		xfer_bury(x);
	}
}

static void report_finished(net *n)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(n->multi, &left))) {
		xfer *x = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&x);
		if (!x->cancelled)
			xfer_finish(x, msg->data.result);
	}
}

static void act(net *n, curl_socket_t fd, int mask)
{
	int running;

	multi_enter(n);
	curl_multi_socket_action(n->multi, fd, mask, &running);
	multi_leave(n);
	report_finished(n);
}

static void on_due(void *ctx)
{
	act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(void *ctx, int fd, uint32_t events)
{
	int mask = 0;

	if (socks_idle(ctx, fd))
		return;
	doubt_heard(ctx, fd);
	if (events & EPOLLIN)
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_ERR;
	act(ctx, fd, mask);
}

/*
 * A socket that the kernel will not watch ends by its run's time-out: an error from here
 * would end every transfer of the multi handle.
 */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
	net *n = ctx;
	xfer *x = NULL;

	if (what == CURL_POLL_REMOVE) {
		/* A transfer that is paused lets go of its socket as well. */
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&x);
		if (x)
			note_stuck(x);
		if (x && !x->connected)
			socks_lost(n, fd);
		else if (x && !x->paused)
			socks_rest(n, fd);
		else
			socks_want(n, fd, 0, 0, 1);
		return 0;
	}
	if (n->sharing) {
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&x);
		if (x && x->sharing)
			doubt_socket(x, fd);
	}
	socks_want(n, fd, what & CURL_POLL_IN, what & CURL_POLL_OUT, assigned != NULL);
	if (!assigned)
		curl_multi_assign(n->multi, fd, n);
	return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	net *n = ctx;

	(void)multi;
	loop_net_timer(n->l, timeout_ms, on_due, n);
	return 0;
}

static int32_t check_library(llm_err *err)
{
	const curl_version_info_data *v;

	pthread_once(&curl_once, init_curl);
	if (curl_ready != CURLE_OK)
		return err_set(err, LLM_E_NOMEM, "libcurl cannot start: %s",
			curl_easy_strerror(curl_ready));
	v = curl_version_info(CURLVERSION_NOW);
	if (v->version_num < LEAST_LIBCURL)
		return err_set(err, LLM_E_CONFIG,
			"libcurl %s is too old: 7.88.0 or later is needed", v->version);
	return 0;
}

static int has_bundle(void)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	return v->cainfo && access(v->cainfo, R_OK) == 0;
}

int32_t net_new(loop *l, const llm_allocator *mem, net **ret, llm_err *err)
{
	net *n;
	int32_t rc = check_library(err);

	if (rc)
		return rc;
	n = mem_new(mem, sizeof(*n));
	if (!n)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	n->mem = mem;
	n->l = l;
	n->have_bundle = has_bundle();
	n->multi = curl_multi_init();
	if (!n->multi) {
		mem_free(mem, n);
		return err_set(err, LLM_E_NOMEM, "out of memory");
	}
	loop_on_socket(l, on_ready, n);
	curl_multi_setopt(n->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(n->multi, CURLMOPT_SOCKETDATA, n);
	curl_multi_setopt(n->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(n->multi, CURLMOPT_TIMERDATA, n);
	n->keep = NET_KEEP;
	curl_multi_setopt(n->multi, CURLMOPT_MAXCONNECTS, (long)NET_KEEP);
	*ret = n;
	return 0;
}

void net_free(net *n)
{
	if (!n)
		return;
	while (n->spare) {
		xfer *x = n->spare;

		n->spare = x->next;
		xfer_free(x);
	}
	curl_multi_cleanup(n->multi);
	mem_free(n->mem, n->heard);
	mem_free(n->mem, n->socks);
	mem_free(n->mem, n);
}

void multi_kick(net *n)
{
	loop_net_timer(n->l, 0, on_due, n);
}

const char *net_version(void)
{
	return curl_version();
}
