#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "http.h"
#include "script.h"

#define WORDS_MAX 64

/* The arguments of a directive. */
enum args { ARGS_NONE, ARGS_NUMBER, ARGS_TEXT, ARGS_NUMBER_TEXT, ARGS_FILE, ARGS_HEX, ARGS_NAME };

struct form {
	const char *name;
	enum args args;
	enum script_op op;
	/* Turns the arguments into bytes; null: they are the bytes. */
	void (*make)(struct directive *d, const struct bytes *words, size_t count);
};

struct reader {
	const char *path;
	size_t line;
	struct script *script;
	struct bytes words[WORDS_MAX];
	bool quoted[WORDS_MAX];
	size_t count;
};

static int fail(const struct reader *r, const char *what, const char *word)
{
	fprintf(stderr, "llmsim: %s:%zu: %s%s%.60s%s\n", r->path, r->line, what, word ? " \"" : "",
		word ? word : "", word ? "\"" : "");
	return 2;
}

/* ---- words of a line ---- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What follows a backslash; the number of characters used, 0 if it is no escape. */
static size_t escape(const char *at, struct bytes *out)
{
	static const char names[] = "nrt0\\\"";
	static const char values[] = {'\n', '\r', '\t', 0, '\\', '"'};
	const char *known = *at ? strchr(names, *at) : NULL;
	char c;

	if (known) {
		bytes_add(out, &values[known - names], 1);
		return 1;
	}
	if (*at != 'x' || hex(at[1]) < 0 || hex(at[2]) < 0)
		return 0;
	c = (char)(hex(at[1]) * 16 + hex(at[2]));
	bytes_add(out, &c, 1);
	return 3;
}

/* From after the opening quote; where the text ends, null if it does not. */
static const char *quoted_word(const char *at, struct bytes *out)
{
	while (*at && *at != '"') {
		size_t n;

		if (*at != '\\') {
			bytes_add(out, at++, 1);
			continue;
		}
		n = escape(at + 1, out);
		if (!n)
			return NULL;
		at += n + 1;
	}
	return *at ? at + 1 : NULL;
}

static int split(struct reader *r, const char *at)
{
	for (r->count = 0;;) {
		struct bytes *w = &r->words[r->count];

		at += strspn(at, " \t\r");
		if (!*at || *at == '#')
			return 0;
		if (r->count == WORDS_MAX)
			return fail(r, "too many words", NULL);
		w->len = 0;
		bytes_add(w, "", 0);
		r->quoted[r->count++] = *at == '"';
		if (*at == '"') {
			at = quoted_word(at + 1, w);
			if (!at)
				return fail(r,
					"a text without its end, or an escape other than "
					"\\n \\r \\t \\0 \\\\ \\\" \\xHH",
					NULL);
		} else {
			size_t n = strcspn(at, " \t\r\"");

			bytes_add(w, at, n);
			at += n;
		}
	}
}

/* ---- bytes of a directive ---- */

static void join(struct bytes *b, const struct bytes *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes_add(b, words[i].data, words[i].len);
}

static void make_chunk(struct directive *d, const struct bytes *words, size_t count)
{
	struct bytes text = {0};

	join(&text, words, count);
	bytes_format(&d->data, "%zx\r\n", text.len);
	bytes_add(&d->data, text.data, text.len);
	bytes_text(&d->data, "\r\n");
	bytes_done(&text);
}

static void make_end(struct directive *d, const struct bytes *words, size_t count)
{
	(void)words;
	(void)count;
	bytes_text(&d->data, "0\r\n\r\n");
}

static void make_head(struct directive *d, const struct bytes *words, size_t count)
{
	bytes_format(&d->data, "HTTP/1.1 %d %s\r\n", (int)d->number, http_reason((int)d->number));
	for (size_t i = 0; i < count; i++) {
		bytes_add(&d->data, words[i].data, words[i].len);
		bytes_text(&d->data, "\r\n");
	}
	bytes_text(&d->data, "\r\n");
}

