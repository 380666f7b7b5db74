/* unknown.c - flags and kinds that do not exist are refused wherever one can be given, and nothing has happened: so they may mean
 * something one day */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "await/temp.h"
#include "io/loop.h"

static void note(struct rota_request *which, int64_t result)
{
	test_fail(__FILE__, __LINE__, "it was called");
}

static void ended(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	test_fail(__FILE__, __LINE__, "it was called");
}

static void told(struct rota_path_watch *watch, const struct rota_change *change)
{
	test_fail(__FILE__, __LINE__, "it was called");
}

static void seen(struct rota_poll *poll, int events)
{
	test_fail(__FILE__, __LINE__, "it was called");
}

static void connected(struct rota_acceptor *acceptor, int rc)
{
	test_fail(__FILE__, __LINE__, "it was called");
}

static const char *const argv[] = { "/bin/true", NULL };

/* ---- callbacks: each with the unknown `bit`, or number ---- */

static struct rota_loop *loop_here;

static int start_with_flags(unsigned bit)
{
	struct rota_process *p;

	return rota_process_start_on(loop_here, &p, &(struct rota_command){ .argv = argv, .flags = bit }, ended, NULL);
}

static int start_with_kind(unsigned number)
{
	struct rota_process *p;

	return rota_process_start_on(loop_here, &p,
		&(struct rota_command){ .argv = argv, .in.kind = (enum rota_stdio_kind)number }, ended, NULL);
}

static int copy_by_request(unsigned bit)
{
	static struct rota_request r;

	return rota_request_copy_file(loop_here, &r, "a", "b", bit, note);
}

static int watch_path(unsigned bit)
{
	static struct rota_path_watch w;

	return rota_path_watch_start(loop_here, &w, ".", bit, told);
}

static int poll_for(unsigned bit)
{
	static struct rota_poll p;
	int rc;

	if (!rota_handle_is_open(&p.handle))
		CHECK_EQ(rota_poll_open(loop_here, &p, 0), 0);
	rc = rota_poll_start(&p, (int)bit, seen);
	return rc < 0 ? rc : rota_poll_start(&p, (int)(bit | ROTA_READABLE), seen);
}

static int open_named_pipe(unsigned number)
{
	static struct rota_conn c;

	return rota_conn_named_pipe(loop_here, &c, "pipe", (enum rota_pipe_end)number, 0600);
}

static int listen_with_deal(unsigned number)
{
	static struct rota_acceptor a;

	return rota_acceptor_listen(loop_here, &a, "127.0.0.1:0",
		&(struct rota_listen_options){ .deal = (enum rota_deal)number }, connected);
}

static int set_tty_mode(unsigned number)
{
	return rota_tty_set_mode(0, (enum rota_tty_mode)number);
}

static int run_mode(unsigned number)
{
	return rota_loop_run(loop_here, (enum rota_run_mode)number);
}

static int queue_order(unsigned number)
{
	struct rota_queue q;

	return rota_queue_init(&q, 1, 1, (enum rota_queue_order)number, NULL);
}

static int nothing(void *arg)
{
	return 0;
}

static int run_model(unsigned number)
{
	return rota_run(nothing, NULL, &(struct rota_options){ .model = (enum rota_model)number });
}

static int run_deal(unsigned number)
{
	return rota_run(nothing, NULL, &(struct rota_options){ .deal = (enum rota_deal)number });
}

static const struct {
	const char *name;
	int (*ask)(unsigned bit_or_number);
	unsigned known; /* bits; of numbers the greatest */
	bool numbers;
} with_callbacks[] = {
	{ "rota_command.flags", start_with_flags, 15, false },
	{ "rota_stdio.kind", start_with_kind, ROTA_STDIO_CLOSED, true },
	{ "rota_request_copy_file", copy_by_request, ROTA_COPY_NEW | ROTA_COPY_CLONE, false },
	{ "rota_path_watch_start", watch_path, ROTA_WATCH_RECURSIVE, false },
	{ "rota_poll_start", poll_for, ROTA_READABLE | ROTA_WRITABLE | ROTA_HANGUP | ROTA_URGENT, false },
	{ "rota_conn_named_pipe", open_named_pipe, ROTA_PIPE_WRITER, true },
	{ "rota_acceptor_listen", listen_with_deal, ROTA_DEAL_OWN, true },
	{ "rota_tty_set_mode", set_tty_mode, ROTA_TTY_BINARY, true },
	{ "rota_loop_run", run_mode, ROTA_RUN_NOWAIT, true },
	{ "rota_queue_init", queue_order, ROTA_QUEUE_PRIORITY, true },
	{ "rota_options.model", run_model, ROTA_STEAL, true },
	{ "rota_options.deal", run_deal, ROTA_DEAL_OWN, true },
};

