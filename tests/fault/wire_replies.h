/* Replies that are none, or not the one that was asked for: one row a fault (support/faults.h). */
#ifndef TESTS_WIRE_REPLIES_H
#define TESTS_WIRE_REPLIES_H

#include "wire_streams.h"

#define JSON "\"Content-Type: application/json\" "

static const fault u_10[] = {
	/* 1000 times its size when it is opened. */
	{.name = "u_10_gzip",
		.script =
			"head 200 $t \"Content-Encoding: gzip\" \"Connection: close\"\n"
			"send-hex 1f8b08000000000002034b4a1c05a360140c\nrepeat 100 \"\\x63\\x18\"\n"
			"close\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_10_br",
		.script = "head 200 $t \"Content-Encoding: br\" \"Connection: close\"\n"
			  "send \"$*\"\nclose\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_10_identity",
		.script = "head 200 $t \"Content-Encoding: identity\" \"Connection: close\"\n"
			  "send \"$*\"\nclose\n",
		.stream = GOOD(ALL),
		.whole = GOOD(ALL)},
};

static const fault u_14[] = {
	{.name = "u_14_html",
		.script = "reply 200 \"Content-Type: text/html\" "
			  "\"<html><body>Log in first: " ORACLE_KEY "</body></html>\"\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_14_other_json",
		.script = "reply 200 " JSON "\"{\\\"hello\\\":\\\"this is another service\\\"}\"\n",
		.stream = BAD,
		.whole = BAD},
	/* A stream was asked for, and some servers answer with a document all the same. */
	{.name = "u_14_document",
		.script = "reply 200 " JSON "\"$w\"\n",
		.stream = GOOD(ALL),
		.whole = GOOD(ALL)},
	{.name = "u_14_pieces", .script = "reply 200 " JSON "\"$s\"\n", .stream = BAD, .whole = BAD},
	{.name = "u_14_no_type", .script = "reply 200 \"$*\"\n", .stream = BAD, .whole = BAD},
	{.name = "u_14_empty_type",
		.script = "reply 200 \"Content-Type:\" \"$*\"\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_14_image",
		.script = "reply 200 \"Content-Type: image/png\" \"\\x89PNG\\r\\n\\x1a\\n\"\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_14_empty",
		.script = "reply 200 $t \"\"\n",
		.stream = BROKEN(NULL),
		.whole = BAD},
	{.name = "u_14_empty_json",
		.script = "reply 200 " JSON "\"\"\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_14_events_for_lines",
		.script = "reply 200 \"Content-Type: text/event-stream\" \"data: {}\\n\\n\"\n",
		.stream = BAD,
		.whole = BAD,
		.framing = FAULT_LINES},
	{.name = "u_14_lines_for_events",
		.script = "reply 200 \"Content-Type: application/x-ndjson\" \"{}\\n\"\n",
		.stream = BAD,
		.whole = BAD,
		.framing = FAULT_EVENTS},
};

