/*
 * host.c - an instance of a part and the table it is given.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "plugin/plugin.h"

struct instance {
	const plugin *plugin;
	void *handle;
	/* Of the part that it is an instance of; null: the part has none. */
	void (*destroy)(void *instance);
	const void *(*get_extension)(void *instance, const char *id);
	const llm_allocator *mem;
	logger log;
	llm_host host;
	arena own; /* LLM_SCOPE_INSTANCE, and the copies below */
	arena scratch; /* LLM_SCOPE_SCRATCH */
	arena *attempt; /* LLM_SCOPE_ATTEMPT of the running call, or null */
	plugin_watch *watch; /* or null */
	host_config_item *config;
	size_t n_config;
	int said; /* set_error was called in the running call */
	char text[LLM_ERR_MESSAGE_MAX + 1];
};

/* ---- what the plugin calls ---- */

static void host_log(void *ctx, uint32_t level, const char *text, size_t len)
{
	const instance *in = ctx;

	if (!text || !level)
		return;
	len = utf8_cut(text, len, 1500);
	log_line(&in->log, level > LLM_LOG_TRACE ? LLM_LOG_TRACE : level, "plugin %s: %.*s",
		in->plugin->name, (int)len, text);
}

static int32_t host_config(void *ctx, const char *key, const char **ret_text, size_t *ret_len)
{
	const instance *in = ctx;
	size_t i;

	for (i = 0; key && i < in->n_config; i++) {
		if (strcmp(in->config[i].key, key) != 0)
			continue;
		*ret_text = in->config[i].text;
		if (ret_len)
			*ret_len = strlen(in->config[i].text);
		return 0;
	}
	return LLM_E_NOT_FOUND;
}

