/* store_prompt.c - turns of every role and every kind of part as the JSON that is kept. */
#include "store/prompt.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "support/failalloc.h"

#define TEXT(t) \
	{ \
		t, sizeof(t) - 1 \
	}

static const llm_part_view text = {
	.struct_size = sizeof(text), .kind = LLM_PART_TEXT, .text = TEXT("hi \"you\"")};
static const llm_part_view more = {
	.struct_size = sizeof(more), .kind = LLM_PART_TEXT, .text = TEXT(", again")};
static const llm_part_view thought = {
	.struct_size = sizeof(thought), .kind = LLM_PART_REASONING, .text = TEXT("hm")};
static const llm_part_view image = {.struct_size = sizeof(image),
	.kind = LLM_PART_IMAGE,
	.media_type = "image/png",
	.data = TEXT("12345")};
static const llm_part_view sound = {
	.struct_size = sizeof(sound), .kind = LLM_PART_AUDIO, .media_type = "audio/wav"};
static const llm_part_view file = {.struct_size = sizeof(file),
	.kind = LLM_PART_FILE,
	.name = "a.pdf",
	.url = "https://x.test/a.pdf"};
static const llm_part_view opaque = {
	.struct_size = sizeof(opaque), .kind = LLM_PART_OPAQUE, .text = TEXT("kept by nobody")};
static const llm_part_view call = {.struct_size = sizeof(call),
	.kind = LLM_PART_TOOL_CALL,
	.id = "c1",
	.name = "add",
	.text = TEXT("{\"a\":1}")};
static const llm_part_view answer = {
	.struct_size = sizeof(answer), .kind = LLM_PART_TOOL_RESULT, .id = "c1", .text = TEXT("3")};

static const llm_part_view *const of_system[] = {&text, &more};
static const llm_part_view *const of_user[] = {&image, &text, &sound, &file, &opaque};
static const llm_part_view *const of_model[] = {&thought, &call, &call};
static const llm_part_view *const of_tool[] = {&answer};

static const llm_message_view system_turn = {sizeof(system_turn), LLM_ROLE_SYSTEM, of_system, 2};
static const llm_message_view user_turn = {sizeof(user_turn), LLM_ROLE_USER, of_user, 5};
static const llm_message_view model_turn = {sizeof(model_turn), LLM_ROLE_ASSISTANT, of_model, 3};
static const llm_message_view tool_turn = {sizeof(tool_turn), LLM_ROLE_TOOL, of_tool, 1};
static const llm_message_view empty_turn = {sizeof(empty_turn), LLM_ROLE_USER, NULL, 0};

static const llm_message_view *const turns[] = {
	&system_turn, &user_turn, &model_turn, &tool_turn, &empty_turn};

static const llm_request_view asked = {
	.struct_size = sizeof(asked), .messages = turns, .n_messages = 5};

static const char asked_json[] =
	"[{\"role\":\"system\",\"content\":\"hi \\\"you\\\", again\"},"
	"{\"role\":\"user\",\"content\":\"hi \\\"you\\\"\",\"parts\":["
	"{\"kind\":\"image\",\"media_type\":\"image/png\",\"bytes\":5},"
	"{\"kind\":\"audio\",\"media_type\":\"audio/wav\",\"bytes\":0},"
	"{\"kind\":\"file\",\"name\":\"a.pdf\",\"url\":\"https://x.test/a.pdf\",\"bytes\":0}]},"
	"{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"hm\",\"tool_calls\":["
	"{\"id\":\"c1\",\"name\":\"add\",\"arguments\":\"{\\\"a\\\":1}\"},"
	"{\"id\":\"c1\",\"name\":\"add\",\"arguments\":\"{\\\"a\\\":1}\"}]},"
	"{\"role\":\"tool\",\"content\":\"\",\"tool_results\":[{\"id\":\"c1\",\"content\":\"3\"}]},"
	"{\"role\":\"user\",\"content\":\"\"}]";

static void expect(const buf *out, const char *json)
{
	cr_expect_eq(out->len, strlen(json), "%.*s", (int)out->len, out->ptr);
	cr_expect_eq(memcmp(out->ptr, json, strlen(json)), 0, "%.*s", (int)out->len, out->ptr);
}

Test(store_prompt, every_role_and_kind_of_part_is_kept)
{
	buf out;

	buf_init(&out, mem_default(), 0);
	cr_assert_eq(prompt_write(&asked, &out), 0);
	expect(&out, asked_json);
	cr_expect_eq(prompt_size(&asked), 8 + 7 + 5 + 8 + 14 + 2 + 7 + 7 + 1);
	buf_done(&out);
}

Test(store_prompt, a_request_without_turns_is_an_empty_list)
{
	const llm_request_view none = {.struct_size = sizeof(none)};
	buf out;

	buf_init(&out, mem_default(), 0);
	cr_assert_eq(prompt_write(&none, &out), 0);
	expect(&out, "[]");
	cr_expect_eq(prompt_size(&none), 0);
	buf_done(&out);
}

Test(store_prompt, an_answer_has_only_what_was_said)
{
	static const prompt_call calls[] = {{"c1", "add", TEXT("{}")}, {NULL, "sub", TEXT("[1]")}};
	const llm_bytes said = TEXT("ok"), hm = TEXT("hm"), none = {"", 0};
	buf out;

	buf_init(&out, mem_default(), 0);
	cr_assert_eq(prompt_answer(&said, &none, NULL, 0, &out), 0);
	expect(&out, "{\"role\":\"assistant\",\"content\":\"ok\"}");
	buf_done(&out);
	buf_init(&out, mem_default(), 0);
	cr_assert_eq(prompt_answer(&none, &hm, calls, 2, &out), 0);
	expect(&out,
		"{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"hm\",\"tool_calls\":["
		"{\"id\":\"c1\",\"name\":\"add\",\"arguments\":\"{}\"},"
		"{\"name\":\"sub\",\"arguments\":\"[1]\"}]}");
	buf_done(&out);
}

static int play(failalloc *fa, void *arg)
{
	buf out;
	int32_t rc;

	(void)arg;
	buf_init(&out, &fa->hook, 0);
	rc = prompt_write(&asked, &out);
	if (!rc && out.len != strlen(asked_json))
		rc = LLM_E_INTERNAL;
	buf_done(&out);
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(store_prompt, a_lack_of_memory_leaves_nothing_behind)
{
	cr_expect_eq(failalloc_sweep(play, NULL), 0);
}
