/*
 * Connections that end at each byte of an answer of 2 KiB, by a reset and by a plain end,
 * of a stream and of a whole answer, in every wire. Proves: U-04
 *
 *	prove_cut [RUNS [SEED]]
 *
 * Without RUNS each of them once; with it so many, chosen by the seed, which is printed.
 * Every run is held to the points of support/oracle.h, and between them whole answers
 * succeed on the same service.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/oracle.h"
#include "support/wires.h"

#define SIZE 2048 /* of the answer, with its head */
#define WAYS (WIRES * 4)
#define ALL (SIZE * WAYS)
#define HEALTHY_EVERY 64

/* One answer, and from where on what must have arrived. */
typedef struct answer {
	char bytes[SIZE];
	size_t head; /* its length */
	size_t frame[5]; /* where the JSON of frame 1, 2, ... is complete; [0] is the head */
	size_t mark[5]; /* and where its line or its event is */
	char text[64];
	size_t reach[5]; /* bytes of text when so many frames have come */
} answer;

/* What the peer does with the next connection. */
typedef struct plan {
	_Atomic(const answer *) what;
	atomic_size_t cut;
	atomic_int reset;
	atomic_size_t requests;
	int fd;
} plan;

static plan peer;

static void die(const char *what)
{
	fprintf(stderr, "prove_cut: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- answers ---- */

static void add(answer *a, size_t *at, const char *text)
{
	size_t n = strlen(text);

	if (n > SIZE - *at)
		die("the answer does not fit");
	memcpy(a->bytes + *at, text, n);
	*at += n;
}

/* A chunk as long as it takes to fill the answer: space in front of a frame is no content. */
static void add_chunk(answer *a, size_t *at, const char *text, size_t pad)
{
	char size[16];
	size_t i;

	snprintf(size, sizeof(size), "%04zx\r\n", strlen(text) + pad);
	add(a, at, size);
	for (i = 0; i < pad; i++)
		add(a, at, "\n");
	add(a, at, text);
	add(a, at, "\r\n");
}

/* Where the document in a frame ends: at its last brace. */
static size_t document_end(const answer *a, size_t end)
{
	while (a->bytes[end - 1] != '}')
		end--;
	return end;
}

static void make_stream(answer *a, const wire *w, size_t pad)
{
	static const char *const texts[] = {"", "Hel", "lo, ", "w\xc3\xb6rld", ""};
	char head[256];
	size_t at = 0, i;

	snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n"
		"Transfer-Encoding: chunked\r\n\r\n",
		w->type[1]);
	add(a, &at, head);
	a->head = a->frame[0] = a->mark[0] = at;
	for (i = 1; i <= 4; i++) {
		add_chunk(a, &at, w->parts[1][i - 1], i == 4 ? pad - 3 * (pad / 4) : pad / 4);
		a->mark[i] = at - 2;
		a->frame[i] = document_end(a, at);
		strcat(a->text, texts[i]);
		a->reach[i] = strlen(a->text);
	}
	add(a, &at, "0\r\n\r\n");
}

static void make_whole(answer *a, const wire *w, size_t pad)
{
	char head[256];
	size_t at = 0, i, len = pad;

	for (i = 0; i < 4; i++)
		len += strlen(w->parts[0][i]);
	snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n"
		"Content-Length: %04zu\r\n\r\n",
		w->type[0], len);
	add(a, &at, head);
	a->head = at;
	for (i = 0; i < pad; i++)
		add(a, &at, "\n");
	for (i = 0; i < 4; i++)
		add(a, &at, w->parts[0][i]);
}

/* How long it is without anything that fills it. */
static size_t bare_length(const wire *w, uint32_t stream)
{
	answer a = {.head = 0};

	if (stream)
		make_stream(&a, w, 0);
	else
		make_whole(&a, w, 0);
	return strnlen(a.bytes, SIZE);
}