/* ---- tasks ---- */

static int wait_for_events(unsigned bit)
{
	int rc = rota_wait_fd(0, (int)bit, ROTA_NOW);

	return rc == -EINVAL ? rota_wait_fd(0, (int)(bit | ROTA_READABLE), ROTA_NOW) : rc;
}

static int copy(unsigned bit)
{
	return rota_copy_file("a", "b", bit);
}

static int open_changes(unsigned bit)
{
	struct rota_changes *c;

	return rota_changes_open(&c, ".", bit);
}

static int start_process(unsigned bit)
{
	struct rota_process *p;

	return rota_process_start(&p, &(struct rota_command){ .argv = argv, .flags = bit });
}

static int keep_process(unsigned bit)
{
	return rota_command_keep(&(struct rota_command){ .argv = argv, .flags = bit }, NULL);
}

static int listen_for_tasks(unsigned number)
{
	struct rota_listener *l;

	return rota_tcp_listen(&l, "127.0.0.1:0", &(struct rota_listen_options){ .deal = (enum rota_deal)number });
}

static int stream_named_pipe(unsigned number)
{
	struct rota_stream *s;

	return rota_stream_named_pipe(&s, "pipe", (enum rota_pipe_end)number, 0600);
}

static int set_priority(unsigned number)
{
	return rota_set_priority((enum rota_priority)number);
}

static int wait_when(unsigned number)
{
	return rota_wait(NULL, 0, (enum rota_wait_when)number);
}

static const struct {
	const char *name;
	int (*ask)(unsigned bit_or_number);
	unsigned known;
	bool numbers;
} with_tasks[] = {
	{ "rota_wait_fd", wait_for_events, ROTA_READABLE | ROTA_WRITABLE | ROTA_HANGUP | ROTA_URGENT, false },
	{ "rota_copy_file", copy, ROTA_COPY_NEW | ROTA_COPY_CLONE, false },
	{ "rota_changes_open", open_changes, ROTA_WATCH_RECURSIVE, false },
	{ "rota_process_start", start_process, 15, false },
	{ "rota_command_keep", keep_process, 15, false },
	{ "rota_tcp_listen", listen_for_tasks, ROTA_DEAL_OWN, true },
	{ "rota_stream_named_pipe", stream_named_pipe, ROTA_PIPE_WRITER, true },
	{ "rota_set_priority", set_priority, ROTA_PRIORITY_BULK, true },
	{ "rota_wait", wait_when, ROTA_WAIT_ALL, true },
};

/* ---- all of them ---- */

static void expect_refusal(const char *name, int (*ask)(unsigned), unsigned bit_or_number)
{
	int rc = ask(bit_or_number);

	if (rc != -EINVAL)
		test_fail(__FILE__, __LINE__, "%s with 0x%x: %d", name, bit_or_number, rc);
}

static void expect_refusals(const char *name, int (*ask)(unsigned), unsigned known, bool numbers)
{
	if (numbers) {
		expect_refusal(name, ask, known + 1);
		expect_refusal(name, ask, 1u << 30);
		expect_refusal(name, ask, UINT32_MAX);
		return;
	}
	for (int i = 0; i < 32; i++)
		if (!(known & 1u << i))
			expect_refusal(name, ask, 1u << i);
}

LOOP_TEST(what_nobody_knows_is_refused_by_calls_with_callbacks)
{
	temp_enter();
	loop_here = loop;
	for (size_t i = 0; i < sizeof with_callbacks / sizeof with_callbacks[0]; i++)
		expect_refusals(with_callbacks[i].name, with_callbacks[i].ask, with_callbacks[i].known, with_callbacks[i].numbers);
	CHECK_EQ(temp_count(), 0);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

static int in_a_task(void *arg)
{
	temp_enter();
	for (size_t i = 0; i < sizeof with_tasks / sizeof with_tasks[0]; i++)
		expect_refusals(with_tasks[i].name, with_tasks[i].ask, with_tasks[i].known, with_tasks[i].numbers);
	CHECK_EQ(temp_count(), 0);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
	return 0;
}

TEST(what_nobody_knows_is_refused_by_calls_that_wait)
{
	CHECK_EQ(rota_run(in_a_task, NULL, NULL), 0);
}
