/*
 * options.c - the `options` object and keep_alive.
 *
 * Ollama answers a wrong type with status 500 and ignores an unknown name, so types are
 * checked here and names against the list.
 */
#include <string.h>

#include "ollama.h"

#define INFO(type, name, unit, help) \
	{ \
		(uint32_t)sizeof(llm_key_info), type, name, unit, NULL, help \
	}

static const llm_key_info option_info[] = {
	INFO(LLM_TYPE_REAL, "typical_p", NULL, "locally typical sampling, 1 switches it off"),
	INFO(LLM_TYPE_INT, "num_ctx", "tokens", "context window; changing it reloads the model"),
	INFO(LLM_TYPE_INT, "num_keep", "tokens", "of the prompt, kept when the window slides"),
	INFO(LLM_TYPE_INT, "repeat_last_n", "tokens",
		"looked back at for repeat_penalty; 0 off, -1 the whole window"),
	INFO(LLM_TYPE_INT, "num_batch", "tokens", "evaluated at once; reloads the model"),
	INFO(LLM_TYPE_INT, "num_gpu", "layers", "on the GPU, -1 automatic; reloads the model"),
	INFO(LLM_TYPE_INT, "main_gpu", NULL, "index of the main GPU; reloads the model"),
	INFO(LLM_TYPE_BOOL, "use_mmap", NULL, "map the model file; reloads the model"),
	INFO(LLM_TYPE_INT, "num_thread", "threads", "0 automatic; reloads the model"),
	INFO(LLM_TYPE_INT, "draft_num_predict", "tokens",
		"drafted ahead with a draft model; reloads the model"),
	INFO(LLM_TYPE_STRING, "keep_alive", NULL,
		"how long the model stays loaded: 10m, 1h30m, seconds, 0 unloads, -1 for ever"),
};

const llm_key_info *const ollama_options[] = {
	&option_info[0],
	&option_info[1],
	&option_info[2],
	&option_info[3],
	&option_info[4],
	&option_info[5],
	&option_info[6],
	&option_info[7],
	&option_info[8],
	&option_info[9],
	&option_info[10],
	NULL,
};

/* A member of `options`: from a number of the request, or from an option of ours. */
typedef struct option_row {
	const char *name;
	uint64_t has; /* LLM_HAS_*; 0: an option of ours */
	size_t offset; /* of the number in llm_request_view */
	int whole;
} option_row;

#define REAL(name, bit, member) \
	{ \
		name, bit, offsetof(llm_request_view, member), 0 \
	}
#define WHOLE(name, bit, member) \
	{ \
		name, bit, offsetof(llm_request_view, member), 1 \
	}
#define OURS(name) \
	{ \
		name, 0, 0, 0 \
	}

static const option_row option_rows[] = {
	REAL("temperature", LLM_HAS_TEMPERATURE, temperature),
	REAL("top_p", LLM_HAS_TOP_P, top_p),
	WHOLE("top_k", LLM_HAS_TOP_K, top_k),
	REAL("min_p", LLM_HAS_MIN_P, min_p),
	OURS("typical_p"),
	WHOLE("seed", LLM_HAS_SEED, seed),
	WHOLE("num_predict", LLM_HAS_MAX_OUTPUT_TOKENS, max_output_tokens),
	OURS("num_ctx"),
	OURS("num_keep"),
	OURS("stop"), /* from the request's stop texts */
	REAL("repeat_penalty", LLM_HAS_REPEAT_PENALTY, repeat_penalty),
	OURS("repeat_last_n"),
	REAL("presence_penalty", LLM_HAS_PRESENCE_PENALTY, presence_penalty),
	REAL("frequency_penalty", LLM_HAS_FREQUENCY_PENALTY, frequency_penalty),
	OURS("num_batch"),
	OURS("num_gpu"),
	OURS("main_gpu"),
	OURS("use_mmap"),
	OURS("num_thread"),
	OURS("draft_num_predict"),
};

#define N_ROWS (sizeof(option_rows) / sizeof(option_rows[0]))

static const llm_key_info *option_known(const char *name)
{
	size_t i;

	for (i = 0; ollama_options[i]; i++)
		if (strcmp(ollama_options[i]->name, name) == 0)
			return ollama_options[i];
	return NULL;
}

/* Is the value one document of the described type? */
static int option_fits(const llm_bytes *json, uint32_t type)
{
	int64_t whole;
	int kind;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	kind = jsonr_peek(&r);
	if (type == LLM_TYPE_INT)
		return jsonr_int(&r, &whole) && jsonr_finish(&r) == 0;
	jsonr_skip(&r);
	if (jsonr_finish(&r))
		return 0;
	if (type == LLM_TYPE_BOOL)
		return kind == JSONR_TRUE || kind == JSONR_FALSE;
	if (type == LLM_TYPE_REAL)
		return kind == JSONR_NUMBER;
	return kind == JSONR_STRING || kind == JSONR_NUMBER;
}

