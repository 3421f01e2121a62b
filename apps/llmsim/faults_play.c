#include <stdio.h>
#include <string.h>
#include <time.h>

#include "faults.h"
#include "timer.h"

#define NS_PER_MS UINT64_C(1000000)
#define ALIVE_NS (20 * NS_PER_MS)
#define ENDLESS 65536 /* bytes, every millisecond */
#define BIG_HEADER ((size_t)1 << 20)
#define MANY_HEADERS 20000

/* ---- bytes of an answer ---- */

static size_t head_end(const struct reply *r)
{
	const char *end = memmem(r->p.b.data, r->p.b.len, "\r\n\r\n", 4);

	return end ? (size_t)(end - r->p.b.data) + 4 : r->p.b.len;
}

/* Puts `text` in the place of `old` bytes at `at`; the pieces behind move. */
static void splice(struct reply *r, size_t at, size_t old, const struct bytes *text)
{
	struct bytes b = {0};

	bytes_add(&b, r->p.b.data, at);
	bytes_add(&b, text->data, text->len);
	bytes_add(&b, r->p.b.data + at + old, r->p.b.len - at - old);
	for (size_t i = 0; i < r->p.count; i++)
		r->p.ends[i] = r->p.ends[i] - old + text->len;
	bytes_done(&r->p.b);
	r->p.b = b;
}

/* Behind the status line. */
static void add_headers(struct reply *r, const struct bytes *lines)
{
	const char *end = memmem(r->p.b.data, r->p.b.len, "\r\n", 2);

	splice(r, (size_t)(end - r->p.b.data) + 2, 0, lines);
}

/* Sends the head for itself, so that something can be between it and the rest. */
static void part_head(struct reply *r)
{
	size_t head = head_end(r);

	if (!r->p.count || r->p.ends[0] == head)
		return;
	pieces_mark(&r->p);
	memmove(r->p.ends + 1, r->p.ends, (r->p.count - 1) * sizeof(*r->p.ends));
	r->p.ends[0] = head;
	r->lead++;
}

/* Where n tokens have been sent. Never the end: what is to go wrong must find its place. */
static size_t token_end(const struct fault_scene *sc, uint64_t n)
{
	const struct reply *r = sc->r;
	size_t head = head_end(r);
	size_t last = r->p.count > r->tail ? r->p.count - r->tail : 0;
	size_t i = r->lead + (size_t)n;

	if (!r->stream)
		return n ? head + (r->p.b.len - head) / 2 : head;
	if (i > last)
		i = last;
	return i ? r->p.ends[i - 1] : head;
}

static const char *json_type(const struct fault_scene *sc)
{
	static const char *const types[] = {[WIRE_OLLAMA] = "application/json; charset=utf-8",
		[WIRE_OPENAI] = "application/json",
		[WIRE_GEMINI] = "application/json; charset=UTF-8"};

	return types[sc->wire];
}

/* In the place of the answer. */
static void document(const struct fault_scene *sc, const char *body, size_t len)
{
	sc->r->p.b.len = sc->r->p.count = 0;
	reply_whole(sc->r, 200, json_type(sc), body, len);
}

/* ---- what goes wrong ---- */

static size_t breaking_point(const struct fault_scene *sc)
{
	const struct fault_kind *k = sc->spec->kind;
	size_t head = head_end(sc->r);
	size_t left = sc->r->p.b.len - head;

	switch (k->place) {
	case AT_START:
		return 0;
	case IN_HEAD:
		return head / 2;
	case AT_BYTE:
		return head +
			(sc->spec->value < left ? (size_t)sc->spec->value : left - (left > 0));
	default:
		return token_end(sc, sc->spec->value);
	}
}

static void play_break(const struct fault_scene *sc)
{
	pieces_cut(&sc->r->p, breaking_point(sc));
	sc->r->after = sc->spec->kind->after;
}

static void value_header(struct bytes *b, const struct fault_spec *s)
{
	const char *at = strstr(s->kind->header, "%s");

	bytes_add(
		b, s->kind->header, at ? (size_t)(at - s->kind->header) : strlen(s->kind->header));
	if (at && !strcmp(s->kind->name, "429-date"))
		reply_date(b, time(NULL) + (time_t)s->value);
	else if (at)
		bytes_number(b, s->value);
	bytes_text(b, "\r\n");
}

