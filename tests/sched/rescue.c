/* rescue.c - a task that keeps its thread keeps nothing else: its worker goes on on another thread */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <rota.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "harness/test.h"
#include "loop/inside.h"
#include "os/timeslice.h"

static int pipe_fds[2]; /* what tasks block on */
static uint32_t named, overs;

/* On the watchdog's thread. */
static void note(const struct rota_blocked *b)
{
	if (b->over)
		store_release(&overs, overs + 1);
	else
		store_release(&named, named + 1);
}

static void run(rota_fn app, unsigned workers)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = workers, .on_blocked = note };

	if (test_in_qemu())
		SKIP("/proc shows the emulator");
	CHECK_EQ(pipe(pipe_fds), 0);
	CHECK_EQ(rota_run(app, NULL, &options), 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* A program with `workers` under steal, run as the first task. */
#define STEAL_TEST(name, workers)           \
	static void name##_body(void);      \
	static int name##_app(void *unused) \
	{                                   \
		(void)unused;               \
		name##_body();              \
		return 0;                   \
	}                                   \
	TEST(name)                          \
	{                                   \
		run(name##_app, workers);   \
	}                                   \
	static void name##_body(void)

/* Blocks the thread until a byte comes.  A ring's completions may interrupt the call. */
static void read_byte(void)
{
	char byte;
	ssize_t n;

	do
		n = read(pipe_fds[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	CHECK_EQ(n, 1);
}

static void write_byte(void)
{
	CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
}

static int block(void *arg)
{
	read_byte();
	return 0;
}

/* ---- what goes on ---- */

static int sleep_and_release(void *arg)
{
	for (int i = 0; i < 5; i++)
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	write_byte();
	return 0;
}

STEAL_TEST(timers_go_on_while_the_only_workers_thread_is_blocked, 1)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, sleep_and_release, NULL), 0);
	rota_yield();
	CHECK_EQ(rota_spawn(&scope, block, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static struct rota_stream *pair[2];
static uint32_t released;

static int spin(void *arg)
{
	while (!load_acquire(&released))
		;
	return 0;
}

static int echo(void *arg)
{
	char buf[16];
	ssize_t n;

	while ((n = rota_read(pair[1], buf, sizeof buf)) > 0)
		CHECK_EQ(rota_write_all(pair[1], buf, (size_t)n), n);
	return 0;
}

static int talk_and_release(void *arg)
{
	char buf[4];

	for (int i = 0; i < 50; i++) {
		CHECK_EQ(rota_write_all(pair[0], "ping", 4), 4);
		CHECK_EQ(rota_read_exactly(pair[0], buf, 4), 4);
		CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(100)), 0);
	}
	rota_close(pair[0]);
	store_release(&released, 1);
	return 0;
}

STEAL_TEST(streams_go_on_while_the_only_workers_thread_computes, 1)
{
	struct rota_scope scope;

	CHECK_EQ(rota_stream_pair(pair), 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, echo, NULL), 0);
	CHECK_EQ(rota_spawn(&scope, talk_and_release, NULL), 0);
	rota_yield();
	CHECK_EQ(rota_spawn(&scope, spin, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_close(pair[1]);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int computes_and_looks_at_its_slice(void *arg)
{
	uint64_t before_ns = rota__timeslice(0);
	pid_t thread = gettid();

	spin(NULL);
	CHECK_EQ(rota__timeslice(0), TIMESLICE_LONGEST_NS);
	while (rota__timeslice(thread) != before_ns)
		CHECK_EQ(rota_yield(), 0);
	return 0;
}

static int sleep_and_stop(void *arg)
{
	CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	store_release(&released, 1);
	return 0;
}

static int precedence_app(void *arg)
{
	struct rota_scope scope;

	released = 0;
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, sleep_and_stop, NULL), 0);
	rota_yield();
	CHECK_EQ(rota_spawn(&scope, computes_and_looks_at_its_slice, NULL), 0);
	return rota_scope_join(&scope);
}

TEST(a_thread_that_lost_its_worker_gives_others_precedence_until_its_task_is_back)
{
	if (rota__timeslice(0) == 0)
		SKIP("the kernel knows no wish for a slice");
	run(precedence_app, 1);
}

static int answer;

static int answer_it(void *arg)
{
	pthread_mutex_lock(&mutex);
	answer = 42;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&mutex);
	return 0;
}

/* What waits for it is in the slot of the same worker, or on its loop. */
static int wait_for_it(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, answer_it, NULL), 0);
	pthread_mutex_lock(&mutex);
	while (answer == 0)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
	CHECK_EQ(rota_scope_join(&scope), 0);
	return 0;
}

