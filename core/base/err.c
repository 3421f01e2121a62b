/*
 * err.c - the table of errors, and filling an llm_err.
 *
 * A new code is a new row; the columns are what retry, fallback, health and
 * llmctl's exit status go by.
 */
#include "base/err.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERR_ROW(id, can, again, next, harm, exit_status, what, advice) \
	[-(LLM_E_##id) - 1] = { \
		.struct_size = (uint32_t)sizeof(llm_error_info), \
		.code = LLM_E_##id, \
		.name = #id, \
		.meaning = (what), \
		.fix = (advice), \
		.err_class = LLM_CLASS_##can, \
		.retry = LLM_RETRY_##again, \
		.fallback = LLM_FALLBACK_##next, \
		.health = LLM_HEALTH_##harm, \
		.exit_code = (exit_status), \
	}

static const llm_error_info err_table[] = {
	ERR_ROW(INVALID_REQUEST, CALL, NO, NO, NONE, 2,
		"The request is malformed, or holds a value that is not allowed.",
		"Change what the message names and send the request again."),
	ERR_ROW(UNSUPPORTED, CALL, NO, YES, NONE, 2,
		"The model or its provider cannot do something that the request asks for.",
		"Leave that feature out, or choose a model that has it."),
	ERR_ROW(CONTEXT_LENGTH_EXCEEDED, CALL, NO, CONTEXT, NONE, 2,
		"The conversation is longer than the model can read.",
		"Shorten the conversation, or choose a model with a larger context."),
	ERR_ROW(CONTENT_FILTERED, CONTENT, NO, CONTENT, NONE, 1,
		"The provider refused the prompt, or withheld the answer, for its content.",
		"Show the refusal to the user, or ask in other words."),
	ERR_ROW(AUTHENTICATION, ACCOUNT, NO, YES, OPEN, 4,
		"The provider does not accept the API key, or none was sent.",
		"Set a valid API key for this provider."),
	ERR_ROW(PERMISSION_DENIED, ACCOUNT, NO, YES, OPEN, 4,
		"The account may not use this model or feature.",
		"Ask the provider for access, or choose a model that the account may use."),
	ERR_ROW(NOT_FOUND, ACCOUNT, NO, YES, OPEN, 3,
		"The model, or the address that was asked, does not exist at the provider.",
		"Check the model's name and the base URL; with Ollama, pull the model first."),
	ERR_ROW(CONFLICT, ELSEWHERE, YES, YES, NONE, 6,
		"The provider is in a state that contradicts the request.",
		"Send the request again in a moment."),
	ERR_ROW(RATE_LIMITED, WAIT, YES, YES, COOL, 5,
		"The provider got more requests or tokens in a short time than it allows.",
		"Wait as long as the error says, and send fewer requests at a time."),
	ERR_ROW(QUOTA_EXHAUSTED, ACCOUNT, NO, YES, COOL_LONG, 5,
		"The account's quota or credit at the provider is used up.",
		"Raise the quota, pay the bill, or wait until the quota is renewed."),
	ERR_ROW(UNAVAILABLE, ELSEWHERE, YES, YES, FAILURE, 6,
		"The provider is overloaded or down for the moment.",
		"Send the request again later, or add another candidate to the profile."),
	ERR_ROW(SERVER_ERROR, ELSEWHERE, YES, YES, FAILURE, 6,
		"The provider failed while it worked on the request.",
		"Send the request again; if it keeps failing, look at the provider's status."),
	ERR_ROW(CONNECTION, ELSEWHERE, YES, YES, FAILURE, 6,
		"No connection to the provider could be made, or it was lost.",
		"Check that the server runs and that base URL, proxy and certificates are right."),
	ERR_ROW(TIMEOUT, ELSEWHERE, YES, YES, FAILURE, 7,
		"The provider took longer than one phase of the attempt allows.",
		"Send the request again, or raise the time-out of the phase that the error names."),
	ERR_ROW(PROTOCOL, ELSEWHERE, ONCE, YES, FAILURE, 6,
		"The provider's reply cannot be understood, or contradicts itself.",
		"Check that the base URL leads to this kind of provider, and its version."),
	ERR_ROW(STREAM_BROKEN, ELSEWHERE, BEFORE_COMMIT, BEFORE_COMMIT, FAILURE, 6,
		"The answer broke off before its end.",
		"Send the request again; what arrived is in the result."),
	ERR_ROW(OUTPUT_INVALID, CONTENT, NO, OPT_IN, NONE, 1,
		"The answer does not have the form that was asked for, also after asking again.",
		"Simplify the schema, or choose a model that follows schemas better."),
	ERR_ROW(DEADLINE, WAIT, NO, NO, NONE, 7,
		"The time that the caller gave to the whole call is over.",
		"Give the call more time, or ask for a shorter answer."),
	ERR_ROW(CANCELLED, LOCAL, NO, NO, NONE, 1,
		"The call was cancelled, or the service was shut down.",
		"Nothing needs mending; submit the request again if it is still wanted."),
	ERR_ROW(QUEUE_FULL, WAIT, NO, YES, NONE, 5,
		"More calls are waiting here than the queue may hold.",
		"Submit fewer calls at a time, or raise the limit."),
	ERR_ROW(QUEUE_TIMEOUT, WAIT, NO, YES, NONE, 5,
		"The call waited here too long for its turn.",
		"Submit fewer calls at a time, or raise the limit or the waiting time."),
	ERR_ROW(NO_CANDIDATE, WAIT, NO, NO, NONE, 6,
		"No candidate of the profile may be asked at the moment.",
		"Wait until one has recovered, or add another candidate to the profile."),
	ERR_ROW(IDEMPOTENCY_MISMATCH, LOCAL, NO, NO, NONE, 1,
		"The idempotency key was used before with a different request.",
		"Use a new key for a new request."),
	ERR_ROW(IDEMPOTENCY_IN_PROGRESS, LOCAL, NO, NO, NONE, 1,
		"A call with the same idempotency key is still running.",
		"Wait for that call, then ask again with the same key."),
	ERR_ROW(IDEMPOTENCY_LOST, LOCAL, NO, NO, NONE, 1,
		"Another service has taken over the idempotency key: this one was late to renew its lease.",
		"Ask again with the same key for the result that counts."),
	ERR_ROW(BUDGET_EXCEEDED, ACCOUNT, NO, NO, NONE, 5,
		"The cost limit that was set here has been reached.",
		"Raise the budget, or wait until its period is over."),
	ERR_ROW(WORKSPACE_REQUIRED, CALL, NO, NO, NONE, 2,
		"The call names no workspace, and what is switched on needs one.",
		"Set the workspace on the request or in the configuration."),
	ERR_ROW(WORKSPACE_CONFLICT, CALL, NO, NO, NONE, 2,
		"Two places name different workspaces for the same call.",
		"Name the workspace in one place only."),
	ERR_ROW(SCHEMA_INVALID, CALL, NO, NO, NONE, 2,
		"The JSON Schema of the request is not valid, or uses what is not supported.",
		"Change the schema at the place that the message names."),
	ERR_ROW(CONFIG, LOCAL, NO, NO, NONE, 2,
		"The configuration or an environment variable is wrong.",
		"Change the setting that the message names."),
	ERR_ROW(SCHEMA, LOCAL, NO, NO, NONE, 1,
		"The tables in the database are not those that this version needs.",
		"Migrate the database to this version."),
	ERR_ROW(DB_BUSY, LOCAL, NO, NO, NONE, 1,
		"The database was locked by someone else for too long.",
		"Try again, and keep other transactions short."),
	ERR_ROW(PERSISTENCE, LOCAL, NO, NO, NONE, 1, "The database could not be read or written.",
		"Check that it is reachable, has room, and may be written by this user."),
	ERR_ROW(STATE, LOCAL, NO, NO, NONE, 1,
		"The function may not be called at this point: wrong thread, inside a callback, "
		"after a fork, or after the end.",
		"Call it where its documentation allows."),
	ERR_ROW(PLUGIN, LOCAL, NO, NO, NONE, 2,
		"A plugin is missing, does not fit this version, or broke a rule.",
		"Install the plugin that the message names, in a version that fits."),
	ERR_ROW(TOO_LARGE, LOCAL, NO, NO, NONE, 2,
		"Something is larger than a limit of the library.",
		"Make it smaller, or raise the limit that the message names."),
	ERR_ROW(NOMEM, LOCAL, NO, NO, NONE, 1, "Memory is short.",
		"Free some memory, or give the process more, and try again."),
	ERR_ROW(INTERNAL, LOCAL, NO, NO, NONE, 1, "The library contradicted itself: this is a bug.",
		"Report it with the message and the log."),
};

#define ERR_ROWS (sizeof(err_table) / sizeof(err_table[0]))

_Static_assert(ERR_ROWS == -LLM_E_LAST, "every code has a row in err_table");

const llm_error_info *llm_error_info_at(uint32_t i)
{
	return i < ERR_ROWS ? &err_table[i] : NULL;
}

const llm_error_info *llm_error_info_of(int32_t code)
{
	return code < 0 && code >= LLM_E_LAST ? &err_table[-code - 1] : NULL;
}

const llm_error_info *llm_error_info_named(const char *name)
{
	if (!name)
		return NULL;
	for (size_t i = 0; i < ERR_ROWS; i++)
		if (!ascii_casecmp(err_table[i].name, name))
			return &err_table[i];
	return NULL;
}

const char *llm_error_name(int32_t code)
{
	const llm_error_info *info = llm_error_info_of(code);

	return info ? info->name : "UNKNOWN";
}

const char *llm_class_name(uint32_t err_class)
{
	static const char *const names[] = {
		[LLM_CLASS_NONE] = "none",
		[LLM_CLASS_CALL] = "call",
		[LLM_CLASS_ACCOUNT] = "account",
		[LLM_CLASS_WAIT] = "wait",
		[LLM_CLASS_ELSEWHERE] = "elsewhere",
		[LLM_CLASS_CONTENT] = "content",
		[LLM_CLASS_LOCAL] = "local",
	};

	return names[err_class <= LLM_CLASS_LOCAL ? err_class : LLM_CLASS_NONE];
}

const char *llm_phase_name(uint32_t phase)
{
	static const char *const names[] = {
		[LLM_PHASE_NONE] = "none",
		[LLM_PHASE_QUEUE] = "queue",
		[LLM_PHASE_CONNECT] = "connect",
		[LLM_PHASE_FIRST_TOKEN] = "first_token",
		[LLM_PHASE_IDLE] = "idle",
		[LLM_PHASE_SILENCE] = "silence",
		[LLM_PHASE_ATTEMPT] = "attempt",
		[LLM_PHASE_DEADLINE] = "deadline",
	};

	return names[phase <= LLM_PHASE_DEADLINE ? phase : LLM_PHASE_NONE];
}

const char *llm_finish_name(uint32_t finish)
{
	static const char *const names[] = {
		[LLM_FINISH_NONE] = "none",
		[LLM_FINISH_STOP] = "stop",
		[LLM_FINISH_LENGTH] = "length",
		[LLM_FINISH_TOOL_CALLS] = "tool_calls",
		[LLM_FINISH_CONTENT_FILTER] = "content_filter",
		[LLM_FINISH_OTHER] = "other",
	};

	return names[finish <= LLM_FINISH_OTHER ? finish : LLM_FINISH_OTHER];
}

void err_copy(char *dst, size_t cap, const char *text, size_t len)
{
	size_t n;

	if (!cap)
		return;
	n = text ? utf8_cut(text, len, cap - 1) : 0;
	if (n)
		memmove(dst, text, n);
	dst[n] = '\0';
}

void err_export(llm_err *dst, const llm_err *src)
{
	const size_t skip = sizeof(dst->struct_size);
	size_t end;

	if (!dst)
		return;
	end = dst->struct_size < sizeof(*src) ? dst->struct_size : sizeof(*src);
	if (end > skip)
		memmove((char *)dst + skip, (const char *)src + skip, end - skip);
}

void err_clear(llm_err *err)
{
	static const llm_err none = LLM_ERR_INIT;

	err_export(err, &none);
}

void err_message(llm_err *err, const char *text, size_t len)
{
	if (err && err->struct_size >= sizeof(*err))
		err_copy(err->message, sizeof(err->message), text, len);
}

int32_t err_set(llm_err *err, int32_t code, const char *format, ...)
{
	const llm_error_info *info = llm_error_info_of(code);
	/* Built aside: the arguments may be parts of `err`. Room to see a cut character. */
	char text[LLM_ERR_MESSAGE_MAX + 5];
	llm_err full = LLM_ERR_INIT;
	va_list args;
	int n;

	if (!err)
		return code;
	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	full.code = code;
	full.err_class = info ? info->err_class : LLM_CLASS_LOCAL;
	if (n > 0)
		err_message(&full, text, strlen(text));
	err_export(err, &full);
	return code;
}
