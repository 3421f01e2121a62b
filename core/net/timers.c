#include "timers.h"

static int is_before(const loop_timer *a, const loop_timer *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

/* Joins two heaps; the earlier root stays on top. */
static loop_timer *meld(loop_timer *a, loop_timer *b)
{
	loop_timer *top = a, *low = b;

	if (!a)
		return b;
	if (!b)
		return a;
	if (is_before(b, a)) {
		top = b;
		low = a;
	}
	low->prev = top;
	low->sibling = top->child;
	if (top->child)
		top->child->prev = low;
	top->child = low;
	top->sibling = top->prev = NULL;
	return top;
}

/* Two passes over a row of siblings: pair them up, then fold the pairs from the back. */
static loop_timer *meld_row(loop_timer *row)
{
	loop_timer *pairs = NULL, *root = NULL;

	while (row) {
		loop_timer *a = row, *b = row->sibling;

		row = b ? b->sibling : NULL;
		a->sibling = a->prev = NULL;
		if (b)
			b->sibling = b->prev = NULL;
		a = meld(a, b);
		a->sibling = pairs;
		pairs = a;
	}
	while (pairs) {
		loop_timer *next = pairs->sibling;

		pairs->sibling = NULL;
		root = meld(root, pairs);
		pairs = next;
	}
	return root;
}

void timers_add(loop_timer **root, loop_timer *t)
{
	t->child = t->sibling = t->prev = NULL;
	t->armed = 1;
	*root = meld(*root, t);
}

void timers_remove(loop_timer **root, loop_timer *t)
{
	loop_timer *rest = meld_row(t->child);

	if (*root == t) {
		*root = rest;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->sibling;
		else
			t->prev->sibling = t->sibling;
		if (t->sibling)
			t->sibling->prev = t->prev;
		*root = meld(*root, rest);
	}
	t->child = t->sibling = t->prev = NULL;
	t->armed = 0;
}
