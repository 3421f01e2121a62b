/*
 * The power goes at any call of SQLite's into the operating system, or the process ends there:
 * what each setting of storage.sync has promised must be in the file that is left.
 *
 *	prove_power [CUTS [SEED]]       cuts of each setting; 1000
 *
 * One line for each setting: cuts, units that were said to be committed, how many of them are
 * gone, gaps (one is gone that a later one or a checkpoint stood behind), halves, and files that
 * are damaged; then the same for ends of the process, of which nothing may be gone. Exit 1 where
 * a promise was broken: full keeps all, normal keeps the file whole and loses the last ones only.
 */
#include "disk.h"

#define UNITS 14
#define CHECKPOINT_AT 5 /* behind this unit; SQLite's log is begun anew */
#define CHECKPOINTED (UINT32_C(1) << 31) /* beside the bits of the units */

typedef struct tally {
	uint64_t cuts, promised, gone, gaps, halves, damaged;
} tally;

enum { SYNC_OFF = 0, SYNC_NORMAL, SYNC_FULL };

static const char *const sync_names[] = {"off", "normal", "full"};

static void id_of(char ret[20], uint64_t cut, int i)
{
	snprintf(ret, 20, "%07" PRIu64 "-%02d", cut, i);
}

/* Big ones fill the log until it is checkpointed by the plugin itself. */
static size_t payload_of(uint64_t cut)
{
	return cut % 4 ? (size_t)(cut % 7) * 700 : PAYLOAD_MAX;
}

/* Bits of the units that were committed. A service begins with its tables, or makes them. */
static uint32_t play(const disk *d, uint64_t cut, int makes)
{
	uint32_t promised = 0;
	llm_unit *u = NULL;
	char id[20];
	int i;

	if (llm_unit_open(d->storage, &u, NULL))
		return 0;
	if (makes && llm_unit_migrate(u, LLM_SCHEMA_LATEST, NULL)) {
		llm_unit_close(u);
		return 0;
	}
	for (i = 0; i < UNITS; i++) {
		id_of(id, cut, i);
		if (!disk_unit(u, id, payload_of(cut), NULL))
			promised |= UINT32_C(1) << i;
		if (i == CHECKPOINT_AT &&
			!llm_records_maintain(u, LLM_MAINTAIN_CHECKPOINT, NULL, NULL))
			promised |= CHECKPOINTED;
	}
	llm_unit_close(u);
	return promised;
}

static void judge_units(llm_unit *u, uint64_t cut, uint32_t promised, tally *t)
{
	int i, has, gone = 0;
	char id[20];

	for (i = 0; i < UNITS; i++) {
		id_of(id, cut, i);
		has = disk_has(u, id);
		t->halves += has < 0;
		if (!(promised >> i & 1))
			continue;
		t->promised++;
		t->gone += has != 1;
		t->gaps += has == 1 ? (uint64_t)gone :
				      i <= CHECKPOINT_AT && promised & CHECKPOINTED;
		gone |= has != 1;
	}
}

/* A file whose tables were never wholly made has lost everything that was promised. */
static void judge(const disk *d, uint64_t cut, uint32_t promised, int makes, tally *t)
{
	llm_schema_state s = {.struct_size = sizeof(s)};
	llm_unit *u = NULL;

	t->cuts++;
	if (llm_unit_open(d->storage, &u, NULL)) {
		t->damaged++;
		return;
	}
	if (llm_records_maintain(u, LLM_MAINTAIN_CHECK, NULL, NULL) ||
		llm_records_schema(u, &s, NULL) ||
		(s.state != LLM_SCHEMA_OK && !(makes && s.state == LLM_SCHEMA_NONE)))
		t->damaged++;
	else if (s.state == LLM_SCHEMA_OK)
		judge_units(u, cut, promised, t);
	else
		t->gone += promised != 0;
	llm_unit_close(u);
}

static void begin(const disk *d, int makes)
{
	disk_gone(d->file);
	if (!makes)
		disk_copy(d->clean, d->file);
	vfs_power_on();
}

static uint64_t calls_of(const disk *d, uint64_t cut, int makes, uint64_t *seed)
{
	begin(d, makes);
	vfs_power_cut(0);
	play(d, cut, makes);
	vfs_power_settle(POWER_ALL, seed);
	return vfs_power_calls();
}

static void cut_once(const disk *d, uint64_t cut, int way, uint64_t *seed, tally *t)
{
	static uint64_t known[2][28]; /* calls, by who makes the tables and how big units are */
	const int makes = cut % 5 == 0;
	uint64_t *calls = &known[makes][cut % 28];
	uint32_t promised;

	if (!*calls)
		*calls = calls_of(d, cut, makes, seed);
	begin(d, makes);
	vfs_power_cut(1 + vfs_random(seed) % *calls);
	promised = play(d, cut, makes);
	vfs_power_settle(way, seed);
	judge(d, cut, promised, makes, t);
}

static int is_broken(int sync, int way, const tally *t)
{
	if (way == POWER_ALL || sync == SYNC_FULL)
		return t->gone || t->gaps || t->halves || t->damaged;
	return sync == SYNC_NORMAL && (t->gaps || t->halves || t->damaged);
}

static int campaign(disk *d, int sync, uint64_t cuts, uint64_t seed)
{
	tally power = {0}, end = {0}, *t;
	uint64_t cut;
	char text[40];
	int broken;

	snprintf(text, sizeof(text), "sync=%s", sync_names[sync]);
	d->storage = disk_storage(d->file, text);
	for (cut = 1; cut <= cuts; cut++) {
		cut_once(d, cut, (int)(cut % POWER_ALL), &seed, &power);
		if (cut % 4 == 0)
			cut_once(d, cut, POWER_ALL, &seed, &end);
	}
	llm_storage_free(d->storage);
	for (t = &power;; t = &end) {
		printf("%s %s: %" PRIu64 " cuts, %" PRIu64 " committed, %" PRIu64 " gone, %" PRIu64
		       " gaps, %" PRIu64 " halves, %" PRIu64 " damaged\n",
			t == &power ? "power" : "end", sync_names[sync], t->cuts, t->promised,
			t->gone, t->gaps, t->halves, t->damaged);
		if (t == &end)
			break;
	}
	broken = is_broken(sync, POWER_SECTORS, &power) || is_broken(sync, POWER_ALL, &end);
	return broken || !power.promised;
}

int main(int argc, char **argv)
{
	uint64_t cuts = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
	uint64_t seed = disk_seed(argc > 2 ? argv[2] : NULL);
	int sync, broken = 0;
	disk d = {0};

	if (cuts < 4)
		die("usage", "prove_power [CUTS [SEED]]");
	vfs_install();
	disk_make(&d);
	for (sync = SYNC_OFF; sync <= SYNC_FULL; sync++)
		broken |= campaign(&d, sync, cuts, vfs_random(&seed));
	disk_done(&d);
	vfs_remove();
	return broken;
}
