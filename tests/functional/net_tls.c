/*
 * TLS: whose certificate is believed, and who we say we are. The upstream is openssl's own
 * server, which hands out files that hold whole answers; ca-certificates brings it along.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <llm/llm.h>

#include "support/relay.h"
#include "support/run.h"
#include "support/talk.h"

#define OPENSSL "/usr/bin/openssl"
#define NEW_KEY " -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout %1$s/%2$s.key"
#define FOR_US " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
#define MAKE OPENSSL " req -x509 -days 2" NEW_KEY FOR_US " -out %1$s/%2$s.pem"
/* By an authority of its own, which is %2.ca.pem. */
#define MAKE_UNDER_CA \
	OPENSSL " req -x509 -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes" \
		" -subj /CN=authority -keyout %1$s/%2$s.ca.key -out %1$s/%2$s.ca.pem && " OPENSSL \
		" req" NEW_KEY FOR_US " -out %1$s/%2$s.csr && " OPENSSL \
		" x509 -req -in %1$s/%2$s.csr -CA %1$s/%2$s.ca.pem -CAkey %1$s/%2$s.ca.key" \
		" -copy_extensions copyall -days %3$s -out %1$s/%2$s.pem"

static char *folder;
static run *server;
static uint16_t port;

static void make(const char *how, const char *name, const char *days)
{
	char line[2048];
	run_result r;

	snprintf(line, sizeof(line), "umask 077; { ");
	/* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): one of the two above */
	snprintf(line + strlen(line), sizeof(line) - strlen(line), how, folder, name, days);
	snprintf(line + strlen(line), sizeof(line) - strlen(line), "; } 2>&1");
	run_program(RUN_LIST("/bin/sh", "-c", line), NULL, &r);
	cr_assert_eq(r.status, 0, "openssl cannot make a certificate: %s", r.out);
	run_done(&r);
}

/* `more` is added to the server's command line. */
static void serve_as(const char *name, const char *more)
{
	static const char answer[] =
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
		"{\"models\":[{\"name\":\"sealed\"}]}";
	char line[1024];

	run_folder_put(folder, "api/tags", answer);
	port = talk_free_port();
	snprintf(line, sizeof(line),
		"cd %s && exec " OPENSSL " s_server -accept 127.0.0.1:%u -HTTP -cert %s.pem "
		"-key %s.key %s",
		folder, port, name, name, more);
	server = run_start(RUN_LIST("/bin/sh", "-c", line), NULL);
	cr_assert(run_wait_out(server, "ACCEPT"), "openssl s_server did not start");
}

static void serve(const char *more)
{
	folder = run_folder();
	make(MAKE, "server", "");
	make(MAKE, "client", "");
	serve_as("server", more);
}

static void stop(void)
{
	run_result r;

	run_signal(server, SIGTERM);
	run_end(server, &r);
	run_done(&r);
}

static void over(void)
{
	stop();
	run_folder_free(folder);
}

/* Asks for the models; %1 in `group` stands for the folder. */
static int32_t ask(const char *host, const char *group, llm_err *err)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	llm_models *m = NULL;
	llm_model_desc row;
	char config[2048], own[1024];
	int32_t rc;

	snprintf(own, sizeof(own), group, folder, folder, folder);
	snprintf(config, sizeof(config),
		"max_attempts = 1; providers = { ollama = { base_url = \"https://%s:%u\"; %s }; };",
		host, port, own);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &svc, err), 0, "%s", err->message);
	rc = llm_service_models(svc, "ollama", LLM_MODELS_ALL, 5000, &m, err);
	if (!rc) {
		cr_assert_eq(llm_models_at(m, 0, &row), 0);
		cr_assert_str_eq(row.name, "sealed");
	}
	llm_models_free(m);
	llm_service_free(svc);
	return rc;
}

static void fails(const char *host, const char *group, const char *words)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(ask(host, group, &err), LLM_E_CONNECTION, "%s", err.message);
	cr_assert_not_null(strstr(err.message, words), "%s", err.message);
	cr_assert_neq(err.sent, LLM_SENT_YES);
}

static void works(const char *group)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(ask("127.0.0.1", group, &err), 0, "%s", err.message);
}

Test(net_tls, K_04_a_certificate_is_believed_when_its_authority_is_configured)
{
	serve("");
	fails("127.0.0.1", "", "certificate");
	works("ca_file = \"%s/server.pem\";");
	fails("127.0.0.1", "ca_file = \"%s/client.pem\";", "certificate");
	fails("localhost", "ca_file = \"%s/server.pem\";", "localhost");
	fails("127.0.0.1", "ca_file = \"%s/absent.pem\";", "certificate");
	over();
}

