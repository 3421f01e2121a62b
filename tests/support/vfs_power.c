/*
 * vfs_power.c - what a disk has of the files when the power goes.
 *
 * Of each file what the disk surely has, and behind it what was written since its last sync,
 * in order. At the cut each sector has its old bytes or those of any of the writes; a size or
 * a name is that of any moment since then.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfs.h"

#define SECTOR 512
#define DISK_FILES 8
#define TORN_IN 16 /* one sector of so many has the front of the new bytes only */

typedef struct change {
	int kind; /* POWER_WRITE, POWER_TRUNCATE */
	int64_t at; /* or the size */
	int64_t n;
	unsigned char *bytes;
} change;

typedef struct disk_file {
	char path[512];
	unsigned char *safe;
	int64_t size;
	int there; /* its name surely is */
	int removed; /* deleted, which the disk's folder does not know yet */
	int fresh; /* a log or journal since it was opened: its sync syncs the folder as well */
	change *changes;
	size_t n, cap;
} disk_file;

static struct {
	disk_file files[DISK_FILES];
	size_t n;
	uint64_t calls, cut_at;
	int on, gone;
} disk;

static void die(const char *what)
{
	fprintf(stderr, "vfs_power: %s\n", what);
	exit(99);
}

/* ---- what is safe ---- */

static void changes_drop(disk_file *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		free(f->changes[i].bytes);
	f->n = 0;
}

static void file_grow(disk_file *f, int64_t size)
{
	if (size <= f->size)
		return;
	f->safe = realloc(f->safe, (size_t)size);
	if (!f->safe)
		die("no memory");
	memset(f->safe + f->size, 0, (size_t)(size - f->size));
	f->size = size;
}

static void apply(disk_file *f, const change *c)
{
	if (c->kind == POWER_TRUNCATE) {
		file_grow(f, c->at);
		f->size = c->at;
		return;
	}
	file_grow(f, c->at + c->n);
	memcpy(f->safe + c->at, c->bytes, (size_t)c->n);
}

static void load(disk_file *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	int64_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

	f->there = fd >= 0;
	if (fd < 0)
		return;
	file_grow(f, size);
	if (pread(fd, f->safe, (size_t)size, 0) != size)
		die(f->path);
	close(fd);
}

/* ---- what SQLite does ---- */

static disk_file *find(const char *path)
{
	size_t i;

	for (i = 0; disk.on && path && i < disk.n; i++)
		if (strcmp(disk.files[i].path, path) == 0)
			return &disk.files[i];
	return NULL;
}

int power_gone(void)
{
	if (disk.on && disk.cut_at && ++disk.calls >= disk.cut_at)
		disk.gone = 1;
	return disk.gone;
}

static disk_file *add(const char *path)
{
	disk_file *f = &disk.files[disk.n];

	if (disk.n == DISK_FILES)
		die("too many files");
	disk.n++;
	memset(f, 0, sizeof(*f));
	snprintf(f->path, sizeof(f->path), "%s", path);
	return f;
}

static void put(const char *path, change c, const void *from)
{
	disk_file *f = find(path);

	if (!f)
		return;
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 64;
		f->changes = realloc(f->changes, f->cap * sizeof(*f->changes));
		if (!f->changes)
			die("no memory");
	}
	if (from) {
		c.bytes = malloc((size_t)c.n);
		if (!c.bytes)
			die("no memory");
		memcpy(c.bytes, from, (size_t)c.n);
	}
	f->changes[f->n++] = c;
}

/* The file has been made meanwhile, or was there before: who opens it first knows. */
void power_opened(const char *path)
{
	disk_file *f = find(path);

	if (!disk.on)
		return;
	if (!f) {
		f = add(path);
		load(f);
		if (f->there && !f->size)
			f->there = 0;
	}
	if (f->removed)
		put(path, (change){POWER_TRUNCATE, 0, 0, NULL}, NULL);
	f->removed = 0;
	f->fresh = strstr(path, "-wal") || strstr(path, "-journal");
}

void power_wrote(const char *path, const void *from, int n, int64_t at)
{
	put(path, (change){POWER_WRITE, at, n, NULL}, from);
}

void power_truncated(const char *path, int64_t size)
{
	put(path, (change){POWER_TRUNCATE, size, 0, NULL}, NULL);
}

/* What was made is there for sure, and what was deleted is gone. */
static void folder_synced(void)
{
	size_t i;

	for (i = 0; i < disk.n; i++)
		disk.files[i].there = !disk.files[i].removed;
}

