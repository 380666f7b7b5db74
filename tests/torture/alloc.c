/* alloc.c - the nth allocation fails, for every n, once and from then on; and the nth system call
 *
 * A small program is run again and again.  In run n the nth allocation finds no memory; the runs end
 * with the first that makes fewer than n.  Whatever fails, the program must end, answer what went
 * wrong, and leave nothing behind: no memory (counted here), no descriptor (the harness looks). */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "await/ends.h"
#include "await/temp.h"
#include "torture/failing.h"

static int run_app(void *app)
{
	return rota_run(*(rota_fn *)app, NULL, NULL);
}

static void torture(rota_fn app, bool from_then_on)
{
	temp_enter();
	torture_runs(run_app, &app, from_then_on);
}

/* TORTURE(name) { ... }: a program, as two tests.  CALLING(name): as four. */
#define CALLING(name)                                                                              \
	static int name(void *arg);                                                                \
	TEST(name##_survives_a_system_call_that_fails)                                             \
	{                                                                                          \
		rota_fn app = name;                                                                \
                                                                                                   \
		temp_enter();                                                                      \
		torture_runs_of_calls(run_app, &app);                                              \
	}                                                                                          \
	TEST(name##_survives_a_request_that_fails)                                                 \
	{                                                                                          \
		rota_fn app = name;                                                                \
                                                                                                   \
		temp_enter();                                                                      \
		torture_runs_of_completions(run_app, &app);                                        \
	}                                                                                          \
	TORTURE(name)

#define TORTURE(name)                                                                              \
	static int name(void *arg);                                                                \
	TEST(name##_survives_one_failure)                                                          \
	{                                                                                          \
		torture(name, false);                                                              \
	}                                                                                          \
	TEST(name##_survives_the_end_of_all_memory)                                                \
	{                                                                                          \
		torture(name, true);                                                               \
	}                                                                                          \
	static int name(void *arg)

/* ---- tasks ---- */

static int count;

static int count_up(void *arg)
{
	int rc = rota_yield();

	__atomic_fetch_add(&count, rc == 0, __ATOMIC_RELAXED); /* by several workers in grow_and_shrink() */
	return rc;
}

static int nest(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < 10; i++)
		rota_spawn(&scope, count_up, NULL);
	return rota_scope_join(&scope);
}

TORTURE(spawning)
{
	struct rota_scope scope;
	int rc;

	count = 0;
	rota_scope_open(&scope);
	for (int i = 0; i < 100; i++) /* the ready ring grows */
		rota_spawn(&scope, nest, NULL);
	rc = rota_scope_join(&scope);
	CHECK(rc < 0 || count == 1000);
	return rc;
}

static int sleep_short(void *arg)
{
	return rota_sleep(ROTA_MICROSECONDS(10));
}

TORTURE(combining)
{
	struct rota_call calls_of[] = { { sleep_short, NULL }, { count_up, NULL }, { nest, NULL } };
	int rc = rota_gather(calls_of, 3, NULL), winner;

	if (rc < 0)
		return rc;
	winner = rota_race(calls_of, 3, &rc);
	if (winner < 0)
		return winner;
	return rota_timeout(ROTA_SECONDS(100), nest, NULL);
}

static const struct rota_local color = { .name = "color" }, size = { .name = "size", .destroy = free };

static int see_locals(void *arg)
{
	CHECK_STR(rota_local_get(&color), "red");
	return rota_local_set(&color, (void *)"green");
}

TORTURE(task_locals)
{
	struct rota_call call = { see_locals, NULL };
	void *value = malloc(1);
	int rc = rota_local_set(&color, (void *)"red");

	if (rc == 0)
		rc = rota_local_set(&size, value);
	if (rc < 0) {
		free(value);
		return rc;
	}
	return rota_gather(&call, 1, NULL);
}

static int answer(void *arg)
{
	return *(int *)arg;
}

CALLING(blocking)
{
	int seven = 7, rc = rota_blocking(answer, &seven);

	return rc == 7 ? 0 : rc;
}

/* ---- streams ---- */

static int answer_lines(void *arg)
{
	struct rota_stream *s = arg;
	char line[128];
	ssize_t n;

	while ((n = rota_read_line(s, line, sizeof line)) >= 0) {
		line[n] = '\n';
		n = rota_write_all(s, line, (size_t)n + 1);
		if (n < 0)
			break;
	}
	rota_close(s);
	return n == ROTA_EOF ? 0 : (int)n;
}

static int ask_lines(struct rota_stream *s)
{
	char line[128];
	ssize_t n = 0;

	for (int i = 0; i < 3 && n >= 0; i++) {
		n = rota_write_all(s, "question\n", 9);
		if (n > 0)
			n = rota_peek(s, line, 4);
		if (n == 0)
			n = ROTA_EOF;
		if (n > 0)
			n = rota_read_line(s, line, sizeof line);
		CHECK(n < 0 || strcmp(line, "question") == 0);
	}
	rota_close(s);
	return n < 0 ? (int)n : 0;
}

/* One side had no memory, and said so to the other by closing. */
static int both(int rc, int joined)
{
	if (rc == -ENOMEM || joined == -ENOMEM)
		return -ENOMEM;
	return joined < 0 ? joined : rc;
}

/* A server's tasks fail without telling us; a connection that it closes is one of them. */
static int or_closed(int rc)
{
	return rc == ROTA_EOF || rc == -ECONNRESET || rc == -EPIPE ? -ENOMEM : rc;
}

CALLING(reading_and_writing)
{
	struct rota_stream *pair[2];
	struct rota_scope scope;
	int rc = rota_stream_pair(pair), joined;

	if (rc < 0)
		return rc;
	rota_scope_open(&scope);
	if (rota_spawn(&scope, answer_lines, pair[0]) < 0)
		rota_close(pair[0]);
	rc = ask_lines(pair[1]);
	joined = rota_scope_join(&scope);
	return both(rc, joined);
}

static int give_leases(void *arg)
{
	struct rota_stream *s = arg;
	struct rota_lease lease;
	ssize_t n;

	while ((n = rota_read_lease(s, &lease)) > 0) {
		n = rota_write_all(s, lease.data, lease.size);
		rota_lease_return(&lease);
		if (n < 0)
			break;
	}
	rota_close(s);
	return (int)n;
}

/* What comes from it comes unasked, where the poller can: of a Unix socket nothing does. */
static int tcp_pair(struct rota_stream *ret_pair[2])
{
	struct rota_listener *listener;
	char name[64];
	int rc = rota_tcp_listen(&listener, "127.0.0.1:0", NULL);

	if (rc < 0)
		return rc;
	rota_listener_name(listener, name, sizeof name);
	rc = rota_tcp_connect(&ret_pair[0], name, NULL);
	if (rc == 0) {
		rc = rota_accept(listener, &ret_pair[1]);
		if (rc < 0)
			rota_close(ret_pair[0]);
	}
	rota_listener_close(listener);
	return rc;
}

static int lease_between(struct rota_stream *pair[2])
{
	struct rota_scope scope;
	int rc, joined;

	rota_scope_open(&scope);
	if (rota_spawn(&scope, give_leases, pair[0]) < 0)
		rota_close(pair[0]);
	rc = ask_lines(pair[1]);
	joined = rota_scope_join(&scope);
	return both(rc, joined);
}

CALLING(leasing_buffers)
{
	struct rota_stream *pair[2];
	int rc = rota_stream_pair(pair);

	return rc < 0 ? rc : lease_between(pair);
}

CALLING(leasing_buffers_over_tcp)
{
	struct rota_stream *pair[2];
	int rc = tcp_pair(pair);

	return rc < 0 ? rc : lease_between(pair);
}

static struct rota_listener *door;

static int serve_door(void *arg)
{
	return rota_serve(door, answer_lines);
}

static int visit(const char *name)
{
	struct rota_stream *s;
	int rc = rota_tcp_connect(&s, name, NULL);

	return rc < 0 ? rc : or_closed(ask_lines(s));
}

/* A connection that cannot be served is closed; a server that cannot be started closes the door. */
static int serve_and_visit(const char *address)
{
	struct rota_scope scope;
	char name[64];
	int rc = rota_tcp_listen(&door, address, NULL), joined;

	if (rc < 0)
		return rc;
	rota_listener_name(door, name, sizeof name);
	rota_scope_open(&scope);
	rc = rota_spawn(&scope, serve_door, NULL);
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = visit(name);
	rota_scope_cancel(&scope);
	joined = rota_scope_join(&scope);
	rota_listener_close(door);
	return both(rc, joined);
}

CALLING(serving_tcp)
{
	return serve_and_visit("127.0.0.1:0");
}

CALLING(serving_unix_sockets)
{
	return serve_and_visit("unix:socket");
}

static int accept_one(void *arg)
{
	struct rota_stream *s;
	int rc = rota_accept(door, &s);

	if (rc == 0)
		rc = answer_lines(s);
	rota_listener_close(door);
	return rc;
}

/* Who cannot accept closes the listener, and that resets who waits in its queue. */
CALLING(accepting_one_by_one)
{
	struct rota_scope scope;
	char name[64];
	int rc = rota_tcp_listen(&door, "127.0.0.1:0", NULL), joined;

	if (rc < 0)
		return rc;
	rota_listener_name(door, name, sizeof name);
	rota_scope_open(&scope);
	rc = rota_spawn(&scope, accept_one, NULL);
	if (rc < 0)
		rota_listener_close(door);
	else
		rc = visit(name);
	rota_scope_cancel(&scope); /* nobody may have come */
	joined = rota_scope_join(&scope);
	return both(rc, joined);
}

CALLING(copying_both_ways)
{
	struct ends left, right;
	struct rota_stream *pair[2];
	int rc = rota_stream_pair(pair);

	if (rc < 0)
		return rc;
	left = (struct ends){ pair[0], pair[1] };
	rc = rota_stream_pair(pair);
	if (rc < 0) {
		ends_close(&left);
		return rc;
	}
	right = (struct ends){ pair[0], pair[1] };
	CHECK_EQ(rota_shutdown_write(left.out), 0);
	CHECK_EQ(rota_shutdown_write(right.in), 0);
	rc = rota_copy_both(left.in, right.out, NULL);
	ends_close(&left);
	ends_close(&right);
	return rc;
}

/* ---- files ---- */

CALLING(whole_files)
{
	void *data;
	size_t bytes;
	int rc = rota_write_file_atomic("f", "some text", 9, 0644);

	calls_are_ours();
	CHECK(rc == 0 || access("f", F_OK) < 0 || strcmp(temp_contents("f"), "some text") == 0);
	CHECK(temp_count() <= 1); /* nothing beside it */
	calls_are_theirs();
	if (rc == 0)
		rc = rota_read_file("f", &data, &bytes, SIZE_MAX);
	if (rc < 0)
		return rc;
	CHECK(bytes == 9 && strcmp(data, "some text") == 0);
	rota_free(data);
	rc = rota_read_file("/proc/self/maps", &data, &bytes, SIZE_MAX); /* grows as it is read */
	if (rc == 0)
		rota_free(data);
	return rc;
}

CALLING(folders)
{
	struct rota_folder *folder;
	int rc = rota_mkdir("d", 0755);

	if (rc < 0)
		return rc;
	rc = rota_readdir(".", &folder);
	if (rc == 0) {
		CHECK_EQ(folder->count, 1);
		rota_free(folder);
		rc = rota_readdir("/proc/self", &folder);
	}
	if (rc == 0)
		rota_free(folder);
	calls_are_ours();
	CHECK_EQ(rmdir("d"), 0);
	calls_are_theirs();
	return rc;
}

CALLING(folders_in_pieces)
{
	struct rota_folder *folder;
	int fd = rota_file_open("/proc/self", O_RDONLY | O_DIRECTORY, 0), n, again;

	if (fd < 0)
		return fd;
	while ((n = rota_readdir_next(fd, &folder)) > 0)
		rota_free(folder);
	again = n < 0 ? n : rota_set_fd_times(fd, ROTA_FILE_TIME_KEEP, ROTA_FILE_TIME_KEEP);
	rota_file_close(fd);
	return again == -EPERM || again == -EACCES ? 0 : again; /* a folder of the system */
}

CALLING(one_file)
{
	struct rota_file_info info;
	size_t done;
	int fd = rota_file_open("g", O_RDWR | O_CREAT, 0644), rc, closed;

	if (fd < 0)
		return fd;
	rc = (int)rota_pwrite_all(fd, "text", 4, 0, &done);
	if (rc >= 0)
		rc = rota_fsync(fd);
	if (rc == 0)
		rc = rota_file_fstat(fd, &info);
	if (rc == 0)
		rc = rota_ftruncate(fd, 0);
	if (rc == 0)
		rc = rota_rename("g", "h");
	if (rc == 0)
		rc = rota_unlink("h");
	closed = rota_file_close(fd);
	return rc < 0 ? rc : closed;
}

/* ---- network ---- */

CALLING(looking_names_up)
{
	struct rota_address found[4];
	int rc;

	calls_are_the_c_librarys_too();
	rc = rota_resolve("localhost:80", found, 4);

	return rc < 0 ? rc : 0;
}

CALLING(connecting_by_name)
{
	struct rota_stream *s;
	char name[64];
	int rc = rota_tcp_listen(&door, "127.0.0.1:0", NULL);

	if (rc < 0)
		return rc;
	calls_are_the_c_librarys_too();
	snprintf(name, sizeof name, "localhost:%d", rota_listener_port(door));
	rc = rota_tcp_connect(&s, name, NULL);
	if (rc == 0)
		rota_close(s);
	rota_listener_close(door);
	return rc;
}

CALLING(datagrams)
{
	struct rota_udp *udp;
	char name[64], buf[8];
	int rc = rota_udp_open(&udp, "127.0.0.1:0");

	if (rc < 0)
		return rc;
	rota_udp_local_name(udp, name, sizeof name);
	rc = rota_udp_connect(udp, name);
	if (rc == 0)
		rc = (int)rota_udp_send(udp, "x", 1, NULL);
	if (rc >= 0)
		rc = (int)rota_udp_recv(udp, buf, sizeof buf, NULL);
	rota_udp_close(udp);
	return rc < 0 ? rc : 0;
}

CALLING(signals)
{
	struct rota_signals *s;
	int rc = rota_signals_open(&s, (const int[]){ SIGUSR1 }, 1);

	if (rc < 0)
		return rc;
	raise(SIGUSR1);
	rc = rota_signals_wait(s);
	rota_signals_close(s);
	return rc == SIGUSR1 ? 0 : rc;
}

/* ---- processes ---- */

CALLING(processes)
{
	/* Without children of its own: they would end a moment after it when it is killed. */
	static const char *const argv[] = { "sh", "-c", "read -r line; printf %s \"$line\"; echo end >&2", NULL };
	struct rota_command command = { .argv = argv };
	struct rota_output output;
	int rc = rota_command_output(&command, "input", 5, 1000, &output);

	if (rc < 0)
		return rc;
	CHECK(strcmp(output.out, "input") == 0 || output.out_bytes == 0); /* its end of the pipe was said to be closed */
	CHECK_STR(output.err, "end\n");
	rota_output_free(&output);
	return 0;
}

/* ---- channels ---- */

static int send_some(void *arg)
{
	int rc = 0;

	for (int i = 0; i < 10 && rc == 0; i++)
		rc = rota_chan_send(arg, &i);
	rota_chan_close(arg);
	return rc == ROTA_ECLOSED ? 0 : rc;
}

TORTURE(channels)
{
	struct rota_chan ch = { 0 };
	struct rota_scope scope;
	int rc = rota_chan_init(&ch, sizeof(int), 2), sum = 0, joined, i;

	if (rc < 0)
		return rc;
	rota_scope_open(&scope);
	if (rota_spawn(&scope, send_some, &ch) < 0)
		rota_chan_close(&ch);
	while ((rc = rota_chan_recv(&ch, &i)) == 0)
		sum += i;
	joined = rota_scope_join(&scope);
	CHECK(joined < 0 || sum == 45);
	CHECK_EQ(rota_chan_fini(&ch), 0);
	return joined;
}

/* ---- promises ---- */

static struct rota_result nap(void *arg)
{
	return rota_sleep(ROTA_MICROSECONDS(10)) == 0 ? rota_result_value(arg, NULL) : rota_result_error(-ECANCELED);
}

TORTURE(promises_of_tasks)
{
	struct rota_promise *p[3], *all;
	int rc;

	for (int i = 0; i < 3; i++)
		p[i] = rota_promise_task(NULL, nap, p);
	all = rota_promise_all(NULL, p, 3);
	rc = rota_await(all, NULL);
	rota_promise_unref(all);
	return rc;
}

/* ---- several workers ---- */

static int grow_and_shrink(void *arg)
{
	int rc = rota_workers_resize(3);

	if (rc == 0)
		rc = nest(NULL);
	if (rc == 0)
		rc = rota_workers_resize(1);
	return rc;
}

static int run_several(void *arg)
{
	static const struct rota_options one = { .model = ROTA_STEAL, .workers = 1, .blocked_ns = ROTA_FOREVER, .rescue_ns = ROTA_SECONDS(3600) };

	return rota_run(grow_and_shrink, NULL, &one);
}

TEST(workers_that_come_and_go_survive_one_failure)
{
	torture_runs(run_several, NULL, false);
}

TEST(workers_that_come_and_go_survive_the_end_of_all_memory)
{
	torture_runs(run_several, NULL, true);
}

TEST(workers_that_come_and_go_survive_a_system_call_that_fails)
{
	torture_runs_of_calls(run_several, NULL);
}

TEST(workers_that_come_and_go_survive_a_request_that_fails)
{
	torture_runs_of_completions(run_several, NULL);
}
