/*
 * details.c - error.details: what exactly was violated, and when to come back.
 *
 * [{"@type":"...google.rpc.QuotaFailure","violations":[{"quotaId":"...","quotaValue":"15"}]},
 *  {"@type":"...google.rpc.ErrorInfo","reason":"...","metadata":{"quota_limit":"..."}},
 *  {"@type":"...google.rpc.RetryInfo","retryDelay":"34.074824224s"}]
 * Each kind is known by its members, which no other has.
 */
#include <string.h>

#include "gemini.h"

static int contains(const jsonr_text *t, const char *word)
{
	size_t n = strlen(word);
	size_t i;

	for (i = 0; i + n <= t->len; i++)
		if (memcmp(t->raw + i, word, n) == 0)
			return 1;
	return 0;
}

/* Is the quota with that id one of a day? A few seconds will not bring it back. */
static int by_day(const jsonr_text *id)
{
	return contains(id, "PerDay") || contains(id, "Daily");
}

static void take_quota(gemini_details *d, const jsonr_text *id, int spent)
{
	if (d->quota.len == 0 || (spent && !d->spent))
		d->quota = *id;
	d->spent |= spent;
}

static void read_violation(jsonr *r, gemini_details *d)
{
	jsonr_text id = {"", 0, 0};
	int64_t value = -1;
	jsonr_text key;

	if (!jsonr_enter_object(r))
		return;
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "quotaId"))
			jsonr_string(r, &id);
		else if (jsonr_is(&key, "quotaValue"))
			gemini_count(r, &value);
	}
	if (id.len > 0)
		take_quota(d, &id, by_day(&id) || value == 0);
}

static void read_violations(jsonr *r, gemini_details *d)
{
	if (!jsonr_enter_array(r))
		return;
	while (jsonr_element(r))
		read_violation(r, d);
}

/* Of ErrorInfo: {"quota_limit":"GenerateRequestsPerDay...","quota_limit_value":"0"}. */
static void read_metadata(jsonr *r, gemini_details *d)
{
	jsonr_text id = {"", 0, 0};
	int64_t value = -1;
	jsonr_text key;

	if (!jsonr_enter_object(r))
		return;
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "quota_limit") || jsonr_is(&key, "quotaId"))
			jsonr_string(r, &id);
		else if (jsonr_is(&key, "quota_limit_value") || jsonr_is(&key, "quotaValue"))
			gemini_count(r, &value);
	}
	if (id.len > 0)
		take_quota(d, &id, by_day(&id) || value == 0);
}

static void read_detail(jsonr *r, gemini_details *d)
{
	jsonr_text delay;
	jsonr_text key;

	if (!jsonr_enter_object(r))
		return;
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "reason"))
			jsonr_string(r, &d->reason);
		else if (jsonr_is(&key, "metadata"))
			read_metadata(r, d);
		else if (jsonr_is(&key, "violations"))
			read_violations(r, d);
		else if (jsonr_is(&key, "retryDelay") && jsonr_string(r, &delay))
			d->delay_ms = gemini_duration_ms(delay.raw, delay.len);
	}
}

void gemini_read_details(const llm_bytes *details, gemini_details *ret)
{
	gemini_details d = {{"", 0, 0}, {"", 0, 0}, 0, -1};
	jsonr r;

	jsonr_init(&r, details->ptr, details->len);
	if (jsonr_enter_array(&r))
		while (jsonr_element(&r))
			read_detail(&r, &d);
	*ret = d;
}

/* Up to nine digits behind the point, as nanoseconds; -1: they are none. */
static int64_t read_fraction(const char *text, size_t len)
{
	int64_t ns = 0;
	size_t i;

	if (len == 0 || len > 9)
		return -1;
	for (i = 0; i < 9; i++) {
		if (i < len && (text[i] < '0' || text[i] > '9'))
			return -1;
		ns = ns * 10 + (i < len ? text[i] - '0' : 0);
	}
	return ns;
}

int64_t gemini_duration_ms(const char *text, size_t len)
{
	const char *point = len > 0 ? memchr(text, '.', len) : NULL;
	size_t whole = point ? (size_t)(point - text) : len - (len > 0);
	int64_t seconds;
	int64_t ns = 0;

	if (len < 2 || text[len - 1] != 's' || text[0] == '-')
		return -1;
	if (!num_read_i64(text, whole, &seconds) || seconds > 1000000000)
		return -1;
	if (point)
		ns = read_fraction(point + 1, len - whole - 2);
	return ns < 0 ? -1 : seconds * 1000 + (ns + 999999) / 1000000;
}
