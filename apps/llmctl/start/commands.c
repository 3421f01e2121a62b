/*
 * commands.c - every command in one table, as help prints it.
 */
#include "commands.h"

#define AT(member) offsetof(ctl_options, member)
#define END \
	{ \
		0, ARG_SWITCH, NULL, NULL, NULL, 0 \
	}

const arg_option args_common[] = {
	{'c', ARG_TEXT, "config", "FILE", "read this configuration and no other", AT(config)},
	{0, ARG_SWITCH, "json", NULL, "print JSON on standard output", AT(json)},
	{0, ARG_SWITCH, "no-color", NULL, "no colours (as NO_COLOR=1 does)", AT(no_color)},
	{'h', ARG_SWITCH, "help", NULL, "show help and end", AT(help)},
	END,
};

/* clang-format off */
/* Those of every command that asks. */
#define WHO_OPTIONS \
	{'m', ARG_TEXT, "model", "PROVIDER/MODEL|ALIAS", "who answers", AT(model)}, \
	{'p', ARG_TEXT, "profile", "PROFILE", "the profile that chooses who answers", AT(profile)}, \
	{0, ARG_TEXT, "candidates", "A,B,...", "who may answer, best first, in the place of the profile's", AT(candidates)}, \
	{0, ARG_SWITCH, "local-only", NULL, "ask nobody who computes elsewhere", AT(local_only)}, \
	{'s', ARG_ANY, "system", "SYSTEM", "the system text", AT(system)}

#define HOW_OPTIONS \
	{'o', ARG_LIST, "option", "NAME=VALUE", "temperature=0, max_tokens=100, reasoning=on, ... (repeatable)", AT(options)}, \
	{0, ARG_TEXT, "timeout", "TIME", "give up after 500ms, 30s, 5m or 1h", AT(timeout)}, \
	{0, ARG_TEXT, "cache", "MODE", "stored answers: off, on, read_only, write_only or refresh", AT(cache)}, \
	{0, ARG_TEXT, "recover", "MODE", "when the answer breaks off: off, match, continue or buffer", AT(recover)}, \
	{0, ARG_SWITCH, "no-stream", NULL, "ask for the answer in one piece", AT(no_stream)}

#define SHOW_OPTIONS \
	{0, ARG_SWITCH, "stats", NULL, "who answered, tokens and time, on standard error", AT(stats)}, \
	{0, ARG_SWITCH, "reasoning", NULL, "the model's reasoning on standard error, also in a pipe", AT(reasoning)}, \
	{0, ARG_SWITCH, "raw", NULL, "the answer's bytes as they are, control sequences included", AT(raw)}, \
	{'v', ARG_SWITCH, "verbose", NULL, "the HTTP exchange, without secrets, on standard error", AT(verbose)}

#define RECORD_OPTIONS \
	{0, ARG_TEXT, "workspace", "NAME", "whose run this is", AT(workspace)}, \
	{0, ARG_TEXT, "user", "ID", "for whom it is asked: split_by = \"user\" draws by it", AT(user)}, \
	{0, ARG_SWITCH, "no-record", NULL, "leave no record of this run", AT(no_record)}, \
	{0, ARG_SWITCH, "store-content", NULL, "keep the prompt and the answer with the record", AT(store_content)}
/* clang-format on */

static const arg_option ask_options[] = {
	WHO_OPTIONS,
	{'i', ARG_LIST, "image", "IMAGE", "show an image: PNG, JPEG, WebP or GIF (repeatable)",
		AT(images)},
	HOW_OPTIONS,
	{0, ARG_ANY, "idempotency-key", "KEY",
		"of several runs with this key one is answered, the others are told",
		AT(idempotency_key)},
	{0, ARG_TEXT, "on-duplicate", "WHAT", "while another run has the key: wait or fail",
		AT(on_duplicate)},
	{0, ARG_SWITCH, "stream", NULL, "with --json: one event a line, the object last",
		AT(stream)},
	{0, ARG_SWITCH, "explain", NULL, "why it was asked of whom, on standard error",
		AT(explain)},
	{0, ARG_SWITCH, "dry-run", NULL, "print the request, without secrets; send nothing",
		AT(dry_run)},
	SHOW_OPTIONS,
	RECORD_OPTIONS,
	{0, ARG_SWITCH, "continue", NULL,
		"go on from the last run whose content is stored, and store this one's", AT(go_on)},
	END,
};

