/* timeslice.h - how long a thread may run while others wait for its CPU
 *
 * A thread that wakes up on a CPU where another one computes has to wait until that one's slice is over, some milliseconds: unless
 * its own slice is shorter, then it goes first at once (EEVDF, Linux 6.12, which takes sched_setattr(2)'s sched_runtime as a wish
 * for that; its bounds are 0.1 and 100 ms).  The share of the CPU that each has in the long run stays what it is. */
#ifndef ROTA_OS_TIMESLICE_H
#define ROTA_OS_TIMESLICE_H

#include <stdint.h>
#include <sys/types.h>

enum { TIMESLICE_SHORTEST_NS = 100000, TIMESLICE_LONGEST_NS = 100000000 };

/* That of a thread of this process, or of the calling one (0), in ns.  0: the kernel knows none, or the thread is scheduled in another
 * way (SCHED_FIFO, ...). */
uint64_t rota__timeslice(pid_t tid);

/* Returns what it was before.  0: it stays as it is, because there is none, or the kernel refuses. */
uint64_t rota__timeslice_set(pid_t tid, uint64_t slice_ns);

#endif
