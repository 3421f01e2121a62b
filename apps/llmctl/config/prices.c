/*
 * prices.c - "llmctl prices import FILE": LiteLLM's price map as a price file of ours.
 *
 * Amounts go from the text of the JSON number to decimal text without floating point. What
 * cannot be taken is listed on standard error, and the exit status is 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setup/ctl.h"
#include "wire/jsonr.h"
#include "wire/money.h"
#include "wire/num.h"

#define FILE_MAX ((size_t)64 * 1024 * 1024)
#define NAME_MAX_HERE 256
#define TIERS 4
#define KINDS 5

/* Their name of a price, and ours. */
static const struct kind {
	const char *theirs;
	const char *ours;
} kinds[KINDS] = {
	{"input_cost_per_token", "input"},
	{"output_cost_per_token", "output"},
	{"cache_read_input_token_cost", "cache_read"},
	{"cache_creation_input_token_cost", "cache_write"},
	{"output_cost_per_reasoning_token", "reasoning"},
};

typedef struct amounts {
	int64_t above_tokens; /* 0: the base */
	int64_t picousd[KINDS]; /* -1: not said */
} amounts;

typedef struct model {
	char id[NAME_MAX_HERE];
	char provider[NAME_MAX_HERE];
	amounts sets[1 + TIERS];
	size_t n_sets;
	const char *problem; /* why it is left out, or null */
} model;

typedef struct import {
	const ctl *c;
	char **seen; /* ids that were written */
	size_t n_seen;
	size_t snapped;
	size_t left_out;
	size_t priceless;
} import;

/* ---- one model ---- */

static void note(const import *in, const char *kind, const char *id, const char *what)
{
	char line[NAME_MAX_HERE + 256];

	snprintf(line, sizeof(line), "%s: %s", id, what);
	complain_note(&in->c->term, kind, line);
}

/* "_above_200k_tokens" as 200000, "" as 0; -1 for anything else. */
static int64_t tier_of(const char *rest)
{
	static const char before[] = "_above_", after[] = "k_tokens";
	const size_t head = sizeof(before) - 1, tail = sizeof(after) - 1, len = strlen(rest);
	int64_t thousands;

	if (!len)
		return 0;
	if (len <= head + tail || strncmp(rest, before, head) != 0 ||
		strcmp(rest + len - tail, after) != 0 ||
		!num_read_i64(rest + head, len - head - tail, &thousands) || thousands < 1 ||
		thousands > 1000000)
		return -1;
	return thousands * 1000;
}

/* The set of a tier, in ascending order; null when there are too many. */
static amounts *set_of(model *m, int64_t above)
{
	size_t i = m->n_sets, k;

	while (i > 0 && m->sets[i - 1].above_tokens > above)
		i--;
	if (i > 0 && m->sets[i - 1].above_tokens == above)
		return &m->sets[i - 1];
	if (m->n_sets == 1 + TIERS)
		return NULL;
	memmove(&m->sets[i + 1], &m->sets[i], (m->n_sets - i) * sizeof(m->sets[0]));
	m->n_sets++;
	m->sets[i].above_tokens = above;
	for (k = 0; k < KINDS; k++)
		m->sets[i].picousd[k] = -1;
	return &m->sets[i];
}

static void take_amount(import *in, model *m, const char *name, size_t kind, jsonr *r)
{
	const int64_t above = tier_of(name + strlen(kinds[kind].theirs));
	int64_t picousd = -1;
	char line[240];
	llm_bytes text;
	amounts *set;
	int how;

	if (jsonr_peek(r) == JSONR_NULL || above < 0)
		return; /* what is not read is skipped */
	set = set_of(m, above);
	if (!jsonr_number(r, &text) || !set) {
		m->problem = set ? "a price is no number" : "it has too many tiers";
		return;
	}
	how = money_read_number(text.ptr, text.len, &picousd);
	if (how == MONEY_REFUSED)
		m->problem = "a price is no whole number of picodollars a token";
	else
		set->picousd[kind] = picousd;
	if (how == MONEY_SNAPPED) {
		snprintf(line, sizeof(line), "%.100s = %.*s taken as %" PRId64 " picodollars", name,
			text.len < 40 ? (int)text.len : 40, text.ptr, picousd);
		note(in, "snapped", m->id, line);
		in->snapped++;
	}
}

static void take_member(import *in, model *m, const char *name, jsonr *r)
{
	jsonr_text text;
	size_t k;

	for (k = 0; k < KINDS; k++)
		if (strncmp(name, kinds[k].theirs, strlen(kinds[k].theirs)) == 0) {
			take_amount(in, m, name, k, r);
			return;
		}
	if (strcmp(name, "litellm_provider") == 0 && jsonr_string(r, &text) &&
		text.len < sizeof(m->provider))
		m->provider[jsonr_decode(&text, m->provider)] = '\0';
}

/* Nothing in it needs a backslash in a file of ours. */
static int is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == '"' || *text == '\\' || *text == 0x7f)
			return 0;
	return 1;
}

static int is_provider(const char *name)
{
	size_t i;

	if (name[0] < 'a' || name[0] > 'z')
		return 0;
	for (i = 1; name[i]; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
			    name[i] == '_' || name[i] == '-'))
			return 0;
	return i < 64;
}

/* "gpt-4o" of "openai" becomes "openai/gpt-4o"; "gemini/x" of "gemini" stays. */
static void name_model(model *m)
{
	char whole[2 * NAME_MAX_HERE];
	const size_t len = strlen(m->provider);

	if (!is_provider(m->provider) || !is_plain(m->id)) {
		m->problem = "its name or its provider's cannot be a name here";
		return;
	}
	if (strncmp(m->id, m->provider, len) == 0 && m->id[len] == '/')
		return;
	snprintf(whole, sizeof(whole), "%s/%s", m->provider, m->id);
	if (strlen(whole) >= sizeof(m->id))
		m->problem = "its name is too long";
	else
		memcpy(m->id, whole, strlen(whole) + 1);
}

