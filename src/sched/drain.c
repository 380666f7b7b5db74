/* drain.c - a run ends: it has a time for that, and who needs longer is named
 *
 *	RUNNING --asked to stop, or the first task has ended: all is cancelled--> DRAINING
 *	DRAINING --the last task ends--> OVER
 *	   \--time is over: who is still there is told, and shields hold no more--> ENDING
 *	ENDING --the last task ends--> OVER
 *	   \--time is over again: those are told who are still there
 *
 * In a team all of this is an errand of the watchdog, for whatever worker one would choose, a task may hold it; a signal that asks
 * the run to stop sends the watchdog at once.
 *
 * Alone, it happens on the loop, for nobody else may touch its tasks.  If its thread is held there is nobody but the thread itself, in a
 * signal handler: so for that case an alarm is set, which says who holds it. */
#include <stdio.h>

#include "sched/model.h"
#include "sched/reports.h"
#include "task/survey.h"

enum { ALARM_LATE_NS = 100000000 }; /* a loop that turns has seen to its timer by then */

struct culprits {
	const struct run *run;
	unsigned count;
	struct rota__note first[ROTA_HELD_UP_TOLD];
	struct rota_task *task[ROTA_HELD_UP_TOLD];
};

/* ---- who it is ---- */

static void note_task(struct rota__note *n, const struct run *run, const struct rota_task *task)
{
	snprintf(n->name, sizeof n->name, "%s", rota_task_name(task));
	snprintf(n->site, sizeof n->site, "%s", task->site != NULL ? task->site : "?");
	n->run = run;
	n->on_held_up = run->options->on_held_up;
	n->drained = true;
	n->drain_ns = run->drain.length_ns;
	n->held_up = (struct rota_held_up){ .task_id = task->id, .fd = -1, .last = run->drain.ended };
}

/* With the locks above the task: it cannot go away. */
static void note(void *arg, struct rota_task *task)
{
	struct culprits *all = arg;
	const struct rota__wait *wait = task->wait;
	struct rota__note *n;

	if ((wait != NULL && wait->what == rota__tasks_of_a_scope) || load_relaxed(&task->state) == TASK_BENEATH)
		return;
	if (all->count++ >= ROTA_HELD_UP_TOLD)
		return;
	n = &all->first[all->count - 1];
	note_task(n, all->run, task);
	n->held_up.worker = load_relaxed(&task->worker)->number;
	n->held_up.waits_for = wait == NULL ? NULL : wait->what != NULL ? wait->what : "something";
	n->held_up.fd = wait != NULL && wait->fd > 0 ? wait->fd : -1;
	all->task[all->count - 1] = task;
}

static void tell(struct culprits *all)
{
	bool team = all->run->drain.team != NULL;

	for (unsigned i = 0; i < all->count && i < ROTA_HELD_UP_TOLD; i++) {
		struct rota__note *n = &all->first[i];

		n->held_up.number = i + 1;
		n->held_up.count = all->count;
		if (team && n->held_up.waits_for == NULL)
			rota__watchdog_look_at(all->task[i], n);
		if (team)
			rota__reports_put(n);
		else
			rota__report_held_up(n);
	}
}

/* ---- the time ---- */

/* True for the first time: there is a second one. */
static bool time_is_over(struct run *run)
{
	struct rota__drain *drain = &run->drain;
	struct culprits all = { .run = run };
	bool first = !drain->ended;

	rota__survey(drain->root, note, &all);
	tell(&all);
	if (first)
		rota__end_all(drain->root);
	drain->ended = true;
	return first;
}

/* In a team, on the watchdog's thread. */
static void attend(struct rota__errand *errand)
{
	struct rota__drain *drain = container_of(errand, struct rota__drain, errand);
	struct run *run = container_of(drain, struct run, drain);
	struct rota__visitor visitor;
	uint64_t until_ns;

	rota__team_visit(drain->team, &visitor);
	if (swap_acq_rel(&drain->signalled, 0) != 0) /* pairs with signalled() */
		rota__drain_begin(run);
	until_ns = load_seq(&drain->until_ns);
	if (until_ns <= rota_now_ns()) {
		until_ns = time_is_over(run) ? rota_deadline(drain->length_ns) : ROTA_FOREVER;
		store_seq(&drain->until_ns, until_ns);
	}
	rota__errand_set(errand, until_ns);
	rota__team_go();
}

