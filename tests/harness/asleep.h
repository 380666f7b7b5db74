/* asleep.h - another thread of the process sleeps: in a system call that waits, for all who look at it from outside */
#ifndef HARNESS_ASLEEP_H
#define HARNESS_ASLEEP_H

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "harness/test.h"

/* Return once it does. */
static inline void wait_until_asleep(pid_t thread)
{
	char path[64], line[256], *name_end;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
	for (;;) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;

		CHECK(n > 0);
		close(fd);
		line[n] = '\0';
		name_end = strrchr(line, ')'); /* "1234 (name) S ..." */
		CHECK(name_end != NULL);
		if (name_end[2] == 'S')
			return;
		sched_yield();
	}
}

#endif
