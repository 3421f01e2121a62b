/*
 * members.h - what becomes of each member of the bodies in tests/fixtures; for
 * provider_members.c.
 */
#ifndef TESTS_MEMBERS_H
#define TESTS_MEMBERS_H

enum how {
	MAPPED = 1, /* `what` it becomes */
	READ, /* `what` it decides; in these exchanges other members say the same */
	REFUSED, /* of a request: the library refuses to ask so; `what` it says */
	IGNORED /* `what`: why */
};

typedef struct member {
	const char *path; /* [] for any element; ** for all that begins so */
	enum how how;
	const char *what;
} member;

#endif
