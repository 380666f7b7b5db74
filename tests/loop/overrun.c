/* overrun.c - callbacks that take long: whose they are, the hook, the longest */
#include <pthread.h>
#include <rota.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/test.h"

static struct rota_loop *loop;

static struct rota_long_callback seen[64];
static unsigned seen_count;

static void note(struct rota_loop *on, const struct rota_long_callback *callback, void *arg)
{
	CHECK(on == loop && arg == &seen_count);
	if (seen_count < 64)
		seen[seen_count++] = *callback;
}

static void begin(void)
{
	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	seen_count = 0;
}

static void note_all(void)
{
	CHECK_EQ(rota_loop_on_overrun(loop, 0, note, &seen_count), 0);
}

static void end(void)
{
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(rota_loop_free(loop), 0);
}

/* What was noted of a kind, or nothing. */
static const struct rota_long_callback *of_kind(const char *kind)
{
	static const struct rota_long_callback none = { .kind = "none", .site = "nowhere" };

	for (unsigned i = 0; i < seen_count; i++)
		if (strcmp(seen[i].kind, kind) == 0)
			return &seen[i];
	return &none;
}

#define CHECK_FN(kind_, fn_) CHECK(of_kind(kind_)->fn == (void (*)(void))(fn_))

static void nothing(void *arg)
{
}

static void spin_until(uint64_t end_ns)
{
	while (rota_now_ns() < end_ns)
		;
}

static void spin_20_ms(void *arg)
{
	spin_until(rota_deadline(ROTA_MILLISECONDS(20)));
}

