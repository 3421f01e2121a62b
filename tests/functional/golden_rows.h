/*
 * golden_rows.h - the bad input of golden_errors.c, one row a case.
 *
 * What differs between machines is written @DIR@ (the case's own folder, which is
 * also HOME) and @BUILD@, in the rows and in the kept files
 * alike. With LLM_GOLDEN_WRITE set the files are written anew.
 */
#ifndef GOLDEN_ROWS_H
#define GOLDEN_ROWS_H

#include <sys/types.h>

#define GOLDEN_ARGS 12
#define GOLDEN_ENV 4

typedef struct golden_case {
	const char *name; /* tests/golden/errors/NAME.txt */
	int status; /* of llmctl */
	const char *args[GOLDEN_ARGS + 1]; /* null-terminated, without the program */
	const char *env[GOLDEN_ENV + 1]; /* "NAME=VALUE" */
	const char *conf; /* given with -c, or null */
	const char *file; /* one more file in the folder, or null */
	const char *text; /* what it holds */
	mode_t mode; /* 0: 0600 */
} golden_case;

/* What plugins/x.so in the case's folder is. */
typedef enum golden_what {
	GOLDEN_GOOD,
	GOLDEN_CUT,
	GOLDEN_FOREIGN,
	GOLDEN_FOLDER,
	GOLDEN_FIFO,
	GOLDEN_LINK,
	GOLDEN_OPEN_FILE,
	GOLDEN_OPEN_FOLDER
} golden_what;

typedef struct golden_plugin {
	golden_what what;
	golden_case c;
} golden_plugin;

/* ---- plugins: files that must not be loaded ---- */

#define FILE_CASE(kind, label) \
	{ \
		kind, \
		{ \
			.name = "plugin_" label, .status = 2, .args = {"ask", "-m", "x/m", "hi"}, \
			.env = { "LLM_PLUGIN_PATH=@DIR@/plugins" } \
		} \
	}

static const golden_plugin golden_files[] = {
	FILE_CASE(GOLDEN_CUT, "cut"),
	FILE_CASE(GOLDEN_FOREIGN, "other_machine"),
	FILE_CASE(GOLDEN_FOLDER, "folder"),
	FILE_CASE(GOLDEN_FIFO, "fifo"),
	FILE_CASE(GOLDEN_LINK, "link"),
	FILE_CASE(GOLDEN_OPEN_FILE, "file_others_write"),
	FILE_CASE(GOLDEN_OPEN_FOLDER, "folder_others_write"),
	{GOLDEN_GOOD,
		{.name = "plugin_pin",
			.status = 2,
			.args = {"ask", "-m", "p/m", "hi"},
			.env = {"LLM_PLUGIN_PATH=@DIR@/plugins"},
			.conf = "providers = { p = { plugin = \"x\"; sha256 = "
				"\"0000000000000000000000000000000000000000000000000000000000000000\"; }; };\n"}},
};

/* ---- plugins: what is wrong in them ---- */

#define MODULE(file) \
	{ \
		.name = "plugin_" file, .status = 2, .args = {"ask", "-m", file "/m", "hi"}, \
		.env = { "LLM_PLUGIN_PATH=@BUILD@/tests/modules" } \
	}

static const golden_case golden_modules[] = {
	MODULE("no_entry"),
	MODULE("not_function"),
	MODULE("other_major"),
	MODULE("undefined"),
	MODULE("wrong_magic"),
	MODULE("damaged"),
	MODULE("huge"),
	MODULE("null_desc"),
	MODULE("garbage"),
	MODULE("no_parts"),
	MODULE("bad_id"),
	MODULE("too_new"),
	MODULE("short_vtable"),
	MODULE("null_slot"),
	MODULE("null_info"),
	MODULE("bad_name"),
	MODULE("bad_list"),
	MODULE("unknown_part"),
	MODULE("failing_create"),
	{.name = "plugin_text",
		.status = 2,
		.args = {"ask", "-m", "x/m", "hi"},
		.env = {"LLM_PLUGIN_PATH=@DIR@"},
		.file = "x.so",
		.text = "no object\n",
		.mode = 0644},
	{.name = "plugin_empty",
		.status = 2,
		.args = {"ask", "-m", "x/m", "hi"},
		.env = {"LLM_PLUGIN_PATH=@DIR@"},
		.file = "x.so",
		.text = "",
		.mode = 0644},
	{.name = "plugin_missing", .status = 2, .args = {"ask", "-m", "olama/m", "hi"}},
	{.name = "plugin_unlike_any", .status = 2, .args = {"models", "banana"}},
	{.name = "plugin_nearest_configured",
		.status = 2,
		.args = {"ask", "-m", "worl/m", "hi"},
		.conf = "providers = { work = { plugin = \"openai\"; }; wort = { plugin = \"openai\"; };"
			" play = { plugin = \"gemini\"; }; };\n"},
	{.name = "plugin_not_implicit",
		.status = 2,
		.args = {"ask", "-m", "olama/m", "hi"},
		.conf = "plugins = { implicit = false; };\n"
			"providers = { local = { plugin = \"ollama\"; }; };\n"},
	{.name = "plugin_odd_name", .status = 2, .args = {"ask", "-m", "../x/m", "hi"}},
	{.name = "plugin_same_id",
		.status = 2,
		.args = {"models"},
		.env = {"LLM_PLUGIN_PATH=@BUILD@/tests/modules"},
		.conf = "providers = { a = { plugin = \"duplicate_a\"; base_url = \"http://127.0.0.1:9\"; };"
			" b = { plugin = \"duplicate_b\"; }; };\n"},
};

