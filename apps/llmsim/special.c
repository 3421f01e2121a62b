#include <string.h>

#include "special.h"

/* The first row that fits counts. */
static const struct special specials[] = {
	{NULL, "blocked prompt", END_BLOCKED, 0, "PROHIBITED_CONTENT"},
	{NULL, "borderline prompt", END_FILTERED, 3, "SAFETY"},
	{NULL, "the filter stops", END_FILTERED, 0, "SAFETY"},
	{NULL, "copyrighted", END_FILTERED, 2, "RECITATION"},
	{NULL, "the model declines", END_DECLINED, 0, NULL},
};

static bool is_model(const char *row, const char *model)
{
	size_t n = strlen(row);

	return !strncmp(row, model, n) && (!model[n] || model[n] == ':');
}

const struct special *special_find(const char *model, struct span question)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
		const struct special *s = &specials[i];

		if ((!s->model || is_model(s->model, model)) &&
			(!s->says || span_has_nocase(question, s->says)))
			return s;
	}
	return NULL;
}