/* ---- writing ---- */

static void print_amounts(const amounts *a)
{
	char text[32];
	size_t k;

	for (k = 0; k < KINDS; k++) {
		if (a->picousd[k] < 0)
			continue;
		money_write(a->picousd[k], MONEY_PICO, text);
		printf(" %s = \"%s\";", kinds[k].ours, text);
	}
}

static void print_model(const model *m, int first)
{
	size_t i;

	printf("%s\n\t{ model = \"%s\";", first ? "" : ",", m->id);
	print_amounts(&m->sets[0]);
	for (i = 1; i < m->n_sets; i++) {
		printf("%s { above_tokens = %" PRId64 ";", i > 1 ? "," : " tiers = (",
			m->sets[i].above_tokens);
		print_amounts(&m->sets[i]);
		fputs(" }", stdout);
	}
	fputs(m->n_sets > 1 ? " ); }" : " }", stdout);
}

static int remember(import *in, model *m)
{
	char **more;
	size_t i;

	for (i = 0; i < in->n_seen; i++)
		if (strcmp(in->seen[i], m->id) == 0) {
			m->problem = "another entry has the same name here; the first is taken";
			return 1;
		}
	more = realloc(in->seen, (in->n_seen + 1) * sizeof(*more));
	if (!more)
		return 0;
	in->seen = more;
	in->seen[in->n_seen] = strdup(m->id);
	return in->seen[in->n_seen] && ++in->n_seen;
}

static int has_price(const model *m)
{
	return m->n_sets && !m->sets[0].above_tokens &&
		(m->sets[0].picousd[0] >= 0 || m->sets[0].picousd[1] >= 0);
}

/* 0 when memory is short. */
static int finish_model(import *in, model *m)
{
	const int first = !in->n_seen;

	if (strcmp(m->id, "sample_spec") == 0)
		return 1;
	if (!m->problem && !has_price(m)) {
		in->priceless++; /* by the picture, the second, the page */
		return 1;
	}
	if (!m->problem)
		name_model(m);
	if (!m->problem && !remember(in, m))
		return 0;
	if (m->problem) {
		in->left_out++;
		note(in, "left out", m->id, m->problem);
		return 1;
	}
	print_model(m, first);
	return 1;
}

/* ---- the file ---- */

static int read_model(import *in, const jsonr_text *key, jsonr *r)
{
	char name[NAME_MAX_HERE];
	jsonr_text member;
	model m = {.n_sets = 0};

	if (key->len >= sizeof(m.id)) {
		in->left_out++;
		note(in, "left out", "a model", "its name is too long");
		jsonr_skip(r);
		return 1;
	}
	m.id[jsonr_decode(key, m.id)] = '\0';
	if (!jsonr_enter_object(r)) {
		m.problem = "it is no object";
		jsonr_skip(r);
	} else {
		while (jsonr_member(r, &member)) {
			if (member.len >= sizeof(name))
				continue;
			name[jsonr_decode(&member, name)] = '\0';
			take_member(in, &m, name, r);
		}
	}
	return finish_model(in, &m);
}

static int32_t read_map(import *in, const char *text, size_t len, const char *path, llm_err *err)
{
	jsonr_text key;
	int fits = 1;
	jsonr r;

	jsonr_init(&r, text, len);
	printf("# Prices in US dollars per million tokens, from a price map of LiteLLM.\nprices = (");
	if (jsonr_enter_object(&r))
		while (fits && jsonr_member(&r, &key))
			fits = read_model(in, &key, &r);
	printf("\n);\n");
	if (!fits)
		return complain_set(err, LLM_E_NOMEM, "no memory for the models of %s", path);
	if (jsonr_finish(&r))
		return complain_set(err, LLM_E_CONFIG, "%s is no JSON object (at byte %zu)", path,
			jsonr_offset(&r));
	return 0;
}

static int32_t read_file(const char *path, char **ret, size_t *ret_len, llm_err *err)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL, *more;
	size_t len = 0, got = 1;

	if (!f)
		return complain_set(
			err, LLM_E_NOT_FOUND, "%s cannot be read: %s", path, strerror(errno));
	while (got && len <= FILE_MAX) {
		more = realloc(text, len + 65536);
		if (!more)
			break;
		text = more;
		got = fread(text + len, 1, 65536, f);
		len += got;
	}
	fclose(f);
	if (got || !len) {
		free(text);
		return complain_set(
			err, LLM_E_INVALID_REQUEST, got ? "%s is too large" : "%s is empty", path);
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

int prices_import_run(ctl *c)
{
	const char *path = c->opt.words.n ? c->opt.words.items[0] : NULL;
import in = {.c = c };
	llm_err err = LLM_ERR_INIT;
	char *text = NULL, line[160];
	size_t len = 0;
	int32_t rc;

	if (!path) {
		complain_set(&err, LLM_E_INVALID_REQUEST, "which file? llmctl prices import FILE");
		return ctl_fail(c, &err);
	}
	rc = read_file(path, &text, &len, &err);
	if (!rc)
		rc = read_map(&in, text, len, path, &err);
	free(text);
	while (in.n_seen)
		free(in.seen[--in.n_seen]);
	free(in.seen);
	if (rc)
		return ctl_fail(c, &err);
	snprintf(line, sizeof(line),
		"%zu prices were snapped, %zu models left out, %zu not priced by token", in.snapped,
		in.left_out, in.priceless);
	complain_note(&c->term, "note", line);
	return in.left_out ? 1 : 0;
}
