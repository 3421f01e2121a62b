#include "support/exchange.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const exchange_pin exchange_pins[] = {
	{"ollama", "err_400_images_dataurl", "refused UNSUPPORTED"},
	{"ollama", "err_400_keep_alive", "refused INVALID_REQUEST"},
	{"ollama", "err_400_model_required", "refused INVALID_REQUEST"},
	{"ollama", "err_400_think_value", "refused INVALID_REQUEST"},
	{"ollama", "err_404_route_plaintext", "refused INVALID_REQUEST"},
	{"ollama", "err_500_bad_option", "refused INVALID_REQUEST"},
	{"ollama", "embed_basic", "none"},
	{"ollama", "err_400_context_rendered", "none"},
	{"ollama", "err_400_embed_too_long", "none"},
	{"ollama", "err_404_model_embed", "none"},
	{"ollama", "generate_basic", "none"},
	{"ollama", "pull_stream", "none"},
	{"ollama", "pull_stream_error", "none"},
	{"ollama", "version", "none"},
	{"gemini", "err_400_budget_and_level", "refused INVALID_REQUEST"},
	{"gemini", "err_400_json_with_tools", "refused UNSUPPORTED"},
	{"gemini", "err_400_penalty", "refused UNSUPPORTED"},
	{"gemini", "count_tokens", "none"},
	{"gemini", "embed", "none"},
	{"gemini", "embed_batch", "none"},
	{"openai", "chat_custom_tool", "refused INVALID_REQUEST"},
	{"openai", "chat_n2_stream", "refused UNSUPPORTED"},
	{"openai", "completions_basic", "none"},
	{"openai", "completions_stream", "none"},
	{"openai", "embeddings_base64", "none"},
	{"openai", "embeddings_float", "none"},
	{"openai", "embeddings_tokens", "none"},
	{"openai", "responses_basic", "none"},
	{"openai", "responses_error_stream", "none"},
	{"openai", "responses_incomplete", "none"},
	{"openai", "responses_stream", "none"},
	{"openai", "responses_tools_stream", "none"},
	{NULL, NULL, NULL},
};

int exchange_pinned(const exchange *x, const char *what)
{
	const exchange_pin *pin;

	for (pin = exchange_pins; pin->name; pin++)
		if (strcmp(pin->provider, x->provider) == 0 && strcmp(pin->name, x->name) == 0)
			return strcmp(pin->what, what) == 0;
	return 0;
}

static void path_of(char *buf, size_t cap, const exchange *x, const char *suffix)
{
	snprintf(buf, cap, "tests/fixtures/%s/%s%s", x->provider, x->name, suffix);
}

json_t *exchange_json(const exchange *x, const char *suffix)
{
	char path[600];

	path_of(path, sizeof(path), x, suffix);
	return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

static void add_header(exchange *x, char *line)
{
	char *value = strstr(line, ": ");

	if (!value || x->n_headers == EXCHANGE_HEADERS || strncmp(line, "expect:", 7) == 0)
		return;
	*value = '\0';
	value += 2;
	if (strcmp(line, "request") == 0) {
		if (sscanf(value, "%7s %199s", x->method, x->path) != 2)
			x->method[0] = '\0';
		return;
	}
	x->headers[x->n_headers] = (llm_header_view){line, value};
	x->header_list[x->n_headers] = &x->headers[x->n_headers];
	x->n_headers++;
}

static void read_status(exchange *x)
{
	char path[600];
	char *rest;
	char *line;
	size_t len;

	path_of(path, sizeof(path), x, ".status");
	x->status_text = plug_read_file(path, &len);
	rest = x->status_text;
	if (!rest)
		return;
	x->status = (int32_t)strtol(rest, NULL, 10);
	while ((line = strsep(&rest, "\n")))
		add_header(x, line);
}

int exchange_read(exchange *x, plug *p, const char *provider, const char *name)
{
	char path[600];

	memset(x, 0, sizeof(*x));
	x->p = p;
	x->provider = provider;
	x->name = name;
	x->expectation = exchange_json(x, ".expect.json");
	path_of(path, sizeof(path), x, ".stream.txt");
	x->body = plug_read_file(path, &x->body_len);
	x->is_stream = x->body != NULL;
	path_of(path, sizeof(path), x, ".response.json");
	if (!x->body)
		x->body = plug_read_file(path, &x->body_len);
	read_status(x);
	return x->expectation && x->body && x->status_text && x->method[0] ? 0 : -1;
}

void exchange_done(exchange *x)
{
	json_decref(x->expectation);
	free(x->body);
	free(x->status_text);
}

llm_reply_view exchange_reply(const exchange *x)
{
	llm_reply_view r = {(uint32_t)sizeof(r), x->status, x->header_list, x->n_headers,
		{x->body, x->body_len}, NULL};

	return r;
}

const json_t *exchange_expects(const exchange *x, const char *member)
{
	return json_object_get(json_object_get(x->expectation, "expect"), member);
}

/* The plugin with the exchange's own configuration, or the one that is open. */
static plug *configure(exchange *x, plug *own)
{
	const json_t *config = json_object_get(x->expectation, "config");
	const char **pairs = plug_keep(x->p, (2 * json_object_size(config) + 1) * sizeof(*pairs));
	const char *key;
	json_t *value;
	size_t n = 0;

	if (!config)
		return x->p;
	json_object_foreach((json_t *)(uintptr_t)config, key, value)
	{
		pairs[n++] = key;
		pairs[n++] = json_string_value(value);
	}
	if (plug_open(own, x->p->path, pairs)) {
		fprintf(stderr, "%s/%s: its configuration is refused\n", x->provider, x->name);
		abort();
	}
	return own;
}

static void with_own_plug(exchange *x, void (*each)(exchange *x))
{
	plug own = {0};

	x->p = configure(x, &own);
	each(x);
	plug_close(&own);
}

/* Does the file belong to an exchange that has a .status? */
static int belongs(const char *folder, const char *file)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%.*s.status", folder, (int)strcspn(file, "."), file);
	return access(path, R_OK) == 0;
}

int exchange_all(plug *p, const char *provider, void (*each)(exchange *x))
{
	char folder[300];
	struct dirent **files;
	int n = 0;
	int i;
	int count;
	exchange x;

	snprintf(folder, sizeof(folder), "tests/fixtures/%s", provider);
	count = scandir(folder, &files, NULL, alphasort);
	for (i = 0; i < count; i++) {
		const char *file = files[i]->d_name;
		const char *dot = strstr(file, ".status");
		char *name = plug_keep_text(p, file, dot ? (size_t)(dot - file) : 0);

		if (file[0] != '.' && !belongs(folder, file)) {
			fprintf(stderr, "%s/%s belongs to no exchange\n", folder, file);
			n = -1000;
		}
		if (dot && exchange_read(&x, p, provider, name)) {
			fprintf(stderr, "%s/%s lacks an expectation or an answer\n", folder, name);
			n = -1000;
		} else if (dot) {
			with_own_plug(&x, each);
			n++;
		}
		if (dot)
			exchange_done(&x);
		free(files[i]);
	}
	if (count >= 0)
		free(files);
	return n < 0 ? -1 : n;
}
