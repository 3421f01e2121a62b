/*
 * keyrows.h - rows that stand in the table of keys at several places, as macros.
 * Included by keytable.c only.
 */
#ifndef LLM_CONF_KEYROWS_H
#define LLM_CONF_KEYROWS_H

/* NOLINTBEGIN(bugprone-macro-parentheses): names of members cannot stand in them. */

/* The phase times stand at the top, in a provider and in a profile: one line for all. */
#define TIME_ROW(prefix, s, type_, base, name, f, what) \
	{ \
		.pattern = prefix #name, .type = KEY_DURATION, .scope = s, .flags = f, \
		.offset = offsetof(type_, base) + offsetof(conf_times, name), .help = what \
	}
#define TIME_ROWS(prefix, s, type_) \
	TIME_ROW(prefix, s, type_, times, queue, 0, "wait for a free slot"), \
		TIME_ROW(prefix, s, type_, times, connect, 0, "until the connection stands"), \
		TIME_ROW(prefix, s, type_, times, first_token, KEY_ZERO, \
			"from the request sent to the first content"), \
		TIME_ROW(prefix, s, type_, times, first_token_warm, 0, \
			"the same for a model known to be in memory"), \
		TIME_ROW( \
			prefix, s, type_, times, idle, KEY_ZERO, "between two pieces of content"), \
		TIME_ROW(prefix, s, type_, times, idle_keepalive, 0, \
			"the same while keep-alives flow"), \
		TIME_ROW(prefix, s, type_, times, silence, 0, "without any byte"), \
		TIME_ROW(prefix, s, type_, times, consumer_idle, 0, \
			"a stream that is held up because nobody reads it"), \
		TIME_ROW(prefix, s, type_, times, attempt, KEY_ZERO, "one attempt as a whole"), \
		TIME_ROW(prefix, s, type_, times, deadline, KEY_ZERO, \
			"the call as a whole; 0 needs allow_unbounded"), \
		TIME_ROW(prefix, s, type_, times, slow_start, 0, \
			"without content until a stream counts as slow")

#define UPSTREAM_ROW(prefix, s, type_) \
	{ \
		.pattern = prefix "upstream_stream", .type = KEY_CHOICE, .scope = s, \
		.offset = offsetof(type_, upstream_stream), .choices = upstream_stream, \
		.expected = "\"auto\", \"on\" or \"off\"", \
		.help = "ask for a stream where the caller wants the whole answer" \
	}

/* Where a run goes when an attempt fails: at the top and in a profile, two of them in a provider. */
#define GUARD_AT(type_, name) .offset = offsetof(type_, guard) + offsetof(conf_guard, name)
#define GUARD_INT(prefix, s, type_, name, what) \
	{ \
		.pattern = prefix #name, .type = KEY_INT, .scope = s, .min = 1, .max = 10, \
		GUARD_AT(type_, name), .expected = "a whole number from 1 to 10", .help = what \
	}
#define GUARD_TIME(prefix, s, type_, name, f, most, what) \
	{ \
		.pattern = prefix #name, .type = KEY_DURATION, .scope = s, .flags = f, \
		.max = most, GUARD_AT(type_, name), .help = what \
	}
#define GUARD_CHOICE(prefix, s, type_, name, of, form, what) \
	{ \
		.pattern = prefix #name, .type = KEY_CHOICE, .scope = s, GUARD_AT(type_, name), \
		.choices = of, .expected = form, .help = what \
	}
#define HOUR_MS 3600000
#define ATTEMPT_ROWS(prefix, s, type_) \
	GUARD_INT(prefix, s, type_, max_attempts, \
		"attempts at one candidate, the first included; 1: no retries"), \
		GUARD_TIME(prefix, s, type_, retry_after_max, KEY_ZERO, HOUR_MS, \
			"a longer delay of the server is not waited for")
#define GUARD_ROWS(prefix, s, type_) \
	ATTEMPT_ROWS(prefix, s, type_), \
		GUARD_INT(prefix, s, type_, max_attempts_total, "attempts at all candidates"), \
		GUARD_CHOICE(prefix, s, type_, prefer, prefer, "\"primary\" or \"fastest\"", \
			"after a failure: the same candidate again, or the next at once"), \
		GUARD_TIME(prefix, s, type_, patience, KEY_ZERO, HOUR_MS, \
			"all waits for one candidate while another is untried"), \
		GUARD_TIME(prefix, s, type_, min_attempt_budget, 0, 60000, \
			"with less time left no further attempt begins"), \
		GUARD_CHOICE(prefix, s, type_, stream_recovery, stream_recovery, \
			"\"off\", \"match\", \"continue\" or \"buffer\"", \
			"what mends a stream that breaks after its first piece"), \
		GUARD_CHOICE(prefix, s, type_, slow_start_action, slow_start, \
			"\"wait\", \"switch\" or \"race\"", \
			"what follows when a stream is slow to begin"), \
		GUARD_TIME(prefix, s, type_, slow_start_reasoning, 0, HOUR_MS, \
			"the same as slow_start where reasoning was asked for")

