#include <string.h>

#include "models.h"
#include "openai.h"

static void text(struct openai_job *j, const char *t)
{
	bytes_text(&j->b, t);
}

static void open_object(struct openai_job *j)
{
	j->b.len = 0;
	text(j, "{\"id\":\"");
	text(j, j->id.data);
	text(j, "\",\"object\":\"text_completion\",\"created\":");
	bytes_number(&j->b, j->created);
	text(j, ",\"model\":");
	bytes_json(&j->b, j->model->name, strlen(j->model->name));
	text(j, ",\"choices\":[");
}

static void choice(struct openai_job *j, size_t i, struct span said, bool last)
{
	text(j, "{\"text\":");
	bytes_json(&j->b, said.ptr, said.len);
	bytes_format(&j->b, ",\"index\":%zu,\"logprobs\":null,\"finish_reason\":", i);
	if (last)
		bytes_format(&j->b, "\"%s\"}", openai_finish(j, i));
	else
		text(j, "null}");
}

static void send_whole(struct openai_job *j, struct reply *r)
{
	open_object(j);
	for (size_t i = 0; i < j->choices; i++) {
		const struct bytes *said = &j->a[i].text.b;

		text(j, i ? "," : "");
		choice(j, i, (struct span){said->data, said->len}, true);
	}
	text(j, "],\"usage\":");
	openai_usage(j, false);
	text(j, "}");
	reply_whole(r, 200, "application/json", j->b.data, j->b.len);
}

static void send_event(struct openai_job *j, struct reply *r)
{
	struct bytes event = {0};

	bytes_text(&event, "data: ");
	bytes_add(&event, j->b.data, j->b.len);
	bytes_text(&event, "\n\n");
	reply_event(r, event.data, event.len);
	bytes_done(&event);
}

/* The reason rides on the last text. */
static void choice_events(struct openai_job *j, size_t i, struct reply *r)
{
	const struct pieces *said = &j->a[i].text;

	for (size_t k = 0; k < said->count; k++) {
		open_object(j);
		choice(j, i, pieces_at(said, k), k + 1 == said->count);
		text(j, j->usage ? "],\"usage\":null}" : "]}");
		send_event(j, r);
	}
}

static void send_stream(struct openai_job *j, struct reply *r)
{
	static const char last[] = "data: [DONE]\n\n";

	reply_stream(r, "text/event-stream; charset=utf-8");
	for (size_t i = 0; i < j->choices; i++)
		choice_events(j, i, r);
	if (j->usage) {
		open_object(j);
		text(j, "],\"usage\":");
		openai_usage(j, false);
		text(j, "}");
		send_event(j, r);
	}
	reply_event(r, last, sizeof(last) - 1);
	r->tail = (size_t)j->usage + 2; /* with the last text, which has the reason */
	reply_end(r);
}

void openai_text_say(struct openai_job *j, struct reply *r)
{
	if (json_is_true(json_object_get(j->ask, "stream")))
		send_stream(j, r);
	else
		send_whole(j, r);
}