STEAL_TEST(a_thread_that_waits_for_a_task_of_its_own_worker_is_answered, 1)
{
	CHECK_EQ(wait_for_it(NULL), 0);
}

static int talk_and_release_two(void *arg)
{
	talk_and_release(arg);
	write_byte();
	write_byte();
	return 0;
}

/* Where one thread waits for everybody's I/O, this is the end of the program. */
static int block_everybody(void *arg)
{
	struct rota_scope scope;

	CHECK_EQ(rota_stream_pair(pair), 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, echo, NULL), 0);
	CHECK_EQ(rota_spawn(&scope, talk_and_release_two, NULL), 0);
	for (unsigned i = 0; i < rota_loop_count(); i++)
		CHECK_EQ(rota_spawn(&scope, block, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_close(pair[1]);
	return 0;
}

TEST(with_the_defaults_io_goes_on_while_every_worker_is_blocked)
{
	if (test_in_qemu())
		SKIP("/proc shows the emulator");
	setenv("ROTA_MODEL", "steal", 1);
	setenv("ROTA_WORKERS", "2", 1);
	CHECK_EQ(pipe(pipe_fds), 0);
	CHECK_EQ(rota_run(block_everybody, NULL, NULL), 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* ---- what comes back ---- */

STEAL_TEST(a_task_that_comes_back_is_a_task_as_before, 1)
{
	struct rota_scope scope;

	for (int round = 0; round < 5; round++) {
		struct rota_task *self = rota_self();

		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn(&scope, sleep_and_release, NULL), 0);
		CHECK_EQ(rota_yield(), 0);
		read_byte();
		CHECK(rota_self() == self);
		CHECK_EQ(rota_worker_number(), 0);
		CHECK(rota_loop_current() != NULL);
		CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(10)), 0);
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
}

static int blocks_and_answers(void *arg)
{
	read_byte();
	return 7;
}

STEAL_TEST(a_task_may_end_on_the_thread_that_lost_its_worker, 1)
{
	struct rota_scope scope;
	struct rota_task *task;
	int result;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, sleep_and_release, NULL), 0);
	CHECK_EQ(rota_yield(), 0);
	CHECK_EQ(rota_spawn_task(&task, &scope, blocks_and_answers, NULL, NULL), 0);
	CHECK_EQ(rota_join(task, &result), 0);
	CHECK_EQ(result, 7);
	rota_task_release(task);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static struct rota_async async;
static uint32_t sends;
static pid_t handled_on, came_back_on;
static pthread_t held;

static void count_send(struct rota_async *a)
{
	(void)a;
	sends++;
}

static void send_from_handler(int signal_number)
{
	(void)signal_number;
	handled_on = gettid();
	rota_async_send(&async);
	came_back_on = gettid();
}

/* When this runs, the thread has lost its only worker. */
static int signal_and_release(void *arg)
{
	CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	CHECK_EQ(pthread_kill(held, SIGUSR1), 0);
	write_byte();
	return 0;
}

STEAL_TEST(a_signal_handler_that_sends_to_a_loop_keeps_its_thread, 1)
{
	struct sigaction action = { .sa_handler = send_from_handler };
	struct rota_scope scope;
	pid_t thread = gettid();

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	CHECK_EQ(rota_async_open(rota_loop_current(), &async, count_send), 0);
	held = pthread_self();
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, signal_and_release, NULL), 0);
	CHECK_EQ(rota_yield(), 0);
	read_byte();
	CHECK_EQ(rota_scope_join(&scope), 0);
	while (sends == 0)
		CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(100)), 0);
	CHECK_EQ(handled_on, thread);
	CHECK_EQ(came_back_on, thread);
	rota_handle_close(&async.handle, NULL);
}

static int computes_until_cancelled(void *arg)
{
	while (rota_cancelled() == 0)
		;
	return rota_cancelled();
}

STEAL_TEST(a_deadline_reaches_a_task_that_computes, 1)
{
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(5), computes_until_cancelled, NULL), -ETIMEDOUT);
}

static int lost_deadline(void *arg)
{
	struct rota_scope *inner = arg;

	while (load_acquire(&released) == 0)
		;
	(void)inner;
	return rota_cancelled();
}

