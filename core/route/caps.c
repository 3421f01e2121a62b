#include "route/caps.h"

/* In the order of the cells: name, place in llm_caps. */
static const struct caps_cell {
	const char *name;
	size_t at;
} caps_cells[CAPS_CELLS] = {
	[CAPS_CHAT] = {"chat", offsetof(llm_caps, chat)},
	[CAPS_STREAM] = {"stream", offsetof(llm_caps, stream)},
	[CAPS_TOOLS] = {"tools", offsetof(llm_caps, tools)},
	[CAPS_PARALLEL_TOOLS] = {"parallel_tools", offsetof(llm_caps, parallel_tools)},
	[CAPS_TOOL_CHOICE] = {"tool_choice", offsetof(llm_caps, tool_choice)},
	[CAPS_JSON_OBJECT] = {"json_object", offsetof(llm_caps, json_object)},
	[CAPS_JSON_SCHEMA] = {"json_schema", offsetof(llm_caps, json_schema)},
	[CAPS_TOOLS_WITH_SCHEMA] = {"tools_with_schema", offsetof(llm_caps, tools_with_schema)},
	[CAPS_VISION] = {"vision", offsetof(llm_caps, vision)},
	[CAPS_AUDIO] = {"audio", offsetof(llm_caps, audio)},
	[CAPS_SYSTEM_ROLE] = {"system_role", offsetof(llm_caps, system_role)},
	[CAPS_PREFILL] = {"prefill", offsetof(llm_caps, prefill)},
	[CAPS_SEED] = {"seed", offsetof(llm_caps, seed)},
	[CAPS_LOGPROBS] = {"logprobs", offsetof(llm_caps, logprobs)},
	[CAPS_REASONING] = {"reasoning", offsetof(llm_caps, reasoning)},
};

const char *caps_name(uint32_t cell)
{
	return cell < CAPS_CELLS ? caps_cells[cell].name : "?";
}

const char *caps_source_name(uint32_t source)
{
	static const char *const names[CAPS_SOURCES] = {
		"", "configuration", "provider", "plugin", "table"};

	return source < CAPS_SOURCES ? names[source] : "?";
}

const char *caps_value_name(uint32_t cell, uint32_t value)
{
	switch (value) {
	case LLM_CAP_YES:
		return cell == CAPS_JSON_SCHEMA ? "enforced" : "yes";
	case LLM_CAP_NO:
		return cell == CAPS_JSON_SCHEMA ? "none" : "no";
	case LLM_CAP_ACCEPTED:
		return "accepted";
	default:
		return "unknown";
	}
}

static void caps_take_number(int64_t from, uint32_t source, int64_t *to, uint8_t *to_source)
{
	if (*to || from <= 0)
		return;
	*to = from;
	*to_source = (uint8_t)source;
}

void caps_take(caps_matrix *m, const llm_caps *from, uint32_t source)
{
	uint32_t i, value;

	for (i = 0; i < CAPS_CELLS; i++) {
		value = *(const uint32_t *)(const void *)((const char *)from + caps_cells[i].at);
		if (m->value[i] != LLM_CAP_UNKNOWN || value == LLM_CAP_UNKNOWN ||
			value > LLM_CAP_ACCEPTED)
			continue;
		m->value[i] = (uint8_t)value;
		m->source[i] = (uint8_t)source;
	}
	caps_take_number(
		from->max_input_tokens, source, &m->max_input_tokens, &m->max_input_source);
	caps_take_number(
		from->max_output_tokens, source, &m->max_output_tokens, &m->max_output_source);
}

/* ---- what a request needs ---- */

static uint32_t need(uint32_t cell, int is_needed)
{
	return is_needed ? UINT32_C(1) << cell : 0;
}

static uint32_t caps_required_part(const llm_part_view *p)
{
	return need(CAPS_VISION, p->kind == LLM_PART_IMAGE) |
		need(CAPS_AUDIO, p->kind == LLM_PART_AUDIO);
}

static uint32_t caps_required_messages(const llm_request_view *rq)
{
	uint32_t mask = 0;
	size_t i, k;

	for (i = 0; i < rq->n_messages; i++) {
		mask |= need(CAPS_SYSTEM_ROLE, rq->messages[i]->role == LLM_ROLE_SYSTEM);
		for (k = 0; k < rq->messages[i]->n_parts; k++)
			mask |= caps_required_part(rq->messages[i]->parts[k]);
	}
	return mask;
}

static uint32_t caps_required_tools(const llm_request_view *rq)
{
	if (!rq->n_tools)
		return 0;
	return need(CAPS_TOOLS, 1) |
		need(CAPS_TOOL_CHOICE,
			rq->tool_choice == LLM_TOOLS_REQUIRED ||
				rq->tool_choice == LLM_TOOLS_NAMED) |
		need(CAPS_PARALLEL_TOOLS,
			(rq->has & LLM_HAS_PARALLEL_TOOLS) && rq->parallel_tools) |
		need(CAPS_TOOLS_WITH_SCHEMA, rq->format == LLM_FORMAT_SCHEMA);
}

uint32_t caps_required(const llm_request_view *rq)
{
	return need(CAPS_CHAT, 1) | need(CAPS_STREAM, rq->stream != 0) |
		need(CAPS_JSON_OBJECT, rq->format == LLM_FORMAT_JSON) |
		need(CAPS_JSON_SCHEMA, rq->format == LLM_FORMAT_SCHEMA) |
		need(CAPS_PREFILL, rq->continue_last_turn != 0) |
		need(CAPS_SEED, (rq->has & LLM_HAS_SEED) != 0) |
		need(CAPS_LOGPROBS, rq->logprobs || (rq->has & LLM_HAS_TOP_LOGPROBS)) |
		need(CAPS_REASONING, rq->reasoning > LLM_REASONING_OFF) |
		caps_required_messages(rq) | caps_required_tools(rq);
}

/* A seed that is taken is used; a schema that is taken need not be kept to. */
static int caps_is_sure(uint32_t cell, uint8_t value)
{
	if (value == LLM_CAP_YES)
		return 1;
	return value == LLM_CAP_ACCEPTED && cell != CAPS_JSON_OBJECT && cell != CAPS_JSON_SCHEMA &&
		cell != CAPS_TOOLS_WITH_SCHEMA;
}

int caps_fit(const uint8_t value[CAPS_CELLS], uint32_t required, uint32_t *ret_missing)
{
	int fit = LLM_FIT_YES;
	uint32_t i;

	for (i = 0; i < CAPS_CELLS; i++) {
		if (!(required & (UINT32_C(1) << i)))
			continue;
		if (value[i] == LLM_CAP_NO) {
			*ret_missing = i;
			return CAPS_LACKS;
		}
		if (!caps_is_sure(i, value[i]))
			fit = LLM_FIT_UNKNOWN;
	}
	return fit;
}
