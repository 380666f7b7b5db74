/* alive.c - what keeps a loop alive is listed, each kind with its place; and what may be let go */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/children.h"
#include "loop.h"

/* ---- the list as text ---- */

static char text[1024];
static struct rota_alive first, last;

static void add(const struct rota_alive *what, void *arg)
{
	CHECK(arg == text);
	if (*text == '\0')
		first = *what;
	last = *what;
	strcat(text, what->kind);
	strcat(text, what->closing ? "~" : what->referenced ? "" : "-");
	strcat(text, " ");
}

/* "conn idle- ": those that are unreferenced with a '-', those that are being closed with a '~'. */
static const char *listed(struct rota_loop *loop)
{
	*text = '\0';
	CHECK(rota_loop_each_alive(loop, add, text) >= 0);
	return text;
}

/* It is the first reason, made at `site`, and known by its function. */
static void is_listed(struct rota_loop *loop, const char *kind, const char *site, void (*fn)(void))
{
	CHECK(rota_loop_alive(loop));
	listed(loop);
	CHECK_STR(first.kind, kind);
	CHECK_STR(first.site, site);
	CHECK(first.fn == fn);
	CHECK(first.referenced);
}

/* And no other is. */
static void only(struct rota_loop *loop, const char *kind, const char *site, void (*fn)(void))
{
	is_listed(loop, kind, site, fn);
	CHECK_EQ(strlen(text), strlen(kind) + 1);
}

#define FN(fn) ((void (*)(void))(fn))

static void nothing(void *arg)
{
}

static void on_timer(struct rota_timer *timer)
{
}

static void on_watcher(struct rota_watcher *watcher)
{
	rota_watcher_stop(watcher);
}

/* ---- each kind ---- */

LOOP_TEST(nothing_keeps_a_new_loop)
{
	CHECK_STR(listed(loop), "");
	CHECK_EQ(rota_loop_each_alive(NULL, add, NULL), -EPERM);
}

LOOP_TEST(timeouts_intervals_and_immediates_are_listed)
{
	const char *site;
	int64_t interval;

	site = ROTA_HERE; CHECK(rota_set_timeout(loop, 0, nothing, NULL) > 0);
	only(loop, "timeout", site, FN(nothing));
	run(loop);
	site = ROTA_HERE; CHECK(rota_set_immediate(loop, nothing, NULL) > 0);
	only(loop, "immediate", site, FN(nothing));
	run(loop);
	site = ROTA_HERE; interval = rota_set_interval(loop, ROTA_SECONDS(100), nothing, NULL);
	only(loop, "interval", site, FN(nothing));
	CHECK_EQ(rota_unref(loop, interval), 0);
	CHECK_STR(listed(loop), "interval- ");
	CHECK_EQ(rota_clear(loop, interval), 0);
	CHECK_STR(listed(loop), "");
}

LOOP_TEST(timers_are_listed_near_and_far_ones)
{
	static struct rota_timer timers[100], due;
	const char *site = ROTA_HERE; rota_timer_start(loop, &due, ROTA_NOW);

	due.fn = on_timer;
	only(loop, "timer", site, FN(on_timer));
	/* Falling deadlines hang below each other in the heap of near ones; the rest is all over the wheel. */
	for (unsigned i = 0; i < 100; i++) {
		timers[i].fn = on_timer;
		rota_timer_start(loop, &timers[i], i < 50 ? 50 - i : rota_now_ns() + (ROTA_SECONDS(1) << (i - 50) / 3));
	}
	CHECK_EQ(rota_loop_each_alive(loop, add, strcpy(text, "")), 101);
	for (unsigned i = 50; i < 100; i++)
		rota_timer_stop(&timers[i]);
	CHECK_EQ(rota_loop_each_alive(loop, add, strcpy(text, "")), 51);
	run(loop); /* the heap has kept its order: all of them fire */
	CHECK_STR(listed(loop), "");
}

static struct rota_timer ordered[64];
static unsigned in_order;

/* (i * 37) % 64 takes each value once. */
static unsigned rank_of(const struct rota_timer *timer)
{
	return (unsigned)(timer - ordered) * 37 % 64;
}

