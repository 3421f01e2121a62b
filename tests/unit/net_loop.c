/* The loop where the process is at its limit of descriptors, and its sums of time. */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/loop.h"
#include "support/fakeclock.h"

/* The lowest descriptor that is free. */
static int first_free(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

static int32_t loop_with(int more, llm_err *err)
{
	struct rlimit before, few;
	loop *l = NULL;
	int32_t rc;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)(first_free() + more);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	rc = loop_new(mem_default(), NULL, &l, err);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	cr_assert_eq(l == NULL, rc != 0);
	loop_free(l);
	return rc;
}

Test(net_loop, without_descriptors_there_is_none_and_the_limit_is_named)
{
	const int before = first_free();
	int more;

	for (more = 0; more < 3; more++) {
		llm_err err = LLM_ERR_INIT;

		cr_assert_eq(loop_with(more, &err), LLM_E_NOMEM, "with %d descriptors", more);
		cr_assert_not_null(strstr(err.message, "ulimit -n"), "%s", err.message);
		cr_assert_eq(first_free(), before, "a descriptor is left");
	}
	cr_assert_eq(loop_with(3, NULL), 0);
	cr_assert_eq(first_free(), before);
	loop_free(NULL);
}

static int fired;

static void on_timer(loop_timer *t)
{
	(void)t;
	fired++;
}

Test(net_loop, R_CORE_5_timers_go_by_the_clock_that_was_given)
{
	loop_timer t = {.fn = on_timer};
	loop *l = NULL;
	fakeclock fc;

	fakeclock_init(&fc, 1);
	cr_assert_eq(loop_new(mem_default(), &fc.source, &l, NULL), 0);
	cr_assert_eq(loop_next_ns(l), UINT64_MAX);
	loop_timer_set(l, &t, UINT64_MAX);
	cr_assert_not(t.armed, "a timer without an end was armed");
	loop_timer_set(l, &t, loop_now(l) + 90 * NS_PER_S);
	cr_assert_eq(loop_next_ns(l), 90 * NS_PER_S);
	loop_turn(l, 0);
	cr_assert_eq(fired, 0);
	fakeclock_advance_ms(&fc, 100000);
	cr_assert_eq(loop_next_ns(l), 0);
	loop_turn(l, UINT64_MAX);
	cr_assert_eq(fired, 1);
	cr_assert_not(t.armed);
	loop_free(l);
}

static int fired_at[5];

static void on_numbered(loop_timer *t)
{
	static const loop_timer *first;

	if (!fired)
		first = t;
	fired_at[fired++] = (int)(t - first);
}

/* Who waits for the same moment goes in the order of arrival. */
Test(net_loop, timers_for_the_same_instant_fire_in_the_order_in_which_they_were_set)
{
	loop_timer t[5], other = {.fn = on_timer};
	loop *l = NULL;
	fakeclock fc;
	int i;

	fakeclock_init(&fc, 1);
	cr_assert_eq(loop_new(mem_default(), &fc.source, &l, NULL), 0);
	memset(t, 0, sizeof(t));
	loop_timer_set(l, &other, loop_now(l) + 1);
	for (i = 0; i < 5; i++) {
		t[i].fn = on_numbered;
		loop_timer_set(l, &t[i], loop_now(l) + NS_PER_S);
	}
	loop_timer_clear(l, &other);
	fakeclock_advance_ms(&fc, 1000);
	loop_turn(l, 0);
	cr_assert_eq(fired, 5);
	for (i = 0; i < 5; i++)
		cr_assert_eq(fired_at[i], i);
	loop_free(l);
}

/* A host that polls the descriptor sees a timer and a wake-up on it. */
Test(net_loop, the_descriptor_shows_timers_and_wake_ups)
{
	loop_timer t = {.fn = on_timer};
	struct pollfd p = {.events = POLLIN};
	loop *l = NULL;

	cr_assert_eq(loop_new(mem_default(), NULL, &l, NULL), 0);
	p.fd = loop_fd(l);
	cr_assert_eq(loop_fd(l), p.fd);
	cr_assert_eq(poll(&p, 1, 0), 0);
	loop_wake(l);
	loop_wake(l);
	cr_assert_eq(poll(&p, 1, 1000), 1);
	loop_turn(l, 0);
	cr_assert_eq(poll(&p, 1, 0), 0, "a wake-up was told twice");
	loop_timer_set(l, &t, loop_now(l) + 5 * NS_PER_MS);
	loop_turn(l, 0);
	cr_assert_eq(poll(&p, 1, 1000), 1);
	loop_turn(l, UINT64_MAX);
	while (!fired)
		loop_turn(l, UINT64_MAX);
	cr_assert_eq(fired, 1);
	loop_timer_set(l, &t, loop_now(l));
	loop_turn(l, 0);
	cr_assert_eq(fired, 2);
	loop_timer_clear(l, &t);
	loop_free(l);
}

typedef struct asked {
	loop *l;
	char order[16];
} asked;

static void note(asked *a, char what)
{
	const size_t n = strlen(a->order);

	cr_assert_lt(n + 1, sizeof(a->order));
	a->order[n] = what;
}

static void on_turn(void *ctx)
{
	note(ctx, 't');
}

static void on_net(void *ctx)
{
	note(ctx, 'n');
}

static void on_wake(void *ctx)
{
	asked *a = ctx;

	note(a, 'w');
	loop_net_timer(a->l, 0, on_net, a);
}

/* What is asked for before a turn is begun and goes on in that very turn, which does not wait. */
Test(net_loop, what_was_asked_for_is_begun_first)
{
	asked a = {.order = ""};

	cr_assert_eq(loop_new(mem_default(), NULL, &a.l, NULL), 0);
	loop_on_turn(a.l, on_turn, &a);
	loop_on_wake(a.l, on_wake, &a);
	loop_wake_idle(a.l);
	loop_turn(a.l, UINT64_MAX);
	cr_assert_str_eq(a.order, "twn");
	cr_assert_not(loop_quiet(a.l));
	loop_turn(a.l, 0);
	cr_assert_str_eq(a.order, "twnt");
	cr_assert(loop_quiet(a.l));
	loop_free(a.l);
}

static void on_timer_wakes(loop_timer *t)
{
	loop_wake_self(*(loop **)(void *)(t + 1));
}

/* What is asked for in the turn itself goes on when the sockets were looked at once more. */
Test(net_loop, what_is_asked_for_meanwhile_waits_for_the_next_look)
{
	struct {
		loop_timer t;
		loop *l;
	} timer = {.t = {.fn = on_timer_wakes}};
	asked a = {.order = ""};

	cr_assert_eq(loop_new(mem_default(), NULL, &a.l, NULL), 0);
	timer.l = a.l;
	loop_on_turn(a.l, on_turn, &a);
	loop_on_wake(a.l, on_wake, &a);
	loop_timer_set(a.l, &timer.t, loop_now(a.l));
	loop_turn(a.l, UINT64_MAX);
	cr_assert_str_eq(a.order, "tw");
	loop_turn(a.l, UINT64_MAX);
	cr_assert_str_eq(a.order, "twtn");
	loop_free(a.l);
}
