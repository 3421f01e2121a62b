/*
 * snapcode.c - the canonical bytes of a snapshot.
 *
 *	"llmsnap1"
 *	numbers of the head
 *	policy, state: length, bytes
 *	candidates in byte order of their ids: numbers, cells of one byte, id as above
 *
 * Most numbers are small or unknown, and this is kept with every run: seven bits a byte, low
 * ones first, in as few bytes as there can be. Those of eight bytes have their sign in the
 * lowest bit, so that "unknown" is one byte too.
 *
 * What follows from the rest (fit, the missing cell) is not written.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "route/snapshot.h"

static const char snapcode_magic[8] = {'l', 'l', 'm', 's', 'n', 'a', 'p', '1'};

typedef struct snapcode_field {
	size_t at;
	size_t bytes;
} snapcode_field;

#define HEAD(member) \
	{ \
		offsetof(snapshot, member), sizeof(((const snapshot *)NULL)->member) \
	}
#define VIEW(member) \
	{ \
		offsetof(snapshot_candidate, view.member), \
			sizeof(((const snapshot_candidate *)NULL)->view.member) \
	}

static const snapcode_field snapcode_head[] = {HEAD(n), HEAD(required), HEAD(local_only),
	HEAD(stream), HEAD(affinity_bytes), HEAD(affinity_key), HEAD(seed), HEAD(now_ms),
	HEAD(input_tokens), HEAD(output_tokens)};

static const snapcode_field snapcode_candidate[] = {VIEW(position), VIEW(level), VIEW(health),
	VIEW(locality), VIEW(loaded), VIEW(weight), VIEW(in_flight), VIEW(limit), VIEW(waiting),
	VIEW(affinity_u64), VIEW(latency_us), VIEW(ready_ms), VIEW(input_picousd),
	VIEW(output_picousd), VIEW(max_input_tokens), VIEW(max_output_tokens),
	{offsetof(snapshot_candidate, switched), sizeof(uint32_t)}};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SNAPCODE_NUMBER 10 /* bytes at most */

/* ---- writing: to room that was made for all of it ---- */

static unsigned char *snapcode_put_number(unsigned char *to, uint64_t value)
{
	for (; value > 0x7F; value >>= 7)
		*to++ = (unsigned char)(value | 0x80);
	*to = (unsigned char)value;
	return to + 1;
}

static unsigned char *snapcode_put_all(
	unsigned char *to, const void *object, const snapcode_field *fields, size_t n)
{
	uint64_t value;
	uint32_t low;
	size_t i;

	for (i = 0; i < n; i++) {
		const char *from = (const char *)object + fields[i].at;

		if (fields[i].bytes == sizeof(low)) {
			memcpy(&low, from, sizeof(low));
			value = low;
		} else {
			memcpy(&value, from, sizeof(value));
			value = value << 1 ^ (0 - (value >> 63));
		}
		to = snapcode_put_number(to, value);
	}
	return to;
}

static unsigned char *snapcode_put_bytes(unsigned char *to, const void *bytes, size_t len)
{
	if (len)
		memcpy(to, bytes, len);
	return to + len;
}

static unsigned char *snapcode_put_text(unsigned char *to, const char *bytes, size_t len)
{
	return snapcode_put_bytes(snapcode_put_number(to, len), bytes, len);
}

static unsigned char *snapcode_put_candidate(unsigned char *to, const snapshot_candidate *c)
{
	to = snapcode_put_all(to, c, snapcode_candidate, COUNT(snapcode_candidate));
	to = snapcode_put_bytes(to, c->caps, CAPS_CELLS);
	return snapcode_put_text(to, c->view.id, strlen(c->view.id));
}

static size_t snapcode_room(const snapshot *s)
{
	size_t room = sizeof(snapcode_magic) + (COUNT(snapcode_head) + 2) * SNAPCODE_NUMBER +
		strlen(s->policy) + s->state.len;
	uint32_t i;

	for (i = 0; i < s->n; i++)
		room += (COUNT(snapcode_candidate) + 1) * SNAPCODE_NUMBER + CAPS_CELLS +
			strlen(s->candidates[i].view.id);
	return room;
}

int32_t snapshot_encode(const snapshot *s, buf *out)
{
	int32_t rc = buf_reserve(out, snapcode_room(s));
	unsigned char *to;
	uint32_t i;

	if (rc)
		return rc;
	to = (unsigned char *)out->ptr + out->len;
	to = snapcode_put_bytes(to, snapcode_magic, sizeof(snapcode_magic));
	to = snapcode_put_all(to, s, snapcode_head, COUNT(snapcode_head));
	to = snapcode_put_text(to, s->policy, strlen(s->policy));
	to = snapcode_put_text(to, s->state.ptr, s->state.len);
	for (i = 0; i < s->n; i++)
		to = snapcode_put_candidate(to, &s->candidates[i]);
	out->len = (size_t)((char *)to - out->ptr);
	out->ptr[out->len] = '\0';
	return 0;
}

