/*
 * finish.c - why an answer ended, or failed.
 */
#include "openai.h"

uint32_t openai_finish_reason(const jsonr_text *word)
{
	static const struct {
		const char *word;
		uint32_t reason;
	} words[] = {
		{"stop", LLM_FINISH_STOP},
		{"eos", LLM_FINISH_STOP},
		{"end_turn", LLM_FINISH_STOP},
		{"stop_sequence", LLM_FINISH_STOP},
		{"length", LLM_FINISH_LENGTH},
		{"max_tokens", LLM_FINISH_LENGTH},
		{"model_length", LLM_FINISH_LENGTH},
		{"tool_calls", LLM_FINISH_TOOL_CALLS},
		{"tool_use", LLM_FINISH_TOOL_CALLS},
		{"function_call", LLM_FINISH_TOOL_CALLS},
		{"content_filter", LLM_FINISH_CONTENT_FILTER},
		{"safety", LLM_FINISH_CONTENT_FILTER},
		{"refusal", LLM_FINISH_CONTENT_FILTER},
		{"error", LLM_FINISH_NONE},
		{"insufficient_system_resource", LLM_FINISH_NONE},
		{"abort", LLM_FINISH_NONE},
		{"cancelled", LLM_FINISH_NONE},
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (jsonr_is(word, words[i].word))
			return words[i].reason;
	return LLM_FINISH_OTHER;
}

int32_t openai_push_failure(
	openai_stream *s, const llm_bytes *code, const char *text, const llm_result_sink *out)
{
	llm_error_facts facts = {
		.struct_size = (uint32_t)sizeof(facts), .status = 500, .retry_after_ms = -1};

	facts.code = *code;
	facts.request_id = kit_text(s->request_id);
	facts.message = kit_text(text);
	s->failed = 1;
	return out->error(out->ctx, &facts);
}
