/*
 * support/netns.h - a network of the test's own: nothing but a loopback, its own resolver.
 * It ends with the process. Linux only; needs the right to make one (root, as a rule).
 */
#ifndef SUPPORT_NETNS_H
#define SUPPORT_NETNS_H

/*
 * Moves this thread, and those that it starts from now on, there. `resolv` is what
 * /etc/resolv.conf says there. Null, or why it cannot be done; then nothing has changed
 * that matters to a test that skips.
 */
const char *netns_enter(const char *resolv);
/* Runs a command of iproute2 or iptables by the shell; 0 when it succeeded. */
int netns_do(const char *command);

#endif
