/*
 * plugin_file.c - files and folders that must not be loaded.
 */
#include "plugin_help.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/hash.h"

#define NOT_OBJECT "plugin file %s is not an object for this machine: "

static void write_file(const char *path, const char *text, size_t len)
{
	FILE *out = fopen(path, "wb");

	cr_assert_not_null(out);
	cr_assert_eq(fwrite(text, 1, len, out), len);
	fclose(out);
	chmod(path, 0755);
}

/* Overwrites bytes of a copy of a module. */
static void patch(const char *path, long at, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "r+b");

	cr_assert_not_null(file);
	cr_assert_eq(fseek(file, at, SEEK_SET), 0);
	cr_assert_eq(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static void remove_all(const char *folder, const char *path)
{
	unlink(path);
	rmdir(path);
	rmdir(folder);
}

static void refused_file(const char *folder, const char *path, const char *format)
{
	plugins *ps = help_registry(folder, NULL);

	help_refused(ps, path, format, path);
	help_refused(ps, "x", format, path);
	plugins_free(ps);
	remove_all(folder, path);
}

Test(plugin_file, X_03_empty_file)
{
	help_path folder, path;

	help_folder(folder);
	help_join(path, folder, "x.so");
	write_file(path, "", 0);
	refused_file(folder, path, NOT_OBJECT "it is empty");
}

Test(plugin_file, X_03_text_file)
{
	help_path folder, path;

	help_folder(folder);
	help_join(path, folder, "x.so");
	write_file(path, "#!/bin/sh\necho hello\n", 21);
	refused_file(folder, path, NOT_OBJECT "it is not an ELF file");
}

/* Cut anywhere in front of the last segment's end it is refused, never mapped. */
Test(plugin_file, X_03_truncated)
{
	static const size_t lengths[] = {4, 20, 63, 64, 100, 700, 4096, 8192};
	help_path folder, path;
	plugins *ps;
	size_t i;

	help_folder(folder);
	help_join(path, folder, "x.so");
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		help_copy_part(MODULES "/good.so", path, lengths[i]);
		ps = help_registry(folder, NULL);
		help_refused(ps, "x", NOT_OBJECT "it is cut short", path);
		plugins_free(ps);
	}
	remove_all(folder, path);
}

Test(plugin_file, X_03_other_machine)
{
	help_path folder, path;
	uint16_t machine = EM_S390;
	char wanted[300];
	Elf64_Ehdr head;
	FILE *in;

	help_folder(folder);
	help_install("good", folder, "x.so", path);
	in = fopen(path, "rb");
	cr_assert_eq(fread(&head, sizeof(head), 1, in), 1);
	fclose(in);
	patch(path, offsetof(Elf64_Ehdr, e_machine), &machine, sizeof(machine));
	snprintf(wanted, sizeof(wanted), NOT_OBJECT "it is for ELF machine 22, this is %u", "%s",
		head.e_machine);
	refused_file(folder, path, wanted);
}

Test(plugin_file, X_03_other_word_size_and_type)
{
	help_path folder, path;
	char class_32 = ELFCLASS32;
	uint16_t type = ET_EXEC;

	help_folder(folder);
	help_install("good", folder, "x.so", path);
	patch(path, EI_CLASS, &class_32, 1);
	refused_file(folder, path, NOT_OBJECT "another word size or byte order");
	help_folder(folder);
	help_install("good", folder, "x.so", path);
	patch(path, offsetof(Elf64_Ehdr, e_type), &type, sizeof(type));
	refused_file(folder, path, NOT_OBJECT "it is not a shared object");
}

