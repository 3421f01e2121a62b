/*
 * version.c - "llmctl version": what was compiled and what is loaded.
 */
#include <stdio.h>

#include "io/json.h"
#include "llm/version.h"
#include "setup/ctl.h"

static const char *const libraries[] = {"libcurl", "openssl", "jansson", "libconfig"};

#define N_LIBRARIES (sizeof(libraries) / sizeof(libraries[0]))

static void print_json(uint32_t abi)
{
	json_t *o = json_object(), *used = json_object(), *plugin = json_object();

	for (size_t i = 0; i < N_LIBRARIES; i++)
		json_object_set_new(used, libraries[i], json_text(llm_version_of(libraries[i])));
	json_object_set_new(plugin, "major", json_integer(abi >> 16));
	json_object_set_new(plugin, "minor", json_integer(abi & 0xffff));
	json_object_set_new(o, "schema", json_text("llm.version/1"));
	json_object_set_new(o, "llmctl", json_text(LLM_VERSION_STRING));
	json_object_set_new(o, "libllm", json_text(llm_version_string()));
	json_object_set_new(o, "plugin_abi", plugin);
	json_object_set_new(o, "libraries", used);
	json_print(o);
}

int version_run(ctl *c)
{
	uint32_t abi = llm_version_plugin_abi();

	if (c->opt.json) {
		print_json(abi);
		return 0;
	}
	printf("llmctl %s, libllm %s, plugin ABI %u.%u\n", LLM_VERSION_STRING, llm_version_string(),
		(unsigned)(abi >> 16), (unsigned)(abi & 0xffff));
	for (size_t i = 0; i < N_LIBRARIES; i++) {
		const char *text = llm_version_of(libraries[i]);

		printf("%s: %s\n", libraries[i], text ? text : "unknown");
	}
	return 0;
}
