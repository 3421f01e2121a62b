/* A shared object that has nothing to do with libllm. */
#include "llm/base.h"

LLM_API int no_entry_answer(void);

int no_entry_answer(void)
{
	return 42;
}
