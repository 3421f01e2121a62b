/*
 * fuzz_main.c - runs a fuzz target without libFuzzer.
 *
 *	fuzz_NAME FILE-OR-FOLDER...
 *
 * Every file is given to the target as it is, then MUTATIONS times changed a
 * little, always in the same way: files are sorted and the seed is fixed. Each
 * input is a block of its own size, so that a sanitizer sees one byte too many.
 */
#include <ftw.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTATIONS 200
#define SEED UINT64_C(0x11f1257119471)
#define INPUT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
	uint8_t *bytes;
	size_t len;
} input;

static char **paths;
static size_t n_paths;
static uint64_t chance = SEED;
static uint64_t n_run;

static size_t below(size_t limit)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return limit ? (size_t)(chance % limit) : 0;
}

static void *must(void *block)
{
	if (!block) {
		fputs("out of memory\n", stderr);
		exit(2);
	}
	return block;
}

static void run(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = must(malloc(len ? len : 1));

	if (len)
		memcpy(exact, bytes, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	n_run++;
}

static input read_input(const char *path)
{
	input in = {must(malloc(INPUT_MAX)), 0};
	FILE *f = fopen(path, "rb");

	if (!f) {
		perror(path);
		exit(2);
	}
	in.len = fread(in.bytes, 1, INPUT_MAX, f);
	fclose(f);
	return in;
}

static void flip(input *in)
{
	size_t n = 1 + below(4);

	while (in->len && n--)
		in->bytes[below(in->len)] ^= (uint8_t)(1u << below(8));
}

static void set_byte(input *in)
{
	if (in->len)
		in->bytes[below(in->len)] = (uint8_t)below(256);
}

static void truncate_input(input *in)
{
	in->len = below(in->len + 1);
}

static void cut_out(input *in)
{
	size_t from = below(in->len);
	size_t n = below(in->len - from);

	if (!in->len)
		return;
	memmove(in->bytes + from, in->bytes + from + n, in->len - from - n);
	in->len -= n;
}

/* The head of one input and the tail of another. */
static void splice(input *in, const input *other)
{
	size_t keep = below(in->len + 1);
	size_t from = below(other->len + 1);
	size_t n = other->len - from;

	if (n > INPUT_MAX - keep)
		n = INPUT_MAX - keep;
	memmove(in->bytes + keep, other->bytes + from, n);
	in->len = keep + n;
}

static void mutate(input *in, const input *other)
{
	switch (below(5)) {
	case 0:
		flip(in);
		break;
	case 1:
		set_byte(in);
		break;
	case 2:
		truncate_input(in);
		break;
	case 3:
		cut_out(in);
		break;
	default:
		splice(in, other);
		break;
	}
}

static void replay(const input *in, const input *other)
{
	input changed = {must(malloc(INPUT_MAX)), 0};
	int i;

	run(in->bytes, in->len);
	for (i = 0; i < MUTATIONS; i++) {
		changed.len = in->len;
		memcpy(changed.bytes, in->bytes, in->len);
		mutate(&changed, other);
		run(changed.bytes, changed.len);
	}
	free(changed.bytes);
}

static int collect(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)where;
	if (type == FTW_F) {
		paths = must(realloc(paths, (n_paths + 1) * sizeof(*paths)));
		paths[n_paths++] = must(strdup(path));
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void replay_all(void)
{
	input before = {must(malloc(1)), 0};
	size_t i;

	for (i = 0; i < n_paths; i++) {
		input in = read_input(paths[i]);

		/* The name goes out first: after a crash it is the last line. */
		printf("%s\n", paths[i]);
		fflush(stdout);
		replay(&in, i ? &before : &in);
		free(before.bytes);
		free(paths[i]);
		before = in;
	}
	free(before.bytes);
	free(paths);
}

int main(int argc, char **argv)
{
	size_t n;
	int i;

	for (i = 1; i < argc; i++)
		if (nftw(argv[i], collect, 16, FTW_PHYS) != 0)
			perror(argv[i]);
	n = n_paths;
	if (n > 1)
		qsort(paths, n, sizeof(*paths), by_name);
	printf("seed %" PRIu64 ", %d mutations of each file\n", SEED, MUTATIONS);
	replay_all();
	printf("%" PRIu64 " inputs run from %zu files\n", n_run, n);
	return n > 0 ? 0 : 1;
}
