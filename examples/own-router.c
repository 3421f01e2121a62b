/*
 * own-router.c - a host decides itself who is asked: what computes here as long as it has a
 * free slot, then the cheapest; an unknown price last.
 *
 *	cc own-router.c -lllm && ./a.out llm.conf PROFILE "Why is the sky blue?"
 */
#include <stdio.h>

#include <llm/llm.h>
#include <llm/router.h>

enum { HERE = 1, BY_PRICE = 2 };

static const llm_reason_info here = {
	(uint32_t)sizeof(here), HERE, "here", "computes here, %a of %b slots taken"};
static const llm_reason_info by_price = {
	(uint32_t)sizeof(by_price), BY_PRICE, "price", "%a picodollars for a token in and one out"};
static const llm_reason_info *const reasons[] = {&here, &by_price, NULL};

static int32_t score(const llm_candidate_view *c, uint32_t i, const llm_rank_sink *out)
{
	int64_t price = c->input_picousd + c->output_picousd;

	if (c->locality == LLM_LOCALITY_LOCAL && (!c->limit || c->in_flight < c->limit))
		return out->score(out->ctx, i, INT64_MAX, HERE, c->in_flight, c->limit);
	if (c->input_picousd < 0 || c->output_picousd < 0)
		price = INT64_MAX;
	return out->score(out->ctx, i, -price, BY_PRICE, price, 0);
}

/* On the service's thread, before each run of the profile: numbers in, numbers out. */
static int32_t rank(void *ctx, const llm_snapshot *s, const llm_rank_sink *out)
{
	int32_t rc = 0;
	uint32_t i;

	(void)ctx;
	for (i = 0; rc == 0 && i < s->n_candidates; i++)
		rc = score(s->candidates[i], i, out);
	return rc;
}

static int ask(llm_service *svc, const char *profile, const char *question, llm_err *err)
{
	llm_router router = LLM_ROUTER_INIT;
	llm_call *call = NULL;
	const llm_result *r;
	int rc;

	router.name = "own";
	router.rank = rank;
	router.reasons = reasons;
	rc = llm_service_router(svc, profile, &router, err);
	if (!rc)
		rc = llm_ask(svc, profile, question, &call, err);
	r = rc ? NULL : llm_call_result(call);
	if (r)
		printf("%s: %s\n", llm_result_provider(r), llm_result_text(r, NULL));
	llm_call_free(call);
	return rc;
}

int main(int argc, char **argv)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_service *svc;
	int rc;

	if (argc < 4) {
		fprintf(stderr, "usage: %s FILE PROFILE QUESTION\n", argv[0]);
		return 2;
	}
	opts.config_path = argv[1];
	rc = llm_service_new(&opts, &svc, &err);
	if (!rc) {
		rc = ask(svc, argv[2], argv[3], &err);
		llm_service_free(svc);
	}
	if (rc)
		fprintf(stderr, "%s\n", err.message);
	return rc != 0;
}
