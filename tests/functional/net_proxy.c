/* Proxies: what reaches one, what does not, and how a broken one looks. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <llm/llm.h>

#include "support/sim.h"

#define KEY "canary-proxy-key-20aa"
#define ANSWER \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n" \
	"Content-Length: 59\r\n\r\n" \
	"{\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"done\":true}"

/* A proxy that answers its first connection with `reply` and keeps what it read. */
typedef struct proxy {
	pthread_t thread;
	int fd;
	uint16_t port;
	const char *reply;
	char seen[8192];
	size_t len;
} proxy;

static int is_whole(const char *text)
{
	const char *body = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");

	return body && (!length || strlen(body + 4) >= strtoul(length + 16, NULL, 10));
}

static void *proxy_main(void *ctx)
{
	proxy *p = ctx;
	int fd = accept(p->fd, NULL, NULL);
	ssize_t n;

	if (fd < 0)
		return NULL;
	do {
		n = recv(fd, p->seen + p->len, sizeof(p->seen) - 1 - p->len, 0);
		p->len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && !is_whole(p->seen));
	(void)!send(fd, p->reply, strlen(p->reply), MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void proxy_start(proxy *p, const char *reply)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	memset(p, 0, sizeof(*p));
	p->reply = reply;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(p->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(p->fd, 4), 0);
	cr_assert_eq(getsockname(p->fd, (struct sockaddr *)&a, &len), 0);
	p->port = ntohs(a.sin_port);
	cr_assert_eq(pthread_create(&p->thread, NULL, proxy_main, p), 0);
}

static void proxy_stop(proxy *p)
{
	shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->fd);
}

/* Port 0: no proxy is configured. */
static int32_t ask(const char *base_url, uint16_t port, llm_err *err)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	llm_call *call = NULL;
	char config[512], by[64] = "";
	int32_t rc;

	setenv("TRY_PROXY_KEY", KEY, 1);
	if (port)
		snprintf(by, sizeof(by), "proxy = \"http://127.0.0.1:%u\";", port);
	snprintf(config, sizeof(config),
		"providers = { ollama = { base_url = \"%s\"; api_key = \"env:TRY_PROXY_KEY\"; %s };"
		" };\ndeadline = \"5s\";",
		base_url, by);
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &svc, err), 0, "%s", err->message);
	rc = llm_ask(svc, "ollama/sim-small", "hello", &call, err);
	llm_call_free(call);
	llm_service_free(svc);
	return rc;
}

Test(net_proxy, plain_http_goes_to_the_proxy_with_the_whole_address)
{
	llm_err err = LLM_ERR_INIT;
	proxy p;

	proxy_start(&p, ANSWER);
	cr_assert_eq(ask("http://models.invalid:8080/base", p.port, &err), 0, "%s", err.message);
	proxy_stop(&p);
	cr_assert_eq(
		strncmp(p.seen, "POST http://models.invalid:8080/base/api/chat HTTP/1.1\r\n", 55),
		0, "%s", p.seen);
	cr_assert_not_null(strstr(p.seen, "Authorization: Bearer " KEY "\r\n"), "%s", p.seen);
}

Test(net_proxy, K_04_https_asks_for_a_tunnel_and_tells_the_proxy_no_key)
{
	static const char *const replies[] = {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 Connection established\r\n\r\nthis is no TLS at all", ""};
	size_t i;

	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		llm_err err = LLM_ERR_INIT;
		proxy p;

		proxy_start(&p, replies[i]);
		cr_assert_eq(ask("https://models.invalid", p.port, &err), LLM_E_CONNECTION, "%s",
			err.message);
		proxy_stop(&p);
		cr_assert_eq(strncmp(p.seen, "CONNECT models.invalid:443 HTTP/1.1\r\n", 37), 0,
			"%s", p.seen);
		cr_assert_null(strstr(p.seen, KEY), "%s", p.seen);
		cr_assert_eq(err.sent, LLM_SENT_NO);
		cr_assert_eq(err.phase, LLM_PHASE_CONNECT);
	}
}

Test(net_proxy, U_01_a_proxy_that_is_not_there_is_a_connection_error)
{
	llm_err err = LLM_ERR_INIT;
	proxy p;

	proxy_start(&p, "");
	proxy_stop(&p);
	cr_assert_eq(
		ask("http://models.invalid", p.port, &err), LLM_E_CONNECTION, "%s", err.message);
	cr_assert_eq(err.sent, LLM_SENT_NO);
}

Test(net_proxy, what_the_environment_says_of_proxies_does_not_count)
{
	llm_err err = LLM_ERR_INIT;
	sim *up = sim_start(NULL);
	char url[64];
	proxy p;

	proxy_start(&p, ANSWER);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", p.port);
	setenv("http_proxy", url, 1);
	setenv("ALL_PROXY", url, 1);
	unsetenv("no_proxy");
	cr_assert_eq(ask(sim_url(up), 0, &err), 0, "%s", err.message);
	proxy_stop(&p);
	cr_assert_eq(p.len, 0, "%s", p.seen);
	cr_assert_eq(sim_log_count(up, "\"event\":\"request\""), 1);
	cr_assert_eq(sim_stop(up), 0);
}
