/* Turns and their parts, and what a provider sees of them. */
#include "request_try.h"

#include "support/failalloc.h"

#define N LLM_NUL_TERMINATED

static llm_request *rq;

static llm_message *turn(uint32_t role)
{
	llm_message *m = NULL;

	if (!rq)
		rq = try_request();
	cr_assert_eq(llm_request_message(rq, role, &m), 0);
	cr_assert_not_null(m);
	return m;
}

static void over(void)
{
	llm_request_free(rq);
	rq = NULL;
}

TestSuite(message_api, .fini = over);

static const llm_part_view *part(size_t message, size_t i)
{
	cr_assert_lt(message, rq->view.n_messages);
	cr_assert_lt(i, rq->view.messages[message]->n_parts);
	return rq->view.messages[message]->parts[i];
}

Test(message_api, turns_in_order_with_their_roles)
{
	llm_message *m = turn(LLM_ROLE_SYSTEM);

	cr_assert_eq(llm_message_text(m, "be brief", N), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "caf\xc3\xa9 and more", 5), 0);
	m = turn(LLM_ROLE_ASSISTANT);
	cr_assert_eq(llm_message_reasoning(m, "hm", N), 0);
	cr_assert_eq(llm_message_text(m, "", 0), 0);
	(void)try_seal(rq);
	cr_assert_eq(rq->view.n_messages, 3);
	cr_assert_eq(rq->view.messages[0]->role, LLM_ROLE_SYSTEM);
	cr_assert_eq(rq->view.messages[0]->struct_size, sizeof(llm_message_view));
	cr_assert_eq(rq->view.messages[1]->role, LLM_ROLE_USER);
	cr_assert_eq(part(1, 0)->kind, LLM_PART_TEXT);
	cr_assert(try_same(part(1, 0)->text, "caf\xc3\xa9"));
	cr_assert_eq(rq->view.messages[2]->n_parts, 2);
	cr_assert_eq(part(2, 0)->kind, LLM_PART_REASONING);
	cr_assert_eq(part(2, 0)->struct_size, sizeof(llm_part_view));
	cr_assert(try_same(part(2, 1)->text, ""));
}

Test(message_api, roles_that_are_none_are_refused)
{
	static const char words[] = "a role is system, user, assistant or tool";
	llm_message *m = NULL;

	(void)turn(LLM_ROLE_TOOL);
	REFUSED(rq, llm_request_message(rq, 0, &m), words);
	REFUSED(rq, llm_request_text(rq, LLM_ROLE_TOOL + 1, "x", N), words);
	cr_assert_null(m);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_USER, NULL), LLM_E_INVALID_REQUEST);
	cr_assert_eq(rq->messages.n, 1);
}

Test(message_api, U_11_text_is_utf8_without_nul)
{
	static const char *const bad[] = {
		BAD_UTF8, "\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};
	llm_message *m = turn(LLM_ROLE_USER);
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		REFUSED(rq, llm_message_text(m, bad[i], N),
			"the text is not UTF-8: convert it before it is sent");
		REFUSED(rq, llm_message_reasoning(m, bad[i], N),
			"the text is not UTF-8: convert it before it is sent");
	}
	REFUSED(rq, llm_message_text(m, "a\0b", 3),
		"the text holds a NUL byte: only text can be sent");
	REFUSED(rq, llm_message_text(m, NULL, 3), "the text is missing (null)");
	cr_assert_eq(m->parts.n, 0);
}

