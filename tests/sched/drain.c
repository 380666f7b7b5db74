/* drain.c - a run that was asked to stop ends in time, and who holds it up is named */
#include <errno.h>
#include <rota.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/sanitizers.h"
#include "coro/valgrind.h"
#include "harness/test.h"

static struct told {
	char name[64], site[96], waits_for[64];
	unsigned count;
	int fd;
} told[ROTA_HELD_UP_TOLD]; /* the first time, before anything was done to them */
static unsigned told_count;
static sem_t free_to_go;
static const char *last_name;

/* On a slow machine the second time may come before those whose waits were ended have ended. */
static void note(const struct rota_held_up *task)
{
	struct told *t = &told[told_count];

	if (task->last) {
		if (last_name != NULL && strcmp(task->task_name, last_name) == 0)
			sem_post(&free_to_go);
		return;
	}
	CHECK_EQ(task->number, ++told_count);
	CHECK(told_count <= ROTA_HELD_UP_TOLD);
	strcpy(t->name, task->task_name);
	strcpy(t->site, task->site);
	strcpy(t->waits_for, task->waits_for != NULL ? task->waits_for : "nothing");
	t->count = task->count;
	t->fd = task->fd;
}

static const struct told *told_of(const char *name)
{
	for (unsigned i = 0; i < told_count; i++)
		if (strcmp(told[i].name, name) == 0)
			return &told[i];
	test_fail(__FILE__, __LINE__, "nobody named \"%s\" was told", name);
}

/* Runs under each model, with so little time to end that every shield is too long. */
static void run_hasty(enum rota_model model, rota_fn app, int result)
{
	struct rota_options options = {
		.model = model,
		.workers = 3,
		.blocked_ns = ROTA_FOREVER,
		.rescue_ns = ROTA_SECONDS(3600),
		.drain_ns = ROTA_MILLISECONDS(30),
		.on_held_up = note,
	};

	sem_init(&free_to_go, 0, 0);
	CHECK_EQ(rota_run(app, NULL, &options), result);
}

