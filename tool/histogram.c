/* histogram.c - how long things took: log-linear, so every value is kept to within 1 % */
#include <math.h>

#include "histogram.h"

enum { SUB = 1 << HISTOGRAM_SUB_BITS };

/* Slots 0..2*SUB-1 are the values themselves; then each power of two has SUB slots. */
unsigned histogram_slot(uint64_t value)
{
	unsigned shift;

	if (value >= UINT64_C(1) << HISTOGRAM_TOP_BITS)
		return HISTOGRAM_SLOTS - 1;
	if (value < 2 * SUB)
		return (unsigned)value;
	shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	return (shift << HISTOGRAM_SUB_BITS) + (unsigned)(value >> shift);
}

uint64_t histogram_slot_top(unsigned slot)
{
	unsigned shift;

	if (slot < 2 * SUB)
		return slot;
	shift = (slot >> HISTOGRAM_SUB_BITS) - 1;
	return (((uint64_t)(slot & (SUB - 1)) + SUB + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	if (h->count++ == 0 || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->sum += value;
	h->sum_of_squares += (double)value * (double)value;
	h->slot[histogram_slot(value)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0 || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	into->sum_of_squares += from->sum_of_squares;
	for (unsigned i = 0; i < HISTOGRAM_SLOTS; i++)
		into->slot[i] += from->slot[i];
}

uint64_t histogram_percentile(const struct histogram *h, double part)
{
	uint64_t wanted = (uint64_t)ceil(part * (double)h->count), seen = 0;

	if (wanted == 0)
		wanted = 1;
	for (unsigned i = 0; i < HISTOGRAM_SLOTS; i++) {
		seen += h->slot[i];
		if (seen >= wanted) {
			uint64_t top = histogram_slot_top(i);

			return top < h->max && i < HISTOGRAM_SLOTS - 1 ? top : h->max;
		}
	}
	return h->max;
}

double histogram_mean(const struct histogram *h)
{
	return h->count > 0 ? (double)h->sum / (double)h->count : 0;
}

double histogram_deviation(const struct histogram *h)
{
	double mean = histogram_mean(h), variance;

	if (h->count == 0)
		return 0;
	variance = h->sum_of_squares / (double)h->count - mean * mean;
	return variance > 0 ? sqrt(variance) : 0;
}
