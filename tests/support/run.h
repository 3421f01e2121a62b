/*
 * support/run.h - runs a program as a user would: arguments, a clean environment,
 * standard input; and keeps what it wrote and how it ended.
 *
 * The environment holds PATH, LC_ALL as the test has it, TERM=xterm, a HOME of its
 * own that is empty and removed at the end, and what the test adds: nothing of the
 * user who runs the tests is read or changed. What cannot be set up prints why and
 * ends the test's process with status 99.
 */
#ifndef SUPPORT_RUN_H
#define SUPPORT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_LIST(...) \
	(const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}

#define RUN_LIMIT_MS 20000 /* then it is killed, and the test fails */

typedef struct run_opts {
	const char *const *env; /* "NAME=VALUE" besides the usual ones, or null */
	const char *home; /* a folder of the test's, or null */
	const char *input; /* standard input; null: /dev/null */
	size_t input_len; /* 0: up to its NUL */
	const char *out_path; /* standard output is this file instead of a pipe */
	bool records; /* "llmctl ask" may keep its run; else LLM_STORAGE__LEDGER is off for it */
	bool tty; /* standard output and error are one terminal, kept as out */
} run_opts;

typedef struct run run;

typedef struct run_result {
	int status; /* exit status, or -N when ended by signal N */
	bool late; /* it did not end by itself and was killed */
	char *out; /* zero-terminated */
	size_t out_len;
	char *err;
	size_t err_len;
} run_result;

/* argv[0] is the program's path; `opts` may be null. */
run *run_start(const char *const *argv, const run_opts *opts);
/* Reads until standard output has `text`; false when it ended before. */
bool run_wait_out(run *r, const char *text);
/* Standard output so far; owned by r until the next call on it. */
const char *run_out(run *r);
/* To that one process. */
void run_signal(run *r, int number);
/* Closes our end of its standard output. */
void run_close_out(run *r);
/* Reads on until it has ended; frees r. *ret is ended with run_done. */
void run_end(run *r, run_result *ret);

/* All in one. */
void run_program(const char *const *argv, const run_opts *opts, run_result *ret);
void run_done(run_result *r);

/*
 * `program` with `args` after its name, OLLAMA_HOST set to `ollama` unless null, and
 * `input` on standard input (null: /dev/null).
 */
void run_cli(const char *program, const char *ollama, const char *input, const char *const *args,
	run_result *ret);
#ifdef TEST_BINARY_DIR
#define LLMCTL TEST_BINARY_DIR "/bin/llmctl"
static inline void run_llmctl(
	const char *ollama, const char *input, const char *const *args, run_result *ret)
{
	run_cli(LLMCTL, ollama, input, args, ret);
}
#endif

/* An empty folder, and its removal with all that is in it. */
char *run_folder(void);
void run_folder_free(char *path);
/* A file in it, mode 0600, folders above it made as needed. */
void run_folder_put(const char *folder, const char *name, const char *text);

/* `text` with every `word` as `other`, into `out` of `cap` bytes, cut. */
void run_replace(const char *text, const char *word, const char *other, char *out, size_t cap);
/*
 * Is `text` what the file holds? If not, both are printed to stderr. With
 * LLM_GOLDEN_WRITE set the file is written first.
 */
bool run_golden(const char *path, const char *text);

#endif