Test(net_tls, a_client_certificate_is_shown_to_who_asks_for_it)
{
	serve("-Verify 1 -verify_return_error -CAfile client.pem");
	works("ca_file = \"%s/server.pem\"; client_cert = \"%s/client.pem\"; "
	      "client_key = \"file:%s/client.key\";");
	fails("127.0.0.1",
		"ca_file = \"%s/server.pem\"; client_cert = \"%s/client.pem\"; "
		"client_key = \"file:%s/server.key\";",
		"cannot reach");
	fails("127.0.0.1", "ca_file = \"%s/server.pem\"; client_cert = \"%s/absent.pem\";",
		"cannot reach");
	over();
}

/* The proxy learns whom we talk to and nothing more. */
Test(net_tls, K_04_through_a_proxy_the_tunnel_hides_everything)
{
	char group[256], *seen;
	relay *proxy;

	serve("");
	proxy = relay_start("127.0.0.1", port, 1);
	setenv("TRY_TLS_KEY", "canary-tunnel-key-51", 1);
	snprintf(group, sizeof(group),
		"ca_file = \"%%s/server.pem\"; proxy = \"http://127.0.0.1:%u\"; "
		"api_key = \"env:TRY_TLS_KEY\"; headers = { x-mine = \"canary-header\"; };",
		relay_port(proxy));
	works(group);
	cr_assert_eq(relay_taken(proxy), 1);
	seen = relay_stop(proxy);
	cr_assert_eq(strncmp(seen, "CONNECT 127.0.0.1:", 18), 0, "%s", seen);
	cr_assert_null(strstr(seen, "canary"), "%s", seen);
	cr_assert_null(strstr(seen, "uthorization"), "%s", seen);
	free(seen);
	over();
}

/* ---- U-03: what must not be believed, and what is said about it ---- */

/* `words`: of the advice. */
static void refused(const char *host, const char *group, const char *words, const char *advice)
{
	llm_err err = LLM_ERR_INIT;
	const char *second;

	cr_assert_eq(ask(host, group, &err), LLM_E_CONNECTION, "%s", err.message);
	cr_assert_not_null(strstr(err.message, words), "%s", err.message);
	second = strchr(err.message, '\n');
	cr_assert(second && strstr(second, advice), "%s", err.message);
	cr_assert_eq(err.sent, LLM_SENT_NO);
	cr_assert_eq(err.phase, LLM_PHASE_CONNECT);
	cr_assert_eq(err.err_class, llm_error_info_of(LLM_E_CONNECTION)->err_class);
}

Test(net_tls, U_03_expired_and_of_an_unknown_authority)
{
	folder = run_folder();
	make(MAKE_UNDER_CA, "old", "-1");
	make(MAKE_UNDER_CA, "other", "2");
	serve_as("old", "");
	refused("127.0.0.1", "ca_file = \"%s/old.ca.pem\";", "expired", "new certificate");
	stop();
	serve_as("other", "");
	refused("127.0.0.1", "", "issuer certificate", "set ca_file");
	refused("127.0.0.1", "ca_file = \"%s/old.ca.pem\";", "issuer certificate", "set ca_file");
	works("ca_file = \"%s/other.ca.pem\";");
	over();
}

Test(net_tls, U_03_self_signed_and_of_another_host)
{
	serve("");
	refused("127.0.0.1", "", "self-signed certificate", "set ca_file");
	refused("localhost", "ca_file = \"%s/server.pem\";", "localhost", "base_url");
	refused("127.0.0.1", "ca_file = \"%s/absent.pem\";", "absent.pem", "ca_file must be");
	refused("127.0.0.1", "ca_file = \"%s/server.pem\"; client_cert = \"%s/absent.pem\";", "",
		"client_cert and client_key");
	over();
}

Test(net_tls, U_03_a_server_that_speaks_only_tls_1_0)
{
	serve("-tls1 -cipher ALL:@SECLEVEL=0");
	refused("127.0.0.1", "ca_file = \"%s/server.pem\";", "protocol", "TLS 1.2");
	over();
}

Test(net_tls, U_03_a_server_that_wants_a_certificate_says_so)
{
	llm_err err = LLM_ERR_INIT;

	serve("-Verify 1 -verify_return_error -CAfile client.pem");
	cr_assert_eq(ask("127.0.0.1", "ca_file = \"%s/server.pem\";", &err), LLM_E_CONNECTION);
	cr_assert_not_null(strstr(err.message, "set client_cert"), "%s", err.message);
	stop();
	serve_as("server", "-tls1_2 -Verify 1 -verify_return_error -CAfile client.pem");
	cr_assert_eq(ask("127.0.0.1", "ca_file = \"%s/server.pem\";", &err), LLM_E_CONNECTION);
	cr_assert_not_null(strstr(err.message, "set client_cert"), "%s", err.message);
	over();
}

/* ---- a server that does not get so far ---- */

typedef struct rude {
	pthread_t thread;
	int fd;
	size_t read_first; /* bytes before it leaves */
	int reset;
} rude;

static void *rude_main(void *ctx)
{
	const rude *r = ctx;
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	char hello[1024];
	int fd;

	while ((fd = accept(r->fd, NULL, NULL)) >= 0) {
		if (r->read_first)
			(void)!recv(fd, hello, r->read_first, 0);
		if (r->reset)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(fd);
	}
	return NULL;
}