static int release_later(void *arg)
{
	rota_sleep(ROTA_MILLISECONDS(8));
	store_release(&released, 1);
	return 0;
}

STEAL_TEST(a_deadline_passes_while_its_task_is_away, 1)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, release_later, NULL), 0);
	rota_yield();
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(3), lost_deadline, &scope), -ETIMEDOUT);
	CHECK_EQ(rota_sleep(0), 0); /* the deadline was that of the call */
	CHECK_EQ(rota_scope_join(&scope), 0);
}

/* It computes on, and others have the worker, whom it does not want for a question. */
static int asks_from_outside(void *arg)
{
	(void)arg;
	while (!rota__is_lost())
		;
	CHECK_EQ(rota_cancelled(), 0);
	store_release(&released, 1);
	while (rota_cancelled() == 0)
		;
	CHECK_EQ(rota_cancelled(), -ECANCELED);
	CHECK(rota__is_lost());
	return 0;
}

static int cancel_it(void *arg)
{
	while (!load_acquire(&released))
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	rota_scope_cancel(arg);
	return 0;
}

STEAL_TEST(a_task_that_is_away_learns_of_its_cancellation_without_coming_back, 1)
{
	struct rota_scope scope, others;

	rota_scope_open(&others);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&others, cancel_it, &scope), 0);
	CHECK_EQ(rota_spawn(&scope, asks_from_outside, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_scope_join(&others), 0);
}

/* ---- who is left alone ---- */

static uint32_t ran;

static int note_that_it_ran(void *arg)
{
	store_release(&ran, 1);
	return 0;
}

static int pinned_app(void *arg)
{
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	/* Both are pinned to this worker: the second must not run while the first holds it. */
	CHECK_EQ(rota_spawn_task(&task, &scope, note_that_it_ran, NULL, &(struct rota_task_options){ .pinned = true }), 0);
	while (load_acquire(&named) == 0)
		;
	CHECK_EQ(load_acquire(&ran), 0);
	rota_task_release(task);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(ran, 1);
	return 0;
}

STEAL_TEST(a_pinned_task_keeps_its_worker_and_is_named, 2)
{
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, pinned_app, NULL, &(struct rota_task_options){ .pinned = true }), 0);
	rota_task_release(task);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

/* ---- on purpose ---- */

static int write_it(void *arg)
{
	write_byte();
	return 0;
}

STEAL_TEST(a_blocking_section_gives_the_worker_away_at_once, 1)
{
	struct rota_scope scope;

	for (int i = 0; i < 100; i++) {
		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn(&scope, write_it, NULL), 0);
		rota_blocking_section_begin();
		read_byte();
		rota_blocking_section_end();
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
	CHECK_EQ(load_acquire(&named), 0);
}

TEST(a_blocking_section_outside_of_a_run_or_alone_in_it_is_nothing)
{
	rota_blocking_section_begin();
	rota_blocking_section_end();
}

/* ---- what is told waits for nobody ---- */

static sem_t over;
static uint32_t being_told;

static void tell_for_long(const struct rota_blocked *b)
{
	(void)b;
	if (add_acq_rel(&being_told, 1) == 0)
		while (sem_wait(&over) < 0)
			;
}

static int release_when_told(void *arg)
{
	while (!load_acquire(&being_told))
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	write_byte();
	return 0;
}

/* Both need a thread for the only worker; the second while the report of the first is being told. */
static int block_twice(void *arg)
{
	rota_fn const release[] = { release_when_told, sleep_and_release };
	struct rota_scope scope;

	for (int i = 0; i < 2; i++) {
		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn(&scope, release[i], NULL), 0);
		CHECK_EQ(rota_yield(), 0);
		read_byte();
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
	sem_post(&over);
	return 0;
}

TEST(a_hook_that_waits_keeps_nobody_from_being_rescued)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 1, .on_blocked = tell_for_long };

	if (test_in_qemu())
		SKIP("/proc shows the emulator");
	CHECK_EQ(pipe(pipe_fds), 0);
	sem_init(&over, 0, 0);
	CHECK_EQ(rota_run(block_twice, NULL, &options), 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static int err_fds[2];

static void fill_stderr(void)
{
	char page[4096] = { 0 };

	CHECK_EQ(pipe(err_fds), 0);
	CHECK_EQ(fcntl(err_fds[1], F_SETFL, O_NONBLOCK), 0);
	while (write(err_fds[1], page, sizeof page) > 0)
		;
	CHECK_EQ(fcntl(err_fds[1], F_SETFL, 0), 0);
	dup2(err_fds[1], 2);
}

static int release_late(void *arg)
{
	CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(30)), 0); /* it has been named */
	return sleep_and_release(arg);
}

