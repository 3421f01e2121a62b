#include "route/tokens.h"

#include <string.h>

/*
 * Costs in hundredths of a token, fitted by hand to byte-pair vocabularies of 32 to 150
 * thousand entries. A word of English is mostly one token with the space before it; longer
 * ones and words of other languages fall into pieces; digits and signs stand for themselves.
 */
#define WORD_FIRST 100 /* a run of letters, up to WORD_FREE of them */
#define WORD_FREE 6
#define WORD_LETTER 20 /* each further one */
#define LETTER_BEYOND 50 /* a letter of two bytes: umlauts, Cyrillic, Greek; beside the word */
#define FOREIGN_FREE 3 /* where such letters are frequent, words fall into pieces earlier: */
#define FOREIGN_LETTER 20 /* each letter after FOREIGN_FREE costs so much more */
#define FOREIGN_SHARE 200 /* one letter in so many */
#define DIGIT 95
#define SIGN 88
#define SIGN_AGAIN 35 /* the same one once more: "----" */
#define BREAK 95 /* a line's end, with the indent behind it */
#define WIDE 115 /* a character of three bytes: Chinese, Japanese, Korean */
#define RARE 260 /* of four bytes */

#define PER_MESSAGE INT64_C(400) /* of a chat's frame */
#define PER_TOOL INT64_C(1200)
#define PER_IMAGE INT64_C(80000)
#define PER_SOUND INT64_C(150000)

enum { IN_NOTHING = 0, IN_WORD, IN_SIGN, IN_BREAK };

typedef struct counter {
	int64_t hundredths;
	int64_t foreign; /* what comes to it when the language is not English */
	size_t letters; /* of the word */
	size_t all_letters;
	size_t beyond; /* of two bytes */
	int in;
	unsigned char last;
} counter;

static int is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void count_letter(counter *k, unsigned char c, int beyond)
{
	/* "getValue" is two words, "URL" one. */
	const int hump = c >= 'A' && c <= 'Z' && k->last >= 'a' && k->last <= 'z';

	if (k->in != IN_WORD || hump) {
		k->in = IN_WORD;
		k->letters = 0;
		k->hundredths += WORD_FIRST;
	}
	if (++k->letters > WORD_FREE)
		k->hundredths += WORD_LETTER;
	if (k->letters > FOREIGN_FREE)
		k->foreign += FOREIGN_LETTER;
	if (beyond)
		k->hundredths += LETTER_BEYOND;
	k->beyond += (size_t)beyond;
	k->all_letters++;
}

static void count_other(counter *k, unsigned char c)
{
	if (c == ' ') {
		k->in = k->in == IN_BREAK ? IN_BREAK : IN_NOTHING;
	} else if (c < 0x20) {
		k->hundredths += k->in == IN_BREAK ? 0 : BREAK;
		k->in = IN_BREAK;
	} else if (c >= '0' && c <= '9') {
		k->hundredths += DIGIT;
		k->in = IN_NOTHING;
	} else {
		k->hundredths += k->in == IN_SIGN && k->last == c ? SIGN_AGAIN : SIGN;
		k->in = IN_SIGN;
	}
}

/* The first byte of a character; those that follow cost nothing. */
static void count_byte(counter *k, unsigned char c)
{
	if (is_letter(c)) {
		count_letter(k, c, 0);
	} else if (c < 0x80) {
		count_other(k, c);
	} else if (c >= 0xc0 && c < 0xe0) {
		count_letter(k, c, 1);
	} else if (c >= 0xe0) {
		k->hundredths += c < 0xf0 ? WIDE : RARE;
		k->in = IN_NOTHING;
	}
	k->last = c;
}

static int64_t count_text(const char *text, size_t len)
{
	counter k = {.in = IN_NOTHING};
	size_t i;

	for (i = 0; i < len; i++)
		count_byte(&k, (unsigned char)text[i]);
	return k.beyond > k.all_letters / FOREIGN_SHARE ? k.hundredths + k.foreign : k.hundredths;
}

int64_t tokens_of_text(const char *text, size_t len)
{
	return (count_text(text, len) + 50) / 100;
}

static int64_t count_word(const char *text)
{
	return text ? count_text(text, strlen(text)) : 0;
}

static int64_t count_part(const llm_part_view *p)
{
	switch (p->kind) {
	case LLM_PART_IMAGE:
	case LLM_PART_FILE:
		return PER_IMAGE;
	case LLM_PART_AUDIO:
		return PER_SOUND;
	default:
		return count_text(p->text.ptr, p->text.len) + count_word(p->name);
	}
}

static int64_t count_message(const llm_message_view *m)
{
	int64_t sum = PER_MESSAGE;
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		sum += count_part(m->parts[i]);
	return sum;
}

int64_t tokens_of_request(const llm_request_view *rq)
{
	int64_t sum = count_text(rq->schema.ptr, rq->schema.len);
	size_t i;

	for (i = 0; i < rq->n_messages; i++)
		sum += count_message(rq->messages[i]);
	for (i = 0; i < rq->n_tools; i++)
		sum += PER_TOOL + count_word(rq->tools[i]->name) +
			count_word(rq->tools[i]->description) +
			count_text(rq->tools[i]->schema.ptr, rq->tools[i]->schema.len);
	return (sum + 50) / 100;
}