static void note_order(struct rota_timer *timer)
{
	CHECK_EQ(rank_of(timer), in_order);
	in_order++;
}

LOOP_TEST(a_listing_does_not_change_the_order_of_timers)
{
	for (unsigned i = 0; i < 64; i++) {
		ordered[i].fn = note_order;
		rota_timer_start(loop, &ordered[i], rank_of(&ordered[i]) + 1);
		listed(loop);
	}
	run(loop);
	CHECK_EQ(in_order, 64);
}

LOOP_TEST(watchers_are_listed_by_their_phase)
{
	static const char *const kinds[] = { "idle", "prepare", "check" };
	struct rota_watcher watcher = { .fn = on_watcher };

	for (int phase = ROTA_IDLE; phase <= ROTA_CHECK; phase++) {
		const char *site = ROTA_HERE; rota_watcher_start(loop, &watcher, (enum rota_phase)phase);

		only(loop, kinds[phase], site, FN(on_watcher));
		rota_watcher_stop(&watcher);
		CHECK_STR(listed(loop), "");
	}
}

static void list_from_within(struct rota_watcher *watcher)
{
	CHECK_STR(listed(watcher->loop), "idle ");
	rota_watcher_stop(watcher);
}

LOOP_TEST(a_watcher_may_list_itself)
{
	struct rota_watcher watcher = { .fn = list_from_within };

	rota_watcher_start(loop, &watcher, ROTA_IDLE);
	run(loop);
}

static void on_result(struct rota_request *request, int64_t result)
{
	CHECK_STR(listed(request->loop), ""); /* it is over */
}

static int no_work(void *arg)
{
	return 0;
}

/* What has ended on another thread is listed as a post, too. */
LOOP_TEST(requests_are_listed_ops_work_and_names)
{
	static struct rota_request request;
	static struct rota_file_info info;
	static struct rota_address addresses[4];
	char buf[64];
	const char *site;

	site = ROTA_HERE; CHECK_EQ(rota_request_stat(loop, &request, "/", &info, on_result), 0);
	is_listed(loop, "request", site, FN(on_result));
	run(loop);
	site = ROTA_HERE; CHECK_EQ(rota_request_realpath(loop, &request, "/", buf, sizeof buf, NULL), 0);
	is_listed(loop, "request", site, NULL);
	run(loop);
	site = ROTA_HERE; CHECK_EQ(rota_request_blocking(loop, &request, no_work, NULL, NULL), 0);
	is_listed(loop, "request", site, NULL);
	run(loop);
	site = ROTA_HERE; CHECK_EQ(rota_request_resolve(loop, &request, "127.0.0.1:80", addresses, 4, NULL), 0);
	is_listed(loop, "request", site, NULL);
	run(loop);
	CHECK_STR(listed(loop), "");
}

static void on_exit_of(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	*(int *)arg = how->code;
	rota_process_close(process);
}

static struct rota_process *start(struct rota_loop *loop, const char *program, const char *argument, int *ret_code)
{
	const char *const argv[] = { program, argument, NULL };
	struct rota_command command = { .argv = argv };
	struct rota_process *process;

	CHECK_EQ(rota_process_start_on(loop, &process, &command, on_exit_of, ret_code), 0);
	return process;
}

LOOP_TEST(processes_are_listed_with_their_number)
{
	int code = -1;
	struct rota_process *process = start(loop, "cat", "/dev/null", &code);

	CHECK(strncmp(listed(loop), "process ", 8) == 0);
	CHECK_EQ(first.pid, rota_process_pid(process));
	CHECK(strstr(first.site, "alive.c:") != NULL);
	CHECK(first.fn == FN(on_exit_of));
	run(loop);
	CHECK_EQ(code, 0);
	CHECK_STR(listed(loop), "");
}

static struct rota_result no_result(void *arg)
{
	return rota_result_value(NULL, NULL);
}

