/* spin.c - a lock for a few instructions: when it is taken (spin.h) */
#include "os/spin.h"

#include <pthread.h>
#include <sched.h>

enum { LOOKS = 100 }; /* some ten nanoseconds each */

static bool pays;

static void count_cpus(void)
{
	cpu_set_t cpus;

	pays = sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) > 1;
}

bool rota__spin_pays(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, count_cpus);
	return pays;
}

void rota__spin_pause(unsigned *looks)
{
	if (++*looks > LOOKS)
		sched_yield();
	else
		spin_cpu_pause();
}

void rota__spin_pauses(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		spin_cpu_pause();
}

void rota__spin_wait(uint8_t *lock)
{
	unsigned looks = 0;

	do
		while (load_relaxed(lock) != 0)
			rota__spin_pause(&looks);
	while (swap_acquire(lock, 1) != 0);
}
