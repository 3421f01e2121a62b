/*
 * What an answer costs that comes a byte at a time, each in a packet of its own and read by
 * itself, in every wire. Proves: U-07
 *
 *	prove_drip [ROUNDS]
 *
 * One thread is peer and host by turns: it sends a byte, then turns the loop once, and only
 * the turns are counted, by the thread's CPU clock. Beside it bare libcurl is given the same
 * bytes in the same way. Waking up for each byte costs either of them many times what one
 * block costs, so what the library may cost is told by libcurl: less than twice as much. And
 * no byte may cost more because many of its event came before it.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "llm/llm.h"
#include "support/wires.h"

#define REPEATS 24 /* of the answer's first frame */
#define SHORT_EVENT ((size_t)2000)
#define LONG_EVENT ((size_t)32000)
#define MOST 2.0 /* times libcurl's */
#define MOST_GROWTH 1.5
#define WAIT_MS 2000 /* what takes so long will not happen */

static void die(const char *what, const char *why)
{
	fprintf(stderr, "prove_drip: %s: %s\n", what, why);
	exit(2);
}

/* ---- bytes ---- */

typedef struct bytes {
	char *data;
	size_t len;
} bytes;

static void add(bytes *b, const char *text, size_t len)
{
	b->data = realloc(b->data, b->len + len + 1);
	if (!b->data)
		die("bytes", "out of memory");
	memcpy(b->data + b->len, text, len);
	b->len += len;
	b->data[b->len] = '\0';
}

static void add_text(bytes *b, const char *text)
{
	add(b, text, strlen(text));
}

static void add_chunk(bytes *b, const char *text)
{
	char size[24];

	snprintf(size, sizeof(size), "%zx\r\n", strlen(text));
	add_text(b, size);
	add_text(b, text);
	add_text(b, "\r\n");
}

/* An answer, and its text. */
typedef struct answer {
	bytes all;
	bytes text;
} answer;

static void add_head(answer *a, const wire *w)
{
	add_text(&a->all, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: ");
	add_text(&a->all, w->type[1]);
	add_text(&a->all, "\r\nTransfer-Encoding: chunked\r\n\r\n");
}

/* As a model writes: many small frames. */
static void make_usual(answer *a, const wire *w)
{
	int i;

	add_head(a, w);
	for (i = 0; i < REPEATS; i++) {
		add_chunk(&a->all, w->parts[1][0]);
		add_text(&a->text, "Hel");
	}
	for (i = 1; i < 4; i++)
		add_chunk(&a->all, w->parts[1][i]);
	add_chunk(&a->all, "");
	add_text(&a->text, "lo, w\xc3\xb6rld");
}

/* All of the text in one event. */
static void make_event(answer *a, const wire *w, size_t len)
{
	bytes frame = {NULL, 0};
	size_t i;

	for (i = 0; i < len; i++)
		add(&a->text, "x", 1);
	add_text(&frame, w->text[1].before);
	add_text(&frame, "\"");
	add(&frame, a->text.data, a->text.len);
	add_text(&frame, "\"");
	add_text(&frame, w->text[1].after);
	add_head(a, w);
	add_chunk(&a->all, frame.data);
	add_chunk(&a->all, "");
	free(frame.data);
}

static void answer_done(answer *a)
{
	free(a->all.data);
	free(a->text.data);
}

/* ---- the peer ---- */

static int listener = -1;
static char url[64];

static void listen_here(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) ||
		listen(listener, 4) || getsockname(listener, (struct sockaddr *)&at, &len))
		die("listen", strerror(errno));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
}

