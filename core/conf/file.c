/* Reading a file whole, without being held up by what is no file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "conf/inner.h"

static int32_t judge(int fd, size_t max, file_facts *facts)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		facts->problem = strerrordesc_np(errno);
		return LLM_E_CONFIG;
	}
	facts->mode = st.st_mode & 07777;
	facts->refused = 1;
	if (!S_ISREG(st.st_mode))
		facts->problem = "it is no regular file";
	else if (st.st_size < 0 || (uint64_t)st.st_size > max)
		facts->problem = max < 1 << 20 ? "it is longer than 64 KiB" :
						 "it is longer than 1 MiB";
	else
		facts->refused = 0;
	return facts->problem ? LLM_E_CONFIG : 0;
}

/* The size was the file's a moment ago; what grew since is not read. */
static int32_t fill(int fd, char *to, size_t size, file_facts *facts, size_t *ret_len)
{
	size_t len = 0;
	ssize_t got;

	while (len < size) {
		got = read(fd, to + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			facts->problem = strerrordesc_np(errno);
			return LLM_E_CONFIG;
		}
		if (!got)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return 0;
}

int32_t file_read(const char *path, size_t max, const llm_allocator *mem, file_facts *ret_facts,
	char **ret, size_t *ret_len)
{
	file_facts facts = {0};
	char *bytes = NULL;
	size_t len = 0;
	int32_t rc = LLM_E_CONFIG;
	/* Not blocking: opening a pipe would wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		facts.problem = strerrordesc_np(errno);
	else
		rc = judge(fd, max, &facts);
	if (rc)
		goto close_file;
	bytes = mem_new(mem, max + 1);
	rc = bytes ? fill(fd, bytes, max, &facts, &len) : LLM_E_NOMEM;
	if (rc)
		goto close_file;
	*ret = bytes;
	*ret_len = len;
	bytes = NULL;
close_file:
	*ret_facts = facts;
	mem_wipe(mem, bytes, max + 1);
	if (fd >= 0)
		close(fd);
	return rc;
}
