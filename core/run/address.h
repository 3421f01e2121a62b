/*
 * address.h - where a provider is, and which of its usual variables gives the key when
 * none is configured. A service goes by it, and `config show` shows it.
 */
#ifndef LLM_RUN_ADDRESS_H
#define LLM_RUN_ADDRESS_H

#include "conf/conf.h"
#include "plugin/plugin.h"

typedef struct address {
	url base;
	const char *text; /* as the plugin is told */
	int usual; /* its origin is the plugin's default */
	int from_env; /* the provider's own variable said it */
} address;

/* A name without an entry stands for the plugin of that name. Null: memory is short. */
const conf_provider *address_implicit(const char *name, arena *ar);

/* From configuration, variable or plugin. LLM_E_CONFIG or LLM_E_NOMEM. */
int32_t address_find(const conf *c, const conf_provider *p, const conf_endpoint *end,
	const plugin *plug, arena *ar, address *ret, llm_err *err);

/* The usual key variables; one that is empty counts as not set. */
typedef struct usual_key {
	const char *name; /* gives the key; null: none does */
	const char *also; /* set as well, and not used */
	const char *kept; /* set, but not meant for this address */
} usual_key;

/*
 * A usual key variable is meant for the provider's usual address: it goes nowhere else
 * unless the address came from the provider's own variable too.
 */
usual_key address_key(const conf *c, const llm_provider_info *info, const address *a);

/* One line on what of it may surprise, or null in *ret. LLM_E_NOMEM. */
int32_t address_warning(
	const char *provider, const usual_key *k, const address *a, arena *ar, const char **ret);

#endif
