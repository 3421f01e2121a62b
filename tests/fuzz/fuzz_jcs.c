/*
 * fuzz_jcs.c - canonical JSON of anything: what comes out is JSON, comes to a form that is
 * its own, and is refused only where the reader refuses the text, or for a member that stands
 * twice or a number that no double holds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/jcs.h"
#include "wire/jsonr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_jcs: %s\n", what);
	abort();
}

static int is_json(const char *json, size_t len)
{
	jsonr r;

	jsonr_init(&r, json, len);
	jsonr_skip(&r);
	return jsonr_finish(&r) == 0;
}

static void form_of(const buf *json, buf *ret)
{
	llm_err err = LLM_ERR_INIT;

	check(is_json(buf_text(json), json->len), "the canonical form is no JSON");
	buf_init(ret, mem_default(), 0);
	check(jcs_write(buf_text(json), json->len, mem_default(), ret, &err) == 0,
		"the canonical form is refused");
}

/*
 * A double such as 42e15 is written as ECMAScript does, and read again it is an integer beyond
 * 2^53 - 1, which is carried as a string: from there on nothing changes any more.
 */
static void check_form(const buf *form)
{
	buf again, last;

	form_of(form, &again);
	form_of(&again, &last);
	check(last.len == again.len && memcmp(last.ptr, again.ptr, again.len) == 0,
		"the canonical form has another one");
	buf_done(&again);
	buf_done(&last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *json = (const char *)data;
	llm_err err = LLM_ERR_INIT;
	int32_t rc;
	buf form;

	buf_init(&form, mem_default(), 0);
	rc = jcs_write(json, size, mem_default(), &form, &err);
	if (!rc)
		check_form(&form);
	else if (is_json(json, size))
		check(strstr(err.message, "twice") || strstr(err.message, "out of range"),
			"JSON was refused");
	else
		check(rc == LLM_E_INVALID_REQUEST, "another code");
	buf_done(&form);
	return 0;
}