TEST(nothing_is_kept_before_somebody_asks_and_after_nobody_does)
{
	struct rota_long_callback c;

	begin();
	CHECK_EQ(rota_loop_longest(loop, &c, 1), -ENODATA);
	CHECK_EQ(rota_loop_on_overrun(NULL, 0, note, NULL), -EPERM);
	CHECK_EQ(rota_loop_keep_longest(NULL, 1), -EPERM);
	CHECK_EQ(rota_loop_keep_longest(loop, ROTA_LONGEST_MAX + 1), -EINVAL);
	CHECK_EQ(rota_loop_on_overrun(loop, 0, note, &seen_count), 0);
	CHECK_EQ(rota_loop_longest(loop, &c, 1), -ENODATA);
	CHECK_EQ(rota_loop_keep_longest(loop, ROTA_LONGEST_MAX), 0);
	CHECK_EQ(rota_loop_longest(loop, &c, 1), 0);
	CHECK(rota_set_immediate(loop, nothing, NULL) > 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(rota_loop_longest(loop, &c, 1), 1);
	CHECK_EQ(rota_loop_longest(loop, &c, 0), 0);
	CHECK_EQ(rota_loop_keep_longest(loop, 0), 0);
	CHECK_EQ(rota_loop_longest(loop, &c, 1), -ENODATA);
	end();
}

static int64_t interval;

static void once(void *arg)
{
	CHECK_EQ(rota_clear(loop, interval), 0);
}

TEST(timeouts_intervals_and_immediates_say_where_they_were_set)
{
	const char *timeout_site, *interval_site, *immediate_site;

	begin();
	note_all();
	timeout_site = ROTA_HERE; CHECK(rota_set_timeout(loop, 0, nothing, NULL) > 0);
	interval_site = ROTA_HERE; interval = rota_set_interval(loop, 0, once, NULL);
	immediate_site = ROTA_HERE; CHECK(rota_set_immediate(loop, spin_20_ms, NULL) > 0);
	end();
	CHECK_EQ(seen_count, 3);
	CHECK_STR(of_kind("timeout")->site, timeout_site);
	CHECK_FN("timeout", nothing);
	CHECK_STR(of_kind("interval")->site, interval_site);
	CHECK_FN("interval", once);
	CHECK_STR(of_kind("immediate")->site, immediate_site);
	CHECK_FN("immediate", spin_20_ms);
	CHECK(of_kind("immediate")->length_ns >= ROTA_MILLISECONDS(20));
}

static void on_timer(struct rota_timer *timer)
{
}

static void stop_it(struct rota_watcher *watcher)
{
	rota_watcher_stop(watcher);
}

static void on_post(struct rota_post *post)
{
}

static int no_work(void *arg)
{
	return 0;
}

static void on_request(struct rota_request *request, int64_t result)
{
}

static void on_exit_of(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	rota_process_close(process);
}

TEST(what_lies_in_the_callers_memory_says_where_it_was_started_and_which_function_it_was)
{
	static const char *const argv[] = { "true", NULL };
	struct rota_command command = { .argv = argv };
	const char *timer_site, *idle_site, *prepare_site, *check_site, *request_site, *process_site;
	struct rota_process *process;
	static struct rota_timer timer = { .fn = on_timer };
	static struct rota_watcher idle = { .fn = stop_it }, prepare = { .fn = stop_it }, check = { .fn = stop_it };
	static struct rota_post post = { .fn = on_post };
	static struct rota_request request;

	begin();
	note_all();
	timer_site = ROTA_HERE; rota_timer_start(loop, &timer, ROTA_NOW);
	idle_site = ROTA_HERE; rota_watcher_start(loop, &idle, ROTA_IDLE);
	prepare_site = ROTA_HERE; rota_watcher_start(loop, &prepare, ROTA_PREPARE);
	check_site = ROTA_HERE; rota_watcher_start(loop, &check, ROTA_CHECK);
	rota_post(loop, &post);
	CHECK_EQ(rota_next_tick(loop, nothing, NULL), 0);
	CHECK_EQ(rota_queue_microtask(loop, spin_20_ms, NULL), 0);
	request_site = ROTA_HERE; CHECK_EQ(rota_request_blocking(loop, &request, no_work, NULL, on_request), 0);
	process_site = ROTA_HERE; CHECK_EQ(rota_process_start_on(loop, &process, &command, on_exit_of, NULL), 0);
	end();
	CHECK_FN("timer", on_timer);
	CHECK_STR(of_kind("timer")->site, timer_site);
	CHECK_FN("idle", stop_it);
	CHECK_STR(of_kind("idle")->site, idle_site);
	CHECK_FN("prepare", stop_it);
	CHECK_STR(of_kind("prepare")->site, prepare_site);
	CHECK_FN("check", stop_it);
	CHECK_STR(of_kind("check")->site, check_site);
	CHECK_FN("post", on_post);
	CHECK_FN("tick", nothing);
	CHECK_FN("microtask", spin_20_ms);
	CHECK_FN("request", on_request);
	CHECK_STR(of_kind("request")->site, request_site);
	CHECK_FN("process", on_exit_of);
	CHECK_STR(of_kind("process")->site, process_site);
	CHECK(of_kind("tick")->site == NULL);
}

static struct rota_result answer(const struct rota_settled *it, void *arg)
{
	return rota_result_value(NULL, NULL);
}

static struct rota_result answer_finally(const struct rota_settled *it, void *arg)
{
	return rota_result_value(NULL, NULL);
}

TEST(handlers_of_promises_say_where_their_promise_was_made)
{
	const char *then_site, *catch_site, *finally_site;
	struct rota_promise *p;

	begin();
	note_all();
	p = rota_promise_of(loop, rota_result_error(-EIO));
	then_site = ROTA_HERE; p = rota_promise_then(p, answer, NULL, NULL);
	catch_site = ROTA_HERE; p = rota_promise_catch(p, answer, NULL);
	finally_site = ROTA_HERE; p = rota_promise_finally(p, answer_finally, NULL);
	rota_promise_unref(p);
	end();
	CHECK(strcmp(then_site, catch_site) != 0);
	CHECK_STR(of_kind("promise")->site, catch_site); /* then has no function for a rejection */
	CHECK_FN("promise", answer);
	CHECK_STR(seen[seen_count - 3].kind, "promise"); /* and two jobs follow it */
	CHECK_STR(seen[seen_count - 3].site, finally_site);
	CHECK(seen[seen_count - 3].fn == (void (*)(void))answer_finally);
}

static struct rota_async async;
static struct rota_conn reader, writer;
static struct rota_write hello;

static void on_async(struct rota_async *a)
{
	CHECK_EQ(rota_handle_close(&a->handle, NULL), 0);
}

static void on_read(struct rota_conn *c, const void *data, ssize_t size)
{
	CHECK_EQ(rota_handle_close(&c->handle, NULL), 0);
	CHECK_EQ(rota_handle_close(&writer.handle, NULL), 0);
}

static void on_written(struct rota_write *write, int rc)
{
}

/* One of a kind with that function. */
static const struct rota_long_callback *of_function(const char *kind, void (*fn)(void))
{
	for (unsigned i = 0; i < seen_count; i++)
		if (strcmp(seen[i].kind, kind) == 0 && seen[i].fn == fn)
			return &seen[i];
	return of_kind("none");
}

TEST(handles_say_where_they_were_opened_and_which_function_it_was)
{
	const char *async_site, *pipe_site;

	begin();
	note_all();
	async_site = ROTA_HERE; CHECK_EQ(rota_async_open(loop, &async, on_async), 0);
	pipe_site = ROTA_HERE; CHECK_EQ(rota_conn_pipe(loop, &reader, &writer), 0);
	rota_async_send(&async);
	CHECK_EQ(rota_conn_read_start(&reader, on_read), 0);
	CHECK_EQ(rota_conn_write(&writer, &hello, "hello", 5, on_written), 0);
	end();
	CHECK_STR(of_kind("async")->site, async_site);
	CHECK_FN("async", on_async);
	CHECK_STR(of_function("conn", (void (*)(void))on_read)->site, pipe_site);
	CHECK_STR(of_function("conn", (void (*)(void))on_written)->site, pipe_site);
}

static char order[64];

static void say(void *arg)
{
	strcat(order, arg);
}

static void queue_both(void *arg)
{
	say("callback ");
	CHECK_EQ(rota_queue_microtask(loop, say, "microtask "), 0);
	CHECK_EQ(rota_next_tick(loop, say, "tick "), 0);
}

static void say_hook(struct rota_loop *on, const struct rota_long_callback *callback, void *arg)
{
	say("hook ");
}

TEST(the_hook_comes_before_the_ticks_and_microtasks_of_its_callback)
{
	begin();
	order[0] = '\0';
	CHECK_EQ(rota_loop_on_overrun(loop, 0, say_hook, NULL), 0);
	CHECK(rota_set_timeout(loop, 0, queue_both, NULL) > 0);
	end();
	CHECK_STR(order, "callback hook tick hook microtask hook ");
}

TEST(the_hook_hears_only_of_callbacks_as_long_as_its_limit)
{
	begin();
	CHECK_EQ(rota_loop_on_overrun(loop, ROTA_SECONDS(100000), note, &seen_count), 0);
	CHECK(rota_set_timeout(loop, 0, spin_20_ms, NULL) > 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(seen_count, 0);
	CHECK_EQ(rota_loop_on_overrun(loop, ROTA_MILLISECONDS(20), note, &seen_count), 0);
	CHECK(rota_set_timeout(loop, 0, spin_20_ms, NULL) > 0);
	end();
	CHECK_FN("timeout", spin_20_ms);
}

static void off(struct rota_loop *on, const struct rota_long_callback *callback, void *arg)
{
	note(on, callback, arg);
	CHECK_EQ(rota_loop_on_overrun(on, 0, NULL, NULL), 0);
}

TEST(a_hook_that_ends_itself_is_not_called_again)
{
	begin();
	CHECK_EQ(rota_loop_on_overrun(loop, 0, off, &seen_count), 0);
	CHECK_EQ(rota_next_tick(loop, nothing, NULL), 0);
	CHECK_EQ(rota_next_tick(loop, nothing, NULL), 0);
	CHECK(rota_set_timeout(loop, 0, nothing, NULL) > 0);
	end();
	CHECK_EQ(seen_count, 1);
}

static void note_from_here(void *arg)
{
	note_all();
}

TEST(a_callback_that_begins_to_time_is_the_first)
{
	begin();
	CHECK(rota_set_timeout(loop, 0, note_from_here, NULL) > 0);
	CHECK(rota_set_timeout(loop, 0, nothing, NULL) > 0);
	end();
	CHECK_EQ(seen_count, 2);
	CHECK_STR(seen[0].kind, "timer"); /* before it was called nobody asked whose it was */
	CHECK(seen[1].fn == (void (*)(void))nothing);
}

static void note_and_spin(struct rota_loop *on, const struct rota_long_callback *callback, void *arg)
{
	note(on, callback, arg);
	spin_20_ms(NULL);
}

TEST(neither_sleep_nor_the_hook_counts_as_a_callbacks_time)
{
	uint64_t due_ns;

	begin();
	CHECK_EQ(rota_loop_on_overrun(loop, 0, note_and_spin, &seen_count), 0);
	due_ns = rota_deadline(ROTA_MILLISECONDS(30));
	CHECK(rota_set_timeout(loop, ROTA_MILLISECONDS(30), nothing, NULL) > 0);
	CHECK(rota_set_timeout(loop, ROTA_MILLISECONDS(30), nothing, NULL) > 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(seen_count, 2);
	CHECK(seen[0].end_ns - seen[0].length_ns >= due_ns);
	CHECK(seen[1].end_ns - seen[1].length_ns >= seen[0].end_ns + ROTA_MILLISECONDS(20));
	end();
}

static uint64_t task_paused_ns;
static bool fired;

static void fire(void *arg)
{
	fired = true;
}

static int compute_beside_callbacks(void *arg)
{
	loop = rota_loop_current();
	note_all();
	CHECK(rota_set_timeout(loop, 0, fire, NULL) > 0);
	CHECK_EQ(rota_next_tick(loop, nothing, NULL), 0);
	spin_20_ms(NULL);
	task_paused_ns = rota_now_ns();
	do
		CHECK_EQ(rota_yield(), 0);
	while (!fired);
	CHECK_EQ(rota_loop_on_overrun(loop, 0, NULL, NULL), 0);
	return 0;
}

TEST(what_a_task_computes_is_no_callbacks_time)
{
	struct rota_options one = { .model = ROTA_SINGLE };

	CHECK_EQ(rota_run(compute_beside_callbacks, NULL, &one), 0);
	CHECK_STR(seen[0].kind, "tick");
	CHECK(seen[0].end_ns - seen[0].length_ns >= task_paused_ns);
	CHECK_FN("timeout", fire);
	CHECK(of_kind("timeout")->end_ns - of_kind("timeout")->length_ns >= task_paused_ns);
}

/* ---- the longest ---- */

static void spin_until_it_is_longest(void *arg)
{
	uint64_t *longest_ns = arg, start_ns = rota_now_ns();

	*longest_ns *= 2;
	spin_until(start_ns + *longest_ns);
}

TEST(of_each_place_the_longest_is_kept_and_the_shortest_places_go)
{
	uint64_t length_ns = ROTA_MILLISECONDS(1);
	struct rota_long_callback c[4];

	begin();
	CHECK_EQ(rota_loop_keep_longest(loop, 2), 0);
	for (int i = 0; i < 3; i++) /* one place */
		CHECK(rota_set_timeout(loop, 0, spin_until_it_is_longest, &length_ns) > 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(rota_loop_longest(loop, c, 4), 1);
	CHECK(c[0].length_ns >= ROTA_MILLISECONDS(8));

	/* Each longer than what is there, so whatever disturbs us the first place is the one that goes. */
	length_ns = c[0].length_ns;
	CHECK(rota_set_immediate(loop, spin_until_it_is_longest, &length_ns) > 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(rota_loop_longest(loop, c, 4), 2);
	CHECK_STR(c[0].kind, "immediate");
	CHECK_STR(c[1].kind, "timeout");
	length_ns = c[0].length_ns;
	CHECK_EQ(rota_next_tick(loop, spin_until_it_is_longest, &length_ns), 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(rota_loop_longest(loop, c, 4), 2);
	CHECK_STR(c[0].kind, "tick");
	CHECK_STR(c[1].kind, "immediate");
	CHECK(c[0].length_ns > c[1].length_ns);
	CHECK_EQ(rota_loop_longest(loop, c, 1), 1);
	CHECK_STR(c[0].kind, "tick");

	CHECK_EQ(rota_loop_keep_longest(loop, 2), 0); /* anew */
	CHECK_EQ(rota_loop_longest(loop, c, 4), 0);
	end();
}

/* It reads until it has seen all. */
static void *read_on(void *arg)
{
	static struct rota_post wake = { .fn = on_post };
	struct rota_long_callback c[3];
	int count;

	do {
		count = rota_loop_longest(loop, c, 3);
		CHECK(count >= 0);
		for (int i = 0; i < count; i++)
			CHECK(c[i].kind != NULL && (i == 0 || c[i].length_ns <= c[i - 1].length_ns));
	} while (count < 3);
	rota_post(loop, &wake);
	return NULL;
}

static unsigned rounds;

static void grow(void *arg)
{
	spin_until(rota_deadline(++rounds * 1000));
	if (rounds == 20) {
		CHECK_EQ(rota_next_tick(loop, nothing, NULL), 0);
		CHECK_EQ(rota_queue_microtask(loop, nothing, NULL), 0);
		CHECK_EQ(rota_clear(loop, interval), 0);
	}
}

TEST(another_thread_reads_what_is_kept)
{
	pthread_t thread;

	begin();
	CHECK_EQ(rota_loop_keep_longest(loop, 4), 0);
	interval = rota_set_interval(loop, 0, grow, NULL);
	CHECK_EQ(pthread_create(&thread, NULL, read_on, NULL), 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	end();
}

TEST(a_forks_child_goes_on_with_what_is_kept)
{
	struct rota_long_callback c;
	int status;
	pid_t child;

	begin();
	CHECK_EQ(rota_loop_keep_longest(loop, 1), 0);
	CHECK(rota_set_immediate(loop, nothing, NULL) > 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	child = fork();
	if (child == 0) {
		CHECK_EQ(rota_loop_after_fork(loop), 0);
		CHECK_EQ(rota_loop_longest(loop, &c, 1), 1);
		CHECK_STR(c.kind, "immediate");
		_exit(7);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	end();
}