/* alarm() ends the test if anything blocks. */
Test(plugin_file, X_03_folder_fifo_socket_do_not_block)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	help_path folder, path;
	int fd;

	alarm(5);
	help_folder(folder);
	help_join(path, folder, "x.so");
	cr_assert_eq(mkdir(path, 0755), 0);
	refused_file(folder, path, "plugin file %s is a folder, not a regular file");
	help_folder(folder);
	help_join(path, folder, "x.so");
	cr_assert_eq(mkfifo(path, 0755), 0);
	refused_file(folder, path, "plugin file %s is a FIFO, not a regular file");
	help_folder(folder);
	help_join(path, folder, "x.so");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(name.sun_path, path, strlen(path) + 1);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
	refused_file(folder, path, "plugin file %s cannot be opened: No such device or address");
	close(fd);
}

Test(plugin_file, X_08_symbolic_link)
{
	help_path folder, path;

	help_folder(folder);
	help_join(path, folder, "x.so");
	cr_assert_eq(symlink(MODULES "/good.so", path), 0);
	refused_file(folder, path,
		"plugin file %s is a symbolic link, which may lead out of its folder; "
		"put the file itself there");
}

Test(plugin_file, X_08_everyone_may_write)
{
	help_path folder, path;
	plugins *ps;

	help_folder(folder);
	help_install("good", folder, "x.so", path);
	chmod(path, 0757);
	ps = help_registry(folder, NULL);
	help_refused(ps, "x",
		"plugin file %s can be written by everyone\nmend it with: chmod o-w %s", path,
		path);
	plugins_free(ps);
	chmod(path, 0755);
	chmod(folder, 01777);
	ps = help_registry(folder, NULL);
	help_refused(ps, "x",
		"plugin folder %s can be written by everyone\nmend it with: chmod o-w %s", folder,
		folder);
	plugins_free(ps);
	chmod(folder, 0755);
	ps = help_registry(folder, NULL);
	cr_expect_str_eq(help_get(ps, "x")->id, "org.test.good", "mended, it loads");
	plugins_free(ps);
	remove_all(folder, path);
}

/* The command can be pasted, whatever the folder is called. */
Test(plugin_file, X_08_mending_command_is_quoted)
{
	help_path outer, folder, path;
	plugins *ps;

	help_folder(outer);
	help_join(folder, outer, "it's $HOME");
	cr_assert_eq(mkdir(folder, 0755), 0);
	help_install("good", folder, "x.so", path);
	chmod(path, 0646);
	ps = help_registry(folder, NULL);
	help_refused(ps, "x",
		"plugin file %s can be written by everyone\n"
		"mend it with: chmod o-w '%s/it'\\''s $HOME/x.so'",
		path, outer);
	plugins_free(ps);
	remove_all(folder, path);
	rmdir(outer);
}

Test(plugin_file, X_08_group_may_write)
{
	help_path folder, path;
	plugins *ps;

	help_folder(folder);
	help_install("good", folder, "x.so", path);
	chmod(path, 0775);
	if (geteuid() != 0 || chown(path, (uid_t)-1, 65534) != 0) {
		cr_log_warn("skipped: only root can give a file to a group it is not in");
		remove_all(folder, path);
		fputs("SKIP plugin_owner: files of another owner need root\n", stderr);
		cr_skip_test("needs root");
	}
	ps = help_registry(folder, NULL);
	help_refused(ps, "x",
		"plugin file %s can be written by group 65534\n"
		"mend it with: chmod g-w %s",
		path, path);
	plugins_free(ps);
	cr_assert_eq(chown(path, (uid_t)-1, 0), 0);
	ps = help_registry(folder, NULL);
	cr_expect_str_eq(help_get(ps, "x")->name, "x", "the owner's own group may (umask 002)");
	plugins_free(ps);
	remove_all(folder, path);
}