/* ---- configuration ---- */

#define CHECK \
	{ \
		"config", "check" \
	}
#define CONF(label, text_of_it) \
	{ \
		.name = "conf_" label, .status = 2, .args = CHECK, .conf = text_of_it \
	}
#define ASK_CONF(label, exit, text_of_it) \
	{ \
		.name = "conf_" label, .status = exit, .args = {"ask", "hi"}, .conf = text_of_it \
	}

static const golden_case golden_config[] = {
	CONF("unknown_key", "default_profil = \"a\";\n"),
	CONF("unknown_key_profile", "profiles = { a = { candidats = [ \"ollama/x\" ]; }; };\n"),
	ASK_CONF("unknown_key_of_plugin", 2,
		"default_profile = \"a\";\n"
		"providers = { ollama = { keep_alife = \"5m\"; }; };\n"
		"profiles = { a = { candidates = [ \"ollama/x\" ]; }; };\n"),
	CONF("type_text_for_boolean", "plugins = { implicit = \"maybe\"; };\n"),
	CONF("type_group_for_text", "default_profile = { };\n"),
	CONF("type_number_for_text", "workspace = 5;\n"),
	CONF("type_text_for_list", "profiles = { a = { candidates = \"ollama/x\"; }; };\n"),
	CONF("type_list_of_numbers", "profiles = { a = { candidates = [ 1, 2 ]; }; };\n"),
	CONF("duration", "deadline = \"20 parsecs\";\n"),
	CONF("duration_negative", "deadline = -5;\n"),
	CONF("duration_bare", "deadline = 20s;\n"),
	CONF("unbounded", "deadline = 0;\n"),
	CONF("integer_cut", "connect = 4294967297;\n"),
	CONF("fraction", "connect = 1.5;\n"),
	CONF("include", "@include \"other.conf\"\n"),
	CONF("escape", "workspace = \"\\x00\";\n"),
	CONF("syntax", "profiles = {\n  a = { candidates = [ \"ollama/x\" ] }\n"),
	CONF("not_built_yet", "telemetry = { level = \"all\"; };\n"),
	CONF("second_endpoint",
		"providers = { a = { plugin = \"openai\"; endpoints = (\n"
		"  { id = \"x\"; base_url = \"http://127.0.0.1:9\"; },\n"
		"  { id = \"x\"; base_url = \"http://127.0.0.1:8\"; } ); }; };\n"),
	CONF("alias_cycle", "aliases = { a = \"b\"; b = \"c\"; c = \"a\"; };\n"),
	CONF("alias_nowhere", "aliases = { fast = \"fats\"; };\n"),
	CONF("alias_and_profile",
		"aliases = { a = \"ollama/x\"; };\n"
		"profiles = { a = { candidates = [ \"ollama/x\" ]; }; };\n"),
	CONF("default_profile_nowhere",
		"default_profile = \"loacl\";\n"
		"profiles = { local = { candidates = [ \"ollama/x\" ]; }; };\n"),
	CONF("name", "profiles = { Local = { candidates = [ \"ollama/x\" ]; }; };\n"),
	CONF("base_url",
		"providers = { a = { plugin = \"openai\"; base_url = \"ftp://127.0.0.1\"; }; };\n"),
	CONF("literal_secret", "providers = { openai = { api_key = \"sk-very-secret\"; }; };\n"),
	ASK_CONF("missing_plugin", 2,
		"default_profile = \"a\";\n"
		"providers = { work = { plugin = \"opnai\"; }; };\n"
		"profiles = { a = { candidates = [ \"work/x\" ]; }; };\n"),
	ASK_CONF("unset_variable", 4,
		"default_profile = \"a\";\n"
		"providers = { openai = { api_key = \"env:NOBODY_SET_THIS\"; }; };\n"
		"profiles = { a = { candidates = [ \"openai/x\" ]; }; };\n"),
	{.name = "conf_absent",
		.status = 2,
		.args = {"config", "check", "-c", "@DIR@/nowhere.conf"}},
	{.name = "conf_unreadable", .status = 2, .args = {"config", "check", "-c", "@DIR@"}},
	{.name = "conf_secret_file_of_all",
		.status = 2,
		.args = {"ask", "-m", "openai/x", "hi"},
		.conf = "providers = { openai = { api_key = \"file:@DIR@/key\"; }; };\n",
		.file = "key",
		.text = "sk-very-secret\n",
		.mode = 0644},
	{.name = "conf_secret_file_two_lines",
		.status = 2,
		.args = {"ask", "-m", "openai/x", "hi"},
		.conf = "providers = { openai = { api_key = \"file:@DIR@/key\"; }; };\n",
		.file = "key",
		.text = "sk-very\nsecret\n"},
	{.name = "conf_secret_file_absent",
		.status = 4,
		.args = {"ask", "-m", "openai/x", "hi"},
		.conf = "providers = { openai = { api_key = \"file:@DIR@/nowhere\"; }; };\n"},
	{.name = "conf_key_with_newline",
		.status = 4,
		.args = {"ask", "-m", "openai/x", "hi"},
		.env = {"OPENAI_API_KEY=sk-very\nsecret"}},
	{.name = "conf_key_with_newline_env",
		.status = 2,
		.args = {"ask", "-m", "openai/x", "hi"},
		.env = {"MY_KEY=sk-very\nsecret"},
		.conf = "providers = { openai = { api_key = \"env:MY_KEY\"; }; };\n"},
	{.name = "conf_variable_value", .status = 2, .args = CHECK, .env = {"LLM_DEADLINE=soon"}},
	{.name = "conf_variable_list",
		.status = 2,
		.args = CHECK,
		.env = {"LLM_PLUGINS__IMPLICIT=2"}},
};

