/*
 * options.h - what the command line says.
 */
#ifndef LLMSIM_OPTIONS_H
#define LLMSIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
	const char *host;
	uint64_t port;
	const char *port_file;
	bool exit_with_parent;
	uint64_t max_seconds;
	const char *loaded; /* a file; null: all models are */
	const char *models; /* as given; models.h has them taken apart */
	uint64_t seed;
	const char *key; /* null: keys are not compared */
	bool same_text; /* of all models */
	const char *fault; /* of all requests; null: none */
	bool faults; /* list them */
	const char *say;
	uint64_t tokens;
	uint64_t bytes; /* 0: as many as the tokens take */
	uint64_t delay_ms;
	uint64_t pace_ms;
	uint64_t events; /* fast mode: events in a stream */
	bool fast;
	const char *script;
	const char *log;
	bool log_body;
	bool log_secrets;
	bool help;
	bool version;
};

/*
 * Reads the command line; strings stay those of argv. Returns 0, or 2 after one
 * message on stderr.
 */
int options_read(int argc, char **argv, struct options *ret);

extern const char options_help[];

#endif
