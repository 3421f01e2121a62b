/* Answers that break off, stand still, drip or never end: one row a fault (support/faults.h). */
#ifndef TESTS_WIRE_STREAMS_H
#define TESTS_WIRE_STREAMS_H

#include "support/faults.h"

#define ALL WIRES_TEXT
#define PLAIN_HEAD "head 200 $t \"Connection: close\"\n"
/* So that the end does not overtake what was sent. */
#define FIN "sleep 2\nclose\n"
#define RST "sleep 2\nreset\n"
#define BROKEN(text) \
	{ \
		LLM_E_STREAM_BROKEN, text \
	}
#define LOST \
	{ \
		LLM_E_CONNECTION, NULL \
	}
#define BAD \
	{ \
		LLM_E_PROTOCOL, NULL \
	}
#define LATE \
	{ \
		LLM_E_TIMEOUT, NULL \
	}
#define NOT_PLAYED \
	{ \
		FAULT_NONE, NULL \
	}
#define GOOD(text) \
	{ \
		0, text \
	}
#define MANY "100000000"
#define FILL "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n"

static const fault u_05[] = {
	{.name = "u_05_fin_before_head", .script = FIN, .stream = LOST, .whole = LOST, .status = -1},
	{.name = "u_05_rst_before_head", .script = RST, .stream = LOST, .whole = LOST, .status = -1},
	{.name = "u_05_fin_in_head",
		.script = "send \"HTTP/1.1 200 OK\\r\\nContent-Ty\"\n" FIN,
		.stream = BROKEN(NULL),
		.whole = LOST},
	{.name = "u_05_rst_in_head",
		.script = "send \"HTTP/1.1 200 OK\\r\\nContent-Ty\"\n" RST,
		.stream = BROKEN(NULL),
		.whole = LOST},
	{.name = "u_05_fin_after_head",
		.script = WIRES_HEAD FIN,
		.stream = BROKEN(NULL),
		.whole = BAD},
	{.name = "u_05_rst_after_head",
		.script = WIRES_HEAD RST,
		.stream = BROKEN(NULL),
		.whole = LOST},
	{.name = "u_05_end_after_one",
		.script = WIRES_HEAD "chunk \"$1\"\nend-chunks\n",
		.stream = BROKEN("Hel"),
		.whole = BAD},
	{.name = "u_05_fin_after_one",
		.script = WIRES_HEAD "chunk \"$1\"\n" FIN,
		.stream = BROKEN("Hel"),
		.whole = BAD},
	{.name = "u_05_rst_after_one",
		.script = WIRES_HEAD "chunk \"$1\"\n" RST,
		.stream = BROKEN("Hel"),
		.whole = LOST},
	{.name = "u_05_fin_inside",
		.script = WIRES_HEAD "chunk \"$1\"\nsend \"40\\r\\ndata: {\\\"mo\"\n" FIN,
		.stream = BROKEN("Hel"),
		.whole = BAD},
	{.name = "u_05_rst_inside",
		.script = WIRES_HEAD "chunk \"$1\"\nsend \"40\\r\\ndata: {\\\"mo\"\n" RST,
		.stream = BROKEN("Hel"),
		.whole = LOST},
	{.name = "u_05_end_before_last",
		.script = WIRES_HEAD "chunk \"$1$2$3\"\nend-chunks\n",
		.stream = BROKEN(ALL),
		.whole = BAD},
	{.name = "u_05_rst_before_last",
		.script = WIRES_HEAD "chunk \"$1$2$3\"\n" RST,
		.stream = BROKEN(ALL),
		.whole = LOST},
};

/* Where the head is to be there in time, also on a busy machine. */
#define SHORT "40ms"
#define SHORT_MS 40
#define AMPLE "120ms"
#define AMPLE_MS 120

