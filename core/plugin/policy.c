/*
 * policy.c - the tables of a policy part.
 */
#include "plugin/check.h"

#define POLICY_SLOT(name) \
	{ \
		offsetof(llm_policy_vtable, name), #name \
	}
static const check_slot policy_required[] = {
	POLICY_SLOT(describe),
	POLICY_SLOT(create),
	POLICY_SLOT(destroy),
	POLICY_SLOT(rank),
};

static const check_table policy_table = {LLM_KIND_POLICY,
	{CHECK_THROUGH(llm_policy_vtable, on_outcome)}, sizeof(llm_policy_vtable), policy_required,
	sizeof(policy_required) / sizeof(policy_required[0])};
static const check_table policy_facts = {
	NULL, {CHECK_THROUGH(llm_policy_info, reasons)}, sizeof(llm_policy_info), NULL, 0};

static int policy_reason_valid(const void *row)
{
	const llm_reason_info *r = row;

	return check_name(r->name, 0) && check_line(r->text, 0);
}

static const check_list policy_reasons = {
	{CHECK_THROUGH(llm_reason_info, text)}, sizeof(llm_reason_info), policy_reason_valid, NULL};

static int32_t policy_describe(const llm_policy_vtable *vt, arena *ar, plugin *p, llm_err *err)
{
	void *options = NULL, *reasons = NULL;
	llm_policy_info *info;
	int32_t rc;

	info = check_copy(&policy_facts, vt->describe(), ar, p, &rc, err);
	if (!info)
		return rc;
	if (!check_name(info->name, 0))
		return check_refuse(
			p, "describe returned a name that is not [a-z][a-z0-9_]{0,62}", err);
	if (!check_line(info->label, 0) || !info->label[0])
		return check_refuse(p, "describe returned no label of one line", err);
	rc = check_rows(&check_keys, "options", info->options, ar, p, &options, err);
	if (!rc)
		rc = check_rows(&policy_reasons, "reasons", info->reasons, ar, p, &reasons, err);
	info->options = options;
	info->reasons = reasons;
	if (!rc)
		p->policy_info = info;
	return rc;
}

int32_t check_policy(const void *theirs, arena *ar, plugin *p, llm_err *err)
{
	llm_policy_vtable *vt;
	int32_t rc;

	vt = check_copy(&policy_table, theirs, ar, p, &rc, err);
	if (!vt)
		return rc;
	rc = policy_describe(vt, ar, p, err);
	if (!rc)
		p->policy = vt;
	return rc;
}
