/* spin.h - a lock for a few instructions
 *
 * For what is nearly never contended and never held over a wait or a call of foreign code.  Whoever finds it taken looks again for
 * a microsecond and then lets other threads of the machine run: the holder may have lost its CPU. */
#ifndef ROTA_OS_SPIN_H
#define ROTA_OS_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

/* Wait until *lock is 0 and set it. */
void rota__spin_wait(uint8_t *lock);

static inline void spin_lock(uint8_t *lock)
{
	if (__builtin_expect(swap_acquire(lock, 1) != 0, 0))
		rota__spin_wait(lock);
}

static inline void spin_unlock(uint8_t *lock)
{
	store_release(lock, 0); /* pairs with the acquire of the next holder */
}

/* Between two looks at what another thread is about to change: some ten nanoseconds. */
static inline void spin_cpu_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* There are CPUs for more than one thread: what a thread waits for may happen while it looks. */
bool rota__spin_pays(void);

/* One look of a loop that waits for another thread; `looks` counts them, from 0. */
void rota__spin_pause(unsigned *looks);

/* Look away for `count` such pauses: a place that is looked at all the time is slow to write. */
void rota__spin_pauses(unsigned count);

#endif
