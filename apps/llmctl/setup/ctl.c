#include "ctl.h"

#include <string.h>

#include "io/json.h"
#include "store.h"

/* With -v the library's own log is shown; a line at a time, from any thread. */
static void log_line(uintptr_t token, uint32_t level, const char *line, size_t len)
{
	char text[1024];

	(void)token;
	(void)level;
	len = len < sizeof(text) - 1 ? len : sizeof(text) - 1;
	memcpy(text, line, len);
	text[len] = '\n';
	term_say(text, len + 1);
}

int32_t ctl_where(ctl *c, llm_err *err)
{
	if (defaults_find(&c->where, c->opt.config))
		return complain_set(err, LLM_E_NOMEM, "memory is short");
	defaults_opts(&c->where, &c->opts);
	if (c->opt.verbose) {
		c->opts.log = log_line;
		c->opts.log_level = LLM_LOG_INFO;
	}
	return 0;
}

/* What only looks makes no rows, and needs no database. */
static int32_t service_alone(ctl *c, llm_err *err)
{
	c->store.n_overrides = 0;
	store_without(c);
	return llm_service_new(&c->opts, &c->svc, err);
}

int32_t ctl_service(ctl *c, llm_err *err)
{
	int32_t rc = ctl_where(c, err);

	return rc ? rc : service_alone(c, err);
}

int32_t ctl_looking_service(ctl *c, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	int32_t rc = ctl_where(c, err);

	if (!rc)
		rc = store_look(c, err);
	if (rc)
		return rc;
	return llm_service_new(&c->opts, &c->svc, &why) ? service_alone(c, err) : 0;
}

/* Where the words are to be kept an answer that is not recorded would not do. */
static int32_t service_migrated(ctl *c, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	int32_t rc = store_migrate_own(c, &why);

	if (rc && c->opt.store_content) {
		*err = why;
		return rc;
	}
	if (rc)
		store_give_up(c, &why);
	return llm_service_new(&c->opts, &c->svc, err);
}

/*
 * It is the database of llmctl's own, or what stands beside it; or one that is away, and the
 * answer counts more than its record (storage.ledger = "after").
 */
static bool may_do_without(const ctl *c, int32_t rc, const llm_err *err)
{
	if (c->opt.store_content)
		return false;
	if (!c->store.own)
		return c->store.after && (rc == LLM_E_PERSISTENCE || rc == LLM_E_DB_BUSY);
	if (rc == LLM_E_CONFIG)
		return !c->store.has_key && strstr(err->message, "privacy.key");
	return rc == LLM_E_PERSISTENCE || rc == LLM_E_DB_BUSY || rc == LLM_E_PLUGIN;
}

int32_t ctl_recording_service(ctl *c, llm_err *err)
{
	int32_t rc = ctl_where(c, err);

	if (!rc)
		rc = store_settle(c, err);
	if (rc)
		return rc;
	rc = llm_service_new(&c->opts, &c->svc, err);
	if (rc == LLM_E_SCHEMA && c->store.own)
		rc = service_migrated(c, err);
	if (may_do_without(c, rc, err)) {
		store_give_up(c, err);
		rc = llm_service_new(&c->opts, &c->svc, err);
	}
	return rc;
}

void ctl_again(ctl *c)
{
	defaults_done(&c->where);
	memset(&c->where, 0, sizeof(c->where));
	memset(&c->opts, 0, sizeof(c->opts));
	memset(&c->store, 0, sizeof(c->store));
}

void ctl_done(ctl *c)
{
	llm_service_free(c->svc);
	defaults_done(&c->where);
	args_done(&c->opt);
}

int ctl_fail(const ctl *c, const llm_err *err)
{
	llm_err whole = *err;

	store_name_file(c, &whole);
	complain(&c->term, &whole, NULL);
	if (c->opt.json)
		json_print_error(&whole);
	return complain_exit(err->code);
}
