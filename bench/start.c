/*
 * start.c - from nothing to the first answer (W12).
 *
 *   bench-start URL PROVIDER ROUNDS DATABASE
 *
 * ROUNDS times this program starts itself: the child opens a service with four providers
 * and a SQLite file that has its tables, and asks one question, which is recorded. Prints
 * one JSON object; exit 1 when a child failed.
 */
#include <llm/llm.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "meter.h"

extern char **environ;

#define ROUNDS_MAX 1000

static const char *const others[] = {"openai", "ollama", "gemini"};

/* A provider counts as opened when its plugin is loaded and has an instance. */
static int open_providers(llm_service *svc, int *ret_n)
{
	llm_provider_desc desc = {.struct_size = (uint32_t)sizeof(desc)};
	llm_err err = LLM_ERR_INIT;
	const char *name;
	int n;

	for (n = 0; (name = llm_service_provider_at(svc, (uint32_t)n)); n++)
		if (llm_service_provider(svc, name, &desc, &err))
			return fprintf(stderr, "bench-start: %s\n", err.message), 1;
	*ret_n = n;
	return 0;
}

static void configure(char *text, size_t cap, const char *url, const char *provider, const char *db)
{
	size_t i, n;

	n = (size_t)snprintf(text, cap,
		"providers = { first = { plugin = \"%s\"; base_url = \"%s\"; };", provider, url);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s.so", LLM_BUILD_PLUGIN_DIR, others[i]);
		if (access(path, R_OK) == 0)
			n += (size_t)snprintf(text + n, cap - n,
				" %s = { base_url = \"http://127.0.0.1:1\"; };", others[i]);
	}
	snprintf(text + n, cap - n, " }; workspace = \"bench\"; storage = { dsn = \"%s\"; };", db);
}

static int child(uint64_t since, const char *url, const char *provider, const char *db)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	uint64_t begun = meter_now(), opened;
	llm_service *svc = NULL;
	llm_call *call = NULL;
	char text[2048];
	int n = 0;

	configure(text, sizeof(text), url, provider, db);
	opts.flags = LLM_SERVICE_NO_ENV;
	opts.config_text = text;
	opts.plugin_dir = LLM_BUILD_PLUGIN_DIR;
	if (llm_service_new(&opts, &svc, &err) || open_providers(svc, &n))
		return fprintf(stderr, "bench-start: %s\n", err.message), 1;
	opened = meter_now();
	if (llm_ask(svc, "first/sim-small", "hi", &call, &err))
		return fprintf(stderr, "bench-start: %s\n", err.message), 1;
	printf("%llu %llu %d\n", (unsigned long long)(opened - begun),
		(unsigned long long)(meter_now() - since), n);
	llm_call_free(call);
	llm_service_free(svc);
	return 0;
}

static int start_one(char **argv, uint64_t *ret_open, uint64_t *ret_first, int *ret_n)
{
	char since[32];
	char *args[] = {argv[0], argv[1], argv[2], since, argv[4], "child", NULL};
	posix_spawn_file_actions_t act;
	unsigned long long open_ns = 0, first_ns = 0;
	int fds[2], status, got;
	FILE *out;
	pid_t pid;

	if (pipe(fds))
		return 1;
	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_adddup2(&act, fds[1], 1);
	posix_spawn_file_actions_addclose(&act, fds[0]);
	snprintf(since, sizeof(since), "%llu", (unsigned long long)meter_now());
	if (posix_spawn(&pid, "/proc/self/exe", &act, NULL, args, environ))
		return 1;
	posix_spawn_file_actions_destroy(&act);
	close(fds[1]);
	out = fdopen(fds[0], "r");
	got = fscanf(out, "%llu %llu %d", &open_ns, &first_ns, ret_n);
	fclose(out);
	*ret_open = open_ns;
	*ret_first = first_ns;
	return waitpid(pid, &status, 0) != pid || status || got != 3;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static uint64_t opened[ROUNDS_MAX], first[ROUNDS_MAX];
	int i, n = 0, failed = 0, rounds = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0;

	if (argc == 6)
		return child(strtoull(argv[3], NULL, 10), argv[1], argv[2], argv[4]);
	if (argc != 5 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "bench-start URL PROVIDER ROUNDS DATABASE\n");
		return 2;
	}
	for (i = 0; i < rounds && !failed; i++)
		failed += start_one(argv, &opened[i], &first[i], &n);
	qsort(opened, (size_t)i, sizeof(*opened), by_size);
	qsort(first, (size_t)i, sizeof(*first), by_size);
	printf("{\"failed\":%d,\"providers\":%d,\"open_us\":%.1f,\"first_answer_us\":%.1f}\n",
		failed, n, (double)opened[i / 2] / 1e3, (double)first[i / 2] / 1e3);
	return failed != 0;
}
