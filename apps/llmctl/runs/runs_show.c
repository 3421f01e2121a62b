/*
 * runs_show.c - "llmctl runs show ID": one run with its attempts, its decision, what its cost
 * is made of, and its content where that is stored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "curl.h"
#include "io/json.h"
#include "io/strip.h"
#include "io/table.h"
#include "runs.h"
#include "wire/money.h"

/* ---- showing ---- */

static void line(const char *name, const char *text)
{
	char clean[4200], part[4000];
	strip state = {0};
	size_t n;

	if (!text || !*text)
		return;
	snprintf(part, sizeof(part), "%s", text);
	n = strip_text(&state, part, strlen(part), clean);
	printf("%-11s ", name);
	for (size_t i = 0; i < n; i++) {
		putchar(clean[i]);
		if (clean[i] == '\n') /* what goes on is no line of ours */
			printf("%-11s ", "");
	}
	putchar('\n');
}

static void member(const recalled *s, const char *name, const char *key)
{
	line(name, recall_text(s->run, key));
}

static void when(const recalled *s, const char *name, const char *key)
{
	char iso[RUNS_ISO];

	runs_iso(recall_number(s->run, key), iso);
	line(name, iso);
}

/* Of a whole answer the finish says enough. */
static void show_delivered(const recalled *s)
{
	const json_t *delivered = json_object_get(s->run, "delivered");
	const char *status = recall_text(s->run, "status");

	if (json_is_boolean(delivered) && status && strcmp(status, "succeeded") != 0)
		line("delivered",
			json_is_true(delivered) ? "a part of the answer before its end" :
						  "nothing before the end");
}

static void show_models(const recalled *s)
{
	const char *provider = recall_text(s->run, "provider"),
		   *model = recall_text(s->run, "resolved_model");
	char text[600];

	member(s, "profile", "profile");
	member(s, "asked for", "requested_model");
	snprintf(text, sizeof(text), "%s%s%s", provider ? provider : "", provider ? "/" : "",
		model ? model : "");
	line("answered by", text);
	member(s, "said to be", "response_model");
	member(s, "request id", "provider_request_id");
	member(s, "finish", "finish_reason");
	member(s, "error", "error_code");
	member(s, "message", "error_message");
	show_delivered(s);
}

static void show_times(const recalled *s)
{
	static const struct {
		const char *name;
		const char *key;
	} spans[] = {{"queued", "queue_ms"}, {"first token", "ttft_ms"}, {"took", "duration_ms"}};
	char text[40];

	when(s, "created", "created_us");
	when(s, "started", "started_us");
	when(s, "finished", "finished_us");
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		runs_span(recall_number(s->run, spans[i].key), text, sizeof(text));
		line(spans[i].name, text);
	}
}

/* "1000 input x 0.15": so many tokens, at so many USD a million. */
static size_t term_text(const json_t *t, bool first, char *to, size_t cap)
{
	char each[32], kind[40];
	int n;

	money_write(recall_number(t, "picousd"), MONEY_PICO, each);
	snprintf(kind, sizeof(kind), "%s", recall_text(t, "kind") ? recall_text(t, "kind") : "?");
	for (char *at = kind; (at = strchr(at, '_'));)
		*at = ' ';
	n = snprintf(to, cap, "%s%lld %s x %s", first ? "" : " + ",
		(long long)recall_number(t, "tokens"), kind, each);
	return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

/* What the run cost is the sum of these lines. */
static void show_bill(const json_t *attempt)
{
	const json_t *bill = json_object_get(attempt, "cost_json"),
		     *terms = json_object_get(bill, "terms");
	const char *rule = recall_text(bill, "rule");
	char text[600] = "0 tokens", sum[32];
	size_t used = 0;

	if (recall_number(bill, "picousd") < 0)
		return;
	for (size_t i = 0; i < json_array_size(terms); i++)
		used += term_text(json_array_get(terms, i), !i, text + used, sizeof(text) - used);
	money_write(recall_number(bill, "picousd"), MONEY_PICO + MONEY_PICO, sum);
	snprintf(text + strlen(text), sizeof(text) - strlen(text),
		" USD a million = %s USD (attempt %lld%s%.200s)", sum,
		(long long)recall_number(attempt, "seq"), rule ? ", " : "", rule ? rule : "");
	line("", text);
}

/* What was counted, what it cost, and by which prices; an unknown cost says why. */
static void show_cost(const recalled *s)
{
	static const struct {
		const char *key;
		const char *name;
	} kinds[] = {{"input_tokens", "input"}, {"output_tokens", "output"},
		{"cache_read_tokens", "cache read"}, {"cache_write_tokens", "cache write"},
		{"reasoning_tokens", "of it reasoning"}};
	const char *prices = recall_text(s->run, "price_version");
	char text[300] = "", usd[40];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const int64_t n = recall_number(s->run, kinds[i].key);
		const size_t used = strlen(text);

		if (n >= 0)
			snprintf(text + used, sizeof(text) - used, "%s%lld %s", used ? ", " : "",
				(long long)n, kinds[i].name);
	}
	line("tokens", text);
	runs_usd(recall_number(s->run, "cost_nanousd"), usd, sizeof(usd));
	if (!usd[0]) {
		line("cost", "not known: the model has no price, or nobody counted its tokens");
		return;
	}
	snprintf(text, sizeof(text), "%s USD%s%.100s", usd, prices ? ", prices of " : "",
		prices ? prices : "");
	line("cost", text);
	for (size_t i = 0; i < json_array_size(s->attempts); i++)
		show_bill(json_array_get(s->attempts, i));
}

