/*
 * loop.h - one epoll set, one heap of timers, one way to wake it.
 *
 * A loop is turned by one thread at a time. Only loop_wake may be called from
 * others. Timers live inside the objects they serve, so arming one cannot fail.
 */
#ifndef LLM_NET_LOOP_H
#define LLM_NET_LOOP_H

#include "base/clock.h"
#include "llm/error.h"

typedef struct loop loop;

/* Embedded in its owner; zero before its first use. */
typedef struct loop_timer {
	uint64_t at_ns; /* on the loop's time source */
	uint64_t order; /* of two for the same instant the one that was set first fires first */
	void (*fn)(struct loop_timer *t);
	struct loop_timer *child; /* pairing heap: first child, */
	struct loop_timer *sibling; /* next sibling, */
	struct loop_timer *prev; /* previous sibling or parent */
	int armed;
} loop_timer;

int32_t loop_new(const llm_allocator *mem, const llm_time_source *time, loop **ret, llm_err *err);
void loop_free(loop *l);

uint64_t loop_now(const loop *l);

/* Arms or moves; UINT64_MAX disarms. */
void loop_timer_set(loop *l, loop_timer *t, uint64_t at_ns);
void loop_timer_clear(loop *l, loop_timer *t);

/*
 * Sockets of libcurl: they are known by their number alone, so that watching one needs no
 * memory. `events` are EPOLL*; 0 removes; `known`: it is watched already. Returns 0, or
 * LLM_E_NOMEM from the kernel.
 */
int32_t loop_socket_set(loop *l, int fd, uint32_t events, int known);
void loop_on_socket(loop *l, void (*fn)(void *ctx, int fd, uint32_t epoll_events), void *ctx);

/* A second clock that only libcurl uses: it always runs on real time. */
void loop_net_timer(loop *l, int64_t timeout_ms, void (*fn)(void *ctx), void *ctx);

/* Makes the loop's next wait return; any thread. */
void loop_wake(loop *l);
/* The same while nobody turns the loop: free of a system call, unless a host polls it. */
void loop_wake_idle(loop *l);
/* The same on the thread that is inside loop_turn now: it costs nothing there. */
void loop_wake_self(loop *l);
/* Called when a turn begins, once it has waited. */
void loop_on_turn(loop *l, void (*fn)(void *ctx), void *ctx);
/* Called in every turn that was woken: when it begins, or at its end. */
void loop_on_wake(loop *l, void (*fn)(void *ctx), void *ctx);

/* Waits for at most `timeout_ns` (UINT64_MAX: until something happens), then does it. */
void loop_turn(loop *l, uint64_t timeout_ns);
/* 1: the last turn found nothing to do when it began. */
int loop_quiet(const loop *l);

/* For a host's own loop: the descriptor covers timers from the first call on. */
int loop_fd(loop *l);
uint64_t loop_next_ns(const loop *l);

#endif
