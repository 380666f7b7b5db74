/* measure.h - how busy a loop is, how long what happens has to wait for it, and for which callbacks
 *
 * A loop that is measured notes each turn: how long it was at work since its last look at the system, which is what an
 * event that came meanwhile had to wait at most, and how long it then slept.  No timer is needed, and an idle loop sleeps
 * on.  Being measured costs two looks at the clock a turn; not being measured, two instructions. */
#ifndef ROTA_MEASURE_H
#define ROTA_MEASURE_H

#include <rota/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { ROTA_HISTOGRAM_BUCKETS = 592 };

/* Lengths of time, in buckets no wider than a sixteenth of what they hold, up to 18 minutes; longer ones count as that. */
struct rota_histogram {
	uint64_t count, sum_ns, min_ns, max_ns; /* these are exact; min is 0 while nothing was counted */
	uint64_t buckets[ROTA_HISTOGRAM_BUCKETS];
};

struct rota_loop_usage {
	uint64_t idle_ns;   /* it waited for something to happen */
	uint64_t active_ns; /* it was at work; time between two runs is neither */
	uint64_t turns;
};

/* Begin to measure `loop` (NULL: this thread's), or begin anew; nothing ends it but the loop's end.  0, -ENOMEM, -EPERM. */
ROTA_API int rota_loop_measure(struct rota_loop *loop);

/* What was measured up to now, a sleep that is going on included.  The utilisation of a time is the share of active_ns in what
 * both grew by.  Any thread, while the loop is there.  -ENODATA: it is not measured. */
ROTA_API int rota_loop_usage(const struct rota_loop *loop, struct rota_loop_usage *ret_usage);

/* How long turns were at work: the delays of what waited for them.  Any thread, while the loop is there; a turn that ends
 * meanwhile may be half in it.  -ENODATA: it is not measured. */
ROTA_API int rota_loop_delays(const struct rota_loop *loop, struct rota_histogram *ret_delays);

/* ---- callbacks that take long ----
 *
 * Who finds long delays above asks here whose they are.  Each callback is timed, from the return of the one before it, which costs
 * a look at the clock each; nothing is timed until one of the two calls asks for it.  Not timed are tasks, after which the
 * watchdog looks (rota/run.h). */

struct rota_long_callback {
	uint64_t length_ns;
	uint64_t end_ns;  /* when it returned, by rota_now_ns() */
	const char *kind; /* "conn", "timeout", "tick", "promise" ... */
	/* "chat.c:12": where its handle was opened, its timeout, interval or immediate set, its timer or watcher started, its request or process
	 * asked for, its promise made.  NULL: of posts, ticks and microtasks, which say their function. */
	const char *site;
	/* What was called; of several functions of one handle the last; NULL: nothing of the program's. */
	void (*fn)(void);
};

/* Call on_overrun(loop, callback, arg) right after each callback of `loop` (NULL: this thread's) that took `limit_ns` or longer, before
 * the ticks and microtasks it queued.  What the hook itself takes is not counted.  It may make any call, this one included.
 * NULL: no hook any more.  0; -ENOMEM, -EPERM: nothing has changed. */
ROTA_API int rota_loop_on_overrun(struct rota_loop *loop, uint64_t limit_ns,
	void (*on_overrun)(struct rota_loop *loop, const struct rota_long_callback *callback, void *arg), void *arg);

enum { ROTA_LONGEST_MAX = 64 };

/* Keep the longest callbacks of `loop` (NULL: this thread's), up to `count` from now on; 0: none any more.  What is the same kind, site and function
 * is kept once, with its longest, so that one bad place does not hide the next.  -EINVAL: more than ROTA_LONGEST_MAX;
 * -ENOMEM, -EPERM. */
ROTA_API int rota_loop_keep_longest(struct rota_loop *loop, unsigned count);

/* Those kept up to now, the longest first, into ret[count]: how many.  Any thread, while the loop is there.  -ENODATA: none are kept. */
ROTA_API int rota_loop_longest(const struct rota_loop *loop, struct rota_long_callback *ret, unsigned count);

/* The length that `percent` of all do not exceed (50: the median; 100: the longest), or 0 of none; never too short, at most
 * a sixteenth too long.  Any thread. */
ROTA_API uint64_t rota_histogram_percentile(const struct rota_histogram *histogram, double percent);

#ifdef __cplusplus
}
#endif
#endif
