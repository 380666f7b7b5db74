/* turn.c - one turn of the loop: the order in which things happen, and nothing else
 *
 *   pending -> idle -> prepare -> poll -> posts -> pending -> tasks -> check -> closing -> timers -> tasks
 *
 * It is libuv's circle, which programs rely on, with two stations for tasks: what I/O made ready runs
 * before check, what timers made ready runs before the next poll.  Microtasks run after every
 * callback, so a wake-up is seen before the next callback. */
#include "loop/loop.h"
#include "os/spin.h"
#include "trace/trace.h"

/* Callbacks put off during the poll often complete at once and put off others; they get another look
 * before check, but two that answer each other must not hold the loop: libuv's bound. */
enum { PENDING_ROUNDS = 8 };

enum {
	JOBS_SPIN_NS = 10000, /* as long as a thread of the pool looks for jobs (work/work.c) */
	JOBS_PAUSES = 64,     /* about a microsecond: some ten short jobs come back meanwhile */
};

static void run_queued(struct rota_loop *loop, struct rota__fifo *queue)
{
	struct rota__fifo due = *queue;
	struct rota__node *node;

	queue->head = NULL;
	while ((node = fifo_pop(&due)) != NULL) {
		node->fn(node);
		rota__loop_after_callback(loop, (struct rota__origin){ .kind = "deferred" });
	}
}

/* Run what was queued when we came in; what it queues waits for the next round. */
static inline void run_nodes(struct rota_loop *loop, struct rota__fifo *queue)
{
	if (!fifo_empty(queue))
		run_queued(loop, queue);
}

/* Each watcher goes to the back before its callback, which may therefore stop any watcher, itself
 * included.  The marker stands where the list ended, so that new ones wait for the next turn. */
static void run_started(struct rota_loop *loop, enum rota_phase phase)
{
	struct rota_watcher *head = &loop->phase[phase], *w;
	struct rota_watcher marker = { .next = head, .prev = head->prev };
	void (*fn)(struct rota_watcher *watcher);
	const char *site;

	head->prev->next = &marker;
	head->prev = &marker;
	while ((w = head->next) != &marker) {
		rota__loop_check(loop, w);
		w->prev->next = w->next;
		w->next->prev = w->prev;
		w->prev = head->prev;
		w->next = head;
		head->prev->next = w;
		head->prev = w;
		fn = w->fn;
		site = w->site;
		fn(w);
		rota__loop_after_callback(loop, (struct rota__origin){ rota__watcher_kinds[phase], site, (void (*)(void))fn });
	}
	head->next = marker.next;
	marker.next->prev = head;
}

static inline void run_watchers(struct rota_loop *loop, enum rota_phase phase)
{
	if (loop->phase[phase].next != &loop->phase[phase])
		run_started(loop, phase);
}

static void run_completions(struct rota_loop *loop)
{
	struct rota__node *node;

	/* Ops completed by callbacks of this very loop join the end and run too: they cannot be
	 * submitted and completed without a wait in between, so this ends. */
	while ((node = fifo_pop(&loop->poller->completed)) != NULL) {
		struct rota__op *op = container_of(node, struct rota__op, node);

		if (!(op->flags & OP_MORE))
			loop->alive--;
		op->done(op);
		rota__loop_after_callback(loop, (struct rota__origin){ .kind = "operation" });
	}
}

static void run_posts(struct rota_loop *loop)
{
	struct rota__node *node = mpsc_take_all(&loop->posts), *next;

	for (; node != NULL; node = next) {
		void (*fn)(struct rota__node *) = node->fn;

		next = node->next;
		fn(node);
		rota__loop_after_callback(loop, (struct rota__origin){ .kind = "post", .fn = (void (*)(void))fn });
	}
}

void rota__loop_run_timers(struct rota_loop *loop)
{
	struct rota__timer *timer;

	rota__timers_phase_begin(&loop->timers);
	while ((timer = rota__timers_pop_due(&loop->timers, loop->now_ns)) != NULL) {
		timer->fn(timer);
		rota__loop_after_callback(loop, (struct rota__origin){ .kind = "timer" });
	}
	rota__timers_phase_end(&loop->timers);
}

static bool run_tasks(struct rota_loop *loop)
{
	if (!loop->tasks_ready)
		return true;
	if (!loop->run_tasks(loop))
		return false;
	if (__builtin_expect(loop->timed, 0))
		rota__overrun_begin(loop);
	return true;
}

/* Short jobs come back from the pool before we would be asleep: look for a while, as long as that has paid.  The more are on their
 * way, the more is there at a look that comes later, and the less it is in the way of the thread that posts them. */
static bool job_comes_back(struct rota_loop *loop, uint64_t deadline_ns)
{
	unsigned pauses = loop->offloaded < JOBS_PAUSES ? loop->offloaded : JOBS_PAUSES;
	uint64_t end_ns;

	if (pauses == 0 || !loop->posts_are_soon || !rota__spin_pays())
		return false;
	end_ns = rota_deadline(JOBS_SPIN_NS);
	if (end_ns > deadline_ns)
		end_ns = deadline_ns;
	do {
		if (!mpsc_empty(&loop->posts))
			return true;
		rota__spin_pauses(pauses);
	} while (rota_now_ns() < end_ns);
	loop->posts_are_soon = false;
	return false;
}

