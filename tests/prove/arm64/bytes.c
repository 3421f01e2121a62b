/*
 * bytes.c - what "prove_route bytes" prints, in one static program: policies are linked in,
 * each under a name of its own (build.sh), so nothing but libc is needed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/snaps.h"

#define ENTRY(name) const llm_plugin_desc *name(uint16_t host_minor)
ENTRY(entry_ordered);
ENTRY(entry_weighted);
ENTRY(entry_least_busy);
ENTRY(entry_latency);
ENTRY(entry_cost);
ENTRY(entry_affinity);

static int32_t no_config(void *ctx, const char *key, const char **ret_text, size_t *ret_len)
{
	(void)ctx, (void)key, (void)ret_text, (void)ret_len;
	return LLM_E_NOT_FOUND;
}

static void *take(void *ctx, uint32_t scope, size_t bytes)
{
	(void)ctx, (void)scope;
	return calloc(1, bytes);
}

/* Hashing needs OpenSSL, and is done outside. */
sha256 *sha256_new(void)
{
	return NULL;
}

int32_t sha256_add(sha256 *h, const void *bytes, size_t len)
{
	(void)h, (void)bytes, (void)len;
	return LLM_E_INTERNAL;
}

int32_t sha256_hex(sha256 *h, char ret_hex[SHA256_HEX])
{
	(void)h, (void)ret_hex;
	return LLM_E_INTERNAL;
}

void sha256_free(sha256 *h)
{
	(void)h;
}

int main(void)
{
	static const llm_plugin_entry entries[SNAPS_POLICIES] = {entry_ordered, entry_weighted,
		entry_least_busy, entry_latency, entry_cost, entry_affinity};
	const llm_host host = {.struct_size = sizeof(host), .config = no_config, .alloc = take};
	rank_policy each[SNAPS_POLICIES];
	size_t i;

	for (i = 0; i < SNAPS_POLICIES; i++) {
		const llm_policy_vtable *vt = entries[i](LLM_ABI_MINOR)->parts[0]->vtable;

		each[i] = (rank_policy){vt, NULL, vt->describe()->name, 0};
		if (vt->create(&host, &each[i].instance))
			return 1;
	}
	snaps_bytes(each, 1000);
	return 0;
}