int32_t snapshot_hash(snapshot *s, char ret_hex[SHA256_HEX])
{
	int32_t rc;

	buf_clear(&s->bytes);
	rc = snapshot_encode(s, &s->bytes);
	if (!rc && !s->hash)
		s->hash = sha256_new();
	if (!rc)
		rc = s->hash ? sha256_add(s->hash, s->bytes.ptr, s->bytes.len) : LLM_E_NOMEM;
	if (!rc)
		rc = sha256_take_hex(s->hash, ret_hex);
	if (!rc)
		return 0;
	sha256_free(s->hash);
	s->hash = NULL;
	return rc;
}

/* ---- reading ---- */

/* Bytes that are left. Each text is moved one byte down, which makes room for its NUL. */
typedef struct snapcode_in {
	unsigned char *p;
	size_t left;
	int bad;
} snapcode_in;

static const unsigned char *snapcode_take(snapcode_in *in, size_t n)
{
	const unsigned char *at = in->p;

	if (in->bad || in->left < n) {
		in->bad = 1;
		return NULL;
	}
	in->p += n;
	in->left -= n;
	return at;
}

/* Of as many bits at most, in the one way in which it is written. */
static uint64_t snapcode_number(snapcode_in *in, unsigned bits)
{
	const unsigned char *p;
	uint64_t value = 0;
	unsigned at = 0;

	do {
		p = snapcode_take(in, 1);
		if (!p || at >= bits || (at && !*p) || (bits - at < 7 && *p >> (bits - at))) {
			in->bad = 1;
			return 0;
		}
		value |= (uint64_t)(*p & 0x7F) << at;
		at += 7;
	} while (*p & 0x80);
	return value;
}

static void snapcode_get_all(snapcode_in *in, void *object, const snapcode_field *fields, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const uint64_t value = snapcode_number(in, 8 * (unsigned)fields[i].bytes);
		const uint64_t large = value >> 1 ^ (0 - (value & 1));
		const uint32_t small = (uint32_t)value;
		char *to = (char *)object + fields[i].at;

		if (fields[i].bytes == sizeof(small))
			memcpy(to, &small, sizeof(small));
		else
			memcpy(to, &large, sizeof(large));
	}
}

/* The text, ended by a NUL where its length stood last. */
static const char *snapcode_text(snapcode_in *in, size_t *ret_len)
{
	const size_t len = (size_t)snapcode_number(in, 32);
	unsigned char *text = in->p;

	if (!snapcode_take(in, len))
		return "";
	memmove(text - 1, text, len);
	text[len - 1] = '\0';
	*ret_len = len;
	return (const char *)text - 1;
}

/* A text without a NUL inside. */
static const char *snapcode_word(snapcode_in *in)
{
	size_t len = 0;
	const char *text = snapcode_text(in, &len);

	if (strlen(text) != len || !utf8_valid(text, len))
		in->bad = 1;
	return text;
}

static int32_t snapcode_get_candidate(snapcode_in *in, snapshot *s)
{
	snapshot_candidate *c = snapshot_add(s, "");
	const unsigned char *cells;
	uint32_t i;

	if (!c)
		return LLM_E_NOMEM;
	snapcode_get_all(in, c, snapcode_candidate, COUNT(snapcode_candidate));
	cells = snapcode_take(in, CAPS_CELLS);
	for (i = 0; cells && i < CAPS_CELLS; i++) {
		c->caps[i] = cells[i];
		in->bad |= cells[i] > LLM_CAP_ACCEPTED;
	}
	c->view.id = snapcode_word(in);
	if (s->n > 1 && strcmp(c[-1].view.id, c->view.id) >= 0)
		in->bad = 1;
	return 0;
}

static int32_t snapcode_get(snapcode_in *in, snapshot *s)
{
	const unsigned char *magic = snapcode_take(in, sizeof(snapcode_magic));
	uint32_t n;
	int32_t rc = 0;
	size_t len = 0;

	if (!magic || memcmp(magic, snapcode_magic, sizeof(snapcode_magic)) != 0)
		return LLM_E_INVALID_REQUEST;
	snapcode_get_all(in, s, snapcode_head, COUNT(snapcode_head));
	n = s->n;
	s->n = 0;
	s->policy = snapcode_word(in);
	s->state.ptr = snapcode_text(in, &len);
	s->state.len = len;
	while (!rc && !in->bad && s->n < n)
		rc = snapcode_get_candidate(in, s);
	if (!rc && (in->bad || in->left))
		rc = LLM_E_INVALID_REQUEST;
	return rc;
}

int32_t snapshot_decode(const void *bytes, size_t len, snapshot *ret, llm_err *err)
{
	const llm_allocator *mem = ret->mem;
	snapcode_in in = {NULL, len, 0};
	snapshot s;
	int32_t rc = LLM_E_NOMEM;

	snapshot_init(&s, mem);
	s.owned = mem_dup(mem, bytes, len);
	if (s.owned) {
		in.p = (unsigned char *)s.owned;
		rc = snapcode_get(&in, &s);
	}
	if (rc == LLM_E_INVALID_REQUEST)
		err_set(err, rc, "these bytes are no snapshot of a plan (at byte %zu of %zu)",
			len - in.left, len);
	else if (rc)
		err_set(err, rc, "no memory to read a snapshot of a plan");
	if (!rc)
		rc = snapshot_seal(&s, err);
	if (rc) {
		snapshot_done(&s);
		return rc;
	}
	snapshot_done(ret);
	*ret = s;
	return 0;
}
