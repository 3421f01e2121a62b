/*
 * Two processes, one budget: do they spend more than it bears, and what is left of a budget
 * whose processes are killed?
 *
 *	prove_budget race ROUNDS [postgres|machines]  200 requests at once on a budget for 10
 *	prove_budget kills KILLS [postgres]           every sum beside the rows of the runs
 *
 * With `machines` each process has a network namespace of its own, with an llmsim in it, and
 * they meet nowhere but in a PostgreSQL in a third one.
 * An answer costs as much as is reserved for it, so at most ten are asked for, whoever is
 * first. Prints one line.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "budget.h"
#include "support/netns.h"
#include "support/run.h"
#ifdef TEST_WITH_POSTGRES
#include "support/pg.h"
#endif

#define EACH 100 /* requests of a process */
#define BEARS 10
#define TOKENS "1000" /* of an answer: a dollar */
#define PRICES "prices = ( { prefix = \"ollama/\"; input = \"0\"; output = \"1000\"; } );\n"

/* ---- processes ---- */

typedef struct child {
	pid_t pid;
	int in, out; /* ours */
} child;

/* `machine` 0: on this one. */
static child start(const char *const *argv, int machine)
{
	int to[2], from[2];
	child c;

	if (pipe(to) || pipe(from))
		die("pipe", strerror(errno));
	c = (child){fork(), to[1], from[0]};
	if (c.pid < 0)
		die("fork", strerror(errno));
	if (!c.pid) {
		if (machine)
			netns_machine(machine);
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[0]);
		close(to[1]);
		close(from[0]);
		close(from[1]);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	return c;
}

static void finish(child *c, int by)
{
	if (by)
		kill(c->pid, by);
	close(c->in);
	close(c->out);
	waitpid(c->pid, NULL, 0);
}

static child upstream(place *p)
{
	static const char *const argv[] = {TEST_BINARY_DIR "/bin/llmsim", "--port", "0",
		"--exit-with-parent", "--tokens", TOKENS, NULL};
	child c = start(argv, 0);
	char line[200];
	size_t n = 0;
	const char *at;

	while (n < sizeof(line) - 1 && read(c.out, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	at = strstr(line, "http://");
	if (!at)
		die("llmsim", line);
	snprintf(p->url, sizeof(p->url), "%s", at);
	return c;
}

/* A machine has its own; it ends with its process. */
static void upstream_here(place *p)
{
	if (!*p->url)
		(void)upstream(p);
}

/* ---- a process that asks ---- */

static llm_service *service_of(const place *p)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;
	char text[2000];

	snprintf(text, sizeof(text),
		"providers = { ollama = { base_url = \"%s\"; max_concurrency = %d; }; };\n"
		"price_files = [ \"%s\" ];\nmax_attempts = 1;\n"
		"workspace = \"" WS "\";\nstorage = { plugin = \"%s\"; dsn = \"%s\"; };\n"
		"budget = { limit = \"%s\"; window = \"8760h\"; default_cost = \"2\"; };\n",
		p->url, 2 * EACH, p->prices, p->plugin, p->dsn, p->limit);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = text;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&so, &svc, &err) || llm_service_start(svc, &err))
		die("service", err.message);
	return svc;
}

static llm_request *question(void)
{
	llm_request *rq = NULL;

	if (llm_request_new(NULL, &rq) || llm_request_model(rq, "ollama/sim-small") ||
		llm_request_option(rq, "max_tokens", TOKENS) ||
		llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED))
		die("request", llm_request_problem(rq));
	return rq;
}

static llm_call *submit(llm_service *svc, llm_request *rq)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;

	if (llm_submit(svc, rq, &opts, &call, &err))
		die("submit", err.message);
	return call;
}

/* All at once; a line of those answered, refused by the budget, ended otherwise. */
static int race(const place *p)
{
	llm_service *svc = service_of(p);
	llm_request *rq = question();
	llm_call *calls[EACH];
	unsigned n[3] = {0};
	char go;
	size_t i;

	if (write(1, "r", 1) != 1 || read(0, &go, 1) != 1)
		die("the start", strerror(errno));
	for (i = 0; i < EACH; i++)
		calls[i] = submit(svc, rq);
	for (i = 0; i < EACH; i++) {
		const llm_result *r;

		(void)llm_call_wait(calls[i], UINT32_MAX, NULL);
		r = llm_call_result(calls[i]);
		n[llm_result_status(r) == LLM_STATUS_SUCCEEDED			   ? 0 :
				llm_result_error(r)->code == LLM_E_BUDGET_EXCEEDED ? 1 :
										     2]++;
		if (n[2] && llm_result_error(r) &&
			llm_result_error(r)->code != LLM_E_BUDGET_EXCEEDED)
			fprintf(stderr, "%s\n", llm_result_error(r)->message);
		llm_call_free(calls[i]);
	}
	llm_request_free(rq);
	llm_service_free(svc);
	printf("%u %u %u\n", n[0], n[1], n[2]);
	return 0;
}

