/* promised.c - files, connections, datagrams and processes as promises; and what nobody takes is given back
 *
 * That no descriptor stays open is seen by the harness after each test, that no memory stays by the sanitizer. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "await/temp.h"
#include "io/loop.h"

static int rejections;

static void note_rejection(struct rota_promise *promise, void *arg)
{
	rejections++;
}

/* Run the loop until the promise has settled, and give it back: its result or error. */
static int64_t result_of(struct rota_loop *loop, struct rota_promise *p)
{
	const struct rota_promised *value;
	int64_t result;

	CHECK(p != NULL);
	CHECK_EQ(rota_on_unhandled_rejection(loop, note_rejection, NULL), 0);
	while (rota_promise_state(p) == ROTA_PENDING)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	value = rota_promise_value(p);
	result = rota_promise_state(p) == ROTA_REJECTED ? rota_promise_error(p) : value->result;
	rota_promise_unref(p);
	return result;
}

#define ASK(name, ...) result_of(loop, rota_promise_##name(loop, __VA_ARGS__))

/* The same, and now the value is ours; `ret_promise` has it. */
static struct rota_promised *taken(struct rota_loop *loop, struct rota_promise *p)
{
	CHECK(result_of(loop, rota_promise_ref(p)) >= 0);
	return rota_promise_take(p);
}

/* ---- files ---- */

LOOP_TEST(a_file_is_made_written_read_and_closed)
{
	struct iovec out[2] = { { "ab", 2 }, { "cd", 2 } }, in[2];
	struct rota_promise *p;
	const struct rota_promised *value;
	char one[8] = "", two[2], three[2];
	int fd;

	temp_enter();
	p = rota_promise_open(loop, "file", O_RDWR | O_CREAT, 0640);
	fd = (int)taken(loop, p)->result;
	rota_promise_unref(p);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC); /* it is ours and still open */
	CHECK_EQ(ASK(pwritev, fd, out, 2, 0), 4);
	CHECK_EQ(ASK(pwrite, fd, "ef", 2, 4), 2);
	CHECK_EQ(ASK(fsync, fd), 0);
	CHECK_EQ(ASK(fdatasync, fd), 0);
	CHECK_EQ(ASK(pread, fd, one, sizeof one, 1), 5);
	CHECK_STR(one, "bcdef");
	in[0] = (struct iovec){ two, 2 };
	in[1] = (struct iovec){ three, 2 };
	CHECK_EQ(ASK(preadv, fd, in, 2, ROTA_FILE_POSITION), 4);
	CHECK(memcmp(two, "ab", 2) == 0 && memcmp(three, "cd", 2) == 0);
	CHECK_EQ(ASK(ftruncate, fd, 3), 0);
	CHECK_EQ(ASK(fchmod, fd, 0600), 0);
	CHECK_EQ(ASK(fchown, fd, UINT32_MAX, UINT32_MAX), 0);
	p = rota_promise_fstat(loop, fd);
	CHECK_EQ(result_of(loop, rota_promise_ref(p)), 0);
	value = rota_promise_value(p);
	CHECK_EQ(value->info.type, ROTA_FILE_REGULAR);
	CHECK_EQ(value->info.size, 3);
	CHECK_EQ(value->info.mode, 0600);
	rota_promise_unref(p);
	CHECK_EQ(ASK(close, fd), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
}

static struct rota_file_info info_of(struct rota_loop *loop, struct rota_promise *p)
{
	struct rota_file_info info = taken(loop, p)->info;

	rota_promise_unref(p);
	return info;
}

static void check_text(struct rota_loop *loop, struct rota_promise *p, const char *text)
{
	const struct rota_promised *value = taken(loop, p);

	CHECK_STR(value->text, text);
	CHECK_EQ(value->result, strlen(text));
	rota_promise_unref(p);
}

