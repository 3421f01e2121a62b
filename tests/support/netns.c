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

const char *netns_hub(void)
{
	const char *why;

	if (unshare(CLONE_NEWNET))
		return "no right to make a network namespace";
	why = raise_loopback();
	if (why)
		return why;
	return netns_do("ip address add " NETNS_HUB
			"/32 dev lo && ip link add try1 type veth peer name try2 "
			"&& ip link delete try1") ?
		"ip cannot make lines between network namespaces" :
		NULL;
}

/* The other end of the line is set up in the hub's name space, by whoever has its number. */
void netns_machine(int number)
{
	const int hub = (int)getppid();
	char line[400];

	snprintf(line, sizeof(line),
		"ip link add wire type veth peer name machine%d netns %d && "
		"ip address add 10.77.%d.2/24 dev wire && ip link set wire up && "
		"nsenter -t %d -n sh -c 'ip address add 10.77.%d.1/24 dev machine%d && "
		"ip link set machine%d up' && ip route add default via 10.77.%d.1",
		number, hub, number, hub, number, number, number, number);
	if (!unshare(CLONE_NEWNET) && !raise_loopback() && !netns_do(line))
		return;
	fprintf(stderr, "netns: machine %d cannot be made\n", number);
	_exit(99);
}
