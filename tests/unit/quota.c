/* How much a provider may be asked again (core/run/quota.h). */
#include <criterion/criterion.h>

#include "run/quota.h"

static const quota_wire idle = {0, 0};

Test(quota, R_RETRY_10_a_retry_costs_five_and_ten_after_a_timeout)
{
	quota q;
	int i;

	quota_init(&q);
	for (i = 0; i < 20; i++) {
		cr_assert(quota_allows(&q, &idle, LLM_E_UNAVAILABLE));
		cr_assert_eq(quota_spend(&q, LLM_E_UNAVAILABLE), 5);
	}
	cr_assert_not(quota_allows(&q, &idle, LLM_E_UNAVAILABLE));
	quota_init(&q);
	for (i = 0; i < 10; i++) {
		cr_assert(quota_allows(&q, &idle, LLM_E_TIMEOUT));
		cr_assert_eq(quota_spend(&q, LLM_E_TIMEOUT), 10);
	}
	cr_assert_not(quota_allows(&q, &idle, LLM_E_TIMEOUT));
	cr_assert_eq(q.tokens, 0);
}

Test(quota, R_RETRY_10_what_is_left_must_pay_for_it_whole)
{
	quota q = {9};

	cr_assert_not(quota_allows(&q, &idle, LLM_E_TIMEOUT));
	cr_assert(quota_allows(&q, &idle, LLM_E_SERVER_ERROR));
	quota_spend(&q, LLM_E_SERVER_ERROR);
	cr_assert_eq(q.tokens, 4);
	cr_assert_not(quota_allows(&q, &idle, LLM_E_SERVER_ERROR));
}

Test(quota, R_RETRY_10_success_refills_it_never_above_full)
{
	quota q;
	uint32_t cost;

	quota_init(&q);
	quota_reward(&q);
	cr_assert_eq(q.tokens, QUOTA_FULL);
	cost = quota_spend(&q, LLM_E_TIMEOUT);
	quota_reward(&q);
	cr_assert_eq(q.tokens, 91);
	quota_give_back(&q, cost);
	cr_assert_eq(q.tokens, QUOTA_FULL);
	quota_give_back(&q, UINT32_MAX);
	cr_assert_eq(q.tokens, QUOTA_FULL);
}

Test(quota, R_RETRY_11_three_retries_or_a_fifth_of_what_is_on_the_wire)
{
	quota q;
	quota_wire w = {0, 0};
	uint32_t attempts;

	quota_init(&q);
	for (attempts = 0; attempts <= 200; attempts++) {
		uint32_t most = (attempts + 1) / 5 > 3 ? (attempts + 1) / 5 : 3;

		w.attempts = attempts;
		w.retries = most - 1;
		cr_assert(quota_allows(&q, &w, LLM_E_CONNECTION), "%u", attempts);
		w.retries = most;
		cr_assert_not(quota_allows(&q, &w, LLM_E_CONNECTION), "%u", attempts);
		cr_assert_not(quota_begin_retry(&w));
		cr_assert_eq(w.retries, most);
	}
}

Test(quota, R_RETRY_11_the_share_holds_in_every_schedule)
{
	quota_wire w = {0, 0};
	uint64_t seed = 11;
	int i, begun = 0, refused = 0;

	for (i = 0; i < 100000; i++) {
		uint32_t most;

		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		switch (seed >> 60 & 3) {
		case 0:
			quota_begin(&w);
			break;
		case 1:
			if (quota_begin_retry(&w)) {
				most = w.attempts / 5 > 3 ? w.attempts / 5 : 3;
				cr_assert_leq(w.retries, most);
				begun++;
			} else {
				refused++;
			}
			break;
		case 2:
			if (w.attempts > w.retries)
				quota_end(&w, 0);
			break;
		default:
			if (w.retries)
				quota_end(&w, 1);
			break;
		}
		cr_assert_leq(w.retries, w.attempts);
	}
	cr_assert_gt(begun, 1000);
	cr_assert_gt(refused, 1000);
	while (w.retries)
		quota_end(&w, 1);
	while (w.attempts)
		quota_end(&w, 0);
	cr_assert_eq(w.attempts + w.retries, 0);
}
