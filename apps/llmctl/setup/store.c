/*
 * store.c - the database: that of the configuration, or llmctl's own under
 * $XDG_STATE_HOME/llm, which is made and migrated without being asked for.
 */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "llm/config.h"
#include "place.h"

bool store_is_workspace(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._:-";
	size_t n = strlen(text);

	return n >= 1 && n <= 128 && strspn(text, allowed) == n;
}

/* ---- what is configured ---- */

bool store_is_file(const ctl_store *s)
{
	return !s->plugin[0] || strcmp(s->plugin, "sqlite") == 0;
}

/* Values come as a file would have them; what is looked at here has no escapes. */
static void take_text(char *ret, size_t cap, const char *value)
{
	const size_t n = strlen(value);
	const bool quoted = n >= 2 && value[0] == '"' && value[n - 1] == '"';

	snprintf(ret, cap, "%.*s", quoted ? (int)n - 2 : (int)n, quoted ? value + 1 : value);
}

static void take_place(ctl_store *s, const llm_config_item *item)
{
	s->configured = true;
	s->in_file |= strncmp(item->origin, "environment", 11) != 0;
}

static void take_item(ctl_store *s, const llm_config_item *item)
{
	char word[16];

	if (strcmp(item->key, "workspace") == 0) {
		take_text(s->workspace, sizeof(s->workspace), item->value);
	} else if (strcmp(item->key, "storage.ledger") == 0) {
		take_text(word, sizeof(word), item->value);
		s->off = strcmp(word, "off") == 0;
		s->after = strcmp(word, "after") == 0;
	} else if (strcmp(item->key, "privacy.content") == 0) {
		take_text(word, sizeof(word), item->value);
		s->keeps = strcmp(word, "redacted") == 0 || strcmp(word, "full") == 0;
	} else if (strcmp(item->key, "budget.limit") == 0) {
		s->budgets = true;
	} else if (strcmp(item->key, "budget.counted") == 0) {
		take_text(word, sizeof(word), item->value);
		s->alone = strcmp(word, "process") == 0;
		s->budgets |= !s->alone;
	} else if (strcmp(item->key, "privacy.key") == 0) {
		s->has_key = true;
	} else if (strcmp(item->key, "storage.plugin") == 0) {
		take_place(s, item);
		take_text(s->plugin, sizeof(s->plugin), item->value);
	} else if (strcmp(item->key, "storage.dsn") == 0) {
		take_place(s, item);
		take_text(s->dsn, sizeof(s->dsn), item->value);
	}
}

static bool is_of_profile(const char *key, const char *name)
{
	static const char before[] = "profiles.";
	const size_t n = strlen(name);

	if (strncmp(key, before, sizeof(before) - 1) != 0)
		return false;
	key += sizeof(before) - 1;
	return strncmp(key, name, n) == 0 && key[n] == '.';
}

static int32_t look(ctl *c, llm_err *err)
{
	llm_config_item item = {.struct_size = (uint32_t)sizeof(item)};
	llm_config *cfg = NULL;
	int32_t rc = llm_config_load(&c->opts, &cfg, err);

	if (rc)
		return rc;
	for (uint32_t i = 0; llm_config_at(cfg, i, &item) == 0; i++) {
		take_item(&c->store, &item);
		if (c->opt.profile && is_of_profile(item.key, c->opt.profile))
			c->store.has_profile = true;
	}
	llm_config_free(cfg);
	return 0;
}

/* Without a file and a variable nothing can be configured, and nothing has to be read. */
static bool is_bare(const ctl *c)
{
	extern char **environ;

	for (char **e = environ; e && *e; e++)
		if (strncmp(*e, "LLM_", 4) == 0)
			return false;
	return !c->where.present || !c->where.present[0];
}

int32_t store_plugin(ctl *c, const char **ret, llm_err *err)
{
	int32_t rc = ctl_where(c, err);

	if (!rc && !is_bare(c))
		rc = look(c, err);
	if (!rc)
		*ret = c->store.plugin;
	return rc;
}

/* ---- the database of llmctl's own ---- */

bool store_own_file(const char *name, char *ret, size_t cap)
{
	llm_err err = LLM_ERR_INIT;
	char folder[900];
	int n;

	if (place_folder(folder, sizeof(folder), &err))
		return false;
	n = snprintf(ret, cap, "%s/%s", folder, name);
	return n > 0 && (size_t)n < cap && place_make_folders(ret, &err) == 0;
}

