/* loop.c - phases and their order, timers, posts, run modes, the alive rule */
#include <poll.h>
#include <pthread.h>
#include <rota.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/test.h"
#include "loop/loop.h"

static char seen[64];

static void reset(void)
{
	seen[0] = '\0';
}

static void note(const char *text)
{
	strcat(seen, text);
}

static struct rota_loop *loop_new(void)
{
	struct rota_loop *loop;

	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	return loop;
}

TEST(an_empty_loop_runs_out_at_once)
{
	struct rota_loop *loop = loop_new();

	CHECK(!rota_loop_alive(loop));
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_ONCE), 0);
	CHECK_EQ(rota_loop_run(loop, (enum rota_run_mode)7), -EINVAL);
	CHECK_EQ(rota_loop_free(loop), 0);
}

static void on_idle(struct rota_watcher *w)
{
	note("i");
	rota_watcher_stop(w);
}

static void on_prepare(struct rota_watcher *w)
{
	note("p");
	rota_watcher_stop(w);
}

static void on_check(struct rota_watcher *w)
{
	note("c");
	rota_watcher_stop(w);
}

static void on_timer(struct rota_timer *timer)
{
	note("t");
}

static void on_post(struct rota_post *post)
{
	note("x");
}

TEST(phases_come_in_the_order_of_the_manual)
{
	struct rota_loop *loop = loop_new();
	struct rota_watcher check = { .fn = on_check }, prepare = { .fn = on_prepare }, idle = { .fn = on_idle };
	struct rota_timer timer = { .fn = on_timer };
	struct rota_post post = { .fn = on_post };

	reset();
	rota_watcher_start(loop, &check, ROTA_CHECK);
	rota_watcher_start(loop, &prepare, ROTA_PREPARE);
	rota_watcher_start(loop, &idle, ROTA_IDLE);
	rota_timer_start(loop, &timer, ROTA_NOW);
	rota_post(loop, &post);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 0);
	CHECK_STR(seen, "ipxct");
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(a_loop_whose_last_watcher_stops_before_the_poll_does_not_sleep)
{
	struct rota_loop *loop = loop_new();
	struct rota_watcher prepare = { .fn = on_prepare }, idle = { .fn = on_idle };

	reset();
	rota_watcher_start(loop, &idle, ROTA_IDLE);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	rota_watcher_start(loop, &prepare, ROTA_PREPARE);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_STR(seen, "ip");
	CHECK_EQ(rota_loop_free(loop), 0);
}

static void start_all(struct rota_loop *loop, struct rota_watcher *check, struct rota_timer *timer, struct rota_post *post)
{
	reset();
	rota_watcher_start(loop, check, ROTA_CHECK);
	rota_watcher_start(loop, check, ROTA_CHECK); /* twice is once */
	rota_timer_start(loop, timer, ROTA_NOW);
	rota_post(loop, post); /* keeps the turn from sleeping */
}

TEST(a_default_run_fires_due_timers_before_its_first_turn)
{
	struct rota_loop *loop = loop_new();
	struct rota_watcher check = { .fn = on_check };
	struct rota_timer timer = { .fn = on_timer };
	struct rota_post post = { .fn = on_post };

	start_all(loop, &check, &timer, &post);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 0);
	CHECK_STR(seen, "xct");
	start_all(loop, &check, &timer, &post);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_STR(seen, "txc");
	CHECK_EQ(rota_loop_free(loop), 0);
}

static struct rota_loop *the_loop;

static void microtask(void *arg)
{
	note("m");
}

static void tick_from_microtask(void *arg)
{
	note("T");
}

static void microtask_queues_tick(void *arg)
{
	note("M");
	rota_next_tick(the_loop, tick_from_microtask, NULL);
	rota_queue_microtask(the_loop, microtask, NULL);
}

static void tick(void *arg)
{
	note("k");
}

static void first_timer(struct rota_timer *timer)
{
	note("1");
	rota_queue_microtask(the_loop, microtask_queues_tick, NULL);
	rota_next_tick(the_loop, tick, NULL);
}

static void second_timer(struct rota_timer *timer)
{
	note("2");
}

TEST(ticks_then_microtasks_run_between_two_callbacks_of_a_phase)
{
	struct rota_timer a = { .fn = first_timer }, b = { .fn = second_timer };

	the_loop = loop_new();
	reset();
	rota_timer_start(the_loop, &a, 1);
	rota_timer_start(the_loop, &b, 1);
	CHECK_EQ(rota_loop_run(the_loop, ROTA_RUN_DEFAULT), 0);
	CHECK_STR(seen, "1kMmT2"); /* a tick queued by a microtask runs after all microtasks */
	CHECK_EQ(rota_loop_free(the_loop), 0);
}

