/*
 * runs.h - what the commands "runs" share: rows as text and JSON, filters, times.
 */
#ifndef LLMCTL_RUNS_H
#define LLMCTL_RUNS_H

#include <jansson.h>

#include "io/table.h"
#include "setup/store.h"

#define RUNS_ISO 32 /* "2026-01-31T10:00:00.000Z" */
#define RUNS_PROVIDER 100
#define RUNS_ID 20

/* A filter with texts that it points to: it stays where it is. */
typedef struct runs_asked {
	llm_filter f;
	char provider[RUNS_PROVIDER];
	char from_id[RUNS_ID];
} runs_asked;

/* ---- runs.c ---- */

/* Opens for reading; what the command line asks for. Ended with store_close, also after a failure. */
int32_t runs_open(ctl *c, store *st, runs_asked *ret, llm_err *err);
/* A line of a list. */
void runs_cells(table *t, const llm_run_row *r);

/* ---- runs_rows.c ---- */

/* Every member of a row, unknown ones as null. */
json_t *runs_json(const llm_run_row *row);
json_t *runs_attempt_json(const llm_attempt_row *row);
/* RFC 4180; the line ends with "\r\n". */
void runs_csv_head(FILE *to);
void runs_csv_line(FILE *to, const llm_run_row *row);
/* "" when it is not known. */
void runs_iso(int64_t us, char ret[RUNS_ISO]);
/* Nano-USD as USD; "" when it is not known. */
void runs_usd(int64_t nanousd, char *ret, size_t cap);
/* "12 ms", "3.4 s"; "" when it is not known. */
void runs_span(int64_t ms, char *ret, size_t cap);
void runs_count(int64_t n, char *ret, size_t cap);

/* ---- runs_filter.c ---- */

/* From the command line; `now_us` is what "24h" is counted back from. */
int32_t runs_filter(
	const ctl_options *o, const char *workspace, int64_t now_us, runs_asked *ret, llm_err *err);
/* The smallest id of a run that began then. */
void runs_id_at(int64_t us, char ret[RUNS_ID]);
/* A model as ask takes it, "ollama/llama3.2", unless a run says that this is a model's whole name. */
void runs_split_model(const store *st, runs_asked *a);
/* "2026-01-31", "2026-01-31T10:00:00Z", or a time ago such as 90s, 30m, 24h, 7d. */
int32_t runs_when(const char *option, const char *text, int64_t now_us, int64_t *ret, llm_err *err);
int64_t runs_now_us(void);
/* "0.0125" dollars as nano-USD. */
int32_t runs_amount(const char *option, const char *text, int64_t *ret, llm_err *err);
/* "500ms", "90s", "30m", "24h", "7d" in microseconds; false: it is none. */
bool runs_length(const char *text, int64_t *ret_us);

#endif
