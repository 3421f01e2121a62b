/*
 * place.c - see place.h.
 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/complain.h"

#define KEY_BYTES 32

int32_t place_make_folders(const char *path, llm_err *err)
{
	char part[PLACE_MAX];
	size_t n = strlen(path);
	int why;

	for (size_t i = 1; i < n; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		why = mkdir(part, 0700) ? errno : 0;
		if (why && why != EEXIST && access(part, F_OK))
			return complain_set(err, LLM_E_PERSISTENCE,
				"the folder %s cannot be made: %s", part, strerror(why));
	}
	return 0;
}

/* Bytes that nobody can guess, as hex; a file that is there stays as it is. */
int32_t place_make_key(const char *path, llm_err *err)
{
	unsigned char bytes[KEY_BYTES];
	char hex[2 * KEY_BYTES + 2];
	ssize_t n;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return 0;
	n = fd < 0 ? -1 : getrandom(bytes, sizeof(bytes), 0);
	for (size_t i = 0; n == sizeof(bytes) && i < sizeof(bytes); i++)
		snprintf(&hex[2 * i], 3, "%02x", bytes[i]);
	if (n == sizeof(bytes)) {
		hex[sizeof(hex) - 2] = '\n';
		n = write(fd, hex, 2 * KEY_BYTES + 1);
	}
	if (fd >= 0 && close(fd))
		n = -1;
	if (n > KEY_BYTES)
		return 0;
	if (fd >= 0)
		unlink(path);
	return complain_set(err, LLM_E_PERSISTENCE, "the key file %s cannot be written: %s", path,
		strerror(errno));
}

/* What a variable names and is missing may be made; HOME itself is not llmctl's to make. */
int32_t place_folder(char *room, size_t cap, llm_err *err)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (state && state[0] == '/') {
		n = snprintf(room, cap, "%s/llm", state);
	} else if (home && home[0] == '/') {
		n = snprintf(room, cap, "%s/.local/state/llm", home);
		if (access(home, F_OK))
			return complain_set(err, LLM_E_CONFIG,
				"HOME names no folder for the runs, %.200s: %s\n"
				"Set HOME or XDG_STATE_HOME to a folder of yours.",
				home, strerror(errno));
	} else {
		return complain_set(err, LLM_E_CONFIG,
			"there is no folder for the runs: neither XDG_STATE_HOME nor HOME is an "
			"absolute path\nSet HOME or XDG_STATE_HOME to a folder of yours.");
	}
	if (n > 0 && (size_t)n < cap)
		return 0;
	return complain_set(err, LLM_E_CONFIG, "the path of the folder for the runs is too long");
}
