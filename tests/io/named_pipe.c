/* named_pipe.c - both ends of named pipes, for callbacks and for tasks */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/loop.h"
#include "task/run.h"

static char folder[] = "/tmp/rota-named-XXXXXX", pipe_path[64], other_path[64];

static void make_folder(void)
{
	CHECK(mkdtemp(folder) != NULL);
	snprintf(pipe_path, sizeof pipe_path, "%s/pipe", folder);
	snprintf(other_path, sizeof other_path, "%s/other", folder);
}

static void remove_folder(void)
{
	unlink(pipe_path);
	unlink(other_path);
	CHECK_EQ(rmdir(folder), 0);
}

/* ---- callbacks ---- */

struct end {
	struct rota_conn conn;
	struct rota_write write;
	char text[64];
	ssize_t last; /* size of the last callback; 1000: there was none */
	int written;  /* rc; 1: not yet */
};

static struct end reader = { .last = 1000 }, writer = { .written = 1 };

static void on_read(struct rota_conn *conn, const void *data, ssize_t size)
{
	struct end *e = (struct end *)conn;

	e->last = size;
	if (size > 0)
		strncat(e->text, data, (size_t)size);
	else
		rota_handle_close(&conn->handle, NULL);
}

static void on_written(struct rota_write *write, int rc)
{
	((struct end *)write->conn)->written = rc;
}

static void say(struct end *e, const char *text)
{
	CHECK_EQ(rota_conn_write(&e->conn, &e->write, text, strlen(text), on_written), 0);
}

static void leave(struct end *e)
{
	CHECK_EQ(rota_handle_close(&e->conn.handle, NULL), 0);
}

static void turns(struct rota_loop *loop)
{
	for (int i = 0; i < 8; i++)
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
}

LOOP_TEST(a_pipe_is_made_with_its_mode_or_must_be_there)
{
	struct stat st;

	make_folder();
	umask(022);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, pipe_path, ROTA_PIPE_READER, 0), -ENOENT);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, pipe_path, ROTA_PIPE_READER, 0666), 0);
	CHECK_EQ(stat(pipe_path, &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0644);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, other_path, ROTA_PIPE_READER, 0600), -EBUSY);
	CHECK_EQ(stat(other_path, &st), -1); /* nothing was made */
	CHECK_EQ(rota_conn_named_pipe(loop, &writer.conn, pipe_path, ROTA_PIPE_WRITER, 0600), 0); /* the one that is there */
	CHECK_EQ(fcntl(rota_conn_fd(&writer.conn), F_GETFD), FD_CLOEXEC);
	remove_folder();
}

LOOP_TEST(what_is_no_pipe_is_refused_and_nothing_stays_open)
{
	int fd;

	make_folder();
	fd = creat(other_path, 0600);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, other_path, ROTA_PIPE_READER, 0), -EINVAL);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, other_path, ROTA_PIPE_WRITER, 0600), -EINVAL);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, folder, ROTA_PIPE_READER, 0), -EINVAL);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, folder, ROTA_PIPE_WRITER, 0), -EINVAL);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, pipe_path, (enum rota_pipe_end)9, 0600), -EINVAL);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, pipe_path, ROTA_PIPE_READER, 0100600), -EINVAL);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, "/tmp/no/such/folder", ROTA_PIPE_READER, 0600), -ENOENT);
	CHECK(!rota_handle_is_open(&reader.conn.handle));
	remove_folder();
}

LOOP_TEST(a_writer_without_a_reader_is_told_so)
{
	make_folder();
	CHECK_EQ(rota_conn_named_pipe(loop, &writer.conn, pipe_path, ROTA_PIPE_WRITER, 0600), -ENXIO);
	CHECK_EQ(access(pipe_path, F_OK), 0); /* it was made, for whoever reads */
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, pipe_path, ROTA_PIPE_READER, 0), 0);
	CHECK_EQ(rota_conn_named_pipe(loop, &writer.conn, pipe_path, ROTA_PIPE_WRITER, 0), 0);
	remove_folder();
}

