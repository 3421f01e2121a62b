/*
 * support/relay.h - a listener that hands every connection on to a port of 127.0.0.1: on
 * another address, as a proxy that is asked for a tunnel, or until the line goes dead.
 */
#ifndef SUPPORT_RELAY_H
#define SUPPORT_RELAY_H

#include <stddef.h>
#include <stdint.h>

typedef struct relay relay;

/*
 * Listens on `address` ("127.0.0.1", "::1") and hands on to `to` (0: to nobody, it only
 * reads). `tunnel` 1: a connection begins with CONNECT. Null: there is no such address.
 * Prints why and ends the process with status 99 when something else goes wrong.
 */
relay *relay_start(const char *address, uint16_t to, int tunnel);
/* The same at a port that is known, without a tunnel. */
relay *relay_start_at(const char *address, uint16_t port, uint16_t to);
uint16_t relay_port(const relay *r);
/* How many connections it took. */
size_t relay_taken(relay *r);
/* How many bytes the clients have said. */
size_t relay_heard(relay *r);
/* How often a client spoke when the server had spoken last: round trips. */
size_t relay_turns(relay *r);
/* The next connection whose client sends a piece that begins with `bytes`, at most 32, is cut. */
enum relay_cut {
	RELAY_CUT_BEFORE, /* nobody hears that piece */
	RELAY_CUT_AFTER, /* the server does, and its answer goes nowhere */
	RELAY_CUT_HOLD /* the server hears it when relay_let_go says so */
};
void relay_cut_at(relay *r, const void *bytes, size_t len, enum relay_cut how);
/* How many were cut. */
size_t relay_cuts(relay *r);
/* What was held is told to the server, or (`tell` 0) its side is cut as well. */
void relay_let_go(relay *r, int tell);
/* From now on the connections it has are dead, and neither side is told. */
void relay_go_dead(relay *r);
/* Ends it. What the clients said in clear, up to 8 KiB; to be freed. */
char *relay_stop(relay *r);

#endif
