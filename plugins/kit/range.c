#include <string.h>

#include "kit.h"

static double number_of(const llm_request_view *rq, const kit_range *r)
{
	const char *at = (const char *)rq + r->offset;
	int64_t whole;
	double real;

	if (!r->whole) {
		memcpy(&real, at, sizeof(real));
		return real;
	}
	memcpy(&whole, at, sizeof(whole));
	return (double)whole;
}

int32_t kit_check_ranges(const llm_host *host, const llm_request_view *rq, const kit_range *rows)
{
	char text[128];
	size_t n;

	for (; rows->name; rows++) {
		const double value = number_of(rq, rows);

		if (!(rq->has & rows->has) || (value >= rows->low && value <= rows->high))
			continue;
		n = strlen(rows->name);
		memcpy(text, rows->name, n);
		memcpy(text + n, rows->must, strlen(rows->must) + 1);
		return kit_error(host, LLM_E_INVALID_REQUEST, text, " for ", rq->model);
	}
	return 0;
}
