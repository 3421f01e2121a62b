/*
 * snapshot.h - everything a plan depends on, as integers, frozen.
 *
 * Filled by whoever plans, sealed once, then only read. Its canonical bytes are the same
 * on every machine and whatever order the candidates were added in, so a plan can be
 * kept beside them and made again. Prompt text and secrets are never in it.
 */
#ifndef LLM_ROUTE_SNAPSHOT_H
#define LLM_ROUTE_SNAPSHOT_H

#include "base/buf.h"
#include "base/hash.h"
#include "llm/error.h"
#include "route/caps.h"

#define SNAPSHOT_MAX 65536 /* candidates */
#define SNAPSHOT_ID_MAX 1024 /* bytes of an id */

/* May a candidate be asked at all? */
enum { SNAPSHOT_ON = 0, SNAPSHOT_OFF, SNAPSHOT_DRAINING };

typedef struct snapshot_candidate {
	llm_candidate_view view; /* fit is set by snapshot_seal */
	uint32_t switched; /* SNAPSHOT_ON, ... */
	uint32_t missing; /* a cell, or CAPS_CELLS: none; set by snapshot_seal */
	uint8_t caps[CAPS_CELLS + 1];
} snapshot_candidate;

typedef struct snapshot {
	const llm_allocator *mem;
	snapshot_candidate *candidates; /* after snapshot_seal in byte order of their ids */
	snapshot_candidate *spare; /* room to sort in */
	uint32_t n;
	uint32_t cap;
	const char *policy; /* its name */
	uint32_t required; /* cells, see caps_required */
	uint32_t local_only;
	uint32_t stream;
	uint32_t affinity_bytes;
	uint64_t affinity_key;
	uint64_t seed;
	uint64_t now_ms;
	int64_t input_tokens;
	int64_t output_tokens;
	llm_bytes state;
	char *owned; /* snapshot_decode: what the texts point into */
	buf bytes; /* the canonical ones, of snapshot_hash */
	sha256 *hash; /* kept: to make one takes longer than to use it */
} snapshot;

void snapshot_init(snapshot *s, const llm_allocator *mem);
void snapshot_done(snapshot *s);
/* Empty again, with its memory. */
void snapshot_clear(snapshot *s);
/*
 * Another candidate with nothing known of it, or null when memory is short or there are
 * SNAPSHOT_MAX. `id` is borrowed until the snapshot is cleared. The pointer is good until
 * the next call.
 */
snapshot_candidate *snapshot_add(snapshot *s, const char *id);
/* Sorts and checks: two with one id, an id or a state that is too long are LLM_E_CONFIG. */
int32_t snapshot_seal(snapshot *s, llm_err *err);

/* The canonical bytes of a sealed snapshot, appended. */
int32_t snapshot_encode(const snapshot *s, buf *out);
/* SHA-256 of them, which are in s->bytes then. */
int32_t snapshot_hash(snapshot *s, char ret_hex[SHA256_HEX]);
/* The snapshot that those bytes are, sealed. LLM_E_INVALID_REQUEST for any others. */
int32_t snapshot_decode(const void *bytes, size_t len, snapshot *ret, llm_err *err);

#endif