static void attempt_row(table *t, const json_t *a)
{
	static const char *const texts[] = {"candidate_id", "status", "error_code", "phase"};
	char cell[64];

	runs_count(recall_number(a, "seq"), cell, sizeof(cell));
	table_cell(t, cell);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		table_cell(t, recall_text(a, texts[i]));
	runs_count(recall_number(a, "http_status"), cell, sizeof(cell));
	table_cell(t, cell);
	runs_span(recall_number(a, "waited_ms"), cell, sizeof(cell));
	table_cell(t, cell);
	runs_span(recall_number(a, "duration_ms"), cell, sizeof(cell));
	table_cell(t, cell);
	table_row_end(t);
}

static void show_attempts(const recalled *s)
{
	static const char *const heads[] = {
		"#", "candidate", "status", "error", "phase", "HTTP", "waited", "took"};
	size_t i;
	table t;

	if (!json_array_size(s->attempts))
		return;
	putchar('\n');
	table_open(&t);
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_cell(&t, heads[i]);
	table_row_end(&t);
	for (i = 0; i < json_array_size(s->attempts); i++)
		attempt_row(&t, json_array_get(s->attempts, i));
	table_close(&t, true);
}

static void show_document(const recalled *s, const char *name, const char *key)
{
	const json_t *value = json_object_get(s->run, key);
	char *text = json_is_null(value) ? NULL :
					   json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);

	if (text)
		printf("\n%s\n%s\n", name, text);
	free(text);
}

static void show_content(const char *name, const char *text, int64_t size)
{
	strip state = {0};
	char *clean = text ? malloc(strlen(text) + 1) : NULL;
	size_t n;

	if (clean) {
		n = strip_text(&state, text, strlen(text), clean);
		printf("\n%s\n%.*s\n", name, (int)n, clean);
	} else if (size >= 0) {
		printf("\n%s: %lld bytes, not stored; store what comes with: llmctl ask "
		       "--store-content\n",
			name, (long long)size);
	}
	free(clean);
}

static void show_text(const recalled *s)
{
	member(s, "run", "id");
	member(s, "workspace", "workspace_id");
	member(s, "status", "status");
	member(s, "source", "source");
	show_models(s);
	show_times(s);
	show_cost(s);
	show_attempts(s);
	show_document(s, "decision", "decision_json");
	show_document(s, "metadata", "metadata_json");
	show_document(s, "parameters", "params_json");
	show_content("prompt", s->prompt, s->prompt_size);
	show_content("answer", s->response, s->response_size);
}

static json_t *content_json(const char *text, int64_t size)
{
	json_t *o = json_object(), *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	json_object_set_new(o, "stored", json_boolean(text != NULL));
	json_object_set_new(o, "bytes", json_count(size));
	json_object_set_new(o, "value", value ? value : json_text(text));
	return o;
}

static void show_json(const recalled *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_text("llm.run/1"));
	json_object_set(o, "run", s->run);
	json_object_set(o, "attempts", s->attempts);
	json_object_set_new(o, "prompt", content_json(s->prompt, s->prompt_size));
	json_object_set_new(o, "response", content_json(s->response, s->response_size));
	json_print(o);
}

int runs_show_run(ctl *c)
{
	llm_err err = LLM_ERR_INIT;
	store st = {NULL, NULL, NULL};
	recalled s = {.prompt_size = -1, .response_size = -1};
	rebuild_media media = {NULL, 0};
	int32_t rc = 0;

	if (!c->opt.words.n || !c->opt.words.items[0][0])
		rc = complain_set(&err, LLM_E_INVALID_REQUEST,
			"which run? Its id stands in front of each line of: llmctl runs list");
	if (!rc)
		rc = store_open(c, STORE_WORKSPACE | STORE_READ, &st, &err);
	if (!rc)
		rc = recall_run(&st, c->opt.words.items[0], &s, &err);
	if (!rc && c->opt.curl)
		rc = recall_media(&st, &s, &media, &err);
	store_close(&st);
	if (!rc && c->opt.curl)
		rc = curl_show(c, &s, &media, &err);
	else if (!rc && c->opt.json)
		show_json(&s);
	else if (!rc)
		show_text(&s);
	recall_media_done(&media);
	recall_done(&s);
	return rc ? ctl_fail(c, &err) : 0;
}
