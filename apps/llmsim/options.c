#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "near.h"
#include "options.h"

enum kind { FLAG, NUMBER, TEXT };

struct option {
	const char *name;
	enum kind kind;
	size_t at; /* in struct options */
	uint64_t most;
};

#define AT(member) offsetof(struct options, member)

static const struct option known[] = {
	{"--host", TEXT, AT(host), 0},
	{"--port", NUMBER, AT(port), 65535},
	{"--port-file", TEXT, AT(port_file), 0},
	{"--exit-with-parent", FLAG, AT(exit_with_parent), 0},
	{"--max-seconds", NUMBER, AT(max_seconds), 31536000},
	{"--models", TEXT, AT(models), 0},
	{"--loaded", TEXT, AT(loaded), 0},
	{"--seed", NUMBER, AT(seed), INT64_MAX},
	{"--key", TEXT, AT(key), 0},
	{"--same-text", FLAG, AT(same_text), 0},
	{"--fault", TEXT, AT(fault), 0},
	{"--faults", FLAG, AT(faults), 0},
	{"--say", TEXT, AT(say), 0},
	{"--tokens", NUMBER, AT(tokens), 1000000},
	{"--bytes", NUMBER, AT(bytes), 64 << 20},
	{"--delay-ms", NUMBER, AT(delay_ms), 86400000},
	{"--pace-ms", NUMBER, AT(pace_ms), 86400000},
	{"--events", NUMBER, AT(events), 1000000},
	{"--fast", FLAG, AT(fast), 0},
	{"--script", TEXT, AT(script), 0},
	{"--log", TEXT, AT(log), 0},
	{"--log-body", FLAG, AT(log_body), 0},
	{"--log-secrets", FLAG, AT(log_secrets), 0},
	{"--help", FLAG, AT(help), 0},
	{"--version", FLAG, AT(version), 0},
};

#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

const char options_help[] =
	"Examples:\n"
	"  llmsim --port 11434                        stand in for Ollama on its usual port\n"
	"  llmsim --port 0 --say 'All is well.'       any free port, always this text\n"
	"  llmsim --port 8090 --delay-ms 300 --pace-ms 20   the pace of a real model\n"
	"  llmsim --port 8090 --script broken.sim --log seen.ndjson\n"
	"  llmsim --port 8090 --fast --events 256     precomputed answers for benchmarks\n"
	"\n"
	"llmsim answers like a language model server, on the loopback only: Ollama's API\n"
	"under /api, OpenAI's under /v1, Gemini's under /v1beta. It prints one line when\n"
	"it listens and ends on SIGTERM or SIGINT.\n"
	"\n"
	"Where\n"
	"  --host ADDR          127.0.0.1; only 127.x.x.x and localhost are accepted\n"
	"  --port N             11434; 0 picks a free one\n"
	"  --port-file FILE     write the port there\n"
	"  --exit-with-parent   end when the parent process ends\n"
	"  --max-seconds N      end after N seconds\n"
	"What\n"
	"  --models LIST        sim-small:latest,sim-large:latest; NAME=completion+tools\n"
	"                       limits what one can do (completion tools thinking vision\n"
	"                       embedding)\n"
	"  --loaded FILE        which of them are in memory, one name a line, read whenever\n"
	"                       /api/ps is asked; without, all are\n"
	"  --key TEXT           the only key that OpenAI's and Gemini's API accept\n"
	"  --seed N             0; the same seed, model and prompt give the same text\n"
	"  --say TEXT           the text of every answer\n"
	"  --tokens N           32; how many words an answer has\n"
	"  --bytes N            make the text exactly N bytes long\n"
	"  --delay-ms N         0; before the first byte of an answer\n"
	"  --pace-ms N          0; between two events of a stream\n"
	"  --same-text          every model says the same; without, each has its own words\n"
	"  --fault NAME         every answer goes wrong like this: 503-once, cut-after-5\n"
	"  --faults             list them; each is also the name of a model, fault-503-once\n"
	"  --script FILE        play bytes, delays and resets instead (docs/llmsim.md)\n"
	"Fast mode\n"
	"  --fast               precomputed answers, no reading of bodies, no log\n"
	"  --events N           32; text events in each stream\n"
	"Log\n"
	"  --log FILE           one JSON object per line: what came, when it went away\n"
	"  --log-body           with the bodies\n"
	"  --log-secrets        with the values of Authorization and its kin\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 ended as asked, 1 failed, 2 the command line or the script is wrong.\n";

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static const char *nearest(const char *name)
{
	const char *best = known[0].name;
	size_t best_far = SIZE_MAX;

	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		size_t far = near_distance(name, known[i].name);

		if (far < best_far) {
			best_far = far;
			best = known[i].name;
		}
	}
	return best;
}

static const struct option *find(const char *name, size_t len)
{
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		if (strlen(known[i].name) == len && !memcmp(known[i].name, name, len))
			return &known[i];
	return NULL;
}

static bool number(const char *text, uint64_t most, uint64_t *ret)
{
	char *end = NULL;
	unsigned long long v;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || *end || v > most)
		return false;
	*ret = v;
	return true;
}

static int store(const struct option *o, const char *value, struct options *opt)
{
	void *where = (char *)opt + o->at;

	if (o->kind == FLAG)
		*(bool *)where = true;
	else if (o->kind == TEXT)
		*(const char **)where = value;
	else if (!number(value, o->most, where)) {
		fprintf(stderr, "llmsim: %s wants a number from 0 to %llu, not \"%s\"\n", o->name,
			(unsigned long long)o->most, value);
		return 2;
	}
	return 0;
}

static int read_one(char **argv, int argc, int *i, struct options *opt)
{
	const char *arg = argv[*i];
	const char *equal = strchr(arg, '=');
	size_t len = equal ? (size_t)(equal - arg) : strlen(arg);
	const struct option *o = find(arg, len);
	const char *value = equal ? equal + 1 : NULL;

	if (!o) {
		fprintf(stderr,
			"llmsim: unknown option \"%.*s\"; did you mean %s?\n"
			"Try llmsim --help.\n",
			(int)least(len, 60), arg, nearest(arg));
		return 2;
	}
	if (o->kind == FLAG && equal) {
		fprintf(stderr, "llmsim: %s takes no value\n", o->name);
		return 2;
	}
	if (o->kind != FLAG && !value && ++*i < argc)
		value = argv[*i];
	if (o->kind != FLAG && !value) {
		fprintf(stderr, "llmsim: %s wants a value\n", o->name);
		return 2;
	}
	return store(o, value, opt);
}

static int check(const struct options *opt)
{
	if (opt->fast && (opt->script || opt->log || opt->fault)) {
		fputs("llmsim: --fast does not go with --script, --log or --fault\n", stderr);
		return 2;
	}
	if (opt->fast && opt->events == 0) {
		fputs("llmsim: --events wants at least 1\n", stderr);
		return 2;
	}
	return 0;
}

int options_read(int argc, char **argv, struct options *ret)
{
	struct options opt = {
		.host = "127.0.0.1",
		.port = 11434,
		.models = "sim-small:latest,sim-large:latest",
		.tokens = 32,
		.events = 32,
	};
	int rc;

	for (int i = 1; i < argc; i++) {
		rc = read_one(argv, argc, &i, &opt);
		if (rc)
			return rc;
	}
	rc = check(&opt);
	if (rc)
		return rc;
	*ret = opt;
	return 0;
}
