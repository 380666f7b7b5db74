/* select.h - wait for whichever of several things comes first */
#ifndef ROTA_SELECT_H
#define ROTA_SELECT_H

#include <rota/sync.h>
#include <rota/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- calls, in the order in which they end ---- */

struct rota__completion;

/* asyncio's as_completed: run all calls at the same time, and see their results as they come.
 *
 *	struct rota_as_completed each;
 *
 *	rc = rota_as_completed_open(&each, calls, count);
 *	while (rc == 0 && (i = rota_as_completed_next(&each, &result)) >= 0)
 *		...calls[i] has ended with result
 *	rota_as_completed_close(&each);
 */
struct rota_as_completed { /* yours to place, not to move; the fields are private */
	struct rota_scope scope;
	struct rota__guard guard;
	struct rota__waiters waiters;
	struct rota__completion *members, *first, *last;
	size_t count, told;
};

/* Begin: each call runs as a task in a scope, which this task must close, as a scope must be joined, before the function
 * returns.  `calls` is kept until then.  An error of one does not cancel the others.  -ENOMEM, -EPERM: nothing was begun, and
 * to close it does no harm. */
#define rota_as_completed_open(each, calls, count) rota_as_completed_open_at((each), (calls), (count), ROTA_HERE)
ROTA_API int rota_as_completed_open_at(
	struct rota_as_completed *each, const struct rota_call *calls, size_t count, const char *site);
/* Wait for the next to end: its index, and *ret_result (may be NULL) what it answered (or why it could not be spawned).
 * ROTA_EOF: all have been told.  -ECANCELED, -ETIMEDOUT: a scope around it was cancelled. */
ROTA_API int rota_as_completed_next(struct rota_as_completed *each, int *ret_result);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_as_completed_next_until(struct rota_as_completed *each, int *ret_result, uint64_t deadline_ns);
/* Cancel those that still run, wait for them, and give the memory back. */
ROTA_API void rota_as_completed_close(struct rota_as_completed *each);

#ifdef __cplusplus
}
#endif
#endif
