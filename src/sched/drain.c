/* drain.c - a run ends: it has a time for that, and who needs longer is named
 *
 *	RUNNING --asked to stop, or the first task has ended: all is cancelled--> DRAINING
 *	DRAINING --the last task ends--> OVER
 *	   \--time is over: who is still there is told, and shields hold no more--> ENDING
 *	ENDING --the last task ends--> OVER
 *	   \--time is over again: those are told who are still there
 *
 * The time is a timer of the first worker's loop, armed by a post, because any worker may be the one that is asked. */
#include <stdio.h>

#include "coro/report.h"
#include "sched/model.h"
#include "task/survey.h"

/* What is told of a task is copied while it cannot go away. */
struct culprit {
	char name[64], site[96];
	struct rota_held_up told;
};

struct culprits {
	unsigned count;
	struct culprit first[ROTA_HELD_UP_TOLD];
};

/* ---- who it is ---- */

static void note(void *arg, struct rota_task *task)
{
	struct culprits *all = arg;
	const struct rota__wait *wait = task->wait;
	struct culprit *c;

	if ((wait != NULL && wait->what == rota__tasks_of_a_scope) || load_relaxed(&task->state) == TASK_BENEATH)
		return;
	if (all->count++ >= ROTA_HELD_UP_TOLD)
		return;
	c = &all->first[all->count - 1];
	snprintf(c->name, sizeof c->name, "%s", rota_task_name(task));
	snprintf(c->site, sizeof c->site, "%s", task->site != NULL ? task->site : "?");
	c->told = (struct rota_held_up){
		.task_id = task->id,
		.worker = load_relaxed(&task->worker)->number,
		.waits_for = wait == NULL ? NULL : wait->what != NULL ? wait->what : "something",
		.fd = wait != NULL && wait->fd > 0 ? wait->fd : -1,
	};
}

static void print_summary(const struct culprits *all, const struct rota__drain *drain)
{
	struct rota__report line = { .n = 0 };

	rota__report_add(&line, "rota: the run ");
	rota__report_add(&line, drain->ended ? "cannot end: " : "has not ended in ");
	if (!drain->ended) {
		rota__report_number(&line, drain->length_ns / 1000000, 10);
		rota__report_add(&line, " ms, and is ended now: ");
	}
	rota__report_number(&line, all->count, 10);
	rota__report_add(&line, all->count == 1 ? " task holds it up\n" : " tasks hold it up\n");
	rota__report_write(&line);
}

static void print(const struct rota_held_up *task)
{
	struct rota__report line = { .n = 0 };

	rota__report_add(&line, "rota:   task \"");
	rota__report_add(&line, task->task_name);
	rota__report_add(&line, "\" (number ");
	rota__report_number(&line, task->task_id, 10);
	rota__report_add(&line, ", spawned at ");
	rota__report_add(&line, task->site);
	rota__report_add(&line, ") on worker ");
	rota__report_number(&line, task->worker, 10);
	rota__report_add(&line, task->waits_for != NULL ? " waits for " : " does not wait");
	rota__report_add(&line, task->waits_for != NULL ? task->waits_for : "");
	if (task->fd >= 0) {
		rota__report_add(&line, " (descriptor ");
		rota__report_number(&line, (uintptr_t)task->fd, 10);
		rota__report_add(&line, ")");
	}
	rota__report_add(&line, "\n");
	rota__report_write(&line);
}

static void tell(const struct run *run, struct culprits *all)
{
	void (*on_held_up)(const struct rota_held_up *task) = run->options->on_held_up;

	if (on_held_up == NULL) {
		print_summary(all, &run->drain);
		on_held_up = print;
	}
	for (unsigned i = 0; i < all->count && i < ROTA_HELD_UP_TOLD; i++) {
		struct culprit *c = &all->first[i];

		c->told.task_name = c->name;
		c->told.site = c->site;
		c->told.number = i + 1;
		c->told.count = all->count;
		c->told.last = run->drain.ended;
		on_held_up(&c->told);
	}
}

/* ---- the time ---- */

static void time_is_over(struct rota__timer *timer)
{
	struct rota__drain *drain = container_of(timer, struct rota__drain, timer);
	struct run *run = container_of(drain, struct run, drain);
	struct culprits all = { .count = 0 };

	rota__survey(drain->root, note, &all);
	if (all.count > 0)
		tell(run, &all);
	if (drain->ended)
		return;
	drain->ended = true;
	timers_arm(&drain->loop->timers, timer, rota_deadline(drain->length_ns));
	rota__end_all(drain->root);
}

static void start_time(struct rota_post *post)
{
	struct rota__drain *drain = container_of(post, struct rota__drain, post);

	if (drain->over)
		return;
	drain->timer.fn = time_is_over;
	timers_arm(&drain->loop->timers, &drain->timer, rota_deadline(drain->length_ns));
}

static void ask_for_time(struct rota__drain *drain)
{
	if (drain->length_ns == ROTA_FOREVER || swap_acq_rel(&drain->asked, 1) != 0)
		return;
	drain->post.fn = start_time;
	rota_post(drain->loop, &drain->post);
}

void rota__drain_begin(struct run *run)
{
	ROTA_INSIDE();

	rota__scope_cancel(run->drain.root, -ECANCELED, 0);
	ask_for_time(&run->drain);
}

void rota__drain_first_task_ended(struct run *run)
{
	ROTA_INSIDE();
	struct rota_scope *root = run->drain.root;
	bool alone;

	rota__scope_cancel(root, -ECANCELED, 0);
	rota__lock(&root->lock);
	alone = root->live <= 1;
	rota__unlock(&root->lock);
	if (!alone)
		ask_for_time(&run->drain);
}

int rota_stop(void)
{
	ROTA_INSIDE();
	const struct rota__worker *here = rota__here();

	if (here == NULL)
		return -EPERM;
	rota__drain_begin(here->run);
	return 0;
}

bool rota_stopping(void)
{
	ROTA_INSIDE();
	const struct rota__worker *here = rota__here();

	return here != NULL && load_relaxed(&here->root->cancel) != 0;
}
