/*
 * Every fault of llmsim in every wire, as a stream and as a whole, asked of a profile of two
 * candidates: the first has the fault, the second is well. Once both would say the same
 * text, once each has its own. One row each: what the caller got, what the upstream saw by
 * its own log, how long it took.
 *
 *	prove_rescue [--jobs N] [--profile TEXT] [--against PAGE] [ROWS [SEED]]
 *
 * Without ROWS all of them; with it so many, chosen by the seed, which is printed. TEXT is
 * more configuration of the profile. With a page every row must stand in it; one that does
 * not is played again, for its times are those of a machine that others use, too. Every
 * run is held to the points of support/oracle.h, and to the upstream's count of requests.
 * The last line counts; the status is 1 when a point did not hold or a row was another.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/hear.h"
#include "support/oracle.h"
#include "support/page.h"
#include "support/run.h"
#include "support/talk.h"

#define TOTAL_MS 4000
#define SEEN_NS_MAX (10000 * NS_PER_MS)
#define PROFILE "first_token = \"1s\"; idle = \"1s\"; "
#define PLAYS_MAX 4 /* of a row that is not as on the page */
#define WORDS 32 /* that llmsim says by default */
#define FAULTS_MAX 100
#define JOBS_MAX 32
#define NS_PER_MS UINT64_C(1000000)

/* One that llmsim lists, with values in its name. */
typedef struct fault {
	char name[48];
	unsigned wires; /* a bit each */
	int streams; /* only */
} fault;

typedef struct row {
	const fault *f;
	int wire;
	int stream;
	int same; /* text of both */
} row;

/* How it ended for the caller. */
enum { FIRST, SECOND, MENDED, FAILED, KINDS };

typedef struct plan {
	fault faults[FAULTS_MAX];
	size_t fault_count;
	row rows[FAULTS_MAX * HEAR_WIRES * 4];
	size_t count;
	const char *profile; /* more of it */
	char *page; /* what the rows must stand in; null: nothing */
	unsigned jobs;
} plan;

static void die(const char *what)
{
	fprintf(stderr, "prove_rescue: %s\n", what);
	exit(2);
}

/* ---- what there is ---- */

/* Mostly two; a date in whole seconds is too coarse for less than many. */
static const char *value_of(const char *pattern)
{
	if (strstr(pattern, "-T"))
		return strstr(pattern, "slow") ? "-60s" : "-100ms";
	if (strstr(pattern, "-ms"))
		return "-700";
	if (strstr(pattern, "-date"))
		return "-30";
	return strstr(pattern, "big-frame") ? "-40" : "-2";
}

static void fill_values(const char *pattern, char *name, size_t cap)
{
	run_replace(pattern, strstr(pattern, "-T") ? "-T" : "-N", value_of(pattern), name, cap);
}

static void add_fault(plan *p, const char *line)
{
	fault *f = &p->faults[p->fault_count++];
	const char *where = line + strcspn(line, " ");
	char pattern[48];

	if (p->fault_count == FAULTS_MAX)
		die("too many faults");
	snprintf(pattern, sizeof(pattern), "%.*s", (int)strcspn(line, " ["), line);
	fill_values(pattern, f->name, sizeof(f->name));
	where += strspn(where, " ");
	f->wires = strncmp(where, "all", 3) == 0 ? 7 :
		strncmp(where, "Gemini", 6) == 0 ? 1U << HEAR_GEMINI :
						   1U << HEAR_OPENAI;
	if (strncmp(where, "OpenAI, Gemini", 14) == 0)
		f->wires |= 1U << HEAR_GEMINI;
	f->streams = strncmp(where, "all, streams", 12) == 0 ||
		strncmp(where, "OpenAI, streams", 15) == 0;
}

static void list_faults(plan *p)
{
	run_result r;
	const char *at;

	run_program(RUN_LIST(TEST_BINARY_DIR "/bin/llmsim", "--faults"), NULL, &r);
	for (at = r.out; (at = strstr(at, "\nfault-")); at++)
		add_fault(p, at + 1);
	run_done(&r);
}

/* Which limit ends these first depends on how fast tens of megabytes are read here. */
static int is_of_machine(const char *name)
{
	return !strncmp(name, "fault-big-", 10) || !strcmp(name, "fault-endless");
}

