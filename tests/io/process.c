/* process.c - other programs: started, wired, waited for, killed
 *
 * Each test runs with pidfds and, where the kernel's help makes a difference, without. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/children.h"
#include "task/run.h"

/* The body runs on a system with pidfds, and on one without. */
#define EITHER_WAY_TEST(name)                                                                      \
	static void name##_either_way(void);                                                       \
	TASK_TEST(name)                                                                            \
	{                                                                                          \
		name##_either_way();                                                               \
	}                                                                                          \
	TASK_TEST(name##_without_pidfds)                                                           \
	{                                                                                          \
		rota__process_no_pidfd = true;                                                     \
		name##_either_way();                                                               \
	}                                                                                          \
	static void name##_either_way(void)

/* A command line for the shell. */
#define SHELL(line) ((const char *[]){ "sh", "-c", (line), NULL })

static struct rota_process *start(const struct rota_command *command)
{
	struct rota_process *p;

	CHECK_EQ(rota_process_start(&p, command), 0);
	return p;
}

static struct rota_exit end_of(const struct rota_command *command)
{
	struct rota_process *p = start(command);
	struct rota_exit how;

	CHECK_EQ(rota_process_wait(p, &how), 0);
	rota_process_close(p);
	return how;
}

static void check_output(const struct rota_command *command, const char *input, const char *expected)
{
	struct rota_output o;

	CHECK_EQ(rota_command_output(command, input, input != NULL ? strlen(input) : 0, 1 << 20, &o), 0);
	CHECK_STR(o.out, expected);
	CHECK_EQ(o.out_bytes, strlen(expected));
	rota_output_free(&o);
}

/* ---- ends ---- */

EITHER_WAY_TEST(an_exit_code_is_told)
{
	struct rota_exit how = end_of(&(struct rota_command){ .argv = SHELL("exit 7") });

	CHECK_EQ(how.code, 7);
	CHECK_EQ(how.signal, 0);
	CHECK(!how.lost);
	CHECK(how.memory_bytes_max > 0);
	CHECK_EQ(end_of(&(struct rota_command){ .argv = SHELL("exit 0") }).code, 0);
}

EITHER_WAY_TEST(the_signal_that_killed_it_is_told)
{
	struct rota_exit how = end_of(&(struct rota_command){ .argv = SHELL("kill -USR1 $$") });

	CHECK_EQ(how.code, -1);
	CHECK_EQ(how.signal, SIGUSR1);
}

EITHER_WAY_TEST(a_signal_can_be_sent_until_it_has_ended)
{
	struct rota_process *p = start(&(struct rota_command){ .argv = (const char *[]){ "cat", NULL },
		.in.kind = ROTA_STDIO_PIPE });
	struct rota_exit how;

	CHECK_EQ(rota_process_kill(p, 0), 0);
	CHECK_EQ(rota_process_kill(p, 9999), -EINVAL);
	CHECK_EQ(rota_process_kill(p, SIGTERM), 0);
	CHECK_EQ(rota_process_wait(p, &how), 0);
	CHECK_EQ(how.signal, SIGTERM);
	CHECK_EQ(rota_process_wait(p, NULL), 0); /* again, and it is still so */
	CHECK_EQ(rota_process_kill(p, SIGTERM), -ESRCH);
	rota_process_close(p);
}

static int wait_for(void *process)
{
	struct rota_exit how;
	int rc = rota_process_wait(process, &how);

	return rc < 0 ? rc : how.code;
}

EITHER_WAY_TEST(several_tasks_may_wait_for_the_same_process)
{
	struct rota_process *p = start(&(struct rota_command){ .argv = SHELL("read x; exit 3"),
		.in.kind = ROTA_STDIO_PIPE });
	struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
	struct rota_scope scope;
	struct rota_task *tasks[3];
	int result;

	rota_scope_open_with(&scope, &collect);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(rota_spawn_task(&tasks[i], &scope, wait_for, p, NULL), 0);
	others_wait(); /* all of them wait */
	rota_task_cancel(tasks[1]);
	CHECK_EQ(rota_join(tasks[1], &result), 0);
	CHECK_EQ(result, -ECANCELED);
	rota_process_close_stdin(p);
	for (int i = 0; i < 3; i += 2) {
		CHECK_EQ(rota_join(tasks[i], &result), 0);
		CHECK_EQ(result, 3);
	}
	CHECK_EQ(rota_scope_join(&scope), -ECANCELED);
	rota_process_close(p);
}

EITHER_WAY_TEST(a_wait_ends_at_its_deadline_and_the_process_goes_on)
{
	struct rota_process *p = start(&(struct rota_command){ .argv = SHELL("read x; exit 4"),
		.in.kind = ROTA_STDIO_PIPE });

	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(1), wait_for, p), -ETIMEDOUT);
	CHECK_EQ(rota_process_kill(p, 0), 0);
	rota_process_close_stdin(p);
	CHECK_EQ(wait_for(p), 4);
	rota_process_close(p);
}

