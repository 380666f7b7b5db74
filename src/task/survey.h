/* survey.h - all tasks below a scope, while they run
 *
 * The tree alternates: a scope, its tasks, the scopes each of them has open, their tasks.  A walker holds the locks of all that
 * is above the place where he is, so nothing of it can go away; what comes back from waiting, or ends, waits
 * for him.  So this is for rare occasions. */
#ifndef ROTA_TASK_SURVEY_H
#define ROTA_TASK_SURVEY_H

#include "task/task.h"

/* Call see(arg, task) for every task below `root` that has not ended, with its lock held: its wait and its scopes stay what they
 * are.  In a callback of a loop of the run, or in a task.  see() must neither wait nor spawn. */
void rota__survey(struct rota_scope *root, void (*see)(void *arg, struct rota_task *task), void *arg);

/* The program must end: every wait below `root`, the scope of all, answers -ECANCELED from now on, in shields too. */
void rota__end_all(struct rota_scope *root);

#endif