LOOP_TEST(names_are_made_followed_and_removed)
{
	char here[4096], inside[4200], path[] = "folder";
	struct rota_promise *p;

	temp_enter();
	p = rota_promise_mkdir(loop, path, 0755);
	memset(path, 'x', strlen(path)); /* it was copied */
	CHECK_EQ(result_of(loop, p), 0);
	CHECK_EQ(ASK(write_file, "folder/a", "text", 4, 0644), 0);
	CHECK_EQ(ASK(rename, "folder/a", "folder/b"), 0);
	CHECK_EQ(ASK(link, "folder/b", "folder/c"), 0);
	CHECK_EQ(info_of(loop, rota_promise_stat(loop, "folder/c")).links, 2);
	CHECK_EQ(ASK(symlink, "b", "folder/l"), 0);
	CHECK_EQ(info_of(loop, rota_promise_lstat(loop, "folder/l")).type, ROTA_FILE_LINK);
	check_text(loop, rota_promise_readlink(loop, "folder/l"), "b");
	CHECK(getcwd(here, sizeof here) != NULL);
	snprintf(inside, sizeof inside, "%s/folder/b", here);
	check_text(loop, rota_promise_realpath(loop, "folder/l"), inside);
	CHECK_EQ(ASK(chmod, "folder/b", 0400), 0);
	CHECK_EQ(ASK(chown, "folder/b", UINT32_MAX, UINT32_MAX), 0);
	CHECK_EQ(ASK(lchown, "folder/l", UINT32_MAX, UINT32_MAX), 0);
	CHECK_EQ(ASK(set_file_times, "folder/b", ROTA_FILE_TIME_KEEP, 5000000007), 0);
	CHECK_EQ(info_of(loop, rota_promise_stat(loop, "folder/b")).written_at_ns, 5000000007);
	CHECK_EQ(ASK(access, "folder/b", R_OK), 0);
	CHECK_EQ(ASK(access, "folder/none", F_OK), -ENOENT);
	CHECK_EQ(ASK(truncate, "folder/c", 2), 0);
	CHECK_EQ(ASK(unlink, "folder/c"), 0);
	CHECK_EQ(ASK(unlink, "folder/c"), -ENOENT);
	CHECK_EQ(ASK(rmdir, "folder"), -ENOTEMPTY);
}