static const char *option_expected(uint32_t type)
{
	switch (type) {
	case LLM_TYPE_INT:
		return ": expected a whole number";
	case LLM_TYPE_BOOL:
		return ": expected true or false";
	case LLM_TYPE_REAL:
		return ": expected a number";
	default:
		return ": expected a number of seconds or a text such as \"10m\"";
	}
}

static int32_t options_check(const ollama *o, const llm_request_view *rq)
{
	const llm_key_info *info;
	size_t i;

	for (i = 0; i < rq->n_options; i++) {
		info = option_known(rq->options[i]->name);
		if (!info)
			return kit_error(o->host, LLM_E_UNSUPPORTED, "option ",
				rq->options[i]->name, " is not one of Ollama's");
		if (!option_fits(&rq->options[i]->json, info->type))
			return kit_error(o->host, LLM_E_INVALID_REQUEST, "option ", info->name,
				option_expected(info->type));
	}
	return 0;
}

static int row_present(const option_row *row, const llm_request_view *rq)
{
	if (row->has)
		return (rq->has & row->has) != 0;
	if (strcmp(row->name, "stop") == 0)
		return rq->n_stop > 0;
	return kit_option(rq, row->name) != NULL;
}

static void stop_write(jsonw *w, const llm_request_view *rq)
{
	size_t i;

	jsonw_array(w);
	for (i = 0; i < rq->n_stop; i++)
		jsonw_cstring(w, rq->stop[i]);
	jsonw_array_end(w);
}

static void row_write(jsonw *w, const option_row *row, const llm_request_view *rq)
{
	const void *number = (const char *)rq + row->offset;
	const llm_bytes *json;

	jsonw_key(w, row->name);
	if (row->has && row->whole) {
		jsonw_int(w, *(const int64_t *)number);
	} else if (row->has) {
		jsonw_double(w, *(const double *)number);
	} else if (strcmp(row->name, "stop") == 0) {
		stop_write(w, rq);
	} else {
		json = &kit_option(rq, row->name)->json;
		jsonw_raw(w, json->ptr, json->len);
	}
}

int32_t ollama_write_options(const ollama *o, kit_doc *d, const llm_request_view *rq)
{
	int32_t rc = options_check(o, rq);
	int open = 0;
	size_t i;

	for (i = 0; rc == 0 && i < N_ROWS; i++) {
		if (!row_present(&option_rows[i], rq))
			continue;
		if (!open) {
			kit_doc_member(d, "options");
			jsonw_object(&d->w);
			open = 1;
		}
		row_write(&d->w, &option_rows[i], rq);
	}
	if (open)
		jsonw_object_end(&d->w);
	return rc;
}

/* ---- keep_alive ---- */

/* Length of a Go duration's unit at `p`, 0 when there is none. */
static size_t unit_len(const char *p, const char *end)
{
	static const char *const units[] = {"ns", "us", "ms", "s", "m", "h"};
	size_t i;
	size_t n;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		n = strlen(units[i]);
		if ((size_t)(end - p) >= n && memcmp(p, units[i], n) == 0)
			return n;
	}
	return 0;
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Length of "1", "1.5" or ".5" at `p`, 0 when there is no digit. */
static size_t amount_len(const char *p, const char *end)
{
	const char *start = p;
	size_t digits = 0;
	int dots = 0;

	for (; p < end && (is_digit(*p) || (*p == '.' && dots == 0)); p++) {
		dots += *p == '.';
		digits += *p != '.';
	}
	return digits ? (size_t)(p - start) : 0;
}

/* "10m", "1h30m", "-1m": amounts that each have a unit, as Go's time.ParseDuration wants. */
static int is_duration(const char *p, size_t len)
{
	const char *end = p + len;
	size_t n;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end)
		return 0;
	while (p < end) {
		n = amount_len(p, end);
		p += n;
		if (n == 0)
			return 0;
		n = unit_len(p, end);
		p += n;
		if (n == 0)
			return 0;
	}
	return 1;
}

int32_t ollama_write_keep_alive(const ollama *o, kit_doc *d, const llm_request_view *rq)
{
	const llm_option_view *option = kit_option(rq, "keep_alive");
	jsonr_text text = {NULL, 0, 0};
	char plain[64];
	size_t n;
	double seconds;
	jsonr r;

	if (!option)
		return 0;
	kit_doc_member(d, "keep_alive");
	jsonr_init(&r, option->json.ptr, option->json.len);
	if (jsonr_peek(&r) == JSONR_NUMBER) {
		jsonw_raw(&d->w, option->json.ptr, option->json.len);
		return 0;
	}
	n = jsonr_string(&r, &text) && text.len < sizeof(plain) ? jsonr_decode(&text, plain) : 0;
	/* Ollama refuses a text without unit, so what is a number goes out as one. */
	if (num_read_double(plain, n, &seconds))
		jsonw_raw(&d->w, plain, n);
	else if (is_duration(plain, n))
		jsonw_string(&d->w, plain, n);
	else
		return kit_error(o->host, LLM_E_INVALID_REQUEST,
			"option keep_alive: expected"
			" seconds such as 300, or a duration with units such as \"10m\";"
			" -1 keeps the model loaded, 0 unloads it",
			NULL, NULL);
	return 0;
}
