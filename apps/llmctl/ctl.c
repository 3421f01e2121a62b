#include "ctl.h"

#include <string.h>

#include "json.h"

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

int32_t ctl_service(ctl *c, llm_err *err)
{
	int32_t rc = ctl_where(c, err);

	return rc ? rc : llm_service_new(&c->opts, &c->svc, err);
}

void ctl_done(ctl *c)
{
	llm_service_free(c->svc);
	defaults_done(&c->where);
	args_done(&c->opt);
}

int ctl_fail(const ctl *c, const llm_err *err)
{
	complain(&c->term, err, NULL);
	if (c->opt.json)
		json_print_error(err);
	return complain_exit(err->code);
}
