/*
 * callback.c - prints an answer as it comes, by a callback on the service's own thread.
 *
 *	cc callback.c -lllm && ./a.out ollama/llama3.2 "Why is the sky blue?"
 */
#include <stdio.h>

#include <llm/llm.h>

/* Runs on the service's thread: what it shares with this one needs a lock. */
static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	FILE *out = (FILE *)token;

	(void)call;
	if (e->kind == LLM_EVENT_TEXT)
		fwrite(e->text, 1, e->len, out);
	if (e->kind == LLM_EVENT_END)
		fputc('\n', out);
	fflush(out);
}

static int ask(llm_service *svc, const char *model, const char *question, llm_err *err)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_request *rq;
	llm_call *call = NULL;
	int rc = llm_request_new(NULL, &rq);

	if (rc)
		return rc;
	opts.flags = LLM_CALL_STREAM;
	opts.on_event = on_event;
	opts.token = (uintptr_t)stdout;
	llm_request_model(rq, model);
	llm_request_text(rq, LLM_ROLE_USER, question, LLM_NUL_TERMINATED);
	rc = llm_submit(svc, rq, &opts, &call, err);
	llm_request_free(rq);
	if (!rc) /* whatever else this thread has to do, and then: */
		rc = llm_call_wait(call, UINT32_MAX, err);
	llm_call_free(call);
	return rc;
}

int main(int argc, char **argv)
{
	llm_err err = LLM_ERR_INIT;
	llm_service *svc;
	int rc;

	if (argc < 3) {
		fprintf(stderr, "usage: %s MODEL QUESTION\n", argv[0]);
		return 2;
	}
	rc = llm_service_new(NULL, &svc, &err);
	if (!rc) {
		rc = llm_service_start(svc, &err);
		if (!rc)
			rc = ask(svc, argv[1], argv[2], &err);
		llm_service_free(svc);
	}
	if (rc)
		fprintf(stderr, "%s\n", err.message);
	return rc != 0;
}
