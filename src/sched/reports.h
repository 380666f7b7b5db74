/* reports.h - what is to be told of tasks is told by a thread of its own
 *
 * A hook of the program may take long, and stderr may be a pipe that nobody empties.  Neither may keep the watchdog from its
 * work, nor a run from its end.  So what is to be told is noted, with copies of all texts, and told by the reporter, a
 * thread that is made for it and ends when nothing is left to tell:
 *
 *	watchdog: notes ---> [ at most 64 notes ] ---> reporter: calls the hook, or writes
 *
 * What finds no place, and what stderr does not take within a moment, is dropped and counted; the next line that gets through
 * says how many that were. */
#ifndef ROTA_SCHED_REPORTS_H
#define ROTA_SCHED_REPORTS_H

#include <rota/run.h>

enum { NOTE_FRAMES = 24 };

/* Of one task.  The pointers of `blocked` and `held_up` to texts and frames are set when it is told. */
struct rota__note {
	const void *run; /* whose it is, see rota__reports_end() */
	void (*on_blocked)(const struct rota_blocked *blocked);
	void (*on_held_up)(const struct rota_held_up *task);
	bool drained; /* `held_up` is told, not `blocked` */
	uint64_t drain_ns;
	char name[64], site[96];
	void *frames[NOTE_FRAMES];
	struct rota_blocked blocked;
	struct rota_held_up held_up;
};

/* Tell it soon.  Copies it; any thread; does not wait. */
void rota__reports_put(const struct rota__note *note);

/* Tell it here and now, without waiting for stderr.  For what has no thread to spare. */
void rota__report_held_up(struct rota__note *note);

/* The run is over: its hooks are not called any more.  What is noted is told for a moment longer, and those tasks that held up its end
 * whatever time it takes.  Waits for a hook that is being called. */
void rota__reports_end(const void *run);

/* The child of a fork has no reporter. */
void rota__reports_forget(void);

#endif