TEST(equal_deadlines_fire_in_arming_order_and_a_restart_moves_back)
{
	struct rota_loop *loop = loop_new();
	struct rota_timer a = { .fn = first_timer }, b = { .fn = second_timer };
	uint64_t when = rota_deadline(ROTA_MILLISECONDS(1));

	the_loop = loop;
	reset();
	rota_timer_start(loop, &a, when);
	rota_timer_start(loop, &b, when);
	rota_timer_start(loop, &a, when);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK(rota_now_ns() >= when);
	CHECK_STR(seen, "21kMmT");
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(a_stopped_timer_does_not_fire_and_keeps_nothing_alive)
{
	struct rota_loop *loop = loop_new();
	struct rota_timer timer = { .fn = on_timer };

	reset();
	rota_timer_start(loop, &timer, rota_deadline(ROTA_SECONDS(1000)));
	CHECK(rota_loop_alive(loop));
	CHECK_EQ(rota_loop_free(loop), -EBUSY);
	rota_timer_stop(&timer);
	rota_timer_stop(&timer);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_STR(seen, "");
	CHECK_EQ(rota_loop_free(loop), 0);
}

static struct rota_timer *sibling;

static void stop_sibling(struct rota_timer *timer)
{
	note("s");
	rota_timer_stop(sibling);
}

TEST(a_timer_may_stop_another_that_is_due_in_the_same_batch)
{
	struct rota_loop *loop = loop_new();
	struct rota_timer a = { .fn = stop_sibling }, b = { .fn = on_timer };

	reset();
	sibling = &b;
	rota_timer_start(loop, &a, 1);
	rota_timer_start(loop, &b, 1);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_STR(seen, "s");
	CHECK_EQ(rota_loop_free(loop), 0);
}

static void restart(struct rota_timer *timer)
{
	if (strlen(seen) < 5) {
		note("r");
		rota_timer_start(timer->loop, timer, ROTA_NOW);
	}
}

static int calls_of_endless, immediates_seen;

static void start_in_the_past(struct rota_timer *timer)
{
	if (++calls_of_endless < 100000)
		rota_timer_start(timer->loop, timer, calls_of_endless);
}

static void count_immediate(void *arg)
{
	immediates_seen = calls_of_endless;
}

struct received {
	struct rota__op op;
	int after; /* calls of the timer */
};

static void note_received(struct rota__op *op)
{
	container_of(op, struct received, op)->after = calls_of_endless;
}

TEST(a_timer_that_starts_itself_in_the_past_holds_up_neither_immediates_nor_operations)
{
	struct rota_loop *loop = loop_new();
	struct rota_timer timer = { .fn = start_in_the_past };
	char buf[4];
	struct received r = { .op = { .kind = OP_RECV, .done = note_received, .buf = { .base = buf, .len = sizeof buf } } };
	int fds[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	r.op.fd = fds[0];
	rota_timer_start(loop, &timer, ROTA_NOW);
	CHECK(rota_set_immediate(loop, count_immediate, NULL) > 0);
	rota__op_submit(loop, &r.op);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 1);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(calls_of_endless, 100000);
	CHECK(immediates_seen < 10);
	CHECK_EQ(r.op.result, 1);
	CHECK(r.after < 100);
	CHECK_EQ(rota_loop_free(loop), 0);
	close(fds[0]);
	close(fds[1]);
}

static void start_both_in_the_past(struct rota_timer *timer)
{
	note("s");
	rota_timer_start(timer->loop, sibling, 3); /* it was due now */
	rota_timer_start(timer->loop, timer, 2);
	timer->fn = on_timer;
}

TEST(timers_that_are_started_while_they_are_due_are_called_in_the_next_turn_by_deadline)
{
	struct rota_loop *loop = loop_new();
	struct rota_timer a = { .fn = start_both_in_the_past }, b = { .fn = second_timer };

	reset();
	sibling = &b;
	rota_timer_start(loop, &a, 1);
	rota_timer_start(loop, &b, 1);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 1);
	CHECK_STR(seen, "s");
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 0);
	CHECK_STR(seen, "st2");
	CHECK_EQ(rota_loop_free(loop), 0);
}

static void stop_loop(struct rota_watcher *w)
{
	note("S");
	rota_loop_stop(w->loop);
	rota_watcher_stop(w);
}

