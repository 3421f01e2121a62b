/*
 * fuzz_httpmsg.c - header lines, separated by LF: whatever is kept is valid and
 * within the limits.
 */
#include "wire/httpmsg.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const httpmsg *m)
{
	int64_t ms = httpmsg_retry_after_ms(m, INT64_C(1700000000000001));
	char type[16];

	if (ms < -1 || ms > HTTPMSG_DELAY_MAX_MS)
		abort();
	httpmsg_media_type(httpmsg_get(m, "content-type"), type, sizeof(type));
	if (!memchr(type, '\0', sizeof(type)))
		abort();
	if (m->n > HTTPMSG_LINES || m->bytes > HTTPMSG_BYTES || (m->n && m->status < 200))
		abort();
	for (size_t i = 0; i < m->n; i++)
		if (!httpmsg_valid(m->list[i]->name, "") || strpbrk(m->list[i]->value, "\r\n"))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	httpmsg m;

	httpmsg_init(&m, mem_default());
	for (size_t at = 0; at < size;) {
		const char *lf = memchr(text + at, '\n', size - at);
		size_t n = lf ? (size_t)(lf - text) + 1 - at : size - at;

		if (httpmsg_line(&m, text + at, n) == LLM_E_NOMEM)
			abort();
		at += n;
	}
	check(&m);
	httpmsg_done(&m);
	return 0;
}