/* 1 once all of the request is there; looks and does not wait. */
static int has_request(int *fd, bytes *request)
{
	const int on = 1;
	const char *end, *length;
	char piece[4096];
	ssize_t n;

	if (*fd < 0) {
		*fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (*fd < 0)
			return 0;
		setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	while ((n = recv(*fd, piece, sizeof(piece), 0)) > 0)
		add(request, piece, (size_t)n);
	end = request->len ? strstr(request->data, "\r\n\r\n") : NULL;
	length = end ? strcasestr(request->data, "\r\nContent-Length: ") : NULL;
	return length &&
		request->len >= (size_t)(end - request->data) + 4 + strtoul(length + 18, NULL, 10);
}

static void send_piece(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			die("send", strerror(errno));
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
}

/* ---- who asks: the library, or bare libcurl ---- */

typedef struct side {
	void (*begin)(const wire *w);
	void (*turn)(void); /* waits for something to do, then does it */
	int (*ended)(void);
	void (*end)(const answer *a);
} side;

static llm_service *svc;
static llm_call *call;
static int call_ended;

static void open_service(void)
{
	static const char text[] =
		"providers = { ollama = { base_url = \"%s\"; }; openai = { base_url = \"%s/v1\"; };"
		" gemini = { base_url = \"%s\"; }; };\n";
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char config[512];

	snprintf(config, sizeof(config), text, url, url, url);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&so, &svc, &err))
		die("the service", err.message);
}

static void on_event(uintptr_t token, llm_call *c, const llm_event *e)
{
	(void)token, (void)c;
	if (e->kind == LLM_EVENT_END)
		call_ended = 1;
}

static void library_begin(const wire *w)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = NULL;

	co.flags = LLM_CALL_STREAM;
	co.on_event = on_event;
	call_ended = 0;
	if (llm_request_new(NULL, &rq) || llm_request_model(rq, w->model) ||
		llm_request_text(rq, LLM_ROLE_USER, "hello", LLM_NUL_TERMINATED) ||
		llm_submit(svc, rq, &co, &call, &err))
		die("submit", err.message);
	llm_request_free(rq);
}

static void library_turn(void)
{
	struct pollfd p = {.fd = llm_service_fd(svc), .events = POLLIN};
	const uint64_t ms = llm_service_next_ns(svc) / 1000000 + 1;

	poll(&p, 1, ms < WAIT_MS ? (int)ms : WAIT_MS);
	if (llm_service_dispatch(svc, NULL))
		die("dispatch", "refused");
}

static int library_ended(void)
{
	return call_ended;
}

static void library_end(const answer *a)
{
	const llm_result *r = llm_call_result(call);
	const llm_err *err = llm_result_error(r);
	size_t len = 0;
	const char *text = llm_result_text(r, &len);

	if (err)
		die("the call", err->message);
	if (len != a->text.len || memcmp(text, a->text.data, len) != 0)
		die("the text is another", text);
	llm_call_free(call);
}

static CURLM *multi;
static CURL *easy;
static struct curl_slist *headers;
static struct pollfd watched = {.fd = -1};
static long timer_ms;
static size_t curl_got;

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	(void)data, (void)ctx;
	curl_got += size * n;
	return size * n;
}

static int on_socket(CURL *e, curl_socket_t fd, int what, void *ctx, void *known)
{
	(void)e, (void)ctx, (void)known;
	watched.fd = what == CURL_POLL_REMOVE ? -1 : fd;
	watched.events = (short)((what & CURL_POLL_IN ? POLLIN : 0) |
		(what & CURL_POLL_OUT ? POLLOUT : 0));
	return 0;
}

static int on_timer(CURLM *m, long ms, void *ctx)
{
	(void)m, (void)ctx;
	timer_ms = ms;
	return 0;
}

static void open_curl(void)
{
	multi = curl_multi_init();
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
}

static void curl_begin(const wire *w)
{
	(void)w;
	easy = curl_easy_init();
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "{\"model\":\"m\",\"messages\":[]}");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_got = 0;
	curl_multi_add_handle(multi, easy);
}

static void curl_turn(void)
{
	const int due = timer_ms == 0;
	const int n = poll(
		&watched, 1, timer_ms < 0 || timer_ms > WAIT_MS ? WAIT_MS : (int)timer_ms);
	int running;

	if (n == 0 || due) {
		timer_ms = -1;
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	if (n > 0)
		curl_multi_socket_action(multi, watched.fd,
			(watched.revents & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) |
				(watched.revents & POLLOUT ? CURL_CSELECT_OUT : 0),
			&running);
}

static int curl_ended(void)
{
	int left;

	return curl_multi_info_read(multi, &left) != NULL;
}

static void curl_end(const answer *a)
{
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 || curl_got < a->text.len)
		die("libcurl", "the answer did not come");
	curl_multi_remove_handle(multi, easy);
	curl_easy_cleanup(easy);
}