#define STATUS(number, code_of_it) \
	{ \
		.name = "u_15_" #number, .script = "reply " #number " " JSON "\"$e\"\n", \
		.stream = {LLM_E_##code_of_it, NULL}, .whole = {LLM_E_##code_of_it, NULL}, \
		.status = number \
	}
#define INTERIM(label, line, number) \
	{ \
		.name = "u_15_" label, .script = "repeat " line "\nreply 200 $t \"$*\"\n", \
		.stream = BAD, .whole = BAD, .status = number \
	}

static const fault u_15[] = {
	STATUS(400, INVALID_REQUEST),
	STATUS(401, AUTHENTICATION),
	STATUS(402, QUOTA_EXHAUSTED),
	STATUS(403, PERMISSION_DENIED),
	STATUS(404, NOT_FOUND),
	STATUS(408, TIMEOUT),
	STATUS(409, CONFLICT),
	STATUS(413, INVALID_REQUEST),
	STATUS(422, INVALID_REQUEST),
	STATUS(429, RATE_LIMITED),
	STATUS(500, SERVER_ERROR),
	STATUS(501, UNSUPPORTED),
	STATUS(502, UNAVAILABLE),
	STATUS(503, UNAVAILABLE),
	STATUS(504, UNAVAILABLE),
	STATUS(529, UNAVAILABLE),
	STATUS(600, PROTOCOL),
	INTERIM("interim", "1000 \"HTTP/1.1 100 Continue\\r\\n\\r\\n\"", 100),
	INTERIM("early_hints", "1000 \"HTTP/1.1 103 Early Hints\\r\\n\\r\\n\"", 103),
	INTERIM("endless", MANY " \"HTTP/1.1 100 Continue\\r\\n\\r\\n\"", 100),
	{.name = "u_15_few_interim",
		.script =
			"repeat 3 \"HTTP/1.1 100 Continue\\r\\n\\r\\n\"\n"
			"send \"HTTP/1.1 200 OK\\r\\n\" $t \"\\r\\nContent-Length: $n\\r\\n\\r\\n$*\"\n",
		.stream = GOOD(ALL),
		.whole = GOOD(ALL)},
	{.name = "u_15_204", .script = "head 204\n", .stream = BAD, .whole = BAD, .status = 204},
	{.name = "u_15_204_with_body",
		.script = "head 204 " JSON "\nsend \"{}\"\nclose\n",
		.stream = BAD,
		.whole = BAD,
		.status = 204},
	{.name = "u_15_304",
		.script = "head 304 " JSON "\n",
		.stream = BAD,
		.whole = BAD,
		.status = 304},
};

static const fault u_16[] = {
	{.name = "u_16_bad_first_chunk",
		.script = WIRES_HEAD "send \"zz\\r\\nwhat\\r\\n\"\nkeep\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_16_bad_chunk",
		.script = WIRES_HEAD "chunk \"$1\"\nsend \"zz\\r\\nwhat\\r\\n\"\nkeep\n",
		.stream = {LLM_E_PROTOCOL, "Hel"},
		.whole = BAD},
	{.name = "u_16_huge_chunk",
		.script = WIRES_HEAD
		"chunk \"$1\"\nsend \"fffffffffffffffffffff\\r\\nabc\"\nkeep\n",
		.stream = {LLM_E_PROTOCOL, "Hel"},
		.whole = BAD},
	{.name = "u_16_no_last_chunk",
		.script = WIRES_HEAD "chunk \"$*\"\n" FIN,
		.stream = GOOD(ALL),
		.whole = BAD},
	{.name = "u_16_document_without_end",
		.script = "head 200 " JSON "\"Transfer-Encoding: chunked\"\nchunk \"$w\"\n" FIN,
		.stream = BROKEN(NULL),
		.whole = BAD},
	{.name = "u_16_bytes_behind",
		.script =
			"send \"HTTP/1.1 200 OK\\r\\nContent-Length: $n\\r\\n\" $t \"\\r\\n\\r\\n$*\" "
			"\"HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nbad\"\nkeep\n",
		.stream = GOOD(ALL),
		.whole = GOOD(ALL)},
	{.name = "u_16_too_short",
		.script = "head 200 $t \"Content-Length: 5000\"\nsend \"$1\"\n" FIN,
		.stream = BROKEN("Hel"),
		.whole = BAD},
	{.name = "u_16_too_long",
		.script = "head 200 $t \"Content-Length: 12\"\nsend \"$*\"\nkeep\n",
		.stream = BROKEN(NULL),
		.whole = BAD},
	{.name = "u_16_two_lengths",
		.script = "head 200 $t \"Content-Length: 12\" \"Content-Length: 13\"\n"
			  "send \"$*\"\nkeep\n",
		.stream = BROKEN(NULL),
		.whole = BAD},
	{.name = "u_16_no_http",
		.script = "send \"SSH-2.0-OpenSSH_9.2\\r\\n\"\nkeep\n",
		.stream = BAD,
		.whole = BAD,
		.status = -1},
};

#define REDIRECT(label, number, where) \
	{ \
		.name = "u_18_" label, \
		.script = "head " #number " \"Location: " where "\" \"Content-Length: 0\"\n", \
		.stream = BAD, .whole = BAD, .status = number \
	}

static const fault u_18[] = {
	REDIRECT("301", 301, "http://127.0.0.1:1/api/chat"),
	REDIRECT("302", 302, "https://127.0.0.1:1/"),
	REDIRECT("303", 303, "http://10.0.0.1/"),
	REDIRECT("307", 307, "http://elsewhere.invalid/v1"),
	REDIRECT("308", 308, "http://[::1]:1/"),
	REDIRECT("loop", 307, "/api/chat"),
};

#endif
