/* trace.h - what happened, from the first day
 *
 * Every thread writes events into a ring of its own, without locks; when tracing is off the price is
 * one predictable branch.  ROTA_TRACE=out.json turns it on for any program; the file, written when
 * the program ends, opens in Perfetto and in chrome://tracing: a track for each thread, a slice for
 * each run of a task and each sleep of the loop, instants for the rest.
 *
 * The ring keeps the newest events: a flight recorder, not an archive. */
#ifndef ROTA_TRACE_TRACE_H
#define ROTA_TRACE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

/* X(event, how it is drawn, its name for people).  BEGIN and END make slices and nest; for task events
 * `id` is the task's number and `text` its name, for others `id` is what the name says. */
#define ROTA__EVENTS(X)                                                                            \
	X(TASK_RUN, BEGIN, "run")		/* the task got the thread */                      \
	X(TASK_STOP, END, "run")		/* it waits, yields or has ended */                \
	X(TASK_SPAWN, INSTANT, "spawn")		/* by the running one */                           \
	X(TASK_READY, INSTANT, "ready")		/* what it waited for is there */                  \
	X(TASK_END, INSTANT, "end")                                                                \
	X(TASK_CANCEL, INSTANT, "cancel")	/* its wait is cut short */                        \
	X(TASK_BLOCKS, INSTANT, "blocks")	/* it holds its worker; on the watchdog's track */ \
	/* More about the one before, which the file shows with it: */                             \
	X(BLOCKS_SITE, DETAIL, "site")		/* where it was spawned */                         \
	X(BLOCKS_CALL, DETAIL, "call")		/* the system call it waits in */                  \
	X(BLOCKS_FRAME, DETAIL, "stack")	/* one for each function, innermost first */       \
	X(POLL_BEGIN, BEGIN, "poll")		/* the loop sleeps */                              \
	X(POLL_END, END, "poll")                                                                   \
	X(TIMERS_BEGIN, BEGIN, "timers")                                                           \
	X(TIMERS_END, END, "timers")                                                               \
	X(JOB_RUN, BEGIN, "blocking job")	/* on a thread of the blocking pool */             \
	X(JOB_STOP, END, "blocking job")                                                           \
	X(ACCEPT_PAUSE, INSTANT, "accept paused: no descriptors")

enum rota__event {
#define X(event, how, name) ROTA__EV_##event,
	ROTA__EVENTS(X)
#undef X
	ROTA__EVENT_COUNT
};

extern bool rota__trace_on __attribute__((visibility("hidden")));

/* The slow half of rota__trace(). */
void rota__trace_write(enum rota__event event, uint64_t id, const char *text);

/* Note that it happened, now, on this thread.  `text` must live for ever: see rota__trace_text(). */
static inline void rota__trace(enum rota__event event, uint64_t id, const char *text)
{
	if (__builtin_expect(rota__trace_on, 0))
		rota__trace_write(event, id, text);
}

/* A copy of `text` that lives for ever, the same for equal texts; "?" when there is no memory. */
const char *rota__trace_text(const char *text);

/* What this thread's track is called: "worker 0".  Kept for ever. */
void rota__trace_thread(const char *name);

#endif
