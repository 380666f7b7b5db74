/* keep.c - programs that are kept running */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "task/run.h"

#define SHELL(line) ((const char *[]){ "sh", "-c", (line), NULL })

struct seen {
	int starts, ends, last_code, last_signal;
	int stop_after; /* this many ends, by cancelling `scope`; 0: never */
	int signal_at_start;
	struct rota_scope *scope;
};

static void note(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	struct seen *s = arg;

	if (how == NULL) {
		s->starts++;
		if (s->signal_at_start)
			rota_process_kill(process, s->signal_at_start);
		return;
	}
	s->ends++;
	s->last_code = how->code;
	s->last_signal = how->signal;
	if (s->ends == s->stop_after)
		rota_scope_cancel(s->scope);
}

/* Keep the command until it has ended `stop_after` times. */
static int keep(const struct rota_command *command, struct rota_keep_options options, struct seen *s)
{
	struct rota_scope scope;
	int rc;

	options.on_change = note;
	options.arg = s;
	s->scope = &scope;
	rota_scope_open(&scope);
	rc = rota_command_keep(command, &options);
	rota_scope_join(&scope);
	return rc;
}

static const struct rota_keep_options soon = { .pause_ns = ROTA_MICROSECONDS(10),
	.pause_ns_max = ROTA_MICROSECONDS(100) };

TASK_TEST(what_ends_is_started_again)
{
	struct seen s = { .stop_after = 5 };

	CHECK_EQ(keep(&(struct rota_command){ .argv = SHELL("exit 3") }, soon, &s), -ECANCELED);
	CHECK_EQ(s.starts, 5);
	CHECK_EQ(s.ends, 5);
	CHECK_EQ(s.last_code, 3);
}

TASK_TEST(what_is_killed_is_started_again)
{
	struct seen s = { .stop_after = 3, .signal_at_start = SIGKILL };

	CHECK_EQ(keep(&(struct rota_command){ .argv = (const char *[]){ "sleep", "1000", NULL } }, soon, &s), -ECANCELED);
	CHECK_EQ(s.starts, 3);
	CHECK_EQ(s.last_signal, SIGKILL);
}

TASK_TEST(the_pauses_grow_up_to_the_longest)
{
	struct rota_keep_options o = { .pause_ns = ROTA_MILLISECONDS(1), .pause_ns_max = ROTA_MILLISECONDS(500) };
	struct seen s = { .stop_after = 5 };
	uint64_t began = rota_now_ns();

	CHECK_EQ(keep(&(struct rota_command){ .argv = (const char *[]){ "true", NULL } }, o, &s), -ECANCELED);
	CHECK(rota_now_ns() - began >= ROTA_MILLISECONDS(1 + 2 + 4 + 8));
}

TASK_TEST(what_cannot_be_started_is_an_error_and_not_tried_again)
{
	struct seen s = { 0 };

	CHECK_EQ(keep(&(struct rota_command){ .argv = (const char *[]){ "no-such-program", NULL } }, soon, &s), -ENOENT);
	CHECK_EQ(s.starts, 0);
}

/* A command that says through a pipe when it is ready, and is cancelled then. */
struct held {
	const char *line;
	struct rota_keep_options options;
	struct seen seen;
	int ready[2];
};

static int keep_held(void *arg)
{
	struct held *h = arg;
	struct rota_fd_map map = { 3, h->ready[1] };

	return keep(&(struct rota_command){ .argv = SHELL(h->line), .fds = &map, .fd_count = 1 }, h->options, &h->seen);
}

static void cancel_when_ready(struct held *h)
{
	struct rota_stream *ready;
	struct rota_scope scope;
	char byte;

	CHECK_EQ(pipe2(h->ready, O_CLOEXEC), 0);
	CHECK_EQ(rota_stream_from_fd(&ready, h->ready[0]), 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, keep_held, h), 0);
	CHECK_EQ(rota_read(ready, &byte, 1), 1);
	rota_scope_cancel(&scope);
	rota_scope_join(&scope);
	rota_close(ready);
	close(h->ready[1]);
	CHECK_EQ(h->seen.starts, 1);
	CHECK_EQ(h->seen.ends, 1);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

TASK_TEST(a_cancelled_one_is_asked_to_end_and_waited_for)
{
	struct held h = { .line = "trap 'exit 5' TERM; echo >&3; while :; do read x <&3 || sleep 0.01; done",
		.options = soon };

	cancel_when_ready(&h);
	CHECK_EQ(h.seen.last_code, 5);
}

TASK_TEST(one_that_does_not_end_when_asked_is_killed)
{
	struct held h = { .line = "trap '' TERM; echo >&3; while :; do :; done", .options = soon };

	h.options.grace_ns = ROTA_MILLISECONDS(5);
	cancel_when_ready(&h);
	CHECK_EQ(h.seen.last_signal, SIGKILL);
}
