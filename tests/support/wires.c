#include "support/wires.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OLLAMA_FRAME(content) \
	"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":" content \
	"},\"done\":false}\n"
#define OLLAMA_END \
	"\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":3,\"eval_count\":4}"
#define OLLAMA_COUNT \
	"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hello\"}," \
	"\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":3,\"eval_count\":"

#define OPENAI_FRAME(delta, finish) \
	"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\"," \
	"\"choices\":[{\"index\":0,\"delta\":{" delta "},\"finish_reason\":" finish "}]}\n\n"
#define OPENAI_DONE "data: [DONE]\n\n"
#define OPENAI_WHOLE \
	"{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0," \
	"\"message\":{\"role\":\"assistant\",\"content\":"
#define OPENAI_STOP "},\"finish_reason\":\"stop\"}]"
#define OPENAI_COUNT ",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":"

#define GEMINI_BODY(text, rest) \
	"{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":" text "}]}" rest \
	",\"index\":0}],\"modelVersion\":\"m\""
#define GEMINI_STOP ",\"finishReason\":\"STOP\""
#define GEMINI_FRAME(text, rest) "data: " GEMINI_BODY(text, rest) "}\n\n"
#define GEMINI_OPEN "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":"
#define GEMINI_CLOSE "}]},\"finishReason\":\"STOP\",\"index\":0}],\"modelVersion\":\"m\"}"
#define GEMINI_COUNT ",\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":"

const wire wires[WIRES] = {
	{
		.name = "ollama",
		.model = "ollama/sim-small",
		.base = "",
		.type = {"application/json", "application/x-ndjson"},
		.parts = {{"{\"model\":\"m\",\"mess",
				  "age\":{\"role\":\"assistant\",\"content\":\"Hello, ",
				  "w\xc3\xb6rld\"},", OLLAMA_END},
			{OLLAMA_FRAME("\"Hel\""), OLLAMA_FRAME("\"lo, \""),
				OLLAMA_FRAME("\"w\xc3\xb6rld\""),
				"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":"
				"\"\"}," OLLAMA_END "\n"}},
		.alive = "\n",
		.error = "{\"error\":\"no\"}",
		.frame = {"", "\n"},
		.text = {{"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":",
				 "}," OLLAMA_END},
			{"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":",
				"}," OLLAMA_END "\n"}},
		.count = {{OLLAMA_COUNT, "}"}, {OLLAMA_COUNT, "}\n"}},
	},
	{
		.name = "openai",
		.model = "openai/sim-small",
		.base = "/v1",
		.events = 1,
		.type = {"application/json", "text/event-stream"},
		.parts = {{"{\"id\":\"c\",\"object\":\"chat.com",
				  "pletion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{"
				  "\"role\":\"assistant\",\"content\":\"Hello, ",
				  "w\xc3\xb6rld\"", OPENAI_STOP "}"},
			{OPENAI_FRAME("\"role\":\"assistant\",\"content\":\"Hel\"", "null"),
				OPENAI_FRAME("\"content\":\"lo, \"", "null"),
				OPENAI_FRAME("\"content\":\"w\xc3\xb6rld\"", "null"),
				OPENAI_FRAME("", "\"stop\"") OPENAI_DONE}},
		.alive = ": alive\n\n",
		.error = "{\"error\":{\"message\":\"no\",\"type\":null,\"code\":null}}",
		.frame = {"data: ", "\n\n"},
		.text = {{OPENAI_WHOLE, OPENAI_STOP "}"},
			{"data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,"
			 "\"delta\":{\"content\":",
				"},\"finish_reason\":\"stop\"}]}\n\n"}},
		.count = {{OPENAI_WHOLE "\"Hello\"" OPENAI_STOP OPENAI_COUNT, "}}"},
			{OPENAI_FRAME("\"content\":\"Hello\"",
				 "\"stop\"") "data: {\"id\":\"c\",\"choices\":[]" OPENAI_COUNT,
				"}}\n\n" OPENAI_DONE}},
	},
	{
		.name = "gemini",
		.model = "gemini/sim-small",
		.base = "",
		.events = 1,
		.type = {"application/json", "text/event-stream"},
		.parts = {{"{\"candidates\":[{\"con",
				  "tent\":{\"role\":\"model\",\"parts\":[{\"text\":\"Hello, ",
				  "w\xc3\xb6rld\"", GEMINI_CLOSE},
			{GEMINI_FRAME("\"Hel\"", ""), GEMINI_FRAME("\"lo, \"", ""),
				GEMINI_FRAME("\"w\xc3\xb6rld\"", ""),
				GEMINI_FRAME("\"\"", GEMINI_STOP)}},
		.alive = ": alive\n\n",
		.error = "{\"error\":{\"code\":0,\"message\":\"no\",\"status\":\"\"}}",
		.frame = {"data: ", "\n\n"},
		.text = {{GEMINI_OPEN, GEMINI_CLOSE}, {"data: " GEMINI_OPEN, GEMINI_CLOSE "\n\n"}},
		.count = {{GEMINI_BODY("\"Hello\"", GEMINI_STOP) GEMINI_COUNT, "}}"},
			{"data: " GEMINI_BODY("\"Hello\"", GEMINI_STOP) GEMINI_COUNT, "}}\n\n"}},
	},
};