/* One server or one key of a provider that has several. */
#define ENDPOINT_ROWS \
	{.pattern = "providers.*.endpoints", .type = KEY_LIST}, \
		{.pattern = "providers.*.endpoints.#", \
			.type = KEY_GROUP, \
			.scope = SCOPE_ENDPOINT, \
			.flags = KEY_OBJECT}, \
		{.pattern = "providers.*.endpoints.#.id", \
			.type = KEY_STRING, \
			.scope = SCOPE_ENDPOINT, \
			.offset = offsetof(conf_endpoint, id), \
			.ok = key_name_ok, \
			.expected = A_NAME, \
			.preset = "none", \
			.help = "its name in PROVIDER#ENDPOINT/MODEL"}, \
		{.pattern = "providers.*.endpoints.#.base_url", \
			.type = KEY_STRING, \
			.scope = SCOPE_ENDPOINT, \
			.offset = offsetof(conf_endpoint, base_url), \
			.ok = key_ok_base_url, \
			.preset = "the plugin's", \
			.expected = \
				"http:// or https://, host, port and path, no user, query or fragment", \
			.help = "where it is"}, \
		{.pattern = "providers.*.endpoints.#.api_key", \
			.type = KEY_SECRET, \
			.scope = SCOPE_ENDPOINT, \
			.offset = offsetof(conf_endpoint, key), \
			.preset = "the plugin's usual variable", \
			.help = "the key"}, \
		{.pattern = "providers.*.endpoints.#.weight", \
			.type = KEY_INT, \
			.scope = SCOPE_ENDPOINT, \
			.offset = offsetof(conf_endpoint, weight), \
			.max = 1000, \
			.preset = "1", \
			.help = "its share of the provider's requests where a policy draws; 0: never first"}, \
		{.pattern = "providers.*.endpoints.#.locality", \
			.type = KEY_CHOICE, \
			.scope = SCOPE_ENDPOINT, \
			.offset = offsetof(conf_endpoint, locality), \
			.choices = locality, \
			.expected = "\"local\" or \"cloud\"", \
			.preset = "the provider's", \
			.help = "`local` or `cloud`: where it computes"}, \
		{.pattern = "providers.*.endpoints.#.max_concurrency", \
			.type = KEY_INT, \
			.scope = SCOPE_ENDPOINT, \
			.offset = offsetof(conf_endpoint, max_concurrency), \
			.min = 1, \
			.max = 65535, \
			.preset = "the provider's", \
			.help = "attempts at the same time"}, \
		{.pattern = "providers.*.endpoints.#.rpm", \
			.type = KEY_COUNT, \
			.scope = SCOPE_ENDPOINT, \
			.offset = offsetof(conf_endpoint, rpm), \
			.preset = "no limit", \
			.help = "requests a minute for each model that names none; more of them wait"}, \
	{ \
		.pattern = "providers.*.endpoints.#.tpm", .type = KEY_COUNT, \
		.scope = SCOPE_ENDPOINT, .offset = offsetof(conf_endpoint, tpm), \
		.preset = "no limit", \
		.help = "tokens a minute for each model that names none; more of them wait" \
	}

/* Who of a profile is drawn, and who may be asked at all. */
#define SPLIT_ROWS \
	{.pattern = "profiles.*.weights", \
		.type = KEY_STRINGS, \
		.scope = SCOPE_PROFILE, \
		.flags = KEY_NUMBERS, \
		.offset = offsetof(conf_profile, weights), \
		.ok = key_ok_weight, \
		.expected = "a number from 0 to 1000 for each candidate: [ 95, 5 ]", \
		.preset = "1 for each", \
		.help = "shares of the candidates where a policy draws; 0: never first"}, \
		{.pattern = "profiles.*.split_by", \
			.type = KEY_CHOICE, \
			.scope = SCOPE_PROFILE, \
			.offset = offsetof(conf_profile, split_by), \
			.choices = split_by, \
			.expected = "\"run\" or \"user\"", \
			.preset = "run", \
			.help = "`user`: the runs of one user are drawn alike"}, \
		{.pattern = "profiles.*.require", .type = KEY_GROUP}, \
	{ \
		.pattern = "profiles.*.require.locality", .type = KEY_CHOICE, \
		.scope = SCOPE_PROFILE, .offset = offsetof(conf_profile, require_locality), \
		.choices = required_locality, .expected = "\"local\" or \"any\"", .preset = "any", \
		.help = "`local`: a candidate that computes elsewhere is not asked" \
	}