#define EACH_MODEL(name, app, result)                                                                                  \
	static void name##_check(void);                                                                                \
	TEST(name##_under_single)                                                                                      \
	{                                                                                                              \
		run_hasty(ROTA_SINGLE, app, result);                                                                   \
		name##_check();                                                                                        \
	}                                                                                                              \
	TEST(name##_under_group)                                                                                       \
	{                                                                                                              \
		run_hasty(ROTA_GROUP, app, result);                                                                    \
		name##_check();                                                                                        \
	}                                                                                                              \
	TEST(name##_under_steal)                                                                                       \
	{                                                                                                              \
		run_hasty(ROTA_STEAL, app, result);                                                                    \
		name##_check();                                                                                        \
	}                                                                                                              \
	static void name##_check(void)

/* ---- shields ---- */

static int sleep_for_ever(void *arg)
{
	(void)arg;
	return rota_sleep(ROTA_FOREVER);
}

static int sleep_in_a_shield(void *arg)
{
	return rota_shield(ROTA_FOREVER, sleep_for_ever, arg);
}

static int stop_and_sleep(void *arg)
{
	CHECK(!rota_stopping());
	CHECK_EQ(rota_stop(), 0);
	CHECK(rota_stopping());
	CHECK_EQ(rota_stop(), 0);
	CHECK_EQ(rota_cancelled(), -ECANCELED);
	CHECK_EQ(rota_sleep(ROTA_FOREVER), -ECANCELED);
	return sleep_in_a_shield(arg);
}

EACH_MODEL(a_shield_does_not_outlast_the_time_to_end, stop_and_sleep, -ECANCELED)
{
	CHECK_EQ(told_count, 1);
	CHECK_STR(told[0].name, "main");
	CHECK_STR(told[0].waits_for, "a time");
	CHECK_EQ(told[0].count, 1);
	CHECK_EQ(told[0].fd, -1);
}

static int open_shields_while_they_hold(void *arg)
{
	int rc;

	CHECK_EQ(rota_stop(), 0);
	do
		rc = rota_shield(ROTA_MILLISECONDS(1), sleep_for_ever, arg);
	while (rc == -ETIMEDOUT);
	return rc;
}

EACH_MODEL(a_shield_that_is_opened_after_the_time_to_end_is_none, open_shields_while_they_hold, -ECANCELED)
{
	CHECK_EQ(told_count, 1);
}

static int let_others_run(void *arg)
{
	(void)arg;
	return rota_yield();
}

static int end_well(void *arg)
{
	CHECK_EQ(rota_stop(), 0);
	return rota_shield(ROTA_FOREVER, let_others_run, arg);
}

TEST(who_ends_in_time_is_not_told)
{
	for (enum rota_model model = ROTA_SINGLE; model <= ROTA_STEAL; model++) {
		struct rota_options options = { .model = model, .workers = 3, .on_held_up = note };

		options.drain_ns = ROTA_SECONDS(3600);
		CHECK_EQ(rota_run(end_well, NULL, &options), 0);
		CHECK_EQ(told_count, 0);
	}
}

/* ---- who is told ---- */

/* On this very worker, and so in turn with the caller. */
static void spawn_here(struct rota_scope *scope, rota_fn fn, const char *name)
{
	struct rota_task_options options = { .pinned = true, .name = name };
	struct rota_task *task;

	CHECK_EQ(rota_spawn_task(&task, scope, fn, NULL, &options), 0);
	rota_task_release(task);
}

static struct rota_stream *ends[2];
static int reads_from;
static struct rota_event event;

static int read_byte(void *arg)
{
	char byte;

	(void)arg;
	return (int)rota_read(ends[0], &byte, 1);
}

static int reader(void *arg)
{
	return rota_shield(ROTA_FOREVER, read_byte, arg);
}

static int wait_for_event(void *arg)
{
	(void)arg;
	return rota_event_wait(&event);
}

static int waiter(void *arg)
{
	return rota_shield(ROTA_FOREVER, wait_for_event, arg);
}

/* It is not what holds the run up; its child is. */
static int parent(void *arg)
{
	struct rota_scope_options shield = { .flags = ROTA_SCOPE_SHIELD };
	struct rota_scope scope, inner;

	rota_scope_open_with(&scope, &shield);
	spawn_here(&scope, waiter, "waiter");
	rota_scope_open(&inner);
	spawn_here(&inner, sleep_in_a_shield, "sleeper");
	rota_scope_join(&inner);
	return rota_scope_join(&scope);
}

static int begin_waits(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	CHECK_EQ(rota_stream_pair(ends), 0);
	reads_from = rota_stream_fd(ends[0]);
	rota_scope_open(&scope);
	spawn_here(&scope, reader, "reader");
	spawn_here(&scope, parent, "parent");
	for (int i = 0; i < 10; i++) /* all have begun to wait */
		rota_yield();
	CHECK_EQ(rota_stop(), 0);
	rota_scope_join(&scope);
	rota_close(ends[0]);
	rota_close(ends[1]);
	return 0;
}

static int wait_here(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	rota_scope_open(&scope);
	spawn_here(&scope, begin_waits, "begin_waits");
	return rota_scope_join(&scope);
}

EACH_MODEL(whoever_is_still_there_is_told_with_what_he_waits_for, wait_here, 0)
{
	CHECK_STR(told_of("reader")->waits_for, "bytes to come");
	CHECK_EQ(told_of("reader")->fd, reads_from);
	CHECK(strstr(told_of("reader")->site, "drain.c:") != NULL);
	CHECK_STR(told_of("waiter")->waits_for, "a lock, a channel or an event");
	CHECK_STR(told_of("sleeper")->waits_for, "a time");
	CHECK_EQ(told_count, 3);
}

static int crowd(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < 100; i++)
		rota_spawn(&scope, sleep_in_a_shield, arg);
	CHECK_EQ(rota_stop(), 0);
	rota_scope_join(&scope);
	return 0;
}

EACH_MODEL(of_a_crowd_some_are_told_and_all_are_counted_and_ended, crowd, 0)
{
	CHECK_EQ(told_count, ROTA_HELD_UP_TOLD);
	CHECK_EQ(told[0].count, 100);
}

/* ---- who cannot be ended ---- */

static int block(void *arg)
{
	(void)arg;
	return sem_wait(&free_to_go);
}

static uint32_t blocks;

static int begin_blocking(void *arg)
{
	store_release(&blocks, 1);
	return block(arg);
}

static int obstinate(void *arg)
{
	return rota_blocking(begin_blocking, arg);
}

static int leave_one_behind(void *arg)
{
	last_name = "obstinate";
	(void)arg;
	spawn_here(rota_detached(), obstinate, last_name);
	while (!load_acquire(&blocks))
		rota_yield();
	return 0;
}

EACH_MODEL(who_cannot_be_ended_is_told_again, leave_one_behind, 0)
{
	CHECK_EQ(told_count, 1);
	CHECK_STR(told[0].name, "obstinate");
	CHECK_STR(told[0].waits_for, "a function on the blocking pool");
}

/* ---- asked by a signal, told on stderr ---- */

static int ask_by_signal(void *arg)
{
	CHECK_EQ(kill(getpid(), SIGTERM), 0);
	CHECK_EQ(rota_sleep(ROTA_FOREVER), -ECANCELED);
	return sleep_in_a_shield(arg);
}

static void run_with_defaults(void *arg)
{
	(void)arg;
	setenv("ROTA_DRAIN_MS", "20", 1);
	CHECK_EQ(rota_run(ask_by_signal, NULL, &(struct rota_options){ .model = ROTA_SINGLE }), -ECANCELED);
}

/* ---- what lives on when the tasks have ended ---- */

static struct rota_watcher last;
static bool told_to_end;

static void end_watcher(struct rota_watcher *watcher)
{
	told_to_end = true;
	rota_watcher_stop(watcher);
}

/* `arg`: the phase. */
static int leave_a_watcher(void *arg)
{
	last = (struct rota_watcher){ .fn = end_watcher };
	rota_watcher_start(rota_loop_current(), &last, (enum rota_phase)(intptr_t)arg);
	return 0;
}

/* Before the poll: it must not sleep for what will never come. */
TEST(a_run_ends_with_its_last_watcher_whichever_the_phase)
{
	for (enum rota_model model = ROTA_SINGLE; model <= ROTA_STEAL; model++)
		for (intptr_t phase = ROTA_IDLE; phase <= ROTA_CHECK; phase++) {
			struct rota_options options = { .model = model, .workers = 2 };

			told_to_end = false;
			CHECK_EQ(rota_run(leave_a_watcher, (void *)phase, &options), 0);
			CHECK(told_to_end);
		}
}

TEST(without_a_hook_it_is_written_to_stderr)
{
	char said[4096];

	CHECK_EQ(test_run_child(run_with_defaults, NULL, said, sizeof said), 0);
	CHECK(strstr(said, "rota: the run has not ended in 20 ms, and is ended now: 1 task holds it up\n") == said);
	CHECK(strstr(said, "rota:   task \"main\" (number ") != NULL);
	CHECK(strstr(said, "spawned at rota_run) on worker 0 waits for a time\n") != NULL);
}

/* ---- asked by a signal while worker 0 is held ---- */

static uint32_t last_told, spin_frames;

static void note_spin(const struct rota_held_up *task)
{
	if (strcmp(task->task_name, "spin") != 0)
		return;
	CHECK(task->waits_for == NULL);
	if (task->call == NULL && task->frame_count > 0)
		store_relaxed(&spin_frames, task->frame_count);
	if (task->last)
		store_release(&last_told, 1);
}

static int spin(void *arg)
{
	(void)arg;
	CHECK_EQ(rota_worker_number(), 0);
	CHECK_EQ(kill(getpid(), SIGTERM), 0);
	while (!load_acquire(&last_told))
		;
	return 0;
}

static int sleeper_ended;

static int sleep_elsewhere(void *arg)
{
	(void)arg;
	sleeper_ended = rota_sleep(ROTA_FOREVER);
	return 0;
}

/* Others are on other workers, and hear of it although the first one is held. */
static int hold_worker_0(void *arg)
{
	struct rota_task_options elsewhere = { .worker = ROTA_WORKER(1) };
	struct rota_scope scope;
	struct rota_task *task;

	(void)arg;
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, sleep_elsewhere, NULL, &elsewhere), 0);
	rota_task_release(task);
	elsewhere.worker = ROTA_WORKER(0);
	elsewhere.pinned = true;
	CHECK_EQ(rota_spawn_task(&task, &scope, spin, NULL, &elsewhere), 0);
	rota_task_release(task);
	rota_scope_join(&scope);
	return 0;
}

