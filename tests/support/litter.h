/*
 * support/litter.h - files and folders that a test makes outside of the build, and their end.
 *
 * They have names of their own under TMPDIR, "llm-test-PID-XXXXXX". What a test does not
 * remove goes when its process ends; what a killed process left goes when another test
 * finds it, ten minutes later.
 */
#ifndef SUPPORT_LITTER_H
#define SUPPORT_LITTER_H

#include <stddef.h>

/* An empty file, or an empty folder; its path is to be given to litter_remove(). */
char *litter_file(void);
char *litter_folder(void);
/* Removes it with all that is in it, and frees the path. Null is fine. */
void litter_remove(char *path);

#endif
