/* calibrate.c - how fast is this CPU just now: nanoseconds for a fixed piece of work, some 10 ms
 *
 * A chain of dependent loads and multiplications within the first-level cache: it slows down when
 * the clock does, when a neighbour shares the core, and when others take the CPU away. */
#include "bench.h"

enum { TABLE = 1024, STEPS = 2000000 };

int main(void)
{
	static uint64_t table[TABLE];
	uint64_t seed = 1, x = 1, start_ns;

	for (int i = 0; i < TABLE; i++)
		table[i] = bench_random(&seed);
	start_ns = bench_now_ns();
	for (int i = 0; i < STEPS; i++)
		x = (x ^ table[x % TABLE]) * UINT64_C(0x9e3779b97f4a7c15) >> 7;
	printf("%lu\n", bench_now_ns() - start_ns);
	return x == 0;
}
