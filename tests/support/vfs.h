/*
 * support/vfs.h - between SQLite and the disk: calls that fail, and power that goes.
 *
 * One for the process, in front of SQLite's own; connections that are opened while it is
 * installed go through it. The file of locks beside a log (-shm) is not seen: no power cut
 * leaves one behind.
 */
#ifndef SUPPORT_VFS_H
#define SUPPORT_VFS_H

#include <stdint.h>

/* What happens to the call that is chosen. */
enum {
	VFS_ONCE = 0, /* it fails, the next ones work */
	VFS_FOR_EVER, /* it and all behind it fail */
	VFS_HALF, /* a write or a read is done by half and fails; others as VFS_ONCE */
	VFS_FULL, /* from this write on there is no room for writes */
	VFS_BUSY, /* a lock is held by somebody else, once */
	VFS_WAYS
};

void vfs_install(void);
void vfs_remove(void);

/*
 * The call number `at`, counted from 1, meets `way`; 0: none does. Counted are the calls that
 * can meet it, and from here on.
 */
void vfs_fail(uint64_t at, int way);
uint64_t vfs_calls(void);
uint64_t vfs_failed(void);
/* Syncs since vfs_fail. */
uint64_t vfs_syncs(void);

/* ---- power ---- */

/* How much of what was not synced the disk had written when the power went. */
enum {
	POWER_NOTHING = 0,
	POWER_SECTORS, /* any of its sectors, in any order, some torn; sizes and names as well */
	POWER_PREFIX, /* what was written first, the last write torn */
	POWER_ALL, /* no power cut: only the process ended */
	POWER_WAYS
};

/* What is on the disk now is safe; from here on it is kept apart from what is only written. */
void vfs_power_on(void);
/* At the call number `at` since then the power goes; 0: it stays. */
void vfs_power_cut(uint64_t at);
/* Calls since vfs_power_cut. */
uint64_t vfs_power_calls(void);
/* Makes the files what the disk has of them. All connections are closed. */
void vfs_power_settle(int way, uint64_t *seed);

/* A number of a sequence that `state` begins. */
uint64_t vfs_random(uint64_t *state);

/* ---- between the two files of this ---- */

enum { POWER_WRITE = 0, POWER_TRUNCATE };

/* 1: it is gone, and the call fails without effect. */
int power_gone(void);
void power_opened(const char *path);
void power_wrote(const char *path, const void *from, int n, int64_t at);
void power_truncated(const char *path, int64_t size);
void power_synced(const char *path);
void power_deleted(const char *path, int synced);

#endif