/* A whole answer: the last text is the body, those before it are headers. */
static void make_reply(struct directive *d, const struct bytes *words, size_t count)
{
	const struct bytes *body = &words[count - 1];

	make_head(d, words, count - 1);
	d->data.len -= 2;
	bytes_format(&d->data, "Content-Length: %zu\r\n\r\n", body->len);
	bytes_add(&d->data, body->data, body->len);
}

static const struct form forms[] = {
	{"read", ARGS_NUMBER, OP_READ, NULL},
	{"send", ARGS_TEXT, OP_SEND, NULL},
	{"send-file", ARGS_FILE, OP_SEND, NULL},
	{"send-hex", ARGS_HEX, OP_SEND, NULL},
	{"chunk", ARGS_TEXT, OP_SEND, make_chunk},
	{"end-chunks", ARGS_NONE, OP_SEND, make_end},
	{"head", ARGS_NUMBER_TEXT, OP_SEND, make_head},
	{"reply", ARGS_NUMBER_TEXT, OP_SEND, make_reply},
	{"sleep", ARGS_NUMBER, OP_SLEEP, NULL},
	{"drip", ARGS_NUMBER_TEXT, OP_DRIP, NULL},
	{"repeat", ARGS_NUMBER_TEXT, OP_REPEAT, NULL},
	{"half-close", ARGS_NONE, OP_HALF_CLOSE, NULL},
	{"close", ARGS_NONE, OP_CLOSE, NULL},
	{"reset", ARGS_NONE, OP_RESET, NULL},
	{"keep", ARGS_NONE, OP_KEEP, NULL},
	{"stall", ARGS_NONE, OP_KEEP, NULL},
	{"serve", ARGS_NONE, OP_SERVE, NULL},
	{"fault", ARGS_NAME, OP_FAULT, NULL},
};

/* Relative to the script. */
static int add_file(const struct reader *r, struct bytes *ret, const char *name)
{
	const char *slash = strrchr(r->path, '/');
	struct bytes path = {0};
	char part[4096];
	size_t n;
	FILE *f;

	if (slash && name[0] != '/')
		bytes_add(&path, r->path, (size_t)(slash - r->path) + 1);
	bytes_text(&path, name);
	f = fopen(path.data, "rbe");
	bytes_done(&path);
	if (!f)
		return fail(r, "cannot read the file", name);
	while ((n = fread(part, 1, sizeof(part), f)))
		bytes_add(ret, part, n);
	fclose(f);
	return 0;
}

static int add_hex(const struct reader *r, struct bytes *ret)
{
	for (size_t i = 1; i < r->count; i++) {
		const char *at = r->words[i].data;

		for (; *at; at += 2) {
			char c;

			if (hex(at[0]) < 0 || hex(at[1]) < 0)
				return fail(r, "not pairs of hex digits:", r->words[i].data);
			c = (char)(hex(at[0]) * 16 + hex(at[1]));
			bytes_add(ret, &c, 1);
		}
	}
	return 0;
}

/* Read again when it is played: each connection has its own. */
static int add_fault(const struct reader *r, struct bytes *ret)
{
	const char *name = r->words[1].data;
	struct fault_spec spec;
	struct bytes near = {0};
	int rc = 0;

	if (faults_read(name, &spec) && spec.kind->what != FAULT_REFUSE) {
		bytes_text(ret, name);
	} else {
		faults_nearest(&near, name);
		bytes_text(&near, " is one; no fault is");
		rc = fail(r, near.data, name);
	}
	bytes_done(&near);
	return rc;
}

static int number(const struct reader *r, uint64_t *ret)
{
	const char *text = r->count > 1 ? r->words[1].data : "";
	uint64_t n = 0;

	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9' || n > 1000000000)
			return fail(r, "not a number:", text);
		n = n * 10 + (uint64_t)(*c - '0');
	}
	if (!*text)
		return fail(r, "a number is missing after", r->words[0].data);
	*ret = n;
	return 0;
}

/* ---- one line ---- */