TEST(stop_ends_the_run_after_its_turn_and_the_next_run_goes_on)
{
	struct rota_loop *loop = loop_new();
	struct rota_timer timer = { .fn = on_timer };
	struct rota_watcher prepare = { .fn = stop_loop };

	reset();
	rota_timer_start(loop, &timer, rota_deadline(ROTA_SECONDS(1000)));
	rota_watcher_start(loop, &prepare, ROTA_PREPARE);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 1);
	CHECK_STR(seen, "S");
	rota_loop_stop(loop);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 1); /* stopped before: an empty run */
	rota_timer_stop(&timer);
	timer.fn = restart;
	reset();
	rota_timer_start(loop, &timer, ROTA_NOW);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_STR(seen, "rrrrr");
	CHECK_EQ(rota_loop_free(loop), 0);
}

struct poster {
	struct rota_loop *loop;
	struct rota_post *posts;
	int count;
};

static int posts_seen;
static struct rota_watcher keep_alive;

static void count_post(struct rota_post *post)
{
	posts_seen++;
}

static void last_post(struct rota_post *post)
{
	posts_seen++;
	rota_watcher_stop(&keep_alive);
}

static void nothing(struct rota_watcher *w)
{
}

static void *post_all(void *arg)
{
	struct poster *p = arg;

	for (int i = 0; i < p->count; i++)
		rota_post(p->loop, &p->posts[i]);
	return NULL;
}

