/* child.h - how a process that must not survive died, and what it said on stderr */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/test.h"

struct child {
	int status; /* as of waitpid() */
	char said[16384];
};

static inline void child_run(struct child *child, void (*fn)(void *arg), void *arg)
{
	child->status = test_run_child(fn, arg, child->said, sizeof child->said);
}

static inline bool child_died_of(const struct child *child, int sig)
{
	return WIFSIGNALED(child->status) && WTERMSIG(child->status) == sig;
}

static inline bool child_said(const struct child *child, const char *text)
{
	return strstr(child->said, text) != NULL;
}

#endif
