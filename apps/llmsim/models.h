/*
 * models.h - which models there are and what each can do.
 */
#ifndef LLMSIM_MODELS_H
#define LLMSIM_MODELS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	CAN_COMPLETION = 1,
	CAN_TOOLS = 2,
	CAN_THINKING = 4,
	CAN_VISION = 8,
	CAN_EMBEDDING = 16,
	CAN_ALL = CAN_COMPLETION | CAN_TOOLS | CAN_THINKING | CAN_VISION,
};

struct model {
	char *name; /* with its tag */
	unsigned can;
	/* Said to think on the command line: then it does so unless told not to. */
	bool thinks;
};

struct faults;

struct models {
	struct faults *faults; /* besides them those of faults.h */
	struct model *list;
	size_t count;
};

/* Takes --models apart. Returns 0, or 2 after a message. */
int models_read(const char *text, struct models *ret);
void models_done(struct models *m);

/* By name with its tag, or without where the tag is "latest"; null: none. */
const struct model *models_find(const struct models *m, const char *name);

/* The name of one capability bit; "" beyond the last. */
const char *model_capability(unsigned bit);

#endif
