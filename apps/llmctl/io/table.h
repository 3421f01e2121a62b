/*
 * table.h - rows of cells: columns on a terminal, tabs between cells in a pipe.
 */
#ifndef LLMCTL_TABLE_H
#define LLMCTL_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#define TABLE_COLUMNS 10

typedef struct table {
	FILE *to; /* rows are gathered here; null when memory is short */
	char *text;
	size_t len;
	int column; /* of the row that is being written */
} table;

void table_open(table *t);
/* One cell; control characters become question marks, null or "" a dash. */
void table_cell(table *t, const char *text);
void table_row_end(table *t);
/* Prints to standard output and frees; `aligned` for a terminal. */
void table_close(table *t, bool aligned);
/* The same to another stream. */
void table_close_to(table *t, bool aligned, FILE *to);

#endif