static void make(answer *a, const wire *w, uint32_t stream)
{
	const size_t pad = SIZE - bare_length(w, stream);

	memset(a, 0, sizeof(*a));
	if (stream)
		make_stream(a, w, pad);
	else
		make_whole(a, w, pad);
}

/* ---- the peer ---- */

static void read_request(int fd)
{
	char text[16384];
	size_t len = 0, need = SIZE_MAX;
	const char *end, *length;

	while (len < need && len < sizeof(text) - 1) {
		ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);

		if (n <= 0)
			return;
		len += (size_t)n;
		text[len] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = strcasestr(text, "\r\nContent-Length: ");
		if (end && need == SIZE_MAX)
			need = (size_t)(end - text) + 4 +
				(length ? strtoul(length + 18, NULL, 10) : 0);
	}
	atomic_fetch_add(&peer.requests, 1);
}

/* What was sent is to be there before the connection ends. */
static void await_arrival(int fd)
{
	int left = 1;

	while (ioctl(fd, SIOCOUTQ, &left) == 0 && left > 0)
		sched_yield();
}

static void serve_one(int fd)
{
	const answer *a = atomic_load(&peer.what);
	const struct linger at_once = {.l_onoff = 1};
	size_t at = 0;
	const size_t cut = atomic_load(&peer.cut);

	read_request(fd);
	while (at < cut) {
		ssize_t n = send(fd, a->bytes + at, cut - at, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	await_arrival(fd);
	if (atomic_load(&peer.reset))
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void *serve(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(peer.fd, NULL, NULL)) >= 0)
		serve_one(fd);
	return NULL;
}

static void listen_here(char *ret_url, size_t cap)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	peer.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer.fd < 0 || bind(peer.fd, (struct sockaddr *)&a, sizeof(a)) || listen(peer.fd, 16) ||
		getsockname(peer.fd, (struct sockaddr *)&a, &len))
		die("listen");
	snprintf(ret_url, cap, "http://127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
}

/* ---- what must come of it ---- */

/* So many of these places lie within the first `cut` bytes. */
static size_t passed(const size_t *places, size_t cut)
{
	size_t n = 0;

	while (n < 4 && places[n + 1] <= cut)
		n++;
	return n;
}

static int32_t error_of(const answer *a, size_t cut, uint32_t stream, int reset)
{
	if (cut < a->head)
		return LLM_E_CONNECTION;
	if (stream)
		return LLM_E_STREAM_BROKEN;
	return reset ? LLM_E_CONNECTION : LLM_E_PROTOCOL;
}

/* The stream that is cut inside its head may be told as broken. */
static int code_fits(const answer *a, size_t cut, uint32_t stream, int reset, int32_t code)
{
	if (stream && cut && cut < a->head && code == LLM_E_STREAM_BROKEN)
		return 1;
	return code == error_of(a, cut, stream, reset);
}

static void check_stream(const answer *a, size_t cut, int reset, oracle_run *run)
{
	const size_t least = passed(a->mark, cut), most = passed(a->frame, cut);

	if (run->text_len < a->reach[least] || run->text_len > a->reach[most] ||
		memcmp(run->text, a->text, run->text_len) != 0)
		oracle_wrong(run->o, "%zu bytes, %s: the text is \"%s\"", cut,
			reset ? "reset" : "end", run->text);
	if (run->code ? least == 4 : most < 4)
		oracle_wrong(run->o, "%zu bytes, %s: %s", cut, reset ? "reset" : "end",
			run->code ? run->err.message : "success without an end");
	if (run->code && !code_fits(a, cut, 1, reset, run->code))
		oracle_wrong(run->o, "%zu bytes, %s: %s: %s", cut, reset ? "reset" : "end",
			llm_error_name(run->code), run->err.message);
}

static void check_whole(const answer *a, size_t cut, int reset, oracle_run *run)
{
	if (run->text_len)
		oracle_wrong(run->o, "%zu bytes: text of an answer that is not whole", cut);
	if (!code_fits(a, cut, 0, reset, run->code))
		oracle_wrong(run->o, "%zu bytes, %s: %s: %s", cut, reset ? "reset" : "end",
			llm_error_name(run->code), run->err.message);
}

