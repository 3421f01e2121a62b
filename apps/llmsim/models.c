#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "faults.h"
#include "models.h"

const char *model_capability(unsigned bit)
{
	switch (bit) {
	case CAN_COMPLETION:
		return "completion";
	case CAN_TOOLS:
		return "tools";
	case CAN_THINKING:
		return "thinking";
	case CAN_VISION:
		return "vision";
	case CAN_EMBEDDING:
		return "embedding";
	default:
		return "";
	}
}

static unsigned capability(struct span word)
{
	for (unsigned bit = CAN_COMPLETION; bit <= CAN_EMBEDDING; bit <<= 1)
		if (span_is(word, model_capability(bit)))
			return bit;
	return 0;
}

/* "completion+tools": false on a word that is none. */
static bool capabilities(const char *from, const char *to, unsigned *ret)
{
	unsigned can = 0;

	while (from <= to) {
		const char *plus = memchr(from, '+', (size_t)(to - from));
		const char *end = plus ? plus : to;
		unsigned bit = capability((struct span){from, (size_t)(end - from)});

		if (!bit)
			return false;
		can |= bit;
		from = end + 1;
	}
	*ret = can;
	return true;
}

static char *full_name(const char *name, size_t len)
{
	struct bytes b = {0};

	bytes_add(&b, name, len);
	if (!memchr(name, ':', len))
		bytes_text(&b, ":latest");
	return b.data;
}

static bool add(struct models *m, const char *from, const char *to)
{
	const char *equal = memchr(from, '=', (size_t)(to - from));
	const char *end = equal ? equal : to;
	unsigned can = CAN_ALL;

	if (end == from || (equal && !capabilities(equal + 1, to, &can)))
		return false;
	m->list = mem_grow(m->list, (m->count + 1) * sizeof(*m->list));
	m->list[m->count++] = (struct model){
		.name = full_name(from, (size_t)(end - from)),
		.can = can,
		.thinks = equal && (can & CAN_THINKING),
	};
	return true;
}

int models_read(const char *text, struct models *ret)
{
	struct models m = {0};
	const char *from = text;

	for (;;) {
		size_t len = strcspn(from, ",");

		if (!add(&m, from, from + len)) {
			fprintf(stderr,
				"llmsim: --models: \"%.*s\" is no model\n"
				"Write NAME or NAME=completion+tools+thinking+vision+embedding, commas "
				"between models.\n",
				(int)len, from);
			models_done(&m);
			return 2;
		}
		if (!from[len])
			break;
		from += len + 1;
	}
	m.faults = mem_new(sizeof(*m.faults));
	*ret = m;
	return 0;
}

void models_done(struct models *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->list[i].name);
	free(m->list);
	faults_free(m->faults);
	*m = (struct models){0};
}

const struct model *models_find(const struct models *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++) {
		const char *own = m->list[i].name;
		size_t len = strlen(name);

		if (!strcmp(own, name))
			return &m->list[i];
		if (!strncmp(own, name, len) && !strcmp(own + len, ":latest"))
			return &m->list[i];
	}
	return faults_model(m->faults, name);
}
