#include "kit/policy.h"

#include <string.h>

#include "wire/num.h"

uint64_t kit_mix(uint64_t seed, const char *id)
{
	uint64_t x = UINT64_C(0xcbf29ce484222325); /* FNV-1a, then the end of splitmix64 */

	for (; *id; id++)
		x = (x ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
	x += seed * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

int kit_group(const llm_candidate_view *a, const llm_candidate_view *b)
{
	if (a->level != b->level)
		return a->level < b->level ? -1 : 1;
	if (a->fit != b->fit)
		return a->fit < b->fit ? -1 : 1;
	if (a->health != b->health)
		return a->health < b->health ? -1 : 1;
	return 0;
}

int64_t kit_config_int(const llm_host *host, const char *key, int64_t preset)
{
	const char *text;
	int64_t value;
	size_t len;

	if (host->config(host->ctx, key, &text, &len) != 0 || !num_read_i64(text, len, &value))
		return preset;
	return value;
}

int kit_config_bool(const llm_host *host, const char *key)
{
	const char *text;
	int value;
	size_t len;

	return host->config(host->ctx, key, &text, &len) == 0 && num_read_bool(text, len, &value) &&
		value;
}

int32_t kit_create_empty(const llm_host *host, void **ret_instance)
{
	void *instance = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, 1);

	if (!instance)
		return LLM_E_NOMEM;
	*ret_instance = instance;
	return 0;
}

void kit_destroy(void *instance)
{
	(void)instance;
}
