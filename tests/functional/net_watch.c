/*
 * Which sockets the kernel is asked to watch, and when: this program's epoll_ctl stands before
 * the system's.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/sim.h"
#include "support/talk.h"

#define PLUGINS TEST_BINARY_DIR "/plugins"
#define MODEL "ollama/sim-small"

static struct {
	int added; /* sockets */
	int removed;
	int refuse; /* no socket is added any more */
} seen;

/* Criterion talks to this process through sockets as well, by names of files. */
static int is_tcp(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	return getsockname(fd, (struct sockaddr *)&at, &len) == 0 && at.ss_family == AF_INET;
}

__attribute__((visibility("default"))) int epoll_ctl(
	int set, int op, int fd, struct epoll_event *event)
{
	if (op == EPOLL_CTL_ADD && seen.refuse && is_tcp(fd)) {
		errno = ENOSPC;
		return -1;
	}
	if (is_tcp(fd)) {
		seen.added += op == EPOLL_CTL_ADD;
		seen.removed += op == EPOLL_CTL_DEL;
	}
	return (int)syscall(SYS_epoll_ctl, set, op, fd, event);
}

/* No answer is there before anybody waits for it. */
static const char *const slow[] = {"--delay-ms", "5", NULL};

static void open_at(talk *t, const sim *up)
{
	char config[128];

	snprintf(config, sizeof(config),
		"max_attempts = 1; providers = { ollama = { base_url = \"%s\"; }; };", sim_url(up));
	talk_open(t, PLUGINS, config, 0);
}

/* Once for each wait, and all the time between two calls. */
Test(net_watch, the_socket_of_a_lone_call_is_watched_anew)
{
	sim *up = sim_start(slow);
	talk_call c;
	int i;
	talk t;

	open_at(&t, up);
	for (i = 0; i < 5; i++) {
		cr_assert_eq(talk_ask(&t, &c, MODEL, (uint32_t)i % 2), 0, "%s", c.err.message);
		cr_assert_eq(seen.removed, i);
		cr_assert_eq(seen.added - seen.removed, 1, "not watched at rest");
	}
	talk_close(&t);
	cr_assert_eq(sim_log_count(up, "\"event\":\"accept\""), 1);
	cr_assert_eq(sim_stop(up), 0);
}

Test(net_watch, with_two_in_flight_what_is_watched_stays_watched)
{
	sim *up = sim_start(slow);
	talk_call one, two;
	int i;
	talk t;

	open_at(&t, up);
	for (i = 0; i < 3; i++) {
		talk_submit(&t, &one, MODEL, 0, NULL);
		talk_submit(&t, &two, MODEL, 0, NULL);
		cr_assert(talk_finish(&t, &one) && talk_finish(&t, &two));
		cr_assert_eq(one.code, 0, "%s", one.err.message);
		cr_assert_eq(two.code, 0, "%s", two.err.message);
		talk_done(&one);
		talk_done(&two);
		cr_assert_eq(seen.removed, 0);
		cr_assert_eq(seen.added, 2);
	}
	talk_close(&t);
	cr_assert_eq(sim_stop(up), 0);
}

/* It ends by its time-out, and the next call has a connection of its own. */
Test(net_watch, a_kernel_that_watches_no_more_sockets)
{
	const llm_call_opts limits = {.total_ms = 40};
	sim *up = sim_start(slow);
	talk_call c;
	talk t;

	open_at(&t, up);
	cr_assert_eq(talk_ask(&t, &c, MODEL, 0), 0, "%s", c.err.message);
	seen.refuse = 1;
	talk_submit(&t, &c, MODEL, 0, &limits);
	cr_assert(talk_finish(&t, &c));
	cr_assert_eq(c.code, LLM_E_DEADLINE, "%s", c.err.message);
	talk_done(&c);
	seen.refuse = 0;
	cr_assert_eq(talk_ask(&t, &c, MODEL, 0), 0, "%s", c.err.message);
	talk_close(&t);
	cr_assert_eq(sim_log_count(up, "\"event\":\"accept\""), 2);
	cr_assert_eq(sim_stop(up), 0);
}
