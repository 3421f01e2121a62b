/*
 * A host that uses libcurl itself: it starts it before us, after us, or around us, and
 * cleans up behind itself each time. Its own transfers and ours work side by side.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "llm/llm.h"
#include "support/sim.h"

static int wrong;

static void complain(const char *what, const char *why)
{
	wrong = 1;
	fprintf(stderr, "curl: %s: %s\n", what, why);
}

static llm_service *service(const sim *up)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	llm_err err = LLM_ERR_INIT;
	char config[256];

	snprintf(config, sizeof(config), "providers = { ollama = { base_url = \"%s\"; }; };",
		sim_url(up));
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&so, &svc, &err))
		complain("the service", err.message);
	return svc;
}

static void ask(llm_service *svc)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;

	if (!svc || llm_ask(svc, "ollama/sim-small", "hello", &call, &err))
		complain("our call", err.message);
	llm_call_free(call);
}

static void host_starts(void)
{
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		complain("the host", "curl_global_init failed");
}

static size_t swallow(char *bytes, size_t size, size_t count, void *ctx)
{
	(void)bytes;
	*(size_t *)ctx += size * count;
	return size * count;
}

static void host_asks(const sim *up)
{
	char url[256];
	size_t got = 0;
	CURL *easy = curl_easy_init();
	CURLcode rc;

	snprintf(url, sizeof(url), "%s/api/tags", sim_url(up));
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &got);
	rc = curl_easy_perform(easy);
	curl_easy_cleanup(easy);
	if (rc != CURLE_OK || !got)
		complain("the host's transfer", curl_easy_strerror(rc));
}

static void before(const sim *up)
{
	llm_service *svc;

	host_starts();
	host_asks(up);
	svc = service(up);
	ask(svc);
	host_asks(up);
	llm_service_free(svc);
	host_asks(up);
	curl_global_cleanup();
}

static void after(const sim *up)
{
	llm_service *svc = service(up);

	ask(svc);
	host_starts();
	host_asks(up);
	ask(svc);
	llm_service_free(svc);
	host_asks(up);
	curl_global_cleanup();
}

/* It has cleaned up, and we go on; then another service of ours. */
static void around(const sim *up)
{
	llm_service *svc;

	host_starts();
	svc = service(up);
	ask(svc);
	curl_global_cleanup();
	ask(svc);
	llm_service_free(svc);
	host_starts();
	curl_global_cleanup();
	svc = service(up);
	ask(svc);
	llm_service_free(svc);
}

/* Each in a process of its own: libcurl starts once. */
static void play(const char *name, void (*host)(const sim *up))
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		sim *up = sim_start(NULL);

		host(up);
		sim_stop(up);
		_exit(wrong);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		complain(name, "the host did not end well");
}

int main(void)
{
	play("before", before);
	play("after", after);
	play("around", around);
	printf("curl: a host with libcurl of its own, started before, after and around us: %s\n",
		wrong ? "wrong" : "well");
	return wrong;
}