static const fault u_06[] = {
	{.name = "u_06_nothing",
		.script = "keep\n",
		.stream = LATE,
		.whole = NOT_PLAYED,
		.status = -1,
		.config = "first_token = \"" SHORT "\";",
		.limit_ms = SHORT_MS},
	{.name = "u_06_nothing_whole",
		.script = "keep\n",
		.stream = NOT_PLAYED,
		.whole = LATE,
		.status = -1,
		.config = "attempt = \"" SHORT "\";",
		.limit_ms = SHORT_MS},
	{.name = "u_06_after_head",
		.script = WIRES_HEAD "keep\n",
		.stream = LATE,
		.whole = NOT_PLAYED,
		.config = "first_token = \"" AMPLE "\";",
		.limit_ms = AMPLE_MS},
	{.name = "u_06_in_stream",
		.script = WIRES_HEAD "chunk \"$1\"\nkeep\n",
		.stream = {LLM_E_TIMEOUT, "Hel"},
		.whole = NOT_PLAYED,
		.config = "idle = \"" SHORT "\"; silence = \"3s\";",
		.limit_ms = SHORT_MS},
	{.name = "u_06_in_answer",
		.script = WIRES_HEAD "chunk \"$1\"\nkeep\n",
		.stream = NOT_PLAYED,
		.whole = LATE,
		.config = "attempt = \"" AMPLE "\";",
		.limit_ms = AMPLE_MS},
	{.name = "u_06_silence",
		.script = WIRES_HEAD "chunk \"$1\"\nkeep\n",
		.stream = {LLM_E_TIMEOUT, "Hel"},
		.whole = NOT_PLAYED,
		.phase = LLM_PHASE_SILENCE,
		.config = "idle = \"3s\"; silence = \"" SHORT "\";",
		.limit_ms = SHORT_MS},
	/* What keeps the connection alive is no content. */
	{.name = "u_06_alive",
		.script = PLAIN_HEAD "drip 2 \"$k$k$k$k$k$k$k$k$k$k\"\nkeep\n",
		.stream = LATE,
		.whole = NOT_PLAYED,
		.config = "first_token = \"" AMPLE "\";",
		.limit_ms = AMPLE_MS},
	{.name = "u_06_alive_in_stream",
		.script = PLAIN_HEAD "send \"$1\"\ndrip 2 \"$k$k$k$k$k$k$k$k$k$k\"\nkeep\n",
		.stream = {LLM_E_TIMEOUT, "Hel"},
		.whole = NOT_PLAYED,
		.config = "idle = \"" AMPLE "\"; idle_keepalive = \"" AMPLE "\"; silence = \"3s\";",
		.limit_ms = AMPLE_MS},
};

static const fault u_07[] = {
	{.name = "u_07_bytes",
		.script = "drip 0 \"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\"\n"
			  "send $t \"\\r\\n\"\ndrip 0 \"\\r\\n$*\"\nclose\n",
		.stream = GOOD(ALL),
		.whole = GOOD(ALL)},
	{.name = "u_07_error",
		.script = PLAIN_HEAD "drip 0 \"$f\"\nclose\n",
		.stream = {LLM_E_SERVER_ERROR, NULL},
		.whole = {LLM_E_SERVER_ERROR, NULL}},
};

static const fault u_08[] = {
	{.name = "u_08_long_line",
		.script = "send \"HTTP/1.1 200 OK\\r\\nX-Long: \"\nrepeat 70000 \"a\"\n"
			  "send \"\\r\\n\\r\\n\"\nkeep\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_08_many_lines",
		.script = "send \"HTTP/1.1 200 OK\\r\\n\"\nrepeat 10000 \"X: y\\r\\n\"\n"
			  "send \"\\r\\n\"\nkeep\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_08_no_end",
		.script = "send \"HTTP/1.1 200 OK\\r\\n\"\nrepeat " MANY " \"X: y\\r\\n\"\nkeep\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_08_no_line_end",
		.script = "send \"HTTP/1.1 200 OK\\r\\nX: \"\nrepeat " MANY " " FILL "keep\n",
		.stream = BAD,
		.whole = BAD},
};

static const fault u_09[] = {
	{.name = "u_09_line",
		.script = PLAIN_HEAD "send \"data: {\\\"a\\\":\\\"\"\nrepeat " MANY " " FILL
				     "keep\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_09_alive",
		.script = PLAIN_HEAD "repeat " MANY " \"$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k\"\nkeep\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_09_announced",
		.script = "head 200 $t \"Content-Length: 33554433\"\nsend \"$1\"\nkeep\n",
		.stream = BAD,
		.whole = BAD},
	{.name = "u_09_error",
		.script = "head 500 \"Content-Type: application/json\" \"Connection: close\"\n"
			  "repeat " MANY " " FILL "keep\n",
		.stream = {LLM_E_SERVER_ERROR, NULL},
		.whole = {LLM_E_SERVER_ERROR, NULL},
		.status = 500},
};

#endif
