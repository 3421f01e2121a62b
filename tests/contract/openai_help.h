/*
 * openai_help.h - what the tests of openai.so share beside provider_ask.h.
 */
#ifndef TESTS_OPENAI_HELP_H
#define TESTS_OPENAI_HELP_H

#include "provider_ask.h"

#define OPENAI_FILE TEST_BINARY_DIR "/plugins/openai.so"

static inline void set_up(void)
{
	begin_asking(OPENAI_FILE, NULL);
}

static inline void open_with(const char *const *config)
{
	plug_close(&p);
	cr_assert_eq(plug_open(&p, OPENAI_FILE, config), 0, "%s", p.error.ptr);
}

/* The server is said by its dialect. */
static inline void open_dialect(const char *dialect)
{
	static const char *config[] = {"base_url", "http://h/v1", "dialect", NULL, NULL};

	config[3] = dialect;
	open_with(config);
}

#endif
