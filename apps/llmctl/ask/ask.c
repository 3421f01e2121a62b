/*
 * ask.c - "llmctl ask": from the command line to a run, following it, and the exit
 * status. ask_show.c and ask_json.c decide what is printed.
 */
#include "ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/interrupt.h"
#include "missing.h"
#include "ollama.h"
#include "runs/rebuild.h"
#include "setup/store.h"

#define FOLLOW_MS 50 /* how late Ctrl-C, the spinner and a closed pipe may be noticed */

/* "500ms", "30s", "5m", "1h": a unit is demanded, since a bare number could mean any. */
static int32_t read_time(const char *text, uint32_t *ret_ms, llm_err *err)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	const char *at = text;
	uint64_t n = 0;

	while (*at >= '0' && *at <= '9' && n <= UINT32_MAX)
		n = n * 10 + (uint64_t)(*at++ - '0');
	for (size_t i = 0; at > text && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(at, units[i].unit) == 0 && n && n <= UINT32_MAX / units[i].ms) {
			*ret_ms = (uint32_t)(n * units[i].ms);
			return 0;
		}
	return complain_set(err, LLM_E_INVALID_REQUEST,
		"--timeout %.40s is no time that a run may take: write a whole number from 1 on "
		"and ms, s, m or h, such as 30s, at most 1193h",
		text);
}

static int32_t set_cache(const ask *a, llm_call_opts *opts, llm_err *err)
{
	static const char *const modes[] = {"off", "on", "read_only", "write_only", "refresh"};
	const char *mode = a->c->opt.cache;

	for (uint32_t i = 0; mode && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(mode, modes[i]) == 0) {
			opts->cache_mode = LLM_CACHE_OFF + i;
			return 0;
		}
	if (mode)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--cache %.40s is none of off, on, read_only, write_only and refresh",
			mode);
	return 0;
}

/*
 * What mends an answer that breaks off. A pipe takes no part back, and whoever wants one
 * object wants a whole answer.
 */
static int32_t set_recovery(const ask *a, llm_call_opts *opts, llm_err *err)
{
	static const char *const modes[] = {"off", "match", "continue", "buffer"};
	const ctl_options *opt = &a->c->opt;

	for (uint32_t i = 0; opt->recover && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(opt->recover, modes[i]) == 0) {
			opts->stream_recovery = LLM_RECOVER_OFF + i;
			return 0;
		}
	if (opt->recover)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--recover %.40s is none of off, match, continue and buffer", opt->recover);
	if (!opt->stream && (opt->json || !a->c->term.out))
		opts->stream_recovery = LLM_RECOVER_BUFFER;
	return 0;
}

static int32_t set_key(const ask *a, llm_call_opts *opts, llm_err *err)
{
	const ctl_options *opt = &a->c->opt;
	const char *what = opt->on_duplicate;

	opts->idempotency_key = opt->idempotency_key;
	if (!what)
		return 0;
	if (!opt->idempotency_key)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--on-duplicate says nothing without --idempotency-key");
	if (strcmp(what, "wait") != 0 && strcmp(what, "fail") != 0)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--on-duplicate %.40s is none of wait and fail", what);
	opts->on_duplicate = strcmp(what, "fail") == 0 ? LLM_DUPLICATE_FAIL : LLM_DUPLICATE_WAIT;
	return 0;
}

/* ---- the request ---- */

static int32_t refused(ask *a, int32_t rc)
{
	const char *why = llm_request_problem(a->rq);

	return rc ? complain_set(&a->err, rc, "%s", why[0] ? why : "memory is short") : 0;
}

static int32_t add_image(ask *a, llm_message *m, const char *path)
{
	const char *type = NULL;
	input_bytes image;
	int32_t rc = input_image(path, &image, &type, &a->err);

	if (rc)
		return rc;
	rc = llm_message_data(m, LLM_PART_IMAGE, type, image.data, image.len);
	free(image.data);
	return refused(a, rc);
}

