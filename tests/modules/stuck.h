/*
 * stuck.h - a function that returns when it is told to: LLM_TEST_STUCK is "FUNCTION OUT IN".
 * It writes a byte to the descriptor OUT and waits for one from IN, the first time.
 */
#ifndef TESTS_MODULES_STUCK_H
#define TESTS_MODULES_STUCK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void stuck_wait(const char *function)
{
	static int once;
	const char *say = getenv("LLM_TEST_STUCK");
	char name[32], byte = 's';
	int out, in;

	if (once || !say || sscanf(say, "%31s %d %d", name, &out, &in) != 3 ||
		strcmp(name, function) != 0)
		return;
	once = 1;
	if (write(out, &byte, 1) != 1 || read(in, &byte, 1) != 1)
		abort();
}

#endif