static void override_with(ctl *c, const char *key, const char *value)
{
	ctl_store *s = &c->store;
	char *text = s->texts[s->n_overrides];

	snprintf(text, sizeof(s->texts[0]), "%s=%s", key, value);
	s->overrides[s->n_overrides++] = text;
	s->overrides[s->n_overrides] = NULL;
	c->opts.overrides = s->overrides;
}

void store_without(ctl *c)
{
	override_with(c, "storage.ledger", "off");
	override_with(c, "cache.store", "memory");
}

static void default_workspace(ctl *c)
{
	ctl_store *s = &c->store;

	if (s->workspace[0])
		return;
	snprintf(s->workspace, sizeof(s->workspace), "default");
	override_with(c, "workspace", s->workspace);
}

/* Who writes a file says there whose runs they are; two variables do not change whose they are. */
static void default_of_variables(ctl *c)
{
	if (c->store.configured && !c->store.in_file)
		default_workspace(c);
}

/* Names and makes what stands beside the database; the tables come when they are missed. */
static int32_t own_begin(ctl *c, llm_err *err)
{
	ctl_store *s = &c->store;
	char folder[900], key[1000], value[1024];
	int32_t rc;

	rc = place_folder(folder, sizeof(folder), err);
	if (rc)
		return rc;
	snprintf(s->path, sizeof(s->path), "%s/llm.db", folder);
	snprintf(key, sizeof(key), "%s/privacy.key", folder);
	snprintf(value, sizeof(value), "file:%s", key);
	s->is_new = access(s->path, F_OK) != 0;
	rc = s->is_new ? place_make_folders(s->path, err) : 0;
	if (!rc && !s->has_key)
		rc = place_make_key(key, err);
	if (rc)
		return rc;
	override_with(c, "storage.plugin", "sqlite");
	override_with(c, "storage.dsn", s->path);
	override_with(c, "storage.create", "true");
	if (!s->has_key)
		override_with(c, "privacy.key", value);
	default_workspace(c);
	return 0;
}

int32_t store_migrate_own(ctl *c, llm_err *err)
{
	llm_storage_opts opts = LLM_STORAGE_OPTS_INIT;
	llm_storage *storage = NULL;
	llm_unit *unit = NULL;
	char line[1200];
	int32_t rc;

	opts.service = &c->opts;
	rc = llm_storage_new(&opts, &storage, err);
	if (!rc)
		rc = llm_unit_open(storage, &unit, err);
	if (!rc)
		rc = llm_unit_migrate(unit, LLM_SCHEMA_LATEST, err);
	llm_unit_close(unit);
	llm_storage_free(storage);
	if (rc || !c->store.is_new)
		return rc;
	c->store.is_new = false;
	snprintf(line, sizeof(line),
		"runs are kept in %s, of their content byte counts and keyed hashes; off with "
		"storage = { ledger = \"off\"; }; or --no-record",
		c->store.path);
	complain_note(&c->term, "note", line);
	return 0;
}

void store_give_up(ctl *c, const llm_err *why)
{
	char line[900];
	size_t n = (size_t)snprintf(line, sizeof(line), "runs are not recorded: ");

	/* What helps stands in the next line of it. */
	for (const char *at = why->message; *at && n < sizeof(line) - 2; at++) {
		line[n++] = (char)(*at == '\n' ? ';' : *at);
		if (*at == '\n')
			line[n++] = ' ';
	}
	line[n] = '\0';
	complain_note(&c->term, "note", line);
	c->store.own = false;
	c->store.n_overrides = 0;
	store_without(c);
}

/* ---- for a service ---- */

static int32_t check_options(const ctl_options *o, llm_err *err)
{
	if (o->workspace && !store_is_workspace(o->workspace))
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--workspace %.60s is no workspace: it has 1 to 128 of A-Z, a-z, 0-9 and "
			"._:-",
			o->workspace);
	if (o->no_record && o->store_content)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"--no-record and --store-content exclude each other\n"
			"Try: llmctl ask --help");
	return 0;
}

int32_t store_settle(ctl *c, llm_err *err)
{
	ctl_store *s = &c->store;
	llm_err why = LLM_ERR_INIT;
	int32_t rc = check_options(&c->opt, err);

	if (!rc && !is_bare(c))
		rc = look(c, err);
	if (rc)
		return rc;
	if (c->opt.no_record)
		store_without(c);
	if (s->off && c->opt.store_content)
		return complain_set(err, LLM_E_CONFIG,
			"--store-content: nothing is recorded here, storage.ledger is off");
	if (s->off || c->opt.no_record)
		return 0;
	default_of_variables(c);
	if (!s->configured) {
		s->own = true;
		rc = own_begin(c, &why);
		if (rc && c->opt.store_content) {
			*err = why; /* what is owed is not given up */
			return rc;
		}
		if (rc)
			store_give_up(c, &why);
	}
	if (c->opt.store_content)
		override_with(c, "privacy.content", "full");
	return 0;
}

