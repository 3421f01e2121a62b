/* Every key of the configuration, in the order of docs/configuration.md. */
#include "conf/keys.h"

static const key_choice locality[] = {
	{"local", LLM_LOCALITY_LOCAL},
	{"cloud", LLM_LOCALITY_CLOUD},
	{NULL, 0},
};

static const key_choice http_version[] = {
	{"1.1", 1},
	{"2", 2},
	{NULL, 0},
};

static const key_choice capability[] = {
	{"yes", LLM_CAP_YES},
	{"no", LLM_CAP_NO},
	{"unknown", LLM_CAP_UNKNOWN},
	{NULL, 0},
};

static const key_choice schema_capability[] = {
	{"enforced", LLM_CAP_YES},
	{"accepted", LLM_CAP_ACCEPTED},
	{"no", LLM_CAP_NO},
	{"none", LLM_CAP_NO},
	{"yes", LLM_CAP_YES},
	{"unknown", LLM_CAP_UNKNOWN},
	{NULL, 0},
};

static const key_choice upstream_stream[] = {
	{"auto", UPSTREAM_AUTO},
	{"on", UPSTREAM_ON},
	{"off", UPSTREAM_OFF},
	{NULL, 0},
};

static const key_choice prefer[] = {
	{"primary", PREFER_PRIMARY},
	{"fastest", PREFER_FASTEST},
	{NULL, 0},
};

static const key_choice stream_recovery[] = {
	{"off", LLM_RECOVER_OFF},
	{"match", LLM_RECOVER_MATCH},
	{"continue", LLM_RECOVER_CONTINUE},
	{"buffer", LLM_RECOVER_BUFFER},
	{NULL, 0},
};

static const key_choice slow_start[] = {
	{"wait", SLOW_WAIT},
	{"switch", SLOW_SWITCH},
	{"race", SLOW_RACE},
	{NULL, 0},
};

static const key_choice adaptive[] = {
	{"off", ADAPTIVE_OFF},
	{"aimd", ADAPTIVE_AIMD},
	{NULL, 0},
};

#define A_NAME "a name of a-z, 0-9, _ and -, a letter first"
#define A_HEADER "the name of a header that carries no secret"
#define A_PROXY "http:// or https://, host and port, no user; or \"env\", or \"none\""
#define A_MODEL "PROVIDER/MODEL, such as \"ollama/gemma3:270m\""

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
		.min = (f) ? 0 : 1, .max = most, GUARD_AT(type_, name), .help = what \
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

#define PRICE_ROW(name) \
	{ \
		.pattern = "models.#.price." #name, .type = KEY_STRING, .ok = key_ok_price, \
		.expected = \
			"US dollars per million tokens as text, at most six decimals: \"0.0375\"", \
		.help = "checked, not used yet" \
	}

#define LATER_ROW(name, kind) \
	{ \
		.pattern = name, .type = kind, .flags = KEY_LATER, .help = "not in this version" \
	}

/* NOLINTEND(bugprone-macro-parentheses) */

