/* cpus.c - how many CPUs we may use */
#include <sched.h>
#include <stdio.h>

#include "sched/model.h"

/* cgroup v2: "max 100000" or "150000 100000", the time we may have in each period. */
static unsigned quota(void)
{
	FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
	unsigned long long most, period;
	unsigned cpus = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu %llu", &most, &period) == 2 && period > 0)
		cpus = (unsigned)((most + period - 1) / period);
	fclose(f);
	return cpus;
}

unsigned rota__cpu_count(void)
{
	unsigned allowed = quota(), cpus = 1;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		cpus = (unsigned)CPU_COUNT(&set);
	return allowed > 0 && allowed < cpus ? allowed : cpus;
}
