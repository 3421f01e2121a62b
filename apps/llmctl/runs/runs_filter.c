/*
 * runs_filter.c - which runs: the options of "runs" as a filter.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runs.h"

#define US_PER_S INT64_C(1000000)
#define PAGE 50
#define ID_SLACK_US (INT64_C(86400) * US_PER_S) /* that an id may be older than its run says */

int64_t runs_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

/* ---- numbers ---- */

/* Digits up to `end`; false when there are none, too many, or something else. */
static bool whole(const char *text, size_t len, int64_t *ret)
{
	int64_t n = 0;

	if (!len || len > 15)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (text[i] - '0');
	}
	*ret = n;
	return true;
}

bool runs_length(const char *text, int64_t *ret_us)
{
	static const struct {
		const char *unit;
		int64_t us;
	} units[] = {{"ms", 1000}, {"s", US_PER_S}, {"m", 60 * US_PER_S}, {"h", 3600 * US_PER_S},
		{"d", 86400 * US_PER_S}};
	const size_t digits = strspn(text, "0123456789");
	int64_t n;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text + digits, units[i].unit) == 0 && whole(text, digits, &n) &&
			n < INT64_MAX / 2 / units[i].us) {
			*ret_us = n * units[i].us;
			return true;
		}
	return false;
}

/* As in the form: a digit for each 0, all else as it is. */
static bool has_form(const char *text, const char *form)
{
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	return !text[i];
}

