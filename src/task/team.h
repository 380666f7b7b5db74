/* team.h - workers that run the tasks of one program together
 *
 * Each worker has a loop of its own, and two queues of ready tasks: `own`, for those that must stay (pinned to it, for the
 * duration of a call or for good), and `shared`, from which others may take.  In a group all tasks are pinned; where work
 * is stolen only those are that are inside a call on something that belongs to a loop.
 *
 *	made ready on a worker --> lifo slot --pushed out--> shared ring (256) --full--> injector
 *	made ready elsewhere   --> pinned: a post to its worker; else the injector
 *
 *	a worker takes from: the lifo slot, at most 3 times in a row; own and shared in turn; the injector; the ring of
 *	another worker, half of it.  One time in 61 the injector comes first.
 *
 * Urgent and bulk tasks have own queues and injectors of their class, and nothing else: the first come before all others, at most
 * 16 in a row, the last after all others or after 16 of them.
 *
 * A worker without work searches, and then sleeps in its poller.  Who makes more work than he can do at once wakes one
 * sleeper, unless somebody is searching already.  Nothing is overlooked: who makes work puts it where others look and then
 * asks whether somebody searches; who stops searching says so and then looks once more. */
#ifndef ROTA_TASK_TEAM_H
#define ROTA_TASK_TEAM_H

#include "task/task.h"

enum { SUSPECTS = 16 };

struct rota__team {
	struct rota__worker **workers; /* room for `room` */
	uint32_t size, in_service, room; /* how many there are; the first so many of them work; there can be */
	bool steal;
	bool rescues; /* workers may be taken from threads (task/rescue.h): set before any of them begins */
	unsigned bosses;     /* of the workers, the first: they are dealt nothing */
	uint8_t deal;	     /* enum rota_deal, for listeners that do not say */
	uint32_t next_place; /* see rota__team_place() */
	uint32_t next_boss;
	struct rota_scope root;
	bool no_shields; /* see rota__end_all() */

	/* Called once when the last task of `root` has ended, by whichever worker sees it. */
	void (*on_empty)(struct rota__team *team);

	uint8_t injector_lock;
	uint32_t injected_count[PRIORITIES];
	struct rota__fifo injected[PRIORITIES];

	uint8_t sleep_lock;
	uint32_t sleeper_count, searchers;
	struct rota__worker **sleepers; /* room for `room` */

	/* Whose tasks were rescued lately: see below.  Any thread writes and reads. */
	bool wary;
	uint64_t wary_until_ns;
	struct rota__suspect {
		rota_fn fn;
		uint64_t until_ns;
	} suspects[SUSPECTS];

	uint8_t records_lock;
	struct rota_task *spare_records; /* batches, linked through `prev`; in a batch through `next` */
};

/* What a switch left behind, which is dealt with on the other side of it, when nobody stands on that stack any more. */
enum rota__leave { LEFT_PARKED, LEFT_YIELDED, LEFT_FOR_ANOTHER, LEFT_FOR_CHILD };

/* `size` workers from the beginning, whose places the caller fills; up to `room` in time. */
int rota__team_init(struct rota__team *team, unsigned size, unsigned room, bool steal);
void rota__team_fini(struct rota__team *team);

/* The calling thread runs no worker and is a visitor in the team until rota__team_go(): it may cancel scopes and walk over tasks, as
 * a worker may.  What it makes ready others run. */
struct rota__visitor {
	struct rota__worker worker;
	struct rota_loop loop; /* of nothing: what belongs to a loop belongs to another */
};

void rota__team_visit(struct rota__team *team, struct rota__visitor *visitor);
void rota__team_go(void);

/* ---- how many work ----
 *
 * Workers are numbered in the order in which they were made, and those that are in service are the first ones.  One that is out
 * of service is dealt no connection and takes no task from others; what may move leaves it: ready tasks at once, connections when
 * they wait.  What is pinned to it ends there. */

/* Any thread. */
static inline unsigned rota__team_size(const struct rota__team *team)
{
	return load_acquire(&team->size); /* pairs with rota__team_add(): their places are filled */
}

static inline unsigned rota__team_in_service(const struct rota__team *team)
{
	return load_acquire(&team->in_service); /* pairs with rota__team_set_in_service(): the same */
}

