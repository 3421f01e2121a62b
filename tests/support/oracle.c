/* oracle.c - starting, following and ending; what is held against a run is in oracle_check.c. */
#include "support/oracle.h"

#include <dirent.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/oracle_check.h"

#define NS_PER_MS UINT64_C(1000000)
/* A run that is still going on so long after its deadline will not end. */
#define HOPELESS_MS 5000

void oracle_wrong(oracle *o, const char *format, ...)
{
	va_list args;

	atomic_fetch_add(&o->wrong, 1);
	fprintf(stderr, "oracle: %s: ", o->opts.script ? o->opts.script : "run");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "oracle: %s: %s\n", what, why);
	_exit(99);
}

/* A plugin's file stays open as it stays mapped, for the life of the process. */
static int is_plugin(int dir, const char *name)
{
	char target[4096];
	ssize_t n = readlinkat(dir, name, target, sizeof(target));

	return n > 3 && memcmp(target + n - 3, ".so", 3) == 0;
}

size_t oracle_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	size_t n = 0;

	if (!d)
		die("/proc/self/fd", "cannot be read");
	while ((e = readdir(d)))
		n += !is_plugin(dirfd(d), e->d_name);
	closedir(d);
	return n;
}

/* ---- the service ---- */

static void on_log(uintptr_t token, uint32_t level, const char *line, size_t len)
{
	oracle *o = (oracle *)token;

	(void)level;
	atomic_fetch_add(&o->log_lines, 1);
	if (o->opts.log_word && strstr(line, o->opts.log_word))
		atomic_fetch_add(&o->log_words, 1);
	if (memmem(line, len, ORACLE_KEY, strlen(ORACLE_KEY)))
		oracle_wrong(o, "the key is in the log: %s", line);
	if (memmem(line, len, ORACLE_PROMPT, strlen(ORACLE_PROMPT)))
		oracle_wrong(o, "the prompt is in the log: %s", line);
}

static void start_upstream(oracle *o)
{
	char path[512], program[512];
	const char *args[32] = {NULL};
	size_t n = 0, i;

	if (o->opts.script) {
		snprintf(path, sizeof(path), "%s/tests/fixtures/scripts/%s.sim",
			o->home->source_dir, o->opts.script);
		args[n++] = "--script";
		args[n++] = path;
	} else if (o->opts.text) {
		o->script_file = sim_file(o->opts.text);
		args[n++] = "--script";
		args[n++] = o->script_file;
	}
	for (i = 0; o->opts.sim_args && o->opts.sim_args[i] && n < 31; i++)
		args[n++] = o->opts.sim_args[i];
	snprintf(program, sizeof(program), "%s/bin/llmsim", o->home->binary_dir);
	o->up = sim_start_program(program, args);
}

static char *config_of(const oracle *o)
{
	const char *url = o->opts.base_url ? o->opts.base_url : sim_url(o->up);
	const char *key = o->key_file;
	char *text = NULL;

	if (asprintf(&text,
		    "providers = {\n"
		    "  ollama = { base_url = \"%s\"; api_key = \"file:%s\"; %s };\n"
		    "  openai = { base_url = \"%s/v1\"; api_key = \"file:%s\"; };\n"
		    "  gemini = { base_url = \"%s\"; api_key = \"file:%s\"; };\n"
		    "  ok = { plugin = \"ollama\"; base_url = \"%s\"; };\n"
		    "};\nshutdown_grace = \"%s\";\n%s%s",
		    url, key, o->opts.provider ? o->opts.provider : "", url, key, url, key,
		    sim_url(o->up), o->opts.grace ? o->opts.grace : "50ms",
		    o->opts.attempts ? "" : "max_attempts = 1;\n",
		    o->opts.config ? o->opts.config : "") < 0)
		die("configuration", "out of memory");
	return text;
}

static void start_service(oracle *o)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char *config = config_of(o);
	char plugins[512];

	snprintf(plugins, sizeof(plugins), "%s/plugins", o->home->binary_dir);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = plugins;
	so.allocator = &o->fa.hook;
	so.time = o->opts.time;
	so.log = on_log;
	so.redact = o->opts.redact;
	so.log_token = (uintptr_t)o;
	so.log_level = LLM_LOG_TRACE;
	if (llm_service_new(&so, &o->svc, &err))
		die("the service", err.message);
	if (o->opts.mode == ORACLE_THREAD && llm_service_start(o->svc, &err))
		die("its thread", err.message);
	free(config);
}

