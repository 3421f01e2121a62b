/*
 * load.c - the one place that calls dlopen.
 */
#include "plugin/load.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define LOAD_PATH_MAX 4000

/*
 * Objects mapped so far. The loader knows an object by the text of its path, and
 * would hand out an old one for a path that it has seen. Descriptor numbers come
 * back (a host may even close ours), so every load spells its path differently:
 * the n-th has n times "/." in it. Guarded by the lock of gen.c.
 */
static size_t load_count;

static int load_path(int fd, char *out, size_t cap)
{
	size_t i, n = 0;

	memcpy(out, "/proc/self/fd", sizeof("/proc/self/fd"));
	n = strlen(out);
	for (i = 0; i < load_count; i++) {
		if (n + 16 > cap)
			return 0;
		memcpy(out + n, "/.", 3);
		n += 2;
	}
	(void)snprintf(out + n, cap - n, "/%d", fd);
	return 1;
}

/* The loader's sentence without the path that only it knows. */
static const char *load_reason(const char *path)
{
	const char *said = dlerror(); /* NOLINT: each thread has its own */
	size_t len = strlen(path);

	if (!said)
		return "the loader gave no reason";
	if (strncmp(said, path, len) == 0 && strncmp(said + len, ": ", 2) == 0)
		return said + len + 2;
	return said;
}

/* The major of another ABI that the object was made for, or -1. */
static int load_other_major(void *object)
{
	static const int majors[] = {2, 3, 4, 5, 6, 7, 8, 9, 0};
	char name[32];
	size_t i;

	for (i = 0; i < sizeof(majors) / sizeof(majors[0]); i++) {
		(void)snprintf(name, sizeof(name), "llm_plugin_v%d", majors[i]);
		if (dlsym(object, name))
			return majors[i];
	}
	return -1;
}

static int load_is_function(void *address)
{
	Dl_info info;
	void *found = NULL;
	const ElfW(Sym) * symbol;

	if (!dladdr1(address, &info, &found, RTLD_DL_SYMENT) || !found || info.dli_saddr != address)
		return 0;
	symbol = found;
	return (symbol->st_info & 0xf) == STT_FUNC;
}

static int32_t load_entry(void *object, const char *path, llm_plugin_entry *ret, llm_err *err)
{
	void *address = dlsym(object, LLM_PLUGIN_ENTRY_NAME);
	int other;

	if (!address) {
		other = load_other_major(object);
		if (other >= 0)
			return err_set(err, LLM_E_PLUGIN,
				"plugin file %s has no " LLM_PLUGIN_ENTRY_NAME
				" but llm_plugin_v%d: it was made for ABI %d, this is ABI %d",
				path, other, other, LLM_ABI_MAJOR);
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s has no " LLM_PLUGIN_ENTRY_NAME
			": it is no plugin of libllm",
			path);
	}
	if (!load_is_function(address))
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s has a " LLM_PLUGIN_ENTRY_NAME " that is no function", path);
	memcpy(ret, &address, sizeof(*ret));
	return 0;
}

int32_t load_object(int fd, const char *path, int *ret_mapped, llm_plugin_entry *ret, llm_err *err)
{
	char spelled[LOAD_PATH_MAX];
	void *object;

	*ret_mapped = 0;
	if (!load_path(fd, spelled, sizeof(spelled)))
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s cannot be loaded: this process has loaded too many", path);
	object = dlopen(spelled, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!object)
		return err_set(err, LLM_E_PLUGIN, "plugin file %s cannot be loaded: %s", path,
			load_reason(spelled));
	*ret_mapped = 1;
	load_count++;
	return load_entry(object, path, ret, err);
}