#define BREAKER_INT(name, most, usual, what) \
	{ \
		.pattern = "breaker." #name, .type = KEY_INT, .scope = SCOPE_CONF, .min = 1, \
		.max = most, .offset = offsetof(conf, breaker) + offsetof(conf_breaker, name), \
		.preset = usual, .help = what \
	}
#define BREAKER_TIME(name, usual, what) \
	{ \
		.pattern = "breaker." #name, .type = KEY_DURATION, .scope = SCOPE_CONF, \
		.min = 1000, .max = 24 * HOUR_MS, \
		.offset = offsetof(conf, breaker) + offsetof(conf_breaker, name), .preset = usual, \
		.expected = "a time from \"1s\" to \"24h\"", .help = what \
	}

#define CAP_ROW(name) \
	{ \
		.pattern = "models.#.capabilities." #name, .type = KEY_CHOICE, \
		.scope = SCOPE_MODEL, \
		.offset = offsetof(conf_model, caps) + offsetof(llm_caps, name), \
		.choices = capability, .preset = "unknown", .help = "`yes`, `no` or `unknown`" \
	}

#define PRICE_ROW(name, kind) \
	{ \
		.pattern = "models.#.price." #name, .type = KEY_STRING, .ok = key_ok_price, \
		.scope = SCOPE_MODEL, .offset = offsetof(conf_model, price.amount[kind]), \
		.expected = \
			"US dollars per million tokens as text, at most six decimals: \"0.0375\"", \
		.help = "what tokens of this kind cost" \
	}

#define CHAIN_ROW(name, what) \
	{ \
		.pattern = "profiles.*.fallbacks." #name, .type = KEY_STRINGS, \
		.scope = SCOPE_PROFILE, .offset = offsetof(conf_profile, name), .preset = "none", \
		.help = what \
	}

/* Where runs are kept, and what of their content. */
static const key_choice ledger[] = {
	{"strict", LEDGER_STRICT}, {"after", LEDGER_AFTER}, {"off", LEDGER_OFF}, {NULL, 0}};

static const key_choice settle[] = {
	{"committed", SETTLE_COMMITTED}, {"queued", SETTLE_QUEUED}, {NULL, 0}};

static const key_choice content[] = {{"none", CONTENT_NONE}, {"hash", CONTENT_HASH},
	{"redacted", CONTENT_REDACTED}, {"full", CONTENT_FULL}, {NULL, 0}};

static const key_choice stored[] = {
	{"content", STORE_BY_CONTENT}, {"idempotency_only", STORE_IDEMPOTENCY_ONLY}, {NULL, 0}};

static const key_choice replay_errors[] = {
	{"terminal", REPLAY_TERMINAL}, {"all", REPLAY_ALL}, {"none", REPLAY_NONE}, {NULL, 0}};

#define IDEMPOTENCY_ROWS \
	{.pattern = "idempotency", .type = KEY_GROUP}, \
		{.pattern = "idempotency.ttl", \
			.type = KEY_DURATION, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, idempotency.ttl), \
			.preset = "24h", \
			.env = "IDEMPOTENCY_TTL", \
			.help = "what a key came to is told again for so long"}, \
		{.pattern = "idempotency.lease", \
			.type = KEY_DURATION, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, idempotency.lease), \
			.min = 3000, /* a beat a second */ \
			.max = HOUR_MS, \
			.preset = "30s", \
			.expected = "a time from \"3s\" to \"1h\"", \
			.env = "IDEMPOTENCY_LEASE", \
			.help = "a service that has not renewed it for so long has lost its keys and runs"}, \
	{ \
		.pattern = "idempotency.replay_errors", .type = KEY_CHOICE, .scope = SCOPE_CONF, \
		.offset = offsetof(conf, idempotency.replay_errors), .choices = replay_errors, \
		.preset = "terminal", .expected = "\"terminal\", \"all\" or \"none\"", \
		.env = "IDEMPOTENCY_REPLAY_ERRORS", \
		.help = "which failures a key keeps; after the others it may be used again" \
	}
