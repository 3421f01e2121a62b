/*
 * Prints the providers' part of docs/errors.md: what each plugin's table of errors makes of
 * an answer, row by row, with the fixtures of tests/fixtures that a row decides; what the
 * status alone stands for; and the fixtures that fail with status 200. scripts/gen-errors.sh
 * calls it. Exit 1 when a row has neither a fixture nor an example.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llm/error.h"
#include "run/classify.h"
#include "support/error_examples.h"
#include "support/play.h"

#define ROWS 100
#define STATUSES 600

typedef struct book {
	plug p;
	const error_example *examples;
	plug_text fixtures[ROWS]; /* names, by row of the plugin's table */
	int has_example[ROWS];
} book;

static book *now;
static plug_text by_status[STATUSES]; /* fixtures that the status decides */
static plug_text successes; /* rows of fixtures that fail with status 200 */

static void add(plug_text *t, const char *text)
{
	plug_add(t, text, strlen(text));
}

static void add_name(plug_text *t, const char *provider, const char *name)
{
	if (t->len)
		add(t, ", ");
	add(t, "`");
	if (provider) {
		add(t, provider);
		add(t, "/");
	}
	add(t, name);
	add(t, "`");
}

/* ---- what decides ---- */

/* Would this row alone be taken? Its code is changed to one that no status stands for. */
static int fits(const llm_error_rule *row, int32_t status, const llm_error_facts *f)
{
	llm_error_rule probe = *row;
	const llm_error_rule *const only[] = {&probe, NULL};

	probe.code = LLM_E_INTERNAL;
	return classify_reply(status, f, only).code == LLM_E_INTERNAL;
}

static int is_phrase(const llm_error_rule *row)
{
	return row->match == LLM_MATCH_PHRASE || row->match == LLM_MATCH_PREFIX;
}

/* The number of the row that decides, or -1: the status does. */
static int decider(const plug *p, int32_t status, const llm_error_facts *f)
{
	const llm_error_rule *const *rows = p->info->error_rules;
	int phrases;
	int i;

	for (phrases = 0; phrases < 2; phrases++)
		for (i = 0; rows[i]; i++)
			if (is_phrase(rows[i]) == phrases && fits(rows[i], status, f))
				return i;
	return -1;
}

static void read_examples(book *b)
{
	const error_example *e;

	for (e = b->examples; e->body; e++) {
		llm_reply_view reply = {(uint32_t)sizeof(reply), e->status, NULL, 0,
			{e->body, strlen(e->body)}, NULL};
		llm_error_facts facts;
		int row;

		plug_begin(&b->p);
		if (b->p.v->classify_error(b->p.instance, &reply, &facts))
			abort();
		row = decider(&b->p, e->status, &facts);
		if (row >= 0)
			b->has_example[row] = 1;
		plug_attempt_ends(&b->p);
	}
}

/* ---- cells ---- */

static void add_info(plug_text *t, int32_t code, uint32_t flags)
{
	static const char *const again[] = {"no", "yes", "once", "before output"};
	static const char *const elsewhere[] = {
		"no", "yes", "larger context", "other policy", "before output", "on request"};
	static const char *const health[] = {
		"nothing", "a failure", "out for 60 s", "out for the delay", "out for 15 min"};
	const llm_error_info *e = llm_error_info_of(code);
	char text[300];

	snprintf(text, sizeof(text), "%s%s | %s | %s | %s | %s | %" PRIu32 " | ", e->name,
		flags ? ", short of memory" : "", again[e->retry], elsewhere[e->fallback],
		health[e->health], llm_class_name(e->err_class), e->exit_code);
	add(t, text);
}

/* The head of a table that begins with these columns, `n` of them. */
static void print_head(const char *first, int n)
{
	printf("| %s | code | again | elsewhere | health | class | exit | fixtures |\n|", first);
	for (n += 7; n > 0; n--)
		printf(" --- |");
	printf("\n");
}

/* What came with status 200, and makes it a failure all the same. */
static void add_success(const exchange *x, const outcome *o)
{
	const llm_bytes *word = o->facts.code.len ? &o->facts.code : &o->facts.type;
	char text[300];

	if (o->answer.n_errors)
		snprintf(text, sizeof(text), "an error in the answer%s%.*s%s",
			word->len ? ": `" : "", (int)word->len, word->len ? word->ptr : "",
			word->len ? "`" : "");
	else if (o->code == LLM_E_CONTENT_FILTERED)
		snprintf(text, sizeof(text), "finish `%s`, and no text",
			o->answer.finish_raw.ptr ? o->answer.finish_raw.ptr : "");
	else
		snprintf(text, sizeof(text), "%s",
			x->is_stream ? "the stream ends before the answer" :
				       "the answer is not whole");
	add(&successes, "| ");
	add(&successes, x->provider);
	add(&successes, x->is_stream ? " | stream | " : " | whole | ");
	add(&successes, text);
	add(&successes, " | ");
	add_info(&successes, o->code, o->flags);
	add(&successes, "`");
	add(&successes, x->name);
	add(&successes, "` |\n");
}

