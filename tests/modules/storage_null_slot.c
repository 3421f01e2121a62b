/* Its table has no `commit`. */
#include "storage_tiny.h"

static const llm_storage_vtable tiny_table = {.struct_size = sizeof(tiny_table), TINY_STORAGE};
