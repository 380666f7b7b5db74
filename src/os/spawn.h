/* spawn.h - another program in a process of its own
 *
 * The child is made as vfork(2) makes it: it borrows our memory and we stand still until it runs the new
 * program, so that starting one costs the same from a process of 10 MB and of 100 GB.  fork(2) would copy
 * page tables and make every thread fault its pages back in; posix_spawn(3), which does as we do, knows no
 * user, no group and no death signal.
 *
 * Between the two programs the child may only make system calls, past libc, whose functions lock, cache,
 * and (sanitizers) keep books that are the parent's.  What fails there comes back through a pipe that
 * the new program's start closes: so a file that does not exist is the call's own error.  The pipe, and
 * not the borrowed memory, because emulators (qemu-user, valgrind) give the child a copy. */
#ifndef ROTA_OS_SPAWN_H
#define ROTA_OS_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct rota__spawn {
	const char *file; /* with a '/': that file, seen from `folder`; else sought in the PATH of `env` */
	char *const *argv;
	char *const *env;
	const char *folder; /* to run in; NULL: ours */
	const int *fds;	    /* the child's descriptor i is our fds[i]; -1: it has none.  It has no others */
	int fd_count;
	uint32_t uid, gid;
	bool set_uid, set_gid;
	bool session;	  /* a session and group of its own, without a terminal */
	int death_signal; /* sent to it when the calling thread ends; 0: none */
};

/* Start it: signals unblocked and with their default effect.  0 once it runs the new program; a negative errno of
 * whatever failed on the way, and then there is no child.  The child is to be waited for as *ret_pid. */
int rota__spawn(const struct rota__spawn *what, pid_t *ret_pid);

#endif