static int32_t add_option(ask *a, const char *pair)
{
	const char *equal = strchr(pair, '=');
	char name[128];
	size_t len = equal ? (size_t)(equal - pair) : 0;

	if (!len || len >= sizeof(name))
		return complain_set(&a->err, LLM_E_INVALID_REQUEST,
			"-o %.60s is no option: write NAME=VALUE, such as -o temperature=0", pair);
	memcpy(name, pair, len);
	name[len] = '\0';
	return refused(a, llm_request_option(a->rq, name, equal + 1));
}

/* What was said before. Of what is not stored of it there is a note, once in a talk. */
static int32_t add_before(ask *a)
{
	const rebuild_media *media = a->earlier ? &a->earlier->media : NULL;
	unsigned lost = 0;
	int32_t rc = a->before ? rebuild_turns(a->before, media, a->rq, &lost) : 0;
	char line[160];

	if (rc || !lost || (a->earlier && a->earlier->told))
		return rc;
	if (a->earlier)
		a->earlier->told = true;
	snprintf(line, sizeof(line),
		"images or files of earlier turns are not stored and not sent again: %u", lost);
	complain_note(&a->c->term, "note", line);
	return 0;
}

static int32_t add_turns(ask *a)
{
	const ctl_options *opt = &a->c->opt;
	llm_message *m = NULL;
	int32_t rc = 0;

	if (opt->workspace)
		rc = llm_request_workspace(a->rq, opt->workspace);
	if (!rc && opt->user)
		rc = llm_request_end_user(a->rq, opt->user);
	if (!rc && opt->system)
		rc = llm_request_text(a->rq, LLM_ROLE_SYSTEM, opt->system, LLM_NUL_TERMINATED);
	if (!rc)
		rc = add_before(a);
	if (!rc)
		rc = llm_request_message(a->rq, LLM_ROLE_USER, &m);
	if (!rc)
		rc = llm_message_text(m, a->prompt.data, a->prompt.len);
	rc = refused(a, rc);
	for (size_t i = 0; !rc && i < opt->images.n; i++)
		rc = add_image(a, m, opt->images.items[i]);
	for (size_t i = 0; !rc && i < opt->options.n; i++)
		rc = add_option(a, opt->options.items[i]);
	return rc;
}

/* "a/b,c/d" as a list. */
static int32_t add_candidates(ask *a, const char *text)
{
	char name[256];
	int32_t rc = 0;

	while (!rc && *text) {
		const size_t len = strcspn(text, ",");

		if (!len || len >= sizeof(name))
			return complain_set(&a->err, LLM_E_INVALID_REQUEST,
				"--candidates has a name that is empty or too long\n"
				"write PROVIDER/MODEL,PROVIDER/MODEL");
		memcpy(name, text, len);
		name[len] = '\0';
		rc = refused(a, llm_request_candidate(a->rq, name));
		text += text[len] ? len + 1 : len;
	}
	return rc;
}

/* Who is to answer. Nothing named and nothing configured: what Ollama has. */
static int32_t set_target(ask *a)
{
	const ctl_options *opt = &a->c->opt;
	llm_service *svc = a->c->svc;
	int32_t rc = 0;

	if (opt->local_only)
		rc = refused(a, llm_request_local_only(a->rq, 1));
	if (!rc && opt->candidates)
		rc = add_candidates(a, opt->candidates);
	if (rc)
		return rc;
	if (opt->profile)
		return refused(a, llm_request_profile(a->rq, opt->profile));
	if (opt->model)
		return refused(a, llm_request_model(a->rq, opt->model));
	if (opt->candidates || llm_service_default_profile(svc) || llm_service_profile_at(svc, 0))
		return 0;
	if (a->planning)
		return complain_set(&a->err, LLM_E_INVALID_REQUEST,
			"no model is named, and no profile is configured\n"
			"Name one: -m PROVIDER/MODEL or -p PROFILE.");
	rc = ollama_first_model(svc, a->model, sizeof(a->model), &a->err);
	if (rc)
		return rc;
	complain_note(&a->c->term, "using", a->model);
	return refused(a, llm_request_model(a->rq, a->model));
}

