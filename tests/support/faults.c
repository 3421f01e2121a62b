#include "support/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/oracle_check.h"
#include "support/run.h"

/* The cap of 32 MiB, and what doubling takes while it moves. */
#define PEAK_MAX ((size_t)3 * 32 * 1024 * 1024)
#define TIMEOUT "20s"
#define LIMIT_MS 20000
#define GOOD \
	"head 200 $t \"Transfer-Encoding: chunked\"\nchunk \"$*\"\nend-chunks\nread request\n" \
	"close\n"

/* One fault in one wire and mode. */
typedef struct play {
	const oracle_home *home;
	const fault *f;
	const wire *w;
	uint32_t stream;
	size_t wrong;
} play;

static void wrong(play *p, const char *format, ...)
{
	va_list args;

	p->wrong++;
	fprintf(stderr, "fault %s, %s, %s: ", p->f->name, p->w->name,
		p->stream ? "stream" : "whole");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static char *joined(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		fprintf(stderr, "faults: out of memory\n");
		_exit(99);
	}
	return text;
}

static const fault_end *end_of(const play *p)
{
	return p->stream ? &p->f->stream : &p->f->whole;
}

/* ---- through the library ---- */

/* The fault, and then good answers, on the same connection or on another. */
static char *script_of(const play *p)
{
	char *fault_text = wires_expand(p->w, p->stream, p->f->script);
	char *good = wires_expand(p->w, 1, GOOD);
	char *all = joined("accept\nread request\n%s\nread request\n%saccept\nread request\n%s",
		fault_text, good, good);

	free(good);
	free(fault_text);
	return all;
}

static uint32_t phase_of(const play *p)
{
	const fault_end *end = end_of(p);

	if (!end->code)
		return LLM_PHASE_NONE;
	if (p->f->phase)
		return p->f->phase;
	if (!p->stream)
		return LLM_PHASE_ATTEMPT;
	return end->text ? LLM_PHASE_IDLE : LLM_PHASE_FIRST_TOKEN;
}

static void check_limit(play *p, const oracle_run *seen)
{
	const uint64_t ms = (seen->end_ns - seen->submit_ns) / 1000000;

	if (p->f->limit_ms && (ms < p->f->limit_ms || ms > p->f->limit_ms + ORACLE_GRACE_MS))
		wrong(p, "it took %llu ms, and %u were the limit", (unsigned long long)ms,
			(unsigned)p->f->limit_ms);
}

static void play_in(play *p, uint32_t mode, llm_err *ret_err)
{
	char *script = script_of(p);
	const oracle_opts opts = {
		.mode = mode, .text = script, .model = p->w->model, .config = p->f->config};
	const oracle_ask ask = {.stream = p->stream, .limits = {.total_ms = LIMIT_MS}};
	const int32_t status = p->f->status ? p->f->status : 200;
	const oracle_row row = {.code = end_of(p)->code,
		.phase = phase_of(p),
		.sent = LLM_SENT_YES,
		.http_status = status > 0 ? status : 0,
		.text = end_of(p)->text};
	oracle *o = oracle_open_at(p->home, &opts);
	oracle_run *seen = oracle_do(o, &ask);
	size_t n;

	check_row(seen, &row);
	check_limit(p, seen);
	if (o->fa.peak > PEAK_MAX)
		wrong(p, "%zu bytes of memory", o->fa.peak);
	*ret_err = seen->err;
	n = oracle_close(o);
	if (n)
		wrong(p, "%zu points do not hold in mode %u", n, (unsigned)mode);
	free(script);
}

/* ---- through llmctl ---- */

static char *config_for(const play *p, const sim *up)
{
	return joined("max_attempts = 1;\n"
		      "providers = { %s = { base_url = \"%s%s\"; api_key = \"env:FAULT_KEY\"; }; };"
		      "\n%s\n",
		p->w->name, sim_url(up), p->w->base, p->f->config ? p->f->config : "");
}