static int block_silently(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	for (int i = 0; i < 10; i++) {
		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn(&scope, release_late, NULL), 0);
		CHECK_EQ(rota_yield(), 0);
		read_byte();
		CHECK_EQ(rota_scope_join(&scope), 0);
	}
	return 0;
}

/* Nobody knew of these; then it blocks until it is named itself. */
static int block_silently_and_read(void *arg)
{
	char said[4096], byte;
	size_t n = 0;

	block_silently(arg);
	while (n < sizeof said - 1) {
		ssize_t rc = read(err_fds[0], &byte, 1);

		CHECK(rc == 1 || errno == EINTR);
		if (rc == 1 && byte != '\0')
			said[n++] = byte;
		said[n] = '\0';
		if (strstr(said, " lost\n") != NULL)
			return 0;
	}
	test_fail(__FILE__, __LINE__, "nothing was lost: %s", said);
}

static void run_with_full_stderr(rota_fn app)
{
	static const struct rota_options defaults = { .model = ROTA_STEAL, .workers = 1 };

	if (test_in_qemu())
		SKIP("/proc shows the emulator");
	CHECK_EQ(pipe(pipe_fds), 0);
	fill_stderr();
	CHECK_EQ(rota_run(app, NULL, &defaults), 0);
	for (int i = 0; i < 2; i++) {
		close(pipe_fds[i]);
		close(err_fds[i]);
	}
}

static void run_without_reader(void *unused)
{
	(void)unused;
	run_with_full_stderr(block_silently);
}

TEST(a_stderr_that_nobody_empties_keeps_nobody_from_being_rescued_and_the_run_from_its_end)
{
	CHECK_EQ(test_run_child(run_without_reader, NULL, NULL, 0), 0);
}

static void run_with_late_reader(void *unused)
{
	(void)unused;
	run_with_full_stderr(block_silently_and_read);
}

TEST(reports_that_stderr_did_not_take_are_counted_in_the_next)
{
	CHECK_EQ(test_run_child(run_with_late_reader, NULL, NULL, 0), 0);
}

/* ---- rescue and names are two things ---- */

TEST(without_names_workers_are_rescued_all_the_same)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 1, .blocked_ns = ROTA_FOREVER, .on_blocked = note };

	if (test_in_qemu())
		SKIP("/proc shows the emulator");
	CHECK_EQ(pipe(pipe_fds), 0);
	CHECK_EQ(rota_run(wait_for_it, NULL, &options), 0);
	CHECK_EQ(load_acquire(&named), 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static int wait_to_be_named(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, note_that_it_ran, NULL), 0);
	while (load_acquire(&named) == 0)
		;
	CHECK_EQ(load_acquire(&ran), 0);
	return rota_scope_join(&scope);
}

TEST(without_rescue_a_task_is_named_and_keeps_its_worker)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 1, .rescue_ns = ROTA_FOREVER, .on_blocked = note };

	if (test_in_qemu())
		SKIP("/proc shows the emulator");
	CHECK_EQ(rota_run(wait_to_be_named, NULL, &options), 0);
	CHECK_EQ(load_acquire(&ran), 1);
}

/* ---- many ---- */

enum { HOLDERS = 8 };

/* The kernel shows those of io_uring among ours; they stay as it likes. */
static bool is_the_kernels(const char *tid)
{
	char path[300], name[16] = "";
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%s/comm", tid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(name, sizeof name, f) == NULL)
		name[0] = '\0';
	fclose(f);
	return strncmp(name, "iou-", 4) == 0;
}

static unsigned count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned n = 0;

	if (dir == NULL)
		SKIP("without /proc nobody can count them");
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.' && !is_the_kernels(entry->d_name);
	closedir(dir);
	return n;
}

static int hold(void *arg)
{
	add_acq_rel((uint32_t *)arg, 1);
	read_byte();
	return 0;
}

