/* spin.c - a lock for a few instructions: when it is taken (spin.h) */
#include "os/spin.h"

#include <sched.h>

enum { LOOKS = 100 }; /* some ten nanoseconds each */

void rota__spin_pause(unsigned *looks)
{
	if (++*looks > LOOKS) {
		sched_yield();
		return;
	}
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb");
#endif
}

void rota__spin_wait(uint8_t *lock)
{
	unsigned looks = 0;

	do
		while (load_relaxed(lock) != 0)
			rota__spin_pause(&looks);
	while (swap_acquire(lock, 1) != 0);
}
