#include "resume.h"

#include <stdlib.h>
#include <string.h>

#include "runs/recall.h"

static int32_t check_stored(const recalled *r, llm_err *err)
{
	if (r->prompt && r->response)
		return 0;
	return complain_set(err, LLM_E_NOT_FOUND,
		"run %.60s cannot be gone on from: its %s is not stored\n"
		"Store what comes with --store-content: llmctl chat --store-content",
		recall_text(r->run, "id"), r->prompt ? "answer" : "prompt");
}

/* The answer becomes a turn; what was only thought is nobody's to go on from. */
static int32_t take_turns(const recalled *r, resumed *ret, llm_err *err)
{
	json_t *turns = json_loads(r->prompt, 0, NULL), *answer = json_loads(r->response, 0, NULL);

	json_object_del(answer, "reasoning");
	if (json_array_append_new(turns, answer)) {
		json_decref(turns);
		return complain_set(err, LLM_E_INTERNAL,
			"what is stored of run %.60s is no conversation",
			recall_text(r->run, "id"));
	}
	ret->turns = turns;
	return 0;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void take_target(ctl_options *o, const recalled *r, resumed *ret)
{
	if (o->profile || o->model || o->candidates)
		return;
	ret->profile = copy(recall_text(r->run, "profile"));
	if (!ret->profile)
		ret->model = copy(recall_text(r->run, "requested_model"));
	o->profile = ret->profile;
	o->model = ret->model;
}

int32_t resume_load(ctl *c, const char *id, resumed *ret, llm_err *err)
{
	store st = {NULL, NULL, NULL};
	recalled r = {.run = NULL};
	int32_t rc = store_open(c, STORE_WORKSPACE | STORE_READ, &st, err);

	if (!rc)
		rc = id ? recall_run(&st, id, &r, err) : recall_last(&st, &r, err);
	if (!rc)
		rc = check_stored(&r, err);
	if (!rc)
		rc = take_turns(&r, ret, err);
	if (!rc)
		rc = recall_media(&st, &r, &ret->media, err);
	if (!rc)
		take_target(&c->opt, &r, ret);
	if (!rc && !c->opt.no_record && !c->store.off && !c->store.keeps)
		c->opt.store_content = true;
	recall_done(&r);
	store_close(&st);
	ctl_again(c);
	return rc;
}

void resume_done(resumed *r)
{
	json_decref(r->turns);
	recall_media_done(&r->media);
	free(r->profile);
	free(r->model);
	*r = (resumed){.turns = NULL};
}

char *resume_take_system(json_t *turns)
{
	size_t i = json_array_size(turns);
	char *ret = NULL;

	while (i-- > 0) {
		const json_t *turn = json_array_get(turns, i);
		const char *role = recall_text(turn, "role");

		if (!role || strcmp(role, "system") != 0 || json_object_get(turn, "parts"))
			continue;
		free(ret);
		ret = copy(recall_text(turn, "content"));
		json_array_remove(turns, i);
	}
	return ret;
}
