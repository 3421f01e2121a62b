/*
 * support/fatenet.h - the fates of support/fates.h on the network of support/fakenet.h, in
 * the protocol of Ollama.
 */
#ifndef SUPPORT_FATENET_H
#define SUPPORT_FATENET_H

#include "support/fakenet.h"
#include "support/fates.h"

static void write_status(fakenet_script *s, const fate *f, uint64_t at)
{
	char line[80];

	snprintf(line, sizeof(line), "HTTP/1.1 %d no\r\n", (int)f->status);
	fakenet_say(s, at, FAKENET_HEADER, line);
	if (f->server_ms >= 0) {
		snprintf(line, sizeof(line), "retry-after-ms: %lld\r\n", (long long)f->server_ms);
		fakenet_say(s, at, FAKENET_HEADER, line);
	}
	if (f->wanted || f->forbidden)
		fakenet_say(s, at, FAKENET_HEADER,
			f->wanted ? "x-should-retry: true\r\n" : "x-should-retry: false\r\n");
	fakenet_say(s, at, FAKENET_HEADER, "\r\n");
	fakenet_say(s, at, FAKENET_BODY, "{\"error\":\"no\"}");
	fakenet_end(s, at, 0, 0);
}

static void write_text(fakenet_script *s, const fate *f, uint64_t at)
{
	char line[160];
	size_t done = 0;

	while (done < f->bytes) {
		const size_t n = f->bytes - done < f->chunk ? f->bytes - done : f->chunk;

		snprintf(line, sizeof(line),
			"{\"model\":\"m\",\"message\":{\"role\":\"assistant\","
			"\"content\":\"%.*s\"},\"done\":false}\n",
			(int)n, f->text + done);
		fakenet_say(s, at, FAKENET_BODY, line);
		done += n;
		at += f->gap_ns;
	}
	if (!f->bytes)
		at += f->gap_ns;
	if (f->end == TEXT_WHOLE)
		fakenet_say(s, at, FAKENET_BODY,
			"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},"
			"\"done\":true,\"done_reason\":\"stop\"}\n");
	if (f->end != TEXT_STALLED)
		fakenet_end(s, at, f->end == TEXT_WHOLE ? 0 : LLM_E_STREAM_BROKEN, 0);
}

static void write_reply(fakenet_script *s, const fate *f, uint64_t at)
{
	if (f->what == MEETS_END) {
		fakenet_end(s, at, LLM_E_CONNECTION, f->reused);
		return;
	}
	if (f->what == MEETS_STATUS) {
		write_status(s, f, at);
		return;
	}
	fakenet_say(s, at, FAKENET_HEADER, "HTTP/1.1 200 OK\r\n");
	fakenet_say(s, at, FAKENET_HEADER, "Content-Type: application/x-ndjson\r\n");
	fakenet_say(s, at, FAKENET_HEADER, "\r\n");
	if (f->what == MEETS_JUNK)
		fakenet_say(s, at, FAKENET_BODY, "no\nno\n");
	else
		write_text(s, f, at);
}

/* Of an attempt that begins at `now`. */
static void fate_write(const fate *f, uint64_t now, fakenet_script *s)
{
	const uint64_t at = now + f->connect_ns;

	if (f->connect_ns == NEVER)
		return;
	if (f->refused) {
		fakenet_end(s, at, LLM_E_CONNECTION, 0);
		return;
	}
	fakenet_add(s, at, FAKENET_CONNECTED);
	fakenet_add(s, at, FAKENET_SENT);
	if (f->reply_ns != NEVER)
		write_reply(s, f, at + f->reply_ns);
}

#endif
