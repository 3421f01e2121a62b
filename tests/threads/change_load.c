/*
 * Threads ask without a pause while the configuration is read again and a plugin is replaced
 * again and again: every call is answered, by a build that was in use. One of the four builds
 * is bad and one reload in six finds a bad file: both change nothing. Proves: X-05, P-08
 *   change_load [CALLS [RELOADS [SWAPS [SEED]]]]
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llm/llm.h"
#include "llm/plugins.h"
#include "support/failalloc.h"
#include "support/run.h"
#include "support/sim.h"
#include "support/swap.h"

#define ASKERS 4

static const char *const words[] = {"one", "two", "three", "bad"};

static llm_service *svc;
static sim *up;
static char *folder;
static int calls = 600, reloads = 12, swaps = 60;
static uint64_t seed = 1;
static atomic_int asked, failed, changing, answers[3];
static atomic_int reloaded, reload_refused, swapped, swap_refused, wrong;

static uint64_t dice(uint64_t *s) /* splitmix64 */
{
	uint64_t z = (*s += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void complain(const char *what, const llm_err *err)
{
	atomic_fetch_add(&wrong, 1);
	fprintf(stderr, "change_load: %s: %s\n", what, err ? err->message : "");
}

/* ---- those who ask ---- */

static void note(const char *text)
{
	int i;

	for (i = 0; i < 3; i++)
		if (strcmp(text, words[i]) == 0) {
			atomic_fetch_add(&answers[i], 1);
			return;
		}
	complain("an answer of no build", NULL);
}

static void ask(const char *model)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;

	if (llm_ask(svc, model, "hello", &call, &err)) {
		atomic_fetch_add(&failed, 1);
		complain("a call failed", &err);
	} else if (strcmp(model, "swap/m") == 0) {
		note(llm_result_text(llm_call_result(call), NULL));
	}
	llm_call_free(call);
}

/* As long as something changes there is load, and there are at least so many calls. */
static void *keep_asking(void *arg)
{
	(void)arg;
	while (atomic_fetch_add(&asked, 1) < calls || atomic_load(&changing))
		ask(atomic_load(&asked) % 3 ? "swap/m" : "p");
	return NULL;
}

/* ---- those who change ---- */

/* Number `i` of `n` changes comes when so much of the calls has been made. */
static void await_turn(int i, int n)
{
	while ((long)atomic_load(&asked) * n < (long)i * calls)
		sched_yield();
}

static void write_conf(int number, int good)
{
	char text[1200];

	snprintf(text, sizeof(text),
		"plugins = { path = \"%s\"; };\n"
		"providers = { ollama = { base_url = \"%s\"; max_concurrency = %d; };\n"
		"  swap = { base_url = \"%s\"; }; };\n"
		"profiles = { p = { candidates = [ \"ollama/m%d\", \"swap/m\" ]; %s }; };\n",
		folder, sim_url(up), 8 + number % 5, sim_url(up), number % 7,
		good ? "" : "no_such_key = 1;");
	run_folder_put(folder, "llm.conf", text);
}

static void *keep_reloading(void *arg)
{
	llm_err err = LLM_ERR_INIT;
	int i;

	(void)arg;
	for (i = 0; atomic_load(&reloaded) < reloads; i++) {
		const int good = i % 6 != 5;

		await_turn(atomic_load(&reloaded), reloads);
		write_conf(i, good);
		if (llm_service_reload(svc, NULL, &err) == 0)
			atomic_fetch_add(&reloaded, 1);
		else
			atomic_fetch_add(&reload_refused, 1);
		if ((err.code == 0) != good)
			complain(good ? "a good file" : "a bad file", &err);
		err = (llm_err)LLM_ERR_INIT;
	}
	atomic_fetch_sub(&changing, 1);
	return NULL;
}

static void *keep_swapping(void *arg)
{
	uint64_t s = seed;
	char path[600];
	int i;

	(void)arg;
	for (i = 0; i < swaps; i++) {
		llm_err err = LLM_ERR_INIT;
		const char *word = words[dice(&s) % 4];
		const int bad = strcmp(word, "bad") == 0;

		await_turn(i, swaps);
		/* A new file each time; its bytes are known but for the first time. */
		snprintf(path, sizeof(path), "%s/%s", folder, word);
		swap_put(path, word);
		snprintf(path, sizeof(path), "%s/%s/swap.so", folder, word);
		if (llm_plugin_replace(svc, "swap", path, &err) == 0)
			atomic_fetch_add(&swapped, 1);
		else
			atomic_fetch_add(&swap_refused, 1);
		if ((err.code != 0) != bad)
			complain(bad ? "the bad build was taken" : "a good build", &err);
	}
	atomic_fetch_sub(&changing, 1);
	return NULL;
}

/* ---- all of it ---- */

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static int generations(void)
{
	llm_generation g = {.struct_size = (uint32_t)sizeof(g)};
	uint32_t i;
	int n = 0;

	for (i = 0; !llm_plugin_generation_at(svc, i, &g); i++)
		n += strcmp(g.name, "swap") == 0;
	return n;
}

static void start(const llm_allocator *mem)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char path[400];
	int i;

	folder = run_folder();
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, words[i]);
		if (mkdir(path, 0700))
			exit(1);
	}
	snprintf(path, sizeof(path), "%s/llm.conf", folder);
	swap_put(folder, "one");
	write_conf(0, 1);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_path = path;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	so.allocator = mem;
	if (llm_service_new(&so, &svc, &err)) {
		complain("service", &err);
		exit(1);
	}
	ask("swap/m");
	ask("p");
}

