/* clash_protected.c - a function with a frame of any size, compiled with -fstack-clash-protection
 * where the compiler knows that */
#include <stdbool.h>
#include <stddef.h>

extern const bool clash_protection;
unsigned clash_protected(size_t bytes);

#if defined(CLASH_PROTECTION)
const bool clash_protection = true;
#else
const bool clash_protection = false;
#endif

unsigned clash_protected(size_t bytes)
{
	volatile char frame[bytes];

	frame[0] = 1; /* the far end: without probes this lands in somebody else's stack */
	return (unsigned)frame[0];
}
