/*
 * log.h - what llmsim saw, one JSON object per line, each written by one write().
 */
#ifndef LLMSIM_LOG_H
#define LLMSIM_LOG_H

#include "http.h"

struct options;

struct log {
	int fd; /* -1: off */
	bool body;
	bool secrets;
	struct bytes line;
};

/* Truncates the file. Returns 0, or 1 after a message. */
int log_open(const struct options *opt, struct log *ret);
void log_done(struct log *l);

void log_accept(struct log *l, uint64_t conn, uint64_t ns);
void log_request(struct log *l, uint64_t conn, uint64_t ns, const struct http_request *rq);
/* A request is to fail: of which kind. */
void log_fault(struct log *l, uint64_t conn, uint64_t ns, const char *name);
void log_first_byte(struct log *l, uint64_t conn, uint64_t ns);
/* The end of one answer: how many bytes it had. */
void log_sent(struct log *l, uint64_t conn, uint64_t ns, uint64_t bytes);
/* `who` is "peer" or "us", `kind` "fin" or "rst", `sent` of the whole connection. */
void log_close(struct log *l, uint64_t conn, uint64_t ns, const char *who, const char *kind,
	uint64_t sent);

#endif