#define STORAGE_ROWS \
	{.pattern = "storage", .type = KEY_GROUP}, \
		{.pattern = "storage.plugin", \
			.type = KEY_STRING, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, storage.plugin), \
			.ok = key_ok_plugin, \
			.preset = "sqlite", \
			.expected = "a plugin's name, or an absolute path", \
			.help = "what keeps the runs"}, \
		{.pattern = "storage.sha256", \
			.type = KEY_STRING, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, storage.sha256), \
			.ok = key_ok_sha256, \
			.preset = "none", \
			.expected = "64 hex digits in lower case", \
			.help = "the plugin file has this SHA-256, or it is refused"}, \
		{.pattern = "storage.ledger", \
			.type = KEY_CHOICE, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, storage.ledger), \
			.choices = ledger, \
			.preset = "strict", \
			.expected = "\"strict\", \"after\" or \"off\"", \
			.help = "a run is on record before it is sent, after it was answered, or never"}, \
		{.pattern = "storage.settle", \
			.type = KEY_CHOICE, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, storage.settle), \
			.choices = settle, \
			.preset = "committed", \
			.expected = "\"committed\" or \"queued\"", \
			.help = "with `strict`: does the end of an answer wait until its row is committed"}, \
		{.pattern = "storage.persist_strict", \
			.type = KEY_BOOL, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, storage.persist_strict), \
			.preset = "false", \
			.env = "PERSIST_STRICT", \
			.help = "an answer whose row cannot be written is PERSISTENCE"}, \
		{.pattern = "storage.queue", \
			.type = KEY_INT, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, storage.queue), \
			.min = 1, \
			.max = 1000000, \
			.preset = "10000", \
			.help = "records that wait to be written, at most"}, \
	{ \
		.pattern = "storage.*", .type = KEY_SETTING, .scope = SCOPE_CONF, \
		.offset = offsetof(conf, storage.settings), \
		.help = "a key of the plugin's own, such as `dsn` (docs/storage.md)" \
	}
#define PRIVACY_ROWS \
	{.pattern = "privacy", .type = KEY_GROUP}, \
		{.pattern = "privacy.content", \
			.type = KEY_CHOICE, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, privacy.content), \
			.choices = content, \
			.preset = "hash", \
			.expected = "\"none\", \"hash\", \"redacted\" or \"full\"", \
			.env = "PERSIST_CONTENT", \
			.help = "what is kept of prompts and answers"}, \
		{.pattern = "privacy.store", \
			.type = KEY_CHOICE, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, privacy.store), \
			.choices = stored, \
			.preset = "content", \
			.expected = "\"content\" or \"idempotency_only\"", \
			.help = "whole answers are stored as `content` says, or for idempotency keys all the same"}, \
	{ \
		.pattern = "privacy.key", .type = KEY_SECRET, .scope = SCOPE_CONF, \
		.offset = offsetof(conf, privacy.key), \
		.help = "the key of this installation for hashes of content; `env:` or `file:`" \
	}

#define PLUGIN_ROWS \
	{.pattern = "plugins.implicit", \
		.type = KEY_BOOL, \
		.scope = SCOPE_CONF, \
		.offset = offsetof(conf, plugins_implicit), \
		.preset = "true", \
		.help = "a provider without an entry stands for the plugin of its name"}, \
	{ \
		.pattern = "plugins.max_parked", .type = KEY_INT, .scope = SCOPE_CONF, \
		.offset = offsetof(conf, max_parked), .min = 1, .max = 1000, .preset = "64", \
		.help = "files that stay mapped after they were replaced; beyond, no other is loaded" \
	}

/* What a workspace may spend. */
static const key_choice counted[] = {
	{"storage", COUNTED_STORAGE}, {"process", COUNTED_PROCESS}, {NULL, 0}};