oracle *oracle_open_at(const oracle_home *home, const oracle_opts *opts)
{
	oracle *o = calloc(1, sizeof(*o));

	if (!o)
		die("oracle", "out of memory");
	o->home = home;
	if (opts)
		o->opts = *opts;
	failalloc_init(&o->fa);
	o->key_file = sim_file(ORACLE_KEY "\n");
	chmod(o->key_file, 0600);
	start_upstream(o);
	o->fds = oracle_fds();
	start_service(o);
	return o;
}

static void healthy(oracle *o)
{
	const oracle_ask ask = {.model = o->opts.base_url ? "ok/sim-small" : NULL, .stream = 1};
	oracle_run *run;

	(void)llm_service_health_reset(o->svc, NULL);
	run = oracle_do(o, &ask);
	if (run->code)
		oracle_wrong(o, "the next request failed: %s: %s", llm_error_name(run->code),
			run->err.message);
	else if (!run->text_len)
		oracle_wrong(o, "the next request succeeded without an answer");
}

static void free_runs(oracle *o)
{
	while (o->runs) {
		oracle_run *run = o->runs;

		o->runs = run->next;
		llm_call_free(run->call);
		sem_destroy(&run->ended);
		free(run);
	}
}

size_t oracle_close(oracle *o)
{
	size_t wrong, fds;
	int i;

	if (!o->opts.no_healthy)
		healthy(o);
	llm_service_free(o->svc); /* null when the test has ended it */
	free_runs(o);
	if (failalloc_leaks(&o->fa))
		oracle_wrong(o, "memory is left");
	/* A look-up of a name that was left alone lets go of its socket when it returns. */
	for (i = 0; i < 1000 && oracle_fds() != o->fds; i++)
		rest_ms(1);
	fds = oracle_fds();
	if (fds != o->fds)
		oracle_wrong(o, "%zu descriptors at the end, %zu at the start", fds, o->fds);
	if (sim_stop(o->up))
		oracle_wrong(o, "the upstream did not end as asked");
	sim_file_free(o->key_file);
	sim_file_free(o->script_file);
	wrong = atomic_load(&o->wrong);
	free(o);
	return wrong;
}

/* ---- events ---- */

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	oracle_run *run = (oracle_run *)token;

	check_event(run, e);
	if (run->on_event)
		run->on_event(run, call, e);
	if (e->kind == LLM_EVENT_END)
		sem_post(&run->ended);
}

static llm_request *request_of(oracle *o, const oracle_ask *ask)
{
	llm_request *rq = NULL;
	const char *prompt = ask->prompt ? ask->prompt : ORACLE_PROMPT;
	const char *model = ask->model ? ask->model : o->opts.model;

	if (llm_request_new(&o->fa.hook, &rq) ||
		llm_request_model(rq, model ? model : "ollama/sim-small") ||
		llm_request_text(rq, LLM_ROLE_USER, prompt, LLM_NUL_TERMINATED))
		die("the request", rq ? llm_request_problem(rq) : "out of memory");
	return rq;
}

static oracle_run *run_new(oracle *o, const oracle_ask *ask)
{
	oracle_run *run = calloc(1, sizeof(*run));

	if (!run)
		die("a run", "out of memory");
	run->o = o;
	run->on_event = ask->on_event;
	run->stream = ask->stream;
	run->total_ms = ask->limits.total_ms ? ask->limits.total_ms : ORACLE_TOTAL_MS;
	run->err = (llm_err)LLM_ERR_INIT;
	sem_init(&run->ended, 0, 0);
	return run;
}

oracle_run *oracle_submit(oracle *o, const oracle_ask *ask, llm_err *ret_err)
{
	llm_call_opts co = ask->limits;
	llm_request *rq = request_of(o, ask);
	oracle_run *run = run_new(o, ask);
	int32_t rc;

	co.struct_size = (uint32_t)sizeof(co);
	co.flags |= LLM_CALL_TRACE | (ask->stream ? LLM_CALL_STREAM : 0);
	co.total_ms = (uint32_t)run->total_ms;
	if (o->opts.mode >= ORACLE_THREAD) {
		co.on_event = on_event;
		co.token = (uintptr_t)run;
	}
	run->submit_ns = sim_now_ns();
	/* Of the own thread an event may come at once; of a loop of ours it must not. */
	atomic_store(&run->submitting, o->opts.mode == ORACLE_LOOP);
	/* What runs did before is the matter of tests of breakers. */
	if (!o->opts.attempts)
		(void)llm_service_health_reset(o->svc, NULL);
	rc = llm_submit(o->svc, rq, &co, &run->call, ret_err);
	atomic_store(&run->submitting, 0);
	llm_request_free(rq);
	if (rc) {
		sem_destroy(&run->ended);
		free(run);
		return NULL;
	}
	run->next = o->runs;
	o->runs = run;
	return run;
}

