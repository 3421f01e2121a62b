#include <string.h>

#include "special.h"

/* The first row that fits counts. */
static const struct special specials[] = {
	{"blocked prompt", END_BLOCKED, 0, "PROHIBITED_CONTENT"},
	{"borderline prompt", END_FILTERED, 3, "SAFETY"},
	{"the filter stops", END_FILTERED, 0, "SAFETY"},
	{"copyrighted", END_FILTERED, 2, "RECITATION"},
	{"the model declines", END_DECLINED, 0, NULL},
};

const struct special *special_find(struct span question)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
		if (span_has_nocase(question, specials[i].says))
			return &specials[i];
	}
	return NULL;
}
