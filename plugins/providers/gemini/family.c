/*
 * family.c - what can be told from a model's name: "gemini-3.5-flash-lite" is generation
 * 305, lite. Names without a number ("gemini-flash-latest") move, so they count as the
 * newest. Of other names (tuned models, Gemma) nothing is known: what is asked for is
 * sent, and the server decides.
 */
#include <string.h>

#include "gemini.h"

static int has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

const char *gemini_plain_name(const char *model)
{
	return has_prefix(model, "models/") ? model + strlen("models/") : model;
}

static int read_number(const char **p)
{
	int n = 0;

	for (; **p >= '0' && **p <= '9' && n < 90; (*p)++)
		n = n * 10 + (**p - '0');
	return n;
}

static int read_generation(const char *p)
{
	int major;
	int minor = 0;

	if (*p < '1' || *p > '9')
		return GEMINI_LATEST;
	major = read_number(&p);
	if (*p == '.') {
		p++;
		minor = read_number(&p);
	}
	return major * 100 + minor;
}

gemini_family gemini_family_of(const char *model)
{
	const char *name = gemini_plain_name(model);
	gemini_family f = {0, 0, 0, 0};

	f.embeds = strstr(name, "embedding") != NULL;
	if (!has_prefix(name, "gemini-"))
		return f;
	f.generation = read_generation(name + strlen("gemini-"));
	f.lite = strstr(name, "-lite") != NULL;
	f.pro = strstr(name, "-pro") != NULL;
	return f;
}

int gemini_thinks(const gemini_family *f)
{
	if (f->generation >= 300 || f->generation == 0)
		return GEMINI_LEVEL;
	return f->generation >= 205 ? GEMINI_BUDGET : GEMINI_NO_THINKING;
}

int gemini_has_minimal(const gemini_family *f)
{
	return f->generation >= 300 && (f->lite || (f->generation < 307 && !f->pro));
}

int gemini_is_late(const gemini_family *f)
{
	return f->generation >= 306 || (f->generation >= 305 && f->lite);
}

int gemini_wants_signatures(const gemini_family *f)
{
	return f->generation >= 300;
}

static uint32_t yes_no(int yes)
{
	return yes ? LLM_CAP_YES : LLM_CAP_NO;
}

void gemini_fill_caps(const char *model, llm_caps *caps)
{
	gemini_family f = gemini_family_of(model);

	caps->framing = LLM_FRAMING_SSE;
	caps->auth = LLM_AUTH_HEADER;
	caps->auth_header = "x-goog-api-key";
	caps->locality = LLM_LOCALITY_CLOUD;
	caps->chat = yes_no(!f.embeds);
	caps->stream = caps->chat;
	caps->seed = LLM_CAP_ACCEPTED; /* taken, best effort */
	if (f.generation == 0 || f.embeds)
		return;
	caps->tools = LLM_CAP_YES;
	caps->parallel_tools = LLM_CAP_YES;
	caps->tool_choice = LLM_CAP_YES;
	caps->json_object = LLM_CAP_YES;
	caps->json_schema = LLM_CAP_YES;
	caps->tools_with_schema = yes_no(f.generation >= 300);
	caps->vision = LLM_CAP_YES;
	caps->audio = LLM_CAP_YES;
	caps->system_role = LLM_CAP_YES;
	caps->prefill = yes_no(!gemini_is_late(&f));
	caps->reasoning = yes_no(gemini_thinks(&f) != GEMINI_NO_THINKING);
}
