/*
 * keys.h - the one table of configuration keys.
 *
 * A pattern names a key: "*" stands for a name that the user chooses, "#" for the
 * number of an element. From a row follow the type, the check, the place in struct
 * conf, the name of the variable and the row of docs/configuration.md.
 */
#ifndef LLM_CONF_KEYS_H
#define LLM_CONF_KEYS_H

#include "conf/conf.h"

enum { /* what a key holds, and where it goes */
	KEY_GROUP = 1, /* { } with known members, or a name for each member */
	KEY_LIST, /* ( ) of groups */
	KEY_STRING, /* const char * */
	KEY_BOOL, /* int */
	KEY_INT, /* uint32_t, min..max */
	KEY_COUNT, /* int64_t, at least 1 */
	KEY_DURATION, /* uint64_t, ms */
	KEY_STRINGS, /* const char *const * and, behind it, size_t */
	KEY_CHOICE, /* uint32_t, one of `choices` */
	KEY_SECRET, /* conf_secret */
	KEY_PAIR, /* added to a conf_pair * and, behind it, size_t */
	KEY_SETTING, /* as KEY_PAIR: a key of the plugin's own */
	KEY_TYPES
};

enum { /* whose member it is */
	SCOPE_NONE = 0, /* checked and shown, not kept */
	SCOPE_CONF,
	SCOPE_PROVIDER,
	SCOPE_ENDPOINT,
	SCOPE_MODEL,
	SCOPE_PROFILE,
	SCOPES
};

#define KEY_LATER (1u << 0) /* known, not in this version */
#define KEY_OBJECT (1u << 1) /* each of these groups is one object of its scope */
#define KEY_ZERO (1u << 2) /* a duration that may be 0 */
#define KEY_PEM (1u << 3) /* a secret of several lines */
#define KEY_HEADER (1u << 4) /* the name is that of a header */
#define KEY_PLAIN (1u << 5) /* may hold line ends and tabs */
#define KEY_NEEDED (1u << 6) /* its object is nothing without it */
#define KEY_NUMBERS (1u << 7) /* elements of the list may stand without quotes */

#define KEY_NAME_MAX 63 /* bytes in the name of a provider, profile, ... */
#define KEY_WEIGHT_MAX 1000
#define KEY_MAX_MS UINT64_C(31536000000) /* a year */

typedef struct key_choice {
	const char *name; /* null at the end */
	uint32_t value;
} key_choice;

typedef struct key_def {
	const char *pattern;
	uint32_t type;
	uint32_t scope;
	size_t offset;
	uint32_t flags;
	uint32_t min; /* of an integer; of a duration in ms, where max is not 0 */
	uint32_t max;
	const key_choice *choices;
	int (*ok)(const char *text, size_t len); /* null: any text */
	const char *expected; /* null: what the type says */
	const char *preset; /* the default, as the page says it */
	const char *env; /* a second name of the variable, without LLM_ */
	const char *help;
} key_def;

/* The table, its last row has a null pattern. The first is the root, pattern "". */
extern const key_def key_table[];

/* The row of member `name` of `parent`, or null. */
const key_def *key_child(const key_def *parent, const char *name);
/* The known member of `parent` closest to `name`, or null. */
const char *key_nearest(const key_def *parent, const char *name);
/* What a value of this key must be, for messages. */
const char *key_expected(const key_def *def);
/* "duration", as the page calls the type. */
const char *key_type_name(const key_def *def);
/* The last part of the pattern. */
const char *key_last(const key_def *def);
/* 1 when values of that name are secrets: it ends in key, token, secret or password. */
int key_is_secret(const char *name);
/* [a-z][a-z0-9_-]*, at most KEY_NAME_MAX bytes. */
int key_name_ok(const char *name, size_t len);
/* Lower case, "-" as "_": what a variable's name can tell apart. `dst` has room for it. */
void key_fold(const char *name, size_t len, char *dst);

/* Text for the page, at most cap-1 bytes: "providers.NAME.api_key", "models.N.id". */
void key_page_path(const key_def *def, char *ret, size_t cap);
/* "LLM_PROVIDERS__NAME__API_KEY", or "" for what no variable can give. */
void key_page_env(const key_def *def, char *ret, size_t cap);

/* Checks of single values; 1 when good. */
int key_ok_workspace(const char *text, size_t len);
int key_ok_plugin(const char *text, size_t len);
int key_ok_sha256(const char *text, size_t len);
int key_ok_base_url(const char *text, size_t len);
int key_ok_proxy(const char *text, size_t len);
int key_ok_no_proxy(const char *text, size_t len);
int key_ok_json_object(const char *text, size_t len);
int key_ok_price(const char *text, size_t len);
int key_ok_money(const char *text, size_t len);
int key_ok_size(const char *text, size_t len);
int key_ok_model(const char *text, size_t len);
int key_ok_weight(const char *text, size_t len);
int key_ok_header(const char *text, size_t len);

#endif
