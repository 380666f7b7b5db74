/* histogram.h - how long things took: log-linear, so every value is kept to within 1 %
 *
 * Values below 256 have a slot each; above, every power of two is cut into 128 equal slots, so a
 * slot is never wider than 1/128 of its values.  Up to 2^42 ns, more than an hour; longer ones
 * count as that. */
#ifndef ROTA_TOOL_HISTOGRAM_H
#define ROTA_TOOL_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_SUB_BITS = 7,
	HISTOGRAM_TOP_BITS = 42,
	HISTOGRAM_SLOTS = (HISTOGRAM_TOP_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS,
};

struct histogram {                /* zero it */
	uint64_t count, max, min; /* min holds only when count > 0 */
	uint64_t sum;             /* of nanoseconds: enough for 584 years of them */
	double sum_of_squares;
	uint64_t slot[HISTOGRAM_SLOTS];
};

void histogram_add(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The smallest value that `part` (0..1) of all values do not exceed, up to the slot's width, never
 * more than the largest.  0 when there are none. */
uint64_t histogram_percentile(const struct histogram *h, double part);

double histogram_mean(const struct histogram *h);
double histogram_deviation(const struct histogram *h);

/* The slot of a value, and the largest value that falls into a slot. */
unsigned histogram_slot(uint64_t value);
uint64_t histogram_slot_top(unsigned slot);

#endif
