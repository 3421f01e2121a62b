#include "curl.h"

#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "io/strip.h"
#include "llm/call.h"
#include "llm/config.h"
#include "rebuild.h"

#define ARGUMENT_MAX 100000 /* bytes that surely fit into one argument of a command */
#define REDACTED "[redacted]"

/* The variable that stands for the key, and where it gets its value. */
typedef struct key_name {
	char variable[200];
	char file[1000]; /* or "" */
} key_name;

/* ---- the request ---- */

/* Who answered, else who was asked last: "provider/model" or "provider#endpoint/model". */
static const char *candidate_of(const recalled *r)
{
	size_t n = json_array_size(r->attempts);
	const char *last = NULL;

	for (size_t i = 0; i < n; i++) {
		const json_t *a = json_array_get(r->attempts, i);
		const char *status = recall_text(a, "status");

		last = recall_text(a, "candidate_id");
		if (status && strcmp(status, "succeeded") == 0)
			break;
	}
	return last ? last : recall_text(r->run, "requested_model");
}

static int32_t check_stored(const recalled *r, llm_err *err)
{
	if (!candidate_of(r))
		return complain_set(err, LLM_E_NOT_FOUND, "the run has asked nobody yet");
	if (r->prompt)
		return 0;
	return complain_set(err, LLM_E_NOT_FOUND,
		"the prompt of this run is not stored, so its request cannot be shown\n"
		"Store what comes with: llmctl ask --store-content");
}

static int32_t set_target(const recalled *r, llm_request *rq)
{
	const char *name = candidate_of(r);

	return strchr(name, '#') ? llm_request_candidate(rq, name) : llm_request_model(rq, name);
}

static int32_t build(const recalled *r, const rebuild_media *media, llm_request *rq,
	unsigned *ret_lost, llm_err *err)
{
	json_t *turns = json_loads(r->prompt, 0, NULL);
	int32_t rc = set_target(r, rq);

	if (!rc)
		rc = rebuild_turns(turns, media, rq, ret_lost);
	if (!rc)
		rc = rebuild_params(json_object_get(r->run, "params_json"), rq);
	json_decref(turns);
	if (rc)
		complain_set(err, rc, "the stored request cannot be made again: %s",
			llm_request_problem(rq));
	return rc;
}

static int32_t wait_for(llm_call *call, const llm_result **ret, llm_err *err)
{
	llm_event e = {.struct_size = (uint32_t)sizeof(e)};
	int32_t rc;

	do
		rc = llm_call_next(call, 1000, &e);
	while (rc == LLM_E_TIMEOUT || (!rc && e.kind != LLM_EVENT_END));
	*ret = llm_call_result(call);
	if (!*ret)
		return complain_set(err, rc ? rc : LLM_E_INTERNAL, "nothing came of the request");
	if (!llm_result_error(*ret))
		return 0;
	*err = *llm_result_error(*ret);
	return err->code;
}

/* ---- the key ---- */

/* As a letter of a variable's name. */
static char in_variable(char ch)
{
	static const char small[] = "abcdefghijklmnopqrstuvwxyz",
			  large[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", digits[] = "0123456789";
	const char *at = strchr(small, ch);

	if (at)
		return large[at - small];
	if (strchr(large, ch) || strchr(digits, ch))
		return ch;
	return '_';
}

/* "work" as "WORK_API_KEY". */
static void usual_variable(const char *provider, size_t len, key_name *ret)
{
	size_t n = 0;

	if (*provider >= '0' && *provider <= '9')
		ret->variable[n++] = '_';
	for (size_t i = 0; i < len && n < 100; i++)
		ret->variable[n++] = in_variable(provider[i]);
	snprintf(ret->variable + n, sizeof(ret->variable) - n, "_API_KEY");
}

/* "a.conf:2, env:NAME": the last word says where a secret is. */
static void take_origin(const char *origin, key_name *ret)
{
	const char *env = strstr(origin, "env:"), *file = strstr(origin, "file:");

	if (strncmp(origin, "environment ", 12) == 0)
		snprintf(ret->variable, sizeof(ret->variable), "%s", origin + 12);
	if (env)
		snprintf(ret->variable, sizeof(ret->variable), "%s", env + 4);
	else if (file)
		snprintf(ret->file, sizeof(ret->file), "%s", file + 5);
}

/* The key of that provider, or that of the endpoint if it has one of its own. */
static void find_key(const ctl *c, const char *candidate, key_name *ret)
{
	const size_t len = strcspn(candidate, "#/");
	llm_config_item item = {.struct_size = (uint32_t)sizeof(item)};
	llm_err err = LLM_ERR_INIT;
	llm_config *cfg = NULL;
	char key[300];

	usual_variable(candidate, len, ret);
	snprintf(key, sizeof(key), "providers.%.*s.api_key", (int)len, candidate);
	if (llm_config_load(&c->opts, &cfg, &err))
		return;
	for (uint32_t i = 0; llm_config_at(cfg, i, &item) == 0; i++)
		if (strcmp(item.key, key) == 0)
			take_origin(item.origin, ret);
	llm_config_free(cfg);
}

/* ---- the command ---- */

/* Text in single quotes. */
static void quote(FILE *to, const char *text, size_t len)
{
	putc('\'', to);
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\'')
			fputs("'\\''", to);
		else
			putc(text[i], to);
	putc('\'', to);
}