/* ThreadSanitizer keeps signals until the thread makes a call. */
static bool tells_where_it_is(void)
{
#if defined(ROTA_TSAN)
	return false;
#else
	return !valgrind_watches();
#endif
}

static void ask_while_worker_0_is_held(enum rota_model model)
{
	struct rota_options options = {
		.model = model, .workers = 2, .drain_ns = ROTA_MILLISECONDS(20), .blocked_ns = ROTA_SECONDS(3600),
		.on_held_up = note_spin,
	};

	if (test_in_qemu())
		SKIP("/proc shows the emulator");
	do { /* on a busy machine it may have no CPU to say where it is */
		last_told = 0;
		CHECK_EQ(rota_run(hold_worker_0, NULL, &options), 0);
		CHECK_EQ(sleeper_ended, -ECANCELED);
	} while (spin_frames == 0 && tells_where_it_is());
}

TEST(a_signal_is_heard_while_a_task_holds_the_boss_of_a_group)
{
	ask_while_worker_0_is_held(ROTA_GROUP);
}

TEST(a_signal_is_heard_while_a_pinned_task_holds_the_first_worker)
{
	ask_while_worker_0_is_held(ROTA_STEAL);
}

static int err_fds[2];

/* It blocks until somebody says on stderr that it does. */
static int hold_the_only_thread(void *arg)
{
	char said[4096];
	size_t n = 0;

	(void)arg;
	CHECK_EQ(kill(getpid(), SIGTERM), 0);
	do {
		ssize_t more = read(err_fds[0], said + n, sizeof said - 1 - n);

		CHECK(more > 0 || errno == EINTR);
		n += more > 0 ? (size_t)more : 0;
		said[n] = '\0';
	} while (strstr(said, "cannot end: 1 task holds it up\n") == NULL || said[n - 1] != '\n');
	CHECK(strstr(said, "rota: the run has not ended in 20 ms") == said);
	CHECK(strstr(said, "rota:   task \"main\" (number ") != NULL);
	return 0;
}