static const arg_option chat_options[] = {
	WHO_OPTIONS,
	HOW_OPTIONS,
	SHOW_OPTIONS,
	RECORD_OPTIONS,
	{0, ARG_TEXT, "resume", "ID",
		"go on from this run, whose content is stored, and store what follows", AT(resume)},
	END,
};

#define WORKSPACE_OPTION \
	{ \
		0, ARG_TEXT, "workspace", "NAME", "whose runs; else the configured one", \
			AT(workspace) \
	}

static const arg_option migrate_options[] = {
	{0, ARG_TEXT, "to", "NUMBER", "up or down to this schema; 0 takes all tables away", AT(to)},
	{0, ARG_SWITCH, "fresh", NULL, "put a damaged file aside and begin with a new one",
		AT(fresh)},
	END,
};

static const arg_option db_export_options[] = {
	{0, ARG_TEXT, "format", "FORMAT", "plain (default), alembic, sqitch or sqlalchemy",
		AT(format)},
	{0, ARG_TEXT, "down-revision", "ID", "alembic: the revision that the first one follows",
		AT(down_revision)},
	{0, ARG_TEXT, "dialect", "NAME",
		"plain, sqitch: sqlite or postgres (default: that of the storage)", AT(dialect)},
	END,
};

/* clang-format off */
#define FILTER_OPTIONS \
	WORKSPACE_OPTION, \
	{0, ARG_TEXT, "since", "TIME", "created since: 2026-01-31, or ago: 90s, 30m, 24h, 7d", AT(since)}, \
	{0, ARG_TEXT, "status", "STATUS", "running, succeeded, failed, cancelled, abandoned", AT(status)}, \
	{'p', ARG_TEXT, "profile", "PROFILE", "of this profile", AT(profile)}, \
	{0, ARG_TEXT, "provider", "PROVIDER", "answered by this provider", AT(provider)}, \
	{'m', ARG_TEXT, "model", "[PROVIDER/]MODEL", "answered by this model", AT(model)}, \
	{0, ARG_TEXT, "error", "CODE", "that ended with this error", AT(error)}, \
	{0, ARG_TEXT, "min-cost", "USD", "that cost at least so much", AT(min_cost)}, \
	{0, ARG_TEXT, "min-duration", "TIME", "that took at least 500ms, 30s, 5m", AT(min_duration)}, \
	{'n', ARG_TEXT, "limit", "NUMBER", "so many at most", AT(limit)}

/* Of what has an end. */
#define PAGE_OPTIONS \
	{0, ARG_TEXT, "until", "TIME", "created before", AT(until)}, \
	{0, ARG_TEXT, "before", "ID", "older than this run: the next page", AT(before)}
/* clang-format on */

static const arg_option list_options[] = {FILTER_OPTIONS, PAGE_OPTIONS, END};
static const arg_option tail_options[] = {FILTER_OPTIONS, END};

static const arg_option export_options[] = {
	{0, ARG_TEXT, "format", "FORMAT", "ndjson (default) or csv", AT(format)},
	FILTER_OPTIONS,
	PAGE_OPTIONS,
	END,
};

static const arg_option run_options[] = {
	{0, ARG_SWITCH, "curl", NULL, "its request as a curl command, keys as shell variables",
		AT(curl)},
	WORKSPACE_OPTION,
	END,
};

static const arg_option stats_options[] = {
	{0, ARG_TEXT, "by", "WHAT", "workspace, profile, provider, model (default) or day", AT(by)},
	WORKSPACE_OPTION,
	{0, ARG_SWITCH, "all-workspaces", NULL, "the runs of all workspaces", AT(all_workspaces)},
	{0, ARG_TEXT, "since", "TIME", "created since: 2026-01-31, or ago: 30m, 24h, 7d",
		AT(since)},
	{0, ARG_TEXT, "until", "TIME", "created before", AT(until)},
	END,
};

