/* llm_request_add_result: an answer, part by part, as a turn of the next request. */
#include "request_try.h"

#include "base/alloc.h"
#include "run/call.h"
#include "support/failalloc.h"

#define N LLM_NUL_TERMINATED
#define MAX_ITEMS 8

static llm_request *rq;
static llm_result r;
static tool_acc calls[MAX_ITEMS];
static llm_result_part parts[MAX_ITEMS];
static void *call_items[MAX_ITEMS];
static void *part_items[MAX_ITEMS];

static void begin(void)
{
	rq = try_request();
	buf_init(&r.text, mem_default(), 0);
	buf_init(&r.reasoning, mem_default(), 0);
	r.tools.items = call_items;
	r.parts.items = part_items;
}

static void end(void)
{
	size_t i;

	for (i = 0; i < r.tools.n; i++) {
		buf_done(&calls[i].id);
		buf_done(&calls[i].name);
		buf_done(&calls[i].arguments);
	}
	buf_done(&r.text);
	buf_done(&r.reasoning);
	llm_request_free(rq);
}

TestSuite(turn_api, .init = begin, .fini = end);

static void call(uint32_t index, const char *id, const char *name, const char *arguments)
{
	tool_acc *t = &calls[r.tools.n];

	t->index = index;
	buf_init(&t->id, mem_default(), 0);
	buf_init(&t->name, mem_default(), 0);
	buf_init(&t->arguments, mem_default(), 0);
	cr_assert_eq(buf_add_str(&t->id, id), 0);
	cr_assert_eq(buf_add_str(&t->name, name), 0);
	cr_assert_eq(buf_add_str(&t->arguments, arguments), 0);
	call_items[r.tools.n++] = t;
}

/* An opaque part behind the text so far. */
static void opaque(uint32_t part, uint32_t index, const char *data)
{
	llm_result_part *p = &parts[r.parts.n];

	*p = (llm_result_part){.struct_size = (uint32_t)sizeof(*p),
		.kind = LLM_PART_OPAQUE,
		.provider = "org.libllm.p",
		.opaque_kind = "sign",
		.data = data,
		.len = strlen(data),
		.part = part,
		.part_index = index,
		.text_len = r.text.len};
	part_items[r.parts.n++] = p;
}

static void bytes(const char *data)
{
	llm_result_part *p = &parts[r.parts.n];

	*p = (llm_result_part){.struct_size = (uint32_t)sizeof(*p),
		.kind = LLM_PART_IMAGE,
		.media_type = "image/png",
		.data = data,
		.len = strlen(data),
		.text_len = r.text.len};
	part_items[r.parts.n++] = p;
}

static void text(const char *words)
{
	cr_assert_eq(buf_add_str(&r.text, words), 0);
}

/* Part `i` of the turn is this, with these opaque parts, one letter each. */
static void part_is(size_t i, uint32_t kind, const char *words, const char *signs)
{
	const llm_message_view *m = rq->view.messages[rq->view.n_messages - 1];
	const llm_part_view *p;
	size_t k;

	cr_assert_lt(i, m->n_parts);
	p = m->parts[i];
	cr_expect_eq(p->kind, kind, "part %zu is of kind %u", i, p->kind);
	if (kind == LLM_PART_IMAGE)
		cr_expect(p->data.len == strlen(words) && !memcmp(p->data.ptr, words, p->data.len));
	else
		cr_expect(try_same(p->text, words), "part %zu is %s", i, p->text.ptr);
	cr_assert_eq(p->n_opaque, strlen(signs), "part %zu has %zu", i, p->n_opaque);
	for (k = 0; k < p->n_opaque; k++) {
		cr_expect_eq(p->opaque[k]->data.ptr[0], signs[k]);
		cr_expect_str_eq(p->opaque[k]->provider, "org.libllm.p");
		cr_expect_str_eq(p->opaque[k]->kind, "sign");
	}
}

static void add(size_t n_parts)
{
	cr_assert_eq(llm_request_add_result(rq, &r), 0, "%s", llm_request_problem(rq));
	(void)try_seal(rq);
	cr_assert_eq(rq->view.n_messages, 1u);
	cr_assert_eq(rq->view.messages[0]->role, (uint32_t)LLM_ROLE_ASSISTANT);
	cr_assert_eq(rq->view.messages[0]->n_parts, n_parts);
}

Test(turn_api, text_alone)
{
	text("caf\xc3\xa9");
	add(1);
	part_is(0, LLM_PART_TEXT, "caf\xc3\xa9", "");
}

