/* clock.c - the time that deadlines are on */
#include <time.h>

#include <rota/base.h>

uint64_t rota_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* the vDSO's: no system call, cannot fail */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
