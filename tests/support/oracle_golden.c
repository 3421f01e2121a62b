#include <stdio.h>
#include <string.h>

#include "support/oracle.h"
#include "support/run.h"

void oracle_golden(oracle *o, const char *name, const llm_err *err)
{
	char path[512], said[LLM_ERR_MESSAGE_MAX + 128], text[LLM_ERR_MESSAGE_MAX + 256], port[32];

	snprintf(path, sizeof(path), "%s/tests/golden/errors/%s.txt", o->home->source_dir, name);
	snprintf(port, sizeof(port), ":%u", (unsigned)sim_port(o->up));
	snprintf(said, sizeof(said), "%s\n%s\n", llm_error_name(err->code), err->message);
	run_replace(said, port, ":PORT", text, sizeof(text));
	if (!run_golden(path, text))
		oracle_wrong(o, "the error is not that of %s", path);
}
