/*
 * export.h - "llmctl db export": the migrations as files in a tree of the host's.
 */
#ifndef LLMCTL_EXPORT_H
#define LLMCTL_EXPORT_H

#include <stdio.h>

#include <jansson.h>

#include "migrations.h"
#include "setup/store.h"

#define EXPORT_PATH 4096

/* A dialect of SQL; the same numbers and names in each. */
typedef struct export_dialect {
	const char *name; /* of the plugin, and what --dialect says */
	const char *sqlalchemy; /* what these call it */
	const char *sqitch;
	const sql_migration *migrations;
} export_dialect;

extern const export_dialect export_dialects[];
extern const size_t export_n_dialects;
unsigned export_count(void);

typedef struct exporter {
	const char *dir;
	const export_dialect *dialect; /* of the forms that are for one */
	bool asked; /* it was named on the command line */
	const char *down_revision; /* that was asked for, or null */
	json_t *files; /* paths of what was written */
} exporter;

/* Is a file of this text there: then it stays; may another one be replaced? */
typedef enum export_other { EXPORT_REFUSE, EXPORT_REPLACE } export_other;

/*
 * Writes DIR/NAME with `text`, whole or not at all. A file that is there with another text
 * is LLM_E_INVALID_REQUEST, unless it may be replaced.
 */
int32_t export_put(exporter *e, const char *dir, const char *name, const char *text,
	export_other other, llm_err *err);
/* The same for what was printed into a stream of export_text; ends the stream in any case. */
typedef struct export_text {
	FILE *to;
	char *text;
	size_t len;
} export_text;

int32_t export_text_open(export_text *t, llm_err *err);
int32_t export_text_put(exporter *e, export_text *t, const char *dir, const char *name,
	export_other other, llm_err *err);

/* The whole file, ended with a zero, freed with free(); *ret is null when there is none. */
int32_t export_read(const char *path, char **ret, llm_err *err);
/* What follows the next line feed, or null. */
const char *export_next_line(const char *line);
/* One folder; no error when it is there. */
int32_t export_folder(const char *path, llm_err *err);
/* "A/B" into `room` of EXPORT_PATH bytes; false when it does not fit. */
bool export_join(char *room, const char *a, const char *b);

int32_t export_plain(exporter *e, llm_err *err);
int32_t export_alembic(exporter *e, llm_err *err);
int32_t export_sqitch(exporter *e, llm_err *err);
int32_t export_sqlalchemy(exporter *e, llm_err *err);

#endif
