/*
 * provider.c - the tables of a provider part.
 */
#include "base/text.h"
#include "plugin/check.h"

#define PROVIDER_SLOT(name) \
	{ \
		offsetof(llm_provider_vtable, name), #name \
	}
static const check_slot provider_required[] = {
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

static const check_table provider_table = {LLM_KIND_PROVIDER,
	{CHECK_THROUGH(llm_provider_vtable, get_extension)}, sizeof(llm_provider_vtable),
	provider_required, sizeof(provider_required) / sizeof(provider_required[0])};
static const check_table provider_facts = {
	NULL, {CHECK_THROUGH(llm_provider_info, licence_note)}, sizeof(llm_provider_info), NULL, 0};

/* ---- what describe returned: words ---- */

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

/* ---- what describe returned: lists ---- */

static int provider_rule_valid(const void *row)
{
	const llm_error_rule *r = row;

	return r->match && r->code < 0 && check_line(r->text, 0) && r->text[0];
}

/* A row that only a later libllm understands is left out: it cannot match here. */
static int provider_rule_used(const void *row)
{
	const llm_error_rule *r = row;

	return r->match <= LLM_MATCH_PREFIX && r->code >= LLM_E_LAST;
}

static const check_list provider_rules = {{CHECK_THROUGH(llm_error_rule, text)},
	sizeof(llm_error_rule), provider_rule_valid, provider_rule_used};

static int32_t provider_variables(llm_provider_info *info, arena *ar, const plugin *p, llm_err *err)
{
	const char **copy;
	size_t n = 0, i;
	int32_t rc;

	rc = info->key_env ? check_count(info->key_env, "key_env", p, &n, err) : 0;
	if (rc)
		return rc;
	copy = arena_array(ar, n + 1, sizeof(*copy));
	if (!copy)
		return LLM_E_NOMEM;
	for (i = 0; i < n; i++) {
		copy[i] = info->key_env[i];
		if (!provider_variable_valid(copy[i]))
			return check_refuse_list(p, "key_env", i, err);
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
		rc = check_rows(&check_keys, "config_keys", info->config_keys, ar, p, &keys, err);
	if (!rc)
		rc = check_rows(&check_keys, "request_options", info->request_options, ar, p,
			&options, err);
	if (!rc)
		rc = check_rows(
			&provider_rules, "error_rules", info->error_rules, ar, p, &rules, err);
	info->config_keys = keys;
	info->request_options = options;
	info->error_rules = rules;
	return rc;
}

/* ---- what describe returned: the whole ---- */

static int32_t provider_check_words(llm_provider_info *info, const plugin *p, llm_err *err)
{
	if (!check_name(info->name, 1))
		return check_refuse(
			p, "describe returned a name that is not [a-z][a-z0-9_-]{0,62}", err);
	if (!check_line(info->label, 0) || !info->label[0])
		return check_refuse(p, "describe returned no label of one line", err);
	if (!check_line(info->default_base_url, 1))
		return check_refuse(p, "describe returned a default base URL that is no line", err);
	if (!info->default_base_url)
		info->default_base_url = "";
	if (info->base_url_env && !provider_variable_valid(info->base_url_env))
		return check_refuse(
			p, "describe returned a base_url_env that names no variable", err);
	if (!check_line(info->licence_note, 1))
		return check_refuse(p, "describe returned a licence note that is no line", err);
	if (info->idempotency_header && !provider_header_valid(info->idempotency_header))
		return check_refuse(
			p, "describe returned an idempotency_header that names no header", err);
	if (info->locality > LLM_LOCALITY_CLOUD)
		info->locality = LLM_LOCALITY_UNKNOWN;
	return 0;
}

static int32_t provider_describe(const llm_provider_vtable *vt, arena *ar, plugin *p, llm_err *err)
{
	llm_provider_info *info;
	int32_t rc;

	info = check_copy(&provider_facts, vt->describe(), ar, p, &rc, err);
	if (!info)
		return rc;
	rc = provider_check_words(info, p, err);
	if (!rc)
		rc = provider_lists(info, ar, p, err);
	if (!rc)
		p->info = info;
	return rc;
}

int32_t check_provider(const void *theirs, arena *ar, plugin *p, llm_err *err)
{
	llm_provider_vtable *vt;
	int32_t rc;

	vt = check_copy(&provider_table, theirs, ar, p, &rc, err);
	if (!vt)
		return rc;
	rc = provider_describe(vt, ar, p, err);
	if (!rc)
		p->provider = vt;
	return rc;
}
