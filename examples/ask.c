/* Ask one question and print the answer: cc ask.c -lllm && ./a.out ollama/llama3.2 "Why?" */
#include <stdio.h>

#include <llm/llm.h>

int main(int argc, char **argv)
{
	llm_err err = LLM_ERR_INIT;
	llm_service *svc;
	llm_call *call = NULL;
	int failed = llm_service_new(NULL, &svc, &err) != 0;

	if (!failed) {
		failed = argc < 3 || llm_ask(svc, argv[1], argv[2], &call, &err);
		puts(failed ? err.message : llm_result_text(llm_call_result(call), NULL));
		llm_call_free(call);
		llm_service_free(svc);
	}
	return failed;
}