/* One piece of UTF-8 per character of the text; what is none, or a control, becomes '?'. */
static void host_copy_text(char *out, size_t cap, const char *text, size_t len)
{
	size_t n = 0, i = 0, step;

	while (i < len && n + 4 < cap) {
		step = utf8_len(text + i, len - i);
		if (!step || (unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			out[n++] = text[i] == '\n' ? '\n' : '?';
			i += step ? step : 1;
		} else {
			memcpy(out + n, text + i, step);
			n += step;
			i += step;
		}
	}
	out[n] = '\0';
}

static void host_set_error(void *ctx, int32_t code, const char *text, size_t len)
{
	instance *in = ctx;

	(void)code; /* what counts is what the call returns */
	in->said = text && len;
	if (in->said)
		host_copy_text(in->text, sizeof(in->text), text, len);
}

static void *host_alloc(void *ctx, uint32_t scope, size_t bytes)
{
	instance *in = ctx;

	switch (scope) {
	case LLM_SCOPE_INSTANCE:
		return arena_new(&in->own, bytes);
	case LLM_SCOPE_ATTEMPT:
		return in->attempt ? arena_new(in->attempt, bytes) : NULL;
	case LLM_SCOPE_SCRATCH:
		return arena_new(&in->scratch, bytes);
	default:
		return NULL;
	}
}

/* This version offers none. */
static const void *host_get_extension(void *ctx, const char *id)
{
	(void)ctx;
	(void)id;
	return NULL;
}

/* ---- instances ---- */

static int32_t instance_copy_config(instance *in, const host_config_item *config, size_t n)
{
	host_config_item *copy = arena_array(&in->own, n + 1, sizeof(*copy));
	size_t i;

	if (!copy)
		return LLM_E_NOMEM;
	in->config = copy;
	for (i = 0; i < n; i++) {
		if (!config[i].text) /* nobody said anything */
			continue;
		copy->key = arena_str(&in->own, config[i].key);
		copy->text = arena_str(&in->own, config[i].text);
		if (!copy->key || !copy->text)
			return LLM_E_NOMEM;
		copy++;
	}
	in->n_config = (size_t)(copy - in->config);
	return 0;
}

/* Only the host's half: nothing of the plugin is called. Null when memory is short. */
static instance *instance_seated(const plugin *p, const host_config_item *config, size_t n_config,
	const llm_allocator *mem, const logger *log)
{
	instance *in = mem_new(mem, sizeof(*in));

	if (!in)
		return NULL;
	in->plugin = p;
	in->mem = mem;
	if (log)
		in->log = *log;
	arena_init(&in->own, mem, 0);
	arena_init(&in->scratch, mem, 0);
	in->host = (llm_host){
		.struct_size = sizeof(in->host),
		.abi_minor = LLM_ABI_MINOR,
		.ctx = in,
		.log = host_log,
		.config = host_config,
		.set_error = host_set_error,
		.alloc = host_alloc,
		.get_extension = host_get_extension,
	};
	if (instance_copy_config(in, config, n_config)) {
		instance_free(in);
		return NULL;
	}
	return in;
}

static int32_t instance_nomem(const plugin *p, llm_err *err)
{
	return err_set(err, LLM_E_NOMEM, "no memory for an instance of plugin %s", p->name);
}

static int32_t instance_lacks(const plugin *p, const char *kind, llm_err *err)
{
	return err_set(err, LLM_E_PLUGIN, "plugin %s (%s) is no %s: it has %s", p->name, p->path,
		kind, *p->kinds ? p->kinds : "no parts");
}

/* Takes `in`, also on failure. */
static int32_t instance_create(
	instance *in, int32_t (*create)(const llm_host *, void **), instance **ret, llm_err *err)
{
	void *handle = NULL;
	int32_t rc;

	instance_begin(in, NULL);
	rc = create(&in->host, &handle);
	rc = instance_end(in, "create", rc, err);
	if (!rc && !handle)
		rc = err_set(err, LLM_E_PLUGIN, "plugin %s: create returned no instance",
			in->plugin->name);
	if (rc) {
		instance_free(in);
		return rc;
	}
	in->handle = handle;
	*ret = in;
	return 0;
}

int32_t instance_seat(const plugin *p, const host_config_item *config, size_t n_config,
	const llm_allocator *mem, const logger *log, instance **ret, llm_err *err)
{
	instance *in = instance_seated(p, config, n_config, mem, log);

	if (!in)
		return instance_nomem(p, err);
	*ret = in;
	return 0;
}

const llm_host *instance_host(const instance *in)
{
	return &in->host;
}

int32_t instance_new(const plugin *p, const host_config_item *config, size_t n_config,
	const llm_allocator *mem, const logger *log, instance **ret, llm_err *err)
{
	instance *in;

	if (!p->provider)
		return instance_lacks(p, "provider", err);
	in = instance_seated(p, config, n_config, mem, log);
	if (!in)
		return instance_nomem(p, err);
	in->destroy = p->provider->destroy;
	in->get_extension = p->provider->get_extension;
	return instance_create(in, p->provider->create, ret, err);
}

int32_t instance_new_policy(const plugin *p, const host_config_item *config, size_t n_config,
	const llm_allocator *mem, const logger *log, instance **ret, llm_err *err)
{
	instance *in;

	if (!p->policy)
		return instance_lacks(p, "policy", err);
	in = instance_seated(p, config, n_config, mem, log);
	if (!in)
		return instance_nomem(p, err);
	in->destroy = p->policy->destroy;
	return instance_create(in, p->policy->create, ret, err);
}

void instance_free(instance *in)
{
	if (!in)
		return;
	if (in->handle) {
		instance_enter(in, "destroy", NULL);
		in->destroy(in->handle);
		(void)instance_end(in, "destroy", 0, NULL);
	}
	arena_reset(&in->scratch);
	arena_reset(&in->own);
	mem_free(in->mem, in);
}

const plugin *instance_plugin(const instance *in)
{
	return in->plugin;
}

void *instance_handle(const instance *in)
{
	return in->handle;
}

void instance_begin(instance *in, arena *attempt)
{
	in->attempt = attempt;
	in->said = 0;
	arena_reset(&in->scratch);
}

void instance_enter(instance *in, const char *slot, arena *attempt)
{
	if (in->watch)
		watch_enter(in->watch, in->plugin, slot);
	instance_begin(in, attempt);
}

void instance_watch(instance *in, plugin_watch *w)
{
	in->watch = w;
}

__attribute__((cold)) static int32_t complain(
	instance *in, const char *slot, int32_t returned, llm_err *err)
{
	if (returned > 0 || returned < LLM_E_LAST)
		return err_set(err, LLM_E_PLUGIN,
			"plugin %s: %s returned %d, which is no code of this libllm",
			in->plugin->name, slot, returned);
	if (in->said)
		return err_set(err, returned, "%s", in->text);
	return err_set(err, returned, "plugin %s: %s returned %s without saying why",
		in->plugin->name, slot, llm_error_name(returned));
}

int32_t instance_end(instance *in, const char *slot, int32_t returned, llm_err *err)
{
	in->attempt = NULL;
	if (in->watch)
		watch_leave(in->watch);
	return returned ? complain(in, slot, returned, err) : 0;
}

/* ---- extensions ---- */

int instance_extension(instance *in, const char *id, void *ret, uint32_t size, uint32_t min_size)
{
	const void *theirs;
	uint32_t their_size;

	if (!in->get_extension)
		return 0;
	instance_enter(in, "get_extension", NULL);
	theirs = in->get_extension(in->handle, id);
	(void)instance_end(in, "get_extension", 0, NULL);
	if (!theirs)
		return 0;
	memcpy(&their_size, theirs, sizeof(their_size));
	if (their_size < min_size) {
		log_line(&in->log, LLM_LOG_WARN,
			"plugin %s: its table %s has %u bytes, less than %u; it is not used",
			in->plugin->name, id, their_size, min_size);
		return 0;
	}
	memset(ret, 0, size);
	memcpy(ret, theirs, their_size < size ? their_size : size);
	memcpy(ret, &size, sizeof(size));
	return 1;
}