LOOP_TEST(promises_that_something_outside_settles_are_listed)
{
	struct rota_promise_sender *sender;
	struct rota_promise *p;
	const char *site;

	site = ROTA_HERE; p = rota_promise_sleep(loop, 0);
	rota_promise_set_name(p, "nap");
	only(loop, "promise sleep", site, NULL);
	CHECK_STR(last.name, "nap");
	rota_promise_unref(p);
	run(loop);
	site = ROTA_HERE; p = rota_promise_blocking(loop, no_result, NULL);
	is_listed(loop, "promise blocking", site, NULL);
	rota_promise_unref(p);
	run(loop);
	site = ROTA_HERE; p = rota_promise_new(loop);
	CHECK_EQ(rota_promise_sender_new(&sender, p), 0);
	only(loop, "promise sender", site, NULL);
	rota_promise_send(sender, rota_result_value(NULL, NULL));
	CHECK_STR(listed(loop), "promise sender post ");
	rota_promise_unref(p);
	run(loop);
	CHECK_STR(listed(loop), "");
}

static void on_post(struct rota_post *post)
{
}

LOOP_TEST(posts_ticks_and_microtasks_are_listed_with_their_functions)
{
	struct rota_post post = { .fn = on_post };

	rota_post(loop, &post);
	only(loop, "post", "nowhere", FN(on_post));
	run(loop);
	CHECK_EQ(rota_next_tick(loop, nothing, NULL), 0);
	only(loop, "tick", "nowhere", FN(nothing));
	run(loop);
	CHECK_EQ(rota_queue_microtask(loop, nothing, NULL), 0);
	only(loop, "microtask", "nowhere", FN(nothing));
	run(loop);
}

static void on_connection(struct rota_acceptor *acceptor, int rc)
{
}

static void on_read(struct rota_conn *conn, const void *data, ssize_t size)
{
}

static void on_change(struct rota_path_watch *watch, const struct rota_change *change)
{
}

LOOP_TEST(handles_are_listed_while_they_wait_with_descriptor_and_path)
{
	static struct rota_conn a, b;
	static struct rota_acceptor door;
	static struct rota_path_watch watch;
	const char *site;

	site = ROTA_HERE; CHECK_EQ(rota_conn_pair(loop, &a, &b), 0);
	CHECK_STR(listed(loop), ""); /* open, but waiting for nothing */
	CHECK_EQ(rota_conn_read_start(&b, on_read), 0);
	only(loop, "conn", site, NULL);
	CHECK(last.handle == &b.handle);
	CHECK_EQ(last.fd, rota_conn_fd(&b));
	rota_handle_unref(&b.handle);
	CHECK_STR(listed(loop), "conn- ");
	CHECK_EQ(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, on_connection), 0);
	CHECK_STR(listed(loop), "conn- acceptor ");
	CHECK(last.fd >= 0);
	CHECK_EQ(rota_path_watch_start(loop, &watch, "/tmp", 0, on_change), 0);
	CHECK_STR(listed(loop), "conn- acceptor watch ");
	CHECK_STR(last.name, "/tmp");
	CHECK_EQ(last.fd, -1);
	rota_handle_close(&b.handle, NULL);
	rota_handle_close(&watch.handle, NULL);
	CHECK_STR(listed(loop), "conn~ acceptor watch~ ");
	rota_handle_close(&door.handle, NULL);
	run(loop);
	CHECK_STR(listed(loop), "");
}

/* ---- what is unreferenced ---- */

LOOP_TEST(an_unreferenced_timer_does_not_keep_the_loop)
{
	struct rota_timer timer = { .fn = on_timer };

	CHECK(rota_timer_has_ref(&timer));
	rota_timer_unref(&timer); /* before its start, too */
	rota_timer_unref(&timer);
	rota_timer_start(loop, &timer, rota_deadline(ROTA_SECONDS(1000)));
	CHECK(!rota_timer_has_ref(&timer));
	CHECK_STR(listed(loop), "timer- ");
	CHECK(!rota_loop_alive(loop));
	run(loop);
	rota_timer_ref(&timer);
	rota_timer_ref(&timer);
	CHECK_STR(listed(loop), "timer ");
	CHECK(rota_loop_alive(loop));
	rota_timer_unref(&timer);
	CHECK(!rota_loop_alive(loop));
	rota_timer_start(loop, &timer, rota_deadline(ROTA_SECONDS(2000))); /* moved, it stays so */
	CHECK(!rota_loop_alive(loop));
	rota_timer_stop(&timer);
	CHECK(!rota_loop_alive(loop));
	rota_timer_ref(&timer);
	rota_timer_start(loop, &timer, ROTA_NOW);
	CHECK(rota_loop_alive(loop));
	run(loop);
}

