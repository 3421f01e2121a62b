/*
 * log.c - format, clean, cut, hand over.
 */
#include "base/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#define LOG_LINE_MAX 2048

/* One line is one record: what would begin another becomes a space. */
static void keep_to_one_line(char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (line[i] == '\n' || line[i] == '\t')
			line[i] = ' ';
}

void log_line(const logger *lg, uint32_t level, const char *format, ...)
{
	/* Cut after cleaning: half a secret would not be recognised as one. */
	char line[2 * LOG_LINE_MAX];
	va_list args;
	size_t len;
	int n;

	if (!lg || !lg->fn || !level || level > lg->level)
		return;
	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	len = n > 0 ? (size_t)n : 0;
	if (len >= sizeof(line))
		len = sizeof(line) - 1;
	if (lg->clean)
		len = lg->clean(lg->clean_ctx, line, len, sizeof(line));
	len = utf8_cut(line, len, LOG_LINE_MAX);
	keep_to_one_line(line, len);
	line[len] = '\0';
	lg->fn(lg->token, level, line, len);
}