/* Alone, on the loop. */
static void timer_fired(struct rota__timer *timer)
{
	struct rota__drain *drain = container_of(timer, struct rota__drain, timer);
	bool again = time_is_over(container_of(drain, struct run, drain));

	rota__alarm_set(&drain->alarm, again ? drain->length_ns + ALARM_LATE_NS : ROTA_FOREVER);
	if (again)
		timers_arm(&drain->loop->timers, timer, rota_deadline(drain->length_ns));
}

/* In a signal handler on the thread of a lone worker, whose timer is late.  A hook of the program is not called from here. */
static void still_held(struct rota__alarm *alarm, struct rota__peek *at)
{
	struct rota__drain *drain = container_of(alarm, struct rota__drain, alarm);
	struct run *run = container_of(drain, struct run, drain);
	const struct rota__worker *worker = drain->loop->tasks;
	const struct rota_task *task = worker->current;
	struct rota__note n = { .run = NULL };
	uintptr_t pcs[NOTE_FRAMES];

	if (drain->rings++ == 0)
		rota__alarm_set(alarm, drain->length_ns);
	if (task == NULL || task->stack == NULL)
		return; /* in a callback */
	note_task(&n, run, task);
	n.on_held_up = NULL;
	n.held_up.number = n.held_up.count = 1;
	n.held_up.last = drain->rings > 1;
	rota__peek_stack(at, task->stack->top);
	n.held_up.frame_count = rota__peek_frames(at, pcs, NOTE_FRAMES);
	for (unsigned i = 0; i < n.held_up.frame_count; i++)
		n.frames[i] = (void *)pcs[i];
	rota__report_held_up(&n);
}

static void ask_for_time(struct rota__drain *drain)
{
	uint64_t until_ns;

	if (drain->length_ns == ROTA_FOREVER || swap_acq_rel(&drain->asked, 1) != 0)
		return;
	until_ns = rota_deadline(drain->length_ns);
	if (drain->team != NULL) {
		store_seq(&drain->until_ns, until_ns);
		rota__errand_set(&drain->errand, until_ns);
	} else {
		timers_arm(&drain->loop->timers, &drain->timer, until_ns);
		rota__alarm_set(&drain->alarm, drain->length_ns + ALARM_LATE_NS);
	}
}

/* ---- being asked ---- */

/* In the handler of the first signal.  A second one has its default effect. */
static void signalled(struct rota__signal_watch *watch)
{
	struct rota__drain *drain = &container_of(watch, struct run, stop_signals)->drain;

	if (drain->team != NULL) {
		store_release(&drain->signalled, 1); /* pairs with attend() */
		rota__errand_set(&drain->errand, ROTA_NOW);
	} else if (load_relaxed(&drain->asked) == 0) {
		rota__alarm_set(&drain->alarm, drain->length_ns + ALARM_LATE_NS);
	}
}

/* The same, alone, when the loop comes to see it. */
static void signal_seen(struct rota__signal_watch *watch, int signo)
{
	(void)signo;
	rota__drain_begin(container_of(watch, struct run, stop_signals));
}

int rota__drain_init(struct run *run, struct rota_loop *loop, struct rota_scope *root, struct rota__team *team)
{
	static const int stop_signals[] = { SIGINT, SIGTERM };
	struct rota__drain *drain = &run->drain;
	int rc = 0;

	drain->loop = loop;
	drain->root = root;
	drain->team = team;
	drain->until_ns = ROTA_FOREVER;
	drain->errand.fn = attend;
	drain->timer.fn = timer_fired;
	drain->alarm.fn = still_held;
	if (team != NULL)
		rc = rota__watchdog_hire(&drain->errand);
	else if (drain->length_ns != ROTA_FOREVER && rota__peek_init() == 0)
		rota__alarm_init(&drain->alarm); /* else who holds the thread remains unknown */
	if (rc < 0 || run->options->keep_signals)
		return rc;
	rc = rota__signal_watch_start_once(
		&run->stop_signals, team == NULL ? loop : NULL, signal_seen, signalled, stop_signals, 2);
	if (rc < 0)
		rota__drain_fini(run);
	return rc;
}

void rota__drain_fini(struct run *run)
{
	struct rota__drain *drain = &run->drain;

	if (!run->options->keep_signals)
		rota__signal_watch_stop(&run->stop_signals);
	if (drain->team != NULL) {
		rota__watchdog_dismiss(&drain->errand);
	} else {
		timers_cancel(&drain->loop->timers, &drain->timer);
		rota__alarm_fini(&drain->alarm);
	}
	store_relaxed(&drain->asked, 1); /* what is left of the run sets no timer */
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
