/* gemini.so: answers, streams, errors and lists of models of arbitrary bytes. */
#include "provider_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_provider("gemini.so", data, size);
}
