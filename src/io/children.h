/* children.h - what is left to do for processes by hand */
#ifndef ROTA_IO_CHILDREN_H
#define ROTA_IO_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

struct rota_loop;
struct rota_process;

/* ---- systems without pidfds ---- */

/* Tests set it: no pidfds, as before Linux 5.3. */
extern bool rota__process_no_pidfd;

/* Look at this one (rota__process_look()) in this turn and whenever a SIGCHLD comes, until a leave().  The loop's
 * thread.  -ENOMEM. */
int rota__children_add(struct rota_process *process);

/* One that was added, and whose `child` link was removed, needs no more looks. */
void rota__children_leave(struct rota_loop *loop);

/* ---- detached ones whose handle is gone ---- */

struct rota__orphan {
	struct rota__orphan *next;
	pid_t pid;
};

/* Reap it when it has ended, some time; takes the record.  Any thread. */
void rota__orphan_add(struct rota__orphan *orphan);

/* Reap those that have ended. */
void rota__orphans_look(void);

#endif
