/* Calls of the JSON writer in a wrong order, and in a right one. */
#include "jsonw_try.h"

/* One call per letter. */
static void play(jsonw *w, const char *calls)
{
	for (; *calls; calls++) {
		switch (*calls) {
		case '{':
			jsonw_object(w);
			break;
		case '}':
			jsonw_object_end(w);
			break;
		case '[':
			jsonw_array(w);
			break;
		case ']':
			jsonw_array_end(w);
			break;
		case 'k':
			jsonw_key(w, "k");
			break;
		case 'n':
			jsonw_name(w, "n");
			break;
		case '1':
			jsonw_int(w, 1);
			break;
		case 'r':
			jsonw_raw(w, "", 0);
			break;
		case '<':
			jsonw_string_open(w);
			break;
		case 'p':
			jsonw_string_part(w, "p", 1);
			break;
		case 'b':
			jsonw_string_base64(w, "b", 1);
			break;
		case '>':
			jsonw_string_close(w);
			break;
		default:
			cr_assert_fail("no such call");
		}
	}
}

Test(jsonw, misuse_is_an_internal_error)
{
	static const char *const plays[] = {"", "r", "{1}", "{k}", "{n}", "{kk1}", "{nn1}", "[n1]",
		"n1", "{<n>}", "[k1]", "k1", "11", "{}{}", "[]1", "{]", "[}", "}", "]", "[", "{",
		"{k1", "[[]", "<1>", "<[]>", "{k<k>1}", "[<]>", "<", "[<", "p", "b", ">", "[>]",
		"{<>}", "<<>>", "<>p", "<>b"};
	size_t i;

	for (i = 0; i < sizeof(plays) / sizeof(plays[0]); i++) {
		sink s;
		jsonw w = writer(&s);

		play(&w, plays[i]);
		cr_assert_eq(jsonw_finish(&w), LLM_E_INTERNAL, "%s: %d", plays[i], w.status);
		cr_assert_eq(s.len, 0, "%s put something out", plays[i]);
	}
}

Test(jsonw, proper_use_is_none)
{
	static const char *const plays[] = {
		"1",
		"{}",
		"[]",
		"{k1}",
		"{k1k{k[]}}",
		"{n1n{k[]n<>}}",
		"[1[]{}1]",
		"<>",
		"<pbp>",
		"{k<p>k<b>}",
		"[<>1<>]",
	};
	size_t i;

	for (i = 0; i < sizeof(plays) / sizeof(plays[0]); i++) {
		json_t *tree;
		sink s;
		jsonw w = writer(&s);

		play(&w, plays[i]);
		cr_assert_eq(jsonw_finish(&w), 0, "%s", plays[i]);
		tree = json_loadb(s.bytes, s.len, JSON_DECODE_ANY, NULL);
		cr_assert_not_null(tree, "%s", plays[i]);
		json_decref(tree);
		free(s.bytes);
	}
}