static const arg_option budgets_options[] = {
	{0, ARG_TEXT, "workspace", "NAME", "the budgets of this one only", AT(workspace)},
	END,
};

static const arg_option budget_options[] = {
	{'p', ARG_TEXT, "profile", "PROFILE", "of the workspace's runs with this profile",
		AT(profile)},
	END,
};

static const arg_option budget_set_options[] = {
	{'p', ARG_TEXT, "profile", "PROFILE", "for the workspace's runs with this profile",
		AT(profile)},
	{0, ARG_TEXT, "limit", "USD", "what may be spent in a window; none: only count", AT(limit)},
	{0, ARG_TEXT, "window", "WINDOW", "minute, hour, day, month, total, or a time such as 90m",
		AT(window)},
	{0, ARG_TEXT, "default-cost", "USD", "what a run counts whose cost is not known",
		AT(default_cost)},
	{0, ARG_SWITCH, "configured", NULL, "as the configuration says, from now on",
		AT(configured)},
	END,
};

static const arg_option purge_options[] = {
	WORKSPACE_OPTION,
	{0, ARG_TEXT, "older-than", "TIME", "runs created before (default 400d)", AT(older_than)},
	{0, ARG_TEXT, "content-older-than", "TIME", "stored content of before (default 30d)",
		AT(content_older_than)},
	{0, ARG_SWITCH, "all", NULL, "everything of the workspace that --workspace names", AT(all)},
	END,
};

/* Those of ask that shape the request. */
static const arg_option explain_options[] = {
	{'m', ARG_TEXT, "model", "PROVIDER/MODEL|ALIAS", "the model that is asked for", AT(model)},
	{'p', ARG_TEXT, "profile", "PROFILE", "the profile that chooses", AT(profile)},
	{0, ARG_TEXT, "candidates", "A,B,...",
		"who may answer, best first, in the place of the profile's", AT(candidates)},
	{0, ARG_SWITCH, "local-only", NULL, "ask nobody who computes elsewhere", AT(local_only)},
	{'s', ARG_ANY, "system", "SYSTEM", "the system text", AT(system)},
	{'i', ARG_LIST, "image", "IMAGE", "show an image (repeatable)", AT(images)},
	{'o', ARG_LIST, "option", "NAME=VALUE", "as for ask (repeatable)", AT(options)},
	{0, ARG_SWITCH, "stream", NULL, "the answer is to come in pieces", AT(stream)},
	{0, ARG_TEXT, "user", "ID", "as for ask", AT(user)},
	{0, ARG_TEXT, "run", "ID", "of a run on record, as it was planned then", AT(run)},
	WORKSPACE_OPTION,
	END,
};

static const arg_option models_options[] = {
	{0, ARG_SWITCH, "capabilities", NULL, "what each can do, and who says so",
		AT(capabilities)},
	{0, ARG_SWITCH, "loaded", NULL, "only those in memory now", AT(loaded)},
	END,
};

static const arg_option show_options[] = {
	{0, ARG_SWITCH, "origin", NULL, "where each value comes from, before it", AT(origin)},
	END,
};

static const arg_option simulate_options[] = {
	{0, ARG_TEXT, "policy", "POLICY", "this policy instead of the file's", AT(policy)},
	{0, ARG_SWITCH, "plans", NULL, "every run: its plan, who was asked, who answered",
		AT(plans)},
	END,
};

