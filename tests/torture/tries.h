/* tries.h - how many of the ways to fail are tried
 *
 * A program makes some calls, each of which can fail in some ways: together more than what a run of the suite should take for
 * some programs.  Then every k-th is tried, the same ones each time; all of them with ROTA_TORTURE=all in the environment. */
#ifndef TESTS_TORTURE_TRIES_H
#define TESTS_TORTURE_TRIES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Of one program.  A traced run takes some 8 ms, 30 under AddressSanitizer. */
enum { TRIES_MAX = 80 };

/* Less than was asked for, as a way to fail beside the errors. */
enum { SHORT = -1 };

static inline size_t tries_step(size_t ways)
{
	const char *env = getenv("ROTA_TORTURE");
	bool all = env != NULL && strcmp(env, "all") == 0;

	return all ? 1 : (ways + TRIES_MAX - 1) / TRIES_MAX;
}

/* How many ways to fail each call has, in the order in which they are made. */
struct tries {
	unsigned char *ways;
	size_t calls, room, sum;
};

static inline void tries_add(struct tries *t, unsigned char ways)
{
	if (t->calls == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->ways = realloc(t->ways, t->room);
		if (t->ways == NULL)
			abort();
	}
	t->ways[t->calls++] = ways;
	t->sum += ways;
}

/* The `number`th of all ways: which call, counted from 1, and which of its ways. */
static inline size_t tries_find(const struct tries *t, size_t number, size_t *ret_way)
{
	size_t call = 0;

	while (number >= t->ways[call])
		number -= t->ways[call++];
	*ret_way = number;
	return call + 1;
}

/* Whom a signal interrupts tries again, and who was given less asks for the rest. */
static inline bool tries_harmless(int error)
{
	return error == EINTR || error == SHORT;
}

#endif