Test(turn_api, reasoning_text_and_calls_with_what_is_theirs)
{
	cr_assert_eq(buf_add_str(&r.reasoning, "hm"), 0);
	opaque(LLM_PART_REASONING, 0, "r");
	text("one");
	opaque(LLM_PART_TEXT, 0, "t");
	text("two");
	call(0, "c1", "f", "{\"a\":1}");
	call(4, "c2", "g", "");
	opaque(LLM_PART_TOOL_CALL, 4, "4");
	opaque(LLM_PART_TOOL_CALL, 0, "0");
	opaque(LLM_PART_TOOL_CALL, 0, "o");
	add(5);
	part_is(0, LLM_PART_REASONING, "hm", "r");
	part_is(1, LLM_PART_TEXT, "one", "t");
	part_is(2, LLM_PART_TEXT, "two", "");
	part_is(3, LLM_PART_TOOL_CALL, "{\"a\":1}", "0o");
	part_is(4, LLM_PART_TOOL_CALL, "{}", "4");
	cr_expect_str_eq(rq->view.messages[0]->parts[3]->id, "c1");
	cr_expect_str_eq(rq->view.messages[0]->parts[4]->name, "g");
}

/* What belongs to nothing, or to something that is not there, has an empty text of its own. */
Test(turn_api, opaque_parts_of_their_own)
{
	opaque(LLM_PART_TEXT, 0, "t");
	text("one");
	opaque(0, 0, "1");
	opaque(0, 0, "2");
	opaque(LLM_PART_REASONING, 0, "r");
	opaque(LLM_PART_TOOL_CALL, 9, "c");
	add(6);
	part_is(0, LLM_PART_TEXT, "", "t");
	part_is(1, LLM_PART_TEXT, "one", "");
	part_is(2, LLM_PART_TEXT, "", "1");
	part_is(3, LLM_PART_TEXT, "", "2");
	part_is(4, LLM_PART_TEXT, "", "r");
	part_is(5, LLM_PART_TEXT, "", "c");
}

Test(turn_api, bytes_stand_where_they_came)
{
	text("see: ");
	bytes("PNG1");
	opaque(LLM_PART_IMAGE, 0, "i");
	text("and");
	bytes("PNG2");
	add(4);
	part_is(0, LLM_PART_TEXT, "see: ", "");
	part_is(1, LLM_PART_IMAGE, "PNG1", "i");
	part_is(2, LLM_PART_TEXT, "and", "");
	part_is(3, LLM_PART_IMAGE, "PNG2", "");
	cr_expect_str_eq(rq->view.messages[0]->parts[3]->media_type, "image/png");
}

Test(turn_api, a_refusal_adds_no_turn)
{
	llm_err err = LLM_ERR_INIT;

	REFUSED(rq, llm_request_add_result(rq, &r),
		"the result holds nothing that could be a turn");
	REFUSED(rq, llm_request_add_result(rq, NULL),
		"the result holds nothing that could be a turn");
	cr_assert_eq(llm_request_add_result(NULL, &r), LLM_E_INVALID_REQUEST);
	text("one");
	call(0, "c1", "f", "{\"a\":");
	cr_assert_eq(llm_request_add_result(rq, &r), LLM_E_INVALID_REQUEST);
	cr_assert(strstr(llm_request_problem(rq), "the arguments"), "%s", rq->problem);
	cr_assert_eq(rq->messages.n, 0u);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", N), 0);
	cr_assert_eq(request_seal(rq, &err), 0);
	cr_assert_eq(llm_request_add_result(rq, &r), LLM_E_STATE);
	cr_assert_eq(rq->view.n_messages, 1u);
}

static int add_short_of_memory(failalloc *fa, void *arg)
{
	llm_request *own = NULL;
	int32_t rc = llm_request_new(&fa->hook, &own);
	int wrong;

	(void)arg;
	if (rc)
		return rc != LLM_E_NOMEM;
	try_small_blocks(own);
	rc = llm_request_add_result(own, &r);
	wrong = rc ? rc != LLM_E_NOMEM || own->messages.n != 0 : own->messages.n != 1;
	llm_request_free(own);
	return wrong;
}

Test(turn_api, P_01_every_allocation_may_fail)
{
	cr_assert_eq(buf_add_str(&r.reasoning, "hm"), 0);
	opaque(LLM_PART_REASONING, 0, "r");
	text("one");
	opaque(0, 0, "1");
	bytes("PNG");
	call(0, "c1", "f", "{}");
	opaque(LLM_PART_TOOL_CALL, 0, "c");
	cr_assert_eq(failalloc_sweep(add_short_of_memory, NULL), 0);
}