/* A plan can be had without a question: then it is for a short one. */
static int32_t take_prompt(ask *a)
{
	const arg_words *words = &a->c->opt.words;

	if (a->prompt.data)
		return 0;
	if (!a->planning || words->n)
		return input_prompt(words, &a->prompt, &a->err);
	a->prompt.data = strdup("?");
	if (!a->prompt.data)
		return complain_set(&a->err, LLM_E_NOMEM, "memory is short");
	a->prompt.len = 1;
	return 0;
}

/* Goes on from the last run, before a service opens the same database. */
static int32_t take_last(ask *a)
{
	int32_t rc = resume_load(a->c, NULL, &a->from, &a->err);

	if (rc)
		return rc;
	a->before = a->from.turns;
	a->earlier = &a->from;
	a->system = resume_take_system(a->before);
	if (!a->c->opt.system)
		a->c->opt.system = a->system;
	return 0;
}

static int32_t make_service(ask *a)
{
	if (a->c->svc)
		return 0;
	return a->planning ? ctl_looking_service(a->c, &a->err) :
			     ctl_recording_service(a->c, &a->err);
}

int32_t ask_prepare(ask *a, llm_call_opts *opts)
{
	const ctl_options *opt = &a->c->opt;
	int32_t rc = 0;

	if (opt->model && opt->profile)
		return complain_set(&a->err, LLM_E_INVALID_REQUEST,
			"-m and -p exclude each other: a profile chooses its model\n"
			"Try: llmctl ask --help");
	if (opt->timeout)
		rc = read_time(opt->timeout, &opts->total_ms, &a->err);
	if (!rc)
		rc = set_recovery(a, opts, &a->err);
	if (!rc)
		rc = set_cache(a, opts, &a->err);
	if (!rc)
		rc = set_key(a, opts, &a->err);
	if (!rc)
		rc = take_prompt(a);
	if (!rc && opt->go_on)
		rc = take_last(a);
	if (!rc)
		rc = make_service(a);
	if (!rc && llm_request_new(NULL, &a->rq))
		rc = complain_set(&a->err, LLM_E_NOMEM, "memory is short");
	if (!rc)
		rc = add_turns(a);
	return rc ? rc : set_target(a);
}

/* ---- the run ---- */

/* Cancels the run when nobody wants it any more, so that the upstream is closed. */
static void watch(void *ctx)
{
	ask *a = ctx;

	if (a->stopped || (!interrupt_seen() && !out_is_closed(&a->out) && !a->out.error))
		return;
	a->stopped = true;
	llm_call_cancel(a->call);
}

static void take(ask *a, const llm_event *e)
{
	if (e->kind == LLM_EVENT_WAITING || e->kind == LLM_EVENT_FALLBACK ||
		e->kind == LLM_EVENT_RECOVERED)
		show_notice(a, e);
	else if (!a->c->opt.json)
		show_event(a, e);
	else if (a->c->opt.stream)
		ask_json_event(a, e);
}

static int32_t follow(ask *a)
{
	llm_event e = {.struct_size = (uint32_t)sizeof(e)};
	int32_t rc;

	a->out.tick = watch;
	a->out.tick_ctx = a;
	do {
		rc = llm_call_next(a->call, FOLLOW_MS, &e);
		watch(a);
		if (!rc)
			take(a, &e);
		else if (rc == LLM_E_TIMEOUT)
			show_wait(a);
	} while (rc == LLM_E_TIMEOUT || (!rc && e.kind != LLM_EVENT_END));
	a->result = llm_call_result(a->call);
	if (a->result)
		return 0;
	return complain_set(&a->err, rc ? rc : LLM_E_INTERNAL, "the run cannot be followed");
}

