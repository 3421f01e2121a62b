/*
 * provider.c - the tables of a provider part.
 */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "plugin/check.h"
#include "plugin/image.h"

#define PROVIDER_MAX_ROWS 1024
#define PROVIDER_TEXT_MAX 4096

static int32_t provider_refuse(const plugin *p, const char *what, llm_err *err)
{
	return err_set(err, LLM_E_PLUGIN, "plugin file %s: %s", p->path, what);
}

/* ---- the table ---- */

#define PROVIDER_SLOT(name) \
	{ \
		offsetof(llm_provider_vtable, name), #name \
	}
static const struct provider_slot {
	size_t at;
	const char *name;
} provider_required[] = {
	PROVIDER_SLOT(describe),
	PROVIDER_SLOT(create),
	PROVIDER_SLOT(destroy),
	PROVIDER_SLOT(capabilities),
	PROVIDER_SLOT(build_request),
	PROVIDER_SLOT(parse_response),
	PROVIDER_SLOT(stream_open),
	PROVIDER_SLOT(stream_frame),
	PROVIDER_SLOT(stream_close),
	PROVIDER_SLOT(classify_error),
};

/* Sizes by ABI minor: 1.0. */
static const uint32_t provider_sizes[] = {CHECK_THROUGH(llm_provider_vtable, get_extension)};

static int32_t provider_check_slots(const llm_provider_vtable *vt, const plugin *p, llm_err *err)
{
	size_t i;

	for (i = 0; i < sizeof(provider_required) / sizeof(provider_required[0]); i++) {
		const struct provider_slot *slot = &provider_required[i];
		void (*function)(void);

		memcpy(&function, (const char *)vt + slot->at, sizeof(function));
		if (!function)
			return err_set(err, LLM_E_PLUGIN,
				"plugin file %s: its table " LLM_KIND_PROVIDER
				" lacks the required slot %s",
				p->path, slot->name);
	}
	return 0;
}

static int32_t provider_adopt(
	const void *theirs, arena *ar, llm_provider_vtable **ret, plugin *p, llm_err *err)
{
	uint32_t size;
	int bad;

	size = check_size(theirs, provider_sizes, 1, &bad);
	if (!size && !bad)
		return provider_refuse(
			p, "the address of its table " LLM_KIND_PROVIDER " is garbage", err);
	if (bad)
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s: its table " LLM_KIND_PROVIDER " has %" PRIu32
			" bytes, that of ABI 1.0 has %" PRIu32,
			p->path, size, provider_sizes[0]);
	*ret = check_adopt(ar, theirs, size, sizeof(**ret));
	if (!*ret)
		return LLM_E_NOMEM;
	(*ret)->struct_size = sizeof(**ret);
	return provider_check_slots(*ret, p, err);
}

/* ---- what describe returned: words ---- */

/* [a-z][a-z0-9_]*, a dash as well where `dash`. */
static int provider_name_valid(const char *s, int dash)
{
	size_t i;

	if (!check_word(s, 63) || s[0] < 'a' || s[0] > 'z')
		return 0;
	for (i = 1; s[i]; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') && !ascii_is_digit(s[i]) && s[i] != '_' &&
			!(dash && s[i] == '-'))
			return 0;
	return 1;
}

static int provider_variable_valid(const char *s)
{
	size_t i;

	if (!check_word(s, 63) || ascii_is_digit(s[0]))
		return 0;
	for (i = 0; s[i]; i++)
		if (!ascii_is_alnum(s[i]) && s[i] != '_')
			return 0;
	return 1;
}

/* The name of a header. */
static int provider_header_valid(const char *s)
{
	size_t i;

	if (!check_word(s, 63))
		return 0;
	for (i = 0; s[i]; i++)
		if (!ascii_is_alnum(s[i]) && s[i] != '-' && s[i] != '_')
			return 0;
	return 1;
}