/* "2026-01-31", and with a time of day as the lists show it. A day that no month has is none. */
static bool date_us(const char *text, int64_t *ret)
{
	static const char *const forms[] = {
		"0000-00-00", "0000-00-00T00:00:00Z", "0000-00-00T00:00:00.000Z"};
	struct tm tm = {.tm_mday = 1};
	size_t form = 0;
	int64_t ms = 0, us;
	int day;

	while (form < 3 && !has_form(text, forms[form]))
		form++;
	if (form == 3 || !strptime(text, form ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d", &tm))
		return false;
	if (form == 2 && !whole(strchr(text, '.') + 1, 3, &ms))
		return false;
	day = tm.tm_mday;
	us = (int64_t)timegm(&tm) * US_PER_S + ms * 1000;
	if (us < 0 || tm.tm_mday != day)
		return false;
	*ret = us;
	return true;
}

int32_t runs_when(const char *option, const char *text, int64_t now_us, int64_t *ret, llm_err *err)
{
	int64_t us;

	if (runs_length(text, &us)) {
		*ret = us < now_us ? now_us - us : 0;
		return 0;
	}
	if (date_us(text, ret))
		return 0;
	return complain_set(err, LLM_E_INVALID_REQUEST,
		"--%s %.40s is no time: write 2026-01-31, 2026-01-31T10:00:00Z, or how long ago, "
		"such as 90s, 30m, 24h or 7d",
		option, text);
}

int32_t runs_amount(const char *option, const char *text, int64_t *ret, llm_err *err)
{
	const char *dot = strchr(text, '.');
	const size_t before = dot ? (size_t)(dot - text) : strlen(text);
	const size_t behind = dot ? strlen(dot + 1) : 0;
	int64_t whole_usd = 0, part = 0;
	bool ok = whole(text, before, &whole_usd) && whole_usd < 1000000000;

	if (ok && dot)
		ok = behind <= 9 && whole(dot + 1, behind, &part);
	for (size_t i = behind; i < 9; i++)
		part *= 10;
	if (!ok)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--%s %.40s is no amount of US dollars, such as 0.05", option, text);
	*ret = whole_usd * 1000000000 + part;
	return 0;
}

static int32_t duration(const char *text, int64_t *ret, llm_err *err)
{
	int64_t us;

	if (!runs_length(text, &us))
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--min-duration %.40s is no time, such as 500ms, 30s or 5m", text);
	*ret = us / 1000;
	return 0;
}

static int32_t limit(const char *text, int64_t *ret, llm_err *err)
{
	*ret = PAGE;
	if (!text || (whole(text, strlen(text), ret) && *ret >= 1 && *ret <= 1000000))
		return 0;
	return complain_set(
		err, LLM_E_INVALID_REQUEST, "--limit %.40s is no number from 1 to 1000000", text);
}

/* ---- words ---- */

static int32_t status(const char *text, llm_err *err)
{
	static const char *const known[] = {
		"pending", "running", "succeeded", "failed", "cancelled", "abandoned"};

	for (size_t i = 0; text && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(text, known[i]) == 0)
			return 0;
	if (!text)
		return 0;
	return complain_set(err, LLM_E_INVALID_REQUEST,
		"--status %.40s is none of pending, running, succeeded, failed, cancelled and "
		"abandoned",
		text);
}

/* A cursor is the id of a run: what is none would quietly find all or nothing. */
static int32_t cursor(const char *text, llm_err *err)
{
	static const char hex[] = "0123456789abcdef";
	bool ok = !text || strlen(text) == 36;

	for (size_t i = 0; ok && text && i < 36; i++)
		ok = (i == 8 || i == 13 || i == 18 || i == 23) ? text[i] == '-' :
								 strchr(hex, text[i]) != NULL;
	return ok ?
		0 :
		complain_set(err, LLM_E_INVALID_REQUEST,
			"--before %.60s is no id of a run, such as those that llmctl runs list shows",
			text);
}

static int32_t numbers(const ctl_options *o, int64_t now_us, llm_filter *f, llm_err *err)
{
	int32_t rc = limit(o->limit, &f->limit, err);

	if (!rc && o->since)
		rc = runs_when("since", o->since, now_us, &f->from_us, err);
	if (!rc && o->until)
		rc = runs_when("until", o->until, now_us, &f->to_us, err);
	if (!rc && o->since && o->until && f->from_us >= f->to_us)
		rc = complain_set(err, LLM_E_INVALID_REQUEST,
			"--since %.40s is not before --until %.40s: no run is between them",
			o->since, o->until);
	if (!rc && o->min_cost)
		rc = runs_amount("min-cost", o->min_cost, &f->min_cost_nanousd, err);
	if (!rc && o->min_duration)
		rc = duration(o->min_duration, &f->min_duration_ms, err);
	return rc;
}

/* Ids begin with the millisecond in which they were made, so what is older need not be looked at. */
void runs_id_at(int64_t us, char ret[RUNS_ID])
{
	const uint64_t ms = us > 0 ? (uint64_t)us / 1000 : 0;

	snprintf(ret, RUNS_ID, "%08" PRIx32 "-%04" PRIx32, (uint32_t)(ms >> 16),
		(uint32_t)(ms & 0xffff));
}

int32_t runs_filter(
	const ctl_options *o, const char *workspace, int64_t now_us, runs_asked *ret, llm_err *err)
{
	llm_filter f = LLM_FILTER_INIT;
	int32_t rc = numbers(o, now_us, &f, err);

	if (!rc)
		rc = status(o->status, err);
	if (!rc)
		rc = cursor(o->before, err);
	if (rc)
		return rc;
	f.workspace_id = workspace;
	f.cursor = o->before;
	f.status = o->status;
	f.profile = o->profile;
	f.provider = o->provider;
	f.model = o->model;
	f.error_code = o->error;
	if (f.from_us > ID_SLACK_US) {
		runs_id_at(f.from_us - ID_SLACK_US, ret->from_id);
		f.from_id = ret->from_id;
	}
	ret->f = f;
	return 0;
}

/* ---- PROVIDER/MODEL ---- */

static int32_t take_any(void *ctx, const void *row)
{
	(void)row;
	*(bool *)ctx = true;
	return 0;
}

static bool has_run(const store *st, const char *provider, const char *model)
{
	bool any = false;
	llm_row_sink sink = {sizeof(sink), 0, &any, take_any};
	llm_filter f = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT; /* what is wrong is told by the question itself */

	f.workspace_id = st->workspace;
	f.provider = provider;
	f.model = model;
	f.limit = 1;
	return llm_records_read(st->unit, LLM_QUERY_RUNS, &f, &sink, &err) == 0 && any;
}

void runs_split_model(const store *st, runs_asked *a)
{
	llm_filter *f = &a->f;
	const char *slash = f->model && !f->provider ? strchr(f->model, '/') : NULL;

	if (!slash || slash - f->model >= RUNS_PROVIDER)
		return;
	snprintf(a->provider, sizeof(a->provider), "%.*s", (int)(slash - f->model), f->model);
	if (!has_run(st, a->provider, slash + 1) && has_run(st, NULL, f->model))
		return;
	f->provider = a->provider;
	f->model = slash + 1;
}
