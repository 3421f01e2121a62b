/* The limit of open files: told when the service is made, and survived when it is reached. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/sim.h"
#include "support/talk.h"

#define PLUGINS TEST_BINARY_DIR "/plugins"

static void allow(rlim_t soft, rlim_t hard)
{
	const struct rlimit l = {.rlim_cur = soft, .rlim_max = hard};

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
}

static int32_t made(const char *config, llm_err *err)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	int32_t rc;

	opts.config_text = config;
	rc = llm_service_new(&opts, &svc, err);
	llm_service_free(svc);
	return rc;
}

Test(service_files, P_03_too_few_for_the_configured_concurrency_is_one_clear_error)
{
	static const char config[] = "providers = { ollama = { max_concurrency = 300; };"
				     " openai = { base_url = \"http://127.0.0.1:1\";"
				     " max_concurrency = 100; }; };";
	llm_err err = LLM_ERR_INIT;

	allow(463, 2000);
	cr_assert_eq(made(config, &err), LLM_E_CONFIG);
	cr_assert_str_eq(err.message,
		"the providers' max_concurrency needs 464 open files, and the limit is 463\n"
		"raise it with: ulimit -n 464, or lower max_concurrency");
	allow(464, 2000);
	cr_assert_eq(made(config, &err), 0, "%s", err.message);
	allow(256, 256);
	cr_assert_eq(made(config, &err), LLM_E_CONFIG);
	cr_assert_not_null(strstr(err.message, "as root"), "%s", err.message);
	/* What is not configured asks for nothing. */
	cr_assert_eq(made("providers = { ollama = { }; };", &err), 0, "%s", err.message);
}

Test(service_files, P_03_without_a_descriptor_a_call_fails_and_the_next_one_works)
{
	sim *up = sim_start(NULL);
	int held[256], n = 0;
	char config[128];
	talk_call c;
	talk t;

	snprintf(config, sizeof(config), "providers = { ollama = { base_url = \"%s\"; }; };",
		sim_url(up));
	talk_open(&t, PLUGINS, config, 0);
	talk_submit(&t, &c, "ollama/sim-small", 0, NULL); /* the plugin is loaded */
	allow(256, 256);
	while (n < 256 && (held[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	cr_assert(talk_finish(&t, &c));
	cr_assert_eq(c.code, LLM_E_CONNECTION, "%s", c.err.message);
	cr_assert_not_null(strstr(c.err.message, "ulimit -n"), "%s", c.err.message);
	talk_done(&c);
	while (n)
		close(held[--n]);
	cr_assert_eq(talk_ask(&t, &c, "ollama/sim-small", 1), 0, "%s", c.err.message);
	talk_close(&t);
	cr_assert_eq(sim_stop(up), 0);
}
