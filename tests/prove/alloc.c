/*
 * Every allocation fails once, and then for ever: layer by layer, and for a whole run.
 *
 *	prove_alloc LAYER        prints: LAYER POINTS WRONG
 *
 * POINTS is how many allocations were reached; WRONG how many plays crashed the rules:
 * a leak, a double release, or a result that is neither success nor a clear error.
 */
#include <stdio.h>
#include <string.h>

#include <llm/llm.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/idmap.h"
#include "conf/conf.h"
#include "net/xfer.h"
#include "plugin/plugin.h"
#include "support/failalloc.h"
#include "support/sim.h"
#include "wire/httpmsg.h"
#include "wire/ndjson.h"
#include "wire/sse.h"

static sim *upstream;

/* Success, or an error that says that memory was short. */
static int fair(int32_t rc)
{
	return rc != 0 && rc != LLM_E_NOMEM;
}

static int play_base(failalloc *fa, void *arg)
{
	idmap m;
	buf b;
	arena ar;
	int32_t rc = 0;
	char key[16];
	int i;

	(void)arg;
	idmap_init(&m, &fa->hook);
	buf_init(&b, &fa->hook, 0);
	arena_init(&ar, &fa->hook, 64);
	for (i = 0; i < 40 && !rc; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		rc = idmap_put(&m, key, &m);
		if (!rc)
			rc = buf_add_str(&b, key);
		if (!rc && !arena_new(&ar, 40))
			rc = LLM_E_NOMEM;
	}
	idmap_done(&m);
	buf_done(&b);
	arena_reset(&ar);
	return fair(rc);
}

static int32_t ignore_frame(void *ctx, const frame *f)
{
	(void)ctx, (void)f;
	return 0;
}

static int32_t head_lines(httpmsg *m)
{
	int32_t rc = httpmsg_line(m, "HTTP/1.1 200 OK\r\n", 17);

	if (!rc)
		rc = httpmsg_line(m, "Content-Type: text/event-stream\r\n", 33);
	return rc ? rc : httpmsg_line(m, "\r\n", 2);
}

static int play_wire(failalloc *fa, void *arg)
{
	static const char events[] = "event: a\ndata: one\ndata: two\nid: 7\n\ndata: x";
	static const char lines[] = "{\"a\":1}\n{\"b\":2}\n{\"c\"";
	llm_bytes rest;
	redact *r = redact_new(&fa->hook);
	httpmsg m;
	ndjson n;
	sse s;
	buf out;
	int32_t rc;
	size_t i;

	(void)arg;
	httpmsg_init(&m, &fa->hook);
	sse_init(&s, &fa->hook, 0);
	ndjson_init(&n, &fa->hook, 0);
	buf_init(&out, &fa->hook, 0);
	rc = r ? redact_add(r, "a-secret-of-some-length", 23) : LLM_E_NOMEM;
	if (!rc)
		rc = redact_text(r, "say a-secret-of-some-length twice", 33, &out);
	if (!rc)
		rc = head_lines(&m);
	for (i = 0; i + 1 < sizeof(events) && !rc; i++)
		rc = sse_feed(&s, events + i, 1, ignore_frame, NULL);
	if (!rc)
		rc = sse_end(&s, ignore_frame, NULL, &rest);
	for (i = 0; i + 1 < sizeof(lines) && !rc; i++)
		rc = ndjson_feed(&n, lines + i, 1, ignore_frame, NULL);
	if (!rc)
		rc = ndjson_end(&n, ignore_frame, NULL, &rest);
	ndjson_done(&n);
	sse_done(&s);
	httpmsg_done(&m);
	buf_done(&out);
	redact_free(r);
	return fair(rc);
}

static int play_conf(failalloc *fa, void *arg)
{
	static const char *const env[] = {
		"LLM_PROVIDERS__GEMINI__API_KEY=abcdefgh", "LLM_DEFAULT_PROFILE=local-fast", NULL};
	const conf_env view = {env};
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	conf *c = NULL;
	int32_t rc;

	(void)arg;
	opts.config_text =
		"aliases = { fast = \"ollama/m\"; };\n"
		"providers = { ollama = { base_url = \"http://127.0.0.1:1\"; idle = \"5s\";\n"
		"  headers = { x = \"y\"; }; }; };\n"
		"profiles = { local-fast = { candidates = [ \"fast\" ]; }; };\n";
	rc = conf_load(&opts, &view, &fa->hook, NULL, &c, &err);
	if (!rc)
		conf_free(c);
	return fair(rc);
}