LOOP_TEST(a_reader_waits_for_the_first_writer_and_ends_with_the_last)
{
	make_folder();
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, pipe_path, ROTA_PIPE_READER, 0600), 0);
	CHECK_EQ(rota_conn_read_start(&reader.conn, on_read), 0);
	turns(loop);
	CHECK_EQ(reader.last, 1000); /* nobody has been there: that is no end */
	CHECK_EQ(rota_conn_named_pipe(loop, &writer.conn, pipe_path, ROTA_PIPE_WRITER, 0), 0);
	turns(loop);
	CHECK_EQ(reader.last, 1000);
	say(&writer, "hello");
	leave(&writer);
	run(loop);
	CHECK_STR(reader.text, "hello");
	CHECK_EQ(reader.last, 0);
	CHECK_EQ(writer.written, 0);
	remove_folder();
}

LOOP_TEST(a_reader_for_ever_serves_one_writer_after_another)
{
	make_folder();
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, pipe_path, ROTA_PIPE_READER_FOR_EVER, 0600), 0);
	CHECK_EQ(rota_conn_read_start(&reader.conn, on_read), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(rota_conn_named_pipe(loop, &writer.conn, pipe_path, ROTA_PIPE_WRITER, 0), 0);
		say(&writer, "again ");
		leave(&writer);
		while (strlen(reader.text) < 6u * (unsigned)(i + 1) || rota_handle_is_closing(&writer.conn.handle))
			rota_loop_run(loop, ROTA_RUN_ONCE);
	}
	turns(loop);
	CHECK_STR(reader.text, "again again again ");
	CHECK_EQ(reader.last, 6); /* no end */
	leave(&reader);
	run(loop);
	remove_folder();
}

LOOP_TEST(a_writer_whose_reader_died_hears_of_it_and_lives)
{
	static char block[1 << 20];
	static struct rota_write waiting;

	make_folder();
	signal(SIGPIPE, SIG_DFL);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, pipe_path, ROTA_PIPE_READER, 0600), 0);
	CHECK_EQ(rota_conn_named_pipe(loop, &writer.conn, pipe_path, ROTA_PIPE_WRITER, 0), 0);
	CHECK_EQ(rota_conn_write(&writer.conn, &waiting, block, sizeof block, on_written), 0);
	turns(loop);
	CHECK_EQ(writer.written, 1); /* it is full */
	leave(&reader);
	while (writer.written == 1)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	CHECK_EQ(writer.written, -EPIPE);
	writer.written = 1;
	say(&writer, "anybody?");
	run(loop);
	CHECK_EQ(writer.written, -EPIPE);
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, pipe_path, ROTA_PIPE_WRITER, 0), -ENXIO);
	remove_folder();
}

LOOP_TEST(each_turn_of_its_life_is_a_good_time_to_close)
{
	make_folder();
	for (int at = 0; at < 6; at++) {
		CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, pipe_path, ROTA_PIPE_READER, 0600), 0);
		CHECK_EQ(rota_conn_named_pipe(loop, &writer.conn, pipe_path, ROTA_PIPE_WRITER, 0), 0);
		if (at > 0)
			CHECK_EQ(rota_conn_read_start(&reader.conn, on_read), 0);
		if (at > 1)
			say(&writer, "x");
		for (int i = 3; i < at; i++)
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
		rota_loop_each_handle(loop, close_handle, NULL);
		run(loop);
		CHECK(!rota_handle_is_closing(&reader.conn.handle) && !rota_handle_is_closing(&writer.conn.handle));
	}
	remove_folder();
}