static void look_at(exchange *x)
{
	outcome o;
	int row;

	if (!json_is_object(exchange_expects(x, "error")))
		return;
	play(x, &o);
	if (x->status == 200)
		add_success(x, &o);
	if (x->status >= 400 || o.answer.n_errors) {
		int32_t status = o.facts.status ? o.facts.status : x->status;

		row = decider(x->p, status, &o.facts);
		if (row >= 0)
			add_name(&now->fixtures[row], NULL, x->name);
		else if (status >= 400 && status < STATUSES)
			add_name(&by_status[status], x->provider, x->name);
	}
	outcome_done(&o);
	plug_attempt_ends(x->p);
}

/* ---- tables ---- */

static void print_fact(const llm_error_rule *r)
{
	static const char *const how[] = {"", "code is", "type is", "text has", "text begins with"};

	if (r->status)
		printf("| %" PRId32 " ", r->status);
	else
		printf("| %s ", is_phrase(r) ? "4xx" : "any");
	printf("| %s `%s` | ", how[r->match], r->text);
}

/* How many rows have neither a fixture nor an example. */
static int print_rows(const book *b)
{
	const llm_error_rule *const *rows = b->p.info->error_rules;
	int bad = 0;
	int i;

	printf("\n### %s\n\n", b->p.info->label);
	print_head("status | the answer says", 2);
	for (i = 0; rows[i]; i++) {
		plug_text t = {NULL, 0};

		if (!b->fixtures[i].len && !b->has_example[i]) {
			fprintf(stderr, "%s: nothing stands for \"%s\"\n", b->p.info->name,
				rows[i]->text);
			bad++;
		}
		add_info(&t, rows[i]->code, rows[i]->flags & LLM_RULE_RESOURCE);
		print_fact(rows[i]);
		printf("%s%s |\n", t.ptr,
			b->fixtures[i].len ? b->fixtures[i].ptr : "in `provider_errors`");
		plug_clear(&t);
	}
	return bad;
}

static void print_status(const char *name, int32_t code, const plug_text *fixtures)
{
	plug_text t = {NULL, 0};

	add_info(&t, code, 0);
	printf("| %s | %s%s |\n", name, t.ptr, fixtures->len ? fixtures->ptr : "in `classify`");
	plug_clear(&t);
}

/* Statuses with a code of their own, then the rest of their hundred. */
static void print_statuses(void)
{
	static const char *const rest_names[] = {"other 4xx", "other 5xx"};
	plug_text rest;
	int32_t hundred, status;

	printf("\n### The status alone\n\nWhere no row of the provider's table fits.\n\n");
	print_head("status", 1);
	for (hundred = 400; hundred <= 500; hundred += 100) {
		int32_t usual = classify_status(hundred + 50);

		rest = (plug_text){NULL, 0};
		for (status = hundred; status < hundred + 100; status++) {
			char name[16];

			snprintf(name, sizeof(name), "%" PRId32, status);
			if (classify_status(status) != usual)
				print_status(name, classify_status(status), &by_status[status]);
			else if (by_status[status].len) {
				if (rest.len)
					add(&rest, ", ");
				add(&rest, by_status[status].ptr);
			}
		}
		print_status(rest_names[hundred / 100 - 4], usual, &rest);
		plug_clear(&rest);
	}
	rest = (plug_text){NULL, 0};
	print_status("none of these, and not 2xx", classify_status(302), &rest);
}

static const struct {
	const char *provider;
	const error_example *examples;
} providers[] = {
	{"ollama", error_examples_ollama},
	{"openai", error_examples_openai},
	{"gemini", error_examples_gemini},
};

#define N_PROVIDERS (sizeof(providers) / sizeof(providers[0]))

int main(void)
{
	static book books[N_PROVIDERS];
	int bad = 0;
	size_t i;

	for (i = 0; i < N_PROVIDERS; i++) {
		now = &books[i];
		now->examples = providers[i].examples;
		play_open(&now->p, TEST_BINARY_DIR, providers[i].provider);
		read_examples(now);
		if (exchange_all(&now->p, providers[i].provider, look_at) < 1)
			bad++;
	}
	for (i = 0; i < N_PROVIDERS; i++)
		bad += print_rows(&books[i]);
	print_statuses();
	printf("\n### Failures with status 200\n\n");
	print_head("provider | answer | what came", 3);
	printf("%s", successes.ptr);
	for (i = 0; i < N_PROVIDERS; i++)
		plug_close(&books[i].p);
	return bad != 0;
}