int32_t store_look(ctl *c, llm_err *err)
{
	ctl_store *s = &c->store;
	llm_err ignored = LLM_ERR_INIT; /* who has no folder has no runs to look at */
	char folder[900];
	int32_t rc = is_bare(c) ? 0 : look(c, err);

	if (rc)
		return rc;
	if (!s->off && !s->configured) {
		s->own = place_folder(folder, sizeof(folder), &ignored) == 0;
		snprintf(s->path, sizeof(s->path), "%s/llm.db", s->own ? folder : "");
		s->off = !s->own || access(s->path, F_OK) != 0;
	}
	default_of_variables(c);
	if (!s->off)
		return s->own ? own_begin(c, err) : 0;
	store_without(c);
	return 0;
}

/* ---- a connection ---- */

static int32_t pick_workspace(ctl *c, store *ret, llm_err *err)
{
	const char *said = c->opt.workspace ? c->opt.workspace : c->store.workspace;

	if (!said[0])
		return complain_set(err, LLM_E_WORKSPACE_REQUIRED,
			"no workspace is named: neither --workspace nor the configuration's "
			"`workspace` says whose runs are meant\n"
			"Name one with --workspace NAME.");
	ret->workspace = said;
	return 0;
}

static int32_t open_unit(const ctl *c, store *ret, llm_err *err)
{
	llm_storage_opts opts = LLM_STORAGE_OPTS_INIT;
	int32_t rc;

	opts.service = &c->opts;
	rc = llm_storage_new(&opts, &ret->storage, err);
	return rc ? rc : llm_unit_open(ret->storage, &ret->unit, err);
}

/* What was opened for reading has to be written after all. */
static int32_t open_to_write(ctl *c, store *st, llm_err *err)
{
	ctl_store *s = &c->store;

	if (!s->reading)
		return 0;
	store_close(st);
	st->unit = NULL;
	st->storage = NULL;
	s->overrides[--s->n_overrides] = NULL;
	s->reading = false;
	return open_unit(c, st, err);
}

static int32_t check_schema(ctl *c, store *st, llm_err *err)
{
	int32_t rc = llm_unit_check_schema(st->unit, err);

	if (rc != LLM_E_SCHEMA || !c->store.own)
		return rc;
	rc = open_to_write(c, st, err);
	return rc ? rc : llm_unit_migrate(st->unit, LLM_SCHEMA_LATEST, err);
}

void store_name_file(const ctl *c, llm_err *err)
{
	static const char *const ends[] = {
		"llmctl db migrate", "llmctl db migrate --fresh", "llmctl db status"};
	const size_t n = strlen(err->message);
	size_t len;

	for (size_t i = 0; c->opt.config && i < sizeof(ends) / sizeof(ends[0]); i++) {
		len = strlen(ends[i]);
		if (n >= len && strcmp(err->message + n - len, ends[i]) == 0)
			snprintf(err->message + n, sizeof(err->message) - n, " -c %s",
				c->opt.config);
	}
}

/* Another's plugin may not know the key. */
static bool can_make(const ctl_store *s)
{
	return store_is_file(s) || strcmp(s->plugin, "postgres") == 0;
}

static int32_t find(ctl *c, unsigned need, llm_err *err)
{
	ctl_store *s = &c->store;
	int32_t rc = ctl_where(c, err);

	if (!rc)
		rc = check_options(&c->opt, err);
	if (!rc)
		rc = look(c, err);
	if (!rc)
		default_of_variables(c);
	if (!rc && !s->configured) {
		s->own = true;
		rc = own_begin(c, err);
	} else if (!rc && (need & STORE_MAKE) && can_make(s)) {
		override_with(c, "storage.create", "true");
	}
	s->reading = !rc && (need & STORE_READ) && !s->is_new && store_is_file(s);
	if (s->reading)
		override_with(c, "storage.access", "read");
	return rc;
}

int32_t store_open(ctl *c, unsigned need, store *ret, llm_err *err)
{
	int32_t rc;

	memset(ret, 0, sizeof(*ret));
	rc = find(c, need, err);
	if (!rc && (need & STORE_WORKSPACE))
		rc = pick_workspace(c, ret, err);
	if (!rc)
		rc = open_unit(c, ret, err);
	if (!rc && !(need & STORE_ANY_SCHEMA))
		rc = check_schema(c, ret, err);
	return rc;
}

void store_close(store *st)
{
	llm_unit_close(st->unit);
	llm_storage_free(st->storage);
}