static void listen_raw(rude *r)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(r->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(r->fd, 8), 0);
	cr_assert_eq(getsockname(r->fd, (struct sockaddr *)&a, &len), 0);
	port = ntohs(a.sin_port);
}

Test(net_tls, U_03_the_end_inside_the_handshake)
{
	static const rude kinds[] = {{.read_first = 0}, {.read_first = 5}, {.read_first = 1024},
		{.read_first = 5, .reset = 1}, {.read_first = 1024, .reset = 1}};
	size_t i;

	folder = run_folder();
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		rude r = kinds[i];

		listen_raw(&r);
		cr_assert_eq(pthread_create(&r.thread, NULL, rude_main, &r), 0);
		refused("127.0.0.1", "", "", "TLS");
		shutdown(r.fd, SHUT_RDWR);
		pthread_join(r.thread, NULL);
		close(r.fd);
	}
	run_folder_free(folder);
}

/* Sixty seconds by the clock of the test; the kernel accepts, and nobody says a word. */
Test(net_tls, U_03_a_handshake_that_stands_still_ends_at_the_connect_time_out)
{
	const llm_call_opts limits = {.connect_ms = 60000};
	char config[256];
	struct pollfd p = {.events = POLLIN};
	rude r = {.reset = 0};
	talk_call c;
	talk t;

	listen_raw(&r);
	snprintf(config, sizeof(config),
		"max_attempts = 1; providers = { ollama = { base_url = \"https://127.0.0.1:%u\"; }; };",
		port);
	talk_open(&t, TEST_BINARY_DIR "/plugins", config, 1);
	talk_submit(&t, &c, "ollama/m", 1, &limits);
	p.fd = r.fd;
	while (poll(&p, 1, 0) == 0)
		talk_turn(&t, 5);
	talk_turn(&t, 5);
	fakeclock_advance_ms(&t.clock, 59999);
	talk_turn(&t, 5);
	cr_assert_eq(c.ended, 0, "it ended early");
	fakeclock_advance_ms(&t.clock, 1);
	cr_assert(talk_finish(&t, &c));
	cr_assert_eq(c.code, LLM_E_TIMEOUT, "%s", c.err.message);
	cr_assert_eq(c.err.phase, LLM_PHASE_CONNECT);
	cr_assert_eq(c.err.sent, LLM_SENT_NO);
	cr_assert_not_null(strstr(c.err.message, "TLS handshake"), "%s", c.err.message);
	talk_done(&c);
	talk_close(&t);
	close(r.fd);
}

/* ---- there is no way around it ---- */

static void asked_with(const char *option, const char *extra, const char *header)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	llm_err err = LLM_ERR_INIT;
	char config[256];
	int32_t rc;

	snprintf(config, sizeof(config),
		"max_attempts = 1; providers = { ollama = { base_url = \"https://127.0.0.1:%u\"; }; };",
		port);
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	llm_request_model(rq, "ollama/sealed");
	llm_request_text(rq, LLM_ROLE_USER, "hello", 5);
	if (option)
		llm_request_option(rq, option, "1");
	if (extra)
		llm_request_extra(rq, extra, strlen(extra));
	if (header)
		llm_request_header(rq, header, "1");
	rc = llm_submit(svc, rq, NULL, &call, &err);
	if (!rc)
		rc = llm_call_wait(call, 5000, &err);
	cr_assert(rc == LLM_E_CONNECTION || rc == LLM_E_INVALID_REQUEST || rc == LLM_E_UNSUPPORTED,
		"%s %s %s: %d %s", option, extra, header, (int)rc, err.message);
	llm_call_free(call);
	llm_request_free(rq);
	llm_service_free(svc);
}

Test(net_tls, U_03_no_request_and_no_setting_switches_it_off)
{
	static const char *const names[] = {
		"insecure", "verify", "tls_verify", "ssl_verify", "verify_ssl", "skip_verify"};
	char text[256];
	size_t i;

	serve("");
	snprintf(text, sizeof(text), "%s/server.pem", folder);
	setenv("SSL_CERT_FILE", text, 1);
	setenv("CURL_CA_BUNDLE", text, 1);
	setenv("SSL_CERT_DIR", folder, 1);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		llm_err err = LLM_ERR_INIT;
		llm_service_opts so = LLM_SERVICE_OPTS_INIT;
		llm_service *svc = NULL;

		asked_with(names[i], NULL, NULL);
		asked_with(NULL, NULL, names[i]);
		snprintf(text, sizeof(text), "{\"%s\":false,\"options\":{\"%s\":0}}", names[i],
			names[i]);
		asked_with(NULL, text, NULL);
		snprintf(text, sizeof(text), "%s = false;", names[i]);
		so.config_text = text;
		cr_assert_eq(llm_service_new(&so, &svc, &err), LLM_E_CONFIG, "%s", text);
	}
	over();
}
