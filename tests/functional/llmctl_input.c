/* Questions that cannot be asked: the whole of standard error is a golden file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

#define GOLDEN(name) TEST_SOURCE_DIR "/tests/golden/errors/" name ".txt"
#define ASK RUN_LIST(LLMCTL, "ask", "-m", "ollama/sim-small")

static void refuse(const char *input, size_t len, const char *const *argv, const char *golden)
{
	const run_opts opts = {.input = input, .input_len = len};
	run_result r;

	run_program(argv, &opts, &r);
	cr_expect_eq(r.status, 2, "status %d: %s", r.status, r.err);
	cr_expect_str_empty(r.out);
	cr_expect(run_golden(golden, r.err));
	run_done(&r);
}

Test(llmctl_input, prompt_of_no_bytes)
{
	refuse(NULL, 0, ASK, GOLDEN("prompt_empty"));
	refuse("", 0, ASK, GOLDEN("prompt_empty"));
	refuse(" \n\t\n", 0, ASK, GOLDEN("prompt_empty"));
	refuse(NULL, 0, RUN_LIST(LLMCTL, "ask", "-m", "ollama/sim-small", ""),
		GOLDEN("prompt_empty"));
}

Test(llmctl_input, prompt_that_is_not_utf8)
{
	refuse("abc\xff"
	       "def",
		0, ASK, GOLDEN("prompt_utf8"));
	refuse("abc\xc0\x80", 0, ASK, GOLDEN("prompt_utf8"));
	refuse("abc\xed\xa0\x80", 0, ASK, GOLDEN("prompt_utf8"));
	refuse("abc\xf4\x90\x80\x80", 0, ASK, GOLDEN("prompt_utf8"));
	refuse("abc\xe2\x82", 0, ASK, GOLDEN("prompt_utf8"));
	refuse(NULL, 0, RUN_LIST(LLMCTL, "ask", "-m", "ollama/sim-small", "abc", "\xfe"),
		GOLDEN("prompt_utf8_argument"));
}

Test(llmctl_input, prompt_with_a_nul)
{
	refuse("ab\0cd", 5, ASK, GOLDEN("prompt_nul"));
}

Test(llmctl_input, image_that_is_none_or_is_not_there)
{
	refuse(NULL, 0, RUN_LIST(LLMCTL, "ask", "-m", "ollama/sim-small", "-i", "/dev/null", "x"),
		GOLDEN("image_unknown"));
	refuse(NULL, 0,
		RUN_LIST(LLMCTL, "ask", "-m", "ollama/sim-small", "-i", "/nowhere/a.png", "x"),
		GOLDEN("image_absent"));
}

static char *letters(size_t len)
{
	char *text = malloc(len + 1);

	cr_assert_not_null(text);
	memset(text, 'a', len);
	text[len] = '\0';
	return text;
}

Test(llmctl_input, prompt_of_10_megabytes_is_asked)
{
	sim *s = sim_start(RUN_LIST("--say", "Long."));
	char *text = letters(10 * 1000 * 1000);
	run_result r;

	run_llmctl(sim_url(s), text, RUN_LIST("ask", "-m", "ollama/sim-small"), &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.out, "Long.\n");
	run_done(&r);
	free(text);
	sim_stop(s);
}

Test(llmctl_input, prompt_above_the_limit_is_refused)
{
	size_t len = (size_t)32 * 1024 * 1024 + 1;
	char *text = letters(len);

	refuse(text, len, ASK, GOLDEN("prompt_too_large"));
	free(text);
}