Test(message_api, data_and_urls_of_three_kinds)
{
	static const char bytes[] = "\x89PNG\0\xff";
	llm_message *m = turn(LLM_ROLE_USER);

	cr_assert_eq(llm_message_data(m, LLM_PART_IMAGE, "image/png", bytes, 6), 0);
	cr_assert_eq(llm_message_url(m, LLM_PART_AUDIO, "audio/wav", "http://h/a.wav"), 0);
	cr_assert_eq(llm_message_data(m, LLM_PART_FILE, "text/plain", "x", 1), 0);
	(void)try_seal(rq);
	cr_assert_eq(part(0, 0)->kind, LLM_PART_IMAGE);
	cr_assert_str_eq(part(0, 0)->media_type, "image/png");
	cr_assert_eq(part(0, 0)->data.len, 6);
	cr_assert_eq(memcmp(part(0, 0)->data.ptr, bytes, 6), 0);
	cr_assert_null(part(0, 0)->url);
	cr_assert_eq(part(0, 1)->kind, LLM_PART_AUDIO);
	cr_assert_str_eq(part(0, 1)->url, "http://h/a.wav");
	cr_assert_eq(part(0, 1)->data.len, 0);
	cr_assert_eq(part(0, 2)->kind, LLM_PART_FILE);
}

Test(message_api, data_that_is_refused_is_not_kept)
{
	static const char words[] = "an image, audio or file part needs its kind and media type";
	llm_message *m = turn(LLM_ROLE_USER);

	REFUSED(rq, llm_message_data(m, LLM_PART_TEXT, "image/png", "x", 1), words);
	REFUSED(rq, llm_message_data(m, LLM_PART_REASONING, "image/png", "x", 1), words);
	REFUSED(rq, llm_message_data(m, LLM_PART_IMAGE, NULL, "x", 1), words);
	REFUSED(rq, llm_message_data(m, LLM_PART_IMAGE, "", "x", 1), words);
	REFUSED(rq, llm_message_data(m, LLM_PART_IMAGE, BAD_UTF8, "x", 1),
		"the media type is not UTF-8: convert it before it is sent");
	REFUSED(rq, llm_message_data(m, LLM_PART_IMAGE, "image/png", NULL, 1),
		"the data part is empty");
	REFUSED(rq, llm_message_data(m, LLM_PART_IMAGE, "image/png", "x", 0),
		"the data part is empty");
	REFUSED(rq, llm_message_url(m, LLM_PART_IMAGE, "image/png", NULL),
		"the URL is missing (null)");
	REFUSED(rq, llm_message_url(m, LLM_PART_IMAGE, "image/png", BAD_UTF8),
		"the URL is not UTF-8: convert it before it is sent");
	REFUSED(rq, llm_message_url(m, LLM_PART_OPAQUE, "image/png", "http://h/"), words);
	cr_assert_eq(m->parts.n, 0);
}

Test(message_api, tool_calls_and_their_results)
{
	llm_message *m = turn(LLM_ROLE_ASSISTANT);

	cr_assert_eq(llm_message_tool_call(m, "call_1", "weather", "{\"town\":\"Bonn\"}", N), 0);
	cr_assert_eq(llm_message_tool_call(m, NULL, "weather", "{}", 2), 0);
	m = turn(LLM_ROLE_TOOL);
	cr_assert_eq(llm_message_tool_result(m, "call_1", "weather", "rain", N, 0), 0);
	cr_assert_eq(llm_message_tool_result(m, NULL, NULL, "no such town", N, 9), 0);
	(void)try_seal(rq);
	cr_assert_eq(part(0, 0)->kind, LLM_PART_TOOL_CALL);
	cr_assert_str_eq(part(0, 0)->id, "call_1");
	cr_assert_str_eq(part(0, 0)->name, "weather");
	cr_assert(try_same(part(0, 0)->text, "{\"town\":\"Bonn\"}"));
	cr_assert_null(part(0, 1)->id);
	cr_assert_eq(part(1, 0)->kind, LLM_PART_TOOL_RESULT);
	cr_assert_str_eq(part(1, 0)->id, "call_1");
	cr_assert_eq(part(1, 0)->is_error, 0);
	cr_assert(try_same(part(1, 1)->text, "no such town"));
	cr_assert_null(part(1, 1)->name);
	cr_assert_eq(part(1, 1)->is_error, 1);
}

