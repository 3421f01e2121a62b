#include <string.h>

#include "conn.h"
#include "faults.h"
#include "route.h"
#include "server.h"

/* ---- whose turn it is ---- */

bool faults_due(const struct fault_model *m, uint64_t now)
{
	const struct fault_spec *s = &m->spec;
	uint64_t past = m->first_ns ? now - m->first_ns : 0;

	if (s->when == WHEN_ALWAYS)
		return true;
	if (s->when == WHEN_FIRST)
		return s->many ? m->asked < s->many : past < s->span_ns;
	return (s->many ? m->asked / s->many : past / s->span_ns) % 2 == 0;
}

void faults_prepare(struct faults *f, struct fault_model *m)
{
	f->found = m;
	f->strikes = m && faults_due(m, now_ns());
	if (m) {
		f->special = m->spec.kind->special;
		f->special.words = (size_t)m->spec.value;
	}
}

const struct special *faults_special(const struct faults *f)
{
	bool says = f && f->strikes && f->found->spec.kind->what == FAULT_ANSWER;

	return says ? &f->special : NULL;
}

uint64_t faults_big_frame(const struct faults *f)
{
	bool big = f && f->strikes && f->found->spec.kind->what == FAULT_BIG_FRAME;

	return big ? f->found->spec.value : 0;
}

/* ---- a request ---- */

static bool ends_in(struct span s, const char *end)
{
	size_t n = strlen(end);

	return s.len >= n && !memcmp(s.ptr + s.len - n, end, n);
}

static bool begins(struct span s, const char *start)
{
	size_t n = strlen(start);

	return s.len >= n && !memcmp(s.ptr, start, n);
}

/* Only requests for an answer or for embeddings can fail. */
static struct fault_scene scene(const struct http_request *rq, struct reply *r)
{
	struct fault_scene sc = {.r = r};
	struct span path = rq->path;

	if (!span_is(rq->method, "POST"))
		return sc;
	sc.embeds = ends_in(path, "/api/embed") || ends_in(path, "/v1/embeddings") ||
		ends_in(path, ":embedContent") || ends_in(path, ":batchEmbedContents");
	if (span_is(path, "/api/chat") || span_is(path, "/api/generate") ||
		span_is(path, "/api/embed"))
		sc.wire = WIRE_OLLAMA;
	else if (begins(path, "/v1/"))
		sc.wire = WIRE_OPENAI;
	else if (begins(path, "/v1beta/models/") && !ends_in(path, ":countTokens"))
		sc.wire = WIRE_GEMINI;
	sc.array = ends_in(path, ":streamGenerateContent") &&
		!span_is(http_query(rq, "alt"), "sse");
	return sc;
}

/* A fault that this request cannot have is an error, or a test would pass for nothing. */
static bool playable(const struct fault_scene *sc)
{
	const struct fault_kind *k = sc->spec->kind;
	struct bytes b = {0};
	bool fits;

	if (!(k->where & (unsigned)sc->wire))
		bytes_format(&b, "llmsim: fault-%s is not played on this wire", k->name);
	else if (k->where & ON_WORDS && sc->embeds)
		bytes_format(&b, "llmsim: fault-%s is not played with embeddings", k->name);
	else if (!(k->where & ON_WHOLE) && !sc->r->stream)
		bytes_format(&b, "llmsim: fault-%s is played in streams only", k->name);
	fits = !b.len;
	if (!fits)
		faults_error(sc, 400, b.data);
	bytes_done(&b);
	return fits;
}

static void no_such(const struct fault_scene *sc, const char *name)
{
	struct bytes b = {0};

	bytes_format(&b, "llmsim: there is no \"%s\"; did you mean ", name);
	faults_nearest(&b, name);
	bytes_text(&b, "? llmsim --faults lists them.");
	faults_error(sc, 404, b.data);
	bytes_done(&b);
}

static void strike(struct conn *c, struct fault_scene *sc, struct fault_model *m)
{
	uint64_t now = now_ns();
	bool said = m->spec.kind->what == FAULT_ANSWER;
	bool strikes = c->srv->models.faults->strikes;

	sc->spec = &m->spec;
	/* A request that is wrong gets its own answer and does not count. */
	if ((sc->r->status != 200 && !(said && strikes)) || (strikes && !playable(sc)))
		return;
	m->asked++;
	if (!m->first_ns)
		m->first_ns = now;
	if (!strikes)
		return;
	log_fault(&c->srv->log, c->id, now, m->spec.kind->name);
	faults_play(sc);
}

void faults_route(
	struct conn *c, struct fault_model *own, const struct http_request *rq, struct reply *r)
{
	struct faults *f = c->srv->models.faults;
	struct fault_model *forced = own ? own : f->forced;
	struct fault_scene sc = scene(rq, r);

	f->fixed = sc.wire && forced;
	f->unknown[0] = 0;
	faults_prepare(f, f->fixed ? forced : NULL);
	route(c->srv, rq, r);
	if (sc.wire && f->unknown[0])
		no_such(&sc, f->unknown);
	else if (sc.wire && f->found)
		strike(c, &sc, f->found);
	faults_prepare(f, NULL);
}