/* Sleep in the poller, having told other threads that we do: the post that comes then wakes us. */
static void poll_asleep(struct rota_loop *loop, uint64_t deadline_ns)
{
	uint64_t before = loop->now_ns;

	if (job_comes_back(loop, deadline_ns) || !mpsc_sleep(&loop->posts))
		deadline_ns = ROTA_NOW;
	loop->poller->engine->wait(loop->poller, deadline_ns);
	mpsc_awake(&loop->posts);
	loop->now_ns = rota_now_ns();
	if (!mpsc_empty(&loop->posts))
		loop->posts_are_soon = loop->now_ns - before < 2 * JOBS_SPIN_NS; /* to be woken takes half of that */
	/* 1/8 of the newest: follows a change of load within some ten waits. */
	loop->wait_avg_ns += ((loop->now_ns - before) >> 3) - (loop->wait_avg_ns >> 3);
}

/* A wake-up costs tens of microseconds on a sleeping CPU, so when waits have been short it pays to
 * look again for a while.  True if something came. */
static bool poll_spinning(struct rota_loop *loop, uint64_t deadline_ns)
{
	uint64_t start = rota_now_ns(), end = rota_deadline(loop->spin_ns);

	if (loop->wait_avg_ns / 2 > loop->spin_ns)
		return false;
	do {
		if (loop->poller->engine->wait(loop->poller, ROTA_NOW) > 0 ||
			!mpsc_empty(&loop->posts)) {
			loop->now_ns = rota_now_ns();
			loop->wait_avg_ns += ((loop->now_ns - start) >> 3) - (loop->wait_avg_ns >> 3);
			return true;
		}
		loop->now_ns = rota_now_ns();
	} while (loop->now_ns < end && loop->now_ns < deadline_ns);
	return loop->now_ns >= deadline_ns;
}

/* The last watcher may have stopped in this very turn, and then no sleep would end.  While there are tasks it is
 * the worker who knows whether the loop goes on, and a signal or a post may be what it waits for. */
static bool nothing_to_wait_for(const struct rota_loop *loop)
{
	return (loop->tasks == NULL || loop->emptying) && loop->alive == 0;
}

/* True if it waited for something to happen. */
static bool poll(struct rota_loop *loop, uint64_t deadline_ns)
{
	uint64_t next;

	if (rota__laters_hurry(loop))
		return false;
	next = rota__timers_next_ns(&loop->timers);
	if (deadline_ns > next)
		deadline_ns = next;
	if (deadline_ns <= loop->now_ns || rota__loop_busy(loop) || nothing_to_wait_for(loop) ||
		(loop->may_sleep != NULL && !loop->may_sleep(loop))) {
		loop->poller->engine->wait(loop->poller, ROTA_NOW);
		loop->now_ns = rota_now_ns();
		return false;
	}
	rota__trace(ROTA__EV_POLL_BEGIN, 0, NULL);
	if (loop->spin_ns == 0 || !poll_spinning(loop, deadline_ns))
		poll_asleep(loop, deadline_ns);
	if (loop->woke != NULL)
		loop->woke(loop);
	rota__trace(ROTA__EV_POLL_END, 0, NULL);
	return true;
}

bool rota__loop_busy(const struct rota_loop *loop)
{
	return loop->stop || loop->tasks_ready || !fifo_empty(&loop->pending) || !fifo_empty(&loop->closing) ||
		loop->idle_active > 0 || loop->laters.immediates_ref > 0 || !mpsc_empty(&loop->posts) ||
		!fifo_empty(&loop->poller->completed);
}

void rota__loop_turn(struct rota_loop *loop, uint64_t deadline_ns)
{
	bool waited, slice_used_up;

	rota__loop_look(loop);
	run_nodes(loop, &loop->pending);
	run_watchers(loop, ROTA_IDLE);
	run_watchers(loop, ROTA_PREPARE);
	rota__loop_look(loop);
	if (__builtin_expect(loop->measures != NULL, 0))
		rota__measure_poll_begins(loop);
	waited = poll(loop, deadline_ns);
	if (__builtin_expect(loop->measures != NULL, 0))
		rota__measure_poll_ended(loop, waited);
	if (__builtin_expect(loop->timed, 0))
		rota__overrun_begin(loop);
	rota__loop_look(loop);
	run_completions(loop);
	run_posts(loop);
	for (int i = 0; i < PENDING_ROUNDS && !fifo_empty(&loop->pending); i++)
		run_nodes(loop, &loop->pending);
	if (!run_tasks(loop))
		return;
	slice_used_up = loop->tasks_ready;
	run_watchers(loop, ROTA_CHECK);
	rota__loop_run_immediates(loop);
	run_nodes(loop, &loop->closing);
	if (loop->laters.unpolled == 0 || rota__timers_next_ns(&loop->timers) != ROTA_FOREVER) {
		loop->now_ns = rota_now_ns();
		rota__loop_look(loop);
		rota__loop_run_timers(loop);
	}
	if (!slice_used_up) /* else I/O, which is looked at next, has waited for one slice already */
		run_tasks(loop);
}
