#include "support/litter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STEM "llm-test-"
/* A process with that id may live where /tmp is ours as well and processes are not. */
#define OLD_S 600
#define PATH_ROOM 4096

typedef struct item {
	char *path;
	struct item *next;
} item;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static item *items;
static pid_t owner; /* of the items: a child that was forked has none */

static void fail(const char *what)
{
	fprintf(stderr, "litter: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static const char *folder(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/tmp";
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static void remove_all(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- what others left ---- */

static int is_left(const char *path, const char *name)
{
	struct stat st;
	char *end;
	long pid = strtol(name + strlen(STEM), &end, 10);

	if (pid <= 0 || *end != '-' || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
		return 0;
	return lstat(path, &st) == 0 && st.st_uid == geteuid() && st.st_mtime + OLD_S < time(NULL);
}

static void sweep(void)
{
	DIR *d = opendir(folder());
	char path[PATH_ROOM];
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, STEM, strlen(STEM)) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder(), e->d_name);
		if (is_left(path, e->d_name))
			remove_all(path);
	}
	if (d)
		closedir(d);
}

/* ---- what is ours ---- */

static void at_end(void)
{
	if (owner != getpid())
		return;
	for (item *i = items; i; i = i->next)
		remove_all(i->path);
}

/* The first in this process; what a parent has is the parent's. */
static void begin(void)
{
	if (owner == getpid())
		return;
	if (!owner)
		atexit(at_end);
	owner = getpid();
	items = NULL;
	sweep();
}

static char *keep(const char *path)
{
	item *i = calloc(1, sizeof(*i));
	char *copy = strdup(path);

	if (!i || !copy)
		fail("out of memory");
	i->path = strdup(path);
	if (!i->path)
		fail("out of memory");
	i->next = items;
	items = i;
	return copy;
}

static char *make(int is_folder)
{
	char path[PATH_ROOM], *copy;
	int fd = 0;

	pthread_mutex_lock(&lock);
	begin();
	snprintf(path, sizeof(path), "%s/" STEM "%ld-XXXXXX", folder(), (long)getpid());
	if (is_folder ? !mkdtemp(path) : (fd = mkostemp(path, O_CLOEXEC)) < 0)
		fail(path);
	if (!is_folder)
		close(fd);
	copy = keep(path);
	pthread_mutex_unlock(&lock);
	return copy;
}

char *litter_file(void)
{
	return make(0);
}

char *litter_folder(void)
{
	return make(1);
}

static void forget(const char *path)
{
	item **at = &items, *gone;

	while (*at && strcmp((*at)->path, path) != 0)
		at = &(*at)->next;
	gone = *at;
	if (!gone)
		return;
	*at = gone->next;
	free(gone->path);
	free(gone);
}

void litter_remove(char *path)
{
	if (!path)
		return;
	remove_all(path);
	pthread_mutex_lock(&lock);
	forget(path);
	pthread_mutex_unlock(&lock);
	free(path);
}