/* Until it is killed: a few at a time, over and over. */
static int work(const place *p)
{
	llm_service *svc = service_of(p);
	llm_request *rq = question();
	llm_call *calls[8];
	size_t i;

	for (;;) {
		for (i = 0; i < 8; i++)
			calls[i] = submit(svc, rq);
		for (i = 0; i < 8; i++) {
			(void)llm_call_wait(calls[i], UINT32_MAX, NULL);
			llm_call_free(calls[i]);
		}
		if (write(1, ".", 1) != 1)
			break;
	}
	return 0;
}

/* Names of machines that have gone may be there for a while. */
static child start_self(const char *self, const char *what, place *p)
{
	const char *argv[] = {self, what, p->plugin, p->dsn, p->url, p->prices, p->limit, NULL};

	return start(argv, p->machines ? ++p->machines : 0);
}

/* ---- K-20 ---- */

static void fresh(place *p, const char *folder, unsigned i)
{
	snprintf(p->dsn, sizeof(p->dsn), "%s/runs%u.db", folder, i);
#ifdef TEST_WITH_POSTGRES
	if (p->machines)
		snprintf(p->dsn, sizeof(p->dsn), "host=" NETNS_HUB " port=%u user=app dbname=%s",
			pg_port(p->server), pg_database(p->server));
	else if (p->server)
		snprintf(p->dsn, sizeof(p->dsn), "%s",
			pg_dsn(p->server, pg_database(p->server), PG_DIRECT));
#endif
}

static void race_once(const char *self, place *p, unsigned n[3])
{
	child c[2];
	unsigned got[3];
	char line[100];
	ssize_t len;
	int i;

	for (i = 0; i < 2; i++)
		c[i] = start_self(self, "--race", p);
	for (i = 0; i < 2; i++)
		if (read(c[i].out, line, 1) != 1)
			die("a process", "it did not come up");
	for (i = 0; i < 2; i++)
		if (write(c[i].in, "g", 1) != 1)
			die("a process", "it has gone");
	for (i = 0; i < 2; i++) {
		len = read(c[i].out, line, sizeof(line) - 1);
		line[len > 0 ? len : 0] = '\0';
		if (sscanf(line, "%u %u %u", &got[0], &got[1], &got[2]) != 3)
			die("a process", "it says nothing");
		n[0] += got[0];
		n[1] += got[1];
		n[2] += got[2];
		finish(&c[i], 0);
	}
}

static int races(const char *self, place *p, const char *folder, unsigned rounds)
{
	unsigned most = 0, other = 0, wrong = 0, i;

	for (i = 0; i < rounds; i++) {
		unsigned n[3] = {0};
		look k;

		fresh(p, folder, i);
		look_open(&k, p);
		race_once(self, p, n);
		look_at(&k);
		most = n[0] > most ? n[0] : most;
		other += n[2];
		wrong += n[0] + n[1] != 2 * EACH || k.budget.held_nanousd != 0 ||
			k.budget.spent_nanousd != n[0] * RUN_NANOUSD ||
			k.recorded != k.budget.spent_nanousd || n[0] != BEARS;
		look_close(&k);
	}
	printf("%u rounds of %d requests by 2 processes, at most %u admitted, %u ended otherwise, %u "
	       "rounds with wrong sums\n",
		rounds, 2 * EACH, most, other, wrong);
	return most != BEARS || other || wrong;
}

/* ---- kills ---- */

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

typedef struct tally {
	uint64_t cut; /* runs that were running */
	uint64_t wrong; /* sums beside the rows, before and after reaping */
	uint64_t left; /* held behind reaping */
	int64_t spent;
} tally;

static int fits(const look *k)
{
	return k->budget.spent_nanousd == k->recorded + k->abandoned * RUN_NANOUSD &&
		k->budget.held_nanousd == (int64_t)k->running * RUN_NANOUSD;
}

