/* What is refused in a file's text before libconfig sees it. */
#include "conf/prescan.h"
#include "conf_try.h"

static int32_t scan(const char *text, llm_err *err)
{
	return prescan_text(text, strlen(text), "f.conf", err);
}

static void bad(const char *text, const char *where, const char *word)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(scan(text, &err), LLM_E_CONFIG, "accepted: %s", text);
	cr_assert(strncmp(err.message, where, strlen(where)) == 0, "%s", err.message);
	cr_assert(strstr(err.message, word), "no '%s' in: %s", word, err.message);
	cr_assert_leq(lines_of(err.message), 3);
}

static void good(const char *text)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(scan(text, &err), 0, "%s: %s", text, err.message);
}

Test(conf_prescan, R_CFG_6_integers_that_would_be_cut)
{
	good("a = 2147483647; b = -2147483648; c = +5; d = 007;");
	good("a = 2147483648L; b = -9223372036854775808L; c = 9223372036854775807LL;");
	good("a = 0x7fffffff; b = 0x80000000L; c = 0x00000000ff;");
	bad("a = 1;\nb = 10000000000;", "f.conf:2:", "L behind its last digit");
	bad("a = 2147483648;", "f.conf:1:", "32 bits");
	bad("a = -2147483649;", "f.conf:1:", "32 bits");
	bad("a = 0x80000000;", "f.conf:1:", "32 bits");
	bad("a = 9223372036854775808L;", "f.conf:1:", "64 bits");
	bad("a = 0x8000000000000000L;", "f.conf:1:", "64 bits");
	bad("a = 99999999999999999999999999;", "f.conf:1:", "64 bits");
}

Test(conf_prescan, R_CFG_6_integers_in_text_and_comments_do_not_count)
{
	good("a = \"10000000000\"; # 10000000000\nb = 1; // 10000000000\n/* 10000000000 */");
	good("a = \"say \\\"10000000000\\\"\";");
}

Test(conf_prescan, R_CFG_6_escapes)
{
	good("a = \"\\\\u0041\"; # \\u0041\n b = \"\\x41\\n\";");
	bad("a = 1;\n\nb = \"x\\u0041\";", "f.conf:3:", "UTF-8");
	bad("b = \"x\\x00y\";", "f.conf:1:", "\\x00");
}

Test(conf_prescan, R_CFG_6_include)
{
	bad("a = 1;\n@include \"other.conf\"\n", "f.conf:2:", "@include");
	bad("  @include \"/etc/passwd\"\n", "f.conf:1:", "several files");
	good("a = \"\n@include \\\"other.conf\\\"\n\"; /*\n@include \"x\"\n*/");
}

Test(conf_prescan, R_CFG_6_hints_for_frequent_errors)
{
	bad("deadline = 5s;", "f.conf:1:", "\"5s\"");
	bad("a = {\n  deadline = 20m;\n};", "f.conf:2:", "'deadline'");
	bad("allow_unbounded = on;", "f.conf:1:", "true or false");
	bad("allow_unbounded : Yes;", "f.conf:1:", "true or false");
	bad("a = [ 1, 2, ];", "f.conf:1:", "comma");
	bad("a = ( { b = 1; },\n );", "f.conf:2:", "comma");
	bad("a = [ fast ];", "f.conf:1:", "double quotes");
	bad("a = 'x';", "f.conf:1:", "double quotes");
	bad("a = 0.5;", "f.conf:1:", "as text");
	bad("a = 1e5;", "f.conf:1:", "as text");
	good("a = 1; # no line end");
	good("a = { b = 1, };"); /* libconfig takes a comma as the end of a setting */
	good("a = TRUE; b = fAlse; c = [ true, false ];");
}

Test(conf_prescan, R_CFG_6_a_value_without_quotes_is_not_repeated)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(scan("api_key = sk-canary-1;", &err), LLM_E_CONFIG);
	cr_assert_null(strstr(err.message, "canary"));
	cr_assert_eq(scan("api_key = 12canary;", &err), LLM_E_CONFIG);
	cr_assert_null(strstr(err.message, "canary"));
	cr_assert_eq(scan("api_key = \"x\" canary @", &err), LLM_E_CONFIG);
	cr_assert_null(strstr(err.message, "canary"));
}

Test(conf_prescan, no_syntax_error_is_left_to_libconfig)
{
	static const char *const texts[] = {"a", "a =", "a b = 1;", "a = 5 5;", "a = 1;;", ";",
		"a = (1 2);", "a = [ (1) ];", "a = [,1];", "a = { 5 };", "a = { b };", "= 5;",
		"a = ;", "a = \"x\" 5;", "\"a\" = 5;", "a.b = 1;", "a = 1 $", "_a = 1;", "a = -;",
		"a = (1; 2);", "a = { b = };", "a = 1\fb = 2", "a = 1,, b = 2", "a : : 1",
		"a = 0x;", "a = -0x1;", "a = true1;", "a = { } }", "a = (", "a = 1 /"};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		llm_err err = LLM_ERR_INIT;

		cr_assert_eq(scan(texts[i], &err), LLM_E_CONFIG, "accepted: %s", texts[i]);
		cr_assert(strncmp(err.message, "f.conf:1:", 9) == 0, "%s", err.message);
	}
	good("");
	good("a = 1 b = 2, c : \"x\" \"y\"\n\"z\" d = { } e = ( ) f = [ ]; g = ( \"x\" \"y\", 1 )");
}

Test(conf_prescan, brackets_texts_and_comments_are_closed)
{
	char deep[80];

	bad("a = {\nb = (\n1 ]", "f.conf:3:", "bracket");
	bad("a = 1; }", "f.conf:1:", "bracket");
	bad("a = {\nb = 1;\n", "f.conf:1:", "never closed");
	bad("a = 1;\nb = \"x\n\n", "f.conf:2:", "never closed");
	bad("a = 1; b = \"x\\", "f.conf:1:", "never closed");
	bad("a = 1;\n/* x\n", "f.conf:2:", "*/");
	memcpy(deep, "a =", 3);
	memset(deep + 3, '(', sizeof(deep) - 4);
	deep[sizeof(deep) - 1] = '\0';
	bad(deep, "f.conf:1:", "deep");
}

Test(conf_prescan, every_prefix_of_a_file_ends)
{
	static const char text[] = "a = { b = \"x\\\"y\"; c = [ 1, -2L ]; d = ( { e = 0x1fL; } ); }"
				   " /* c */ # d\n// e\nf : true;";
	llm_err err = LLM_ERR_INIT;
	size_t n;

	for (n = 0; n < sizeof(text); n++) {
		int32_t rc = prescan_text(text, n, "f.conf", &err);

		cr_assert(rc == 0 || rc == LLM_E_CONFIG);
	}
	cr_assert_eq(prescan_text(text, sizeof(text) - 1, "f.conf", &err), 0, "%s", err.message);
	cr_assert_eq(prescan_text(text, sizeof(text), "f.conf", &err), LLM_E_CONFIG);
	cr_assert(strstr(err.message, "byte 0"));
}
