#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "near.h"

#define PREFIX "fault-"
#define MODELS_MOST 10000
#define VALUE_MOST 1000000000000u
#define NS_PER_MS UINT64_C(1000000)

bool faults_is_name(const char *name)
{
	return !strncmp(name, PREFIX, sizeof(PREFIX) - 1);
}

/* ---- numbers and times ---- */

/* Where the digits end; null if there are none, or too many. */
static const char *count(const char *at, uint64_t *ret)
{
	uint64_t n = 0;

	if (*at < '0' || *at > '9')
		return NULL;
	for (; *at >= '0' && *at <= '9'; at++) {
		n = n * 10 + (uint64_t)(*at - '0');
		if (n > VALUE_MOST)
			return NULL;
	}
	*ret = n;
	return at;
}

/* "50ms" or "5s" */
static const char *span(const char *at, uint64_t *ret_ns)
{
	uint64_t n = 0;

	at = count(at, &n);
	if (at && !strncmp(at, "ms", 2)) {
		*ret_ns = n * NS_PER_MS;
		return at + 2;
	}
	if (!at || *at != 's' || n > VALUE_MOST / 1000)
		return NULL;
	*ret_ns = n * 1000 * NS_PER_MS;
	return at + 1;
}

/* ---- a name ---- */

/* Behind "-word-"; null if that does not stand there. */
static const char *word(const char *at, const char *text)
{
	size_t n = strlen(text);

	return strncmp(at, text, n) != 0 ? NULL : at + n;
}

/* How often; the rest of the name up to its tag. */
static bool when(const char *at, struct fault_spec *s)
{
	const char *next;

	s->many = 1;
	if (!*at)
		return true;
	s->when = WHEN_FIRST;
	if (!strcmp(at, "-once"))
		return true;
	next = word(at, "-times-");
	if (next)
		next = count(next, &s->many);
	else if ((next = word(at, "-for-")))
		next = (s->many = 0, span(next, &s->span_ns));
	else if ((next = word(at, "-flap-"))) {
		const char *time = span(next, &s->span_ns);

		s->when = WHEN_FLAPPING;
		s->many = 0;
		next = time ? time : count(next, &s->many);
	}
	return next && !*next && (s->many || s->span_ns);
}

static bool value(const char **at, const struct fault_kind *k, struct fault_spec *s)
{
	const char *next = word(*at, "-");

	s->value = k->value == VALUE_MAYBE;
	if (k->value == VALUE_NONE)
		return true;
	if (next)
		next = (k->value == VALUE_TIME ? span : count)(next, &s->value);
	if (next)
		*at = next;
	return next || k->value == VALUE_MAYBE;
}

static bool possible(const struct fault_spec *s)
{
	/* Who is not let in cannot be counted. */
	if (s->kind->what == FAULT_REFUSE)
		return s->when == WHEN_ALWAYS || !s->many;
	return s->kind->what != FAULT_BIG_FRAME || (s->value && s->value <= 64);
}

static bool is_kind(const struct fault_kind *k, const char *name, struct fault_spec *ret)
{
	struct fault_spec s = {.kind = k};
	const char *at = word(name, k->name);

	if (!at || !value(&at, k, &s) || !when(at, &s) || !possible(&s))
		return false;
	*ret = s;
	return true;
}

/* Without prefix and tag; to be freed. */
static char *bare(const char *name)
{
	if (faults_is_name(name))
		name += sizeof(PREFIX) - 1;
	return mem_copy(name, strcspn(name, ":"));
}

bool faults_read(const char *name, struct fault_spec *ret)
{
	char *own = bare(name);
	bool found = false;

	for (size_t i = 0; i < fault_kind_count && !found; i++)
		found = is_kind(&fault_kinds[i], own, ret);
	free(own);
	return found;
}

/* ---- the one that was meant ---- */

/* Every number but a status in front as N, every time as T, as the patterns have them. */
static void as_pattern(struct bytes *b, const char *name)
{
	const char *at = name;

	while (*at) {
		uint64_t n;
		const char *time = at > name && at[-1] == '-' ? span(at, &n) : NULL;
		const char *number = at > name && at[-1] == '-' ? count(at, &n) : NULL;

		if (number && strncmp(name, "error-in", 8) != 0) {
			bytes_text(b, time ? "T" : "N");
			at = time ? time : number;
		} else {
			bytes_add(b, at++, 1);
		}
	}
}

void faults_nearest(struct bytes *b, const char *name)
{
	static const char *const ends[] = {"", "-once", "-times-N", "-for-T", "-flap-N", "-flap-T"};
	static const char *const values[] = {"", "", "-N", "-T"};
	char *own = bare(name);
	struct bytes asked = {0};
	struct bytes best = {0};
	size_t best_far = SIZE_MAX;

	as_pattern(&asked, own);
	for (size_t i = 0; i < fault_kind_count * 6; i++) {
		const struct fault_kind *k = &fault_kinds[i % fault_kind_count];
		struct bytes one = {0};
		size_t far;

		bytes_format(&one, "%s%s%s", k->name, values[k->value], ends[i / fault_kind_count]);
		far = near_distance(asked.data ? asked.data : "", one.data);
		if (far < best_far || !best.len) {
			best_far = far;
			best.len = 0;
			bytes_text(&best, one.data);
		}
		bytes_done(&one);
	}
	bytes_format(b, PREFIX "%s", best.data);
	bytes_done(&best);
	bytes_done(&asked);
	free(own);
}

/* ---- the models of such names ---- */

struct fault_model *faults_new(const struct fault_spec *spec, const char *name)
{
	struct fault_model *m = mem_new(sizeof(*m));
	struct bytes full = {0};

	bytes_text(&full, name);
	if (!strchr(name, ':'))
		bytes_text(&full, ":latest");
	m->model = (struct model){.name = full.data, .can = CAN_ALL};
	m->spec = *spec;
	return m;
}

static struct fault_model *known(const struct faults *f, const char *name)
{
	struct fault_model *m = f->list;
	size_t n = strlen(name);

	while (m &&
		(strncmp(m->model.name, name, n) != 0 ||
			(m->model.name[n] && strcmp(m->model.name + n, ":latest") != 0)))
		m = m->next;
	return m;
}

const struct model *faults_model(struct faults *f, const char *name)
{
	struct fault_spec spec;
	struct fault_model *m;

	if (!f || !faults_is_name(name))
		return NULL;
	m = known(f, name);
	if (!m && (!faults_read(name, &spec) || spec.kind->what == FAULT_REFUSE)) {
		strncpy(f->unknown, name, sizeof(f->unknown) - 1);
		return NULL;
	}
	if (!m && f->count < MODELS_MOST) {
		m = faults_new(&spec, name);
		m->next = f->list;
		f->list = m;
		f->count++;
	}
	if (m && !f->fixed)
		faults_prepare(f, m);
	return m ? &m->model : NULL;
}

void faults_drop(struct fault_model *m)
{
	if (!m)
		return;
	free(m->model.name);
	free(m);
}

void faults_reset(struct faults *f)
{
	struct fault_model *m;

	for (m = f->list; m; m = m->next)
		m->asked = m->first_ns = 0;
	/* Refusing counts from the start. */
	if (f->forced && f->forced->spec.kind->what != FAULT_REFUSE)
		f->forced->asked = f->forced->first_ns = 0;
}

void faults_free(struct faults *f)
{
	while (f && f->list) {
		struct fault_model *m = f->list;

		f->list = m->next;
		faults_drop(m);
	}
	if (f)
		faults_drop(f->forced);
	free(f);
}