static unsigned fired;

static void count_timer(struct rota_timer *timer)
{
	fired++;
}

LOOP_TEST(an_unreferenced_timer_fires_while_others_keep_the_loop)
{
	static struct rota_timer timer = { .fn = count_timer };

	rota_timer_unref(&timer);
	rota_timer_start(loop, &timer, ROTA_NOW);
	CHECK(rota_set_immediate(loop, nothing, NULL) > 0);
	run(loop);
	CHECK_EQ(fired, 1);
	CHECK(!rota_loop_alive(loop));
}

LOOP_TEST(an_unreferenced_watcher_does_not_keep_the_loop)
{
	for (int phase = ROTA_IDLE; phase <= ROTA_CHECK; phase++) {
		struct rota_watcher watcher = { .fn = on_watcher };

		rota_watcher_unref(&watcher);
		rota_watcher_start(loop, &watcher, (enum rota_phase)phase);
		CHECK(!rota_watcher_has_ref(&watcher));
		CHECK(!rota_loop_alive(loop));
		run(loop);
		rota_watcher_ref(&watcher);
		rota_watcher_ref(&watcher);
		CHECK(rota_loop_alive(loop));
		rota_watcher_unref(&watcher);
		rota_watcher_unref(&watcher);
		CHECK(!rota_loop_alive(loop));
		CHECK(rota_set_immediate(loop, nothing, NULL) > 0);
		run(loop); /* it runs beside that, and stops itself */
		CHECK(!watcher.active);
		rota_watcher_ref(&watcher);
		CHECK(!rota_loop_alive(loop));
	}
}

static void note_exit(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	*(int *)arg = how->signal;
}

/* It runs until it is killed: nobody writes to its input. */
static struct rota_process *start_patient(struct rota_loop *loop, int *ret_signal)
{
	static const char *const argv[] = { "cat", NULL };
	struct rota_command command = { .argv = argv, .in = { .kind = ROTA_STDIO_PIPE } };
	struct rota_process *process;

	CHECK_EQ(rota_process_start_on(loop, &process, &command, note_exit, ret_signal), 0);
	return process;
}

static void supervise(struct rota_loop *loop)
{
	int signal = 0;
	struct rota_process *process = start_patient(loop, &signal);
	int64_t keeper;

	CHECK(rota_process_has_ref(process));
	rota_process_unref(process);
	rota_process_unref(process);
	CHECK(!rota_process_has_ref(process));
	while (rota_loop_alive(loop)) /* a first look, where there are no pidfds */
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_STR(listed(loop), "process- ");
	run(loop);
	rota_process_ref(process);
	rota_process_ref(process);
	CHECK(rota_loop_alive(loop));
	rota_process_unref(process);
	CHECK(!rota_loop_alive(loop));

	/* Its end is told while others keep the loop. */
	keeper = rota_set_timeout(loop, ROTA_SECONDS(1000), nothing, NULL);
	CHECK_EQ(rota_process_kill(process, SIGTERM), 0);
	while (signal == 0)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	CHECK_EQ(signal, SIGTERM);
	CHECK_EQ(rota_clear(loop, keeper), 0);
	rota_process_ref(process);
	rota_process_unref(process);
	rota_process_close(process);
	run(loop);

	/* A close references it: its remains are taken away. */
	process = start_patient(loop, &signal);
	rota_process_unref(process);
	rota_process_close(process);
	run(loop);
}

LOOP_TEST(a_supervisor_ends_while_its_unreferenced_child_runs)
{
	supervise(loop);
}

LOOP_TEST(so_it_does_on_a_system_without_pidfds)
{
	rota__process_no_pidfd = true;
	supervise(loop);
}
