#include <stdio.h>
#include <string.h>

#include "support/oracle.h"
#include "support/run.h"

/* `text` with every `word` as `other`, into `out` of `cap` bytes. */
static void put_replaced(
	const char *text, const char *word, const char *other, char *out, size_t cap)
{
	size_t n = 0;

	while (*text && n + strlen(other) + 1 < cap) {
		if (strncmp(text, word, strlen(word)) == 0) {
			memcpy(out + n, other, strlen(other));
			n += strlen(other);
			text += strlen(word);
			continue;
		}
		out[n++] = *text++;
	}
	out[n] = '\0';
}

void oracle_golden(oracle *o, const char *name, const llm_err *err)
{
	char path[512], said[LLM_ERR_MESSAGE_MAX + 128], text[LLM_ERR_MESSAGE_MAX + 256], port[32];

	snprintf(path, sizeof(path), "%s/tests/golden/errors/%s.txt", o->home->source_dir, name);
	snprintf(port, sizeof(port), ":%u", (unsigned)sim_port(o->up));
	snprintf(said, sizeof(said), "%s\n%s\n", llm_error_name(err->code), err->message);
	put_replaced(said, port, ":PORT", text, sizeof(text));
	if (!run_golden(path, text))
		oracle_wrong(o, "the error is not that of %s", path);
}
