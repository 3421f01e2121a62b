/* Ask one question: cc ask.c -lllm && ./a.out ollama/llama3.2 "Why is the sky blue?" */
#include <stdio.h>
#include <llm/llm.h>

int main(int argc, char **argv)
{
	const char *model = argc > 1 ? argv[1] : "ollama/llama3.2";
	const char *question = argc > 2 ? argv[2] : "Why is the sky blue?";
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;
	llm_call *call = NULL;

	if (llm_service_new(NULL, &svc, &err) || llm_ask(svc, model, question, &call, &err))
		fprintf(stderr, "%s\n", err.message);
	else
		puts(llm_result_text(llm_call_result(call), NULL));
	llm_call_free(call);
	llm_service_free(svc);
	return err.code != 0;
}