Test(message_api, tool_calls_that_are_refused_are_not_kept)
{
	llm_message *m = turn(LLM_ROLE_ASSISTANT);

	REFUSED(rq, llm_message_tool_call(m, "1", NULL, "{}", N), "the tool's name is missing");
	REFUSED(rq, llm_message_tool_call(m, "1", BAD_UTF8, "{}", N),
		"the tool's name is not UTF-8: convert it before it is sent");
	REFUSED(rq, llm_message_tool_call(m, BAD_UTF8, "t", "{}", N),
		"the call's id is not UTF-8: convert it before it is sent");
	REFUSED(rq, llm_message_tool_call(m, "1", "t", NULL, N), "the arguments is missing (null)");
	REFUSED(rq, llm_message_tool_call(m, "1", "t", "[]", N),
		"the arguments is not usable JSON, line 1 column 1: it must be an object.");
	REFUSED(rq, llm_message_tool_result(m, "1", BAD_UTF8, "x", N, 0),
		"the tool's name is not UTF-8: convert it before it is sent");
	REFUSED(rq, llm_message_tool_result(m, BAD_UTF8, "t", "x", N, 0),
		"the call's id is not UTF-8: convert it before it is sent");
	REFUSED(rq, llm_message_tool_result(m, "1", "t", NULL, 0, 0),
		"the tool's result is missing (null)");
	cr_assert_eq(m->parts.n, 0);
}

Test(message_api, opaque_parts_and_hints_belong_to_the_last_part)
{
	llm_message *m = turn(LLM_ROLE_ASSISTANT);

	cr_assert_eq(llm_message_text(m, "first", N), 0);
	cr_assert_eq(llm_message_text(m, "second", N), 0);
	cr_assert_eq(
		llm_message_opaque(m, "org.libllm.gemini", "thoughtSignature", "\0\xff", 2), 0);
	cr_assert_eq(llm_message_opaque(m, "org.libllm.x", "block", "b", 1), 0);
	cr_assert_eq(llm_message_cache_hint(m), 0);
	cr_assert_eq(llm_message_text(m, "third", N), 0);
	(void)try_seal(rq);
	cr_assert_eq(part(0, 0)->n_opaque + part(0, 2)->n_opaque, 0);
	cr_assert_eq(part(0, 0)->cache_hint + part(0, 2)->cache_hint, 0);
	cr_assert_eq(part(0, 1)->cache_hint, 1);
	cr_assert_eq(part(0, 1)->n_opaque, 2);
	cr_assert_str_eq(part(0, 1)->opaque[0]->provider, "org.libllm.gemini");
	cr_assert_str_eq(part(0, 1)->opaque[0]->kind, "thoughtSignature");
	cr_assert_eq(part(0, 1)->opaque[0]->data.len, 2);
	cr_assert_eq(memcmp(part(0, 1)->opaque[0]->data.ptr, "\0\xff", 2), 0);
	cr_assert_str_eq(part(0, 1)->opaque[1]->kind, "block");
}

Test(message_api, opaque_parts_and_hints_that_have_no_part_are_refused)
{
	static const char words[] =
		"an opaque part is attached to a part, and has a provider, a kind and data";
	llm_message *m = turn(LLM_ROLE_USER);

	REFUSED(rq, llm_message_opaque(m, "p", "k", "d", 1), words);
	REFUSED(rq, llm_message_cache_hint(m), "a cache hint stands behind a part: add one first");
	cr_assert_eq(llm_message_text(m, "x", N), 0);
	REFUSED(rq, llm_message_opaque(m, NULL, "k", "d", 1), words);
	REFUSED(rq, llm_message_opaque(m, "p", NULL, "d", 1), words);
	REFUSED(rq, llm_message_opaque(m, "p", "k", NULL, 1), words);
	REFUSED(rq, llm_message_opaque(m, BAD_UTF8, "k", "d", 1),
		"the provider's id is not UTF-8: convert it before it is sent");
	REFUSED(rq, llm_message_opaque(m, "p", BAD_UTF8, "d", 1),
		"the kind is not UTF-8: convert it before it is sent");
	(void)try_seal(rq);
	cr_assert_eq(part(0, 0)->n_opaque, 0);
}

