/*
 * swap.h - the builds of tests/modules/swap_*.c as files swap.so, put into a folder by
 * renaming, as an installer does it.
 */
#ifndef SUPPORT_SWAP_H
#define SUPPORT_SWAP_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void swap_copy(const char *from, const char *to)
{
	char bytes[65536];
	ssize_t n;
	const int in = open(from, O_RDONLY | O_CLOEXEC),
		  out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	if (in < 0 || out < 0)
		abort();
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, (size_t)n) != n)
			abort();
	close(in);
	close(out);
}

/* FOLDER/swap.so is build `word` from now on. */
static inline void swap_put(const char *folder, const char *word)
{
	char from[700], made[700], to[700];

	snprintf(from, sizeof(from), "%s/tests/modules/swap_%s.so", TEST_BINARY_DIR, word);
	snprintf(made, sizeof(made), "%s/swap.new", folder);
	snprintf(to, sizeof(to), "%s/swap.so", folder);
	swap_copy(from, made);
	if (rename(made, to))
		abort();
}

#endif
