#include "support/netns.h"

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/run.h"

static const char *raise_loopback(void)
{
	struct ifreq up = {.ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int bad;

	memcpy(up.ifr_name, "lo", 3);
	bad = fd < 0 || ioctl(fd, SIOCSIFFLAGS, &up);
	if (fd >= 0)
		close(fd);
	return bad ? "the loopback cannot be raised in it" : NULL;
}

static const char *cover(const char *folder, const char *name, const char *text, const char *path)
{
	char file[4096];

	run_folder_put(folder, name, text);
	snprintf(file, sizeof(file), "%s/%s", folder, name);
	return mount(file, path, NULL, MS_BIND, NULL) ? "files of /etc cannot be covered" : NULL;
}

const char *netns_enter(const char *resolv)
{
	const char *why = NULL;
	char *folder;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS))
		return "no right to make a network namespace";
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return "no right to mount in a namespace";
	folder = run_folder();
	why = cover(folder, "resolv", resolv, "/etc/resolv.conf");
	if (!why)
		why = cover(folder, "nsswitch", "hosts: files dns\n", "/etc/nsswitch.conf");
	/* What is mounted stays; the names may go. */
	run_folder_free(folder);
	return why ? why : raise_loopback();
}

int netns_do(const char *command)
{
	char line[512];
	run_result r;
	int status;

	snprintf(line, sizeof(line), "PATH=/usr/sbin:/sbin:$PATH; { %s; } 2>&1", command);
	run_program(RUN_LIST("/bin/sh", "-c", line), NULL, &r);
	status = r.status;
	if (status)
		fprintf(stderr, "netns: %s: %s", command, r.out);
	run_done(&r);
	return status;
}
