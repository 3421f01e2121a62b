/* Answers that hold what no answer may hold: one row a fault (support/faults.h). */
#ifndef TESTS_WIRE_CONTENTS_H
#define TESTS_WIRE_CONTENTS_H

#include "wire_streams.h"

#define SAY(text) WIRES_HEAD "chunk \"" text "\"\nend-chunks\n"

static const fault u_11[] = {
	{.name = "u_11_invalid",
		.script = SAY("$m<\"a\xff"
			      "b\">"),
		.stream = BAD,
		.whole = BAD},
	{.name = "u_11_overlong", .script = SAY("$m<\"a\xc0\x80\">"), .stream = BAD, .whole = BAD},
	{.name = "u_11_surrogate",
		.script = SAY("$m<\"\xed\xa0\x80\">"),
		.stream = BAD,
		.whole = BAD},
	{.name = "u_11_cut", .script = SAY("$m<\"a\xe2\x82\">"), .stream = BAD, .whole = BAD},
	{.name = "u_11_nul",
		.script = SAY("$m<\"a\1"
			      "b\">"),
		.stream = BAD,
		.whole = BAD},
	{.name = "u_11_half_pair", .script = SAY("$m<\"\\ud800\">"), .stream = BAD, .whole = BAD},
	{.name = "u_11_bom",
		.script = SAY("\\xef\\xbb\\xbf$*"),
		.stream = GOOD(ALL),
		.whole = GOOD(ALL)},
	/* The bytes of one character in two chunks. */
	{.name = "u_11_split",
		.script = WIRES_HEAD "send \"1\\r\\n\\xef\\r\\n1\\r\\n\\xbb\\r\\n\"\n"
				     "chunk \"\\xbf$1$2$3$4\"\nend-chunks\n",
		.stream = GOOD(ALL),
		.whole = GOOD(ALL)},
};

static const fault u_12[] = {
	{.name = "u_12_number", .script = SAY("$m<5>"), .stream = BAD, .whole = BAD},
	{.name = "u_12_list", .script = SAY("$m<[[1]]>"), .stream = BAD, .whole = BAD},
	{.name = "u_12_array", .script = SAY("$d<[1,2]>$d<[1,2]>$4"), .stream = BAD, .whole = BAD},
	{.name = "u_12_text", .script = SAY("$d<\"x\">$d<\"x\">$4"), .stream = BAD, .whole = BAD},
	{.name = "u_12_null", .script = SAY("$d<null>"), .stream = BAD, .whole = BAD},
	{.name = "u_12_cut", .script = SAY("$d<{\"model\":>"), .stream = BAD, .whole = BAD},
	{.name = "u_12_trailing", .script = SAY("$m<\"x\"} trailing>"), .stream = BAD, .whole = BAD},
	{.name = "u_12_comma", .script = SAY("$m<\"x\",>"), .stream = BAD, .whole = BAD},
	{.name = "u_12_one_piece",
		.script = SAY("$1$d<{\"mess>$2$3$4"),
		.stream = GOOD(ALL),
		.whole = BAD},
	{.name = "u_12_two_pieces",
		.script = SAY("$1$d<{\"mess>$d<[>$2$3$4"),
		.stream = {LLM_E_PROTOCOL, "Hel"},
		.whole = BAD},
	{.name = "u_12_deep",
		.script = PLAIN_HEAD "send \"{\\\"a\\\":\"\nrepeat 10000 \"[\"\nclose\n",
		.stream = NOT_PLAYED,
		.whole = BAD},
	{.name = "u_12_long",
		.script = PLAIN_HEAD "send \"{\\\"a\\\":\\\"\"\nrepeat 1000000 \"0123456789\"\n"
				     "send \"\\\"}\"\nclose\n",
		.stream = NOT_PLAYED,
		.whole = BAD},
};

static const fault u_13[] = {
	{.name = "u_13_error_in_stream",
		.script = SAY("$1$f"),
		.stream = {LLM_E_SERVER_ERROR, "Hel"},
		.whole = NOT_PLAYED},
	/* Gemini's streams have no mark at their end. */
	{.name = "u_13_behind_the_end",
		.script = SAY("$*$1$f"),
		.stream = GOOD(ALL),
		.whole = NOT_PLAYED,
		.only = "ollama"},
	{.name = "u_13_behind_done",
		.script = SAY("$*$1$f"),
		.stream = GOOD(ALL),
		.whole = NOT_PLAYED,
		.only = "openai"},
	{.name = "u_13_comments",
		.script = SAY(":\\n: a\\n\\n$1: b\\n$2event: other\\nid: 7\\nretry: 1\\n$3$4"),
		.stream = GOOD(ALL),
		.whole = NOT_PLAYED,
		.framing = FAULT_EVENTS},
	{.name = "u_13_unknown_event",
		.script = SAY("$1event: ping\\ndata:\\n\\n$2$3$4"),
		.stream = GOOD(ALL),
		.whole = NOT_PLAYED,
		.framing = FAULT_EVENTS},
	{.name = "u_13_no_done",
		.script = SAY("$1$2$3data: {\\\"choices\\\":[{\\\"index\\\":0,\\\"delta\\\":{},"
			      "\\\"finish_reason\\\":\\\"stop\\\"}]}\\n\\n"),
		.stream = GOOD(ALL),
		.whole = NOT_PLAYED,
		.only = "openai"},
	{.name = "u_13_done_only",
		.script = SAY("data: [DONE]\\n\\n"),
		.stream = BROKEN(NULL),
		.whole = NOT_PLAYED,
		.only = "openai"},
};

static const fault u_22[] = {
	{.name = "u_22_negative",
		.script = SAY("$u<-7>"),
		.stream = GOOD("Hello"),
		.whole = GOOD("Hello")},
	{.name = "u_22_large",
		.script = SAY("$u<9223372036854775808>"),
		.stream = GOOD("Hello"),
		.whole = GOOD("Hello")},
	{.name = "u_22_huge",
		.script = SAY("$u<1e400>"),
		.stream = GOOD("Hello"),
		.whole = GOOD("Hello")},
	{.name = "u_22_text",
		.script = SAY("$u<\"4\">"),
		.stream = GOOD("Hello"),
		.whole = GOOD("Hello")},
	{.name = "u_22_twice",
		.script = SAY(
			"$u<4,\"eval_count\":9,\"completion_tokens\":9,\"candidatesTokenCount\":9>"),
		.stream = GOOD("Hello"),
		.whole = GOOD("Hello")},
};

#endif
