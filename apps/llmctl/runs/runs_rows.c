/*
 * runs_rows.c - a row as JSON, as CSV, and its numbers as people read them.
 */
#include "runs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "io/json.h"

typedef struct member {
	const char *name;
	char kind; /* 't': text, 'n': number, 'j': JSON as text, 'f': flag, 'y': number as yes or no */
	size_t at;
} member;

#define TEXT(type, m) \
	{ \
#m, 't', offsetof(type, m) \
	}
#define NUMBER(type, m) \
	{ \
#m, 'n', offsetof(type, m) \
	}
#define DOCUMENT(type, m) \
	{ \
#m, 'j', offsetof(type, m) \
	}

#define R llm_run_row
static const member run_members[] = {TEXT(R, workspace_id), TEXT(R, id), TEXT(R, owner_id),
	TEXT(R, parent_run_id), TEXT(R, pipeline), TEXT(R, profile), TEXT(R, operation),
	TEXT(R, status), TEXT(R, source), TEXT(R, requested_model), TEXT(R, provider),
	TEXT(R, resolved_model), TEXT(R, response_model), TEXT(R, provider_request_id),
	{"stream", 'f', offsetof(R, stream)}, TEXT(R, finish_reason), TEXT(R, error_code),
	TEXT(R, error_message), NUMBER(R, attempts), NUMBER(R, fallbacks), NUMBER(R, recovered),
	NUMBER(R, reasks), NUMBER(R, input_tokens), NUMBER(R, output_tokens),
	NUMBER(R, cache_read_tokens), NUMBER(R, cache_write_tokens), NUMBER(R, reasoning_tokens),
	TEXT(R, usage_source), NUMBER(R, cost_nanousd), TEXT(R, price_version), NUMBER(R, queue_ms),
	NUMBER(R, ttft_ms), NUMBER(R, duration_ms), NUMBER(R, settle_us), TEXT(R, request_hash),
	TEXT(R, cache_key), TEXT(R, idempotency_key_hash), TEXT(R, prompt_ref),
	TEXT(R, response_ref), DOCUMENT(R, params_json), DOCUMENT(R, decision_json),
	DOCUMENT(R, metadata_json), TEXT(R, trace_id), TEXT(R, span_id), NUMBER(R, created_us),
	NUMBER(R, started_us), NUMBER(R, finished_us), NUMBER(R, version),
	{"delivered", 'y', offsetof(R, delivered)}};
#undef R

#define R llm_attempt_row
static const member attempt_members[] = {TEXT(R, id), NUMBER(R, seq), TEXT(R, candidate_id),
	TEXT(R, provider), TEXT(R, model), TEXT(R, status), TEXT(R, error_code),
	TEXT(R, error_class), TEXT(R, phase), NUMBER(R, http_status), NUMBER(R, retry_after_ms),
	NUMBER(R, waited_ms), TEXT(R, generation), NUMBER(R, input_tokens),
	NUMBER(R, output_tokens), NUMBER(R, cache_read_tokens), NUMBER(R, cache_write_tokens),
	NUMBER(R, reasoning_tokens), NUMBER(R, ttft_ms), NUMBER(R, duration_ms), NUMBER(R, load_ms),
	NUMBER(R, started_us), NUMBER(R, finished_us), DOCUMENT(R, cost_json)};
#undef R

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

/* ---- values ---- */

static const char *text_at(const void *row, const member *m)
{
	const char *text;

	memcpy(&text, (const char *)row + m->at, sizeof(text));
	return text;
}

static int64_t number_at(const void *row, const member *m)
{
	uint32_t flag;
	int64_t n;

	if (m->kind == 'f') {
		memcpy(&flag, (const char *)row + m->at, sizeof(flag));
		return flag;
	}
	memcpy(&n, (const char *)row + m->at, sizeof(n));
	return n;
}

/* A stored document becomes part of the output; what cannot be read stays text. */
static json_t *document(const char *text)
{
	json_t *value = text ? json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL) :
			       NULL;

	return value ? value : json_text(text);
}