/* ---- scripts ---- */

typedef struct text {
	char *data;
	size_t len;
} text;

static void die(const char *what, const char *which)
{
	fprintf(stderr, "wires: %s %.60s\n", what, which);
	_exit(99);
}

static void add(text *t, const char *bytes, size_t len)
{
	t->data = realloc(t->data, t->len + len + 1);
	if (!t->data)
		die("out of memory", "");
	memcpy(t->data + t->len, bytes, len);
	t->len += len;
	t->data[t->len] = '\0';
}

/* Bytes as they stand in a script's quotes. */
static void quote(text *t, const char *bytes, size_t len)
{
	char one[8];
	size_t i;

	for (i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)bytes[i];

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
			snprintf(one, sizeof(one), "%c", c);
		else
			snprintf(one, sizeof(one), "\\x%02x", c == '\1' ? 0u : c);
		add(t, one, strlen(one));
	}
}

static void quote_text(text *t, const char *what)
{
	quote(t, what, strlen(what));
}

static void add_type(text *t, const char *type)
{
	add(t, "\"Content-Type: ", 15);
	add(t, type, strlen(type));
	add(t, "\"", 1);
}

static void add_length(text *t, const char *const *parts)
{
	char number[24];
	size_t i, n = 0;

	for (i = 0; i < 4; i++)
		n += strlen(parts[i]);
	snprintf(number, sizeof(number), "%zu", n);
	add(t, number, strlen(number));
}

static void add_all(text *t, const char *const *parts)
{
	size_t i;

	for (i = 0; i < 4; i++)
		quote_text(t, parts[i]);
}

static void add_around(text *t, const wire_around *a, const char *bytes, size_t len)
{
	quote_text(t, a->before);
	quote(t, bytes, len);
	quote_text(t, a->after);
}

static const wire_around bare = {"", ""};

/* "<X>" behind a name; where the script goes on. */
static const char *add_value(text *t, const wire *w, uint32_t stream, char name, const char *at)
{
	const char *end = *at == '<' ? strchr(at, '>') : NULL;
	const wire_around *a = name == 'm' ? &w->text[stream] :
		name == 'u'		   ? &w->count[stream] :
		stream			   ? &w->frame :
					     &bare;

	if (!end)
		die("no <...> behind", at - 2);
	add_around(t, a, at + 1, (size_t)(end - at - 1));
	return end + 1;
}

/* What a "$" stands for; where the script goes on. */
static const char *add_name(text *t, const wire *w, uint32_t stream, const char *at)
{
	const char *const *parts = w->parts[stream];
	const char name = *at++;

	if (name == 't')
		add_type(t, w->type[stream]);
	else if (name == 'n')
		add_length(t, parts);
	else if (name == '*')
		add_all(t, parts);
	else if (name == 'w' || name == 's')
		add_all(t, w->parts[name == 's']);
	else if (name >= '1' && name <= '4')
		quote_text(t, parts[name - '1']);
	else if (name == 'k')
		quote_text(t, w->alive);
	else if (name == 'e')
		quote_text(t, w->error);
	else if (name == 'f')
		add_around(t, stream ? &w->frame : &bare, w->error, strlen(w->error));
	else if (name == 'm' || name == 'd' || name == 'u')
		return add_value(t, w, stream, name, at);
	else
		die("unknown:", at - 2);
	return at;
}

char *wires_expand(const wire *w, uint32_t stream, const char *script)
{
	text t = {NULL, 0};

	stream = stream != 0;
	add(&t, "", 0);
	while (*script) {
		size_t n = strcspn(script, "$");

		add(&t, script, n);
		script += n;
		if (*script)
			script = add_name(&t, w, stream, script + 1);
	}
	return t.data;
}
