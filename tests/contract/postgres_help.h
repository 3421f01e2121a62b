/*
 * postgres_help.h - connections of the plugin postgres with settings of the test's.
 */
#ifndef TESTS_CONTRACT_POSTGRES_HELP_H
#define TESTS_CONTRACT_POSTGRES_HELP_H

#include <pthread.h>
#include <time.h>

#include "storage_help.h"

/* "KEY=VALUE" texts besides the dsn; null ends them. */
static inline int32_t with_settings(
	const stand *s, wire *c, const char *dsn, const char *const *settings)
{
	static char keys[8][40];
	host_config_item config[9] = {{"dsn", dsn}};
	size_t n = 1;
	int32_t rc;

	for (; settings && settings[n - 1]; n++) {
		snprintf(keys[n - 1], sizeof(keys[0]), "%.*s", (int)strcspn(settings[n - 1], "="),
			settings[n - 1]);
		config[n] = (host_config_item){keys[n - 1], strchr(settings[n - 1], '=') + 1};
	}
	*c = (wire){.s = s};
	cr_assert_eq(instance_seat(s->p, config, n, mem_default(), NULL, &c->seat, &c->err), 0);
	instance_begin(c->seat, NULL);
	rc = wire_said(c, "open", s->v->open(instance_host(c->seat), &c->unit));
	if (rc) {
		instance_free(c->seat);
		c->seat = NULL;
	}
	return rc;
}

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Opened with these, or the test fails. */
static inline wire opened(const stand *s, const char *const *settings)
{
	wire c;

	cr_assert_eq(with_settings(s, &c, s->dsn, settings), 0, "%s", c.err.message);
	return c;
}

/* Refused with that code, in words that contain `says`. */
static inline void not_opened(const stand *s, const char *dsn, const char *const *settings,
	int32_t code, const char *says)
{
	wire c;
	int32_t rc = with_settings(s, &c, dsn, settings);

	cr_assert_eq(rc, code, "%d %s", rc, c.err.message);
	cr_expect_not_null(strstr(c.err.message, says), "%s", c.err.message);
}

static inline int64_t help_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#endif
