#include <stdio.h>

#include "faults.h"

#define STATUS(name, status, header, says) \
	{ \
		name, says, VALUE_NONE, FAULT_STATUS, ON_ALL, status, header, 0, 0, \
		{ \
			0 \
		} \
	}
#define STATUS_N(name, status, header, says) \
	{ \
		name, says, VALUE_COUNT, FAULT_STATUS, ON_ALL, status, header, 0, 0, \
		{ \
			0 \
		} \
	}
#define BREAK(name, value, place, after, says) \
	{ \
		name, says, value, FAULT_BREAK, ON_ALL, 0, NULL, place, after, \
		{ \
			0 \
		} \
	}
#define OTHER(name, value, what, where, says) \
	{ \
		name, says, value, what, where, 0, NULL, 0, 0, \
		{ \
			0 \
		} \
	}
#define HEAD(name, says) \
	{ \
		name, says, VALUE_NONE, FAULT_HEAD, ON_ALL, 0, name, 0, 0, \
		{ \
			0 \
		} \
	}
#define ANSWER(name, value, where, ending, says) \
	{ \
		name, says, value, FAULT_ANSWER, (where) | ON_BOTH | ON_WORDS, 0, NULL, 0, 0, \
		{ \
			NULL, ending, 0, "SAFETY" \
		} \
	}

#define CLOSES AFTER_CLOSE
#define RESETS AFTER_RESET
#define STALLS AFTER_STALL

const struct fault_kind fault_kinds[] = {
	STATUS("429", 429, NULL, "429 without a delay"),
	STATUS_N("429-seconds", 429, "Retry-After: %s", "429, Retry-After: N"),
	STATUS_N("429-date", 429, "Retry-After: %s", "429, Retry-After: the date in N seconds"),
	STATUS_N("429-ms", 429, "retry-after-ms: %s", "429, retry-after-ms: N"),
	{"429-body", "429, RetryInfo of N and a quarter seconds in the body", VALUE_COUNT,
		FAULT_STATUS, ON_GEMINI | ON_BOTH, 429, NULL, 0, 0, {0}},
	STATUS("429-negative", 429, "Retry-After: -1", "429, Retry-After: -1"),
	STATUS("429-huge", 429, "Retry-After: 1000000000000", "429, Retry-After: 10^12"),
	STATUS("429-soon", 429, "Retry-After: soon", "429, Retry-After: soon"),
	STATUS("429-past", 429, "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT",
		"429, Retry-After: a date in 1970"),
	STATUS("429-quota", 429, NULL, "429 that no waiting mends: the quota is used up"),
	STATUS("500", 500, NULL, "500, the wire's own error"),
	STATUS("502", 502, NULL, "502; a proxy's HTML, with Ollama its own error"),
	STATUS("503", 503, NULL, "503, overloaded"),
	STATUS_N("503-seconds", 503, "Retry-After: %s", "503, Retry-After: N"),
	STATUS("503-no-retry", 503, "x-should-retry: false", "503, x-should-retry: false"),
	STATUS("504", 504, NULL, "504, too late"),
	STATUS("529", 529, NULL, "529, overloaded"),
	STATUS("context", 400, NULL, "the prompt is too long, in the wire's own words"),
	OTHER("refuse", VALUE_NONE, FAULT_REFUSE, ON_ALL,
		"no connection at all; with --fault only, for or flap with a time"),
	BREAK("reset", VALUE_NONE, AT_START, RESETS, "reset before the first byte"),
	BREAK("reset-in-head", VALUE_NONE, IN_HEAD, RESETS, "reset inside the headers"),
	BREAK("reset-after", VALUE_COUNT, AT_BYTE, RESETS, "reset N bytes behind the headers"),
	BREAK("close", VALUE_NONE, AT_START, CLOSES, "closed before the first byte"),
	BREAK("close-in-head", VALUE_NONE, IN_HEAD, CLOSES, "closed inside the headers"),
	BREAK("close-after", VALUE_COUNT, AT_BYTE, CLOSES, "closed N bytes behind the headers"),
	BREAK("cut-after", VALUE_COUNT, AT_TOKEN, CLOSES, "closed after N tokens"),
	BREAK("silence", VALUE_NONE, AT_START, STALLS, "not one byte, for ever"),
	BREAK("stall-in-head", VALUE_NONE, IN_HEAD, STALLS, "half the headers, then nothing"),
	BREAK("stall-after", VALUE_COUNT, AT_TOKEN, STALLS, "N tokens, then nothing, for ever"),
	OTHER("slow-head", VALUE_TIME, FAULT_WAIT, ON_ALL, "the headers come after T"),
	OTHER("slow-token", VALUE_TIME, FAULT_WAIT, ON_ALL,
		"headers at once, the first token after T"),
	OTHER("drip", VALUE_TIME, FAULT_DRIP, ON_ALL, "headers at once, then a byte every T"),
	OTHER("alive-after", VALUE_COUNT, FAULT_ALIVE, ON_ALL,
		"N tokens, then only what keeps a connection alive"),
	OTHER("malformed", VALUE_MAYBE, FAULT_MALFORMED, ON_ALL,
		"1 or N frames in the middle that are no JSON; half a document"),
	OTHER("no-end", VALUE_NONE, FAULT_NO_END, ON_EVERY | ON_STREAM | ON_WORDS,
		"ends in order, but without finish reason and marker"),
	OTHER("no-done", VALUE_NONE, FAULT_NO_DONE, ON_OPENAI | ON_STREAM | ON_WORDS,
		"finish reason, but no [DONE]"),
	OTHER("error-after", VALUE_COUNT, FAULT_ERROR, ON_EVERY | ON_STREAM | ON_WORDS,
		"an error as a frame after N tokens"),
	OTHER("error-in-200", VALUE_NONE, FAULT_ERROR, ON_ALL, "200 whose body is an error"),
	ANSWER("empty", VALUE_NONE, ON_EVERY, END_EMPTY, "a success without a word"),
	OTHER("no-choices", VALUE_NONE, FAULT_NO_CHOICES, ON_ALL | ON_WORDS,
		"200 with JSON in which there is no answer"),
	OTHER("empty-body", VALUE_NONE, FAULT_EMPTY_BODY, ON_ALL, "200 with an empty body"),
	ANSWER("filter", VALUE_NONE, ON_OPENAI | ON_GEMINI, END_BLOCKED, "the prompt is blocked"),
	ANSWER("filter-after", VALUE_COUNT, ON_OPENAI | ON_GEMINI, END_FILTERED,
		"a filter ends the answer after N tokens"),
	OTHER("html", VALUE_NONE, FAULT_HTML, ON_ALL, "200 with a web page"),
	OTHER("wrong-type", VALUE_NONE, FAULT_WRONG_TYPE, ON_ALL,
		"the right answer, called text/html"),
	HEAD("big-header", "one header of a MiB"),
	HEAD("many-headers", "20000 headers"),
	OTHER("big-frame", VALUE_COUNT, FAULT_BIG_FRAME, ON_ALL | ON_WORDS,
		"all text at once, N MiB of it"),
	OTHER("endless", VALUE_NONE, FAULT_ENDLESS, ON_ALL | ON_WORDS,
		"more and more of it, without an end"),
};