static int check_count(const struct reader *r, const struct form *f)
{
	static const size_t least[] = {1, 2, 2, 2, 2, 2, 2};
	static const size_t most[] = {1, 2, WORDS_MAX, WORDS_MAX, 2, WORDS_MAX, 2};
	size_t need = least[f->args] + (f->args == ARGS_NUMBER_TEXT && f->make != make_head);

	if (r->count < need)
		return fail(r, "something is missing after", r->words[0].data);
	if (r->count > most[f->args])
		return fail(r, "too much after", r->words[0].data);
	for (size_t i = f->args == ARGS_NUMBER_TEXT ? 2 : 1; i < r->count; i++)
		if (!r->quoted[i] && (f->args == ARGS_TEXT || f->args == ARGS_NUMBER_TEXT))
			return fail(r, "a text wants quotes:", r->words[i].data);
	return 0;
}

static int fill(const struct reader *r, const struct form *f, struct directive *d)
{
	size_t skip = f->args == ARGS_NUMBER_TEXT ? 2 : 1;
	int rc = check_count(r, f);

	if (!rc && (f->args == ARGS_NUMBER || f->args == ARGS_NUMBER_TEXT))
		rc = number(r, &d->number);
	if (rc)
		return rc;
	if (f->args == ARGS_FILE)
		return add_file(r, &d->data, r->words[1].data);
	if (f->args == ARGS_HEX)
		return add_hex(r, &d->data);
	if (f->args == ARGS_NAME)
		return add_fault(r, &d->data);
	if (f->make)
		f->make(d, r->words + skip, r->count - skip);
	else if (f->args != ARGS_NUMBER)
		join(&d->data, r->words + skip, r->count - skip);
	return 0;
}

static struct directive *add_directive(struct script *s, enum script_op op)
{
	struct script_block *b = &s->blocks[s->count - 1];

	b->list = mem_grow(b->list, (b->count + 1) * sizeof(*b->list));
	b->list[b->count] = (struct directive){.op = op};
	return &b->list[b->count++];
}

static void add_block(struct script *s)
{
	s->blocks = mem_grow(s->blocks, (s->count + 1) * sizeof(*s->blocks));
	s->blocks[s->count++] = (struct script_block){0};
}

static int read_line(struct reader *r)
{
	const char *word = r->words[0].data;

	if (r->script->once && !strcmp(word, "accept"))
		return fail(r, "\"once\" belongs to the last block; here is another", word);
	if (!strcmp(word, "accept") && r->count == 1) {
		add_block(r->script);
		return 0;
	}
	if (!r->script->count)
		return fail(r, "the first directive is \"accept\", not", word);
	if (!strcmp(word, "once") && r->count == 1) {
		r->script->once = true;
		return 0;
	}
	if (!strcmp(word, "read") && r->count == 2 && !strcmp(r->words[1].data, "request")) {
		add_directive(r->script, OP_READ_REQUEST);
		return 0;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (!strcmp(word, forms[i].name))
			return fill(r, &forms[i], add_directive(r->script, forms[i].op));
	return fail(r, "unknown directive", word);
}

static int read_lines(struct reader *r, FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	int rc = 0;
	ssize_t n;

	while (!rc && (n = getline(&line, &cap, f)) >= 0) {
		r->line++;
		if (n && line[n - 1] == '\n')
			line[n - 1] = 0;
		rc = split(r, line);
		if (!rc && r->count)
			rc = read_line(r);
	}
	if (!rc && !r->script->count)
		rc = fail(r, "no \"accept\" in the script", NULL);
	free(line);
	return rc;
}

int script_load(const char *path, struct script **ret)
{
	struct reader r = {.path = path, .script = mem_new(sizeof(struct script))};
	FILE *f = fopen(path, "re");
	int rc = 2;

	if (f) {
		rc = read_lines(&r, f);
		fclose(f);
	} else {
		fprintf(stderr, "llmsim: cannot read %s: %s\n", path, strerror(errno));
	}
	for (size_t i = 0; i < WORDS_MAX; i++)
		bytes_done(&r.words[i]);
	if (rc)
		script_free(r.script);
	else
		*ret = r.script;
	return rc;
}

void script_free(struct script *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		for (size_t j = 0; j < s->blocks[i].count; j++)
			bytes_done(&s->blocks[i].list[j].data);
		free(s->blocks[i].list);
	}
	free(s->blocks);
	free(s);
}
