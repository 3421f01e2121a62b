/*
 * faults.h - what can be made to go wrong, chosen by the name of the model that is
 * asked for: "fault-" and what, a number where it takes one, and how often. Each name
 * counts for itself; a tag makes another name of it.
 *
 * (struct fault of ask.h is another thing: what is wrong with a request.)
 */
#ifndef LLMSIM_FAULTS_H
#define LLMSIM_FAULTS_H

#include "http.h"
#include "models.h"
#include "reply.h"
#include "special.h"

struct conn;
struct log;

enum {
	ON_OLLAMA = 1,
	ON_OPENAI = 2,
	ON_GEMINI = 4,
	ON_STREAM = 8,
	ON_WHOLE = 16, /* embeddings are always this */
	ON_WORDS = 32, /* not embeddings: it lies in what the model says */
	ON_EVERY = ON_OLLAMA | ON_OPENAI | ON_GEMINI,
	ON_BOTH = ON_STREAM | ON_WHOLE,
	ON_ALL = ON_EVERY | ON_BOTH,
};

/* What stands between the name and how often. */
enum fault_value { VALUE_NONE, VALUE_MAYBE, VALUE_COUNT, VALUE_TIME };

enum fault_what {
	FAULT_STATUS, /* an error instead of an answer */
	FAULT_REFUSE,
	FAULT_BREAK, /* after some bytes or tokens */
	FAULT_WAIT, /* for the head, or for the first token */
	FAULT_ALIVE,
	FAULT_DRIP,
	FAULT_MALFORMED,
	FAULT_NO_END,
	FAULT_NO_DONE,
	FAULT_ERROR, /* in an answer that began well */
	FAULT_ANSWER, /* the simulated model itself says otherwise: `special` */
	FAULT_EMPTY_BODY,
	FAULT_NO_CHOICES,
	FAULT_HTML,
	FAULT_WRONG_TYPE,
	FAULT_HEAD, /* too much of it */
	FAULT_BIG_FRAME,
	FAULT_ENDLESS,
};

/* Where a FAULT_BREAK is: a value counts from there. */
enum fault_place { AT_START, IN_HEAD, AT_BYTE, AT_TOKEN };

struct fault_kind {
	const char *name;
	const char *says; /* for people */
	enum fault_value value;
	enum fault_what what;
	unsigned where; /* ON_... */
	int status; /* FAULT_STATUS */
	const char *header; /* one line of the head without its end; "%s": the value, or a date */
	enum fault_place place;
	enum reply_after after; /* FAULT_BREAK */
	struct special special; /* FAULT_ANSWER */
};

enum fault_when { WHEN_ALWAYS, WHEN_FIRST, WHEN_FLAPPING };

/* A name taken apart. */
struct fault_spec {
	const struct fault_kind *kind;
	uint64_t value; /* a time is in nanoseconds */
	enum fault_when when;
	uint64_t many; /* requests; 0: `span_ns` counts */
	uint64_t span_ns;
};

/* A model that has a fault, made when it is first asked for. */
struct fault_model {
	struct model model;
	struct fault_spec spec;
	uint64_t asked; /* requests that would have been answered */
	uint64_t first_ns; /* the first of them; 0: none yet */
	struct fault_model *next;
};

struct faults {
	struct fault_model *list;
	size_t count;
	struct fault_model *found; /* of the request at hand */
	struct fault_model *forced; /* whatever the model: by the command line or a script */
	bool fixed; /* the request at hand has its fault whatever the model */
	bool strikes; /* it is to fail */
	struct special special; /* what the model says in place of an answer */
	char unknown[64]; /* the request at hand asked for a fault that is none */
};

/* ---- faults.c: the table ---- */

extern const struct fault_kind fault_kinds[];
extern const size_t fault_kind_count;
/* For --faults. */
void faults_print(void);

/* ---- faults_read.c: names ---- */

/* "fault-..." or what follows it, with or without a tag. */
bool faults_read(const char *name, struct fault_spec *ret);
/* The one that was meant, with N for a number and T for a time. */
void faults_nearest(struct bytes *b, const char *name);
bool faults_is_name(const char *name);

/* The model of that name, null if it is no fault's; one too many is none either. */
const struct model *faults_model(struct faults *f, const char *name);
/* One of the caller's own, to be given to faults_drop(). */
struct fault_model *faults_new(const struct fault_spec *spec, const char *name);
void faults_drop(struct fault_model *m); /* null is fine */
void faults_reset(struct faults *f);
void faults_free(struct faults *f);

/* ---- faults_ask.c ---- */

/* Answers like route(), unless a fault is asked for. `own`: that of the script; or null. */
void faults_route(
	struct conn *c, struct fault_model *own, const struct http_request *rq, struct reply *r);
/* The request at hand asks for this one; null: for none. Counts nothing. */
void faults_prepare(struct faults *f, struct fault_model *m);
/* Is it its turn? */
bool faults_due(const struct fault_model *m, uint64_t now);
/* What the model is to say otherwise in the request at hand; null: nothing. */
const struct special *faults_special(const struct faults *f);
/* How many MiB its one frame is to have; 0: as usual. */
uint64_t faults_big_frame(const struct faults *f);

/* ---- faults_say.c: the words of each wire ---- */

enum fault_wire {
	WIRE_NONE = 0,
	WIRE_OLLAMA = ON_OLLAMA,
	WIRE_OPENAI = ON_OPENAI,
	WIRE_GEMINI = ON_GEMINI
};

/* A request in which something goes wrong. */
struct fault_scene {
	enum fault_wire wire;
	bool array; /* Gemini's stream is an array's elements */
	bool embeds;
	const struct fault_spec *spec;
	struct reply *r;
};

/* faults_play.c: turns the good answer of the scene into one that is not. */
void faults_play(const struct fault_scene *sc);

/* The whole answer is an error of this status; of llmsim's own words if `text` is not null. */
void faults_error(const struct fault_scene *sc, int status, const char *text);
/* The error that ends an answer with status 200: as a frame, or as the document. */
void faults_frame(const struct fault_scene *sc, struct bytes *b);
/* A frame that is cut in the middle. */
void faults_malformed(const struct fault_scene *sc, struct bytes *b);
/* A 200 in which there is no answer. */
void faults_no_choices(const struct fault_scene *sc, struct bytes *b);
/* What keeps a connection alive and means nothing. */
void faults_alive(const struct fault_scene *sc, struct bytes *b);

#endif
