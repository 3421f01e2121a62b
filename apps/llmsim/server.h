/*
 * server.h - the loop: one thread, one epoll, edge-triggered, one timer heap.
 */
#ifndef LLMSIM_SERVER_H
#define LLMSIM_SERVER_H

#include <netinet/in.h>

#include "http.h"
#include "log.h"
#include "models.h"
#include "options.h"
#include "timer.h"

struct conn;
struct fast;
struct script;

struct server {
	const struct options *opt;
	struct log log;
	struct models models;
	struct timers timers;
	struct script *script; /* null: none */
	struct fast *fast; /* null: off */
	struct conn *conns;
	struct http_request rq; /* scratch: valid inside one step */
	uint64_t accepted;
	uint64_t end_ns; /* 0: no end */
	uint64_t turn_ns; /* when it refuses by turns: the next; 0: never */
	struct sockaddr_in at;
	int epoll;
	int listener; /* -1: no more connections */
	int signals;
	uint16_t port;
	bool full; /* out of descriptors: not accepting until one is free */
};

/* Listens and says so on stdout. Returns 0, or 1 after a message. */
int server_open(struct server *s);
/* Runs until a signal or the end of time. */
int server_run(struct server *s);
void server_done(struct server *s);

/* The last connection of a script was taken: further ones are refused. */
void server_stop_listening(struct server *s);

#endif