static json_t *value_of(const void *row, const member *m)
{
	switch (m->kind) {
	case 't':
		return json_text(text_at(row, m));
	case 'j':
		return document(text_at(row, m));
	case 'f':
		return json_boolean(number_at(row, m) != 0);
	case 'y':
		return number_at(row, m) < 0 ? json_null() : json_boolean(number_at(row, m) != 0);
	default:
		return json_count(number_at(row, m));
	}
}

/* A storage plugin that is older than this tool has shorter rows. */
static bool is_there(const void *row, const member *m)
{
	uint32_t size;

	memcpy(&size, row, sizeof(size));
	return m->at + sizeof(int64_t) <= size || m->kind == 'f';
}

static json_t *row_json(const void *row, const member *list, size_t n)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(o, list[i].name,
			is_there(row, &list[i]) ? value_of(row, &list[i]) : json_null());
	return o;
}

json_t *runs_json(const llm_run_row *row)
{
	return row_json(row, run_members, N_OF(run_members));
}

json_t *runs_attempt_json(const llm_attempt_row *row)
{
	return row_json(row, attempt_members, N_OF(attempt_members));
}

/* ---- CSV ---- */

/* A spreadsheet takes a cell that begins with one of these as a formula. */
static void csv_text(FILE *to, const char *text)
{
	if (!text)
		return;
	putc('"', to);
	if (*text && strchr("=+-@\t\r", *text))
		putc('\'', to);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', to);
		putc(*text, to);
	}
	putc('"', to);
}

void runs_csv_head(FILE *to)
{
	for (size_t i = 0; i < N_OF(run_members); i++)
		fprintf(to, "%s%s", i ? "," : "", run_members[i].name);
	fputs("\r\n", to);
}

void runs_csv_line(FILE *to, const llm_run_row *row)
{
	for (size_t i = 0; i < N_OF(run_members); i++) {
		const member *m = &run_members[i];

		if (i)
			putc(',', to);
		if (!is_there(row, m))
			continue;
		if (m->kind == 't' || m->kind == 'j')
			csv_text(to, text_at(row, m));
		else if (number_at(row, m) != LLM_UNKNOWN)
			fprintf(to, "%" PRId64, number_at(row, m));
	}
	fputs("\r\n", to);
}

/* ---- as people read them ---- */

void runs_iso(int64_t us, char ret[RUNS_ISO])
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;

	ret[0] = '\0';
	if (us < 0 || !gmtime_r(&seconds, &tm))
		return;
	if (strftime(ret, RUNS_ISO, "%Y-%m-%dT%H:%M:%S", &tm))
		snprintf(ret + strlen(ret), RUNS_ISO - strlen(ret), ".%03dZ",
			(int)(us / 1000 % 1000));
}

void runs_usd(int64_t nanousd, char *ret, size_t cap)
{
	size_t n;

	ret[0] = '\0';
	if (nanousd < 0)
		return;
	snprintf(ret, cap, "%" PRId64 ".%09" PRId64, nanousd / 1000000000, nanousd % 1000000000);
	for (n = strlen(ret); n > 2 && ret[n - 1] == '0' && ret[n - 3] != '.'; n--)
		ret[n - 1] = '\0';
}

void runs_span(int64_t ms, char *ret, size_t cap)
{
	ret[0] = '\0';
	if (ms >= 60000)
		snprintf(ret, cap, "%" PRId64 " m %" PRId64 " s", ms / 60000, ms / 1000 % 60);
	else if (ms >= 1000)
		snprintf(ret, cap, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms / 100 % 10);
	else if (ms >= 0)
		snprintf(ret, cap, "%" PRId64 " ms", ms);
}

void runs_count(int64_t n, char *ret, size_t cap)
{
	ret[0] = '\0';
	if (n >= 0)
		snprintf(ret, cap, "%" PRId64, n);
}