EITHER_WAY_TEST(a_close_kills_and_leaves_no_zombie)
{
	struct rota_process *p = start(&(struct rota_command){ .argv = SHELL("read x"), .in.kind = ROTA_STDIO_PIPE });

	rota_process_close(p);
	/* The harness finds a process that is left when the run is over. */
}

static int close_it(void *process)
{
	rota_process_close(process);
	return 0;
}

EITHER_WAY_TEST(who_waits_hears_of_the_close)
{
	struct rota_process *p = start(&(struct rota_command){ .argv = SHELL("read x"), .in.kind = ROTA_STDIO_PIPE });
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, close_it, p);
	CHECK_EQ(rota_process_wait(p, NULL), ROTA_ECLOSED);
	CHECK_EQ(rota_scope_join(&scope), 0);
}

EITHER_WAY_TEST(fifty_processes_at_once_end_with_fifty_answers)
{
	struct rota_process *all[50];
	struct rota_exit how;
	char line[50][16];

	for (int i = 0; i < 50; i++) {
		snprintf(line[i], sizeof line[i], "exit %d", i);
		all[i] = start(&(struct rota_command){ .argv = SHELL(line[i]) });
	}
	for (int i = 49; i >= 0; i--) {
		CHECK_EQ(rota_process_wait(all[i], &how), 0);
		CHECK_EQ(how.code, i);
		rota_process_close(all[i]);
	}
}

EITHER_WAY_TEST(an_end_that_others_have_waited_for_is_lost_and_says_so)
{
	struct rota_process *p = start(&(struct rota_command){ .argv = SHELL("exit 5") });
	struct rota_exit how;
	int status;

	CHECK_EQ(waitpid(rota_process_pid(p), &status, 0), rota_process_pid(p)); /* a rude stranger */
	CHECK_EQ(rota_process_wait(p, &how), 0);
	CHECK(how.lost);
	CHECK_EQ(how.code, -1);
	rota_process_close(p);
}

EITHER_WAY_TEST(children_of_others_are_left_alone)
{
	pid_t other = fork();
	int status;

	if (other == 0)
		_exit(11);
	CHECK_EQ(end_of(&(struct rota_command){ .argv = SHELL("exit 6") }).code, 6);
	CHECK_EQ(waitpid(other, &status, 0), other);
	CHECK_EQ(WEXITSTATUS(status), 11);
}

/* ---- starts that fail ---- */

static void check_start_fails(const struct rota_command *command, int expected)
{
	struct rota_process *p;

	CHECK_EQ(rota_process_start(&p, command), expected);
}

