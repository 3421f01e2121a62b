/*
 * exchange.h - one exchange of tests/fixtures, read.
 */
#ifndef TESTS_EXCHANGE_H
#define TESTS_EXCHANGE_H

#include <jansson.h>

#include "support/plug.h"

#define EXCHANGE_HEADERS 20

typedef struct exchange {
	plug *p;
	const char *provider;
	const char *name;
	json_t *expectation; /* null: none that can be read */
	char *body; /* of the answer; null: there is none */
	size_t body_len;
	int is_stream;
	char *status_text; /* null: no .status */
	int32_t status;
	char method[8];
	char path[200];
	llm_header_view headers[EXCHANGE_HEADERS];
	const llm_header_view *header_list[EXCHANGE_HEADERS];
	size_t n_headers;
} exchange;

/* 0, or -1 when one of its files is missing; done in any case. */
int exchange_read(exchange *x, plug *p, const char *provider, const char *name);
void exchange_done(exchange *x);

/* Another of its files as JSON, or null. */
json_t *exchange_json(const exchange *x, const char *suffix);
llm_reply_view exchange_reply(const exchange *x);
/* A member of the expectation. */
const json_t *exchange_expects(const exchange *x, const char *member);

/*
 * Calls `each` for every exchange of a provider; returns how many there are, or -1 when
 * the folder holds a file that belongs to none.
 */
int exchange_all(plug *p, const char *provider, void (*each)(exchange *x));

/* What the fixtures hold back, by name, so that nothing joins them unseen. */
typedef struct exchange_pin {
	const char *provider;
	const char *name;
	const char *what; /* "refused CODE", "none" */
} exchange_pin;

extern const exchange_pin exchange_pins[]; /* ends with nulls */

/* Is this exchange pinned with this? */
int exchange_pinned(const exchange *x, const char *what);

#endif
