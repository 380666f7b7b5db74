/* team_private.h - between the files of a team */
#ifndef ROTA_TASK_TEAM_PRIVATE_H
#define ROTA_TASK_TEAM_PRIVATE_H

#include "task/team.h"

enum { INJECTED_AT_ONCE = 32 };

/* Written by one thread, read by any. */
static inline void rota__bump(uint64_t *counter, uint64_t more)
{
	store_relaxed(counter, *counter + more);
}

/* There is more work than the caller can do at once, and it is where others look. */
void rota__team_wake_one(struct rota__team *team);

/* The first of the injector's tasks of that class; up to `count` more of them go to the worker's shared ring, which is empty or
 * `count` is 1. */
struct rota_task *rota__team_take_injected(struct rota__worker *worker, enum priority class, uint32_t count);
bool rota__team_something_injected(const struct rota__team *team);

/* The worker is out of service: what others may run they shall run. */
void rota__team_leave_all(struct rota__worker *worker);

#endif