/* The same; what stands for a secret becomes the variable. */
static void quote_with(FILE *to, const char *text, size_t len, const char *variable)
{
	const char *at;

	while ((at = memmem(text, len, REDACTED, strlen(REDACTED)))) {
		quote(to, text, (size_t)(at - text));
		fprintf(to, "\"$%s\"", variable);
		at += strlen(REDACTED);
		len -= (size_t)(at - text);
		text = at;
	}
	if (len)
		quote(to, text, len);
}

static void put_header(FILE *to, const char *header, size_t len, const char *variable)
{
	static const char bearer[] = "Authorization: " REDACTED;

	fputs(" \\\n  -H ", to);
	if (len == strlen(bearer) && strncmp(header, bearer, len) == 0)
		fprintf(to, "\"Authorization: Bearer $%s\"", variable);
	else
		quote_with(to, header, len, variable);
}

/* A line of the head: what stands behind "> ". */
static bool next_line(const char **at, const char **ret, size_t *ret_len)
{
	if (strncmp(*at, "> ", 2) != 0)
		return false;
	*ret = *at + 2;
	*ret_len = strcspn(*ret, "\n");
	*at = *ret + *ret_len + ((*ret)[*ret_len] != '\0');
	return true;
}

/* The exchange begins with the method, which is always POST, and the address. */
static void put_command(FILE *to, const char *exchange, const key_name *key)
{
	const char *at = exchange, *body = strstr(exchange, "\n{"), *part = "";
	size_t len = 0, n = body ? strlen(++body) : 0;
	bool fits;

	n -= n && body[n - 1] == '\n';
	fits = n <= ARGUMENT_MAX;

	if (key->file[0] && strstr(exchange, REDACTED)) {
		fprintf(to, "%s=$(cat ", key->variable);
		quote(to, key->file, strlen(key->file));
		fputs(")\n", to);
	}
	if (!fits) {
		fputs("printf %s ", to);
		quote(to, body, n);
		fputs(" |\n", to);
	}
	fputs("curl -sS -N ", to);
	(void)next_line(&at, &part, &len); /* POST */
	if (next_line(&at, &part, &len))
		quote_with(to, part, len, key->variable);
	while (next_line(&at, &part, &len))
		put_header(to, part, len, key->variable);
	fputs(fits ? " \\\n  --data-raw " : " \\\n  --data-binary @-", to);
	if (fits)
		quote(to, body, n);
	putc('\n', to);
}

/* What this request lacks of the one that was sent. */
static void put_lost(FILE *to, const recalled *r, unsigned lost)
{
	const json_t *list = rebuild_left_out(json_object_get(r->run, "params_json"));

	if (lost)
		fprintf(to, "# left out, since not stored: images, audio or files (%u)\n", lost);
	for (size_t i = 0; i < json_array_size(list); i++)
		fprintf(to, "# left out, since not stored: %s\n",
			json_string_value(json_array_get(list, i)));
}

/* What a model once said may be in it, and is not to move the cursor. */
static void print(const ctl *c, char *text, size_t len)
{
	strip state = {0};
	char *clean = c->term.out ? malloc(len + 1) : NULL;

	if (clean)
		len = strip_text(&state, text, len, clean);
	fwrite(clean ? clean : text, 1, len, stdout);
	free(clean);
}

static int32_t show(const ctl *c, const recalled *r, const llm_result *result, unsigned lost)
{
	key_name key = {"", ""};
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return LLM_E_NOMEM;
	find_key(c, candidate_of(r), &key);
	put_lost(to, r, lost);
	put_command(to, llm_result_exchange(result), &key);
	if (fclose(to) == 0 && c->opt.json)
		json_print(json_pack(
			"{s:s, s:o}", "schema", "llm.curl/1", "command", json_text(text)));
	else if (text)
		print(c, text, len);
	free(text);
	return 0;
}

int32_t curl_show(ctl *c, const recalled *r, const rebuild_media *media, llm_err *err)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	const llm_result *result = NULL;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	unsigned lost = 0;
	int32_t rc = check_stored(r, err);

	if (rc)
		return rc;
	ctl_again(c);
	rc = ctl_service(c, err);
	if (!rc && llm_request_new(NULL, &rq))
		rc = complain_set(err, LLM_E_NOMEM, "memory is short");
	if (!rc)
		rc = build(r, media, rq, &lost, err);
	opts.flags = LLM_CALL_DRY_RUN;
	if (json_is_true(json_object_get(r->run, "stream")))
		opts.flags |= LLM_CALL_STREAM;
	if (!rc)
		rc = llm_submit(c->svc, rq, &opts, &call, err);
	if (!rc)
		rc = wait_for(call, &result, err);
	if (!rc)
		rc = show(c, r, result, lost);
	llm_call_free(call);
	llm_request_free(rq);
	return rc;
}
