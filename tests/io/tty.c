/* tty.c - terminals: modes, their ways back, sizes; each on a pseudo-terminal of the test's own */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "coro/valgrind.h"
#include "io/loop.h"

/* The two sides of a terminal: who types and reads the screen, and the program's. */
static int person, program;

static void open_terminal(void)
{
	struct winsize size = { .ws_col = 80, .ws_row = 24 };

	person = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (person < 0)
		SKIP("there are no pseudo-terminals here");
	CHECK_EQ(grantpt(person), 0);
	CHECK_EQ(unlockpt(person), 0);
	program = open(ptsname(person), O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(program >= 0);
	CHECK_EQ(ioctl(person, TIOCSWINSZ, &size), 0);
}

static void close_terminal(void)
{
	close(program);
	close(person);
}

static tcflag_t local_flags(void)
{
	struct termios t;

	CHECK_EQ(tcgetattr(person, &t), 0);
	return t.c_lflag & (ICANON | ECHO | ISIG);
}

static tcflag_t output_flags(void)
{
	struct termios t;

	CHECK_EQ(tcgetattr(person, &t), 0);
	return t.c_oflag & OPOST;
}

enum { FOUND = ICANON | ECHO | ISIG };

/* ---- modes ---- */

TEST(modes_go_there_and_back)
{
	open_terminal();
	CHECK_EQ(local_flags(), FOUND);
	CHECK_EQ(rota_tty_set_mode(program, ROTA_TTY_NORMAL), 0); /* as it is */
	CHECK_EQ(rota_tty_set_mode(program, ROTA_TTY_RAW), 0);
	CHECK_EQ(local_flags(), 0);
	CHECK_EQ(output_flags(), OPOST);
	CHECK_EQ(rota_tty_set_mode(program, ROTA_TTY_BINARY), 0);
	CHECK_EQ(output_flags(), 0);
	CHECK_EQ(rota_tty_set_mode(program, ROTA_TTY_RAW), 0);
	CHECK_EQ(output_flags(), OPOST);
	CHECK_EQ(rota_tty_set_mode(program, ROTA_TTY_NORMAL), 0);
	CHECK_EQ(local_flags(), FOUND);
	close_terminal();
}

TEST(what_is_no_terminal_is_refused)
{
	struct rota_tty_size size = { 7, 7 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	CHECK_EQ(rota_tty_set_mode(null, ROTA_TTY_RAW), -ENOTTY);
	CHECK_EQ(rota_tty_set_mode(-1, ROTA_TTY_RAW), -EBADF);
	CHECK_EQ(rota_tty_set_mode(null, (enum rota_tty_mode)9), -EINVAL);
	CHECK_EQ(rota_tty_open(null), -ENOTTY);
	CHECK_EQ(rota_tty_open(-1), -EBADF);
	CHECK_EQ(rota_tty_get_size(null, &size), -ENOTTY);
	CHECK_EQ(size.columns, 7);
	close(null);
}

TEST(only_so_many_terminals_can_be_changed_at_a_time)
{
	enum { MANY = 9 };
	int all[MANY][2];

	for (int i = 0; i < MANY; i++) {
		open_terminal();
		all[i][0] = person;
		all[i][1] = program;
		CHECK_EQ(rota_tty_set_mode(program, ROTA_TTY_RAW), i < 8 ? 0 : -ENOSPC);
	}
	CHECK_EQ(local_flags(), FOUND);
	for (int i = 0; i < MANY; i++) {
		person = all[i][0];
		program = all[i][1];
		CHECK_EQ(rota_tty_set_mode(program, ROTA_TTY_NORMAL), 0);
		CHECK_EQ(local_flags(), FOUND);
		close_terminal();
	}
}

/* ---- the ways back ---- */

/* A process that makes the terminal raw, closes its descriptor, and ends in its own way. */
static int in_child(void (*end)(void))
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		if (rota_tty_set_mode(program, ROTA_TTY_RAW) < 0 || local_flags() != 0)
			_exit(99);
		close(program);
		end();
		_exit(98);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void by_exit(void)
{
	exit(3);
}

TEST(exit_gives_it_back)
{
	int status;

	open_terminal();
	status = in_child(by_exit);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	CHECK_EQ(local_flags(), FOUND);
	close_terminal();
}

static void by_term(void)
{
	raise(SIGTERM);
}

static void by_hangup(void)
{
	kill(getpid(), SIGHUP);
	for (;;)
		pause();
}

TEST(a_signal_that_ends_the_process_gives_it_back_and_is_told_as_the_end)
{
	int status;

	open_terminal();
	status = in_child(by_term);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	CHECK_EQ(local_flags(), FOUND);
	status = in_child(by_hangup);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
	CHECK_EQ(local_flags(), FOUND);
	close_terminal();
}

static void by_reset(void)
{
	rota_tty_reset();
	_exit(0);
}

TEST(it_can_be_given_back_by_hand)
{
	open_terminal();
	CHECK_EQ(in_child(by_reset), 0);
	CHECK_EQ(local_flags(), FOUND);
	close_terminal();
}

static void by_grandchild(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		exit(0);
	waitpid(pid, &status, 0);
	_exit(local_flags() == 0 ? 7 : 8);
}

TEST(the_child_of_a_fork_leaves_the_terminal_to_its_parent)
{
	int status;

	open_terminal();
	status = in_child(by_grandchild);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	close_terminal();
}

static void noted(int signo)
{
}

TEST(other_handlers_of_signals_stay_and_the_default_returns)
{
	struct sigaction now, ours = { .sa_handler = noted };

	open_terminal();
	CHECK_EQ(sigaction(SIGHUP, &ours, NULL), 0);
	CHECK_EQ(signal(SIGTERM, SIG_DFL) == SIG_ERR, 0);
	CHECK_EQ(rota_tty_set_mode(program, ROTA_TTY_RAW), 0);
	CHECK_EQ(sigaction(SIGHUP, NULL, &now), 0);
	CHECK(now.sa_handler == noted);
	CHECK_EQ(sigaction(SIGTERM, NULL, &now), 0);
	CHECK(now.sa_handler != SIG_DFL);
	CHECK_EQ(rota_tty_set_mode(program, ROTA_TTY_NORMAL), 0);
	CHECK_EQ(sigaction(SIGTERM, NULL, &now), 0);
	CHECK(now.sa_handler == SIG_DFL);
	close_terminal();
}

/* ---- reading and writing ---- */

static char keys[16];
static size_t key_count;

static void on_keys(struct rota_conn *conn, const void *data, ssize_t size)
{
	for (ssize_t i = 0; i < size && key_count < sizeof keys - 1; i++)
		keys[key_count++] = ((const char *)data)[i];
	if (size <= 0 || key_count == 3)
		rota_handle_close(&conn->handle, NULL);
}

LOOP_TEST(keys_come_one_by_one_and_other_users_of_the_terminal_go_on_blocking)
{
	static struct rota_conn conn;
	int fd;

	open_terminal();
	fd = rota_tty_open(program);
	CHECK(fd >= 0);
	CHECK_EQ(rota_tty_set_mode(fd, ROTA_TTY_RAW), 0);
	CHECK_EQ(rota_conn_open(loop, &conn, fd), 0);
	CHECK(!(fcntl(program, F_GETFL) & O_NONBLOCK));
	CHECK_EQ(rota_conn_read_start(&conn, on_keys), 0);
	CHECK_EQ(write(person, "a", 1), 1);
	rota_loop_run(loop, ROTA_RUN_ONCE);
	CHECK_EQ(write(person, "\003\r", 2), 2); /* Ctrl-C is a key */
	run(loop);
	CHECK_STR(keys, "a\003\r");
	CHECK_EQ(rota_tty_set_mode(program, ROTA_TTY_NORMAL), 0);
	close_terminal();
}

TEST(the_other_side_can_be_opened_too)
{
	int fd;

	open_terminal();
	fd = rota_tty_open(person);
	CHECK(fd >= 0 && fd != person);
	CHECK_EQ(write(program, "x", 1), 1);
	CHECK_EQ(read(fd, keys, 1), 1);
	CHECK_EQ(keys[0], 'x');
	close(fd);
	close_terminal();
}

/* ---- sizes ---- */

/* The terminal must control the process for the signal to come: the test's own session, in a child. */
static void control(void)
{
	CHECK(setsid() > 0);
	CHECK_EQ(ioctl(program, TIOCSCTTY, 0), 0);
}

static void resize(unsigned columns, unsigned rows)
{
	struct winsize size = { .ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows };

	CHECK_EQ(ioctl(person, TIOCSWINSZ, &size), 0);
}

static struct rota_tty_size told[4];
static int told_count;

static void on_resize(struct rota_tty_watch *watch, const struct rota_tty_size *size)
{
	told[told_count++] = *size;
	if (told_count == 2)
		rota_handle_close(&watch->handle, NULL);
	else
		resize(90, 30);
}

static int watch_sizes(void *arg)
{
	static struct rota_tty_watch watch;
	struct rota_loop *loop;

	control();
	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	CHECK_EQ(rota_tty_watch_open(loop, &watch, person + 1000, on_resize), -EBADF);
	CHECK_EQ(rota_tty_watch_open(loop, &watch, program, on_resize), 0);
	CHECK_EQ(rota_tty_watch_open(loop, &watch, program, on_resize), -EBUSY);
	CHECK_EQ(watch.size.columns, 80);
	CHECK_EQ(watch.size.rows, 24);
	raise(SIGWINCH); /* nothing has changed */
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(told_count, 0);
	resize(100, 50);
	run(loop);
	CHECK_EQ(told[0].columns, 100);
	CHECK_EQ(told[0].rows, 50);
	CHECK_EQ(told[1].columns, 90);
	CHECK_EQ(told[1].rows, 30);
	CHECK_EQ(rota_loop_free(loop), 0);
	return 0;
}

/* ---- a watch closed at each point of its life ---- */

static struct rota_tty_watch closing, sibling;
static int closed_count;

static void note_closed(struct rota_handle *handle)
{
	closed_count++;
}

static void note_size(struct rota_tty_watch *watch, const struct rota_tty_size *size)
{
	told[0] = *size;
	told_count++;
}

/* Which of the two hears first is not promised; the other one must not hear at all. */
static void close_both_watches(struct rota_tty_watch *watch, const struct rota_tty_size *size)
{
	note_size(watch, size);
	CHECK_EQ(rota_handle_close(&sibling.handle, note_closed), 0);
	CHECK_EQ(rota_handle_close(&closing.handle, note_closed), 0);
}

/* Signals of the terminal reach us at the latest on the way out of a system call. */
static void resize_and_hear(struct rota_loop *loop, unsigned columns)
{
	int before = told_count;

	resize(columns, 40);
	while (told_count == before)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	CHECK_EQ(told[0].columns, columns);
}

enum point { AT_ONCE, BEFORE_IT_IS_TOLD, SAME_SIZE, AFTER_IT_WAS_TOLD, AGAIN_BEFORE_IT_IS_TOLD, POINTS };

static void close_watch_at(struct rota_loop *loop, enum point point)
{
	unsigned columns = 100 + 10 * point;

	told_count = closed_count = 0;
	CHECK_EQ(rota_tty_watch_open(loop, &closing, program, note_size), 0);
	if (point == BEFORE_IT_IS_TOLD)
		resize(columns, 40);
	if (point == SAME_SIZE)
		raise(SIGWINCH);
	if (point >= AFTER_IT_WAS_TOLD)
		resize_and_hear(loop, columns);
	if (point == AGAIN_BEFORE_IT_IS_TOLD)
		resize(columns + 1, 40);
	told_count = 0;
	CHECK_EQ(rota_handle_close(&closing.handle, note_closed), 0);
	CHECK_EQ(rota_handle_close(&closing.handle, note_closed), ROTA_ECLOSED);
	CHECK_EQ(closed_count, 0); /* never within */
	run(loop);
	CHECK_EQ(closed_count, 1);
	CHECK_EQ(told_count, 0);
}

static int close_watches(void *arg)
{
	struct sigaction action;
	struct rota_loop *loop;

	control();
	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	for (int point = 0; point < POINTS; point++) {
		close_watch_at(loop, (enum point)point);
		CHECK_EQ(sigaction(SIGWINCH, NULL, &action), 0);
		CHECK(action.sa_handler == SIG_DFL);
	}
	told_count = closed_count = 0;
	CHECK_EQ(rota_tty_watch_open(loop, &closing, program, close_both_watches), 0);
	CHECK_EQ(rota_tty_watch_open(loop, &sibling, program, close_both_watches), 0);
	resize(200, 60);
	run(loop);
	CHECK_EQ(told_count, 1);
	CHECK_EQ(closed_count, 2);
	CHECK_EQ(rota_loop_free(loop), 0);
	return 0;
}

static int wait_for_sizes(void *arg)
{
	struct rota_tty_size size = { 80, 24 };

	resize(101, 51);
	CHECK_EQ(rota_tty_wait_resize(program, &size), 0); /* it has changed already */
	CHECK_EQ(size.columns, 101);
	return 0;
}

static int wait_for_resize(void *size)
{
	return rota_tty_wait_resize(program, size);
}

static int wait_for_later_sizes(void *arg)
{
	struct rota_tty_size size = { 80, 24 };
	struct rota_scope scope;
	struct rota_task *task;
	int result;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, wait_for_resize, &size, NULL), 0);
	CHECK_EQ(rota_yield(), 0);
	resize(102, 52);
	CHECK_EQ(rota_join(task, &result), 0);
	CHECK_EQ(result, 0);
	CHECK_EQ(size.rows, 52);
	rota_scope_join(&scope);
	CHECK_EQ(rota_timeout(1, wait_for_resize, &size), -ETIMEDOUT);
	return 0;
}

