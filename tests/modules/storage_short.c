/* Its table ends in front of `query`. */
#include "storage_tiny.h"

static const llm_storage_vtable tiny_table = {
	.struct_size = offsetof(llm_storage_vtable, query), TINY_STORAGE, .commit = tiny_step};