/* ---- following ---- */

static uint64_t hopeless_ns(const oracle_run *run)
{
	return run->submit_ns + (run->total_ms + HOPELESS_MS) * NS_PER_MS;
}

void oracle_turn(oracle *o, int ms)
{
	struct pollfd p = {.fd = llm_service_fd(o->svc), .events = POLLIN};
	uint64_t due = llm_service_next_ns(o->svc);
	llm_err err = LLM_ERR_INIT;

	if (due != UINT64_MAX && due / NS_PER_MS + 1 < (uint64_t)ms)
		ms = (int)(due / NS_PER_MS + 1);
	poll(&p, 1, ms);
	if (llm_service_dispatch(o->svc, &err))
		oracle_wrong(o, "dispatch: %s", err.message);
}

/* One event of a pulled run; 0 when none came within `ms`. */
static int pull(oracle_run *run, uint32_t ms)
{
	llm_event e = {.kind = 0};
	int32_t rc = llm_call_next(run->call, ms, &e);

	if (rc == 0)
		on_event((uintptr_t)run, run->call, &e);
	else if (rc != LLM_E_TIMEOUT)
		oracle_wrong(run->o, "llm_call_next: %s", llm_error_name(rc));
	return rc != LLM_E_TIMEOUT;
}

static void block(oracle_run *run, uint32_t ms)
{
	llm_event end = {.struct_size = (uint32_t)sizeof(end), .kind = LLM_EVENT_END, .text = ""};
	llm_err err = LLM_ERR_INIT;
	int32_t rc = llm_call_wait(run->call, ms, &err);

	if (!llm_call_result(run->call))
		return;
	if (rc != err.code)
		oracle_wrong(run->o, "llm_call_wait returned %s and said %s", llm_error_name(rc),
			llm_error_name(err.code));
	/* Nobody told of a start: the wait took what there was. */
	atomic_store(&run->starts, 1);
	on_event((uintptr_t)run, run->call, &end);
}

void oracle_step(oracle_run *run)
{
	switch (run->o->opts.mode) {
	case ORACLE_PULL:
		(void)pull(run, 20);
		break;
	case ORACLE_BLOCK:
		block(run, 20);
		break;
	case ORACLE_LOOP:
		oracle_turn(run->o, 20);
		break;
	default:
		rest_ms(1);
		break;
	}
}

void oracle_until(oracle_run *run, const atomic_int *what, int n)
{
	while (atomic_load(what) < n && !atomic_load(&run->ends) && sim_now_ns() < hopeless_ns(run))
		oracle_step(run);
	if (atomic_load(what) < n)
		oracle_wrong(run->o, "it ended, or stood still, before it had come so far");
}

void oracle_finish(oracle_run *run)
{
	while (!atomic_load(&run->ends) && sim_now_ns() < hopeless_ns(run))
		oracle_step(run);
	if (!atomic_load(&run->ends)) {
		oracle_wrong(run->o, "the run has no end");
		die("it makes no sense to go on", run->o->opts.script ? run->o->opts.script : "");
	}
	/* The callback counts END before it has returned. */
	sem_wait(&run->ended);
	check_run(run);
}

oracle_run *oracle_do(oracle *o, const oracle_ask *ask)
{
	static const oracle_ask usual;
	llm_err err = LLM_ERR_INIT;
	oracle_run *run = oracle_submit(o, ask ? ask : &usual, &err);

	if (!run)
		die("submit", err.message);
	oracle_finish(run);
	return run;
}

/* ---- tables ---- */

size_t oracle_play_at(const oracle_home *home, const oracle_row *row, uint32_t mode)
{
	const oracle_opts opts = {.mode = mode, .script = row->script};
	const oracle_ask ask = {.stream = row->stream, .limits = row->limits};
	oracle *o = oracle_open_at(home, &opts);
	oracle_run *run = oracle_do(o, &ask);
	size_t wrong;

	check_row(run, row);
	wrong = oracle_close(o);
	if (wrong)
		fprintf(stderr, "oracle: %s, %s, mode %u: %zu points do not hold\n", row->script,
			row->stream ? "stream" : "whole", (unsigned)mode, wrong);
	return wrong;
}