/* One at a time: who makes workers. */
void rota__team_add(struct rota__team *team, struct rota__worker *worker);
void rota__team_set_in_service(struct rota__team *team, unsigned count);
/* Any thread: connections go from who has many to who has few. */
void rota__team_rebalance(struct rota__team *team);

/* The same, if a worker has too many by now: after each move, because those who moved at the same time knew nothing of each
 * other. */
void rota__team_even_out(struct rota__team *team);

/* A better place for a connection of `here`, counted in there; NULL: it has none. */
struct rota__worker *rota__team_better_place(const struct rota__worker *here);

/* Its worker's thread: `task` is ready; it runs next (rota__team_queue) or after those that are ready. */
void rota__team_queue(struct rota__worker *worker, struct rota_task *task);
void rota__team_queue_last(struct rota__worker *worker, struct rota_task *task);

/* Any thread: `task`, which waits for nothing any more and runs nowhere, is ready. */
void rota__team_make_ready(struct rota_task *task);

/* Any thread: `task`, which is ready and in no queue, is `worker`'s. */
void rota__team_send(struct rota__worker *worker, struct rota_task *task);

/* Any thread: the worker is held up by a task.  What others can do in its place they are told to do. */
void rota__team_relieve(struct rota__worker *worker);

/* ---- suspects ----
 *
 * A task that had to be rescued, or one with the same function, is likely to have to be again.  So for a while those are suspects: whoever
 * takes one puts it among the bulk tasks of all, behind everything else that is ready, and when its turn comes notes that, so
 * that the watchdog gives it less time (worker->suspected).  Nobody looks for suspects while there are none: it goes the way of
 * tasks of other classes. */

/* A task of this function was rescued.  Any thread. */
void rota__team_suspect(struct rota__team *team, rota_fn fn);

/* The watchdog's: are there any?  Not for ever. */
bool rota__team_is_wary(struct rota__team *team, uint64_t now_ns);

/* Any thread that runs no worker: a stray of the team is back, and ready. */
void rota__team_take_in(struct rota_task *task);

/* The next task of this worker; NULL: there is none here, nor in the injector. */
struct rota_task *rota__team_take(struct rota__worker *worker);

/* Of its common ones that may not be moved: has the next one yielded? */
bool rota__team_next_has_yielded(const struct rota__worker *worker);

/* Those of them that callbacks have made ready are ready with the others.  How many have overtaken one that yielded. */
uint32_t rota__team_overtake(struct rota__worker *worker);

/* The first of them; NULL: there is none. */
struct rota_task *rota__team_take_own(struct rota__worker *worker);
bool rota__team_has_work(const struct rota__worker *worker);

/* After every switch: deal with whom it left. */
void rota__team_settle(struct rota__worker *worker);

/* The next worker in turn; it is in service, and no boss. */
struct rota__worker *rota__team_next(struct rota__team *team);

/* Hooks of the loop (loop/loop.h). */
bool rota__team_may_sleep(struct rota_loop *loop);
void rota__team_woke(struct rota_loop *loop);

/* The worker that gets the next connection that `here` accepts; with ROTA_DEAL_OWN itself, if it is no boss.  It is counted
 * in its loop->connections, and whoever ends it counts it out. */
struct rota__worker *rota__place(struct rota__worker *here, enum rota_deal deal);

static inline void rota__leave_place(struct rota__worker *worker)
{
	add_relaxed(&worker->loop->connections, -1);
}

/* The worker to which a new listener belongs: the bosses in turn, or `here` where there are none. */
struct rota__worker *rota__team_boss(struct rota__worker *here);

/* Records go where they are needed: a worker that frees more than it takes gives a batch, and so on. */
bool rota__team_take_records(struct rota__worker *worker);
void rota__team_give_records(struct rota__worker *worker);

/* Cancel a wait on its own loop: by a post, which must have run before the wait's stack frame goes.  Called with the
 * task's lock held. */
void rota__team_cancel_there(struct rota__wait *wait, int reason);
/* The task was woken, and no more cancellations will be sent.  True: one is out, and will wake the task once more. */
bool rota__team_post_is_out(struct rota__wait *wait);

#endif
