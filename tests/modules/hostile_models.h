/*
 * hostile_models.h - what the hostile provider lists as models, by its setting `list`.
 * Private to hostile.c.
 */
#ifndef TESTS_MODULES_HOSTILE_MODELS_H
#define TESTS_MODULES_HOSTILE_MODELS_H

#include "llm/abi/provider.h"

#include <stdio.h>
#include <string.h>

#define NO_CODE 4711 /* what no slot may return */

typedef struct hostile {
	const llm_host *host;
	const char *list;
} hostile;

static int32_t list_build(void *instance, const char *cursor, const llm_http_sink *out)
{
	const hostile *h = instance;
	char path[64];
	int n = snprintf(
		path, sizeof(path), "/models%s%s", cursor ? "?from=" : "", cursor ? cursor : "");

	if (strcmp(h->list, "build-code") == 0)
		return NO_CODE;
	if (strcmp(h->list, "build-none") == 0)
		return 0;
	if (strcmp(h->list, "build-unsupported") == 0) {
		h->host->set_error(h->host->ctx, 0, "not today", 9);
		return LLM_E_UNSUPPORTED;
	}
	/* The attempt's memory is there for an extension as well. */
	if (!h->host->alloc(h->host->ctx, LLM_SCOPE_ATTEMPT, 16))
		return LLM_E_NOMEM;
	return out->target(out->ctx, "GET", path, (size_t)n);
}

static int32_t list_row(const llm_models_sink *out, const char *name, const char *detail)
{
	const llm_model_info info = {.struct_size = sizeof(info),
		.loaded = 5,
		.name = name,
		.detail = detail,
		.size_bytes = -1,
		.context_tokens = 4096};

	return out->model(out->ctx, &info);
}

/* Three pages; the body of the reply names the page. */
static int32_t list_pages(const llm_reply_view *reply, const llm_models_sink *out)
{
	const char page = reply->body.len > 1 ? reply->body.ptr[1] : '?';
	const char name[] = {'m', page, '\0'};
	const char next[] = {(char)(page + 1)};

	(void)list_row(out, name, "small");
	return page < '3' ? out->next(out->ctx, next, 1) : 0;
}

static int32_t list_flood(const llm_models_sink *out)
{
	int i;

	for (i = 0; i < 10100; i++)
		(void)list_row(out, "m", NULL);
	return 0;
}

static int32_t list_parse(void *instance, const llm_reply_view *reply, const llm_models_sink *out)
{
	const hostile *h = instance;
	const llm_model_info small = {.struct_size = 8, .name = "m"};

	if (strcmp(h->list, "pages") == 0)
		return list_pages(reply, out);
	if (strcmp(h->list, "endless") == 0)
		return out->next(out->ctx, "again", 5);
	if (strcmp(h->list, "flood") == 0)
		return list_flood(out);
	if (strcmp(h->list, "null") == 0)
		return out->model(out->ctx, NULL);
	if (strcmp(h->list, "short") == 0)
		return out->model(out->ctx, &small);
	if (strcmp(h->list, "no-name") == 0)
		return list_row(out, NULL, NULL);
	if (strcmp(h->list, "name-bad-utf8") == 0)
		return list_row(out, BAD_UTF8, NULL);
	if (strcmp(h->list, "detail-bad-utf8") == 0)
		return list_row(out, "m", BAD_UTF8);
	if (strcmp(h->list, "cursor-null") == 0)
		return out->next(out->ctx, NULL, 4);
	return strcmp(h->list, "parse-code") == 0 ? NO_CODE : 0;
}

static int32_t state_build(void *instance, const llm_http_sink *out)
{
	(void)instance;
	return out->target(out->ctx, "GET", "/loaded", 7);
}

static int32_t state_parse(void *instance, const llm_reply_view *reply, const llm_models_sink *out)
{
	(void)instance;
	(void)reply;
	return list_row(out, "loaded", NULL);
}

static int32_t one_build(void *instance, const char *model, const llm_http_sink *out)
{
	(void)instance;
	(void)model;
	return out->target(out->ctx, "GET", "/one", 4);
}

static int32_t one_parse(
	void *instance, const char *model, const llm_reply_view *reply, const llm_models_sink *out)
{
	const hostile *h = instance;
	const llm_caps caps = {.struct_size = sizeof(caps), .vision = LLM_CAP_YES};
	const llm_caps tiny = {.struct_size = 2, .vision = LLM_CAP_YES};
	llm_model_info info = {.struct_size = sizeof(info), .name = model, .caps = &caps};

	(void)reply;
	if (strcmp(h->list, "one-null") == 0)
		return out->model(out->ctx, NULL);
	if (strcmp(h->list, "one-next") == 0)
		return out->next(out->ctx, "2", 1);
	if (strcmp(h->list, "one-code") == 0)
		return NO_CODE;
	if (strcmp(h->list, "one-short") == 0)
		info.struct_size = 8;
	if (strcmp(h->list, "one-no-caps") == 0)
		info.caps = NULL;
	if (strcmp(h->list, "one-tiny-caps") == 0)
		info.caps = &tiny;
	return out->model(out->ctx, &info);
}

static const void *hostile_extension(void *instance, const char *id)
{
	static const llm_models_ext models = {sizeof(models), 0, list_build, list_parse};
	static const llm_models_ext half = {sizeof(half), 0, list_build, NULL};
	static const llm_models_ext small = {.struct_size = 8};
	static const llm_model_ext one = {sizeof(one), 0, one_build, one_parse};
	static const llm_model_ext half_one = {sizeof(half_one), 0, one_build, NULL};
	static const llm_state_ext state = {sizeof(state), 0, state_build, state_parse};
	const hostile *h = instance;

	if (strcmp(id, LLM_EXT_STATE) == 0)
		return strcmp(h->list, "no-state") == 0 ? NULL : &state;
	if (strcmp(id, LLM_EXT_MODEL) == 0 && strncmp(h->list, "one", 3) == 0)
		return strcmp(h->list, "one-half") == 0 ? &half_one : &one;
	if (strcmp(id, LLM_EXT_MODELS) != 0 || strcmp(h->list, "none") == 0)
		return NULL;
	if (strcmp(h->list, "half") == 0)
		return &half;
	return strcmp(h->list, "small") == 0 ? &small : &models;
}

#endif