#define BUDGET_ROWS \
	{.pattern = "budget", .type = KEY_GROUP}, \
		{.pattern = "budget.limit", \
			.type = KEY_STRING, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, budget.limit), \
			.ok = key_ok_money, \
			.expected = A_SUM, \
			.preset = "none", \
			.help = "US dollars that each workspace may spend in a window"}, \
		{.pattern = "budget.window", \
			.type = KEY_DURATION, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, budget.window), \
			.help = "how long a window is; needed with a limit"}, \
		{.pattern = "budget.counted", \
			.type = KEY_CHOICE, \
			.scope = SCOPE_CONF, \
			.offset = offsetof(conf, budget.counted), \
			.choices = counted, \
			.preset = "storage, where runs are on record", \
			.expected = "\"storage\" or \"process\"", \
			.help = "with all who record there, or by each process alone"}, \
	{ \
		.pattern = "budget.default_cost", .type = KEY_STRING, .scope = SCOPE_CONF, \
		.offset = offsetof(conf, budget.default_cost), .ok = key_ok_money, \
		.expected = A_SUM, \
		.help = "US dollars that a run of unknown cost counts; needed with a budget" \
	}

/* Answers that are told again. */
static const key_choice cache_mode[] = {
	{"off", CACHE_SAID},
	{"on", CACHE_SAID | CACHE_READ | CACHE_WRITE},
	{"read_only", CACHE_SAID | CACHE_READ},
	{"write_only", CACHE_SAID | CACHE_WRITE},
	{"refresh", CACHE_SAID | CACHE_WRITE | CACHE_FRESH},
	{NULL, 0},
};

static const key_choice cache_store[] = {
	{"memory", CACHE_MEMORY},
	{"sql", CACHE_SQL},
	{NULL, 0},
};

#define A_SIZE "a size from 1k to 1G, such as 256k or 64M"
#define A_MODEL "PROVIDER/MODEL, such as \"ollama/gemma3:270m\""

#define A_MODE "\"off\", \"on\", \"read_only\", \"write_only\" or \"refresh\""
#define CACHE_AT(name) .scope = SCOPE_CONF, .offset = offsetof(conf, cache.name)
#define CACHE_ROWS \
	{.pattern = "cache", .type = KEY_GROUP}, \
		{.pattern = "cache.mode", \
			.type = KEY_CHOICE, \
			CACHE_AT(mode), \
			.choices = cache_mode, \
			.preset = "off", \
			.expected = A_MODE, \
			.help = "what runs may do with stored answers; a run or a profile can only " \
				"narrow it"}, \
		{.pattern = "cache.store", \
			.type = KEY_CHOICE, \
			CACHE_AT(store), \
			.choices = cache_store, \
			.preset = "memory", \
			.expected = "\"memory\" or \"sql\"", \
			.help = "where they are: in this process, or whole in the storage"}, \
		{.pattern = "cache.ttl", \
			.type = KEY_DURATION, \
			CACHE_AT(ttl), \
			.preset = "24h", \
			.help = "how long an answer is good; up to a tenth less, by chance"}, \
		{.pattern = "cache.max_age", \
			.type = KEY_DURATION, \
			CACHE_AT(max_age), \
			.preset = "none", \
			.help = "older answers are not told"}, \
		{.pattern = "cache.namespace", \
			.type = KEY_STRING, \
			CACHE_AT(space), \
			.preset = "none", \
			.help = "answers of another namespace are not found"}, \
		{.pattern = "cache.size", \
			.type = KEY_STRING, \
			CACHE_AT(size), \
			.ok = key_ok_size, \
			.preset = "64M", \
			.expected = A_SIZE, \
			.help = "of all answers, in memory or in the storage"}, \
		{.pattern = "cache.entry_max", \
			.type = KEY_STRING, \
			CACHE_AT(entry_max), \
			.ok = key_ok_size, \
			.preset = "1M", \
			.expected = A_SIZE, \
			.help = "a longer answer is not stored"}, \
		{.pattern = "cache.cache_nondeterministic", \
			.type = KEY_BOOL, \
			CACHE_AT(nondeterministic), \
			.preset = "false", \
			.help = "also answers to requests without temperature 0 or a seed"}, \
		{.pattern = "cache.cache_any_candidate", \
			.type = KEY_BOOL, \
			CACHE_AT(any_candidate), \
			.preset = "false", \
			.help = "looks for answers of all candidates, in the order of the plan"}, \
	{ \
		.pattern = "cache.coalesce", .type = KEY_BOOL, CACHE_AT(coalesce), \
		.preset = "false", \
		.help = "equal requests in flight share one call also where the mode is off; " \
			"otherwise they always do" \
	}

#define LATER_ROW(name, kind) \
	{ \
		.pattern = name, .type = kind, .flags = KEY_LATER, .help = "not in this version" \
	}

/* NOLINTEND(bugprone-macro-parentheses) */

#endif
