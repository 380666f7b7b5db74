/* fairness.c - who is always served at once lets the others have their turn, and time reaches him
 *
 * Each test is a call that need never wait, made for ever: until a task beside it, on the same worker, has waited for time and for a
 * descriptor several times; then until a deadline around the loop has passed.  If the loop starves them, the test hangs. */
#include <sys/mman.h>
#include <unistd.h>

#include "task/run.h"

enum { TURNS = 3 };

static bool others_had_their_turns;
static int pipe_ends[2];

static int take_turns(void *arg)
{
	for (int i = 0; i < TURNS; i++) {
		CHECK_EQ(rota_sleep(1), 0);
		CHECK_EQ(rota_wait_fd(pipe_ends[1], ROTA_WRITABLE, ROTA_FOREVER), ROTA_WRITABLE);
	}
	store_relaxed(&others_had_their_turns, true);
	return 0;
}

static int until_others_had_their_turns(void *arg)
{
	void (*const *step)(void) = arg;

	while (!load_relaxed(&others_had_their_turns))
		(*step)();
	return 0;
}

static int until_the_deadline(void *arg)
{
	void (*const *step)(void) = arg;

	while (rota_cancelled() == 0)
		(*step)();
	return rota_cancelled();
}

static int is_fair(void *step)
{
	struct rota_task_options here = { .pinned = true, .worker = ROTA_WORKER_HERE };
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, take_turns, NULL, &here), 0);
	until_others_had_their_turns(step);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_timeout(ROTA_MICROSECONDS(100), until_the_deadline, step), -ETIMEDOUT);
	return 0;
}