int32_t ask_go(ask *a)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	int32_t rc = ask_prepare(a, &opts);

	if (rc)
		return rc;
	if (!a->c->opt.no_stream)
		opts.flags |= LLM_CALL_STREAM;
	opts.flags |= LLM_CALL_NOTICES;
	if (a->c->opt.verbose)
		opts.flags |= LLM_CALL_TRACE;
	if (a->c->opt.explain)
		opts.flags |= LLM_CALL_EXPLAIN;
	if (a->c->opt.dry_run)
		opts.flags |= LLM_CALL_DRY_RUN;
	interrupt_catch();
	show_begin(a);
	rc = llm_submit(a->c->svc, a->rq, &opts, &a->call, &a->err);
	return rc ? rc : follow(a);
}

/* ---- what came of it ---- */

/* Who broke off, after how much, and what would have waited for the whole. */
static void tell_part(const ask *a, const llm_err *err)
{
	llm_usage u = LLM_USAGE_INIT;
	size_t len = 0;
	char line[400];

	if (!a->result || !(err->flags & LLM_ERRF_PARTIAL))
		return;
	(void)llm_result_attempt_usage(a->result, err->attempt ? err->attempt - 1 : 0, &u);
	(void)llm_result_text(a->result, &len);
	if (u.output_tokens > 0)
		snprintf(line, sizeof(line), "%.150s broke off after %lld tokens", err->candidate,
			(long long)u.output_tokens);
	else
		snprintf(line, sizeof(line), "%.150s broke off after about %zu tokens",
			err->candidate, (len + 3) / 4);
	snprintf(line + strlen(line), sizeof(line) - strlen(line),
		"; --recover buffer shows nothing before the answer is whole");
	complain_note(&a->c->term, "note", line);
}

static int failed(const ask *a, const llm_err *err)
{
	llm_err whole = *err;
	char hint[800];
	bool hinted;

	interrupt_ends();
	hinted = a->c->svc && missing_hint(a->c->svc, err, hint, sizeof(hint));
	store_name_file(a->c, &whole);
	complain(&a->c->term, &whole, hinted ? hint : NULL);
	tell_part(a, err);
	return complain_exit(err->code);
}

static int unwritten(const ask *a)
{
	llm_err err;

	/* The reader had enough: its business, and no failure. */
	if (a->out.error == EPIPE)
		return 0;
	complain_set(&err, LLM_E_INTERNAL,
		"the answer cannot be written: %s\n"
		"Check where standard output leads to, then ask again.",
		strerror(a->out.error));
	complain_note(&a->c->term, "error", err.message);
	return 1;
}

static int status_of(const ask *a)
{
	const llm_err *err = a->result ? llm_result_error(a->result) : &a->err;

	if (a->out.error)
		return unwritten(a);
	if (a->stopped && (!a->result || llm_result_status(a->result) != LLM_STATUS_SUCCEEDED)) {
		complain_note(&a->c->term, "interrupted", "this is all that had arrived");
		return EXIT_INTERRUPTED;
	}
	return err ? failed(a, err) : 0;
}

int ask_end(ask *a)
{
	if (a->c->opt.json)
		ask_json_end(a, a->c->opt.stream);
	else if (a->c->opt.dry_run)
		show_request(a);
	else
		show_end(a);
	if (a->out.error != EPIPE)
		show_notes(a);
	return status_of(a);
}

void ask_done(ask *a)
{
	llm_call_free(a->call);
	llm_request_free(a->rq);
	free(a->prompt.data);
	resume_done(&a->from);
	free(a->system);
}

int ask_run(ctl *c)
{
	ask a = {.c = c, .err = LLM_ERR_INIT};
	int status;

	a.out.clean = c->term.out && !c->opt.raw;
	(void)ask_go(&a);
	status = ask_end(&a);
	ask_done(&a);
	return status;
}

int ask_refused(ctl *c, const llm_err *err)
{
	ask a = {.c = c, .err = *err};

	if (c->opt.json)
		ask_json_end(&a, c->opt.stream);
	complain(&c->term, err, NULL);
	return complain_exit(err->code);
}
