/*
 * file.c - the database as a file: where it lies, who has it open, and the lock
 * beside it.
 *
 * The database itself is never opened here: closing any descriptor of it would drop
 * the locks that SQLite holds on it in this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#define FILE_CIFS 0xff534d42u
#define FILE_SMB2 0xfe534d42u
#define FILE_LUSTRE 0x0bd00bd0u
#define FILE_CEPH 0x00c36400u
#define FILE_GPFS 0x47504653u

const char *file_network_name(uint64_t type)
{
	static const struct {
		uint64_t type;
		const char *name;
	} known[] = {
		{NFS_SUPER_MAGIC, "NFS"},
		{SMB_SUPER_MAGIC, "SMB"},
		{FILE_CIFS, "CIFS"},
		{FILE_SMB2, "SMB"},
		{V9FS_MAGIC, "9P"},
		{AFS_SUPER_MAGIC, "AFS"},
		{CODA_SUPER_MAGIC, "Coda"},
		{FILE_LUSTRE, "Lustre"},
		{FILE_CEPH, "Ceph"},
		{FILE_GPFS, "GPFS"},
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((uint32_t)known[i].type == (uint32_t)type)
			return known[i].name;
	return NULL;
}

/* A file of such a name would be made, and found by nobody. */
int32_t file_is_none(const unit *u, const char *dsn)
{
	static const char *const servers[] = {"postgres://", "postgresql://",
		"host=", "hostaddr=", "port=", "user=", "dbname=", "service="};
	size_t i;

	for (i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		if (strncmp(dsn, servers[i], strlen(servers[i])) == 0)
			return unit_say(u, LLM_E_CONFIG,
				"the dsn is that of a server, and SQLite wants the path of a file\n"
				"for the server: plugin = \"postgres\" "
				"(LLM_STORAGE__PLUGIN=postgres)",
				NULL);
	return 0;
}

int32_t file_is_local(const unit *u, const char *path)
{
	const char *name = NULL;
	struct statfs fs;
	char why[600];

	if (!*path || statfs(path, &fs))
		return 0; /* in memory; what cannot be looked at fails where it is used */
	name = file_network_name((uint64_t)fs.f_type);
	if (!name)
		return 0;
	snprintf(why, sizeof(why),
		"%s lies on %s, where locks are not sure to hold\nput it on a local disk", path,
		name);
	return unit_say(u, LLM_E_CONFIG, why, NULL);
}

int32_t file_make(const unit *u, const char *path)
{
	char why[600];
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == EEXIST && (stat(path, &st) || !S_ISDIR(st.st_mode)))
		return 0;
	snprintf(why, sizeof(why), "cannot make %s: %s", path,
		errno == EEXIST		? "it is a folder" :
			errno == ENOENT ? "its folder is not there\nmake the folder, or name "
					  "another file" :
					  strerror(errno));
	return unit_say(u, LLM_E_PERSISTENCE, why, NULL);
}

/* ---- who has it open ---- */

/* Two copies of SQLite on one file drop each other's locks, so the process keeps a list. */
static pthread_mutex_t opened_lock = PTHREAD_MUTEX_INITIALIZER;
static opened *opened_first;

int32_t file_join(unit *u, const char *path)
{
	const opened *o;
	struct stat st;
	int32_t rc = 0;

	if (!path || !*path || stat(path, &st))
		return 0;
	u->file.dev = st.st_dev;
	u->file.ino = st.st_ino;
	u->file.copy = u->q->libversion();
	pthread_mutex_lock(&opened_lock);
	for (o = opened_first; o && !rc; o = o->next)
		if (o->dev == st.st_dev && o->ino == st.st_ino && o->copy != u->file.copy)
			rc = LLM_E_STATE;
	if (!rc) {
		u->file.next = opened_first;
		opened_first = &u->file;
		u->file.joined = 1;
	}
	pthread_mutex_unlock(&opened_lock);
	if (rc)
		return unit_say(u, rc, path,
			"another copy of SQLite in this process has it open, and two copies on "
			"one file drop each other's locks\nuse one copy, or another file");
	return 0;
}

void file_leave(unit *u)
{
	opened **at;

	if (!u->file.joined)
		return;
	pthread_mutex_lock(&opened_lock);
	for (at = &opened_first; *at && *at != &u->file; at = &(*at)->next)
		;
	if (*at)
		*at = u->file.next;
	u->file.joined = 0;
	pthread_mutex_unlock(&opened_lock);
}

/* ---- the lock beside it ---- */

uint32_t file_nap(uint32_t waited_ms)
{
	uint32_t ms = waited_ms < 5 ? 1 : waited_ms < 100 ? 5 : 20;
	struct timespec ts = {0, (long)ms * 1000000};

	nanosleep(&ts, NULL);
	return ms;
}

int32_t file_lock_open(unit *u)
{
	char path[4200], why[4300];
	int n = snprintf(path, sizeof(path), "%s-llm", u->path);

	if (!*u->path)
		return 0;
	if (n < 0 || (size_t)n >= sizeof(path))
		return unit_say(u, LLM_E_CONFIG, "the path of the database is too long", NULL);
	u->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (u->lock_fd >= 0)
		return 0;
	snprintf(why, sizeof(why), "cannot open the lock file %s", path);
	return unit_say(u, LLM_E_PERSISTENCE, why, strerror(errno));
}

/* A lock of the open file, not of the process: connections of one process take turns too. */
static int file_lock_set(const unit *u, short type)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET};

	return fcntl(u->lock_fd, F_OFD_SETLK, &fl);
}

int32_t file_lock(unit *u, uint32_t wait_ms)
{
	uint32_t waited = 0;

	if (u->lock_fd < 0 || u->locked)
		return 0;
	while (file_lock_set(u, F_WRLCK)) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return unit_say(u, LLM_E_PERSISTENCE,
				"cannot lock the file beside the database", strerror(errno));
		if (atomic_load(&u->interrupted))
			return unit_say(u, LLM_E_CANCELLED, "it was interrupted", NULL);
		if (waited >= wait_ms)
			return unit_say(u, LLM_E_DB_BUSY,
				"another connection is writing; try the unit again", NULL);
		waited += file_nap(waited);
	}
	u->locked = 1;
	return 0;
}

void file_unlock(unit *u)
{
	if (u->locked)
		file_lock_set(u, F_UNLCK);
	u->locked = 0;
}

void file_lock_close(unit *u)
{
	close(u->lock_fd);
	u->lock_fd = -1;
}
