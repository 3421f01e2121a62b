/*
 * llm/version.h - what was compiled and what is loaded.
 */
#ifndef LLM_VERSION_H
#define LLM_VERSION_H

#include "base.h"

#define LLM_VERSION_MAJOR 0
#define LLM_VERSION_MINOR 1
#define LLM_VERSION_PATCH 0
#define LLM_VERSION_STRING "0.1.0"

LLM_EXTERN_C_BEGIN

/* The version of the loaded library as MAJOR*10000 + MINOR*100 + PATCH. [any] */
LLM_API uint32_t llm_version_number(void);

/* The version of the loaded library as text, static. [any] */
LLM_API const char *llm_version_string(void);

/* The plugin ABI of the loaded library: major in the upper 16 bits, minor below. [any] */
LLM_API uint32_t llm_version_plugin_abi(void);

/*
 * The versions of the libraries this one runs with: "libcurl/7.88.1 ...", static
 * once computed. `name` is one of "libcurl", "jansson", "libconfig", "openssl".
 * Returns null for another name. [any]
 */
LLM_API const char *llm_version_of(const char *name);

LLM_EXTERN_C_END
#endif
