/*
 * file.h - a plugin file, opened once and checked through its descriptor.
 */
#ifndef LLM_PLUGIN_FILE_H
#define LLM_PLUGIN_FILE_H

#include <sys/types.h>

#include "llm/error.h"

#define FILE_HASH 65 /* hexadecimal digits of a SHA-256, and NUL */

typedef struct plugin_file {
	int fd;
	dev_t dev;
	ino_t ino;
	uint64_t size;
} plugin_file;

/*
 * Opens the file at an absolute path and checks, in this order: owner and mode of
 * its folder, that it is a regular file and no link, its owner and mode, its ELF
 * headers. Never blocks, whatever stands there. LLM_E_NOT_FOUND (`err` untouched)
 * when there is no such file or folder, LLM_E_PLUGIN with the reason.
 */
int32_t file_open(const char *path, plugin_file *ret, llm_err *err);
void file_close(plugin_file *f);

/* Its SHA-256. LLM_E_PLUGIN when it cannot be read to its end, LLM_E_NOMEM. */
int32_t file_hash(const plugin_file *f, char ret_hex[FILE_HASH]);

/* Does its SHA-256 equal `pin`? LLM_E_PLUGIN naming both, LLM_E_NOMEM. */
int32_t file_pin(const plugin_file *f, const char *path, const char *pin, llm_err *err);

/* Is it a shared object for this machine, none of its segments cut off? (elf.c) */
int32_t elf_check(int fd, uint64_t size, const char *path, llm_err *err);

#endif
