/*
 * floor/calls.c - the least that a program pays for the same calls: libcurl and epoll.
 *
 *   floor-calls URL BODY_FILE CALLS FLIGHT WARMUP [HEADER...]
 *
 * FLIGHT handles, used again and again; lines are counted, nothing else is read.
 */
#include "meter.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

struct slot {
	CURL *easy;
	struct meter_times times;
};

static struct meter meter;
static CURLM *multi;
static int epoll_fd;
static long timeout_ms = -1, body_len;
static char body[8 << 20];

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	const char *end = p + size * n, *at = p;

	meter_piece(&((struct slot *)ctx)->times);
	for (; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		meter.events += (uint64_t)meter_counts(&meter);
	return size * n;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct epoll_event ev = {.data.fd = fd};
	const int op = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	(void)easy, (void)ctx;
	ev.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	epoll_ctl(epoll_fd, what == CURL_POLL_REMOVE ? EPOLL_CTL_DEL : op, fd, &ev);
	if (!known && what != CURL_POLL_REMOVE)
		curl_multi_assign(multi, fd, &epoll_fd);
	return 0;
}

static int on_timer(CURLM *m, long ms, void *ctx)
{
	(void)m, (void)ctx;
	timeout_ms = ms;
	return 0;
}

static void reap(void)
{
	CURLMsg *msg;
	int left;
	while ((msg = curl_multi_info_read(multi, &left))) {
		struct slot *s = NULL;
		long status = 0;

		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&s);
		curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_multi_remove_handle(multi, s->easy);
		meter_end(&meter, &s->times, !msg->data.result && status == 200);
		if (meter_begin(&meter, &s->times))
			curl_multi_add_handle(multi, s->easy);
	}
}

static void turn(void)
{
	struct epoll_event ev[64];
	int i, running, n = epoll_wait(epoll_fd, ev, 64, (int)timeout_ms);
	if (!n || !timeout_ms) {
		timeout_ms = -1;
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	for (i = 0; i < n; i++) /* CURL_CSELECT_IN is EPOLLIN, CURL_CSELECT_OUT half of EPOLLOUT */
		curl_multi_socket_action(multi, ev[i].data.fd,
			(int)(ev[i].events & EPOLLIN) | (int)(ev[i].events & EPOLLOUT) / 2,
			&running);
	reap();
}

int main(int argc, char **argv)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	FILE *f = argc > 5 ? fopen(argv[2], "rb") : NULL;
	int i;
	if (!f || !(body_len = (long)fread(body, 1, sizeof(body), f)))
		return 2;
	meter_init(&meter, argv[3], argv[4], argv[5]);
	multi = curl_multi_init();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	for (i = 6; i < argc; i++)
		headers = curl_slist_append(headers, argv[i]);
	for (i = 0; i < meter.flight; i++) {
		struct slot *s = calloc(1, sizeof(*s));
		CURL *e = s->easy = curl_easy_init();
		curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(e, CURLOPT_URL, argv[1]);
		curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, body_len);
		curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
		curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
		curl_easy_setopt(e, CURLOPT_PRIVATE, s);
		if (meter_begin(&meter, &s->times))
			curl_multi_add_handle(multi, e);
	}
	while (!meter_done(&meter))
		turn();
	return meter_print(&meter);
}
