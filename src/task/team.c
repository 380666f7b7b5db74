/* team.c - what the workers of one program have in common (team.h); where ready tasks are: team_queue.c; who sleeps:
 * team_idle.c; who is dealt what: team_place.c */
#include "task/team.h"

#include <errno.h>

#include "os/mem.h"

enum { RECORD_BATCH = 256 };

int rota__team_init(struct rota__team *team, unsigned size, unsigned room, bool steal)
{
	*team = (struct rota__team){ .size = size, .in_service = size, .room = room, .steal = steal };
	team->workers = rota__alloc_zero(2 * room * sizeof(struct rota__worker *));
	if (team->workers == NULL)
		return -ENOMEM;
	team->sleepers = team->workers + room;
	return 0;
}

void rota__team_fini(struct rota__team *team)
{
	rota__free(team->workers);
}

/* ---- records ---- */

bool rota__team_take_records(struct rota__worker *w)
{
	struct rota__team *team = w->team;
	struct rota_task *batch;

	if (load_relaxed(&team->spare_records) == NULL)
		return false;
	spin_lock(&team->records_lock);
	batch = team->spare_records;
	if (batch != NULL)
		store_relaxed(&team->spare_records, batch->prev);
	spin_unlock(&team->records_lock);
	if (batch == NULL)
		return false;
	w->free_records = batch;
	w->free_record_count = RECORD_BATCH;
	return true;
}

void rota__team_give_records(struct rota__worker *w)
{
	struct rota__team *team = w->team;
	struct rota_task *batch, *last;

	if (w->free_record_count < 2 * RECORD_BATCH)
		return;
	batch = last = w->free_records;
	for (int i = 1; i < RECORD_BATCH; i++)
		last = last->next;
	w->free_records = last->next;
	w->free_record_count -= RECORD_BATCH;
	last->next = NULL;
	spin_lock(&team->records_lock);
	batch->prev = team->spare_records;
	store_relaxed(&team->spare_records, batch);
	spin_unlock(&team->records_lock);
}

/* ---- cancelling a wait on its own loop ----
 *
 *	NONE --sent--> SENT --ran--> RAN            the task goes on as soon as it is woken
 *	                 \--the task was woken first--> AWAITED --ran, and wakes it--> RAN
 */
enum { POST_NONE, POST_SENT, POST_RAN, POST_AWAITED };

static void cancel_here(struct rota_post *post)
{
	struct rota__wait *wait = container_of(post, struct rota__wait, post);
	struct rota_task *task = wait->task;
	void (*cancel)(struct rota__wait *, int) = wait->cancel;

	wait->cancel = NULL;
	if (cancel != NULL)
		cancel(wait, wait->reason);
	if (swap_acq_rel(&wait->posted, POST_RAN) == POST_AWAITED) /* pairs with rota__park() */
		rota__wake(task);
}

void rota__team_cancel_there(struct rota__wait *wait, int reason)
{
	if (load_relaxed(&wait->posted) != POST_NONE) /* it may be running */
		return;
	wait->reason = reason;
	store_relaxed(&wait->posted, POST_SENT);
	wait->post.fn = cancel_here;
	rota_post(wait->loop, &wait->post);
}

bool rota__team_post_is_out(struct rota__wait *wait)
{
	return load_relaxed(&wait->posted) != POST_NONE && swap_acq_rel(&wait->posted, POST_AWAITED) == POST_SENT;
}

/* ---- visitors ---- */

void rota__team_visit(struct rota__team *team, struct rota__visitor *visitor)
{
	visitor->worker = (struct rota__worker){ .team = team, .root = &team->root, .loop = &visitor->loop };
	visitor->loop.tasks = &visitor->worker;
	rota__worker_here = &visitor->worker;
}

void rota__team_go(void)
{
	rota__worker_here = NULL;
}
