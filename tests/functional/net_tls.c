/*
 * TLS: whose certificate is believed, and who we say we are. The upstream is openssl's own
 * server, which hands out files that hold whole answers; ca-certificates brings it along.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <llm/llm.h>

#include "support/run.h"

#define OPENSSL "/usr/bin/openssl"
#define MAKE \
	" req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2" \
	" -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout %s/%s.key" \
	" -out %s/%s.pem 2>&1"

static char *folder;
static run *server;
static uint16_t port;

static void make_pair(const char *name)
{
	char line[1024];
	run_result r;

	snprintf(line, sizeof(line), "umask 077; " OPENSSL MAKE, folder, name, folder, name);
	run_program(RUN_LIST("/bin/sh", "-c", line), NULL, &r);
	cr_assert_eq(r.status, 0, "openssl cannot make a certificate: %s", r.out);
	run_done(&r);
}

static uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

/* `more` is added to the server's command line. */
static void serve(const char *more)
{
	static const char answer[] =
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
		"{\"models\":[{\"name\":\"sealed\"}]}";
	char line[1024];

	folder = run_folder();
	make_pair("server");
	make_pair("client");
	run_folder_put(folder, "api/tags", answer);
	port = free_port();
	snprintf(line, sizeof(line),
		"cd %s && exec " OPENSSL " s_server -accept 127.0.0.1:%u -HTTP -cert server.pem "
		"-key server.key %s",
		folder, port, more);
	server = run_start(RUN_LIST("/bin/sh", "-c", line), NULL);
	cr_assert(run_wait_out(server, "ACCEPT"), "openssl s_server did not start");
}

static void over(void)
{
	run_result r;

	run_signal(server, SIGTERM);
	run_end(server, &r);
	run_done(&r);
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
		"providers = { ollama = { base_url = \"https://%s:%u\"; %s }; };", host, port, own);
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