static void play_status(const struct fault_scene *sc)
{
	struct bytes line = {0};

	faults_error(sc, sc->spec->kind->status, NULL);
	if (sc->spec->kind->header) {
		value_header(&line, sc->spec);
		add_headers(sc->r, &line);
	}
	bytes_done(&line);
}

static void play_wait(const struct fault_scene *sc)
{
	struct reply *r = sc->r;

	if (!strcmp(sc->spec->kind->name, "slow-head")) {
		r->delay_ns += sc->spec->value;
		return;
	}
	part_head(r);
	r->hold = 1;
	r->hold_ns = sc->spec->value;
}

/* The tokens in front stay; the head is that of a stream, or of a document of any length. */
static void open_end(const struct fault_scene *sc, uint64_t tokens)
{
	struct reply *r = sc->r;

	if (r->stream) {
		pieces_cut(&r->p, token_end(sc, tokens));
		return;
	}
	r->p.b.len = r->p.count = 0;
	reply_open(r, 200, json_type(sc));
	pieces_mark(&r->p);
}

static void play_alive(const struct fault_scene *sc)
{
	struct bytes b = {0};

	open_end(sc, sc->spec->value);
	faults_alive(sc, &b);
	reply_event(sc->r, b.data, b.len);
	sc->r->after = AFTER_AGAIN;
	sc->r->again_ns = ALIVE_NS;
	bytes_done(&b);
}

static void play_drip(const struct fault_scene *sc)
{
	struct reply *r = sc->r;
	size_t head = head_end(r);

	r->p.count = 0;
	r->pace_ns = sc->spec->value;
	for (size_t len = r->p.b.len, at = head; at <= len; at++) {
		r->p.b.len = at;
		pieces_mark(&r->p);
	}
}

/* Half of the document, with the length that it has. */
static void half_document(const struct fault_scene *sc)
{
	const struct reply *r = sc->r;
	size_t head = head_end(r);
	struct bytes body = {0};

	bytes_add(&body, r->p.b.data + head, (r->p.b.len - head) / 2);
	document(sc, body.data, body.len);
	bytes_done(&body);
}

/* Everything from `from` on, to be put back by put_tail(). */
static void take_tail(struct reply *r, size_t from, struct bytes *ret)
{
	bytes_add(ret, r->p.b.data + from, r->p.b.len - from);
	pieces_cut(&r->p, from);
	if (!r->p.count)
		pieces_mark(&r->p);
}

static void play_malformed(const struct fault_scene *sc)
{
	struct bytes tail = {0};
	struct bytes b = {0};

	if (!sc->r->stream) {
		half_document(sc);
		return;
	}
	take_tail(sc->r, token_end(sc, 2), &tail);
	faults_malformed(sc, &b);
	for (uint64_t i = 0; i < sc->spec->value && i < 1000; i++)
		reply_event(sc->r, b.data, b.len);
	bytes_add(&sc->r->p.b, tail.data, tail.len);
	pieces_mark(&sc->r->p);
	bytes_done(&tail);
	bytes_done(&b);
}

/* Gemini's array is closed in any case: what is left out is its last element. */
static void play_no_end(const struct fault_scene *sc)
{
	pieces_cut(&sc->r->p, token_end(sc, UINT32_MAX));
	if (sc->array)
		reply_event(sc->r, "]", 1);
	reply_end(sc->r);
}

static void play_no_done(const struct fault_scene *sc)
{
	struct reply *r = sc->r;

	pieces_cut(&r->p, r->p.count > 1 ? r->p.ends[r->p.count - 2] : head_end(r));
	reply_end(r);
}

static void play_error(const struct fault_scene *sc)
{
	struct reply *r = sc->r;
	struct bytes b = {0};
	bool first = !strcmp(sc->spec->kind->name, "error-in-200");

	if (r->stream) {
		pieces_cut(&r->p, first ? head_end(r) : token_end(sc, sc->spec->value));
		faults_frame(sc, &b);
		reply_event(r, b.data, b.len);
		reply_end(r);
	} else {
		faults_frame(sc, &b);
		document(sc, b.data, b.len);
	}
	bytes_done(&b);
}