static void check_fair(void (*step)(void))
{
	struct rota_task_options pinned = { .pinned = true };
	struct rota_scope scope;
	struct rota_task *task;

	CHECK_EQ(pipe(pipe_ends), 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, is_fair, (void *)&step, &pinned), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

/* ALWAYS_TEST(name, what comes before) { the call that is made for ever } */
#define ALWAYS_TEST(name, prepare)                                                                 \
	static void name##_step(void);                                                             \
	UNWATCHED_TEST(name)                                                                       \
	{                                                                                          \
		prepare;                                                                           \
		check_fair(name##_step);                                                           \
	}                                                                                          \
	static void name##_step(void)

/* ---- locks ---- */

static struct rota_mutex mutex;
static struct rota_rwlock lock;
static struct rota_semaphore permits;
static struct rota_condition condition;

ALWAYS_TEST(who_locks_a_free_mutex_is_fair, )
{
	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
}

ALWAYS_TEST(who_reads_under_a_free_lock_is_fair, )
{
	CHECK_EQ(rota_rwlock_read(&lock), 0);
	CHECK_EQ(rota_rwlock_unlock(&lock), 0);
}

ALWAYS_TEST(who_writes_under_a_free_lock_is_fair, )
{
	CHECK_EQ(rota_rwlock_write(&lock), 0);
	CHECK_EQ(rota_rwlock_unlock(&lock), 0);
}

ALWAYS_TEST(who_takes_permits_that_are_there_is_fair, rota_semaphore_init(&permits, 1, 1))
{
	CHECK_EQ(rota_semaphore_acquire(&permits, 1), 0);
	CHECK_EQ(rota_semaphore_release(&permits, 1), 0);
}

ALWAYS_TEST(who_gives_a_condition_no_time_is_fair, )
{
	CHECK_EQ(rota_mutex_lock(&mutex), 0);
	CHECK(rota_condition_wait_until(&condition, &mutex, ROTA_NOW) < 0);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
}

/* ---- events ---- */

static struct rota_event set = { .set = true }, unset;
static struct rota_notify note;
static struct rota_barrier barrier;
static struct rota_once once;
static struct rota_wait_group none_under_way;

ALWAYS_TEST(who_asks_a_set_event_is_fair, )
{
	CHECK_EQ(rota_event_wait(&set), 0);
}

ALWAYS_TEST(who_gives_an_event_no_time_is_fair, )
{
	CHECK(rota_event_wait_until(&unset, ROTA_NOW) < 0);
}

ALWAYS_TEST(who_notifies_himself_is_fair, )
{
	rota_notify_one(&note);
	CHECK_EQ(rota_notify_wait(&note), 0);
}

ALWAYS_TEST(who_meets_himself_is_fair, rota_barrier_init(&barrier, 1))
{
	CHECK_EQ(rota_barrier_wait(&barrier), 1);
}

static int succeed(void *arg)
{
	return 0;
}

ALWAYS_TEST(who_does_once_what_is_done_is_fair, )
{
	CHECK_EQ(rota_once_run(&once, succeed, NULL), 0);
}

ALWAYS_TEST(who_waits_for_an_empty_group_is_fair, )
{
	CHECK_EQ(rota_wait_group_wait(&none_under_way), 0);
}

/* ---- values ---- */

static struct rota_chan chan;
static struct rota_oneshot oneshot;
static struct rota_broadcast broadcast;
static struct rota_broadcast_receiver receiver;
static struct rota_watch watch;
static uint64_t seen;
static struct rota_queue queue;
static int value;

ALWAYS_TEST(who_sends_to_himself_is_fair, CHECK_EQ(rota_chan_init(&chan, sizeof value, ROTA_UNBOUNDED), 0))
{
	int values[2];

	CHECK_EQ(rota_chan_send(&chan, &value), 0);
	CHECK_EQ(rota_chan_recv_many(&chan, values, 2), 1);
	if (load_relaxed(&others_had_their_turns) && rota_cancelled() != 0)
		CHECK_EQ(rota_chan_fini(&chan), 0);
}

ALWAYS_TEST(who_keeps_a_place_and_gives_it_back_is_fair, CHECK_EQ(rota_chan_init(&chan, sizeof value, 1), 0))
{
	CHECK_EQ(rota_chan_reserve(&chan), 0);
	CHECK_EQ(rota_chan_unreserve(&chan), 0);
	if (load_relaxed(&others_had_their_turns) && rota_cancelled() != 0)
		CHECK_EQ(rota_chan_fini(&chan), 0);
}

ALWAYS_TEST(who_asks_again_for_a_value_that_was_taken_is_fair, rota_oneshot_close(&oneshot))
{
	void *nothing;

	CHECK_EQ(rota_oneshot_recv(&oneshot, &nothing), ROTA_ECLOSED);
}

ALWAYS_TEST(who_listens_to_himself_is_fair, {
	CHECK_EQ(rota_broadcast_init(&broadcast, sizeof value, 1), 0);
	rota_broadcast_subscribe(&broadcast, &receiver);
})
{
	CHECK_EQ(rota_broadcast_send(&broadcast, &value), 0);
	CHECK_EQ(rota_broadcast_recv(&receiver, &value, NULL), 0);
}

ALWAYS_TEST(who_watches_what_is_always_new_is_fair, CHECK_EQ(rota_watch_init(&watch, sizeof value, &value), 0))
{
	CHECK_EQ(rota_watch_set(&watch, &value), 0);
	CHECK_EQ(rota_watch_next(&watch, &seen, &value), 0);
}

ALWAYS_TEST(who_has_always_a_job_is_fair, CHECK_EQ(rota_queue_init(&queue, sizeof value, 0, ROTA_QUEUE_FIFO, NULL), 0))
{
	CHECK_EQ(rota_queue_put(&queue, &value), 0);
	CHECK_EQ(rota_queue_get(&queue, &value), 0);
	CHECK_EQ(rota_queue_task_done(&queue), 0);
	CHECK_EQ(rota_queue_join(&queue), 0);
}

/* ---- several, and tasks ---- */

static struct rota_task *ended;
static struct rota_scope ended_in;

ALWAYS_TEST(who_selects_what_is_always_there_is_fair, )
{
	struct rota_branch branches[] = { rota_on_event(&set), rota_on_fd(pipe_ends[1], ROTA_WRITABLE) };

	CHECK(rota_select(branches, 2) >= 0);
}

ALWAYS_TEST(who_selects_without_time_is_fair, )
{
	struct rota_branch branches[] = { rota_on_event(&unset) };

	CHECK(rota_select_until(branches, 1, ROTA_NOW) < 0);
}

static int end_at_once(void *arg)
{
	return 7;
}

static void have_one_that_has_ended(void)
{
	rota_scope_open(&ended_in);
	CHECK_EQ(rota_spawn_task(&ended, &ended_in, end_at_once, NULL, NULL), 0);
	CHECK_EQ(rota_join(ended, NULL), 0);
}

static void join_one_that_has_ended(void)
{
	int result;

	CHECK_EQ(rota_join(ended, &result), 0);
	CHECK_EQ(result, 7);
	CHECK_EQ(rota_wait(&ended, 1, ROTA_WAIT_ALL), 1);
}

UNWATCHED_TEST(who_joins_one_that_has_ended_is_fair)
{
	have_one_that_has_ended();
	check_fair(join_one_that_has_ended);
	CHECK_EQ(rota_scope_join(&ended_in), 0);
}

ALWAYS_TEST(who_joins_empty_scopes_is_fair, )
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

ALWAYS_TEST(who_always_has_time_is_fair, )
{
	CHECK_EQ(rota_timeout(ROTA_FOREVER, succeed, NULL), 0);
}

ALWAYS_TEST(who_sleeps_until_what_has_passed_is_fair, )
{
	rota_sleep_until(ROTA_NOW);
}

/* ---- the system ---- */

static int file;

static void read_file(void)
{
	char byte;

	rota_pread(file, &byte, 1, 0);
}

UNWATCHED_TEST(who_reads_a_file_in_memory_is_fair)
{
	CHECK((file = memfd_create("file", MFD_CLOEXEC)) >= 0);
	check_fair(read_file);
	close(file);
}

ALWAYS_TEST(who_resolves_numbers_is_fair, )
{
	struct rota_address address;

	rota_resolve("127.0.0.1:80", &address, 1);
}

static struct rota_process_pool *pool;

static int echo_nothing(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	*out_bytes = 0;
	return 0;
}

static void call_in_a_process(void)
{
	struct rota_answer answer = { NULL };

	rota_process_call(pool, echo_nothing, NULL, 0, &answer);
	rota_free(answer.data);
}

static int call_for_ever(void *arg)
{
	check_fair(call_in_a_process);
	return 0;
}

TEST(who_calls_in_a_process_again_and_again_is_fair)
{
	struct rota_options options = { .blocked_ns = ROTA_FOREVER };

	CHECK_EQ(rota_process_pool_open(&pool, NULL), 0);
	CHECK_EQ(rota_run(call_for_ever, NULL, &options), 0);
	rota_process_pool_close(pool);
}

/* ---- what promises not to let others run ---- */

static bool another_ran;

static int run_once(void *arg)
{
	store_relaxed(&another_ran, true);
	return 0;
}

static void try_everything(void)
{
	struct rota_branch branches[] = { rota_on_event(&set) };
	int result;

	CHECK_EQ(rota_mutex_try_lock(&mutex), 0);
	CHECK_EQ(rota_mutex_unlock(&mutex), 0);
	CHECK_EQ(rota_rwlock_try_read(&lock), 0);
	CHECK_EQ(rota_rwlock_unlock(&lock), 0);
	CHECK_EQ(rota_semaphore_try_acquire(&permits, 1), 0);
	CHECK_EQ(rota_semaphore_release(&permits, 1), 0);
	CHECK_EQ(rota_chan_try_send(&chan, &value), 0);
	CHECK_EQ(rota_chan_try_recv(&chan, &value), 0);
	CHECK_EQ(rota_queue_try_put(&queue, &value), 0);
	CHECK_EQ(rota_queue_try_get(&queue, &value), 0);
	CHECK_EQ(rota_try_select(branches, 1), 0);
	CHECK_EQ(rota_try_join(ended, &result), 0);
}

UNWATCHED_TEST(a_try_never_lets_others_run_however_often)
{
	enum { OFTEN = 5000 };
	struct rota_scope scope;

	not_where_work_is_stolen("who keeps a thread for long has his worker taken from it");
	have_one_that_has_ended();
	rota_semaphore_init(&permits, 1, 1);
	CHECK_EQ(rota_chan_init(&chan, sizeof value, 1), 0);
	CHECK_EQ(rota_queue_init(&queue, sizeof value, 0, ROTA_QUEUE_FIFO, NULL), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, run_once, NULL);
	for (int i = 0; i < OFTEN; i++)
		try_everything();
	CHECK(!load_relaxed(&another_ran));
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_scope_join(&ended_in), 0);
	CHECK_EQ(rota_queue_fini(&queue), 0);
	CHECK_EQ(rota_chan_fini(&chan), 0);
}
