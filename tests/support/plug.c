#include "support/plug.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plug_block {
	plug_block *next;
	max_align_t bytes[];
};

void plug_add(plug_text *t, const char *bytes, size_t len)
{
	char *more = realloc(t->ptr, t->len + len + 1);

	if (!more)
		abort();
	if (len)
		memcpy(more + t->len, bytes, len);
	t->ptr = more;
	t->len += len;
	t->ptr[t->len] = '\0';
}

void plug_clear(plug_text *t)
{
	free(t->ptr);
	t->ptr = NULL;
	t->len = 0;
}

/* ---- host ---- */

static void host_log(void *ctx, uint32_t level, const char *text, size_t len)
{
	(void)ctx;
	(void)level;
	(void)text;
	(void)len;
}

static int32_t host_config(void *ctx, const char *key, const char **ret_text, size_t *ret_len)
{
	const plug *p = ctx;
	size_t i;

	for (i = 0; p->config && p->config[i]; i += 2) {
		if (strcmp(p->config[i], key) != 0)
			continue;
		*ret_text = p->config[i + 1];
		*ret_len = strlen(p->config[i + 1]);
		return 0;
	}
	return LLM_E_NOT_FOUND;
}

static void host_set_error(void *ctx, int32_t code, const char *text, size_t len)
{
	plug *p = ctx;

	p->error_code = code;
	plug_clear(&p->error);
	plug_add(&p->error, text, len);
}

static void *scope_new(plug *p, uint32_t scope, size_t bytes)
{
	plug_block *b = calloc(1, sizeof(*b) + bytes);

	if (!b)
		abort();
	b->next = p->scopes[scope];
	p->scopes[scope] = b;
	return b->bytes;
}

static void *host_alloc(void *ctx, uint32_t scope, size_t bytes)
{
	plug *p = ctx;

	if (scope < LLM_SCOPE_INSTANCE || scope > LLM_SCOPE_SCRATCH)
		abort();
	p->allocs++;
	return p->allocs == p->fail_at ? NULL : scope_new(p, scope, bytes);
}

static const void *host_extension(void *ctx, const char *id)
{
	(void)ctx;
	(void)id;
	return NULL;
}

static void scope_free(plug *p, uint32_t scope)
{
	while (p->scopes[scope]) {
		plug_block *b = p->scopes[scope];

		p->scopes[scope] = b->next;
		free(b);
	}
}

static const llm_provider_vtable *find_provider(const llm_plugin_desc *d)
{
	size_t i;

	for (i = 0; d->parts[i]; i++)
		if (strcmp(d->parts[i]->kind, LLM_KIND_PROVIDER) == 0)
			return d->parts[i]->vtable;
	return NULL;
}

int32_t plug_open(plug *p, const char *file, const char *const *config)
{
	llm_plugin_entry entry;

	memset(p, 0, sizeof(*p));
	p->path = file;
	p->file = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!p->file)
		return -1000;
	*(void **)&entry = dlsym(p->file, LLM_PLUGIN_ENTRY_NAME);
	p->desc = entry ? entry(LLM_ABI_MINOR) : NULL;
	p->v = p->desc ? find_provider(p->desc) : NULL;
	if (!p->v)
		return -1000;
	p->info = p->v->describe();
	p->config = config;
	p->host = (llm_host){(uint32_t)sizeof(p->host), LLM_ABI_MINOR, 0, p, host_log, host_config,
		host_set_error, host_alloc, host_extension};
	return p->v->create(&p->host, &p->instance);
}

void plug_close(plug *p)
{
	uint32_t scope;

	if (p->v && p->instance)
		p->v->destroy(p->instance);
	for (scope = 0; scope < 4; scope++)
		scope_free(p, scope);
	plug_clear(&p->error);
	if (p->file)
		dlclose(p->file);
	memset(p, 0, sizeof(*p));
}

void plug_begin(plug *p)
{
	scope_free(p, LLM_SCOPE_SCRATCH);
	plug_clear(&p->error);
	p->error_code = 0;
}

void plug_attempt_ends(plug *p)
{
	scope_free(p, LLM_SCOPE_ATTEMPT);
}

void *plug_keep(plug *p, size_t bytes)
{
	return scope_new(p, 0, bytes);
}

char *plug_keep_text(plug *p, const char *text, size_t len)
{
	char *copy = plug_keep(p, len + 1);

	memcpy(copy, text, len);
	return copy;
}

/* ---- files ---- */

char *plug_read_file(const char *path, size_t *ret_len)
{
	plug_text t = {NULL, 0};
	char piece[4096];
	size_t n;
	FILE *f = fopen(path, "rb");

	if (!f)
		return NULL;
	plug_add(&t, "", 0);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		plug_add(&t, piece, n);
	fclose(f);
	*ret_len = t.len;
	return t.ptr;
}
