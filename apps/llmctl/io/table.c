#include "table.h"

#include <stdlib.h>
#include <string.h>

void table_open(table *t)
{
	memset(t, 0, sizeof(*t));
	t->to = open_memstream(&t->text, &t->len);
}

void table_cell(table *t, const char *text)
{
	if (!t->to)
		return;
	if (t->column++)
		putc('\t', t->to);
	if (!text || !*text)
		text = "-";
	for (; *text; text++)
		putc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, t->to);
}

void table_row_end(table *t)
{
	t->column = 0;
	if (t->to)
		putc('\n', t->to);
}

static void measure(const char *text, size_t widths[TABLE_COLUMNS])
{
	while (*text) {
		for (size_t i = 0; i < TABLE_COLUMNS; i++) {
			size_t len = strcspn(text, "\t\n");

			if (len > widths[i])
				widths[i] = len;
			text += len;
			if (*text++ == '\n')
				break;
		}
	}
}

static void print_aligned(const char *text, FILE *to)
{
	size_t widths[TABLE_COLUMNS] = {0}, i = 0;

	measure(text, widths);
	while (*text) {
		size_t len = strcspn(text, "\t\n");
		bool last = text[len] == '\n';

		fwrite(text, 1, len, to);
		if (last)
			putc('\n', to);
		else
			fprintf(to, "%*s", (int)(widths[i] - len) + 2, "");
		i = last ? 0 : i + 1;
		text += len + 1;
	}
}

void table_close(table *t, bool aligned)
{
	table_close_to(t, aligned, stdout);
}

void table_close_to(table *t, bool aligned, FILE *to)
{
	if (!t->to)
		return;
	fclose(t->to);
	if (t->text && aligned)
		print_aligned(t->text, to);
	else if (t->text)
		fputs(t->text, to);
	free(t->text);
}