/* What a server was told to commit it commits, though nobody is there any more who told it. */
static void commits_end(const place *p)
{
#ifdef TEST_WITH_POSTGRES
	const struct timespec ms = {0, 1000000};
	int n = 0;

	while (p->server &&
		pg_number(p->server, NULL,
			"SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND "
			"backend_type = 'client backend'") > 1) {
		if (n++ > 10000)
			die("a server", "it works for processes that are dead");
		nanosleep(&ms, NULL);
	}
#else
	(void)p;
#endif
}

static void kill_once(const char *self, place *p, look *k, uint64_t us, tally *t)
{
	child c[2] = {start_self(self, "--work", p), start_self(self, "--work", p)};
	const struct timespec ts = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
	char done;
	int i;

	for (i = 0; i < 2; i++)
		if (read(c[i].out, &done, 1) != 1)
			die("a process", "it did not come up");
	nanosleep(&ts, NULL);
	for (i = 0; i < 2; i++)
		finish(&c[i], SIGKILL);
	commits_end(p);
	look_at(k);
	t->wrong += !fits(k);
	t->cut += k->running;
	reap(k);
	look_at(k);
	t->wrong += !fits(k);
	t->left += k->running || k->budget.held_nanousd;
	t->spent = k->budget.spent_nanousd;
}

static int kills(const char *self, place *p, const char *folder, unsigned n)
{
	uint64_t seed = 0;
	tally t = {0};
	unsigned i;
	look k;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		die("a seed", strerror(errno));
	fprintf(stderr, "seed %" PRIu64 "\n", seed);
	fresh(p, folder, 0);
	look_open(&k, p);
	for (i = 0; i < n; i++)
		kill_once(self, p, &k, next_random(&seed) % 100000, &t);
	look_close(&k);
	printf("%u kills of 2 processes, %" PRIu64 " runs cut, %" PRId64 " dollars spent, %" PRIu64
	       " wrong sums, %" PRIu64 " times held behind reaping\n",
		n, t.cut, t.spent / RUN_NANOUSD, t.wrong, t.left);
	return t.wrong || t.left || !t.spent;
}

/* ---- all of it ---- */

#ifdef TEST_WITH_POSTGRES
static void *server_for(place *p)
{
	static const char *const settings[] = {"listen_addresses = '*'", NULL};
	const char *why = pg_missing();

	if (why)
		die("no server", why);
	if (strcmp(p->plugin, "machines"))
		return pg_shared(getpid());
	why = netns_hub();
	if (why) {
		printf("SKIP two_machines: %s\n", why);
		exit(0);
	}
	p->plugin = "postgres";
	p->machines = 1;
	return pg_start(settings);
}
#else
static void *server_for(place *p)
{
	die("no server", "it is not in this build");
	return p;
}
#endif

static int campaign(const char *self, const char *what, unsigned n, const char *plugin)
{
	place p = {.plugin = plugin, .limit = "10"};
	char *folder;
	child sim;
	int bad;

	if (strcmp(plugin, "sqlite"))
		p.server = server_for(&p);
	folder = run_folder();
	sim = upstream(&p);
	if (p.machines)
		*p.url = '\0';
	run_folder_put(folder, "my.prices", PRICES);
	snprintf(p.prices, sizeof(p.prices), "%s/my.prices", folder);
	if (strcmp(what, "race") == 0) {
		bad = races(self, &p, folder, n);
	} else {
		p.limit = "1000000";
		bad = kills(self, &p, folder, n);
	}
	finish(&sim, SIGTERM);
	run_folder_free(folder);
	return bad;
}

int main(int argc, char **argv)
{
	place p = {0};

	if (argc == 7 && (strcmp(argv[1], "--race") == 0 || strcmp(argv[1], "--work") == 0)) {
		p.plugin = argv[2];
		snprintf(p.dsn, sizeof(p.dsn), "%s", argv[3]);
		snprintf(p.url, sizeof(p.url), "%s", argv[4]);
		snprintf(p.prices, sizeof(p.prices), "%s", argv[5]);
		p.limit = argv[6];
		upstream_here(&p);
		return argv[1][2] == 'r' ? race(&p) : work(&p);
	}
	if (argc < 3 || (strcmp(argv[1], "race") && strcmp(argv[1], "kills")))
		die("usage", "prove_budget race|kills NUMBER [postgres]");
	return campaign(argv[0], argv[1], (unsigned)strtoul(argv[2], NULL, 10),
		argc > 3 ? argv[3] : "sqlite");
}
