/* fence.c - a memory fence in all threads (fence.h) */
#include "os/fence.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool call(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) == 0;
}

bool rota__fence_all_threads(void)
{
	/* Registered at the first need; again does no harm, after a fork it must be. */
	return call(MEMBARRIER_CMD_PRIVATE_EXPEDITED) ||
	       (call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
		       call(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
}