/* In a process whose terminal it is, and in a run if it waits as a task. */
static void in_session(int (*body)(void *arg), bool as_task)
{
	struct rota_options one = { .model = ROTA_SINGLE };
	int status;
	pid_t pid;

	open_terminal();
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		if (as_task) {
			control();
			CHECK_EQ(rota_run(body, NULL, &one), 0);
		} else {
			body(NULL);
		}
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	close_terminal();
}

LOOP_TEST(a_new_size_is_told_and_the_same_is_not)
{
	in_session(watch_sizes, false);
}

LOOP_TEST(a_watch_can_be_closed_at_each_point_of_its_life)
{
	in_session(close_watches, false);
}

LOOP_TEST(a_task_waits_for_a_new_size)
{
	in_session(wait_for_sizes, true);
	in_session(wait_for_later_sizes, true);
}

TEST(sizes_are_for_tasks_to_wait_for)
{
	CHECK_EQ(rota_tty_wait_resize(0, &(struct rota_tty_size){ 0 }), -EPERM);
}

TEST(what_is_no_terminal_or_no_descriptor_is_not_opened_as_one)
{
	int fds[2], closed;

	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(rota_tty_open(fds[0]), -ENOTTY);
	CHECK_EQ(rota_tty_open(-1), -EBADF);
	closed = fds[1];
	close(fds[0]);
	close(fds[1]);
	CHECK_EQ(rota_tty_open(closed), -EBADF);
}

TEST(a_terminal_is_not_opened_where_no_number_is_left)
{
	struct rlimit old, none;
	int more[64], count = 0;

	if (valgrind_watches())
		SKIP("valgrind tells the kernel of no limit");
	open_terminal();
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){ (rlim_t)program + 1, old.rlim_max };
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (count < 64 && (more[count] = dup(program)) >= 0)
		count++;
	CHECK_EQ(rota_tty_open(program), -EMFILE);
	while (count > 0)
		close(more[--count]);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	close_terminal();
}