Test(plugin_file, X_08_another_users)
{
	help_path folder, path;
	plugins *ps;

	help_folder(folder);
	help_install("good", folder, "x.so", path);
	if (geteuid() != 0 || chown(path, 65534, (gid_t)-1) != 0) {
		cr_log_warn("skipped: only root can give a file away");
		remove_all(folder, path);
		fputs("SKIP plugin_owner: files of another owner need root\n", stderr);
		cr_skip_test("needs root");
	}
	ps = help_registry(folder, NULL);
	help_refused(ps, "x",
		"plugin file %s belongs to user 65534, who is neither root nor "
		"user 0\nmend it with: chown 0 %s",
		path, path);
	plugins_free(ps);
	cr_assert_eq(chown(path, 0, (gid_t)-1), 0);
	cr_assert_eq(chown(folder, 65534, (gid_t)-1), 0);
	ps = help_registry(folder, NULL);
	help_refused(ps, "x",
		"plugin folder %s belongs to user 65534, who is neither root nor "
		"user 0\nmend it with: chown 0 %s",
		folder, folder);
	plugins_free(ps);
	remove_all(folder, path);
}

static void hash_of(const char *path, char ret_hex[SHA256_HEX])
{
	static char bytes[1 << 20];
	FILE *in = fopen(path, "rb");
	sha256 *h = sha256_new();
	size_t n;

	cr_assert(in && h);
	while ((n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		cr_assert_eq(sha256_add(h, bytes, n), 0);
	fclose(in);
	cr_assert_eq(sha256_hex(h, ret_hex), 0);
}

Test(plugin_file, D_2_6_pin)
{
	static const char wrong[] =
		"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef";
	plugins *ps = help_modules();
	llm_err err = LLM_ERR_INIT;
	char hex[SHA256_HEX], wanted[1000];
	const plugin *p = NULL;

	hash_of(MODULES "/good.so", hex);
	cr_expect_eq(plugins_get(ps, "good", wrong, &p, &err), LLM_E_PLUGIN);
	snprintf(wanted, sizeof(wanted),
		"plugin file " MODULES "/good.so has SHA-256 %.12s..., "
		"but 0123456789AB... is pinned; put back the pinned file or change the pin",
		hex);
	cr_expect_str_eq(err.message, wanted);
	cr_expect_null(p);
	cr_expect_eq(plugins_get(ps, "good", "12ab", &p, &err), LLM_E_PLUGIN);
	cr_expect_str_eq(err.message,
		"the SHA-256 pin of plugin file " MODULES "/good.so is not 64 hexadecimal digits");
	cr_expect_eq(plugins_get(ps, "good", hex, &p, &err), 0);
	cr_expect_str_eq(p->id, "org.test.good");
	cr_expect_eq(plugins_get(ps, "good", wrong, &p, &err), LLM_E_PLUGIN,
		"a pin counts for a loaded plugin as well");
	plugins_free(ps);
}

/* What was refused stays refused without another look, with the same words. */
Test(plugin_file, D_2_6_refusal_is_kept)
{
	help_path folder, path;
	plugins *ps;

	help_folder(folder);
	help_install("good", folder, "x.so", path);
	chmod(path, 0757);
	ps = help_registry(folder, NULL);
	help_refused(ps, "x",
		"plugin file %s can be written by everyone\nmend it with: chmod o-w %s", path,
		path);
	chmod(path, 0755);
	help_refused(ps, "x",
		"plugin file %s can be written by everyone\nmend it with: chmod o-w %s", path,
		path);
	plugins_free(ps);
	remove_all(folder, path);
}

/* No descriptor is left behind by a refusal. */
Test(plugin_file, D_2_6_refusals_leave_no_descriptor)
{
	plugins *ps = help_modules();
	const plugin *p = NULL;
	int before, after;

	before = open("/dev/null", O_RDONLY);
	close(before);
	plugins_get(ps, "undefined", NULL, &p, NULL);
	plugins_get(ps, "nowhere", NULL, &p, NULL);
	plugins_get(ps, "good", "short pin", &p, NULL);
	after = open("/dev/null", O_RDONLY);
	close(after);
	cr_expect_eq(before, after);
	cr_expect_null(p);
	plugins_free(ps);
}
