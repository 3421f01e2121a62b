/* What env:NAME and file:/path stand for. */
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "conf/inner.h"

#define SECRET_FILE_MAX ((size_t)64 * 1024)

/* Permissions that let others than the owner (and a group that may read) near it. */
#define OPEN_TO_OTHERS 0027u

static int is_good(const char *text, size_t len, int pem)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 || c == 0x7f) && !(pem && (c == '\n' || c == '\r' || c == '\t')))
			return 0;
	}
	return 1;
}

static int32_t register_secret(redact *secrets, const conf_secret *s)
{
	return secrets && s->value ? redact_add(secrets, s->value, s->len) : 0;
}

/* Fewer bytes in memory that nobody wipes: the copy is the only one. */
static int32_t hold(loader *l, const char *bytes, size_t len, conf_secret *s)
{
	held_secret *h = arena_new(l->mem, sizeof(*h));
	char *copy = h ? arena_dup(l->mem, bytes, len) : NULL;

	if (!copy)
		return LLM_E_NOMEM;
	h->bytes = copy;
	h->len = len;
	h->next = l->all->held;
	l->all->held = h;
	s->value = copy;
	s->len = len;
	return 0;
}

void secret_wipe_all(conf_all *all)
{
	held_secret *h;

	for (h = all->held; h; h = h->next)
		explicit_bzero(h->bytes, h->len);
	all->held = NULL;
}

static int32_t check_file(loader *l, const entry *e, const char *path, const file_facts *facts)
{
	if (facts->refused)
		return err_set(l->err, LLM_E_CONFIG,
			"%s: '%s': cannot use %s: %s\n"
			"name a file that holds the secret and nothing else",
			e->set.origin, e->path, path, facts->problem);
	if (!facts->problem && (facts->mode & OPEN_TO_OTHERS))
		return err_set(l->err, LLM_E_CONFIG,
			"%s: '%s': others may read or change %s (mode %04o)\nrun: chmod 600 %s",
			e->set.origin, e->path, path, facts->mode, path);
	return 0;
}

static int32_t from_file(loader *l, const entry *e, conf_secret *s)
{
	const char *path = e->set.text + strlen("file:");
	const llm_allocator *mem = l->mem->mem;
	file_facts facts = {0};
	char *bytes = NULL;
	size_t len = 0;
	int32_t rc = file_read(path, SECRET_FILE_MAX, mem, &facts, &bytes, &len);

	if (rc == LLM_E_NOMEM)
		return rc;
	rc = check_file(l, e, path, &facts);
	if (rc)
		goto wipe_bytes;
	s->problem = facts.problem ? table_text(l->mem, "%s: %s", path, facts.problem) : NULL;
	rc = facts.problem && !s->problem ? LLM_E_NOMEM : 0;
	if (rc || facts.problem)
		goto wipe_bytes;
	if (len && bytes[len - 1] == '\n')
		len--;
	if (len && bytes[len - 1] == '\r')
		len--;
	rc = hold(l, bytes, len, s);
wipe_bytes:
	mem_wipe(mem, bytes, SECRET_FILE_MAX + 1);
	return rc;
}

static int32_t from_env(loader *l, const entry *e, conf_secret *s)
{
	const char *name = e->set.text + strlen("env:");

	s->value = env_find(&l->all->env, name, strlen(name));
	s->len = s->value ? strlen(s->value) : 0;
	if (s->value)
		return 0;
	s->problem = table_text(l->mem, "environment variable %s is not set", name);
	return s->problem ? 0 : LLM_E_NOMEM;
}

/* The value itself, in the copy of the environment. */
static int32_t literal(const entry *e, conf_secret *s)
{
	s->origin = e->set.origin;
	s->value = (char *)(uintptr_t)e->set.text;
	s->len = strlen(s->value);
	return 0;
}

static int32_t judge(loader *l, const entry *e, conf_secret *s)
{
	const char *text;

	if (s->value && !is_good(s->value, s->len, (e->def->flags & KEY_PEM) != 0))
		return err_set(l->err, LLM_E_CONFIG,
			"%s: '%s': %s holds a line end or another control byte\n"
			"write the secret on one line; one line end after it is dropped",
			e->set.origin, e->path, s->origin);
	if (s->value && !s->len) {
		s->value = NULL;
		s->problem = table_text(l->mem, "%s is empty", s->origin);
	}
	if (s->value)
		return register_secret(l->secrets, s);
	text = s->problem ? table_text(l->mem, "%s: %s: %s", e->set.origin, e->path, s->problem) :
			    NULL;
	return text ? conf_warn(l, text) : LLM_E_NOMEM;
}

int32_t secret_read(loader *l, const entry *e, conf_secret *ret)
{
	conf_secret s = {.origin = e->set.text};
	int32_t rc;

	if (strncmp(s.origin, "file:", 5) == 0)
		rc = from_file(l, e, &s);
	else if (strncmp(s.origin, "env:", 4) == 0)
		rc = from_env(l, e, &s);
	else
		rc = literal(e, &s);
	if (!rc)
		rc = judge(l, e, &s);
	if (!rc)
		*ret = s;
	return rc;
}

conf_secret conf_secret_from_env(conf *c, const char *name, redact *secrets)
{
	conf_all *all = (conf_all *)c;
	conf_secret s = {0};

	if (all->env.hidden)
		return s;
	s.value = env_find(&all->env, name, strlen(name));
	if (!s.value || !*s.value) {
		s.value = NULL;
		return s;
	}
	s.len = strlen(s.value);
	s.origin = table_text(&c->mem, "env:%s", name);
	if (!is_good(s.value, s.len, 0))
		s.problem = table_text(&c->mem,
			"the environment variable %s holds a line end or another control byte",
			name);
	else if (!s.origin || register_secret(secrets, &s))
		s.problem = "out of memory";
	if (s.problem)
		s.value = NULL;
	return s;
}
