/*
 * elf.c - the headers of an object file, read before the loader does.
 */
#include "plugin/file.h"

#include <errno.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

#define ELF_MAX_PHDRS 128

/* The linker's name for our own header: what this machine is, without a table of machines. */
extern const ElfW(Ehdr) __ehdr_start /* NOLINT: the linker chose the name */
	__attribute__((visibility("hidden")));

static int32_t elf_refuse(const char *path, const char *why, llm_err *err)
{
	return err_set(err, LLM_E_PLUGIN, "plugin file %s is not an object for this machine: %s",
		path, why);
}

/* 1 when all `len` bytes at `at` were read. */
static int elf_read(int fd, uint64_t at, void *ret, size_t len)
{
	ssize_t n;

	if (at > INT64_MAX - len)
		return 0;
	do
		n = pread(fd, ret, len, (off_t)at);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len;
}

static int32_t elf_check_header(const ElfW(Ehdr) * h, const char *path, llm_err *err)
{
	if (h->e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS] ||
		h->e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA])
		return elf_refuse(path, "another word size or byte order", err);
	if (h->e_machine != __ehdr_start.e_machine)
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s is not an object for this machine: "
			"it is for ELF machine %u, this is %u",
			path, h->e_machine, __ehdr_start.e_machine);
	if (h->e_type != ET_DYN)
		return elf_refuse(path, "it is not a shared object", err);
	if (h->e_phentsize != sizeof(ElfW(Phdr)) || !h->e_phnum || h->e_phnum > ELF_MAX_PHDRS)
		return elf_refuse(path, "its table of segments is damaged", err);
	return 0;
}

/*
 * The loader maps segments that reach behind the end of a file without a word,
 * and the first access to them is a SIGBUS.
 */
static int32_t elf_check_segments(
	int fd, const ElfW(Ehdr) * h, uint64_t size, const char *path, llm_err *err)
{
	ElfW(Phdr) ph;
	uint64_t i;

	for (i = 0; i < h->e_phnum; i++) {
		if (!elf_read(fd, h->e_phoff + i * sizeof(ph), &ph, sizeof(ph)))
			return elf_refuse(path, "it is cut short", err);
		if (ph.p_filesz && (ph.p_offset > size || ph.p_filesz > size - ph.p_offset))
			return elf_refuse(path, "it is cut short", err);
	}
	return 0;
}

int32_t elf_check(int fd, uint64_t size, const char *path, llm_err *err)
{
	ElfW(Ehdr) h = {0};
	int32_t rc;

	if (size == 0)
		return elf_refuse(path, "it is empty", err);
	if (!elf_read(fd, 0, &h, SELFMAG) || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
		return elf_refuse(path, "it is not an ELF file", err);
	if (!elf_read(fd, 0, &h, sizeof(h)))
		return elf_refuse(path, "it is cut short", err);
	rc = elf_check_header(&h, path, err);
	if (rc)
		return rc;
	return elf_check_segments(fd, &h, size, path, err);
}
