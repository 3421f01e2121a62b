#include "capable.h"

#include <inttypes.h>
#include <stdio.h>

#include "io/json.h"
#include "llm/capabilities.h"

static int32_t open_table(const ctl *c, const char *model, llm_capabilities **ret, llm_err *err)
{
	const int32_t rc = llm_service_capabilities(c->svc, model, 0, 0, ret, err);
	const llm_err *problem = rc ? NULL : llm_capabilities_problem(*ret);

	/* Most providers cannot be asked: no fault of theirs, and nothing to mend. */
	if (problem && problem->code != LLM_E_UNSUPPORTED)
		complain_note(&c->term, "warning", problem->message);
	return rc;
}

static void add_row(table *t, const char *model, const llm_capability *cell)
{
	char number[32];

	table_cell(t, model);
	table_cell(t, cell->name);
	snprintf(number, sizeof(number), "%" PRId64, cell->number);
	if (cell->text)
		table_cell(t, cell->text);
	else
		table_cell(t, cell->value == LLM_CAPABLE_YES ? number : "unknown");
	table_cell(t, cell->said_by);
	table_row_end(t);
}

int32_t capable_rows(const ctl *c, const char *model, table *t, llm_err *err)
{
	llm_capability cell = {.struct_size = (uint32_t)sizeof(cell)};
	llm_capabilities *all = NULL;
	const int32_t rc = open_table(c, model, &all, err);

	for (uint32_t i = 0; !rc && llm_capabilities_at(all, i, &cell) == 0; i++)
		add_row(t, model, &cell);
	llm_capabilities_free(all);
	return rc;
}

int32_t capable_json(const ctl *c, const char *model, json_t **ret, llm_err *err)
{
	llm_capability cell = {.struct_size = (uint32_t)sizeof(cell)};
	llm_capabilities *all = NULL;
	const int32_t rc = open_table(c, model, &all, err);
	json_t *o, *each;

	if (rc)
		return rc;
	o = json_object();
	for (uint32_t i = 0; llm_capabilities_at(all, i, &cell) == 0; i++) {
		each = json_object();
		json_object_set_new(each, "value",
			cell.text ? json_text(cell.text) : json_positive(cell.number));
		json_object_set_new(each, "source", json_word(cell.said_by));
		json_object_set_new(o, cell.name, each);
	}
	llm_capabilities_free(all);
	*ret = o;
	return 0;
}
