/*
 * defaults.h - where llmctl finds its configuration and its plugins.
 */
#ifndef LLMCTL_DEFAULTS_H
#define LLMCTL_DEFAULTS_H

#include <stdbool.h>

#include "llm/service.h"

typedef struct defaults_file {
	char *path;
	bool exists;
} defaults_file;

typedef struct defaults {
	defaults_file *files; /* every file that counts, the later one wins */
	size_t n_files;
	const char **present; /* those that exist, null-terminated */
	char *user_plugin_dir; /* or null */
	char *plugin_dir; /* that of the build tree, or null */
} defaults;

/*
 * Looks for files. `config` null: the system's, those of conf.d in order of their
 * names, the user's; else that one alone, taken to exist so that the library says
 * what is wrong with it. 0 or LLM_E_NOMEM. Ended with defaults_done.
 */
int32_t defaults_find(defaults *ret, const char *config);
void defaults_done(defaults *d);

/* Options for a service; they point into `d`. */
void defaults_opts(const defaults *d, llm_service_opts *ret);

#endif