LOOP_TEST(what_is_made_of_a_pattern_has_a_name)
{
	struct rota_promise *p;
	const struct rota_promised *value;
	struct stat st;

	temp_enter();
	p = rota_promise_mkstemp(loop, "file-XXXXXX");
	value = taken(loop, p);
	CHECK_EQ(fstat((int)value->result, &st), 0);
	CHECK_EQ(stat(value->text, &st), 0);
	CHECK_STR(rota_promise_name(p), "file-XXXXXX");
	close((int)value->result);
	rota_promise_unref(p);
	p = rota_promise_mkdtemp(loop, "folder-XXXXXX");
	value = taken(loop, p);
	CHECK_EQ(stat(value->text, &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	rota_promise_unref(p);
	CHECK_EQ(ASK(mkdtemp, "none"), -EINVAL);
}

LOOP_TEST(whole_files_and_folders_are_read_copied_and_sent)
{
	struct rota_promise *p;
	struct rota_promised *value;
	int from, to;

	temp_enter();
	CHECK_EQ(ASK(write_file, "a", "hello", 5, 0644), 0);
	CHECK_EQ(ASK(copy_file, "a", "b", 0), 0);
	CHECK_EQ(ASK(copy_file, "a", "b", ROTA_COPY_NEW), -EEXIST);
	p = rota_promise_read_file(loop, "b", SIZE_MAX);
	value = taken(loop, p);
	CHECK_EQ(value->result, 5);
	CHECK_STR(value->data, "hello");
	rota_free(value->data);
	rota_promise_unref(p);
	CHECK_EQ(ASK(read_file, "b", 4), ROTA_ELIMIT);
	CHECK_EQ(ASK(read_file, "b", 5), 5); /* nobody takes it */
	p = rota_promise_readdir(loop, ".");
	value = taken(loop, p);
	CHECK_EQ(value->folder->count, 2);
	CHECK_STR(value->folder->entries[1].name, "b");
	rota_free(value->folder);
	rota_promise_unref(p);
	CHECK_EQ(ASK(readdir, "."), 0);
	p = rota_promise_disk_stat(loop, ".");
	CHECK(taken(loop, p)->disk.block_bytes > 0);
	rota_promise_unref(p);
	from = open("a", O_RDONLY | O_CLOEXEC);
	to = open("c", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK_EQ(ASK(send_file, to, from, 1, 100), 4);
	CHECK_STR(temp_contents("c"), "ello");
	close(from);
	close(to);
}

/* ---- rejections ---- */

static const char *named;

static struct rota_result note_name(const struct rota_settled *it, void *arg)
{
	CHECK_EQ(it->error, -ENOENT);
	named = it->value;
	CHECK_STR(named, arg);
	return rota_result_value(NULL, NULL);
}

LOOP_TEST(a_rejection_says_what_it_was_about)
{
	struct rota_promise *p = rota_promise_stat(loop, "/nothing/here");

	CHECK_STR(rota_promise_name(p), "/nothing/here");
	CHECK(strstr(rota_promise_site(p), "promised.c:") != NULL);
	p = rota_promise_then(p, NULL, NULL, NULL);
	rota_promise_unref(rota_promise_catch(p, note_name, "/nothing/here"));
	run(loop);
	CHECK(named != NULL);
}

LOOP_TEST(a_call_that_fails_at_once_rejects)
{
	struct iovec none = { NULL, 0 };
	struct rota_promise *p = rota_promise_preadv(loop, 0, &none, -1, 0);

	CHECK_EQ(rota_promise_state(p), ROTA_REJECTED);
	CHECK_EQ(rota_promise_cancel(p), -EALREADY);
	CHECK_EQ(result_of(loop, p), -EINVAL);
	CHECK_EQ(ASK(ftruncate, 0, UINT64_MAX), -EINVAL);
}

/* ---- given back, or ended, at each point of their lives ---- */

static struct rota_process *sleeper;
static struct rota_conn pair[2], pipe_ends[2];
static struct rota_datagrams udp;
static char buf[16];

static struct rota_promise *make_open(struct rota_loop *loop)
{
	return rota_promise_open(loop, "file", O_RDWR | O_CREAT, 0600);
}

static struct rota_promise *make_mkstemp(struct rota_loop *loop)
{
	return rota_promise_mkstemp(loop, "a-XXXXXX");
}

static struct rota_promise *make_readdir(struct rota_loop *loop)
{
	return rota_promise_readdir(loop, ".");
}

static struct rota_promise *make_read_file(struct rota_loop *loop)
{
	return rota_promise_read_file(loop, "/proc/self/status", SIZE_MAX);
}

static struct rota_promise *make_stat(struct rota_loop *loop)
{
	return rota_promise_stat(loop, ".");
}

static struct rota_promise *make_pread(struct rota_loop *loop)
{
	return rota_promise_pread(loop, -1, buf, sizeof buf, 0);
}

static struct rota_promise *make_realpath(struct rota_loop *loop)
{
	return rota_promise_realpath(loop, ".");
}

static struct rota_promise *make_write(struct rota_loop *loop)
{
	return rota_promise_write(&pair[0], "abc", 3);
}

static struct rota_promise *make_datagram(struct rota_loop *loop)
{
	struct rota_address to;
	char name[64];

	rota_datagrams_local_name(&udp, name, sizeof name);
	CHECK_EQ(rota_address_parse(&to, name), 0);
	return rota_promise_datagram(&udp, "abc", 3, &to);
}

static struct rota_promise *make_exit(struct rota_loop *loop)
{
	return rota_promise_exit(loop, sleeper);
}

static struct rota_promise *make_command(struct rota_loop *loop)
{
	struct rota_command command = { .argv = (const char *const[]){ "true", NULL } };

	return rota_promise_command(loop, &command);
}

static struct rota_promise *make_sleep(struct rota_loop *loop)
{
	return rota_promise_sleep(loop, 1000);
}

static struct rota_result nothing(void *arg)
{
	return rota_result_value(NULL, NULL);
}

static struct rota_promise *make_blocking(struct rota_loop *loop)
{
	return rota_promise_blocking(loop, nothing, NULL);
}

static struct rota_promise *(*const make[])(struct rota_loop *loop) = { make_open, make_mkstemp, make_readdir, make_read_file,
	make_stat, make_pread, make_realpath, make_write, make_datagram, make_exit, make_command, make_sleep, make_blocking };

enum { KINDS = sizeof make / sizeof make[0] };

static void drop_at_once(struct rota_loop *loop, struct rota_promise *p)
{
	CHECK_EQ(rota_loop_alive(loop), true);
	CHECK_EQ(rota_loop_free(loop), -EBUSY); /* it is on its way */
	rota_promise_unref(p);
}

static struct rota_result look(const struct rota_settled *it, void *arg)
{
	return rota_result_value(NULL, NULL);
}

static void drop_with_handlers(struct rota_loop *loop, struct rota_promise *p)
{
	p = rota_promise_then(p, look, NULL, NULL);
	rota_promise_unref(rota_promise_finally(rota_promise_catch(p, look, NULL), look, NULL));
}

static void drop_when_it_has_settled(struct rota_loop *loop, struct rota_promise *p)
{
	while (rota_promise_state(p) == ROTA_PENDING)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	rota_promise_unref(p);
}

static void settle_before(struct rota_loop *loop, struct rota_promise *p)
{
	CHECK_EQ(rota_promise_settle(p, rota_result_value("mine", NULL)), 0);
	CHECK_EQ(rota_promise_cancel(p), -EALREADY);
	run(loop);
	CHECK_STR(rota_promise_value(p), "mine");
	rota_promise_unref(p);
}

static void cancel_and_drop(struct rota_loop *loop, struct rota_promise *p)
{
	rota_promise_cancel(p);
	rota_promise_unref(p);
}

static void cancel_twice_and_wait(struct rota_loop *loop, struct rota_promise *p)
{
	rota_promise_cancel(p);
	rota_promise_cancel(p);
	drop_when_it_has_settled(loop, p);
}

static void cancel_on_its_way(struct rota_loop *loop, struct rota_promise *p)
{
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	rota_promise_cancel(p);
	rota_promise_unref(p);
}

LOOP_TEST(whatever_a_promise_has_is_given_back_with_it_at_each_point_of_its_life)
{
	void (*const drop[])(struct rota_loop *loop, struct rota_promise *p) = { drop_at_once, drop_with_handlers,
		drop_when_it_has_settled, settle_before, cancel_and_drop, cancel_twice_and_wait, cancel_on_its_way };
	struct rota_command command = { .argv = (const char *const[]){ "true", NULL } };

	temp_enter();
	CHECK_EQ(rota_on_unhandled_rejection(loop, note_rejection, NULL), 0);
	CHECK_EQ(rota_conn_pair(loop, &pair[0], &pair[1]), 0);
	CHECK_EQ(rota_datagrams_open(loop, &udp, "127.0.0.1:0", NULL), 0);
	for (size_t way = 0; way < sizeof drop / sizeof drop[0]; way++) {
		for (int kind = 0; kind < KINDS; kind++) {
			struct rota_promise *p;

			CHECK_EQ(rota_process_start_on(loop, &sleeper, &command, NULL, NULL), 0);
			p = make[kind](loop);
			CHECK(p != NULL);
			drop[way](loop, p);
			run(loop);
			rota_process_close(sleeper);
		}
	}
}

/* ---- cancelling ---- */

LOOP_TEST(a_time_that_is_cancelled_rejects_at_once)
{
	struct rota_promise *p = rota_promise_sleep(loop, ROTA_MINUTES(60));

	CHECK_EQ(rota_promise_cancel(p), 0);
	CHECK_EQ(rota_promise_error(p), -ECANCELED);
	CHECK_EQ(rota_promise_cancel(p), -EALREADY);
	CHECK_EQ(result_of(loop, p), -ECANCELED);
	run(loop); /* nothing keeps it */
}

LOOP_TEST(what_cannot_be_cancelled_says_so)
{
	struct rota_promise *p = rota_promise_new(loop), *q = rota_promise_then(rota_promise_ref(p), NULL, NULL, NULL);

	CHECK_EQ(rota_promise_cancel(p), -EOPNOTSUPP);
	CHECK_EQ(rota_promise_cancel(q), -EOPNOTSUPP);
	CHECK_EQ(rota_promise_cancel(NULL), -ENOMEM);
	rota_promise_unref(p);
	rota_promise_unref(q);
}

/* ---- connections ---- */

static struct rota_acceptor acceptor;

static void on_connection(struct rota_acceptor *a, int rc)
{
}

LOOP_TEST(a_connection_is_made_written_and_ended_by_promises)
{
	static struct rota_conn conn, accepted;
	struct iovec two[2] = { { "de", 2 }, { "f", 1 } };
	struct rota_promise *p[4];
	char got[16] = "";
	int fd;

	temp_enter();
	CHECK_EQ(rota_acceptor_listen(loop, &acceptor, "unix:socket", NULL, on_connection), 0);
	CHECK_EQ(ASK(connect, &conn, "unix:socket"), 0);
	p[0] = rota_promise_write(&conn, "abc", 3);
	p[1] = rota_promise_writev(&conn, two, 2);
	p[2] = rota_promise_end(&conn);
	p[3] = rota_promise_write(&conn, "late", 4);
	CHECK_EQ(result_of(loop, p[0]), 3);
	CHECK_EQ(result_of(loop, p[1]), 3);
	CHECK_EQ(result_of(loop, p[2]), 0);
	CHECK_EQ(result_of(loop, p[3]), -EPIPE);
	while (rota_acceptor_accept(&acceptor, &accepted) == -EAGAIN)
		rota_loop_run(loop, ROTA_RUN_ONCE);
	fd = rota_conn_fd(&accepted);
	CHECK_EQ(recv(fd, got, sizeof got, 0), 6);
	CHECK_STR(got, "abcdef");
	CHECK_EQ(recv(fd, got, sizeof got, 0), 0);
}

LOOP_TEST(a_connection_that_is_refused_or_closed_rejects)
{
	static struct rota_conn refused, closed, again;
	struct rota_address address;
	struct rota_promise *p;
	int taken_port = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[64];

	CHECK_EQ(rota_address_parse(&address, "127.0.0.1:0"), 0);
	CHECK_EQ(bind(taken_port, (struct sockaddr *)&address.storage, address.size), 0); /* and nobody listens */
	CHECK_EQ(getsockname(taken_port, (struct sockaddr *)&address.storage, &address.size), 0);
	CHECK_EQ(rota_address_name(&address, name, sizeof name) > 0, true);
	CHECK_EQ(ASK(connect_to, &refused, &address), -ECONNREFUSED);
	CHECK_EQ(ASK(connect, &closed, "unix:/no/such/socket"), -ENOENT);
	CHECK_EQ(rota_handle_is_open(&closed.handle), false);
	CHECK_EQ(ASK(connect, &closed, "no address"), -EINVAL);
	p = rota_promise_connect(loop, &closed, name);
	CHECK_EQ(rota_handle_close(&closed.handle, NULL), 0);
	CHECK_EQ(result_of(loop, p), -ECANCELED);
	CHECK_EQ(listen(taken_port, 1), 0);
	p = rota_promise_connect_to(loop, &again, &address);
	rota_promise_unref(p); /* nobody waits: it is connected all the same */
	run(loop);
	CHECK(rota_conn_peer_name(&again, name, sizeof name) > 0);
	close(taken_port);
}

static bool closed_reader;

static void reader_closed(struct rota_handle *handle)
{
	closed_reader = true;
}

LOOP_TEST(writes_that_wait_reject_when_the_connection_is_closed)
{
	static char much[1 << 20];
	struct rota_promise *first, *second;

	CHECK_EQ(rota_conn_pipe(loop, &pipe_ends[0], &pipe_ends[1]), 0);
	first = rota_promise_write(&pipe_ends[1], much, sizeof much);
	second = rota_promise_write(&pipe_ends[1], "x", 1);
	CHECK_EQ(rota_promise_cancel(first), -EOPNOTSUPP);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(rota_promise_state(first), ROTA_PENDING);
	CHECK_EQ(rota_handle_close(&pipe_ends[1].handle, NULL), 0);
	CHECK_EQ(result_of(loop, first), -ECANCELED);
	CHECK_EQ(result_of(loop, second), -ECANCELED);
	CHECK_EQ(rota_handle_close(&pipe_ends[0].handle, reader_closed), 0);
	while (!closed_reader)
		rota_loop_run(loop, ROTA_RUN_ONCE);
}

static struct rota_result write_to_closed(const struct rota_settled *it, void *arg)
{
	return rota_result_promise(rota_promise_write(arg, "x", 1));
}

LOOP_TEST(a_write_to_what_is_not_open_rejects)
{
	static struct rota_conn conn;
	struct rota_promise *p = rota_promise_of(loop, rota_result_value(NULL, NULL));

	CHECK_EQ(result_of(loop, rota_promise_then(p, write_to_closed, NULL, &conn)), ROTA_ECLOSED);
}

/* ---- datagrams ---- */

LOOP_TEST(a_datagram_is_sent_or_refused)
{
	struct rota_address to;
	struct rota_promise *p;
	char name[64], got[8] = "";

	CHECK_EQ(rota_datagrams_open(loop, &udp, "127.0.0.1:0", NULL), 0);
	CHECK(rota_datagrams_local_name(&udp, name, sizeof name) > 0);
	CHECK_EQ(rota_address_parse(&to, name), 0);
	p = rota_promise_datagram(&udp, "hello", 5, &to);
	memset(&to, 0, sizeof to); /* it was copied */
	CHECK_EQ(result_of(loop, p), 5);
	CHECK_EQ(recv(rota_datagrams_fd(&udp), got, sizeof got, 0), 5);
	CHECK_STR(got, "hello");
	CHECK_EQ(result_of(loop, rota_promise_datagram(&udp, "x", 1, NULL)), -EDESTADDRREQ);
}

/* ---- processes ---- */

LOOP_TEST(the_end_of_a_program_is_a_promise)
{
	struct rota_command command = { .argv = (const char *const[]){ "sh", "-c", "exit 3", NULL } };
	struct rota_promise *p = rota_promise_command(loop, &command);
	const struct rota_promised *value;

	CHECK_EQ(result_of(loop, rota_promise_ref(p)), 0);
	value = rota_promise_value(p);
	CHECK_EQ(value->exit.code, 3);
	rota_promise_unref(p);
	command.argv = (const char *const[]){ "rota-no-such-program", NULL };
	p = rota_promise_command(loop, &command);
	CHECK_STR(rota_promise_name(p), "rota-no-such-program");
	CHECK_EQ(result_of(loop, p), -ENOENT);
	command.argv = (const char *const[]){ "true", NULL };
	command.out.kind = ROTA_STDIO_PIPE;
	CHECK_EQ(ASK(command, &command), -EINVAL);
	command.argv = NULL;
	command.out.kind = ROTA_STDIO_INHERIT;
	CHECK_EQ(ASK(command, &command), -EINVAL);
}

LOOP_TEST(a_program_whose_promise_is_cancelled_is_killed)
{
	struct rota_command command = { .argv = (const char *const[]){ "sleep", "1000", NULL } };
	struct rota_promise *p = rota_promise_command(loop, &command);
	const struct rota_promised *value;

	CHECK_EQ(rota_promise_cancel(p), 0);
	CHECK_EQ(result_of(loop, rota_promise_ref(p)), 0);
	value = rota_promise_value(p);
	CHECK_EQ(value->exit.signal, SIGKILL);
	rota_promise_unref(p);
}

LOOP_TEST(several_promises_hear_of_one_end_and_those_that_come_later_too)
{
	struct rota_command command = { .argv = (const char *const[]){ "sleep", "1000", NULL } };
	struct rota_promise *p, *q;
	struct rota_process *process;
	const struct rota_promised *value;

	CHECK_EQ(rota_process_start_on(loop, &process, &command, NULL, NULL), 0);
	p = rota_promise_exit(loop, process);
	q = rota_promise_exit(loop, process);
	rota_promise_unref(rota_promise_exit(loop, process));
	CHECK_EQ(rota_promise_cancel(p), -EOPNOTSUPP);
	CHECK_EQ(rota_process_kill(process, SIGTERM), 0);
	CHECK_EQ(result_of(loop, p), 0);
	CHECK_EQ(result_of(loop, q), 0);
	p = rota_promise_exit(loop, process);
	CHECK_EQ(result_of(loop, rota_promise_ref(p)), 0);
	value = rota_promise_value(p);
	CHECK_EQ(value->exit.signal, SIGTERM);
	rota_promise_unref(p);
	rota_process_close(process);
}

static void *wait_elsewhere(void *process)
{
	struct rota_loop *mine;
	struct rota_promise *p;

	CHECK_EQ(rota_loop_new(&mine, NULL), 0);
	CHECK_EQ(rota_loop_run(mine, ROTA_RUN_NOWAIT), 0);
	p = rota_promise_exit(mine, process);
	CHECK_EQ(rota_process_kill(process, SIGKILL), 0);
	CHECK_EQ(result_of(mine, p), 0);
	CHECK_EQ(rota_loop_free(mine), 0);
	return NULL;
}

LOOP_TEST(another_threads_loop_has_a_promise_of_the_end)
{
	struct rota_command command = { .argv = (const char *const[]){ "sleep", "1000", NULL } };
	struct rota_process *process;
	pthread_t thread;

	CHECK_EQ(rota_process_start_on(loop, &process, &command, NULL, NULL), 0);
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 1);
	CHECK_EQ(pthread_create(&thread, NULL, wait_elsewhere, process), 0);
	run(loop);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	rota_process_close(process);
}

LOOP_TEST(a_process_that_is_closed_before_its_end_rejects)
{
	struct rota_command command = { .argv = (const char *const[]){ "sleep", "1000", NULL } };
	struct rota_process *process;
	struct rota_promise *p;

	CHECK_EQ(rota_process_start_on(loop, &process, &command, NULL, NULL), 0);
	p = rota_promise_exit(loop, process);
	rota_process_close(process);
	CHECK_EQ(result_of(loop, p), ROTA_ECLOSED);
}