/* One line of UTF-8; may be empty, and null where `optional`. */
static int provider_line_valid(const char *s, int optional)
{
	size_t i;

	if (!s)
		return optional;
	if (!image_text(s, PROVIDER_TEXT_MAX) || !utf8_valid(s, strlen(s)))
		return 0;
	for (i = 0; s[i]; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return 0;
	return 1;
}

/* ---- what describe returned: lists ---- */

static int provider_key_valid(const void *row)
{
	const llm_key_info *k = row;

	return k->type && provider_name_valid(k->name, 0) && provider_line_valid(k->unit, 1) &&
		provider_line_valid(k->default_text, 1) && provider_line_valid(k->help, 1);
}

static int provider_rule_valid(const void *row)
{
	const llm_error_rule *r = row;

	return r->match && r->code < 0 && provider_line_valid(r->text, 0) && r->text[0];
}

/* A row that only a later libllm understands is left out: it cannot match here. */
static int provider_rule_used(const void *row)
{
	const llm_error_rule *r = row;

	return r->match <= LLM_MATCH_PREFIX && r->code >= LLM_E_LAST;
}

typedef struct provider_list {
	const char *name;
	uint32_t sizes[1]; /* by ABI minor: 1.0 */
	size_t ours;
	int (*valid)(const void *row);
	int (*used)(const void *row); /* null: all */
} provider_list;

static const provider_list provider_keys = {"config_keys", {CHECK_THROUGH(llm_key_info, help)},
	sizeof(llm_key_info), provider_key_valid, NULL};
static const provider_list provider_options = {"request_options",
	{CHECK_THROUGH(llm_key_info, help)}, sizeof(llm_key_info), provider_key_valid, NULL};
static const provider_list provider_rules = {"error_rules", {CHECK_THROUGH(llm_error_rule, text)},
	sizeof(llm_error_rule), provider_rule_valid, provider_rule_used};

/* Pointer number `i` of a list of any type of pointer; 0 when it cannot be read. */
static int provider_at(const void *list, size_t i, const void **ret)
{
	const char *at = (const char *)list + i * sizeof(*ret);

	if (image_room(at) < sizeof(*ret))
		return 0;
	memcpy(ret, at, sizeof(*ret));
	return 1;
}

static int32_t provider_refuse_list(const plugin *p, const char *name, size_t row, llm_err *err)
{
	return err_set(err, LLM_E_PLUGIN,
		"plugin file %s: describe returned a damaged list %s (row %zu)", p->path, name,
		row + 1);
}

/* The number of rows in front of the list's null. */
static int32_t provider_count(
	const void *list, const char *name, const plugin *p, size_t *ret_n, llm_err *err)
{
	const void *row;
	size_t n;

	for (n = 0; n < PROVIDER_MAX_ROWS; n++) {
		if (!provider_at(list, n, &row))
			break;
		if (!row) {
			*ret_n = n;
			return 0;
		}
	}
	return provider_refuse_list(p, name, n, err);
}

/* Our copy of one row in *ret. */
static int32_t provider_row(
	const provider_list *kind, const void *list, size_t i, arena *ar, void **ret)
{
	const void *theirs;
	uint32_t size;
	void *copy;
	int bad;

	if (!provider_at(list, i, &theirs))
		return LLM_E_PLUGIN;
	size = check_size(theirs, kind->sizes, 1, &bad);
	if (!size || bad)
		return LLM_E_PLUGIN;
	copy = check_adopt(ar, theirs, size, kind->ours);
	if (!copy)
		return LLM_E_NOMEM;
	if (!kind->valid(copy))
		return LLM_E_PLUGIN;
	*ret = copy;
	return 0;
}

/* Copies a list, null-terminated again, into *ret. A null list is an empty one. */
static int32_t provider_rows(const provider_list *kind, const void *theirs, arena *ar,
	const plugin *p, void **ret, llm_err *err)
{
	size_t n = 0, i, used = 0;
	char *rows;
	void *row;
	int32_t rc;

	rc = theirs ? provider_count(theirs, kind->name, p, &n, err) : 0;
	if (rc)
		return rc;
	rows = arena_array(ar, n + 1, sizeof(void *));
	if (!rows)
		return LLM_E_NOMEM;
	for (i = 0; i < n; i++) {
		rc = provider_row(kind, theirs, i, ar, &row);
		if (rc == LLM_E_PLUGIN)
			return provider_refuse_list(p, kind->name, i, err);
		if (rc)
			return rc;
		if (!kind->used || kind->used(row))
			memcpy(rows + used++ * sizeof(row), &row, sizeof(row));
	}
	*ret = rows;
	return 0;
}

static int32_t provider_variables(llm_provider_info *info, arena *ar, const plugin *p, llm_err *err)
{
	const char **copy;
	size_t n = 0, i;
	int32_t rc;

	rc = info->key_env ? provider_count(info->key_env, "key_env", p, &n, err) : 0;
	if (rc)
		return rc;
	copy = arena_array(ar, n + 1, sizeof(*copy));
	if (!copy)
		return LLM_E_NOMEM;
	for (i = 0; i < n; i++) {
		copy[i] = info->key_env[i];
		if (!provider_variable_valid(copy[i]))
			return provider_refuse_list(p, "key_env", i, err);
	}
	info->key_env = (const char *const *)copy;
	return 0;
}

static int32_t provider_lists(llm_provider_info *info, arena *ar, const plugin *p, llm_err *err)
{
	void *keys = NULL, *options = NULL, *rules = NULL;
	int32_t rc;

	rc = provider_variables(info, ar, p, err);
	if (!rc)
		rc = provider_rows(&provider_keys, info->config_keys, ar, p, &keys, err);
	if (!rc)
		rc = provider_rows(&provider_options, info->request_options, ar, p, &options, err);
	if (!rc)
		rc = provider_rows(&provider_rules, info->error_rules, ar, p, &rules, err);
	info->config_keys = keys;
	info->request_options = options;
	info->error_rules = rules;
	return rc;
}

/* ---- what describe returned: the whole ---- */

/* Sizes by ABI minor: 1.0. */
static const uint32_t info_sizes[] = {CHECK_THROUGH(llm_provider_info, licence_note)};

static int32_t provider_check_words(llm_provider_info *info, const plugin *p, llm_err *err)
{
	if (!provider_name_valid(info->name, 1))
		return provider_refuse(
			p, "describe returned a name that is not [a-z][a-z0-9_-]{0,62}", err);
	if (!provider_line_valid(info->label, 0) || !info->label[0])
		return provider_refuse(p, "describe returned no label of one line", err);
	if (!provider_line_valid(info->default_base_url, 1))
		return provider_refuse(
			p, "describe returned a default base URL that is no line", err);
	if (!info->default_base_url)
		info->default_base_url = "";
	if (info->base_url_env && !provider_variable_valid(info->base_url_env))
		return provider_refuse(
			p, "describe returned a base_url_env that names no variable", err);
	if (!provider_line_valid(info->licence_note, 1))
		return provider_refuse(p, "describe returned a licence note that is no line", err);
	if (info->idempotency_header && !provider_header_valid(info->idempotency_header))
		return provider_refuse(
			p, "describe returned an idempotency_header that names no header", err);
	if (info->locality > LLM_LOCALITY_CLOUD)
		info->locality = LLM_LOCALITY_UNKNOWN;
	return 0;
}

static int32_t provider_describe(const llm_provider_vtable *vt, arena *ar, plugin *p, llm_err *err)
{
	const llm_provider_info *theirs = vt->describe();
	llm_provider_info *info;
	uint32_t size;
	int32_t rc;
	int bad;

	size = check_size(theirs, info_sizes, 1, &bad);
	if (!size && !bad)
		return provider_refuse(p, "describe returned nothing", err);
	if (bad)
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s: describe returned a table of %" PRIu32
			" bytes, that of ABI 1.0 has %" PRIu32,
			p->path, size, info_sizes[0]);
	info = check_adopt(ar, theirs, size, sizeof(*info));
	if (!info)
		return LLM_E_NOMEM;
	info->struct_size = sizeof(*info);
	rc = provider_check_words(info, p, err);
	if (!rc)
		rc = provider_lists(info, ar, p, err);
	if (!rc)
		p->info = info;
	return rc;
}

int32_t check_provider(const void *theirs, arena *ar, plugin *p, llm_err *err)
{
	llm_provider_vtable *vt = NULL;
	int32_t rc;

	rc = provider_adopt(theirs, ar, &vt, p, err);
	if (!rc && vt)
		rc = provider_describe(vt, ar, p, err);
	if (!rc)
		p->provider = vt;
	return rc;
}
