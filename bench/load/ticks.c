/* ticks.c - load: the time of day through a socket, every millisecond
 *
 *	load_ticks COUNT
 *
 * Waits for a byte on stdout's socket, then writes COUNT times, each when it is due, the time as eight
 * bytes: nanoseconds since 1970, in this machine's order.  Then it ends, and so does the stream. */
#include "bench.h"

#include <errno.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec due;
	char ready;

	if (argc < 2 || read(STDOUT_FILENO, &ready, 1) != 1)
		return 64;
	clock_gettime(CLOCK_REALTIME, &due);
	for (long left = atol(argv[1]); left > 0; left--) {
		uint64_t ns;

		due.tv_nsec += 1000000;
		if (due.tv_nsec >= 1000000000) {
			due.tv_nsec -= 1000000000;
			due.tv_sec++;
		}
		while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &due, NULL) == EINTR)
			;
		ns = bench_clock(CLOCK_REALTIME);
		if (write(STDOUT_FILENO, &ns, sizeof ns) != sizeof ns)
			return 1;
	}
	return 0;
}
