/* fence.h - a memory fence that somebody else pays for
 *
 * Where one side of a protocol is hot and the other rare, the hot side can do without a fence: the rare
 * side makes every thread of the process pass one (membarrier(2), Linux 4.14). */
#ifndef ROTA_OS_FENCE_H
#define ROTA_OS_FENCE_H

#include <stdbool.h>

/* Afterwards every thread has passed a full fence since the call began.  Costs some microseconds, and every CPU that runs
 * one of our threads an interrupt.  False: the kernel cannot, or is not allowed to. */
bool rota__fence_all_threads(void);

#endif
