/*
 * inner.h - what the files of this layer share while a configuration is read.
 */
#ifndef LLM_CONF_INNER_H
#define LLM_CONF_INNER_H

#include <stdatomic.h>

#include "conf/table.h"

/* The environment as it was. The bytes may hold secrets and are wiped at the end. */
typedef struct env_copy {
	char *bytes; /* "NAME=VALUE" with their NULs, one behind the other */
	size_t len;
	int hidden; /* only what a file refers to is looked up */
} env_copy;

typedef struct held_secret {
	struct held_secret *next;
	char *bytes;
	size_t len;
} held_secret;

typedef struct conf_all {
	conf pub; /* first: the public pointer is also this one */
	atomic_int refs;
	env_copy env;
	held_secret *held; /* to be wiped */
} conf_all;

typedef struct loader {
	conf_all *all;
	conf *c; /* &all->pub */
	arena *mem; /* &all->pub.mem */
	table t;
	redact *secrets;
	llm_err *err;
} loader;

/* file.c: all of a regular file of at most `max` bytes; give it to mem_wipe with max + 1. */
typedef struct file_facts {
	uint32_t mode;
	const char *problem; /* why it could not be read; static text */
	int refused; /* the problem will not mend itself: CONFIG */
} file_facts;
int32_t file_read(const char *path, size_t max, const llm_allocator *mem, file_facts *ret_facts,
	char **ret, size_t *ret_len);

/* parse.c: the text of one file into the table. */
int32_t parse_text(loader *l, const char *text, size_t len, const char *file);

/* env.c */
int32_t env_take_copy(conf_all *all, const char *const *vars);
void env_drop_copy(conf_all *all);
/* The value, inside the copy, or null. */
char *env_find(const env_copy *env, const char *name, size_t len);
int32_t env_read(loader *l);

/* path.c: a key path in parts, as variables and overrides name it. */
#define PATH_PARTS 8
typedef struct key_path {
	const char *part[PATH_PARTS];
	size_t n;
} key_path;
/* 1 when a name can stand in a message: ASCII without control characters. */
int path_is_plain(const char *text, size_t len);
/* Cuts `text` in place; 0 parts when there are too many or one is empty. */
void path_split(char *text, const char *between, key_path *ret);
/* The row of a path, or null. A row of a later version also stands for all below it. */
const key_def *path_def(const key_path *path);
/* Makes the groups on the way and sets the value; the names may be folded ones. */
int32_t path_set(loader *l, const key_path *path, const written *w);
int32_t path_overrides(loader *l, const char *const *overrides);

/* secret.c: the secret that `text` is or refers to. */
int32_t secret_read(loader *l, const entry *e, conf_secret *ret);
void secret_wipe_all(conf_all *all);

/* build.c: the table into struct conf. */
int32_t build_conf(loader *l);
/* check.c: what only the whole can tell. */
int32_t check_conf(loader *l);
/* dump.c: items, sorted. */
int32_t dump_items(loader *l);

/* conf.c */
int32_t conf_warn(loader *l, const char *text);
/* conf.c: as conf_load; `secure` 1: the process is set-uid, its environment a stranger's. */
int32_t conf_load_as(const llm_service_opts *opts, const conf_env *env, const llm_allocator *mem,
	redact *secrets, int secure, conf **ret, llm_err *err);

#endif
