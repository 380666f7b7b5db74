/* join.h - a place among those who wait for a task's end
 *
 * It lies on the waiting task's stack, in the list of the task it waits for.  One lock guards all these lists: it is taken
 * for tasks with handles only, and makes circles easy to see. */
#ifndef ROTA_TASK_JOIN_H
#define ROTA_TASK_JOIN_H

#include "task/task.h"

/* A wait that has places, as those see it who look for circles; beside the places, on the waiting task's stack. */
struct rota__joining {
	const uint32_t *over; /* not 0: it has ended, and holds up nobody; any thread may write it */
	uint32_t ways;	      /* so many things can end it, each alone; 0: it needs all */
	uint32_t shut;	      /* of these, how many lead back: of the search that is at it, else 0 */
};

struct rota__joiner {
	struct rota__joiner *prev, *next; /* in target->joiners */
	struct rota_task *target;	  /* NULL: it is in no list */
	struct rota_task *task;		  /* whose place it is */
	struct rota__joining *joining;
	/* The target has ended, and the place is in its list no more.  True: `task` is to be woken for that.  Called in the
	 * lock, and so decides and notes, no more. */
	bool (*ended)(struct rota__joiner *joiner, int result);
};

/* Take a place, whose `task` (the running one), `joining` and `ended` are set: 0; 1 and *ret_result if the target has ended;
 * -EDEADLK if it can end only after `task`; -EPERM: it is of another run. */
int rota__joiner_add(struct rota__joiner *joiner, struct rota_task *target, int *ret_result);

/* Leave it, if it is still taken.  Nobody looks at it afterwards. */
void rota__joiner_remove(struct rota__joiner *joiner);

/* In the child: whatever the parent's other threads did, its own runs begin anew. */
void rota__joins_after_fork(void);

#endif