TASK_TEST(what_cannot_be_run_is_an_error_of_the_start)
{
	char plain[] = "/tmp/rota-plain-XXXXXX", text[] = "/tmp/rota-text-XXXXXX";
	int fd = mkstemp(plain), fd2 = mkstemp(text);

	CHECK(fd >= 0 && fd2 >= 0);
	CHECK_EQ(write(fd2, "no program\n", 11), 11);
	CHECK_EQ(fchmod(fd2, 0700), 0);
	close(fd);
	close(fd2);
	check_start_fails(&(struct rota_command){ .argv = (const char *[]){ "/no/such/program", NULL } }, -ENOENT);
	check_start_fails(&(struct rota_command){ .argv = (const char *[]){ "no-such-program", NULL } }, -ENOENT);
	check_start_fails(&(struct rota_command){ .argv = (const char *[]){ "", NULL } }, -ENOENT);
	check_start_fails(&(struct rota_command){ .argv = (const char *[]){ plain, NULL } }, -EACCES);
	check_start_fails(&(struct rota_command){ .argv = (const char *[]){ "/tmp", NULL } }, -EACCES);
	check_start_fails(&(struct rota_command){ .argv = (const char *[]){ text, NULL } }, -ENOEXEC);
	check_start_fails(&(struct rota_command){ .argv = SHELL("true"), .folder = "/no/such/folder" }, -ENOENT);
	check_start_fails(&(struct rota_command){ .argv = (const char *[]){ NULL } }, -EINVAL);
	check_start_fails(&(struct rota_command){ .argv = SHELL("true"), .out = { ROTA_STDIO_FD, 999 } }, -EBADF);
	check_start_fails(&(struct rota_command){ .argv = SHELL("true"), .out = { ROTA_STDIO_FD, -1 } }, -EBADF);
	check_start_fails(&(struct rota_command){ .argv = SHELL("true"), .fd_count = 1,
				  .fds = (struct rota_fd_map[]){ { 2, 0 } } }, -EINVAL);
	check_start_fails(&(struct rota_command){ .argv = SHELL("true"), .fd_count = 2,
				  .fds = (struct rota_fd_map[]){ { 5, 2 }, { 5, 2 } } }, -EINVAL);
	check_start_fails(&(struct rota_command){ .argv = SHELL("true"), .fd_count = 1,
				  .fds = (struct rota_fd_map[]){ { 5, 999 } } }, -EBADF);
	unlink(plain);
	unlink(text);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

TEST(outside_of_a_run_a_start_needs_a_loop)
{
	check_start_fails(&(struct rota_command){ .argv = SHELL("true") }, -EPERM);
}

/* ---- what it is given ---- */

TASK_TEST(output_is_collected_and_input_is_fed)
{
	check_output(&(struct rota_command){ .argv = SHELL("echo out; echo err >&2") }, NULL, "out\n");
	check_output(&(struct rota_command){ .argv = SHELL("cat") }, "said\n", "said\n");
	check_output(&(struct rota_command){ .argv = SHELL("cat") }, NULL, "");
	check_output(&(struct rota_command){ .argv = SHELL("echo a; echo b >&2"), .err = { ROTA_STDIO_FD, 1 } }, NULL,
		"a\nb\n");
	check_output(&(struct rota_command){ .argv = SHELL("exec true") }, "nobody reads this", "");
}

TASK_TEST(a_megabyte_goes_through_and_comes_back)
{
	enum { SIZE = 1 << 20 };
	char *data = malloc(SIZE);
	struct rota_output o;

	for (int i = 0; i < SIZE; i++)
		data[i] = (char)(i * 31);
	CHECK_EQ(rota_command_output(&(struct rota_command){ .argv = SHELL("cat") }, data, SIZE, SIZE, &o), 0);
	CHECK_EQ(o.out_bytes, SIZE);
	CHECK_EQ(memcmp(o.out, data, SIZE), 0);
	CHECK_EQ(o.exit.code, 0);
	rota_output_free(&o);
	free(data);
}

TASK_TEST(output_beyond_the_limit_ends_the_command)
{
	struct rota_output o;

	CHECK_EQ(rota_command_output(&(struct rota_command){ .argv = SHELL("while echo more; do :; done") }, NULL, 0,
			 10000, &o), ROTA_ELIMIT);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

static int run_for_ever(void *arg)
{
	struct rota_output o;

	return rota_command_output(&(struct rota_command){ .argv = (const char *[]){ "sleep", "1000", NULL } }, NULL, 0,
		100, &o);
}

TASK_TEST(a_command_whose_time_is_over_is_killed_and_gone)
{
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(5), run_for_ever, NULL), -ETIMEDOUT);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

TASK_TEST(environment_and_folder_are_those_of_the_command)
{
	check_output(&(struct rota_command){ .argv = SHELL("echo $COLOR; pwd"), .folder = "/usr",
			     .env = (const char *[]){ "COLOR=red", NULL } }, NULL, "red\n/usr\n");
	check_output(&(struct rota_command){ .argv = (const char *[]){ "another name", "-c", "echo $0", NULL },
			     .file = "/bin/sh" }, NULL, "another name\n");
	/* The PATH that counts is the child's. */
	check_start_fails(&(struct rota_command){ .argv = SHELL("true"), .env = (const char *[]){ "PATH=/no:/nowhere", NULL } },
		-ENOENT);
	check_output(&(struct rota_command){ .argv = SHELL("echo hi"), .env = (const char *[]){ "PATH=/no::/bin", NULL } },
		NULL, "hi\n");
}

/* The numbers of its descriptors, as the child itself sees them. */
static const char list_fds[] = "for f in /proc/self/fd/*; do printf '%s ' ${f##*/}; done";

TASK_TEST(it_has_the_descriptors_of_the_command_and_no_others)
{
	int careless = open("/dev/zero", O_RDWR); /* without O_CLOEXEC */
	int high = fcntl(careless, F_DUPFD, 700);
	struct rota_output o;

	CHECK(careless >= 0 && high >= 700);
	/* The shell opens one of its own to list the folder: the lowest that is free. */
	CHECK_EQ(rota_command_output(&(struct rota_command){ .argv = SHELL(list_fds) }, NULL, 0, 1000, &o), 0);
	CHECK_STR(o.out, "0 1 2 3 ");
	rota_output_free(&o);
	CHECK_EQ(rota_command_output(&(struct rota_command){ .argv = SHELL(list_fds), .fd_count = 2,
				 .fds = (struct rota_fd_map[]){ { 5, high }, { 3, careless } } }, NULL, 0, 1000, &o), 0);
	CHECK_STR(o.out, "0 1 2 3 4 5 ");
	rota_output_free(&o);
	close(careless);
	close(high);
}

TASK_TEST(descriptors_may_change_places)
{
	int a[2], b[2];
	char buf[8] = "";
	struct rota_fd_map map[2];

	CHECK_EQ(pipe2(a, O_CLOEXEC), 0);
	CHECK_EQ(pipe2(b, O_CLOEXEC), 0);
	map[0] = (struct rota_fd_map){ a[1], b[1] };
	map[1] = (struct rota_fd_map){ b[1], a[1] };
	char line[64];

	snprintf(line, sizeof line, "echo b >&%d; echo a >&%d", a[1], b[1]);
	CHECK_EQ(end_of(&(struct rota_command){ .argv = SHELL(line), .fds = map, .fd_count = 2 }).code, 0);
	CHECK_EQ(read(a[0], buf, sizeof buf), 2);
	CHECK_EQ(buf[0], 'a');
	CHECK_EQ(read(b[0], buf, sizeof buf), 2);
	CHECK_EQ(buf[0], 'b');
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

TASK_TEST(signals_are_as_new_in_it)
{
	sigset_t set;

	signal(SIGUSR1, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	/* Seven digits are the signals to 28: an emulator keeps some of the last for itself. */
	check_output(&(struct rota_command){
			     .argv = SHELL("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -c 1-8,18-") },
		NULL, "SigBlk:\t0000000\nSigIgn:\t0000000\n");
}

TASK_TEST(user_and_group_are_set)
{
	struct rota_command command = { .argv = SHELL("id -u; id -g; id -G"), .uid = 12345, .gid = 23456,
		.flags = ROTA_PROCESS_SET_UID | ROTA_PROCESS_SET_GID };

	if (geteuid() != 0)
		SKIP("only root may become another");
	check_output(&command, NULL, "12345\n23456\n23456\n");
	CHECK_EQ(geteuid(), 0);
}

TASK_TEST(a_stream_is_ours_while_the_process_is_and_a_taken_descriptor_for_ever)
{
	struct rota_process *p = start(&(struct rota_command){ .argv = SHELL("read line; echo got $line"),
		.in.kind = ROTA_STDIO_PIPE, .out.kind = ROTA_STDIO_PIPE });
	char buf[32] = "";
	struct rota_stream *out;
	int fd;

	CHECK(rota_process_stderr(p) == NULL);
	CHECK_EQ(rota_process_take_fd(p, 2), -EBADF);
	CHECK_EQ(rota_process_take_fd(p, 7), -EBADF);
	CHECK_EQ(rota_write_all(rota_process_stdin(p), "it\n", 3), 3);
	fd = rota_process_take_fd(p, 1);
	CHECK(fd >= 0);
	CHECK(rota_process_stdout(p) == NULL);
	CHECK_EQ(rota_process_wait(p, NULL), 0);
	rota_process_close(p);
	CHECK_EQ(rota_stream_from_fd(&out, fd), 0);
	CHECK_EQ(rota_read(out, buf, sizeof buf), 7);
	CHECK_STR(buf, "got it\n");
	rota_close(out);
}

/* ---- detached, and with us ---- */

/* Its remains stay. */
static void await_end(pid_t pid)
{
	int rc;

	do
		rc = waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	while (rc < 0 && errno == EINTR);
	CHECK_EQ(rc, 0);
}

EITHER_WAY_TEST(a_detached_one_leads_a_session_and_survives_the_close)
{
	int life[2], leave[2];
	char byte;
	struct rota_process *p;
	pid_t pid;

	CHECK_EQ(pipe2(life, O_CLOEXEC), 0);
	CHECK_EQ(pipe2(leave, O_CLOEXEC), 0);
	p = start(&(struct rota_command){ .argv = SHELL("read x; echo done >&3; read x <&4"),
		.flags = ROTA_PROCESS_DETACHED, .in.kind = ROTA_STDIO_PIPE,
		.fds = (struct rota_fd_map[]){ { 3, life[1] }, { 4, leave[0] } }, .fd_count = 2 });
	close(life[1]);
	close(leave[0]);
	pid = rota_process_pid(p);
	CHECK_EQ(getsid(pid), pid);
	rota_process_close(p); /* closes its stdin: it goes on */
	CHECK_EQ(read(life[0], &byte, 1), 1);
	close(life[0]);
	close(leave[1]); /* and ends */
	await_end(pid);
	/* What is left of it is taken away by a later start. */
	end_of(&(struct rota_command){ .argv = SHELL("exit 0") });
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), -1);
}

static int start_and_die(void *fd)
{
	struct rota_process *p;
	int rc = rota_process_start(&p, &(struct rota_command){ .argv = (const char *[]){ "sleep", "1000", NULL },
						.flags = ROTA_PROCESS_DIES_WITH_US,
						.fds = (struct rota_fd_map[]){ { 3, *(int *)fd } }, .fd_count = 1 });

	_exit(rc < 0);
}

static void run_and_die(void *fd)
{
	rota_run(start_and_die, fd, NULL);
}

TEST(one_that_dies_with_us_does)
{
	int life[2], status;
	char byte;

	CHECK_EQ(pipe2(life, O_CLOEXEC), 0);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		SKIP("the emulator does not know how to adopt orphans");
	status = test_run_child(run_and_die, &life[1], NULL, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(life[1]);
	CHECK_EQ(read(life[0], &byte, 1), 0); /* nobody holds the other end any more */
	close(life[0]);
	CHECK(wait(&status) > 0); /* the orphan is ours now */
	CHECK_EQ(WTERMSIG(status), SIGKILL);
}

/* ---- with callbacks ---- */

static int ends;

static void count_end(struct rota_process *p, const struct rota_exit *how, void *arg)
{
	CHECK_EQ(how->code, *(int *)arg);
	ends++;
	rota_process_close(p);
}

static void watch_some(void)
{
	struct rota_loop *loop;
	struct rota_process *a, *b, *never;
	int three = 3, four = 4;

	ends = 0;
	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	CHECK_EQ(rota_process_start_on(loop, &a, &(struct rota_command){ .argv = SHELL("exit 3") }, count_end, &three), 0);
	CHECK_EQ(rota_process_start_on(loop, &b, &(struct rota_command){ .argv = SHELL("exit 4") }, count_end, &four), 0);
	CHECK_EQ(rota_process_start_on(loop, &never, &(struct rota_command){ .argv = SHELL("read x"),
						.in.kind = ROTA_STDIO_PIPE }, count_end, &four), 0);
	rota_process_close(never); /* killed; its callback is not called */
	CHECK_EQ(ends, 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(ends, 2);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(a_loop_lives_until_its_processes_have_ended_and_calls_back)
{
	watch_some();
}

TEST(a_loop_lives_until_its_processes_have_ended_and_calls_back_without_pidfds)
{
	rota__process_no_pidfd = true;
	watch_some();
}

static struct rota_process *siblings[5];

/* The first that ends closes all. */
static void close_all(struct rota_process *p, const struct rota_exit *how, void *arg)
{
	ends++;
	for (int i = 0; i < 5; i++)
		rota_process_close(siblings[i]);
}

static void close_siblings(void)
{
	struct rota_loop *loop;

	ends = 0;
	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(rota_process_start_on(loop, &siblings[i], &(struct rota_command){ .argv = SHELL("exit 0") },
				 close_all, NULL), 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
	CHECK_EQ(ends, 1);
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(a_callback_may_close_its_process_and_all_siblings)
{
	close_siblings();
}

TEST(a_callback_may_close_its_process_and_all_siblings_without_pidfds)
{
	rota__process_no_pidfd = true;
	close_siblings();
}

/* ---- at each point of its life ---- */

static struct life {
	struct rota_process *process;
	struct rota_conn in, out;
	struct rota_write write;
	bool ended;
	int hung_up;
} life;

static void note_end(struct rota_process *p, const struct rota_exit *how, void *arg)
{
	life.ended = true;
}

static void close_conn(struct rota_conn *conn)
{
	if (rota_handle_is_open(&conn->handle) && !rota_handle_is_closing(&conn->handle))
		rota_handle_close(&conn->handle, NULL);
}

static void close_input(struct rota_write *write, int rc)
{
	close_conn(write->conn);
}

static void read_output(struct rota_conn *conn, const void *data, ssize_t size)
{
	if (size > 0)
		return;
	life.hung_up++;
	close_conn(conn);
}

static void begin_life(struct rota_loop *loop)
{
	struct rota_command command = { .argv = SHELL("read -r line; printf %s \"$line\"; exit 3"),
		.in.kind = ROTA_STDIO_PIPE, .out.kind = ROTA_STDIO_PIPE };

	memset(&life, 0, sizeof life);
	CHECK_EQ(rota_process_start_on(loop, &life.process, &command, note_end, NULL), 0);
	CHECK_EQ(rota_conn_open(loop, &life.in, rota_process_take_fd(life.process, 0)), 0);
	CHECK_EQ(rota_conn_open(loop, &life.out, rota_process_take_fd(life.process, 1)), 0);
	CHECK_EQ(rota_conn_read_start(&life.out, read_output), 0);
	CHECK_EQ(rota_conn_write(&life.in, &life.write, "a line\n", 7, close_input), 0);
}

/* So many turns, in which something happens, or ends early when nothing is left to happen: whether it did. */
static bool turn(struct rota_loop *loop, int turns)
{
	while (turns-- > 0)
		if (rota_loop_run(loop, ROTA_RUN_ONCE) == 0)
			return true;
	return false;
}

/* `signo` is sent some turns before. */
static void close_in_each_turn(int signo)
{
	struct rota_loop *loop;
	bool over, was_over, ended;

	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	for (int before = 0; before < 3; before++) {
		int turns = 0;

		do {
			begin_life(loop);
			was_over = turn(loop, turns++);
			if (signo != 0)
				rota_process_kill(life.process, signo);
			over = was_over || turn(loop, before);
			ended = life.ended;
			rota_process_close(life.process);
			close_conn(&life.in);
			close_conn(&life.out);
			CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
			CHECK_EQ(life.ended, ended); /* nothing is told after a close */
		} while (!was_over);
		CHECK(over && life.ended && life.hung_up == 1);
	}
	CHECK_EQ(rota_loop_free(loop), 0);
}

TEST(each_turn_of_a_processs_life_is_a_good_time_to_close)
{
	close_in_each_turn(0);
}

TEST(each_turn_of_a_processs_life_is_a_good_time_to_close_without_pidfds)
{
	rota__process_no_pidfd = true;
	close_in_each_turn(0);
}

TEST(each_turn_of_a_processs_life_is_a_good_time_to_kill_and_close)
{
	close_in_each_turn(SIGTERM);
}

TEST(each_turn_of_a_processs_life_is_a_good_time_to_kill_and_close_without_pidfds)
{
	rota__process_no_pidfd = true;
	close_in_each_turn(SIGTERM);
}
