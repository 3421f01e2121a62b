/* The exchange as a person may see it: redacted, at most 64 KiB a body that is sent. */
#include <stdio.h>
#include <string.h>

#include "attempt.h"

#define TRACE_MAX ((size_t)64 * 1024)

static int wanted(const attempt *a)
{
	return (a->c->flags & LLM_CALL_TRACE) != 0;
}

/* Short of memory the trace is cut, never the run. */
static void put(attempt *a, const char *text, size_t len)
{
	(void)service_clean_into(a->c->svc, text, len, &a->c->res.exchange);
}

static void put_line(attempt *a, const char *mark, const char *name, const char *value)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "%s%s%s%s\n", mark, name, value ? ": " : "",
		value && redact_is_secret_header(name) ? "***" :
			value			       ? value :
							 "");

	put(a, line, n > 0 && (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

void trace_request(attempt *a)
{
	/* Who only wants to see the request wants all of it. */
	const int whole = (a->c->flags & LLM_CALL_DRY_RUN) || a->body.len < TRACE_MAX;
	size_t i, n = whole ? a->body.len : TRACE_MAX;

	if (!wanted(a))
		return;
	put_line(a, "> ", a->method, NULL);
	put_line(a, "> ", buf_text(&a->url), NULL);
	for (i = 0; i < a->wire.n_headers; i++)
		put_line(a, "> ", a->wire.headers[i].name, a->wire.headers[i].value);
	put(a, buf_text(&a->body), n);
	put(a, "\n", 1);
}

static void put_head(attempt *a)
{
	char status[16];
	size_t i;

	snprintf(status, sizeof(status), "%d", (int)a->head.status);
	put_line(a, "< HTTP ", status, NULL);
	for (i = 0; i < a->head.n; i++)
		put_line(a, "< ", a->head.list[i]->name, a->head.list[i]->value);
}

void trace_reply(attempt *a, const char *bytes, size_t len)
{
	if (!wanted(a))
		return;
	if (!a->total)
		put_head(a);
	if (a->total < TRACE_MAX)
		put(a, bytes, len < TRACE_MAX ? len : TRACE_MAX);
}
