/* measure.c - a loop's time, divided into work and sleep
 *
 * The loop's thread writes, alone; others read at any time.  So all is relaxed, and a sum is written after its parts. */
#include <rota/measure.h>

#include "base/atomic.h"
#include "loop/loop.h"
#include "os/mem.h"

struct rota__measures {
	uint64_t awake_since_ns;   /* the end of the last wait, or when the loop was entered */
	uint64_t waiting_since_ns; /* 0: it is at work */
	uint64_t idle_ns, active_ns, turns;
	struct rota_histogram delays;
};

/* 16 buckets for each power of two: what is below 16 has a bucket of its own. */
enum { STEPS_SHIFT = 4, STEPS = 1 << STEPS_SHIFT };

static unsigned bucket_of(uint64_t ns)
{
	unsigned top, bucket;

	if (ns < STEPS)
		return (unsigned)ns;
	top = 63 - (unsigned)__builtin_clzll(ns);
	bucket = (top - STEPS_SHIFT + 1) * STEPS + (unsigned)((ns >> (top - STEPS_SHIFT)) & (STEPS - 1));
	return bucket < ROTA_HISTOGRAM_BUCKETS ? bucket : ROTA_HISTOGRAM_BUCKETS - 1;
}

/* The longest that falls into it. */
static uint64_t end_of(unsigned bucket)
{
	unsigned shift;

	if (bucket < STEPS)
		return bucket;
	shift = bucket / STEPS - 1;
	return (((uint64_t)STEPS + bucket % STEPS + 1) << shift) - 1;
}

static void grow(uint64_t *sum, uint64_t by)
{
	store_relaxed(sum, *sum + by);
}

static void count(struct rota_histogram *h, uint64_t ns)
{
	if (h->count == 0 || ns < h->min_ns)
		store_relaxed(&h->min_ns, ns);
	if (ns > h->max_ns)
		store_relaxed(&h->max_ns, ns);
	grow(&h->buckets[bucket_of(ns)], 1);
	grow(&h->sum_ns, ns);
	grow(&h->count, 1);
}

void rota__measure_poll_begins(struct rota_loop *loop)
{
	struct rota__measures *m = loop->measures;
	uint64_t now_ns = rota_now_ns(), worked_ns = now_ns - m->awake_since_ns;

	count(&m->delays, worked_ns);
	grow(&m->turns, 1);
	grow(&m->active_ns, worked_ns);
	store_relaxed(&m->waiting_since_ns, now_ns);
}

void rota__measure_poll_ended(struct rota_loop *loop, bool waited)
{
	struct rota__measures *m = loop->measures;
	uint64_t now_ns = rota_now_ns(), length_ns = now_ns - m->waiting_since_ns;

	store_relaxed(&m->waiting_since_ns, 0);
	grow(waited ? &m->idle_ns : &m->active_ns, length_ns);
	m->awake_since_ns = now_ns;
}

void rota__measure_entered(struct rota_loop *loop)
{
	loop->measures->awake_since_ns = rota_now_ns();
}

void rota__measure_left(struct rota_loop *loop)
{
	grow(&loop->measures->active_ns, rota_now_ns() - loop->measures->awake_since_ns);
}

int rota_loop_measure(struct rota_loop *loop)
{
	ROTA_INSIDE();
	struct rota__measures *m;

	loop = rota__loop_mine(loop);
	if (loop == NULL)
		return -EPERM;
	m = loop->measures;
	if (m != NULL) { /* others may be reading it */
		for (unsigned i = 0; i < ROTA_HISTOGRAM_BUCKETS; i++)
			store_relaxed(&m->delays.buckets[i], 0);
		store_relaxed(&m->delays.count, 0);
		store_relaxed(&m->delays.sum_ns, 0);
		store_relaxed(&m->delays.min_ns, 0);
		store_relaxed(&m->delays.max_ns, 0);
		store_relaxed(&m->idle_ns, 0);
		store_relaxed(&m->active_ns, 0);
		store_relaxed(&m->turns, 0);
		m->awake_since_ns = rota_now_ns();
		return 0;
	}
	m = rota__alloc_zero(sizeof *m);
	if (m == NULL)
		return -ENOMEM;
	m->awake_since_ns = rota_now_ns();
	store_release(&loop->measures, m); /* pairs with the acquires below */
	return 0;
}

int rota_loop_usage(const struct rota_loop *loop, struct rota_loop_usage *ret_usage)
{
	const struct rota__measures *m = load_acquire(&loop->measures);
	uint64_t since_ns, now_ns;

	if (m == NULL)
		return -ENODATA;
	since_ns = load_relaxed(&m->waiting_since_ns);
	now_ns = rota_now_ns();
	*ret_usage = (struct rota_loop_usage){
		.idle_ns = load_relaxed(&m->idle_ns) + (since_ns != 0 && since_ns < now_ns ? now_ns - since_ns : 0),
		.active_ns = load_relaxed(&m->active_ns),
		.turns = load_relaxed(&m->turns),
	};
	return 0;
}

int rota_loop_delays(const struct rota_loop *loop, struct rota_histogram *ret_delays)
{
	const struct rota__measures *m = load_acquire(&loop->measures);

	if (m == NULL)
		return -ENODATA;
	ret_delays->count = load_relaxed(&m->delays.count);
	ret_delays->sum_ns = load_relaxed(&m->delays.sum_ns);
	ret_delays->min_ns = load_relaxed(&m->delays.min_ns);
	ret_delays->max_ns = load_relaxed(&m->delays.max_ns);
	for (unsigned i = 0; i < ROTA_HISTOGRAM_BUCKETS; i++)
		ret_delays->buckets[i] = load_relaxed(&m->delays.buckets[i]);
	return 0;
}

uint64_t rota_histogram_percentile(const struct rota_histogram *histogram, double percent)
{
	uint64_t total = 0, seen = 0;

	for (unsigned i = 0; i < ROTA_HISTOGRAM_BUCKETS; i++)
		total += histogram->buckets[i];
	for (unsigned i = 0; i < ROTA_HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > 0 && (double)seen * 100 >= percent * (double)total)
			return end_of(i) < histogram->max_ns ? end_of(i) : histogram->max_ns;
	}
	return histogram->max_ns;
}