static void ask(const play *p, const char *folder, run_result *ret)
{
	char *program = joined("%s/bin/llmctl", p->home->binary_dir);
	char *conf = joined("%s/llm.conf", folder);
	char *plugins = joined("LLM_PLUGIN_PATH=%s/plugins", p->home->binary_dir);
	const char *const env[] = {"FAULT_KEY=" ORACLE_KEY, plugins, NULL};
	const run_opts opts = {.env = env, .home = folder};

	run_program(RUN_LIST(program, "ask", "-c", conf, "-m", p->w->model, "--timeout", TIMEOUT,
			    p->stream ? "--no-color" : "--no-stream", ORACLE_PROMPT),
		&opts, ret);
	free(plugins);
	free(conf);
	free(program);
}

/* What the library says is there, behind the warnings; the exit status is the table's. */
static void check_said(play *p, const run_result *r, const llm_err *err)
{
	const llm_error_info *info = llm_error_info_of(err->code);
	const int status = info && err->code ? (int)info->exit_code : 0;
	char line[LLM_ERR_MESSAGE_MAX + 64];

	snprintf(line, sizeof(line), "llmctl: %s: %.*s", llm_error_name(err->code),
		(int)strcspn(err->message, ":"), err->message);
	if (r->status != status)
		wrong(p, "llmctl ends with %d instead of %d: %s", r->status, status, r->err);
	if (err->code && !strstr(r->err, line))
		wrong(p, "llmctl says \"%s\", the library \"%s\"", r->err, line);
	if (strstr(r->err, ORACLE_KEY) || strstr(r->out, ORACLE_KEY) ||
		strstr(r->err, ORACLE_PROMPT))
		wrong(p, "llmctl tells a secret: %s", r->err);
	if (end_of(p)->text && strncmp(r->out, end_of(p)->text, strlen(end_of(p)->text)) != 0)
		wrong(p, "llmctl prints \"%.100s\"", r->out);
}

static void play_ctl(play *p, const llm_err *err, char *said, size_t cap)
{
	char *fault_text = wires_expand(p->w, p->stream, p->f->script);
	char *script = joined("accept\nread request\n%s\n", fault_text);
	char *file = sim_file(script), *folder = run_folder();
	char *program = joined("%s/bin/llmsim", p->home->binary_dir);
	sim *up = sim_start_program(program, RUN_LIST("--script", file));
	char *config = config_for(p, up);
	run_result r;

	run_folder_put(folder, "llm.conf", config);
	ask(p, folder, &r);
	check_said(p, &r, err);
	run_replace(r.err, sim_url(up), "@URL@", said, cap);
	run_done(&r);
	sim_stop(up);
	sim_file_free(file);
	run_folder_free(folder);
	free(config);
	free(program);
	free(script);
	free(fault_text);
}

/* ---- all of it ---- */

static char *play_one(play *p, char *golden)
{
	llm_err pulled = LLM_ERR_INIT, looped = LLM_ERR_INIT;
	char said[2 * LLM_ERR_MESSAGE_MAX];
	char *more;

	play_in(p, ORACLE_PULL, &pulled);
	play_in(p, ORACLE_LOOP, &looped);
	if (pulled.code != looped.code)
		wrong(p, "%s when pulled, %s in a foreign loop", llm_error_name(pulled.code),
			llm_error_name(looped.code));
	play_ctl(p, &pulled, said, sizeof(said));
	more = joined("%s[%s, %s]\n%s", golden, p->w->name, p->stream ? "stream" : "whole", said);
	free(golden);
	return more;
}

static int is_for(const fault *f, const wire *w)
{
	if (f->only)
		return strcmp(f->only, w->name) == 0;
	return f->framing == FAULT_ANY || (f->framing == FAULT_EVENTS) == w->events;
}

size_t faults_play_at(const oracle_home *home, const fault *f)
{
	char *golden = joined("%s", ""), *path;
	play p = {.home = home, .f = f};
	size_t i, n = 0;

	for (i = 0; i < WIRES * 2; i++) {
		p.w = &wires[i / 2];
		p.stream = i % 2 == 0;
		if (end_of(&p)->code == FAULT_NONE || !is_for(f, p.w))
			continue;
		golden = play_one(&p, golden);
		n++;
	}
	path = joined("%s/tests/golden/faults/%s.txt", home->source_dir, f->name);
	if (!n)
		wrong(&p, "nothing was played");
	else if (!run_golden(path, golden))
		wrong(&p, "what llmctl says is not what %s holds", path);
	free(path);
	free(golden);
	return p.wrong;
}