static void list_rows(plan *p)
{
	size_t i;

	list_faults(p);
	for (i = 0; i < p->fault_count * HEAR_WIRES * 4; i++) {
		const row r = {.f = &p->faults[i / 12],
			.wire = (int)(i / 4 % 3),
			.stream = i / 2 % 2 == 0,
			.same = i % 2 == 0};

		if (p->page && is_of_machine(r.f->name))
			continue;
		if ((r.f->wires & (1U << r.wire)) && (r.stream || !r.f->streams))
			p->rows[p->count++] = r;
	}
}

/* `n` of them, in their order. */
static void choose(plan *p, size_t n, uint64_t seed)
{
	size_t kept = 0, left = p->count, i;

	if (n >= p->count)
		return;
	for (i = 0; i < p->count; i++, left--) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		if ((seed >> 33) % left < n - kept)
			p->rows[kept++] = p->rows[i];
	}
	p->count = kept;
}

/* ---- one row ---- */

/* In quarters of a second, for it is to be the same in another run. */
static void write_ms(char *to, size_t cap, uint64_t ms)
{
	static const char *const quarters[] = {"", ".25", ".5", ".75"};
	const uint64_t n = (ms + 50) / 250;

	if (n)
		snprintf(to, cap, "%" PRIu64 "%s s", n / 4, quarters[n % 4]);
	else
		snprintf(to, cap, "at once");
}

/* Which candidate each request asked for, and how long after the one before. */
static size_t upstream_saw(const char *log, uint64_t from_ns, char *to, size_t cap)
{
	uint64_t before = 0;
	size_t n = 0, len = 0;
	const char *line, *end;

	*to = 0;
	for (line = log; (end = strchr(line, '\n')); line = end + 1) {
		const size_t size = (size_t)(end - line);
		const char *at = memmem(line, size, "\"ns\":", 5);
		const uint64_t ns = at ? strtoull(at + 5, NULL, 10) : 0;
		char gap[32] = "";

		if (ns < from_ns || !memmem(line, size, "\"event\":\"request\"", 17))
			continue;
		if (before)
			write_ms(gap, sizeof(gap), (ns - before) / NS_PER_MS);
		len += (size_t)snprintf(to + len, len < cap ? cap - len : 0, "%s%s%s%s%s",
			n ? ", " : "", memmem(line, size, "fault-", 6) ? "first" : "second",
			before ? " (" : "", gap, before ? ")" : "");
		before = ns;
		n++;
	}
	if (!n)
		snprintf(to, cap, "nothing");
	return n;
}

/* The same, once it has come to what was sent: it may be busy with tens of megabytes yet. */
static size_t upstream_saw_all(sim *up, const oracle_run *seen, size_t sent, char *to, size_t cap)
{
	const uint64_t end = sim_now_ns() + SEEN_NS_MAX;
	size_t n = upstream_saw(sim_log_text(up), seen->submit_ns, to, cap);

	while (n < sent && sim_now_ns() < end) {
		rest_ms(10);
		n = upstream_saw(sim_log_text(up), seen->submit_ns, to, cap);
	}
	return n;
}

/* Attempts by the library's own account, but for those that never were on the wire. */
static size_t attempts_sent(const llm_result *r)
{
	llm_attempt a = {.struct_size = (uint32_t)sizeof(a)};
	size_t n = 0;
	uint32_t i;

	for (i = 0; !llm_result_attempt(r, i, &a); i++)
		n += !a.error || a.error->sent != LLM_SENT_NO;
	return n;
}

/* Who cannot connect is no model of llmsim: its provider is elsewhere. */
static int is_refused(const row *r)
{
	return strcmp(r->f->name, "fault-refuse") == 0;
}

static const char *second_of(const row *r)
{
	return is_refused(r) ? "ok" : hear_wires[r->wire];
}

/* The text of the second candidate, asked for itself. */
static int is_second(oracle *o, const row *r, const oracle_run *seen)
{
	char model[64];
	const oracle_ask alone = {.model = model};

	snprintf(model, sizeof(model), "%s/sim-small", second_of(r));
	return seen->text_len && strcmp(seen->text, oracle_do(o, &alone)->text) == 0;
}

