/*
 * support/hear.h - one question to llmsim in the bytes of each protocol, and what came of
 * it: every byte, and how it ended. It knows nothing of the library.
 */
#ifndef SUPPORT_HEAR_H
#define SUPPORT_HEAR_H

#include "support/sim.h"

enum { HEAR_OLLAMA, HEAR_OPENAI, HEAR_GEMINI, HEAR_WIRES };
extern const char *const hear_wires[HEAR_WIRES];

/* Whole by its own measure, closed, reset, silent, or more than was wanted. */
typedef enum hear_end { HEAR_WHOLE, HEAR_CLOSED, HEAR_RESET, HEAR_SILENT, HEAR_MORE } hear_end;
extern const char *const hear_ends[];

typedef struct heard {
	char *data; /* zero-terminated */
	size_t len;
	hear_end end;
	int status; /* 0: none came */
	const char *body; /* in data; null: the headers have no end */
} heard;

/*
 * Asks `model` and listens until the answer is whole or the connection ends, until `until`
 * has come (null: nothing), or until nothing more comes for a while: a short one where
 * silence is what is expected (`silent`), but never before the first byte unless no byte is
 * to come (`silent` 2). End it with heard_done().
 */
void hear_on(
	int fd, int wire, const char *model, int stream, const char *until, int silent, heard *ret);
/* The same on a connection of its own, where no silence is expected. */
void hear(const sim *s, int wire, const char *model, int stream, heard *ret);
/* Only the status; 0: none. */
int hear_status(const sim *s, int wire, const char *model);
void heard_done(heard *h);

#endif