/* ---- with another candidate ---- */

#define WELL "Hello, w\xc3\xb6rld" /* what GOOD says */

#define ANSWER \
	"read request\nhead 200 $t \"Transfer-Encoding: chunked\"\nchunk \"$*\"\nend-chunks\n"

/* 1 when another may be free of it. */
static int is_elsewhere(const play *p)
{
	const llm_error_info *row = llm_error_info_of(end_of(p)->code);

	return end_of(p)->code && row &&
		(row->fallback == LLM_FALLBACK_YES || row->fallback == LLM_FALLBACK_BEFORE_COMMIT);
}

/* What must come of it now: `told` is what was delivered before it went wrong. */
static fault_end end_of_pair(const play *p)
{
	const fault_end *end = end_of(p);
	const char *told = p->stream ? end->text : NULL;

	if (!is_elsewhere(p))
		return *end;
	if (!told || strncmp(WELL, told, strlen(told)) == 0)
		return (fault_end){0, WELL};
	return (fault_end){LLM_E_STREAM_BROKEN, told};
}

/* The fault; the answer of the second, and the next run's, on its connection or another. */
static char *pair_script(const play *p)
{
	char *fault_text = wires_expand(p->w, p->stream, p->f->script);
	char *second = wires_expand(p->w, p->stream, ANSWER);
	char *next = wires_expand(p->w, 1, ANSWER);
	char *all = joined("accept\nread request\n%s\n%s%saccept\n%s%s", fault_text, second, next,
		second, next);

	free(next);
	free(second);
	free(fault_text);
	return all;
}

static char *pair_config(const play *p)
{
	return joined("max_attempts = 1;\nupstream_stream = \"off\";\n"
		      "profiles = { pair = { candidates = [ \"%s\", \"%s-2\" ]; }; };\n%s",
		p->w->model, p->w->model, p->f->config ? p->f->config : "");
}

static void check_pair(play *p, const oracle_run *seen)
{
	const fault_end want = end_of_pair(p);
	const uint32_t n = llm_result_attempt_count(llm_call_result(seen->call));

	if (seen->code != want.code || strcmp(seen->text, want.text ? want.text : "") != 0)
		wrong(p, "with another candidate: %s and \"%.60s\" instead of %s and \"%.60s\": %s",
			llm_error_name(seen->code), seen->text, llm_error_name(want.code),
			want.text ? want.text : "", seen->err.message);
	if (n > 2 || (n == 2 && !end_of(p)->code))
		wrong(p, "with another candidate: %u attempts", (unsigned)n);
}

static void play_pair(play *p)
{
	char *script = pair_script(p), *config = pair_config(p);
	const oracle_opts opts = {.text = script,
		.model = p->w->model,
		.config = config,
		.attempts = 1,
		.no_healthy = !p->stream && !is_elsewhere(p)}; /* the script has no stream left */
	const oracle_ask ask = {
		.model = "pair", .stream = p->stream, .limits = {.total_ms = LIMIT_MS}};
	oracle *o = oracle_open_at(p->home, &opts);
	size_t n;

	check_pair(p, oracle_do(o, &ask));
	n = oracle_close(o);
	if (n)
		wrong(p, "with another candidate: %zu points do not hold", n);
	free(config);
	free(script);
}

size_t faults_pair_at(const oracle_home *home, const fault *f)
{
	play p = {.home = home, .f = f};
	size_t i;

	for (i = 0; i < WIRES * 2; i++) {
		p.w = &wires[i / 2];
		p.stream = i % 2 == 0;
		if (end_of(&p)->code != FAULT_NONE && is_for(f, p.w))
			play_pair(&p);
	}
	return p.wrong;
}