/* A process that opens its end the usual way, and waits in open(2) for ours. */
LOOP_TEST(the_blocking_open_of_another_process_is_let_go)
{
	int status;
	pid_t child;

	make_folder();
	CHECK_EQ(mkfifo(pipe_path, 0600), 0);
	child = fork();
	if (child == 0) {
		int fd = open(pipe_path, O_WRONLY);

		_exit(fd >= 0 && write(fd, "from afar", 9) == 9 ? 7 : 1);
	}
	CHECK_EQ(rota_conn_named_pipe(loop, &reader.conn, pipe_path, ROTA_PIPE_READER, 0), 0);
	CHECK_EQ(rota_conn_read_start(&reader.conn, on_read), 0);
	run(loop);
	CHECK_STR(reader.text, "from afar");
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	remove_folder();
}

/* ---- tasks ---- */

static int write_and_leave(void *arg)
{
	struct rota_stream *w;

	CHECK_EQ(rota_stream_named_pipe(&w, pipe_path, ROTA_PIPE_WRITER, 0), 0);
	CHECK_EQ(rota_write_all(w, arg, strlen(arg)), (ssize_t)strlen(arg));
	rota_close(w);
	return 0;
}

static int fill(void *arg)
{
	static char block[1 << 20];
	struct rota_stream *w = arg;

	return (int)rota_write_all(w, block, sizeof block);
}

TASK_TEST(a_task_reads_until_the_last_writer_has_gone)
{
	struct rota_stream *r;
	struct rota_scope scope;
	char buf[64];

	make_folder();
	CHECK_EQ(rota_stream_named_pipe(&r, pipe_path, ROTA_PIPE_WRITER, 0600), -ENXIO);
	CHECK_EQ(rota_stream_named_pipe(&r, other_path, ROTA_PIPE_READER, 0), -ENOENT);
	CHECK_EQ(rota_stream_named_pipe(&r, pipe_path, ROTA_PIPE_READER, 0600), 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, write_and_leave, "a line\n"), 0);
	CHECK_EQ(rota_read_line(r, buf, sizeof buf), 6);
	CHECK_STR(buf, "a line");
	CHECK_EQ(rota_read_line(r, buf, sizeof buf), ROTA_EOF);
	CHECK_EQ(rota_scope_join(&scope), 0);
	rota_close(r);
	remove_folder();
}

static int read_some(void *stream)
{
	char buf[8];

	return (int)rota_read(stream, buf, sizeof buf);
}

TASK_TEST(a_task_that_waits_for_a_writer_can_be_told_to_stop)
{
	struct rota_stream *r;

	make_folder();
	CHECK_EQ(rota_stream_named_pipe(&r, pipe_path, ROTA_PIPE_READER, 0600), 0);
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(1), read_some, r), -ETIMEDOUT);
	rota_close(r);
	remove_folder();
}

TASK_TEST(a_task_whose_reader_died_hears_of_it_and_lives)
{
	struct rota_stream *r, *w;
	struct rota_scope scope;
	struct rota_task *task;
	int result;

	make_folder();
	CHECK_EQ(rota_stream_named_pipe(&r, pipe_path, ROTA_PIPE_READER, 0600), 0);
	CHECK_EQ(rota_stream_named_pipe(&w, pipe_path, ROTA_PIPE_WRITER, 0), 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, fill, w, NULL), 0);
	others_wait();
	rota_close(r);
	CHECK_EQ(rota_join(task, &result), 0);
	CHECK_EQ(result, -EPIPE);
	CHECK_EQ(rota_scope_join(&scope), -EPIPE);
	CHECK_EQ(rota_write(w, "x", 1), -EPIPE);
	rota_close(w);
	remove_folder();
}

TEST(a_stream_needs_a_loop)
{
	struct rota_stream *s;

	make_folder();
	CHECK_EQ(rota_stream_named_pipe(&s, pipe_path, ROTA_PIPE_READER, 0600), -EPERM);
	CHECK_EQ(access(pipe_path, F_OK), -1);
	remove_folder();
}