static void play_no_choices(const struct fault_scene *sc)
{
	struct reply *r = sc->r;
	struct bytes b = {0};

	faults_no_choices(sc, &b);
	if (r->stream) {
		pieces_cut(&r->p, head_end(r));
		reply_event(r, b.data, b.len);
		reply_end(r);
	} else {
		document(sc, b.data, b.len);
	}
	bytes_done(&b);
}

static void play_page(const struct fault_scene *sc)
{
	static const char page[] =
		"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in to "
		"this network</h1></body></html>\n";

	sc->r->p.b.len = sc->r->p.count = 0;
	reply_whole(sc->r, 200, "text/html; charset=utf-8", page, sizeof(page) - 1);
}

static void play_empty_body(const struct fault_scene *sc)
{
	document(sc, "", 0);
}

static void play_type(const struct fault_scene *sc)
{
	static const char name[] = "Content-Type: ";
	struct bytes other = {0};
	struct bytes *b = &sc->r->p.b;
	const char *at = memmem(b->data, b->len, name, sizeof(name) - 1);
	size_t from = (size_t)(at - b->data) + sizeof(name) - 1;

	bytes_text(&other, "text/html; charset=utf-8");
	splice(sc->r, from, strcspn(b->data + from, "\r"), &other);
	bytes_done(&other);
}

static void play_head(const struct fault_scene *sc)
{
	struct bytes b = {0};

	if (!strcmp(sc->spec->kind->name, "big-header")) {
		bytes_text(&b, "X-Padding: ");
		while (b.len < BIG_HEADER)
			bytes_text(&b, "0123456789abcdef");
		bytes_text(&b, "\r\n");
	} else {
		for (size_t i = 0; i < MANY_HEADERS; i++)
			bytes_format(&b, "X-Number-%zu: %zu\r\n", i, i);
	}
	add_headers(sc->r, &b);
	bytes_done(&b);
}

/* Of a stream the first token again and again, of a document letters. */
static void play_endless(const struct fault_scene *sc)
{
	struct reply *r = sc->r;
	size_t from = token_end(sc, 1);
	size_t to = token_end(sc, 2);
	struct bytes one = {0};

	if (r->stream && to > from)
		bytes_add(&one, r->p.b.data + from, to - from);
	open_end(sc, 1);
	if (!r->stream) {
		reply_event(r, "{\"text\":\"", 9);
		bytes_text(&one, "400\r\n");
		for (size_t i = 0; i < 64; i++)
			bytes_text(&one, "again and again ");
		bytes_text(&one, "\r\n");
	}
	for (size_t n = 0; n < ENDLESS && one.len; n += one.len)
		bytes_add(&r->p.b, one.data, one.len);
	pieces_mark(&r->p);
	r->after = AFTER_AGAIN;
	r->again_ns = NS_PER_MS;
	bytes_done(&one);
}

static void (*const plays[])(const struct fault_scene *sc) = {
	[FAULT_STATUS] = play_status,
	[FAULT_BREAK] = play_break,
	[FAULT_WAIT] = play_wait,
	[FAULT_ALIVE] = play_alive,
	[FAULT_DRIP] = play_drip,
	[FAULT_MALFORMED] = play_malformed,
	[FAULT_NO_END] = play_no_end,
	[FAULT_NO_DONE] = play_no_done,
	[FAULT_ERROR] = play_error,
	[FAULT_NO_CHOICES] = play_no_choices,
	[FAULT_HTML] = play_page,
	[FAULT_EMPTY_BODY] = play_empty_body,
	[FAULT_WRONG_TYPE] = play_type,
	[FAULT_HEAD] = play_head,
	[FAULT_ENDLESS] = play_endless,
	/* The others have been said by the model, or concern the listener. */
	[FAULT_REFUSE] = NULL,
	[FAULT_ANSWER] = NULL,
	[FAULT_BIG_FRAME] = NULL,
};

void faults_play(const struct fault_scene *sc)
{
	if (plays[sc->spec->kind->what])
		plays[sc->spec->kind->what](sc);
}
