/*
 * base_log.c - levels, the length of a line, and cleaning before cutting.
 */
#include "base/log.h"

#include "base/text.h"

#include <criterion/criterion.h>
#include <string.h>

static char last[8192];
static size_t last_len;
static uint32_t last_level;
static int lines;

static void sink(uintptr_t token, uint32_t level, const char *line, size_t len)
{
	cr_assert_eq(token, 77);
	cr_assert_eq(line[len], '\0');
	memcpy(last, line, len + 1);
	last_len = len;
	last_level = level;
	lines++;
}

static const logger plain = {.fn = sink, .token = 77, .level = LLM_LOG_INFO};

Test(base_log, only_wanted_levels_arrive)
{
	logger silent = plain;

	log_line(&plain, LLM_LOG_DEBUG, "no");
	log_line(&plain, LLM_LOG_TRACE, "no");
	log_line(&plain, 0, "no");
	log_line(NULL, LLM_LOG_ERROR, "no");
	silent.fn = NULL;
	log_line(&silent, LLM_LOG_ERROR, "no");
	cr_assert_eq(lines, 0);
	log_line(&plain, LLM_LOG_INFO, "%s has %d models", "ollama", 3);
	cr_assert_eq(lines, 1);
	cr_assert_eq(last_level, LLM_LOG_INFO);
	cr_assert_str_eq(last, "ollama has 3 models");
	cr_assert_eq(last_len, strlen(last));
	log_line(&plain, LLM_LOG_ERROR, "%s", "");
	cr_assert_eq(lines, 2);
	cr_assert_eq(last_len, 0);
}

Test(base_log, lines_are_cut_at_a_character)
{
	char text[6001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_line(&plain, LLM_LOG_WARN, "%s", text);
	cr_assert_eq(last_len, 2048);
	memcpy(text + 2046, "\xe2\x82\xac", 3);
	log_line(&plain, LLM_LOG_WARN, "%s", text);
	cr_assert_eq(last_len, 2046);
	cr_assert(utf8_valid(last, last_len));
}

/* Turns each "SECRET" into "***", as a redactor would. */
static size_t redact(void *ctx, char *line, size_t len, size_t cap)
{
	char *at;

	cr_assert_eq(*(int *)ctx, 5);
	cr_assert_lt(len, cap);
	line[len] = '\0';
	while ((at = strstr(line, "SECRET"))) {
		memcpy(at, "***", 3);
		memmove(at + 3, at + 6, strlen(at + 6) + 1);
	}
	return strlen(line);
}

Test(base_log, cleaned_before_it_is_cut)
{
	int ctx = 5;
	logger lg = plain;
	char text[3001];

	lg.clean = redact;
	lg.clean_ctx = &ctx;
	log_line(&lg, LLM_LOG_ERROR, "key SECRET refused");
	cr_assert_str_eq(last, "key *** refused");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text + 2045, "SECRET", 6);
	log_line(&lg, LLM_LOG_ERROR, "%s", text);
	cr_assert_eq(last_len, 2048);
	cr_assert_null(strstr(last, "SEC"));
}
