/* request.c - files, names and blocking functions with callbacks */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "await/temp.h"
#include "io/loop.h"

static int64_t noted;
static int calls;

static void note(struct rota_request *which, int64_t result)
{
	calls++;
	noted = result;
}

static struct rota_request request;

/* Run the loop until the request, whose call answered `rc`, has been called back: its result. */
static int64_t result_of(struct rota_loop *loop, int rc)
{
	CHECK_EQ(rc, 0);
	CHECK_EQ(calls, 0); /* never within */
	run(loop);
	CHECK_EQ(calls, 1);
	return noted;
}

#define ASK(name, ...) (calls = 0, result_of(loop, rota_request_##name(loop, &request, __VA_ARGS__, note)))

TEST(a_request_costs_less_than_500_bytes)
{
	CHECK(sizeof(struct rota_request) < 500);
}

/* ---- files ---- */

LOOP_TEST(a_file_is_made_written_read_and_closed)
{
	struct iovec out[2] = { { "ab", 2 }, { "cd", 2 } }, in[2];
	struct rota_file_info info = { 0 };
	char one[8] = "", two[2], three[2];
	int fd;

	temp_enter();
	fd = (int)ASK(open, "file", O_RDWR | O_CREAT, 0640);
	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
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
	CHECK_EQ(ASK(fstat, fd, &info), 0);
	CHECK_EQ(info.type, ROTA_FILE_REGULAR);
	CHECK_EQ(info.size, 3);
	CHECK_EQ(info.mode, 0600);
	CHECK_EQ(ASK(close, fd), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
}

LOOP_TEST(names_are_made_followed_and_removed)
{
	char text[4096], here[4096], file_name[] = "made-XXXXXX", folder_name[] = "made-XXXXXX";
	struct rota_file_info info = { 0 };
	int fd;

	temp_enter();
	CHECK_EQ(ASK(mkdir, "folder", 0755), 0);
	CHECK_EQ(ASK(write_file, "folder/a", "text", 4, 0644), 0);
	CHECK_EQ(ASK(rename, "folder/a", "folder/b"), 0);
	CHECK_EQ(ASK(link, "folder/b", "folder/c"), 0);
	CHECK_EQ(ASK(stat, "folder/c", &info), 0);
	CHECK_EQ(info.links, 2);
	CHECK_EQ(ASK(symlink, "b", "folder/l"), 0);
	CHECK_EQ(ASK(lstat, "folder/l", &info), 0);
	CHECK_EQ(info.type, ROTA_FILE_LINK);
	CHECK_EQ(ASK(readlink, "folder/l", text, sizeof text), 1);
	CHECK_STR(text, "b");
	CHECK_EQ(ASK(readlink, "folder/l", text, 1), -ENAMETOOLONG);
	CHECK(ASK(realpath, ".", here, sizeof here) > 0);
	CHECK_EQ(ASK(realpath, "folder/l", text, sizeof text), (int64_t)strlen(here) + 9);
	CHECK_EQ(ASK(chmod, "folder/b", 0400), 0);
	CHECK_EQ(ASK(chown, "folder/b", UINT32_MAX, UINT32_MAX), 0);
	CHECK_EQ(ASK(lchown, "folder/l", UINT32_MAX, UINT32_MAX), 0);
	CHECK_EQ(ASK(set_file_times, "folder/b", ROTA_FILE_TIME_KEEP, 5000000007), 0);
	CHECK_EQ(ASK(stat, "folder/b", &info), 0);
	CHECK_EQ(info.mode, 0400);
	CHECK_EQ(info.written_at_ns, 5000000007);
	CHECK_EQ(ASK(access, "folder/b", R_OK), 0);
	CHECK_EQ(ASK(access, "folder/none", F_OK), -ENOENT);
	CHECK_EQ(ASK(truncate, "folder/c", 2), 0);
	fd = (int)ASK(mkstemp, file_name);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(access(file_name, F_OK), 0);
	CHECK_EQ(ASK(mkdtemp, folder_name), 0);
	CHECK_EQ(ASK(rmdir, folder_name), 0);
	CHECK_EQ(ASK(unlink, file_name), 0);
	CHECK_EQ(access(file_name, F_OK), -1);
	CHECK_EQ(access(folder_name, F_OK), -1);
}

LOOP_TEST(whole_files_and_folders_are_read_copied_and_sent)
{
	struct rota_folder *folder = NULL;
	struct rota_disk_info disk = { 0 };
	void *data = NULL;
	size_t size = 0;
	int from, to;

	temp_enter();
	CHECK_EQ(ASK(write_file, "a", "hello", 5, 0640), 0);
	CHECK_EQ(ASK(copy_file, "a", "b", ROTA_COPY_NEW), 0);
	CHECK_EQ(ASK(copy_file, "a", "b", ROTA_COPY_NEW), -EEXIST);
	CHECK_EQ(ASK(read_file, "b", &data, &size, SIZE_MAX), 0);
	CHECK_EQ(size, 5);
	CHECK_STR((char *)data, "hello");
	rota_free(data);
	CHECK_EQ(ASK(read_file, "b", &data, &size, 4), ROTA_ELIMIT);
	CHECK_EQ(ASK(read_file, "/proc/self/status", &data, &size, SIZE_MAX), 0); /* its size is 0, they say */
	CHECK(size > 0);
	rota_free(data);
	CHECK_EQ(ASK(readdir, ".", &folder), 0);
	CHECK_EQ(folder->count, 2);
	CHECK_STR(folder->entries[0].name, "a");
	CHECK_STR(folder->entries[1].name, "b");
	rota_free(folder);
	CHECK_EQ(ASK(disk_stat, ".", &disk), 0);
	CHECK(disk.block_bytes > 0);
	from = open("a", O_RDONLY | O_CLOEXEC);
	to = open("c", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK_EQ(ASK(send_file, to, from, 1, 100), 4);
	CHECK_EQ(ASK(send_file, -1, from, 1, 100), -EBADF);
	close(from);
	close(to);
}

LOOP_TEST(what_goes_wrong_is_told_to_the_callback)
{
	struct rota_folder *folder = NULL;
	struct rota_file_info info = { .size = 7 };
	void *data = &info;
	size_t size = 3;
	char byte;

	temp_enter();
	CHECK_EQ(ASK(open, "none", O_RDONLY, 0), -ENOENT);
	CHECK_EQ(ASK(stat, "none", &info), -ENOENT);
	CHECK_EQ(info.size, 7);
	CHECK_EQ(ASK(pread, -1, &byte, 1, 0), -EBADF);
	CHECK_EQ(ASK(close, -1), -EBADF);
	CHECK_EQ(ASK(readdir, "none", &folder), -ENOENT);
	CHECK(folder == NULL);
	CHECK_EQ(ASK(read_file, "none", &data, &size, 10), -ENOENT);
	CHECK(data == &info && size == 3);
	CHECK_EQ(ASK(write_file, "none/x", "x", 1, 0600), -ENOENT);
	CHECK_EQ(ASK(rename, "none", "other"), -ENOENT);
	CHECK_EQ(ASK(rmdir, "none"), -ENOENT);
}

LOOP_TEST(a_file_that_cannot_be_written_is_an_error_and_no_signal)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (full < 0)
		SKIP("there is no /dev/full");
	close(full);
	CHECK_EQ(ASK(write_file, "/dev/full", "x", 1, 0600), -ENOSPC);
}

/* ---- all of it ---- */

LOOP_TEST(all_bytes_are_written_and_read_and_the_end_is_told)
{
	char buf[16] = "";
	size_t done = 99;
	int fd;

	temp_enter();
	fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_EQ(ASK(pwrite_all, fd, "0123456789", 10, 0, &done), 10);
	CHECK_EQ(done, 10);
	CHECK_EQ(ASK(pread_all, fd, buf, 4, 3, NULL), 4);
	CHECK_STR(buf, "3456");
	CHECK_EQ(ASK(pread_all, fd, buf, 16, 5, &done), ROTA_EOF);
	CHECK_EQ(done, 5);
	CHECK(memcmp(buf, "56789", 5) == 0);
	CHECK_EQ(ASK(pread_all, fd, buf, 10, ROTA_FILE_POSITION, &done), 10);
	CHECK_EQ(ASK(pread_all, fd, NULL, 0, 0, &done), 0);
	CHECK_EQ(done, 0);
	done = 99;
	CHECK_EQ(ASK(pread_all, -1, buf, 1, 0, &done), -EBADF);
	CHECK_EQ(done, 0);
	CHECK_EQ(ASK(pwrite_all, -1, buf, 1, 0, NULL), -EBADF);
	close(fd);
}

static int unread(int fd)
{
	int bytes = -1;

	CHECK_EQ(ioctl(fd, FIONREAD, &bytes), 0);
	return bytes;
}

/* A pipe gives what is in it: so many reads follow each other. */
LOOP_TEST(what_comes_in_pieces_is_read_to_the_last)
{
	char buf[8] = "";
	struct rota_request r;
	size_t done = 0;
	int fds[2];

	calls = 0;
	CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
	CHECK_EQ(rota_request_pread_all(loop, &r, fds[0], buf, 7, ROTA_FILE_POSITION, &done, note), 0);
	for (int i = 0; i < 7; i++) {
		CHECK_EQ(calls, 0);
		CHECK_EQ(write(fds[1], &"letters"[i], 1), 1);
		while (unread(fds[0]) > 0)
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
	}
	run(loop);
	CHECK_EQ(calls, 1);
	CHECK_EQ(noted, 7);
	CHECK_EQ(done, 7);
	CHECK_STR(buf, "letters");
	close(fds[0]);
	close(fds[1]);
}

LOOP_TEST(a_cancellation_in_the_middle_tells_how_far_it_came)
{
	char buf[8] = "";
	struct rota_request r;
	size_t done = 0;
	int fds[2];

	calls = 0;
	CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
	CHECK_EQ(rota_request_pread_all(loop, &r, fds[0], buf, 6, ROTA_FILE_POSITION, &done, note), 0);
	CHECK_EQ(write(fds[1], "abc", 3), 3);
	while (unread(fds[0]) > 0)
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	CHECK_EQ(calls, 0);
	rota_request_cancel(&r);
	close(fds[1]); /* a thread that reads cannot be stopped; now it sees the end */
	run(loop);
	CHECK_EQ(calls, 1);
	CHECK_EQ(noted, -ECANCELED);
	CHECK_EQ(done, 3);
	CHECK_STR(buf, "abc");
	close(fds[0]);
}

LOOP_TEST(a_write_of_all_that_is_cancelled_at_once_is_told_once)
{
	struct rota_request r;
	size_t done = 99;
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	for (int i = 0; i < 50; i++) {
		calls = 0;
		CHECK_EQ(rota_request_pwrite_all(loop, &r, fd, "abc", 3, 0, &done, note), 0);
		rota_request_cancel(&r);
		run(loop);
		CHECK_EQ(calls, 1);
		CHECK((noted == 3 && done == 3) || (noted == -ECANCELED && done == 0));
	}
	close(fd);
}

/* ---- files that are replaced ---- */

LOOP_TEST(a_file_is_replaced_at_once_and_whole)
{
	struct rota_file_info info = { 0 };

	temp_enter();
	CHECK_EQ(mkdir("folder", 0700), 0);
	CHECK_EQ(ASK(write_file_atomic, "folder/f", "old text", 8, 0600), 0);
	CHECK_STR(temp_contents("folder/f"), "old text");
	CHECK_EQ(ASK(write_file_atomic, "folder/f", "new", 3, 0640), 0);
	CHECK_STR(temp_contents("folder/f"), "new");
	CHECK_EQ(ASK(stat, "folder/f", &info), 0);
	CHECK_EQ(info.mode, 0640);
	CHECK_EQ(ASK(write_file_atomic, "f", "", 0, 0600), 0);
	CHECK_EQ(ASK(write_file_atomic, "none/f", "x", 1, 0600), -ENOENT);
	CHECK_EQ(ASK(write_file_atomic, "folder", "x", 1, 0600), -EISDIR);
	CHECK_EQ(temp_count(), 2); /* nothing is left beside them */
	CHECK_EQ(chdir("folder"), 0);
	CHECK_EQ(temp_count(), 1);
	CHECK_EQ(chdir(".."), 0);
}

LOOP_TEST(a_replacement_that_is_cancelled_has_happened_or_not)
{
	struct rota_request r;

	temp_enter();
	CHECK_EQ(ASK(write_file_atomic, "f", "old", 3, 0600), 0);
	for (int i = 0; i < 20; i++) {
		calls = 0;
		CHECK_EQ(rota_request_write_file_atomic(loop, &r, "f", "new", 3, 0600, note), 0);
		if (i % 2 == 1)
			sched_yield(); /* it may have begun */
		rota_request_cancel(&r);
		run(loop);
		CHECK_EQ(calls, 1);
		CHECK(noted == 0 || noted == -ECANCELED);
		if (noted == 0)
			CHECK_STR(temp_contents("f"), "new");
		CHECK_EQ(temp_count(), 1);
	}
}

/* ---- times ---- */

LOOP_TEST(times_of_open_files_and_of_links_are_set)
{
	struct rota_file_info info = { 0 };
	int fd;

	temp_enter();
	fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_EQ(symlink("f", "link"), 0);
	CHECK_EQ(ASK(set_fd_times, fd, 1000000001, 2000000002), 0);
	CHECK_EQ(ASK(set_link_times, "link", 3000000003, 4000000004), 0);
	CHECK_EQ(ASK(stat, "link", &info), 0);
	CHECK_EQ(info.read_at_ns, 1000000001);
	CHECK_EQ(info.written_at_ns, 2000000002);
	CHECK_EQ(ASK(lstat, "link", &info), 0);
	CHECK_EQ(info.written_at_ns, 4000000004);
	CHECK_EQ(ASK(set_fd_times, fd, ROTA_FILE_TIME_KEEP, -1), 0); /* before 1970 */
	CHECK_EQ(ASK(fstat, fd, &info), 0);
	CHECK_EQ(info.read_at_ns, 1000000001);
	CHECK_EQ(info.written_at_ns, -1);
	CHECK_EQ(ASK(set_fd_times, -1, 0, 0), -EBADF);
	CHECK_EQ(ASK(set_link_times, "none", 0, 0), -ENOENT);
	close(fd);
}

/* ---- large folders ---- */

LOOP_TEST(a_large_folder_is_read_in_pieces_each_name_once)
{
	enum { NAMES = 4000 };
	static bool seen[NAMES];
	struct rota_folder *folder = NULL;
	int64_t n;
	int fd, total = 0, pieces = 0;

	temp_enter();
	for (int i = 0; i < NAMES; i++) {
		char name[16];

		snprintf(name, sizeof name, "%d", i);
		CHECK_EQ(mknod(name, S_IFREG | 0600, 0), 0);
	}
	fd = (int)ASK(open, ".", O_RDONLY | O_DIRECTORY, 0);
	while ((n = ASK(readdir_next, fd, &folder)) > 0) {
		CHECK_EQ(folder->count, n);
		for (int64_t i = 0; i < n; i++) {
			int number = atoi(folder->entries[i].name);

			CHECK(number >= 0 && number < NAMES && !seen[number]);
			CHECK(folder->entries[i].type == ROTA_FILE_REGULAR || folder->entries[i].type == ROTA_FILE_UNKNOWN);
			seen[number] = true;
		}
		total += (int)n;
		pieces++;
		rota_free(folder);
		folder = NULL;
	}
	CHECK_EQ(n, 0);
	CHECK(folder == NULL);
	CHECK_EQ(total, NAMES);
	CHECK(pieces > 1);
	CHECK_EQ(ASK(readdir_next, fd, &folder), 0); /* and it stays the end */
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK(ASK(readdir_next, fd, &folder) > 0);
	rota_free(folder);
	close(fd);
}

LOOP_TEST(a_folder_that_is_empty_or_gone_or_none_says_so)
{
	struct rota_folder *folder = NULL;
	int fd, plain;

	temp_enter();
	CHECK_EQ(mkdir("empty", 0700), 0);
	fd = open("empty", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQ(ASK(readdir_next, fd, &folder), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(rmdir("empty"), 0);
	CHECK_EQ(ASK(readdir_next, fd, &folder), 0);
	plain = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_EQ(ASK(readdir_next, plain, &folder), -ENOTDIR);
	CHECK_EQ(ASK(readdir_next, -1, &folder), -EBADF);
	CHECK(folder == NULL);
	close(plain);
	close(fd);
}

LOOP_TEST(a_piece_of_a_folder_that_is_cancelled_is_not_lost)
{
	struct rota_folder *folder = NULL;
	struct rota_request r;
	int fd, told = 0;

	temp_enter();
	close(open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 50; i++) {
		calls = 0;
		CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
		CHECK_EQ(rota_request_readdir_next(loop, &r, fd, &folder, note), 0);
		rota_request_cancel(&r);
		run(loop);
		CHECK_EQ(calls, 1);
		CHECK(noted == 1 || noted == -ECANCELED);
		told = (int)(noted == 1 ? noted : ASK(readdir_next, fd, &folder));
		CHECK_EQ(told, 1);
		CHECK_STR(folder->entries[0].name, "f");
		rota_free(folder);
	}
	close(fd);
}

/* ---- what a request is ---- */

LOOP_TEST(arguments_that_make_no_sense_are_answered_at_once)
{
	struct rota_request r;

	calls = 0;
	CHECK_EQ(rota_request_ftruncate(loop, &r, 0, UINT64_MAX, note), -EINVAL);
	CHECK_EQ(rota_request_preadv(loop, &r, 0, NULL, -1, 0, note), -EINVAL);
	CHECK_EQ(rota_request_copy_file(loop, &r, "a", "b", 0x80, note), -EINVAL);
	CHECK_EQ(rota_request_blocking(loop, &r, NULL, NULL, note), -EINVAL);
	CHECK(!rota_loop_alive(loop));
	run(loop);
	CHECK_EQ(calls, 0);
}

/* Each call without each of what it needs. */
#define NEEDS(X)                                                                                                       \
	X(open, NULL, O_RDONLY, 0)                                                                                     \
	X(pread, 0, NULL, 1, 0)                                                                                        \
	X(pwrite, 1, NULL, 1, 0)                                                                                       \
	X(preadv, 0, NULL, 1, 0)                                                                                       \
	X(pwritev, 1, NULL, 1, 0)                                                                                      \
	X(stat, NULL, &info)                                                                                           \
	X(stat, "/", NULL)                                                                                             \
	X(lstat, NULL, &info)                                                                                          \
	X(lstat, "/", NULL)                                                                                            \
	X(fstat, 0, NULL)                                                                                              \
	X(access, NULL, F_OK)                                                                                          \
	X(disk_stat, NULL, &disk)                                                                                      \
	X(disk_stat, "/", NULL)                                                                                        \
	X(rename, NULL, "x")                                                                                           \
	X(rename, "x", NULL)                                                                                           \
	X(unlink, NULL)                                                                                                \
	X(mkdir, NULL, 0700)                                                                                           \
	X(rmdir, NULL)                                                                                                 \
	X(link, NULL, "x")                                                                                             \
	X(link, "x", NULL)                                                                                             \
	X(symlink, NULL, "x")                                                                                          \
	X(symlink, "x", NULL)                                                                                          \
	X(readlink, NULL, buf, sizeof buf)                                                                             \
	X(readlink, "x", NULL, sizeof buf)                                                                             \
	X(realpath, NULL, buf, sizeof buf)                                                                             \
	X(realpath, "/", NULL, sizeof buf)                                                                             \
	X(mkstemp, NULL)                                                                                               \
	X(mkdtemp, NULL)                                                                                               \
	X(readdir, NULL, &folder)                                                                                      \
	X(readdir, "/", NULL)                                                                                          \
	X(truncate, NULL, 0)                                                                                           \
	X(chmod, NULL, 0600)                                                                                           \
	X(chown, NULL, 0, 0)                                                                                           \
	X(lchown, NULL, 0, 0)                                                                                          \
	X(set_file_times, NULL, 0, 0)                                                                                  \
	X(copy_file, NULL, "x", 0)                                                                                     \
	X(copy_file, "x", NULL, 0)                                                                                     \
	X(read_file, NULL, &data, &size, 1)                                                                            \
	X(read_file, "x", NULL, &size, 1)                                                                              \
	X(read_file, "x", &data, NULL, 1)                                                                              \
	X(write_file, NULL, "x", 1, 0600)                                                                              \
	X(write_file, "x", NULL, 1, 0600)                                                                              \
	X(write_file_atomic, NULL, "x", 1, 0600)                                                                       \
	X(write_file_atomic, "x", NULL, 1, 0600)                                                                       \
	X(pread_all, 0, NULL, 1, 0, NULL)                                                                              \
	X(pwrite_all, 1, NULL, 1, 0, NULL)                                                                             \
	X(readdir_next, 0, NULL)                                                                                       \
	X(set_link_times, NULL, 0, 0)                                                                                  \
	X(resolve, NULL, &address, 1)                                                                                  \
	X(resolve, "127.0.0.1:1", NULL, 1)                                                                             \
	X(resolve_back, NULL, buf, sizeof buf, NULL, 0)

LOOP_TEST(what_a_request_needs_and_is_not_given_is_answered_at_once)
{
	struct rota_request r;
	struct rota_file_info info;
	struct rota_disk_info disk;
	struct rota_folder *folder;
	struct rota_address address;
	char buf[16];
	void *data;
	size_t size;

	calls = 0;
	temp_enter();
#define X(name, ...) CHECK_EQ(rota_request_##name(loop, &r, __VA_ARGS__, note), -EINVAL);
	NEEDS(X)
#undef X
	CHECK(!rota_loop_alive(loop));
	run(loop);
	CHECK_EQ(calls, 0);
	CHECK_EQ(temp_count(), 0);
}

LOOP_TEST(no_bytes_need_no_buffer)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	temp_enter();
	CHECK_EQ(ASK(pread, fd, NULL, 0, 0), 0);
	CHECK_EQ(ASK(pwrite, fd, NULL, 0, 0), 0);
	CHECK_EQ(ASK(pwritev, fd, NULL, 0, 0), 0);
	CHECK_EQ(ASK(write_file, "x", NULL, 0, 0600), 0);
	CHECK_EQ(temp_count(), 1);
	close(fd);
}

static void *ask_from_outside(void *loop)
{
	struct rota_request r;
	struct rota_file_info info;
	struct rota_address address;

	CHECK_EQ(rota_request_stat(loop, &r, "/", &info, note), -EPERM);
	CHECK_EQ(rota_request_stat(NULL, &r, "/", &info, note), -EPERM);
	CHECK_EQ(rota_request_access(loop, &r, "/", F_OK, note), -EPERM);
	CHECK_EQ(rota_request_resolve(loop, &r, "127.0.0.1:1", &address, 1, note), -EPERM);
	return NULL;
}

LOOP_TEST(other_threads_are_refused)
{
	pthread_t thread;

	rota_loop_run(loop, ROTA_RUN_NOWAIT); /* now it is ours */
	CHECK_EQ(pthread_create(&thread, NULL, ask_from_outside, loop), 0);
	pthread_join(thread, NULL);
	run(loop);
}

LOOP_TEST(many_requests_are_on_their_way_at_a_time)
{
	enum { MANY = 200 };
	static struct rota_request requests[MANY];
	static char bytes[MANY];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	calls = 0;
	memset(bytes, 1, sizeof bytes);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(rota_request_pread(loop, &requests[i], fd, &bytes[i], 1, 0, note), 0);
	CHECK(rota_loop_alive(loop));
	run(loop);
	CHECK_EQ(calls, MANY);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(bytes[i], 0);
	close(fd);
}

LOOP_TEST(nobody_needs_to_want_to_know)
{
	struct rota_request r;

	temp_enter();
	CHECK_EQ(rota_request_mkdir(loop, &r, "folder", 0700, NULL), 0);
	run(loop);
	CHECK_EQ(access("folder", F_OK), 0);
	CHECK_EQ(rota_request_access(loop, &r, "folder", F_OK, NULL), 0);
	run(loop);
}

static void again(struct rota_request *it, int64_t result)
{
	int *left = it->data;

	CHECK_EQ(result, 0);
	if (--*left > 0)
		CHECK_EQ(rota_request_access(NULL, it, "/", F_OK, again), 0);
}

LOOP_TEST(a_request_is_used_again_in_its_own_callback)
{
	int left = 20;
	struct rota_request r = { .data = &left };

	CHECK_EQ(rota_request_access(loop, &r, "/", F_OK, again), 0);
	run(loop);
	CHECK_EQ(left, 0);
}

/* ---- cancelling ---- */

static int work_done;

static int work(void *arg)
{
	__atomic_add_fetch(&work_done, 1, __ATOMIC_RELAXED);
	return 7;
}

LOOP_TEST(a_function_runs_on_the_pool_and_its_answer_is_told)
{
	CHECK_EQ(ASK(blocking, work, NULL), 7);
	CHECK_EQ(work_done, 1);
}

LOOP_TEST(cancelled_work_is_told_once_and_has_been_done_or_not)
{
	struct rota_request r;

	for (int i = 0; i < 100; i++) {
		calls = work_done = 0;
		CHECK_EQ(rota_request_blocking(loop, &r, work, NULL, note), 0);
		rota_request_cancel(&r);
		rota_request_cancel(&r);
		CHECK_EQ(calls, 0);
		run(loop);
		CHECK_EQ(calls, 1);
		CHECK_EQ(noted, work_done ? 7 : -ECANCELED);
	}
}

LOOP_TEST(a_read_that_would_wait_for_ever_can_be_cancelled)
{
	struct rota_request r;
	int fds[2];
	char byte;

	if (strcmp(rota_loop_poller(loop), "uring") != 0)
		SKIP("a thread that reads cannot be stopped");
	CHECK_EQ(pipe(fds), 0);
	calls = 0;
	CHECK_EQ(rota_request_pread(loop, &r, fds[0], &byte, 1, ROTA_FILE_POSITION, note), 0);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	rota_request_cancel(&r);
	run(loop);
	CHECK_EQ(calls, 1);
	CHECK_EQ(noted, -ECANCELED);
	close(fds[0]);
	close(fds[1]);
}

LOOP_TEST(a_close_happens_even_if_it_is_cancelled)
{
	struct rota_request r;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	calls = 0;
	CHECK_EQ(rota_request_close(loop, &r, fd, note), 0);
	rota_request_cancel(&r);
	run(loop);
	CHECK_EQ(calls, 1);
	CHECK_EQ(noted, 0);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
}

/* What is asked for, again and again; *ret_folder and the like are looked at when it is told. */
static struct {
	struct rota_loop *loop;
	int fd;
	char bytes[64];
	struct rota_file_info info;
	struct rota_folder *folder;
	void *data;
	size_t size;
	struct rota_address address;
} asked;

static int ask_open(struct rota_request *r)
{
	return rota_request_open(asked.loop, r, "file", O_RDWR, 0, note);
}

static int ask_pread(struct rota_request *r)
{
	return rota_request_pread(asked.loop, r, asked.fd, asked.bytes, sizeof asked.bytes, 0, note);
}

static int ask_pwrite(struct rota_request *r)
{
	return rota_request_pwrite(asked.loop, r, asked.fd, "text", 4, 0, note);
}

static int ask_fsync(struct rota_request *r)
{
	return rota_request_fsync(asked.loop, r, asked.fd, note);
}

static int ask_stat(struct rota_request *r)
{
	return rota_request_stat(asked.loop, r, "file", &asked.info, note);
}

static int ask_readdir(struct rota_request *r)
{
	return rota_request_readdir(asked.loop, r, ".", &asked.folder, note);
}

static int ask_read_file(struct rota_request *r)
{
	return rota_request_read_file(asked.loop, r, "file", &asked.data, &asked.size, 100, note);
}

static int ask_copy_file(struct rota_request *r)
{
	return rota_request_copy_file(asked.loop, r, "file", "copy", 0, note);
}

static int ask_work(struct rota_request *r)
{
	return rota_request_blocking(asked.loop, r, work, NULL, note);
}

static int ask_resolve(struct rota_request *r)
{
	return rota_request_resolve(asked.loop, r, "localhost:80", &asked.address, 1, note);
}

/* What came belongs to us; of what was cancelled nothing may have come. */
static void take_answer(int (*ask)(struct rota_request *r))
{
	CHECK_EQ(calls, 1);
	CHECK(noted >= 0 || noted == -ECANCELED);
	CHECK(noted >= 0 || (asked.folder == NULL && asked.data == NULL));
	if (ask == ask_open && noted >= 0)
		close((int)noted);
	rota_free(asked.folder);
	rota_free(asked.data);
	asked.folder = NULL;
	asked.data = NULL;
}

/* After more and more turns, until it was there before it could be cancelled: then cancelling does nothing. */
static void cancel_in_each_turn(int (*ask)(struct rota_request *r))
{
	struct rota_request r;
	bool was_there = false;

	for (int turns = 0; !was_there; turns += turns / 8 + 1) {
		calls = 0;
		CHECK_EQ(ask(&r), 0);
		for (int i = 0; i < turns && calls == 0; i++)
			rota_loop_run(asked.loop, ROTA_RUN_NOWAIT);
		was_there = calls > 0;
		if (!was_there)
			rota_request_cancel(&r);
		run(asked.loop);
		take_answer(ask);
	}
}

static void wait_for_the_pool(void);

LOOP_TEST(each_turn_of_a_requests_life_is_a_good_time_to_cancel)
{
	static int (*const asks[])(struct rota_request *r) = { ask_open, ask_pread, ask_pwrite, ask_fsync, ask_stat, ask_readdir,
		ask_read_file, ask_copy_file, ask_work, ask_resolve };

	temp_enter();
	asked.loop = loop;
	asked.fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++)
		for (int round = 0; round < 5; round++)
			cancel_in_each_turn(asks[i]);
	close(asked.fd);
	wait_for_the_pool();
}

/* Of a read that nothing ends but the cancel. */
LOOP_TEST(a_read_that_waits_can_be_cancelled_in_each_turn)
{
	struct rota_request r;
	int fds[2];
	char byte;

	if (strcmp(rota_loop_poller(loop), "uring") != 0)
		SKIP("a thread that reads cannot be stopped");
	CHECK_EQ(pipe(fds), 0);
	for (int turns = 0; turns < 20; turns++) {
		calls = 0;
		CHECK_EQ(rota_request_pread(loop, &r, fds[0], &byte, 1, ROTA_FILE_POSITION, note), 0);
		for (int i = 0; i < turns; i++)
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
		CHECK_EQ(calls, 0);
		rota_request_cancel(&r);
		if (turns % 2 == 1) /* bytes that come between the cancel and its answer are read, or still there */
			CHECK_EQ(write(fds[1], "x", 1), 1);
		run(loop);
		CHECK_EQ(calls, 1);
		CHECK(noted == -ECANCELED || (noted == 1 && byte == 'x'));
		if (turns % 2 == 1 && noted == -ECANCELED)
			CHECK_EQ(read(fds[0], &byte, 1), 1);
	}
	close(fds[0]);
	close(fds[1]);
}

/* ---- names of the network ---- */

LOOP_TEST(an_address_that_is_known_is_told_later_too)
{
	struct rota_address address;
	char text[64];

	CHECK_EQ(ASK(resolve, "127.0.0.1:80", &address, 1), 1);
	CHECK(rota_address_name(&address, text, sizeof text) > 0);
	CHECK_STR(text, "127.0.0.1:80");
	CHECK_EQ(ASK(resolve, "nonsense", &address, 1), -EINVAL);
	CHECK_EQ(ASK(resolve, "127.0.0.1:80", &address, 0), 0);
}

LOOP_TEST(an_address_without_a_name_is_told_as_a_number)
{
	struct rota_address address;
	char host[300] = "", service[64] = "";

	CHECK_EQ(rota_address_parse(&address, "127.0.0.1:65001"), 0);
	CHECK_EQ(ASK(resolve_back, &address, NULL, 0, service, sizeof service), 0);
	CHECK_STR(service, "65001");
	CHECK_EQ(ASK(resolve_back, &address, host, 1, NULL, 0), -ENAMETOOLONG);
	CHECK_EQ(rota_address_parse(&address, "unix:/x"), 0);
	address.storage.ss_family = AF_UNSPEC;
	CHECK(ASK(resolve_back, &address, host, sizeof host, NULL, 0) < 0);
	address.size = 0;
	CHECK_EQ(ASK(resolve_back, &address, host, sizeof host, NULL, 0), -EINVAL);
}

/* A look-up that had begun goes on in the pool when it is cancelled, with descriptors of its own. */
static void wait_for_the_pool(void)
{
	struct rota_blocking_stats pool;

	do {
		sched_yield();
		rota_blocking_stats(&pool);
	} while (pool.queued + pool.running > 0);
}

LOOP_TEST(a_look_up_that_is_cancelled_ends_at_once_and_is_told_once)
{
	struct rota_address address;
	struct rota_request r;

	for (int i = 0; i < 20; i++) {
		calls = 0;
		CHECK_EQ(rota_request_resolve(loop, &r, "localhost:80", &address, 1, note), 0);
		rota_request_cancel(&r);
		CHECK_EQ(calls, 0);
		run(loop);
		CHECK_EQ(calls, 1);
		CHECK(noted == -ECANCELED || noted == 1);
	}
	wait_for_the_pool();
}
