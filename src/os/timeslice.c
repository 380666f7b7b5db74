/* timeslice.c - how long a thread may run while others wait for its CPU (timeslice.h) */
#include "os/timeslice.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 0, or what it has. */
static uint64_t look(pid_t tid, struct sched_attr *attr)
{
	if (syscall(SYS_sched_getattr, tid, attr, SCHED_ATTR_SIZE_VER0, 0) != 0)
		return 0;
	if (attr->sched_policy != SCHED_NORMAL && attr->sched_policy != SCHED_BATCH)
		return 0;
	return attr->sched_runtime; /* 0 before Linux 6.12 */
}

uint64_t rota__timeslice(pid_t tid)
{
	struct sched_attr attr;

	return look(tid, &attr);
}

uint64_t rota__timeslice_set(pid_t tid, uint64_t slice_ns)
{
	struct sched_attr attr;
	uint64_t before_ns = look(tid, &attr);

	if (before_ns == 0)
		return 0;
	attr.sched_runtime = slice_ns;
	return syscall(SYS_sched_setattr, tid, &attr, 0) == 0 ? before_ns : 0;
}
