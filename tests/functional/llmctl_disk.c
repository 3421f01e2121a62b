/*
 * llmctl_disk.c - llmctl on disks that are full or take no writes: what can be read is read,
 * the answer comes in any case, and one clear message names what is wrong.
 */
#include "account_try.h"

#define UNSHARE "/usr/bin/unshare"
#define SHELL "/bin/sh"

/*
 * The shell runs `script` with $T (a disk of its own), $L (llmctl) and $M (the model). It says
 * whatever it does not find as it should be; false where there are no such namespaces.
 */
static void on_a_disk(const account *a, const char *size, const char *script)
{
	const char *argv[] = {UNSHARE, "-rm", SHELL, "-c", NULL, NULL};
	const char *env[] = {a->host, NULL};
	char text[8000];
	run_result r;

	snprintf(text, sizeof(text),
		"T=%s L='timeout 15 %s' M=ollama/sim-small\n"
		"mount -t tmpfs -o size=%s none $T || exit 77\n"
		"export HOME=$T/home; mkdir $HOME\n"
		"echo 'workspace = \"w\"; storage = { dsn = \"'$T'/runs.db\"; };' >$T/my.conf\n"
		"said() { # STATUS WORDS COMMAND...\n"
		"  want=$1 words=$2; shift 2\n"
		"  out=$(\"$@\" 2>&1); got=$?\n"
		"  case $out in *\"$words\"*) ;; *) got=\"$got, not '$words'\" ;; esac\n"
		"  [ \"$got\" = \"$want\" ] || echo \"$*: $got: $out\"\n"
		"}\n"
		"%s",
		a->home, LLMCTL, size, script);
	argv[4] = text;
	run_program(argv, &(run_opts){.env = env, .home = a->home, .records = true}, &r);
	if (r.status == 77 || r.status == 1 || r.status == -1)
		fprintf(stderr, "SKIP mounts: no right to mount in a namespace: %s\n", r.err);
	else
		cr_expect(!r.out_len && r.status == 0, "%d: %s%s", r.status, r.out, r.err);
	run_done(&r);
}

Test(llmctl_disk, S_04_a_disk_that_is_read_only)
{
	account a;

	account_new(&a, RUN_LIST("--say", "All is well."));
	on_a_disk(&a, "2m",
		"said 0 'schema ' $L db migrate -c $T/my.conf\n"
		"said 0 'All is well' $L ask -m $M hi -c $T/my.conf\n"
		"mount -o remount,ro $T || exit 77\n"
		"for c in 'runs purge' 'runs reap' 'db migrate' 'db vacuum' 'ask hi' \\\n"
		"  \"db backup $T/copy.db\"; do\n"
		"  said 1 'runs.db-llm: Read-only file system' $L $c -c $T/my.conf\n"
		"done\n"
		"said 1 'Read-only file system' $L db export $T/out\n"
		"said 0 'All is well' $L ask -m $M hi\n"
		"said 0 'runs are not recorded: the folder '$HOME'/.local cannot be made: Read-only'"
		" $L ask -m $M hi\n"
		"said 1 'Read-only file system' $L runs list\n"
		"mount -o remount,rw $T\n"
		"said 0 'All is well' $L ask -m $M hi -c $T/my.conf\n"
		"[ $($L runs list -c $T/my.conf | wc -l) = 2 ] || echo 'not two runs'\n");
	account_end(&a);
}

/* What may not grow has no end of its own: the write fails, and that is said. */
Test(llmctl_disk, S_04_a_file_that_may_not_grow)
{
	account a;

	account_new(&a, RUN_LIST("--say", "All is well."));
	on_a_disk(&a, "2m",
		"said 0 'schema ' $L db migrate -c $T/my.conf\n"
		"(ulimit -f 8; said 1 'PERSISTENCE: sqlite: ' $L ask -m $M hi -c $T/my.conf)\n"
		"said 0 'All is well' $L ask -m $M hi -c $T/my.conf\n"
		"[ $($L runs list -c $T/my.conf | wc -l) = 1 ] || echo 'not one run'\n");
	account_end(&a);
}

Test(llmctl_disk, S_04_what_is_on_a_read_only_disk_can_be_read)
{
	account a;

	account_new(&a, RUN_LIST("--say", "All is well."));
	on_a_disk(&a, "4m",
		"reads() {\n"
		"  said 0 'succeeded' $L runs list $1\n"
		"  id=$($L runs list $1 | cut -f1)\n"
		"  said 0 'All is well' $L runs show $id $1\n"
		"  said 0 'sim-small' $L runs stats $1\n"
		"  said 0 'sim-small' $L runs search sim $1\n"
		"  said 0 'sim-small' $L runs export $1\n"
		"  said 0 'schema\tok' $L db status $1\n"
		"}\n"
		"echo 0123456789abcdef0123456789abcdef >$T/key; chmod 600 $T/key\n"
		"C=\"-c $T/my.conf\"\n"
		"said 0 'schema ' $L db migrate $C\n"
		"export LLM_PRIVACY__KEY=file:$T/key\n"
		"said 0 'All is well' $L ask -m $M --store-content hi $C\n"
		"said 0 'runs are kept in' $L ask -m $M --store-content hi\n"
		"mount -o remount,ro $T || exit 77\n"
		"reads \"$C\"\n"
		"reads ''\n"
		"said 1 'runs.db-llm: Read-only file system' $L runs purge $C\n"
		"mount -o remount,rw $T\n"
		"rm $T/runs.db-shm\n"
		"mount -o remount,ro $T\n"
		"said 1 'copy both to a disk that takes writes' $L runs list $C\n"
		"mount -o remount,rw $T\n"
		"said 0 'succeeded' $L runs list $C\n" /* the log is taken into the file */
		"rm -f $T/runs.db-wal $T/runs.db-shm\n"
		"mount -o remount,ro $T\n"
		"reads \"$C\"\n"
		"mount -o remount,rw $T\n");
	account_end(&a);
}

Test(llmctl_disk, S_04_a_disk_that_is_full)
{
	account a;

	account_new(&a, RUN_LIST("--say", "All is well."));
	on_a_disk(&a, "1500k",
		"fill() { dd if=/dev/zero of=$T/fill bs=4k count=9999 2>/dev/null; }\n"
		"said 0 'schema ' $L db migrate -c $T/my.conf\n"
		"fill\n"
		"said 1 'make room on the disk' $L ask -m $M hi -c $T/my.conf\n"
		"said 1 'disk is full' $L db migrate --to 2 -c $T/my.conf\n"
		"said 0 'schema\tok' $L db status -c $T/my.conf\n"
		"said 1 'cannot write the backup' $L db backup $T/copy.db -c $T/my.conf\n"
		"[ ! -e $T/copy.db ] || echo 'half a backup is left'\n"
		"said 1 'No space left on device' $L db export $T/out\n"
		"[ -z \"$(find $T/out -type f)\" ] || echo 'half an export is left'\n"
		"said 0 'All is well' $L ask -m $M hi\n"
		"said 0 'runs are not recorded: ' $L ask -m $M hi\n"
		"said 1 'No space left on device' $L runs list\n"
		"rm $T/fill\n"
		"said 0 'All is well' $L ask -m $M hi -c $T/my.conf\n"
		"said 0 'runs are kept in ' $L ask -m $M hi\n"
		"fill\n"
		"said 0 'succeeded' $L runs list\n"
		"rm $T/fill\n"
		"said 0 '' $L db backup $T/copy.db -c $T/my.conf\n"
		"[ -s $T/copy.db ] || echo 'no backup'\n");
	account_end(&a);
}