static size_t words_of(const char *text)
{
	size_t n = 0, i;

	for (i = 0; text[i]; i++)
		n += text[i] != ' ' && (!i || text[i - 1] == ' ');
	return n;
}

static int caller_got(const oracle_run *seen, const char *saw, char *to, size_t cap)
{
	const size_t words = words_of(seen->text);

	if (seen->code && words > WORDS)
		snprintf(to, cap, "much text, then %s", llm_error_name(seen->code));
	else if (seen->code && words)
		snprintf(to, cap, "%zu words, then %s", words, llm_error_name(seen->code));
	else if (seen->code)
		snprintf(to, cap, "%s", llm_error_name(seen->code));
	else if (!words)
		snprintf(to, cap, "a success without a word");
	else if (words < WORDS)
		snprintf(to, cap, "a success of %zu words", words);
	else
		snprintf(to, cap, "the answer");
	if (seen->code)
		return FAILED;
	if (llm_result_recovered(llm_call_result(seen->call)))
		return MENDED;
	return strstr(saw, "second") ? SECOND : FIRST;
}

/* What the library says of its attempts is what the upstream saw; nothing is mixed up. */
static void check(
	oracle *o, const row *r, const oracle_run *seen, size_t sent, size_t requests, int end)
{
	if (sent != requests)
		oracle_wrong(o, "%s, %s: %zu attempts, and the upstream saw %zu", r->f->name,
			hear_wires[r->wire], sent, requests);
	if ((end == SECOND || end == MENDED) && !is_second(o, r, seen))
		oracle_wrong(o, "%s, %s: not the text of the second: %.200s", r->f->name,
			hear_wires[r->wire], seen->text);
}

static char *config_of(const plan *p, const row *r)
{
	char *text = NULL;

	if (asprintf(&text,
		    "profiles = { pair = { candidates = [ \"%s/%s\", \"%s/sim-small\" ]; " PROFILE
		    "%s }; };\n",
		    hear_wires[r->wire], is_refused(r) ? "sim-small" : r->f->name, second_of(r),
		    p->profile) < 0)
		die("out of memory");
	return text;
}

/* Its line of the table. */
static int tell(oracle *o, const row *r, const oracle_run *seen, char *line, size_t cap)
{
	static const char *const by[] = {"", " of the second", ", mended by the second", ""};
	char saw[512], got[128], took[32];
	const size_t sent = attempts_sent(llm_call_result(seen->call));
	const size_t n = upstream_saw_all(o->up, seen, sent, saw, sizeof(saw));
	const int end = caller_got(seen, saw, got, sizeof(got));

	write_ms(took, sizeof(took), (seen->end_ns - seen->submit_ns) / NS_PER_MS);
	snprintf(line, cap, "| %s | %s | %s | %s | %s%s | %s | %s |", r->f->name + strlen("fault-"),
		hear_wires[r->wire], r->stream ? "stream" : "whole", r->same ? "same" : "different",
		got, by[end], saw, took);
	check(o, r, seen, sent, n, end);
	return end;
}

/* Chance that is always the middle: waits are the same in every run. */
static void middle(void *ctx, void *to, size_t len)
{
	(void)ctx;
	memset(to, 0x7f, len);
}

static const char *nobody(char *url, size_t cap)
{
	snprintf(url, cap, "http://127.0.0.1:%u", (unsigned)talk_free_port());
	return url;
}

/* How it ended; the points that do not hold are added to *wrong. */
static int play(const plan *p, const row *r, char *line, size_t cap, size_t *wrong)
{
	static const llm_time_source time = {.random = middle};
	char *config = config_of(p, r);
	char url[64];
	const oracle_opts opts = {.mode = ORACLE_PULL,
		.config = config,
		.base_url = is_refused(r) ? nobody(url, sizeof(url)) : NULL,
		.time = &time,
		.attempts = 1,
		.sim_args = r->same ? RUN_LIST("--same-text") : NULL};
	const oracle_ask ask = {
		.model = "pair", .stream = (uint32_t)r->stream, .limits = {.total_ms = TOTAL_MS}};
	oracle *o = oracle_open(&opts);
	int end = tell(o, r, oracle_do(o, &ask), line, cap);

	*wrong += oracle_close(o);
	free(config);
	return end;
}

