/*
 * support/wires.h - the protocols that a fault is played in: one row each.
 *
 * A good answer is the same in all of them: "Hello, wörld", in three pieces and an end.
 * wires_expand() writes a fault's script, in which these stand for the wire's own bytes:
 *
 *	$t	"Content-Type: ..." of an answer in this mode, in quotes
 *	$1 $2 $3 $4	the four parts of the answer: a stream's frames, a document's quarters
 *	$*	all of it
 *	$n	its length in bytes, in decimal
 *	$w $s	the same as a document, as a stream, whatever the mode
 *	$k	what keeps a stream alive and is no content
 *	$e	a failure in the wire's form that says "no", as the body of a reply
 *	$f	the same in an answer: as a frame, or as the document
 *	$m<X>	an answer whose text is the JSON value X: a frame and an end, or a document
 *	$d<X>	an answer that is X: a frame, or the document
 *	$u<X>	an answer with the text "Hello" whose count of written tokens is X
 *
 * In X stand the bytes that are meant, not those of a script's text: no ">", and \1 for NUL.
 */
#ifndef SUPPORT_WIRES_H
#define SUPPORT_WIRES_H

#include <stddef.h>
#include <stdint.h>

#define WIRES_TEXT "Hello, w\xc3\xb6rld"
#define WIRES_HEAD "head 200 $t \"Transfer-Encoding: chunked\"\n"

/* What stands before and behind a value. */
typedef struct wire_around {
	const char *before;
	const char *after;
} wire_around;

/* Of two, the first belongs to whole answers, the second to streams. */
typedef struct wire {
	const char *name; /* the provider's */
	const char *model;
	const char *base; /* behind the upstream's address */
	int events; /* streams are server-sent events, not lines */
	const char *type[2];
	const char *parts[2][4];
	const char *alive;
	const char *error;
	wire_around frame; /* of a stream, around a document */
	wire_around text[2];
	wire_around count[2];
} wire;

#define WIRES 3
extern const wire wires[WIRES];

/* The script, to be freed. What cannot be expanded prints why and ends the process with 99. */
char *wires_expand(const wire *w, uint32_t stream, const char *script);

#endif