STEAL_TEST(threads_are_made_for_all_that_block_and_end_when_they_are_back, 2)
{
	struct rota_scope scope;
	uint32_t holding = 0;
	unsigned before = count_threads();

	rota_scope_open(&scope);
	for (int i = 0; i < HOLDERS; i++)
		CHECK_EQ(rota_spawn(&scope, hold, &holding), 0);
	while (load_acquire(&holding) < HOLDERS)
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	CHECK(count_threads() >= before + HOLDERS - 1); /* the last one may still have its worker */
	for (int i = 0; i < HOLDERS; i++)
		write_byte();
	CHECK_EQ(rota_scope_join(&scope), 0);
	while (count_threads() > before + 3) /* two idle ones, and the caller's */
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
}

/* Each keeps the only worker for longer than the tick has to wait. */
static int tick_and_release(void *arg)
{
	uint32_t *holding = arg;

	CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
	CHECK(load_acquire(holding) <= 2);
	for (int i = 0; i < HOLDERS; i++)
		write_byte();
	return 0;
}

STEAL_TEST(what_is_due_comes_before_the_next_of_many_that_block, 1)
{
	struct rota_scope scope;
	uint32_t holding = 0;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, tick_and_release, &holding), 0);
	CHECK_EQ(rota_yield(), 0);
	for (int i = 0; i < HOLDERS; i++)
		CHECK_EQ(rota_spawn(&scope, hold, &holding), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

static unsigned turns, suspects_turn, others_turn;

static int note_suspects_turn(void *arg)
{
	suspects_turn = ++turns;
	if (arg != NULL)
		read_byte();
	return 0;
}

static int note_others_turn(void *arg)
{
	others_turn = ++turns;
	return 0;
}

/* Else what was spawned last is the next to run. */
STEAL_TEST(a_task_whose_like_was_rescued_comes_after_the_others, 1)
{
	struct rota_scope scope;

	do { /* it is suspected for a while only */
		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn(&scope, sleep_and_release, NULL), 0);
		CHECK_EQ(rota_yield(), 0);
		CHECK_EQ(rota_spawn(&scope, note_suspects_turn, &scope), 0);
		CHECK_EQ(rota_scope_join(&scope), 0);
		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn(&scope, note_others_turn, NULL), 0);
		CHECK_EQ(rota_spawn(&scope, note_suspects_turn, NULL), 0);
		CHECK_EQ(rota_scope_join(&scope), 0);
	} while (others_turn > suspects_turn);
}

static uint64_t sum;
static struct rota_chan numbers;

static int sometimes_blocks(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	for (int i = 0; i < 20; i++) {
		if (n % 7 == (unsigned)i % 7) {
			write_byte();
			rota_blocking_section_begin();
			read_byte();
			rota_blocking_section_end();
		} else if (n % 5 == (unsigned)i % 5) {
			usleep(3000); /* blocks without saying so */
		}
		CHECK_EQ(rota_chan_send(&numbers, &n), 0);
		CHECK_EQ(rota_sleep(ROTA_MICROSECONDS(100)), 0);
	}
	return 0;
}

static int add_up(void *arg)
{
	uintptr_t n;

	while (rota_chan_recv(&numbers, &n) == 0)
		sum += n;
	return 0;
}

STEAL_TEST(nothing_is_lost_when_many_block_now_and_then, 2)
{
	struct rota_scope scope, adders;
	uint64_t expected = 0;

	CHECK_EQ(rota_chan_init(&numbers, sizeof(uintptr_t), 4), 0);
	rota_scope_open(&adders);
	CHECK_EQ(rota_spawn(&adders, add_up, NULL), 0);
	rota_scope_open(&scope);
	for (uintptr_t i = 0; i < 24; i++) {
		CHECK_EQ(rota_spawn(&scope, sometimes_blocks, (void *)i), 0);
		expected += 20 * i;
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_chan_close(&numbers);
	CHECK_EQ(rota_scope_join(&adders), 0);
	CHECK_EQ(sum, expected);
	rota_chan_fini(&numbers);
}

/* ---- a fork from a thread without its worker ---- */

STEAL_TEST(a_fork_of_a_task_that_is_away_is_in_no_run, 1)
{
	int status;
	pid_t pid;

	/* Another task runs on our worker: so it is not ours any more. */
	struct rota_scope scope;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, release_later, NULL), 0);
	while (load_acquire(&released) == 0)
		;
	pid = fork();
	if (pid == 0)
		_exit(rota_yield() == -EPERM && rota_self() == NULL && rota_loop_current() == NULL ? 0 : 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
}