/* ---- the command line ---- */

#define USAGE(label, ...) \
	{ \
		.name = "usage_" label, .status = 2, .args = { __VA_ARGS__ } \
	}

static const golden_case golden_usage[] = {
	USAGE("command", "aks", "hi"),
	USAGE("subcommand", "config", "chek"),
	USAGE("option", "ask", "--modle", "ollama/x", "hi"),
	USAGE("option_value", "ask", "-m"),
	USAGE("empty_value", "ask", "-m", "", "hi"),
	USAGE("empty_value_joined", "ask", "--timeout=", "hi"),
	USAGE("empty_file", "config", "check", "-c", ""),
	USAGE("help_subcommand", "help", "config", "chekc"),
	USAGE("timeout_too_long", "ask", "-m", "ollama/x", "--timeout", "1200h", "hi"),
	USAGE("timeout_zero", "ask", "-m", "ollama/x", "--timeout", "0s", "hi"),
	{.name = "usage_provider_without_model",
		.status = 2,
		.args = {"ask", "-m", "work", "hi"},
		.conf = "providers = { work = { plugin = \"openai\"; }; };\n"},
	{.name = "usage_provider_as_profile",
		.status = 2,
		.args = {"ask", "-p", "work", "hi"},
		.conf = "providers = { work = { plugin = \"openai\"; }; };\n"},
	USAGE("timeout", "ask", "-m", "ollama/x", "--timeout", "30", "hi"),
	USAGE("request_option", "ask", "-m", "ollama/x", "-o", "temprature=0", "hi"),
	USAGE("request_value", "ask", "-m", "ollama/x", "-o", "temperature=warm", "hi"),
	USAGE("profile", "ask", "-p", "nowhere", "hi"),
	USAGE("model_without_provider", "ask", "-m", "llama3.2", "hi"),
	USAGE("model_and_profile", "ask", "-m", "ollama/x", "-p", "a", "hi"),
	{.name = "usage_error_code", .status = 3, .args = {"errors", "RATE_LIMITD"}},
	{.name = "usage_plugin", .status = 3, .args = {"plugins", "explain", "olama"}},
	{.name = "nothing_there",
		.status = 2,
		.args = {"ask", "hi"},
		.env = {"OLLAMA_HOST=127.0.0.1:1"}},
	{.name = "refused_connection",
		.status = 6,
		.args = {"ask", "-m", "ollama/x", "hi"},
		.env = {"OLLAMA_HOST=127.0.0.1:1"}},
	{.name = "missing_key", .status = 4, .args = {"ask", "-m", "openai/x", "hi"}},
};

#endif