void power_synced(const char *path)
{
	disk_file *f = find(path);
	size_t i;

	if (!f)
		return;
	for (i = 0; i < f->n; i++)
		apply(f, &f->changes[i]);
	changes_drop(f);
	if (f->fresh)
		folder_synced();
	f->fresh = 0;
}

void power_deleted(const char *path, int synced)
{
	disk_file *f = find(path);

	if (!f)
		return;
	f->removed = 1;
	if (synced)
		folder_synced();
}

/* ---- the cut ---- */

void vfs_power_on(void)
{
	size_t i;

	for (i = 0; i < disk.n; i++) {
		changes_drop(&disk.files[i]);
		free(disk.files[i].changes);
		free(disk.files[i].safe);
	}
	memset(&disk, 0, sizeof(disk));
	disk.on = 1;
}

void vfs_power_cut(uint64_t at)
{
	disk.calls = 0;
	disk.cut_at = at ? at : UINT64_MAX;
}

uint64_t vfs_power_calls(void)
{
	return disk.calls;
}

/* One sector of a write comes to the disk, whole or in front only. */
static void put_sector(disk_file *f, const change *c, int64_t from, uint64_t *seed)
{
	int64_t n = SECTOR - (c->at + from) % SECTOR;

	if (n > c->n - from)
		n = c->n - from;
	if (vfs_random(seed) % TORN_IN == 0)
		n = 1 + (int64_t)(vfs_random(seed) % (uint64_t)n);
	if (c->at + from + n > f->size)
		n = f->size - c->at - from;
	if (n > 0)
		memcpy(f->safe + c->at + from, c->bytes + from, (size_t)n);
}

static void put_sectors(disk_file *f, const change *c, uint64_t *seed)
{
	int64_t from = 0;

	while (from < c->n) {
		if (vfs_random(seed) % 2)
			put_sector(f, c, from, seed);
		from += SECTOR - (c->at + from) % SECTOR;
	}
}

/* The file's size after its first `n` changes; what was cut off meanwhile comes back as zeros. */
static void put_size(disk_file *f, size_t n)
{
	int64_t size = f->size, least = size;
	size_t i;

	for (i = 0; i < n; i++) {
		const change *c = &f->changes[i];

		if (c->kind == POWER_TRUNCATE)
			size = c->at;
		else if (c->at + c->n > size)
			size = c->at + c->n;
		if (size < least)
			least = size;
	}
	f->size = least;
	file_grow(f, size);
}

static void cut_sectors(disk_file *f, uint64_t *seed)
{
	size_t i, k;
	change c;

	put_size(f, vfs_random(seed) % (f->n + 1));
	for (i = f->n; i > 1; i--) { /* any order */
		k = vfs_random(seed) % i;
		c = f->changes[k];
		f->changes[k] = f->changes[i - 1];
		f->changes[i - 1] = c;
	}
	for (i = 0; i < f->n; i++)
		if (f->changes[i].kind == POWER_WRITE)
			put_sectors(f, &f->changes[i], seed);
}

static void cut_prefix(disk_file *f, uint64_t *seed)
{
	size_t i, n = vfs_random(seed) % (f->n + 1);

	for (i = 0; i < n; i++)
		apply(f, &f->changes[i]);
	if (n < f->n && f->changes[n].kind == POWER_WRITE) {
		put_size(f, 0);
		put_sectors(f, &f->changes[n], seed);
	}
}

static void file_cut(disk_file *f, int way, uint64_t *seed)
{
	const int luck = way != POWER_NOTHING && vfs_random(seed) % 2;

	if (way == POWER_SECTORS)
		cut_sectors(f, seed);
	if (way == POWER_PREFIX)
		cut_prefix(f, seed);
	if (!f->there && !f->removed)
		f->there = luck;
	else if (f->there && f->removed)
		f->there = !luck;
}

static void store(const disk_file *f)
{
	int fd;

	unlink(f->path);
	if (!f->there)
		return;
	fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || pwrite(fd, f->safe, (size_t)f->size, 0) != f->size)
		die(f->path);
	close(fd);
}

void vfs_power_settle(int way, uint64_t *seed)
{
	char path[600];
	size_t i;

	disk.on = disk.gone = 0;
	for (i = 0; i < disk.n && way != POWER_ALL; i++) {
		file_cut(&disk.files[i], way, seed);
		store(&disk.files[i]);
		snprintf(path, sizeof(path), "%s-shm", disk.files[i].path);
		unlink(path);
	}
}