static int play_against(const plan *p, const row *r, char *line, size_t cap, size_t *wrong)
{
	int end = play(p, r, line, cap, wrong), n;

	for (n = 1; p->page && n < PLAYS_MAX && !page_has_row(p->page, line); n++)
		end = play(p, r, line, cap, wrong);
	if (p->page && !page_has_row(p->page, line)) {
		fprintf(stderr, "rescue: not on the page: %s\n", line);
		++*wrong;
	}
	return end;
}

/* ---- all of them, some at a time ---- */

/* A process of its own: the oracle counts descriptors. */
static int work(const plan *p, unsigned job, int fd)
{
	size_t i, wrong = 0;

	for (i = job; i < p->count; i += p->jobs) {
		char line[1024];
		const int end = play_against(p, &p->rows[i], line, sizeof(line), &wrong);

		dprintf(fd, "%zu %d %s\n", i, end, line);
	}
	return wrong > 0;
}

static int work_all(const plan *p, FILE *out)
{
	pid_t pids[JOBS_MAX];
	unsigned i;
	int bad = 0;

	for (i = 0; i < p->jobs; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("no process");
		if (!pids[i])
			_exit(work(p, i, fileno(out)));
	}
	for (i = 0; i < p->jobs; i++) {
		int status = 0;

		waitpid(pids[i], &status, 0);
		bad |= status != 0;
	}
	return bad;
}

static int print(const plan *p, FILE *out, int bad)
{
	char **lines = calloc(p->count + 1, sizeof(*lines));
	char line[1200];
	size_t ends[KINDS] = {0}, done = 0, i;

	if (!lines)
		die("out of memory");
	rewind(out);
	while (fgets(line, sizeof(line), out)) {
		char *at;
		const size_t at_row = strtoul(line, &at, 10);

		ends[strtoul(at, &at, 10)]++;
		lines[at_row] = strdup(at + 1);
		done++;
	}
	puts("| fault | wire | mode | text | the caller got | the upstream saw | after |\n"
	     "| --- | --- | --- | --- | --- | --- | --- |");
	for (i = 0; i < p->count; i++) {
		fputs(lines[i] ? lines[i] : "no row\n", stdout);
		free(lines[i]);
	}
	free(lines);
	printf("\nrescue: %zu rows, %zu answered by the first, %zu by the second, %zu mended, %zu "
	       "errors, %s\n",
		done, ends[FIRST], ends[SECOND], ends[MENDED], ends[FAILED],
		bad || done < p->count ? "the oracle does not hold" : "the oracle holds");
	return bad || done < p->count;
}

static char *read_page(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;

	if (!f || getdelim(&text, &cap, '\0', f) < 0)
		die("the page cannot be read");
	fclose(f);
	return text;
}

static uint64_t random_seed(void)
{
	uint32_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		die("no seed");
	return seed;
}

int main(int argc, char **argv)
{
	static plan p = {.profile = "", .jobs = 8};
	FILE *out = tmpfile();
	uint64_t seed;

	for (; argc > 2 && argv[1][0] == '-'; argv += 2, argc -= 2) {
		if (!strcmp(argv[1], "--jobs"))
			p.jobs = (unsigned)strtoul(argv[2], NULL, 10);
		else if (!strcmp(argv[1], "--profile"))
			p.profile = argv[2];
		else if (!strcmp(argv[1], "--against"))
			p.page = read_page(argv[2]);
		else
			die("usage: prove_rescue [--jobs N] [--profile TEXT] [--against PAGE] "
			    "[ROWS [SEED]]");
	}
	if (!out || !p.jobs || p.jobs > JOBS_MAX)
		die("--jobs wants 1 to 32, and a temporary file must be possible");
	list_rows(&p);
	if (argc > 1) {
		seed = argc > 2 ? strtoull(argv[2], NULL, 10) : random_seed();
		choose(&p, strtoul(argv[1], NULL, 10), seed);
		printf("rescue: seed %" PRIu64 "\n", seed);
	}
	fflush(stdout);
	setvbuf(out, NULL, _IONBF, 0);
	return print(&p, out, work_all(&p, out));
}
