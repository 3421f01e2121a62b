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

#define NETNS_HUB "10.77.0.1"
/*
 * Machines: this process and what it starts from now on are alone in a network of their own, and
 * are reached by its machines at NETNS_HUB. Null, or why it cannot be done.
 */
const char *netns_hub(void);
/*
 * A child of such a process becomes machine `number`, 1 to 250: a network with a loopback and one
 * line to the hub, where it is 10.77.NUMBER.2. What cannot be done ends it with status 99.
 */
void netns_machine(int number);

/* Runs a command of iproute2 or iptables by the shell; 0 when it succeeded. */
int netns_do(const char *command);

#endif
