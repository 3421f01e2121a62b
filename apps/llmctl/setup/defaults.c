#include "defaults.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Anything but "not there" is for the library to complain about. */
static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static char *join(const char *a, const char *b)
{
	size_t room = strlen(a) + strlen(b) + 1;
	char *both = malloc(room);

	if (both)
		snprintf(both, room, "%s%s", a, b);
	return both;
}

/* $VARIABLE/tail, else $HOME/home_tail; null when neither is an absolute path. */
static char *under(const char *variable, const char *home_dir, const char *tail)
{
	const char *base = getenv(variable), *home = getenv("HOME");
	char *dir, *path;

	if (base && base[0] == '/')
		return join(base, tail);
	if (!home || home[0] != '/')
		return NULL;
	dir = join(home, home_dir);
	path = dir ? join(dir, tail) : NULL;
	free(dir);
	return path;
}

/* Takes `path` over, also when it fails. */
static int32_t add(defaults *d, char *path, bool is_there)
{
	defaults_file *grown;

	if (!path)
		return LLM_E_NOMEM;
	grown = realloc(d->files, (d->n_files + 1) * sizeof(*grown));
	if (!grown) {
		free(path);
		return LLM_E_NOMEM;
	}
	d->files = grown;
	d->files[d->n_files].path = path;
	d->files[d->n_files++].exists = is_there;
	return 0;
}

static int32_t add_folder(defaults *d, const char *pattern)
{
	glob_t found = {0};
	int32_t rc = 0;

	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; !rc && i < found.gl_pathc; i++)
			rc = add(d, strdup(found.gl_pathv[i]), true);
	globfree(&found);
	return rc;
}

static int32_t add_standard(defaults *d)
{
	static const char system_file[] = "/etc/llm/llm.conf";
	int32_t rc = add(d, strdup(system_file), exists(system_file));
	char *user;

	if (!rc)
		rc = add_folder(d, "/etc/llm/conf.d/*.conf");
	user = under("XDG_CONFIG_HOME", "/.config", "/llm/llm.conf");
	if (!rc && user)
		return add(d, user, exists(user));
	free(user);
	return rc;
}

static int32_t list_present(defaults *d)
{
	size_t n = 0;

	d->present = calloc(d->n_files + 1, sizeof(*d->present));
	if (!d->present)
		return LLM_E_NOMEM;
	for (size_t i = 0; i < d->n_files; i++)
		if (d->files[i].exists)
			d->present[n++] = d->files[i].path;
	return 0;
}

int32_t defaults_find(defaults *ret, const char *config)
{
	defaults d = {.files = NULL};
	int32_t rc = config ? add(&d, strdup(config), true) : add_standard(&d);

	if (!rc)
		rc = list_present(&d);
	if (rc) {
		defaults_done(&d);
		return rc;
	}
	d.user_plugin_dir = under("XDG_DATA_HOME", "/.local/share", "/llm/plugins/1");
	if (exists(LLM_BUILD_PLUGIN_DIR))
		d.plugin_dir = strdup(LLM_BUILD_PLUGIN_DIR);
	*ret = d;
	return 0;
}

void defaults_done(defaults *d)
{
	for (size_t i = 0; i < d->n_files; i++)
		free(d->files[i].path);
	free(d->files);
	free(d->present);
	free(d->user_plugin_dir);
	free(d->plugin_dir);
	memset(d, 0, sizeof(*d));
}

void defaults_opts(const defaults *d, llm_service_opts *ret)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;

	opts.config_paths = d->present;
	opts.plugin_dir = d->plugin_dir;
	opts.user_plugin_dir = d->user_plugin_dir;
	*ret = opts;
}
