/* It can bind to a host's handle, and cannot let it go. */
#include "storage_tiny.h"

static int32_t half_bind(const llm_host *host, const llm_native *native, void **ret_unit)
{
	(void)native;
	return tiny_open(host, ret_unit);
}

static const llm_storage_vtable tiny_table = {
	.struct_size = sizeof(tiny_table), TINY_STORAGE, .commit = tiny_step, .bind = half_bind};