/* ---- runs ---- */

typedef struct way {
	const wire *w;
	uint32_t stream;
	int reset;
	answer a;
} way;

static oracle_run *one(oracle *o, const way *y, size_t cut, int reset)
{
	const oracle_ask ask = {.stream = y->stream};

	atomic_store(&peer.cut, cut);
	atomic_store(&peer.reset, reset);
	return oracle_do(o, &ask);
}

static void healthy(oracle *o, const way *y)
{
	const oracle_run *run = one(o, y, SIZE, 0);

	if (run->code || strcmp(run->text, WIRES_TEXT) != 0)
		oracle_wrong(o, "a whole answer between: %s", run->err.message);
}

/* Those of this way that are set; returns how much was wrong. */
static size_t play(
	const oracle_home *home, const char *url, const way *y, const unsigned char *these)
{
	const oracle_opts opts = {.base_url = url, .model = y->w->model};
	oracle *o = oracle_open_at(home, &opts);
	size_t cut, n = 0;

	atomic_store(&peer.what, &y->a);
	atomic_store(&peer.requests, 0);
	for (cut = 0; cut < SIZE; cut++) {
		oracle_run *run;

		if (!these[cut])
			continue;
		run = one(o, y, cut, y->reset);
		if (y->stream)
			check_stream(&y->a, cut, y->reset, run);
		else
			check_whole(&y->a, cut, y->reset, run);
		if (n++ % HEALTHY_EVERY == 0)
			healthy(o, y);
	}
	if (atomic_load(&peer.requests) != n + (n + HEALTHY_EVERY - 1) / HEALTHY_EVERY)
		oracle_wrong(o, "%zu requests for %zu runs", atomic_load(&peer.requests), n);
	return oracle_close(o);
}

/* ---- which of them ---- */

static unsigned char chosen[ALL];
static way ways[WAYS]; /* all made before the peer begins: it reads them */

static void make_ways(void)
{
	size_t i;

	for (i = 0; i < WAYS; i++) {
		ways[i].w = &wires[i / 4];
		ways[i].stream = i & 1;
		ways[i].reset = (i & 2) != 0;
		make(&ways[i].a, ways[i].w, ways[i].stream);
	}
}

static uint64_t next_number(uint64_t *seed)
{
	uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static void choose(size_t runs, uint64_t seed)
{
	size_t left = runs;

	memset(chosen, runs == ALL, ALL);
	while (left && runs < ALL) {
		const size_t i = (size_t)(next_number(&seed) % ALL);

		left -= !chosen[i];
		chosen[i] = 1;
	}
}

static size_t number(const char *text)
{
	return text ? strtoul(text, NULL, 10) : 0;
}

int main(int argc, char **argv)
{
	static const oracle_home home = {TEST_SOURCE_DIR, TEST_BINARY_DIR};
	size_t runs = argc > 1 ? number(argv[1]) : ALL, wrong = 0, i;
	uint64_t seed = argc > 2 ? number(argv[2]) : 0, start = sim_now_ns();
	pthread_t thread;
	char url[64];

	if (runs > ALL)
		runs = ALL;
	if (argc < 3 && getrandom(&seed, 4, 0) != 4)
		die("getrandom");
	seed &= UINT32_MAX;
	choose(runs, seed);
	make_ways();
	listen_here(url, sizeof(url));
	if (pthread_create(&thread, NULL, serve, NULL))
		die("pthread_create");
	for (i = 0; i < WAYS; i++)
		wrong += play(&home, url, &ways[i], chosen + i * SIZE);
	shutdown(peer.fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(peer.fd);
	printf("cuts: %zu of %d, seed %" PRIu64 ", %zu wrong, %" PRIu64 " ms\n", runs, ALL, seed,
		wrong, (sim_now_ns() - start) / 1000000);
	return wrong != 0;
}