static void run_all(void)
{
	pthread_t t[ASKERS + 2];
	int i;

	atomic_store(&changing, 2);
	for (i = 0; i < ASKERS + 2; i++)
		if (pthread_create(&t[i], NULL,
			    i < ASKERS		? keep_asking :
				    i == ASKERS ? keep_reloading :
						  keep_swapping,
			    NULL))
			exit(1);
	for (i = 0; i < ASKERS + 2; i++)
		pthread_join(t[i], NULL);
}

int main(int argc, char **argv)
{
	static const char *const args[] = {"--say", "hi", "--fast", NULL};
	failalloc fa;
	int fds, gens;

	if (argc > 1)
		calls = (int)strtol(argv[1], NULL, 10);
	if (argc > 2)
		reloads = (int)strtol(argv[2], NULL, 10);
	if (argc > 3)
		swaps = (int)strtol(argv[3], NULL, 10);
	if (argc > 4)
		seed = strtoull(argv[4], NULL, 10);
	up = sim_start(args);
	failalloc_init(&fa);
	start(&fa.hook);
	fds = open_files();
	run_all();
	gens = generations();
	if (gens > 4)
		complain("a file was mapped twice", NULL);
	if (open_files() > fds + 2 * ASKERS + 4) /* builds, and connections that are kept */
		complain("descriptors are lost", NULL);
	llm_service_free(svc);
	if (failalloc_leaks(&fa))
		complain("memory is lost", NULL);
	sim_stop(up);
	run_folder_free(folder);
	printf("change_load: seed %llu: %d calls, %d failed, %d reloads (%d refused), %d swaps "
	       "(%d refused), answers %d %d %d, %d generations, %d wrong\n",
		(unsigned long long)seed, atomic_load(&asked), atomic_load(&failed),
		atomic_load(&reloaded), atomic_load(&reload_refused),
		atomic_load(&swapped) + atomic_load(&swap_refused), atomic_load(&swap_refused),
		atomic_load(&answers[0]), atomic_load(&answers[1]), atomic_load(&answers[2]), gens,
		atomic_load(&wrong));
	return atomic_load(&wrong) || atomic_load(&failed);
}