static const side library = {library_begin, library_turn, library_ended, library_end};
static const side bare = {curl_begin, curl_turn, curl_ended, curl_end};

/* ---- what it costs ---- */

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double turn(const side *s)
{
	const double start = cpu_us();

	s->turn();
	return cpu_us() - start;
}

static double ask(const side *s, const wire *w, int *fd)
{
	bytes request = {NULL, 0};
	double cost = -cpu_us();

	s->begin(w);
	cost += cpu_us();
	while (!has_request(fd, &request))
		cost += turn(s);
	free(request.data);
	return cost;
}

/* One call whose answer comes in pieces of `step` bytes: microseconds. */
static double play(const side *s, const wire *w, const answer *a, size_t step)
{
	int fd = -1;
	double cost = ask(s, w, &fd);
	size_t at, n;

	for (at = 0; at < a->all.len; at += n) {
		n = a->all.len - at < step ? a->all.len - at : step;
		send_piece(fd, a->all.data + at, n);
		cost += turn(s);
	}
	close(fd);
	while (!s->ended())
		cost += turn(s);
	s->end(a);
	return cost;
}

/* The least of some rounds: whatever else the machine does only adds. */
typedef struct costs {
	double library;
	double bare;
	double library_block;
	double bare_block;
} costs;

static void least(double *have, double now)
{
	if (*have <= 0 || now < *have)
		*have = now;
}

static costs measure(const wire *w, const answer *a, int rounds)
{
	costs c = {0, 0, 0, 0};
	int i;

	for (i = 0; i < rounds; i++) {
		least(&c.library, play(&library, w, a, 1));
		least(&c.bare, play(&bare, w, a, 1));
		least(&c.library_block, play(&library, w, a, a->all.len));
		least(&c.bare_block, play(&bare, w, a, a->all.len));
	}
	return c;
}

/* What a byte of a long event costs, in bytes of a short one. */
static double growth(const wire *w, int rounds)
{
	answer few = {.all = {NULL, 0}}, many = {.all = {NULL, 0}};
	double a = 0, b = 0;
	int i;

	make_event(&few, w, SHORT_EVENT);
	make_event(&many, w, LONG_EVENT);
	for (i = 0; i < rounds; i++) {
		least(&a, play(&library, w, &few, 1));
		least(&b, play(&library, w, &many, 1));
	}
	a /= (double)few.all.len;
	b /= (double)many.all.len;
	answer_done(&few);
	answer_done(&many);
	return b / a;
}

static int hundredths(double x)
{
	return (int)(x * 100 + 0.5);
}

#define FIXED "%d.%02d"
#define PARTS(x) hundredths(x) / 100, hundredths(x) % 100

int main(int argc, char **argv)
{
	const int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 5;
	double worst = 0, worst_growth = 0, block = 0, bare_block = 0;
	size_t i;

	listen_here();
	open_service();
	open_curl();
	for (i = 0; i < WIRES; i++) {
		answer a = {.all = {NULL, 0}};
		costs c;
		double g;

		make_usual(&a, &wires[i]);
		c = measure(&wires[i], &a, rounds);
		g = growth(&wires[i], rounds > 2 ? 2 : rounds);
		printf("%s: %zu bytes, us: one by one %d, libcurl %d; in one block %d, libcurl %d; "
		       "growth " FIXED "\n",
			wires[i].name, a.all.len, (int)c.library, (int)c.bare, (int)c.library_block,
			(int)c.bare_block, PARTS(g));
		worst = c.library / c.bare > worst ? c.library / c.bare : worst;
		worst_growth = g > worst_growth ? g : worst_growth;
		least(&block, c.library_block / c.library);
		least(&bare_block, c.bare_block / c.bare);
		answer_done(&a);
	}
	printf("drip: " FIXED " times libcurl's CPU, " FIXED " growth, " FIXED
	       " times one block's, libcurl's " FIXED "\n",
		PARTS(worst), PARTS(worst_growth), PARTS(1 / block), PARTS(1 / bare_block));
	llm_service_free(svc);
	curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
	close(listener);
	return worst >= MOST || worst_growth >= MOST_GROWTH;
}
