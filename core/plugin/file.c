/*
 * file.c - who can change a plugin file, and is it one.
 */
#include "plugin/file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"

#define FILE_SAFE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:=@%"

/* `path` as a shell reads it back, so that the command that mends can be pasted. */
static const char *file_quoted(const char *path, char *out, size_t cap)
{
	size_t n = 0;

	if (path[strspn(path, FILE_SAFE)] == '\0')
		return path;
	out[n++] = '\'';
	for (; *path && n + 6 < cap; path++) {
		if (*path == '\'') {
			memcpy(out + n, "'\\''", 4);
			n += 4;
		} else {
			out[n++] = *path;
		}
	}
	out[n++] = '\'';
	out[n] = '\0';
	return out;
}

/*
 * The group that distributions with umask 002 make for each user: it is the
 * owner's first group, has the owner's name, and nobody else is in it.
 */
static int file_group_is_own(const struct stat *st)
{
	char room[4096], name[256];
	struct passwd pw, *found_pw = NULL;
	struct group gr, *found_gr = NULL;
	size_t i;

	if (getpwuid_r(st->st_uid, &pw, room, sizeof(room), &found_pw) || !found_pw)
		return 0;
	if (pw.pw_gid != st->st_gid || strlen(pw.pw_name) >= sizeof(name))
		return 0;
	memcpy(name, pw.pw_name, strlen(pw.pw_name) + 1);
	if (getgrgid_r(st->st_gid, &gr, room, sizeof(room), &found_gr) || !found_gr)
		return 0;
	for (i = 0; gr.gr_mem[i]; i++)
		if (strcmp(gr.gr_mem[i], name) != 0)
			return 0;
	return strcmp(gr.gr_name, name) == 0;
}

/* Who can change it can run code in this process. `what` is "file" or "folder". */
static int32_t file_check_owner(
	const struct stat *st, const char *what, const char *path, llm_err *err)
{
	char room[LLM_ERR_MESSAGE_MAX / 2];
	const char *quoted = file_quoted(path, room, sizeof(room));

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(err, LLM_E_PLUGIN,
			"plugin %s %s belongs to user %u, who is neither root nor user %u"
			"\nmend it with: chown %u %s",
			what, path, st->st_uid, geteuid(), geteuid(), quoted);
	if (st->st_mode & S_IWOTH)
		return err_set(err, LLM_E_PLUGIN,
			"plugin %s %s can be written by everyone\nmend it with: chmod o-w %s", what,
			path, quoted);
	if ((st->st_mode & S_IWGRP) && !file_group_is_own(st))
		return err_set(err, LLM_E_PLUGIN,
			"plugin %s %s can be written by group %u\nmend it with: chmod g-w %s", what,
			path, st->st_gid, quoted);
	return 0;
}

static const char *file_kind(mode_t mode)
{
	if (S_ISDIR(mode))
		return "a folder";
	if (S_ISFIFO(mode))
		return "a FIFO";
	if (S_ISSOCK(mode))
		return "a socket";
	return "a device";
}

static int32_t file_refuse_errno(const char *path, int number, llm_err *err)
{
	char room[128];

	return err_set(err, LLM_E_PLUGIN, "plugin file %s cannot be opened: %s", path,
		strerror_r(number, room, sizeof(room)));
}

static int32_t file_open_in(
	int folder, const char *base, const char *path, int *ret_fd, llm_err *err)
{
	int fd = openat(folder, base, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if (errno == ENOENT)
		return LLM_E_NOT_FOUND;
	if (errno == ELOOP)
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s is a symbolic link, which may lead out of its folder; "
			"put the file itself there",
			path);
	return file_refuse_errno(path, errno, err);
}

/* What `fd` is open on, checked; *ret has its identity. */
static int32_t file_check(int fd, const char *path, plugin_file *ret, llm_err *err)
{
	struct stat st;
	int32_t rc;

	if (fstat(fd, &st))
		return file_refuse_errno(path, errno, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, LLM_E_PLUGIN, "plugin file %s is %s, not a regular file", path,
			file_kind(st.st_mode));
	rc = file_check_owner(&st, "file", path, err);
	if (!rc)
		rc = elf_check(fd, (uint64_t)st.st_size, path, err);
	if (!rc)
		*ret = (plugin_file){fd, st.st_dev, st.st_ino, (uint64_t)st.st_size};
	return rc;
}

/* As file_open, inside an open folder. */
static int32_t file_open_checked(
	int folder, const char *folder_path, const char *path, plugin_file *ret, llm_err *err)
{
	struct stat st;
	int32_t rc;
	int fd = -1;

	rc = file_open_in(folder, strrchr(path, '/') + 1, path, &fd, err);
	if (rc)
		return rc;
	if (fstat(folder, &st))
		rc = file_refuse_errno(folder_path, errno, err);
	else
		rc = file_check_owner(&st, "folder", folder_path, err);
	if (!rc)
		rc = file_check(fd, path, ret, err);
	if (rc)
		close(fd);
	return rc;
}

int32_t file_open(const char *path, plugin_file *ret, llm_err *err)
{
	char folder_path[PATH_MAX];
	size_t len = (size_t)(strrchr(path, '/') - path);
	int32_t rc;
	int folder;

	if (len >= sizeof(folder_path))
		return file_refuse_errno(path, ENAMETOOLONG, err);
	memcpy(folder_path, len ? path : "/", len ? len : 1);
	folder_path[len ? len : 1] = '\0';
	folder = open(folder_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return LLM_E_NOT_FOUND;
	if (folder < 0)
		return file_refuse_errno(path, errno, err);
	rc = file_open_checked(folder, folder_path, path, ret, err);
	close(folder);
	return rc;
}

void file_close(plugin_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

_Static_assert(FILE_HASH == SHA256_HEX, "a digest in hexadecimal");

int32_t file_hash(const plugin_file *f, char ret_hex[FILE_HASH])
{
	char piece[16384];
	uint64_t at = 0;
	sha256 *h = sha256_new();
	int32_t rc = h ? 0 : LLM_E_NOMEM;

	while (!rc && at < f->size) {
		ssize_t n = pread(f->fd, piece, sizeof(piece), (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			rc = LLM_E_PLUGIN;
		else
			rc = sha256_add(h, piece, (size_t)n);
		at += n > 0 ? (uint64_t)n : 0;
	}
	if (!rc)
		return sha256_hex(h, ret_hex);
	sha256_free(h);
	return rc;
}

static int file_pin_valid(const char *pin)
{
	return strlen(pin) == SHA256_HEX - 1 &&
		strspn(pin, "0123456789abcdefABCDEF") == SHA256_HEX - 1;
}

int32_t file_pin(const plugin_file *f, const char *path, const char *pin, llm_err *err)
{
	char hex[SHA256_HEX];
	int32_t rc;

	if (!file_pin_valid(pin))
		return err_set(err, LLM_E_PLUGIN,
			"the SHA-256 pin of plugin file %s is not 64 hexadecimal digits", path);
	rc = file_hash(f, hex);
	if (rc == LLM_E_PLUGIN)
		return err_set(err, rc, "plugin file %s cannot be read to its end", path);
	if (rc)
		return err_set(err, rc, "no memory to check the SHA-256 of plugin file %s", path);
	if (ascii_casecmp(hex, pin) != 0)
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s has SHA-256 %.12s..., but %.12s... is pinned; "
			"put back the pinned file or change the pin",
			path, hex, pin);
	return 0;
}
