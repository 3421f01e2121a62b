/*
 * fuzz_jcs.c - canonical JSON of anything: what comes out is JSON, is its own canonical
 * form, and is refused only where the reader refuses the text, or for a member that stands
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

static void check_form(const buf *form)
{
	llm_err err = LLM_ERR_INIT;
	buf again;

	check(is_json(buf_text(form), form->len), "the canonical form is no JSON");
	buf_init(&again, mem_default(), 0);
	check(jcs_write(buf_text(form), form->len, mem_default(), &again, &err) == 0,
		"the canonical form is refused");
	check(again.len == form->len && memcmp(again.ptr, form->ptr, form->len) == 0,
		"the canonical form has another one");
	buf_done(&again);
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
