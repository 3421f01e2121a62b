#include <string.h>

#include "text.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *const openers[] = {
	"The", "One", "Each", "Every", "Another", "That", "This", "Some"};
static const char *const adjectives[] = {
	"quiet",
	"narrow",
	"early",
	"common",
	"distant",
	"steady",
	"plain",
	"warm",
	"careful",
	"second",
	"small",
	"useful",
	"bright",
	"slow",
	"open",
	"simple",
	"modern",
	"old",
};
static const char *const nouns[] = {
	"harbour",
	"river",
	"answer",
	"garden",
	"bridge",
	"engine",
	"letter",
	"market",
	"window",
	"signal",
	"station",
	"mountain",
	"method",
	"lantern",
	"teacher",
	"road",
	"library",
	"number",
	"island",
	"table",
	"winter",
	"village",
	"question",
	"pattern",
};
static const char *const verbs[] = {
	"follows",
	"holds",
	"crosses",
	"explains",
	"keeps",
	"reaches",
	"shows",
	"carries",
	"leaves",
	"joins",
	"measures",
	"begins",
	"changes",
	"describes",
	"needs",
	"finds",
};
static const char *const links[] = {
	"near", "beside", "with", "under", "before", "after", "behind", "without"};

/* A sentence is opener adjective noun verb "the" adjective noun, then link "the" noun. */
static const char *word_at(size_t place, uint64_t *rng)
{
	switch (place) {
	case 0:
		return openers[rng_below(rng, COUNT(openers))];
	case 1:
	case 5:
		return adjectives[rng_below(rng, COUNT(adjectives))];
	case 3:
		return verbs[rng_below(rng, COUNT(verbs))];
	case 4:
	case 8:
		return "the";
	case 7:
		return links[rng_below(rng, COUNT(links))];
	default:
		return nouns[rng_below(rng, COUNT(nouns))];
	}
}

void text_make(struct pieces *p, uint64_t *rng, size_t words)
{
	size_t place = 0;

	for (size_t i = 0; i < words; i++) {
		if (p->b.len)
			bytes_text(&p->b, " ");
		bytes_text(&p->b, word_at(place, rng));
		/* Half the sentences are short; the last word always ends one. */
		if (place == 9 || (place == 6 && rng_below(rng, 2)) || i + 1 == words) {
			bytes_text(&p->b, ".");
			place = 0;
		} else {
			place++;
		}
		pieces_mark(p);
	}
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void text_split(struct pieces *p, const char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t from = i;

		while (i < len && blank(text[i]))
			i++;
		while (i < len && !blank(text[i]))
			i++;
		pieces_add(p, text + from, i - from);
		pieces_mark(p);
	}
}

/* The end of the character that starts at i; a stray byte counts as one. */
static size_t next_char(const char *text, size_t len, size_t i)
{
	size_t n = utf8_len(text + i, len - i);

	return i + (n ? n : 1);
}

void text_slice(struct pieces *p, const char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t from = i;

		for (size_t n = 0; n < 5 && i < len; n++)
			i = next_char(text, len, i);
		pieces_add(p, text + from, i - from);
		pieces_mark(p);
	}
}

void text_resize(struct pieces *p, uint64_t *rng, size_t len)
{
	size_t at = 0;

	while (p->b.len < len)
		text_make(p, rng, 9);
	/* A cut inside a character would be no text: stop before it, fill with full stops. */
	while (at < len && next_char(p->b.data, p->b.len, at) <= len)
		at = next_char(p->b.data, p->b.len, at);
	pieces_cut(p, at);
	if (at == len)
		return;
	for (; at < len; at++)
		pieces_add(p, ".", 1);
	pieces_mark(p);
}

void text_phrase(struct bytes *b, uint64_t *rng)
{
	if (rng_below(rng, 2)) {
		bytes_text(b, adjectives[rng_below(rng, COUNT(adjectives))]);
		bytes_text(b, " ");
	}
	bytes_text(b, nouns[rng_below(rng, COUNT(nouns))]);
}

size_t text_words(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += !blank(text[i]) && (i == 0 || blank(text[i - 1]));
	return n;
}
