#include <stdlib.h>
#include <string.h>

#include "gemini.h"
#include "models.h"
#include "options.h"
#include "server.h"

#define ROOT "/v1beta/"
#define MODELS "models/"

struct verb {
	const char *name;
	enum gemini_body body;
	void (*answer)(struct gemini_job *j, struct reply *r, struct fault *f);
};

/* ---- keys ---- */

static bool same(struct span s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.ptr, text, s.len);
}

static void check_key(const struct server *s, const struct http_request *rq, struct fault *f)
{
	struct span header = http_header(rq, "x-goog-api-key");
	struct span query = http_query(rq, "key");
	struct span other = http_header(rq, "authorization");
	struct span key = header.len ? header : query;

	if (!!header.len + !!query.len + !!other.len > 1) {
		fault_set(f, 400,
			"Multiple authentication credentials received. Please pass only one.");
	} else if (other.len) {
		fault_set(f, 401,
			"Request had invalid authentication credentials. Expected OAuth 2 access "
			"token, login cookie or other valid authentication credential.");
		f->code = "ACCESS_TOKEN_TYPE_UNSUPPORTED";
	} else if (!key.len) {
		fault_set(f, 403,
			"Method doesn't allow unregistered callers (callers without established "
			"identity). Please use API Key or other form of API consumer identity to "
			"call this API.");
	} else if (s->opt->key && !same(key, s->opt->key)) {
		fault_set(f, 400, "API key not valid. Please pass a valid API key.");
		f->code = "API_KEY_INVALID";
	}
}

/* ---- what can be done with a model ---- */

static void generate(struct gemini_job *j, struct reply *r, struct fault *f)
{
	gemini_rules(j, f);
	if (f->status)
		return;
	gemini_read(j);
	gemini_say(j, r);
}

static void count(struct gemini_job *j, struct reply *r, struct fault *f)
{
	(void)f;
	gemini_tokens(j, r);
}

static void embed(struct gemini_job *j, struct reply *r, struct fault *f)
{
	if (gemini_get(j->ask, "content"))
		gemini_embed(j, false, r);
	else
		fault_set(f, 400, "* EmbedContentRequest.content: content is not specified\n");
}

static void embed_batch(struct gemini_job *j, struct reply *r, struct fault *f)
{
	if (json_array_size(gemini_get(j->ask, "requests")))
		gemini_embed(j, true, r);
	else
		fault_set(f, 400,
			"* BatchEmbedContentsRequest.requests: requests is not specified\n");
}

static const struct verb verbs[] = {
	{"generateContent", GEMINI_GENERATE, generate},
	{"streamGenerateContent", GEMINI_GENERATE, generate},
	{"countTokens", GEMINI_COUNT, count},
	{"embedContent", GEMINI_EMBED, embed},
	{"batchEmbedContents", GEMINI_EMBED_BATCH, embed_batch},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* ---- one request ---- */

static void no_model(struct fault *f, const char *name, const char *verb)
{
	fault_set(f, 404,
		"models/%.200s is not found for API version v1beta, or is not supported for %s. "
		"Call ListModels to see the list of available models and their supported methods.",
		name, verb);
}

static void no_route(const struct http_request *rq, struct fault *f)
{
	fault_set(f, 404, "%.*s %.*s is not a method of this service.", (int)(rq->method.len % 32),
		rq->method.ptr, (int)(rq->path.len < 300 ? rq->path.len : 300), rq->path.ptr);
}

static json_t *body(const struct http_request *rq, struct fault *f)
{
	json_t *ask = ask_body(rq, f);
	struct bytes why = f->text;

	if (ask)
		return ask;
	f->text = (struct bytes){0};
	fault_set(f, 400, "Invalid JSON payload received. %.300s", why.data);
	bytes_done(&why);
	return NULL;
}

static void serve(struct gemini_job *j, const struct http_request *rq, struct reply *r,
	const char *name, const char *verb_name, struct fault *f)
{
	const struct verb *verb = find_verb(verb_name);
	json_t *ask = NULL;
	bool embeds;

	if (!verb || !span_is(rq->method, "POST")) {
		no_route(rq, f);
		return;
	}
	embeds = verb->body == GEMINI_EMBED || verb->body == GEMINI_EMBED_BATCH;
	j->model = models_find(&j->srv->models, name);
	if (!j->model || (verb->answer == generate && !(j->model->can & CAN_COMPLETION)))
		no_model(f, name, embeds ? verb_name : "generateContent");
	else
		ask = body(rq, f);
	j->ask = ask;
	j->rules = gemini_rules_of(name);
	if (!f->status)
		gemini_fields(ask, verb->body, f);
	if (!f->status)
		verb->answer(j, r, f);
	answer_done(&j->a);
	question_done(&j->q);
	json_decref(j->tools);
	json_decref(ask);
}

static void get(struct server *s, const struct http_request *rq, struct reply *r, const char *name,
	struct fault *f)
{
	const struct model *m = models_find(&s->models, name);

	if (span_is(rq->method, "POST"))
		no_route(rq, f);
	else if (m)
		gemini_model(m, r);
	else
		no_model(f, name, "generateContent");
}

/* "models/NAME:verb"; a name may have a colon of its own. */
static void under_models(struct gemini_job *j, struct server *s, const struct http_request *rq,
	struct reply *r, char *name, struct fault *f)
{
	char *verb = strrchr(name, ':');

	if (!span_is(rq->method, "POST") || !verb) {
		get(s, rq, r, name, f);
		return;
	}
	*verb++ = 0;
	j->stream = !strcmp(verb, "streamGenerateContent");
	j->sse = span_is(http_query(rq, "alt"), "sse");
	serve(j, rq, r, name, verb, f);
}

void gemini(struct server *s, const struct http_request *rq, struct reply *r)
{
	struct gemini_job j = {.srv = s};
	struct fault f = {0};
	size_t root = strlen(ROOT);
	char *path = http_decoded((struct span){rq->path.ptr + root, rq->path.len - root});

	check_key(s, rq, &f);
	if (f.status)
		; /* nobody asks */
	else if (!strcmp(path, "models") && !span_is(rq->method, "POST"))
		gemini_models(s, rq, r);
	else if (!strncmp(path, MODELS, strlen(MODELS)))
		under_models(&j, s, rq, r, path + strlen(MODELS), &f);
	else
		no_route(rq, &f);
	if (f.status)
		gemini_error(r, &f, j.stream && !j.sse);
	fault_done(&f);
	free(path);
}