const key_def key_table[] = {
	{.pattern = "", .type = KEY_GROUP, .scope = SCOPE_CONF},

	{.pattern = "default_profile",
		.type = KEY_STRING,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, default_profile),
		.preset = "none",
		.help = "the profile or alias of requests that name nothing"},
	{.pattern = "workspace",
		.type = KEY_STRING,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, workspace),
		.ok = key_ok_workspace,
		.preset = "none",
		.expected = "1 to 128 bytes of A-Z, a-z, 0-9 and . _ : -",
		.help = "the workspace of requests that name none"},
	{.pattern = "shutdown_grace",
		.type = KEY_DURATION,
		.scope = SCOPE_CONF,
		.flags = KEY_ZERO,
		.offset = offsetof(conf, shutdown_grace),
		.preset = "5s",
		.env = "SHUTDOWN_GRACE_MS",
		.help = "what running calls get when the service ends"},
	{.pattern = "allow_unbounded",
		.type = KEY_BOOL,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, allow_unbounded),
		.preset = "false",
		.help = "allows deadline = 0"},
	{.pattern = "response_headers",
		.type = KEY_STRINGS,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, response_headers),
		.ok = key_ok_header,
		.expected = A_HEADER,
		.preset = "none",
		.help = "headers of the answer that results show"},
	{.pattern = "proxy",
		.type = KEY_STRING,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, proxy),
		.ok = key_ok_proxy,
		.preset = "none",
		.expected = A_PROXY,
		.help = "the proxy of all providers that are not on this machine; `env`: as the "
			"environment says"},
	{.pattern = "no_proxy",
		.type = KEY_STRINGS,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, no_proxy),
		.ok = key_ok_no_proxy,
		.preset = "none",
		.expected =
			"a list of hosts, addresses or networks: [ \"a.example\", \"10.0.0.0/8\" ]",
		.help = "hosts that are reached without that proxy, and their subdomains"},
	TIME_ROWS("", SCOPE_CONF, conf),
	UPSTREAM_ROW("", SCOPE_CONF, conf),
	GUARD_ROWS("", SCOPE_CONF, conf),
	{.pattern = "adaptive",
		.type = KEY_CHOICE,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, adaptive),
		.choices = adaptive,
		.expected = "\"off\" or \"aimd\"",
		.preset = "off",
		.help = "`aimd`: a candidate that is overloaded gets fewer attempts at a time"},

	{.pattern = "limits", .type = KEY_GROUP},
	{.pattern = "limits.service",
		.type = KEY_INT,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, limit_service),
		.min = 1,
		.max = 65535,
		.preset = "1024",
		.help = "attempts at the same time, in all"},
	{.pattern = "limits.workspace",
		.type = KEY_INT,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, limit_workspace),
		.min = 1,
		.max = 65535,
		.preset = "256",
		.help = "attempts at the same time, of each workspace"},

	{.pattern = "breaker", .type = KEY_GROUP},
	BREAKER_INT(failures, 1000, "5", "failures in a row that open it"),
	BREAKER_INT(outcomes, 10000, "10", "outcomes in a minute before their share counts"),
	BREAKER_INT(share, 100, "50", "percent of failures among them that opens it"),
	BREAKER_INT(probes, 100, "2", "successes in a row that close it"),
	BREAKER_TIME(open, "30s", "how long it is open the first time; then twice as long"),
	BREAKER_TIME(open_max, "5m", "and at most"),
	BREAKER_TIME(account, "1m", "after a refused key or an unknown model"),
	BREAKER_TIME(calm, "5m", "closed for so long forgets earlier openings"),
	BREAKER_TIME(cool, "5s", "after a rate limit that names no delay"),
	BREAKER_TIME(cool_long, "15m", "after a quota is used up and no time is named"),

	{.pattern = "plugins", .type = KEY_GROUP},
	{.pattern = "plugins.path",
		.type = KEY_STRING,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, plugin_path),
		.preset = "none",
		.help = "folders searched before the library's, separated by \":\""},
	{.pattern = "plugins.implicit",
		.type = KEY_BOOL,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, plugins_implicit),
		.preset = "true",
		.help = "a provider without an entry stands for the plugin of its name"},
	LATER_ROW("plugins.max_parked", KEY_INT),

	{.pattern = "aliases", .type = KEY_GROUP},
	{.pattern = "aliases.*",
		.type = KEY_PAIR,
		.scope = SCOPE_CONF,
		.offset = offsetof(conf, aliases),
		.help = "a profile, PROVIDER/MODEL or another alias"},

	{.pattern = "providers", .type = KEY_GROUP},
	{.pattern = "providers.*", .type = KEY_GROUP, .scope = SCOPE_PROVIDER, .flags = KEY_OBJECT},
	{.pattern = "providers.*.plugin",
		.type = KEY_STRING,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, plugin),
		.ok = key_ok_plugin,
		.preset = "NAME",
		.expected = "a plugin's name or the absolute path of its file",
		.help = "the plugin that speaks its protocol"},
	{.pattern = "providers.*.sha256",
		.type = KEY_STRING,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, sha256),
		.ok = key_ok_sha256,
		.preset = "none",
		.expected = "64 lower-case hex digits",
		.help = "the only plugin file to load"},
	{.pattern = "providers.*.base_url",
		.type = KEY_STRING,
		.scope = SCOPE_ENDPOINT,
		.offset = offsetof(conf_endpoint, base_url),
		.ok = key_ok_base_url,
		.expected = "http:// or https://, host, port and path, no user, query or fragment",
		.preset = "the plugin's",
		.help = "where the provider is"},
	{.pattern = "providers.*.api_key",
		.type = KEY_SECRET,
		.scope = SCOPE_ENDPOINT,
		.offset = offsetof(conf_endpoint, key),
		.preset = "the plugin's usual variable",
		.help = "the key"},
	{.pattern = "providers.*.locality",
		.type = KEY_CHOICE,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, locality),
		.choices = locality,
		.expected = "\"local\" or \"cloud\"",
		.preset = "by base URL and plugin",
		.help = "`local` or `cloud`: where it computes"},
	{.pattern = "providers.*.max_concurrency",
		.type = KEY_INT,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, max_concurrency),
		.min = 1,
		.max = 65535,
		.preset = "the plugin's",
		.help = "attempts at the same time"},
	{.pattern = "providers.*.queue_max",
		.type = KEY_INT,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, queue_max),
		.min = 1,
		.max = 65535,
		.preset = "256",
		.help = "attempts that may wait for it"},
	{.pattern = "providers.*.upstream_retries",
		.type = KEY_BOOL,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, upstream_retries),
		.preset = "false",
		.help = "it is a gateway that asks again by itself: max_attempts is 1 unless set"},
	{.pattern = "providers.*.ca_file",
		.type = KEY_STRING,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, ca_file),
		.preset = "the system's",
		.help = "PEM file of the authorities to trust"},
	{.pattern = "providers.*.client_cert",
		.type = KEY_STRING,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, client_cert),
		.preset = "none",
		.help = "PEM file of our certificate"},
	{.pattern = "providers.*.client_key",
		.type = KEY_SECRET,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, client_key),
		.flags = KEY_PEM,
		.preset = "none",
		.help = "its private key, PEM"},
	{.pattern = "providers.*.proxy",
		.type = KEY_STRING,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, proxy),
		.ok = key_ok_proxy,
		.preset = "the top level's",
		.expected = A_PROXY,
		.help = "the proxy of this provider; `none`: without, `env`: as the environment says"},
	{.pattern = "providers.*.http_version",
		.type = KEY_CHOICE,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, http_version),
		.choices = http_version,
		.expected = "\"1.1\" or \"2\", in quotes",
		.preset = "1.1",
		.help = "`1.1` or `2`: how it is spoken to"},
	{.pattern = "providers.*.extra",
		.type = KEY_STRING,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, extra),
		.flags = KEY_PLAIN,
		.ok = key_ok_json_object,
		.expected = "the text of one JSON object",
		.preset = "none",
		.help = "members put into every request"},
	{.pattern = "providers.*.headers", .type = KEY_GROUP},
	{.pattern = "providers.*.headers.*",
		.type = KEY_PAIR,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, headers),
		.flags = KEY_HEADER,
		.help = "a header of every request; env: and file: are followed"},
	{.pattern = "providers.*.query", .type = KEY_GROUP},
	{.pattern = "providers.*.query.*",
		.type = KEY_PAIR,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, query),
		.help = "a query parameter of every request; env: and file: are followed"},
	{.pattern = "providers.*.endpoints", .type = KEY_LIST},
	{.pattern = "providers.*.endpoints.#",
		.type = KEY_GROUP,
		.scope = SCOPE_ENDPOINT,
		.flags = KEY_OBJECT},
	{.pattern = "providers.*.endpoints.#.id",
		.type = KEY_STRING,
		.scope = SCOPE_ENDPOINT,
		.offset = offsetof(conf_endpoint, id),
		.ok = key_name_ok,
		.expected = A_NAME,
		.preset = "none",
		.help = "its name in PROVIDER#ENDPOINT/MODEL"},
	{.pattern = "providers.*.endpoints.#.base_url",
		.type = KEY_STRING,
		.scope = SCOPE_ENDPOINT,
		.offset = offsetof(conf_endpoint, base_url),
		.ok = key_ok_base_url,
		.preset = "the plugin's",
		.expected = "http:// or https://, host, port and path, no user, query or fragment",
		.help = "where it is"},
	{.pattern = "providers.*.endpoints.#.api_key",
		.type = KEY_SECRET,
		.scope = SCOPE_ENDPOINT,
		.offset = offsetof(conf_endpoint, key),
		.preset = "the plugin's usual variable",
		.help = "the key"},
	{.pattern = "providers.*.endpoints.#.weight",
		.type = KEY_INT,
		.scope = SCOPE_ENDPOINT,
		.offset = offsetof(conf_endpoint, weight),
		.max = 1000,
		.preset = "1",
		.help = "share of the requests"},
	TIME_ROWS("providers.*.", SCOPE_PROVIDER, conf_provider),
	UPSTREAM_ROW("providers.*.", SCOPE_PROVIDER, conf_provider),
	ATTEMPT_ROWS("providers.*.", SCOPE_PROVIDER, conf_provider),
	{.pattern = "providers.*.*",
		.type = KEY_SETTING,
		.scope = SCOPE_PROVIDER,
		.offset = offsetof(conf_provider, settings),
		.help = "a key of the plugin's own"},

	{.pattern = "models", .type = KEY_LIST},
	{.pattern = "models.#", .type = KEY_GROUP, .scope = SCOPE_MODEL, .flags = KEY_OBJECT},
	{.pattern = "models.#.id",
		.type = KEY_STRING,
		.scope = SCOPE_MODEL,
		.flags = KEY_NEEDED,
		.offset = offsetof(conf_model, id),
		.ok = key_ok_model,
		.expected = A_MODEL,
		.help = "the model that is described"},
	{.pattern = "models.#.max_input_tokens",
		.type = KEY_COUNT,
		.scope = SCOPE_MODEL,
		.offset = offsetof(conf_model, caps.max_input_tokens),
		.preset = "unknown",
		.help = "what it can read"},
	{.pattern = "models.#.max_output_tokens",
		.type = KEY_COUNT,
		.scope = SCOPE_MODEL,
		.offset = offsetof(conf_model, caps.max_output_tokens),
		.preset = "unknown",
		.help = "what it can write"},
	{.pattern = "models.#.max_concurrency",
		.type = KEY_INT,
		.scope = SCOPE_MODEL,
		.offset = offsetof(conf_model, max_concurrency),
		.min = 1,
		.max = 65535,
		.preset = "the provider's",
		.help = "attempts at the same time"},
	{.pattern = "models.#.rpm",
		.type = KEY_COUNT,
		.scope = SCOPE_MODEL,
		.offset = offsetof(conf_model, rpm),
		.preset = "no limit",
		.help = "requests a minute; more of them wait"},
	{.pattern = "models.#.tpm",
		.type = KEY_COUNT,
		.scope = SCOPE_MODEL,
		.offset = offsetof(conf_model, tpm),
		.preset = "no limit",
		.help = "tokens a minute; more of them wait"},
	{.pattern = "models.#.capabilities", .type = KEY_GROUP},
	CAP_ROW(chat),
	CAP_ROW(stream),
	CAP_ROW(tools),
	CAP_ROW(parallel_tools),
	CAP_ROW(tool_choice),
	CAP_ROW(json_object),
	{.pattern = "models.#.capabilities.json_schema",
		.type = KEY_CHOICE,
		.scope = SCOPE_MODEL,
		.offset = offsetof(conf_model, caps.json_schema),
		.choices = schema_capability,
		.preset = "unknown",
		.expected = "\"enforced\", \"accepted\", \"no\" or \"unknown\"",
		.help = "`enforced`, `accepted`, `no` or `unknown`"},
	CAP_ROW(tools_with_schema),
	CAP_ROW(vision),
	CAP_ROW(audio),
	CAP_ROW(system_role),
	CAP_ROW(prefill),
	CAP_ROW(seed),
	CAP_ROW(logprobs),
	CAP_ROW(reasoning),
	{.pattern = "models.#.price", .type = KEY_GROUP},
	PRICE_ROW(input),
	PRICE_ROW(output),
	PRICE_ROW(cache_read),
	PRICE_ROW(cache_write),
	PRICE_ROW(reasoning),

	{.pattern = "profiles", .type = KEY_GROUP},
	{.pattern = "profiles.*", .type = KEY_GROUP, .scope = SCOPE_PROFILE, .flags = KEY_OBJECT},
	{.pattern = "profiles.*.policy",
		.type = KEY_STRING,
		.scope = SCOPE_PROFILE,
		.offset = offsetof(conf_profile, policy),
		.ok = key_ok_policy,
		.preset = "ordered",
		.expected = "\"ordered\"; other policies are not in this version",
		.help = "how candidates are ranked"},
	{.pattern = "profiles.*.candidates",
		.type = KEY_STRINGS,
		.scope = SCOPE_PROFILE,
		.flags = KEY_NEEDED,
		.offset = offsetof(conf_profile, candidates),
		.help = "PROVIDER/MODEL, PROVIDER#ENDPOINT/MODEL or an alias of one, best first"},
	LATER_ROW("profiles.*.require", KEY_GROUP),
	LATER_ROW("profiles.*.fallbacks", KEY_GROUP),
	TIME_ROWS("profiles.*.", SCOPE_PROFILE, conf_profile),
	UPSTREAM_ROW("profiles.*.", SCOPE_PROFILE, conf_profile),
	GUARD_ROWS("profiles.*.", SCOPE_PROFILE, conf_profile),
	{.pattern = "profiles.*.slow_start_crosses",
		.type = KEY_BOOL,
		.scope = SCOPE_PROFILE,
		GUARD_AT(conf_profile, slow_start_crosses),
		.preset = "false",
		.help = "slowness alone may move a prompt from this machine to a cloud"},

	LATER_ROW("storage", KEY_GROUP),
	LATER_ROW("telemetry", KEY_GROUP),
	LATER_ROW("privacy", KEY_GROUP),
	LATER_ROW("cache", KEY_GROUP),
	LATER_ROW("prices", KEY_LIST),
	{.pattern = NULL},
};

/* A list is stored together with the count that stands behind it. */
#define COUNT_BEHIND(type, list, count) \
	_Static_assert(offsetof(type, count) == offsetof(type, list) + sizeof(void *), #count)
COUNT_BEHIND(conf, response_headers, n_response_headers);
COUNT_BEHIND(conf, no_proxy, n_no_proxy);
COUNT_BEHIND(conf, aliases, n_aliases);
COUNT_BEHIND(conf_profile, candidates, n_candidates);
COUNT_BEHIND(conf_provider, headers, n_headers);
COUNT_BEHIND(conf_provider, query, n_query);
COUNT_BEHIND(conf_provider, settings, n_settings);
