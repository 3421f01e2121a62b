/* files.c - may the process open as many files as its configuration asks for? */
#include <inttypes.h>
#include <sys/resource.h>

#include "base/err.h"
#include "service.h"

/* The loop's own, plugins, name resolution, and what the host has open. */
#define FILES_BESIDE UINT64_C(64)

static uint64_t files_needed(const conf *c)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < c->n_providers; i++)
		n += c->providers[i].max_concurrency;
	return n ? n + FILES_BESIDE : 0;
}

int32_t service_check_files(const conf *c, llm_err *err)
{
	const uint64_t need = files_needed(c);
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) || now.rlim_cur == RLIM_INFINITY || now.rlim_cur >= need)
		return 0;
	return err_set(err, LLM_E_CONFIG,
		"the providers' max_concurrency needs %" PRIu64 " open files, and the limit is "
		"%" PRIu64 "\nraise it with: ulimit -n %" PRIu64 "%s, or lower max_concurrency",
		need, (uint64_t)now.rlim_cur, need,
		now.rlim_max != RLIM_INFINITY && now.rlim_max < need ?
			" (as root: the hard limit is lower, too)" :
			"");
}