const command commands[] = {
	{"ask", NULL, "Ask a model; the question is what stands here, on standard input, or both.",
		"[WORD...]",
		"  llmctl ask \"Why is the sky blue?\"\n"
		"  llmctl ask -m ollama/llama3.2 -o temperature=0 \"Name three rivers\"\n"
		"  cat error.log | llmctl ask \"What went wrong here?\"\n"
		"  llmctl ask -i photo.jpg \"What is on this picture?\"\n"
		"  llmctl ask --continue \"And why?\"\n"
		"  llmctl ask --json \"Say hello\" | jq -r .text\n",
		ask_options, (size_t)-1},
	{"chat", NULL,
		"Talk with a model: every line is a question, and /help lists what else there is.",
		"",
		"  llmctl chat\n"
		"  llmctl chat -m ollama/llama3.2 -s \"Answer in one line\"\n"
		"  llmctl chat --store-content\n"
		"  llmctl chat --resume 01900000-0000-7000-8000-000000000001\n"
		"  printf 'My name is Ada\\nWhat is my name?\\n' | llmctl chat\n",
		chat_options, 0},
	{"models", NULL,
		"List the models of a provider, or of all that are configured or have a key.",
		"[PROVIDER|PROVIDER/MODEL]",
		"  llmctl models\n"
		"  llmctl models ollama --loaded\n"
		"  llmctl models ollama/llama3.2 --capabilities\n"
		"  GEMINI_API_KEY=... llmctl models   # with no configuration: Ollama and Gemini\n",
		models_options, 1},
	{"health", NULL, "Show which candidates would be asked now.", "",
		"  llmctl health\n"
		"  llmctl health --json\n",
		NULL, 0},
	{"route", "explain", "Show who would be asked, in which order and why, asking nobody.",
		"[WORD...]",
		"  llmctl route explain -p local-first\n"
		"  llmctl route explain -m ollama/llama3.2 -i photo.jpg \"What is this?\"\n"
		"  llmctl route explain --json | jq -r '.plan.plan[]'\n"
		"  llmctl route explain --run 01900000-0000-7000-8000-000000000001\n",
		explain_options, (size_t)-1},
	{"route", "simulate", "Replay a file of outcomes through a policy, asking nobody.", "FILE",
		"  llmctl route simulate outcomes.jsonl\n"
		"  llmctl route simulate --policy latency --plans outcomes.jsonl\n"
		"  llmctl route simulate --json outcomes.jsonl | jq '.candidates[]'\n",
		simulate_options, 1},
	{"profiles", NULL, "List profiles, their candidates in order, and aliases.", "",
		"  llmctl profiles\n", NULL, 0},
	{"plugins", "list", "List the plugins that would be used.", "", "  llmctl plugins list\n",
		NULL, 0},
	{"plugins", "explain", "Show every file looked at, and why it is taken or refused.",
		"[NAME]",
		"  llmctl plugins explain\n"
		"  llmctl plugins explain ollama\n",
		NULL, 1},
	{"config", "check", "Check the configuration.", "",
		"  llmctl config check\n"
		"  llmctl config check -c my.conf\n",
		NULL, 0},
	{"config", "show", "Show the configuration in force, secrets hidden.", "",
		"  llmctl config show\n"
		"  llmctl config show --origin\n",
		show_options, 0},
	{"config", "diff", "Show what another configuration file would change.", "OLD NEW",
		"  llmctl config diff llm.conf new.conf\n"
		"  llmctl config diff llm.conf new.conf --json\n",
		NULL, 2},
	{"config", "path", "Show which files are read.", "", "  llmctl config path\n", NULL, 0},
	{"prices", "import", "Print LiteLLM's price map as a price file.", "FILE",
		"  llmctl prices import model_prices_and_context_window.json >prices.conf\n", NULL,
		1},
	{"db", "migrate", "Make or migrate the tables that runs are kept in.", "",
		"  llmctl db migrate\n"
		"  llmctl db migrate -c my.conf\n"
		"  llmctl db migrate -c my.conf --to 2\n",
		migrate_options, 0},
	{"db", "status", "Show which schema is there, and look for damage.", "",
		"  llmctl db status\n"
		"  llmctl db status -c my.conf --json\n",
		NULL, 0},
	{"db", "backup", "Copy the database into a new file, while others use it.", "FILE",
		"  llmctl db backup runs-today.db\n", NULL, 1},
	{"db", "vacuum", "Give room that purged runs have left back to the disk.", "",
		"  llmctl db vacuum\n", NULL, 0},
	{"db", "export", "Write the migrations into a tree of your own.", "DIR",
		"  llmctl db export migrations/llm\n"
		"  llmctl db export --format alembic .\n"
		"  llmctl db export --format alembic . --down-revision 1a2b3c4d5e6f\n"
		"  llmctl db export --format sqitch sqitch/ --dialect postgres\n"
		"  llmctl db export --format sqlalchemy src/\n",
		db_export_options, 1},
	{"runs", "list", "List runs, the newest first.", "",
		"  llmctl runs list\n"
		"  llmctl runs list --since 24h --status failed\n"
		"  llmctl runs list --min-cost 0.05 --min-duration 30s --json\n",
		list_options, 0},
	{"runs", "search", "List runs with a text in a model's name, an error or the metadata.",
		"TEXT", "  llmctl runs search overloaded\n", list_options, 1},
	{"runs", "show", "Show a run: attempts, waits, decision, cost, and content if stored.",
		"ID",
		"  llmctl runs show 01900000-0000-7000-8000-000000000001\n"
		"  llmctl runs show 01900000-0000-7000-8000-000000000001 --json\n"
		"  llmctl runs show 01900000-0000-7000-8000-000000000001 --curl\n",
		run_options, 1},
	{"runs", "tail", "Show the last runs, and others as they end, until Ctrl-C.", "",
		"  llmctl runs tail\n"
		"  llmctl runs tail --status failed --json\n",
		tail_options, 0},
	{"runs", "stats", "Count runs, errors, tokens, cost and times.", "",
		"  llmctl runs stats\n"
		"  llmctl runs stats --by day --since 7d\n"
		"  llmctl runs stats --by workspace --all-workspaces\n",
		stats_options, 0},
	{"runs", "export", "Print runs as NDJSON or CSV.", "",
		"  llmctl runs export >runs.ndjson\n"
		"  llmctl runs export --format csv --since 2026-01-01 >runs.csv\n",
		export_options, 0},
	{"runs", "purge", "Delete old runs and stored content.", "",
		"  llmctl runs purge\n"
		"  llmctl runs purge --older-than 90d --content-older-than 7d\n"
		"  llmctl runs purge --workspace tenant-a --all\n",
		purge_options, 0},
	{"runs", "reap", "Mark runs as abandoned whose process has gone.", "",
		"  llmctl runs reap\n", NULL, 0},
	{"budgets", "list", "List what workspaces may spend, and have.", "",
		"  llmctl budgets list\n"
		"  llmctl budgets list --workspace tenant-a --json\n",
		budgets_options, 0},
	{"budgets", "show", "Show a budget.", "WORKSPACE",
		"  llmctl budgets show tenant-a\n"
		"  llmctl budgets show tenant-a --profile smart --json\n",
		budget_options, 1},
	{"budgets", "set", "Set a budget; what is not said stays as it is.", "WORKSPACE",
		"  llmctl budgets set tenant-a --limit 10 --window day --default-cost 0.05\n"
		"  llmctl budgets set tenant-a --limit 20\n"
		"  llmctl budgets set tenant-a --profile smart --limit 50 --window month "
		"--default-cost 0.1\n"
		"  llmctl budgets set tenant-a --configured\n",
		budget_set_options, 1},
	{"errors", NULL, "List the error codes, or explain one.", "[CODE]",
		"  llmctl errors\n"
		"  llmctl errors RATE_LIMITED\n",
		NULL, 1},
	{"version", NULL, "Show the versions of llmctl and of what it runs with.", "",
		"  llmctl version\n"
		"  llmctl version --json\n",
		NULL, 0},
	{"help", NULL, "Show help on a command.", "[COMMAND]", "  llmctl help ask\n", NULL, 2},
	{NULL, NULL, NULL, NULL, NULL, NULL, 0},
};

const char chat_words[] =
	"  /model [PROVIDER/MODEL|ALIAS]   who answers from now on\n"
	"  /profile [PROFILE]              the profile that chooses who answers\n"
	"  /system [TEXT]                  the system text; without one there is none\n"
	"  /reset                          forget what was said\n"
	"  /save FILE                      write what was said into a new file, as JSON\n"
	"  /stats                          answers, tokens, time and cost so far\n"
	"  /help                           this list\n"
	"  /quit                           end, as Ctrl-D does\n"
	"A line that ends in \\ goes on in the next one; \"\"\" begins and ends several.\n"
	"A question that begins with / is written with two. Ctrl-C stops an answer.\n";
