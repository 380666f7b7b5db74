/* select.h - what a select must know about a thing that can be waited for
 *
 * There are two kinds.  Objects with a guard, in which a waker finds the waiter that a select has queued (waiter.h): they can
 * be looked at and waited for in one step, with all their guards held.  And things that happen by themselves, and then tell:
 * time, the end of a task, a descriptor. */
#ifndef ROTA_SYNC_SELECT_H
#define ROTA_SYNC_SELECT_H

#include <rota/select.h>

#include "poll/op.h"
#include "sync/waiter.h"
#include "task/join.h"

struct rota__select;

/* One branch of a select that waits. */
struct rota__arm {
	struct rota__select *select;
	struct rota_branch *branch;
	const struct rota__selectable *how; /* NULL: time, or one that never comes */
	bool armed; /* it is queued, or has begun, and is to be taken back */
	bool ready_to_begin; /* prepare() has succeeded, and is to be undone by release() */
	union {
		struct { /* with a guard */
			struct rota__waiter waiter;
			enum rota__entry entry;
		};
		struct rota__joiner joiner;
		struct { /* a descriptor: select_fd.c */
			struct rota__op op;
			struct rota__wait by_close; /* of a stream: its reader or writer */
			uint32_t stream_state;
			bool done, awaited;
		};
	};
};

struct rota__selectable {
	/* ---- those with a guard ---- */

	/* NULL: it is the first field of the object. */
	struct rota__guard *(*guard)(const struct rota_branch *b);
	/* NULL: guard_enter() and guard_leave(). */
	enum rota__entry (*enter)(void *object);
	void (*leave)(void *object, enum rota__entry entry);
	/* Entered: do it, if that needs no wait; else -EAGAIN.  Those whose wait this ends are put on the list. */
	int (*attempt)(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes);
	/* Entered, and it must wait: in this queue.  Sets what the object wants in the waiter beside the task. */
	struct rota__waiters *(*queue)(const struct rota_branch *b, struct rota__waiter *w);
	/* It was chosen with result 0: what is still to be done, outside of the guard.  -EAGAIN: it was too late, and nothing
	 * happened.  NULL: nothing. */
	int (*finish)(struct rota_branch *b);

	/* ---- the others; attempt is NULL ---- */

	/* Is it so?  The result, or -EAGAIN. */
	int (*look)(struct rota_branch *b);
	/* What must be done before it begins, and undone when all is over; for that the task may go to another worker.
	 * -EAGAIN, or the result at once.  NULL: nothing. */
	int (*prepare)(struct rota__arm *arm);
	void (*release)(struct rota__arm *arm);
	/* From now on it ends the select when it is so.  False: it has, now: there will be no wake-up, and nothing has begun. */
	bool (*begin)(struct rota__arm *arm);
	/* It may not any more.  Where that takes a while, end() waits for it; NULL: nobody looks at the arm afterwards. */
	void (*quit)(struct rota__arm *arm);
	void (*end)(struct rota__arm *arm);
	bool on_loop; /* between begin() and end() the task must stay on its loop */
};

/* A select that waits; on its task's stack. */
struct rota__select {
	struct rota__wait wait;
	uint32_t claim;		  /* 0 until somebody has ended it; from then on nobody else may */
	struct rota__joining joining; /* for the arms that are ends of tasks */
	struct rota__arm *winner; /* of the second kind; those with a guard show in their waiter */
	int result;		  /* the winner's; without one, the reason of a cancellation, or 0 */
	struct rota__timer timer;
	uint64_t due_ns;	   /* when it is due */
	struct rota__arm *on_time; /* whose time the timer is set to; NULL: the deadline */
	size_t count;
	struct rota__arm *arms;
};

/* End it with this arm, NULL: with none.  False: it has been ended.  True: the caller wakes its task. */
static inline bool select_end(struct rota__select *s, struct rota__arm *winner, int result)
{
	uint32_t nobody = 0;

	if (!cas_acq_rel(&s->claim, &nobody, 1)) /* as waiter_claim() */
		return false;
	s->winner = winner;
	s->result = result;
	return true;
}

extern const struct rota__selectable rota__select_recv, rota__select_send, rota__select_oneshot, rota__select_broadcast,
	rota__select_watch, rota__select_get, rota__select_put, rota__select_event, rota__select_notify,
	rota__select_acquire, rota__select_lock, rota__select_rwlock, rota__select_wait_group, rota__select_join,
	rota__select_fd, rota__select_stream;

/* By enum rota__branch_kind; NULL: time, which is the select's own. */
extern const struct rota__selectable *const rota__selectables[ROTA__BRANCH_KINDS];

#endif