static void all_return(llm_message *m, int32_t code)
{
	cr_assert_eq(llm_message_text(m, "x", N), code);
	cr_assert_eq(llm_message_reasoning(m, "x", N), code);
	cr_assert_eq(llm_message_data(m, LLM_PART_IMAGE, "image/png", "x", 1), code);
	cr_assert_eq(llm_message_url(m, LLM_PART_IMAGE, "image/png", "http://h/"), code);
	cr_assert_eq(llm_message_tool_call(m, "1", "t", "{}", N), code);
	cr_assert_eq(llm_message_tool_result(m, "1", "t", "x", N, 0), code);
	cr_assert_eq(llm_message_opaque(m, "p", "k", "d", 1), code);
	cr_assert_eq(llm_message_cache_hint(m), code);
}

Test(message_api, without_a_turn_and_after_submit_every_setter_refuses)
{
	llm_message *m = turn(LLM_ROLE_USER);

	all_return(NULL, LLM_E_INVALID_REQUEST);
	all_return(m, 0);
	(void)try_seal(rq);
	all_return(m, LLM_E_STATE);
	cr_assert_eq(rq->view.messages[0]->n_parts, 6);
}

static int32_t fill(llm_message *m)
{
	int32_t rc = llm_message_text(m, "x", N);

	if (!rc)
		rc = llm_message_data(m, LLM_PART_IMAGE, "image/png", "x", 1);
	if (!rc)
		rc = llm_message_url(m, LLM_PART_IMAGE, "image/png", "http://h/");
	if (!rc)
		rc = llm_message_tool_call(m, "1", "t", "{}", N);
	if (!rc)
		rc = llm_message_tool_result(m, "1", "t", "x", N, 0);
	if (!rc)
		rc = llm_message_opaque(m, "p", "k", "d", 1);
	return rc ? rc : llm_message_opaque(m, "p", "k", "d", 1);
}

static int build_short_of_memory(failalloc *fa, void *arg)
{
	llm_err err = LLM_ERR_INIT;
	llm_request *own = NULL;
	llm_message *m = NULL;
	int32_t rc = llm_request_new(&fa->hook, &own);
	int wrong;

	(void)arg;
	if (rc)
		return rc != LLM_E_NOMEM;
	try_small_blocks(own);
	rc = llm_request_message(own, LLM_ROLE_USER, &m);
	if (!rc)
		rc = fill(m);
	wrong = rc && rc != LLM_E_NOMEM;
	failalloc_never(fa);
	wrong |= request_seal(own, &err) != rc;
	llm_request_free(own);
	return wrong;
}

Test(message_api, a_name_is_that_of_the_last_file)
{
	static const char words[] =
		"a name is that of a file: add the file first, and give it a name";
	llm_message *m = turn(LLM_ROLE_USER);

	cr_assert_eq(llm_message_name(NULL, "a"), LLM_E_INVALID_REQUEST);
	REFUSED(rq, llm_message_name(m, "a"), words);
	cr_assert_eq(llm_message_data(m, LLM_PART_FILE, "application/pdf", "%PDF", 4), 0);
	REFUSED(rq, llm_message_name(m, NULL), words);
	REFUSED(rq, llm_message_name(m, ""), words);
	REFUSED(rq, llm_message_name(m, BAD_UTF8),
		"the file's name is not UTF-8: convert it before it is sent");
	cr_assert_eq(llm_message_name(m, "report.pdf"), 0);
	cr_assert_eq(llm_message_data(m, LLM_PART_IMAGE, "image/png", "PNG", 3), 0);
	REFUSED(rq, llm_message_name(m, "a.png"), words);
	(void)try_seal(rq);
	cr_assert_str_eq(part(0, 0)->name, "report.pdf");
	cr_assert_null(part(0, 1)->name);
	cr_assert_eq(llm_message_name(m, "late.pdf"), LLM_E_STATE);
}

Test(message_api, P_01_every_allocation_of_a_turn_may_fail)
{
	cr_assert_eq(failalloc_sweep(build_short_of_memory, NULL), 0);
}
