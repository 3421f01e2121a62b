/*
 * golden_errors.c - bad input given to llmctl: the exit status, and all of standard
 * error as a kept file. The cases are rows of golden_rows.h; here is what runs them.
 */
#include "golden_rows.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/run.h"

#define ROOM 4096

/* The placeholders of one case, and what stands for them here. */
typedef struct place {
	const char *name;
	const char *value;
} place;

typedef struct places {
	place of[3];
} places;

/* `text` with every `from` as `to`. Freed by the caller. */
static char *exchange(const char *text, const char *from, const char *to)
{
	size_t room = strlen(text) + 1, step = strlen(from), more = strlen(to);
	const char *at = text, *next;
	char *out, *end;

	for (const char *p = text; (p = strstr(p, from)); p += step)
		room += more;
	out = malloc(room);
	cr_assert_not_null(out);
	for (end = out; (next = strstr(at, from)); at = next + step) {
		memcpy(end, at, (size_t)(next - at));
		end += next - at;
		memcpy(end, to, more);
		end += more;
	}
	memcpy(end, at, strlen(at) + 1);
	return out;
}

static char *exchange_all(const char *text, const places *p, bool back)
{
	char *now = strdup(text), *before;

	cr_assert_not_null(now);
	for (const place *one = p->of; one->name; one++) {
		before = now;
		now = exchange(
			before, back ? one->value : one->name, back ? one->name : one->value);
		free(before);
	}
	return now;
}

/* Fills `out` with expanded copies behind what is there. */
static void expand_list(const char *const *list, const places *p, char **out)
{
	for (; *list; list++)
		*out++ = exchange_all(*list, p, false);
}

static void free_list(char **list)
{
	for (; *list; list++)
		free(*list);
}

static void put(
	const char *folder, const char *name, const char *text, const places *p, mode_t mode)
{
	char *full = exchange_all(text, p, false), path[ROOM];

	run_folder_put(folder, name, full);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	cr_assert_eq(chmod(path, mode ? mode : 0600), 0);
	free(full);
}

static void put_files(const golden_case *c, const char *folder, const places *p)
{
	if (c->conf)
		put(folder, "llm.conf", c->conf, p, 0);
	if (c->file)
		put(folder, c->file, c->text, p, c->mode);
}

static void run_case(const golden_case *c, const char *folder, const places *p, run_result *ret)
{
	char *args[GOLDEN_ARGS + 4] = {strdup(LLMCTL)};
	char *env[GOLDEN_ENV + 1] = {NULL};
	run_opts opts = {.home = folder, .env = (const char *const *)env};
	char **end = args + 1;

	expand_list(c->args, p, end);
	while (*end)
		end++;
	if (c->conf) {
		end[0] = strdup("-c");
		end[1] = exchange_all("@DIR@/llm.conf", p, false);
	}
	expand_list(c->env, p, env);
	run_program((const char *const *)args, &opts, ret);
	free_list(args);
	free_list(env);
}

/* A message begins with the program's name; what goes on is indented. */
static void check_lines(const char *name, const char *text)
{
	int more = 2;

	while (*text) {
		size_t len = strcspn(text, "\n");

		if (strncmp(text, "llmctl: ", 8) == 0)
			more = 2;
		else
			cr_expect(more-- > 0 && strncmp(text, "  ", 2) == 0,
				"%s: a line too many, or not indented: %.*s", name, (int)len, text);
		cr_expect_eq(text[len], '\n', "%s does not end with a line end", name);
		text += len + (text[len] == '\n');
	}
}

/* What stands behind `before` and is made of `set` becomes "@N@": it is another each time. */
static char *mask(char *text, const char *before, const char *set)
{
	char *at = strstr(text, before), *out;
	size_t len, room = strlen(text) + 4;

	if (!at || !(len = strspn(at += strlen(before), set)))
		return text;
	out = malloc(room);
	cr_assert_not_null(out);
	snprintf(out, room, "%.*s@N@%s", (int)(at - text), text, at + len);
	free(text);
	return out;
}

static char *neutral(const char *text, const places *p)
{
	static const char digits[] = "0123456789abcdef";
	char *said = exchange_all(text, p, true);

	said = mask(said, " port 1 after ", digits);
	said = mask(said, "ELF machine 22, this is ", digits);
	return mask(said, "has SHA-256 ", digits);
}