TEST(posts_from_many_threads_all_arrive_and_wake_a_sleeping_loop)
{
	enum { THREADS = 4, POSTS = 20000 };
	static struct rota_post posts[THREADS][POSTS];
	struct poster posters[THREADS];
	pthread_t threads[THREADS];
	struct rota_loop *loop = loop_new();
	struct rota_post end = { .fn = last_post };

	posts_seen = 0;
	keep_alive = (struct rota_watcher){ .fn = nothing };
	rota_watcher_start(loop, &keep_alive, ROTA_CHECK);
	for (int t = 0; t < THREADS; t++) {
		for (int i = 0; i < POSTS; i++)
			posts[t][i].fn = count_post;
		posters[t] = (struct poster){ loop, posts[t], POSTS };
		CHECK_EQ(pthread_create(&threads[t], NULL, post_all, &posters[t]), 0);
	}
	while (posts_seen < THREADS * POSTS)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	rota_post(loop, &end);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(posts_seen, THREADS * POSTS + 1);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(a_loop_embeds_into_another_by_descriptor_and_deadline)
{
	struct rota_loop *loop = loop_new();
	struct rota_timer timer = { .fn = on_timer };
	uint64_t when = rota_deadline(ROTA_SECONDS(100));

	CHECK(rota_loop_backend_fd(loop) >= 0);
	CHECK_EQ(rota_loop_backend_deadline(loop), ROTA_FOREVER);
	rota_timer_start(loop, &timer, when);
	CHECK(rota_loop_backend_deadline(loop) <= when);
	rota_timer_stop(&timer);
	CHECK_EQ(rota_loop_free(loop), 0);
}

static void run_nested(struct rota_timer *timer)
{
	CHECK_EQ(rota_loop_run(timer->loop, ROTA_RUN_DEFAULT), -EBUSY);
	CHECK(rota_loop_current() == timer->loop);
}

TEST(a_callback_cannot_run_the_loop_that_runs_it)
{
	struct rota_loop *loop = loop_new();
	struct rota_timer timer = { .fn = run_nested };

	rota_timer_start(loop, &timer, ROTA_NOW);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK(rota_loop_current() == NULL);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(a_forked_child_is_refused_its_parents_loop)
{
	struct rota_loop *loop = loop_new();
	struct rota_timer timer = { .fn = on_timer };
	int status;
	pid_t pid;

	rota_timer_start(loop, &timer, ROTA_NOW);
	pid = fork();
	if (pid == 0)
		_exit(rota_loop_run(loop, ROTA_RUN_DEFAULT) == -EPERM ? 0 : 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	rota_timer_stop(&timer);
	CHECK_EQ(rota_loop_free(loop), 0);
}

static int timers_fired, posts_in_child;

static void on_post_in_child(struct rota_post *post)
{
	posts_in_child++;
}

static void fired_in_child(struct rota_timer *timer)
{
	timers_fired++;
}

/* In the child: what is asked of the parent's loop, and of the child's own after it was made so. */
static int child_of(struct rota_loop *loop)
{
	struct rota_post post = { .fn = on_post_in_child };

	if (rota_loop_run(loop, ROTA_RUN_DEFAULT) != -EPERM)
		return 1;
	if (rota_loop_after_fork(loop) != 0 || rota_loop_after_fork(loop) != 0)
		return 2;
	rota_post(loop, &post);
	if (rota_loop_run(loop, ROTA_RUN_DEFAULT) != 0 || timers_fired != 1 || posts_in_child != 1)
		return 3;
	return rota_loop_free(loop) == 0 ? 0 : 4;
}

TEST(a_loop_made_a_childs_own_goes_on_there_and_in_the_parent)
{
	struct rota_loop *loop = loop_new();
	struct rota_timer timer = { .fn = fired_in_child };
	struct rota_post post = { .fn = on_post_in_child };
	int status;
	pid_t pid;

	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 0);
	rota_timer_start(loop, &timer, rota_deadline(ROTA_MILLISECONDS(1)));
	pid = fork();
	if (pid == 0)
		_exit(child_of(loop));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(timers_fired, 0);
	rota_post(loop, &post);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(timers_fired, 1);
	CHECK_EQ(posts_in_child, 1);
	CHECK_EQ(rota_loop_free(loop), 0);
}

static pid_t forked;
static int child_said;

/* The fork is in a callback: the child goes on in the middle of a turn. */
static void fork_inside(struct rota_timer *timer)
{
	forked = fork();
	if (forked != 0)
		return;
	if (rota_loop_current() != NULL)
		_exit(1);
	if (rota_loop_after_fork(timer->loop) != 0 || rota_loop_current() != timer->loop)
		_exit(2);
	timer->fn = fired_in_child;
	rota_timer_start(timer->loop, timer, ROTA_NOW);
}

TEST(a_loop_may_be_made_the_childs_own_in_a_callback)
{
	struct rota_loop *loop = loop_new();
	struct rota_timer timer = { .fn = fork_inside };

	rota_timer_start(loop, &timer, ROTA_NOW);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(rota_loop_free(loop), 0);
	if (forked == 0)
		_exit(timers_fired == 1 ? 0 : 3);
	CHECK_EQ(waitpid(forked, &child_said, 0), forked);
	CHECK_EQ(child_said, 0);
	CHECK_EQ(timers_fired, 0);
}

static void op_ended(struct rota__op *op)
{
}

TEST(a_loop_with_operations_pending_stays_the_parents)
{
	static struct rota_loop *loop; /* or memcheck takes it for lost in the child */
	struct rota__op op = { .kind = OP_POLL, .done = op_ended, .poll = { .events = POLLIN } };
	int fds[2], status;
	pid_t pid;

	loop = loop_new();
	CHECK_EQ(pipe(fds), 0);
	op.fd = fds[0];
	rota__op_submit(loop, &op);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 1);
	pid = fork();
	if (pid == 0)
		_exit(rota_loop_after_fork(loop) == -EBUSY ? 0 : 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(write(fds[1], "", 1), 1);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(op.result, POLLIN);
	CHECK_EQ(rota_loop_free(loop), 0);
	close(fds[0]);
	close(fds[1]);
}

static void *run_elsewhere(void *loop)
{
	return (void *)(intptr_t)rota_loop_run(loop, ROTA_RUN_NOWAIT);
}

TEST(a_loop_that_has_run_is_refused_to_other_threads)
{
	struct rota_loop *loop = loop_new();
	pthread_t thread;
	void *answer;

	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 0);
	CHECK_EQ(pthread_create(&thread, NULL, run_elsewhere, loop), 0);
	CHECK_EQ(pthread_join(thread, &answer), 0);
	CHECK_EQ((intptr_t)answer, -EPERM);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(a_loop_may_first_run_on_another_thread_than_made_it)
{
	struct rota_loop *loop = loop_new();
	pthread_t thread;
	void *answer;

	CHECK_EQ(pthread_create(&thread, NULL, run_elsewhere, loop), 0);
	CHECK_EQ(pthread_join(thread, &answer), 0);
	CHECK_EQ((intptr_t)answer, 0);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(a_loop_says_what_polls_for_it_and_how)
{
	struct rota_loop *loop;
	char name[32];
	const char *details;
	int rc = rota_loop_new(&loop, NULL);

	if (rc == -ENOSYS || rc == -EPERM)
		SKIP("this kernel refuses the poller");
	CHECK_EQ(rc, 0);
	details = rota_loop_poller_details(loop);
	CHECK(details != NULL && strlen(details) > 0);
	snprintf(name, sizeof name, "%s", rota_loop_poller(loop));
	CHECK(strncmp(details, name, strlen(name)) == 0); /* "uring: ..." */
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 0);
	CHECK_STR(rota_loop_poller_details(loop), details); /* for the loop's life */
	CHECK_EQ(rota_loop_free(loop), 0);
}
