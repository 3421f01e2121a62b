/*
 * workspace.c - one workspace out of several sources, never by silent precedence.
 */
#include "store/workspace.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

int workspace_valid(const char *text)
{
	size_t i;

	for (i = 0; text[i]; i++)
		if (i == WORKSPACE_MAX ||
			(!ascii_is_alnum((unsigned char)text[i]) && !strchr("._:-", text[i])))
			return 0;
	return i > 0;
}

int32_t workspace_resolve(const workspace_said *said, int needed, const char **ret, llm_err *err)
{
	const char *const sources[] = {said->request, said->metadata, said->bound};
	const char *one = NULL;
	size_t i;

	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (sources[i] && one && strcmp(sources[i], one) != 0)
			return err_set(err, LLM_E_WORKSPACE_CONFLICT,
				"two workspaces are named: \"%.128s\" and \"%.128s\"\n"
				"Name one, in one place.",
				one, sources[i]);
		if (sources[i])
			one = sources[i];
	}
	one = one ? one : said->config;
	if (!one && needed)
		return err_set(err, LLM_E_WORKSPACE_REQUIRED,
			"records are kept by workspace, and none is named\n"
			"Name one in the request, or set the key workspace.");
	if (one && !workspace_valid(one))
		return err_set(err, LLM_E_INVALID_REQUEST,
			"\"%.128s\" is no workspace: it has 1 to 128 bytes of A-Z a-z 0-9 . _ : -",
			one);
	*ret = one;
	return 0;
}