static void judge(const golden_case *c, const places *p, const run_result *r)
{
	char *said = neutral(r->err, p), path[ROOM];

	snprintf(path, sizeof(path), "%s/tests/golden/errors/%s.txt", TEST_SOURCE_DIR, c->name);
	cr_expect_eq(r->status, c->status, "%s: status %d, not %d: %s", c->name, r->status,
		c->status, r->err);
	check_lines(c->name, said);
	cr_expect(run_golden(path, said), "%s: standard error differs from %s", c->name, path);
	free(said);
}

/* Runs a case in a folder that the test may have filled. */
static void check_in(const golden_case *c, const char *folder)
{
	const places p = {{{"@DIR@", folder}, {"@BUILD@", TEST_BINARY_DIR}, {NULL, NULL}}};
	run_result r;

	put_files(c, folder, &p);
	run_case(c, folder, &p, &r);
	judge(c, &p, &r);
	run_done(&r);
}

static void check(const golden_case *c)
{
	char *folder = run_folder();

	check_in(c, folder);
	run_folder_free(folder);
}

#define CHECK_EACH(rows) \
	for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++) \
	check(&(rows)[i])

Test(golden_errors, configuration)
{
	CHECK_EACH(golden_config);
}

Test(golden_errors, command_line)
{
	CHECK_EACH(golden_usage);
}

/* ---- plugins ---- */

static void copy_module(const char *name, const char *to, size_t len)
{
	static char bytes[1 << 20];
	char path[ROOM];
	FILE *in, *out;
	size_t n;

	snprintf(path, sizeof(path), "%s/tests/modules/%s.so", TEST_BINARY_DIR, name);
	in = fopen(path, "rbe");
	out = fopen(to, "wbe");
	cr_assert(in && out, "%s, %s", path, to);
	n = fread(bytes, 1, sizeof(bytes), in);
	cr_assert(n && n < sizeof(bytes), "%s", path);
	cr_assert_eq(fwrite(bytes, 1, len && len < n ? len : n, out), len && len < n ? len : n);
	fclose(in);
	fclose(out);
	cr_assert_eq(chmod(to, 0755), 0);
}

static void make_foreign(const char *path)
{
	static const unsigned char machine[] = {22, 0}; /* S/390, at its place in an ELF header */
	FILE *file;

	copy_module("good", path, 0);
	file = fopen(path, "r+be");
	cr_assert_not_null(file);
	cr_assert_eq(fseek(file, 18, SEEK_SET), 0);
	cr_assert_eq(fwrite(machine, 1, sizeof(machine), file), sizeof(machine));
	fclose(file);
}

static void make_plugin(const golden_plugin *p, const char *path, const char *folder)
{
	switch (p->what) {
	case GOLDEN_FOLDER:
		cr_assert_eq(mkdir(path, 0755), 0);
		break;
	case GOLDEN_FIFO:
		cr_assert_eq(mkfifo(path, 0755), 0);
		break;
	case GOLDEN_LINK:
		cr_assert_eq(symlink(TEST_BINARY_DIR "/tests/modules/good.so", path), 0);
		break;
	case GOLDEN_FOREIGN:
		make_foreign(path);
		break;
	default:
		copy_module("good", path, p->what == GOLDEN_CUT ? 100 : 0);
	}
	if (p->what == GOLDEN_OPEN_FILE)
		cr_assert_eq(chmod(path, 0757), 0);
	cr_assert_eq(chmod(folder, p->what == GOLDEN_OPEN_FOLDER ? 0757 : 0755), 0);
}

static void check_plugin(const golden_plugin *p)
{
	char *folder = run_folder(), plugins[ROOM], path[ROOM + 8];

	snprintf(plugins, sizeof(plugins), "%s/plugins", folder);
	snprintf(path, sizeof(path), "%s/x.so", plugins);
	cr_assert_eq(mkdir(plugins, 0755), 0);
	make_plugin(p, path, plugins);
	check_in(&p->c, folder);
	run_folder_free(folder);
}

Test(golden_errors, plugin_files)
{
	for (size_t i = 0; i < sizeof(golden_files) / sizeof(golden_files[0]); i++)
		check_plugin(&golden_files[i]);
}

Test(golden_errors, plugin_contents)
{
	CHECK_EACH(golden_modules);
}