TEST(a_signal_is_heard_while_a_task_holds_the_only_thread)
{
	struct rota_options options = { .model = ROTA_SINGLE, .drain_ns = ROTA_MILLISECONDS(20) };
	int saved = dup(2);

	if (test_in_qemu())
		SKIP("its timers know no threads");
#if defined(ROTA_TSAN)
	SKIP("ThreadSanitizer keeps signals until the call is over");
#endif
	CHECK_EQ(pipe(err_fds), 0);
	dup2(err_fds[1], 2);
	CHECK_EQ(rota_run(hold_the_only_thread, NULL, &options), 0);
	dup2(saved, 2);
	close(saved);
	close(err_fds[0]);
	close(err_fds[1]);
}

static int ask_again_and_again(void *arg)
{
	(void)arg;
	for (;;)
		CHECK_EQ(kill(getpid(), SIGTERM), 0);
	return 0;
}

static void hold_for_ever(void *model)
{
	struct rota_options options = { .model = *(enum rota_model *)model, .workers = 2 };

	rota_run(ask_again_and_again, NULL, &options);
}

TEST(a_second_signal_ends_a_program_that_is_held)
{
	for (enum rota_model model = ROTA_SINGLE; model <= ROTA_STEAL; model++) {
		int status = test_run_child(hold_for_ever, &model, NULL, 0);

		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), SIGTERM);
	}
}

TEST(outside_of_a_run_there_is_nothing_to_stop)
{
	CHECK_EQ(rota_stop(), -EPERM);
	CHECK(!rota_stopping());
}
