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

/* `top` stands in the configuration, `own` in the provider. */
static int32_t ask_as(const char *base_url, const char *top, const char *own, llm_err *err)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	llm_call *call = NULL;
	char config[512];
	int32_t rc;

	setenv("TRY_PROXY_KEY", KEY, 1);
	snprintf(config, sizeof(config),
		"max_attempts = 1; providers = { ollama = { base_url = \"%s\"; api_key = \"env:TRY_PROXY_KEY\"; %s };"
		" };\ndeadline = \"5s\"; %s",
		base_url, own, top);
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &svc, err), 0, "%s", err->message);
	rc = llm_ask(svc, "ollama/sim-small", "hello", &call, err);
	llm_call_free(call);
	llm_service_free(svc);
	return rc;
}

/* Port 0: no proxy is configured. */
static int32_t ask(const char *base_url, uint16_t port, llm_err *err)
{
	char by[64] = "";

	if (port)
		snprintf(by, sizeof(by), "proxy = \"http://127.0.0.1:%u\";", port);
	return ask_as(base_url, "", by, err);
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

/* ---- which proxy, if any ---- */

/*
 * 0.0.0.0 leads to this machine as well, but is no address of it to libllm: such a request
 * arrives whether a proxy is asked or not. (Ollama's plugin makes 127.0.0.1 of it.)
 */
typedef struct proxy_row {
	const char *host;
	const char *top; /* %u: the proxy's port */
	const char *own;
	const char *env[3]; /* NAME=VALUE; %u as well */
	int by_proxy;
} proxy_row;

#define OPENAI_ANSWER \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n" \
	"Content-Length: 94\r\n\r\n" \
	"{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}"

#define ITS "\"http://127.0.0.1:%1$u\";"
#define ENV "http://127.0.0.1:%1$u"

static const proxy_row rows[] = {
	{"0.0.0.0", "", "proxy = " ITS, {NULL}, 1},
	{"127.0.0.1", "", "proxy = " ITS, {NULL}, 1},
	{"0.0.0.0", "proxy = " ITS, "", {NULL}, 1},
	{"127.0.0.1", "proxy = " ITS, "", {NULL}, 0},
	{"localhost", "proxy = " ITS, "", {NULL}, 0},
	{"0.0.0.0", "proxy = " ITS, "proxy = \"none\";", {NULL}, 0},
	{"0.0.0.0", "proxy = \"http://127.0.0.1:1\";", "proxy = " ITS, {NULL}, 1},
	{"0.0.0.0", "proxy = " ITS "no_proxy = [ \"10.0.0.1\", \"0.0.0.0\" ];", "", {NULL}, 0},
	{"0.0.0.0", "proxy = " ITS "no_proxy = [ \"0.0.0.0/8\" ];", "", {NULL}, 0},
	{"0.0.0.0", "proxy = " ITS "no_proxy = [ \"10.0.0.1\" ];", "", {NULL}, 1},
	{"0.0.0.0", "no_proxy = [ \"0.0.0.0\" ];", "proxy = " ITS, {NULL}, 1},
	/* nobody's environment is followed, not even where a proxy is configured */
	{"0.0.0.0", "", "", {"http_proxy=" ENV, "ALL_PROXY=" ENV}, 0},
	{"0.0.0.0", "", "proxy = " ITS, {"no_proxy=*"}, 1},
	{"0.0.0.0", "proxy = " ITS, "", {"NO_PROXY=0.0.0.0"}, 1},
	/* but where the configuration says so */
	{"0.0.0.0", "", "proxy = \"env\";", {"http_proxy=" ENV}, 1},
	{"0.0.0.0", "proxy = \"env\";", "", {"http_proxy=127.0.0.1:%1$u/"}, 1},
	{"0.0.0.0", "proxy = \"env\";", "", {"all_proxy=" ENV}, 1},
	{"0.0.0.0", "proxy = \"env\";", "", {"ALL_PROXY=" ENV}, 1},
	{"0.0.0.0", "proxy = \"env\";", "", {"HTTP_PROXY=" ENV}, 0},
	{"0.0.0.0", "proxy = \"env\";", "", {"https_proxy=" ENV}, 0},
	{"0.0.0.0", "proxy = \"env\";", "", {NULL}, 0},
	{"127.0.0.1", "", "proxy = \"env\";", {"http_proxy=" ENV}, 0},
	{"0.0.0.0", "proxy = \"env\";", "", {"http_proxy=" ENV, "no_proxy=a.b, 0.0.0.0"}, 0},
	{"0.0.0.0", "proxy = \"env\";", "", {"http_proxy=" ENV, "NO_PROXY=*"}, 0},
	{"0.0.0.0", "proxy = \"env\"; no_proxy = [ \"a.b\" ];", "",
		{"http_proxy=" ENV, "NO_PROXY=*"}, 1},
};

static const char *const variables[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
	"all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};

static void clear_environment(void)
{
	size_t i;

	for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
}

static void fill_in(char *text, size_t cap, const char *format, uint16_t port)
{
	/* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): from the table above */
	snprintf(text, cap, format, (unsigned)port);
}

static void set_environment(const proxy_row *row, uint16_t port)
{
	char text[128];
	size_t i;

	clear_environment();
	for (i = 0; i < 3 && row->env[i]; i++) {
		char *value;

		fill_in(text, sizeof(text), row->env[i], port);
		value = strchr(text, '=');
		*value = '\0';
		setenv(text, value + 1, 1);
	}
}

Test(net_proxy, K_05_which_proxy_is_asked_is_what_the_configuration_says)
{
	sim *up = sim_start(NULL);
	size_t i, direct = 0;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char url[64], top[256], own[256];
		llm_err err = LLM_ERR_INIT;
		proxy p;

		proxy_start(&p, OPENAI_ANSWER);
		set_environment(&rows[i], p.port);
		fill_in(top, sizeof(top), rows[i].top, p.port);
		fill_in(own, sizeof(own), rows[i].own, p.port);
		snprintf(own + strlen(own), sizeof(own) - strlen(own), " plugin = \"openai\";");
		snprintf(url, sizeof(url), "http://%s:%u/v1", rows[i].host, (unsigned)sim_port(up));
		cr_expect_eq(ask_as(url, top, own, &err), 0, "row %zu: %s", i, err.message);
		proxy_stop(&p);
		direct += !rows[i].by_proxy;
		cr_expect_eq(p.len > 0, rows[i].by_proxy, "row %zu: %s", i, p.seen);
		cr_expect_eq(sim_log_count(up, "\"event\":\"request\""), direct, "row %zu", i);
	}
	clear_environment();
	cr_assert_eq(sim_stop(up), 0);
}

/* A user of the proxy's may stand in the environment: it reaches the proxy, and nobody else. */
Test(net_proxy, K_04_the_user_of_the_environments_proxy_is_told_to_it_alone)
{
	llm_err err = LLM_ERR_INIT;
	char url[96];
	proxy p;

	proxy_start(&p, ANSWER);
	clear_environment();
	snprintf(url, sizeof(url), "http://someone:canary-word-77@127.0.0.1:%u", p.port);
	setenv("http_proxy", url, 1);
	cr_assert_eq(ask_as("http://models.invalid", "", "proxy = \"env\";", &err), 0, "%s",
		err.message);
	proxy_stop(&p);
	cr_assert_not_null(strstr(p.seen,
				   "Proxy-Authorization: Basic "
				   "c29tZW9uZTpjYW5hcnktd29yZC03Nw==\r\n"),
		"%s", p.seen);
	cr_assert_eq(
		ask_as("http://models.invalid", "", "proxy = \"env\";", &err), LLM_E_CONNECTION);
	cr_assert_null(strstr(err.message, "canary"), "%s", err.message);
}

Test(net_proxy, a_proxy_of_the_environment_that_is_none_is_named_by_its_variable)
{
	static const char *const values[] = {"socks5://127.0.0.1:1080", "ftp://canary-1:21",
		"http://", "canary-2 canary-3", "://"};
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		llm_err err = LLM_ERR_INIT;

		clear_environment();
		setenv("https_proxy", values[i], 1);
		cr_assert_eq(ask_as("https://models.invalid", "proxy = \"env\";", "", &err),
			LLM_E_CONFIG, "%s: %s", values[i], err.message);
		cr_assert_not_null(strstr(err.message, "https_proxy"), "%s", err.message);
		cr_assert_null(strstr(err.message, "canary"), "%s", err.message);
	}
}