static int play_plugin(failalloc *fa, void *arg)
{
	const plugin_search where = {.tool_dir = TEST_BINARY_DIR "/plugins"};
	const host_config_item items[] = {{"base_url", "http://127.0.0.1:1"}};
	llm_err err = LLM_ERR_INIT;
	plugins *ps = NULL;
	const plugin *p;
	instance *in = NULL;
	int32_t rc = plugins_new(&where, &fa->hook, NULL, &ps);

	(void)arg;
	if (!rc)
		rc = plugins_get(ps, "ollama", NULL, &p, &err);
	if (!rc)
		rc = instance_new(p, items, 1, &fa->hook, NULL, &in, &err);
	instance_free(in);
	plugins_free(ps);
	return fair(rc);
}

/* ---- net: one transfer ---- */

typedef struct fetch {
	int done;
	int32_t code;
} fetch;

static void nothing(void *ctx)
{
	(void)ctx;
}

static int32_t take(void *ctx, const char *bytes, size_t len)
{
	(void)ctx, (void)bytes, (void)len;
	return 0;
}

static void fetched(void *ctx, const xfer_outcome *out)
{
	fetch *f = ctx;

	f->done = 1;
	f->code = out->code;
}

static int play_net(failalloc *fa, void *arg)
{
	static const xfer_events ev = {.connected = nothing,
		.sent = nothing,
		.header = take,
		.body = take,
		.done = fetched};
	char address[96];
	const xfer_request rq = {.method = "GET", .url = address};
	llm_err err = LLM_ERR_INIT;
	fetch f = {0};
	loop *l = NULL;
	net *n = NULL;
	xfer *x;
	int32_t rc = loop_new(&fa->hook, NULL, &l, &err);

	(void)arg;
	snprintf(address, sizeof(address), "%s/api/version", sim_url(upstream));
	if (!rc)
		rc = net_new(l, &fa->hook, &n, &err);
	if (!rc)
		rc = xfer_start(n, &rq, &ev, &f, &x);
	while (!rc && !f.done)
		loop_turn(l, NS_PER_S);
	net_free(n);
	loop_free(l);
	/* libcurl says in its own words when a socket cannot be watched. */
	return fair(rc) || (f.code && f.code != LLM_E_NOMEM && f.code != LLM_E_CONNECTION);
}

/* ---- a whole run: service, streamed answer, end ---- */

static int32_t ask(llm_service *svc, const llm_allocator *mem, llm_err *err)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_request *rq = NULL;
	llm_call *c = NULL;
	int32_t rc = llm_request_new(mem, &rq);

	opts.flags = LLM_CALL_STREAM | LLM_CALL_TRACE;
	if (!rc)
		rc = llm_request_model(rq, "ollama/sim-small");
	if (!rc)
		rc = llm_request_option(rq, "num_ctx", "2048");
	if (!rc)
		rc = llm_request_text(rq, LLM_ROLE_USER, "hello", LLM_NUL_TERMINATED);
	if (!rc)
		rc = llm_submit(svc, rq, &opts, &c, err);
	llm_request_free(rq);
	if (!rc)
		rc = llm_call_wait(c, 10000, err);
	llm_call_free(c);
	return rc;
}

static int play_run(failalloc *fa, void *arg)
{
	char text[160];
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;
	int32_t rc;

	(void)arg;
	snprintf(text, sizeof(text), "providers = { ollama = { base_url = \"%s\"; }; };",
		sim_url(upstream));
	opts.config_text = text;
	opts.flags = LLM_SERVICE_NO_ENV;
	opts.plugin_dir = TEST_BINARY_DIR "/plugins";
	opts.allocator = &fa->hook;
	rc = llm_service_new(&opts, &svc, &err);
	if (!rc)
		rc = ask(svc, &fa->hook, &err);
	llm_service_free(svc);
	if (rc && rc != LLM_E_NOMEM && rc != LLM_E_CONNECTION)
		fprintf(stderr, "%s: %s\n", llm_error_name(rc), err.message);
	return rc && rc != LLM_E_NOMEM && rc != LLM_E_CONNECTION;
}

typedef struct layer {
	const char *name;
	failalloc_play play;
	int needs_upstream;
} layer;

static const layer layers[] = {{"base", play_base, 0}, {"wire", play_wire, 0},
	{"conf", play_conf, 0}, {"plugin", play_plugin, 0}, {"net", play_net, 1},
	{"run", play_run, 1}};

static int prove(const layer *l)
{
	static const char *const args[] = {"--tokens", "4", NULL};
	failalloc fa;
	uint64_t points;
	size_t wrong;

	upstream = l->needs_upstream ? sim_start(args) : NULL;
	failalloc_init(&fa);
	wrong = l->play(&fa, NULL) != 0;
	points = fa.calls;
	wrong += failalloc_sweep(l->play, NULL);
	printf("%s %llu %zu\n", l->name, (unsigned long long)points, wrong);
	if (upstream)
		sim_stop(upstream);
	return wrong != 0;
}

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
		if (argc == 2 && strcmp(argv[1], layers[i].name) == 0)
			return prove(&layers[i]);
	fprintf(stderr, "usage: prove_alloc base|wire|conf|plugin|net|run\n");
	return 2;
}
