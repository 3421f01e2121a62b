/*
 * support/sim.h - an llmsim for one test: started on a free port, stopped at the
 * end, its log kept in a temporary file. And a raw HTTP client that knows only
 * sockets, for tests that must not go through the library.
 *
 * Functions that cannot do their work print why to stderr and end the process
 * with status 99: Criterion shows that as a crashed test with the text above it.
 */
#ifndef SUPPORT_SIM_H
#define SUPPORT_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct sim sim;

/*
 * Starts `program` with the null-terminated options `args` (null: none) and waits
 * until it listens. The log is on, with bodies. End it with sim_stop().
 */
sim *sim_start_program(const char *program, const char *const *args);

#ifdef TEST_BINARY_DIR
static inline sim *sim_start(const char *const *args)
{
	return sim_start_program(TEST_BINARY_DIR "/bin/llmsim", args);
}
#endif

/* SIGTERM to that one process, then waits. Returns its wait status; null: 0. Frees s. */
int sim_stop(sim *s);

const char *sim_url(const sim *s); /* "http://127.0.0.1:PORT", owned by s */
uint16_t sim_port(const sim *s);
pid_t sim_pid(const sim *s);
const char *sim_log_path(const sim *s); /* removed by sim_stop() */

/* The log so far, zero-terminated; owned by s until the next call on s. */
const char *sim_log_text(sim *s);
/* How many lines of the log have all of `what` (e.g. "\"event\":\"close\""). */
size_t sim_log_count(sim *s, const char *what);
/* Waits until the log has at least n such lines; false after limit_ms. */
bool sim_log_wait(sim *s, const char *what, size_t n, int limit_ms);
/* The "ns" of the last line that has `what`; 0 if there is none. */
uint64_t sim_log_ns(sim *s, const char *what);
/* Now, by the clock of the log. */
uint64_t sim_now_ns(void);
/* Sleep, whatever signals come. */
void rest_until(uint64_t at_ns);
void rest_ms(uint64_t ms);

/* A file under TMPDIR with this text; returns its path, removed by sim_file_free(). */
char *sim_file(const char *text);
void sim_file_free(char *path);

/* ---- raw client ---- */

typedef struct sim_reply {
	int status; /* 0: the peer closed before a whole head */
	char *head; /* up to the empty line, zero-terminated */
	char *body; /* decoded if chunked, zero-terminated */
	size_t body_len;
	bool complete; /* false: the connection ended inside the body */
} sim_reply;

int sim_connect(const sim *s); /* a connected blocking socket */
void sim_send(int fd, const char *data, size_t len);
/* Reads until the peer closes or resets; zero-terminated, to be freed. */
char *sim_read_all(int fd, size_t *ret_len, bool *ret_reset);
/* Reads one answer; `*ret` is to be given to sim_reply_done(). */
void sim_read_reply(int fd, sim_reply *ret);
/* One request on fd; body null: none. */
void sim_ask(int fd, const char *method, const char *path, const char *body, sim_reply *ret);
/* The same on a connection of its own. */
void sim_ask_once(
	const sim *s, const char *method, const char *path, const char *body, sim_reply *ret);
void sim_reply_done(sim_reply *r);

#endif