const size_t fault_kind_count = sizeof(fault_kinds) / sizeof(fault_kinds[0]);

static const char *where(const struct fault_kind *k)
{
	switch (k->where & (ON_EVERY | ON_BOTH)) {
	case ON_ALL:
		return "all";
	case ON_EVERY | ON_STREAM:
		return "all, streams";
	case ON_GEMINI | ON_BOTH:
		return "Gemini";
	case ON_OPENAI | ON_GEMINI | ON_BOTH:
		return "OpenAI, Gemini";
	default:
		return "OpenAI, streams";
	}
}

static const char *value(const struct fault_kind *k)
{
	static const char *const forms[] = {"", "[-N]", "-N", "-T"};

	return forms[k->value];
}

void faults_print(void)
{
	fputs("Ask for a model of such a name, and the answer goes wrong; --fault NAME does it to\n"
	      "every request, and \"fault NAME\" in a script to those of one connection.\n"
	      "N is a number, T a time such as 50ms or 5s.\n\n",
		stdout);
	for (size_t i = 0; i < fault_kind_count; i++) {
		const struct fault_kind *k = &fault_kinds[i];
		char name[32];

		snprintf(name, sizeof(name), "fault-%s%s", k->name, value(k));
		printf("%-22s %-16s %s\n", name, where(k), k->says);
	}
	fputs("\nAt its end it may be said how often; the other requests are answered.\n"
	      "...-once               the first request\n"
	      "...-times-N            the first N requests\n"
	      "...-for-T              until T after the first request\n"
	      "...-flap-N, -flap-T    N requests, or a time of T, bad and good by turns\n\n"
	      "Each name counts for itself, and a tag makes another name of it (fault-500-once:a).\n"
	      "POST /llmsim/reset, or a new llmsim, begins anew.\n",
		stdout);
}
