/* file_pool.c - links, modes, owners, times, copies: from tasks */
#include <sys/stat.h>

#include "await/temp.h"
#include "task/run.h"

static void put(const char *path, const char *text)
{
	CHECK_EQ(rota_write_file(path, text, strlen(text), 0644), 0);
}

TASK_TEST(links_are_made_and_read)
{
	struct rota_file_info a, b;
	char buf[4096];

	temp_enter();
	put("file", "text");
	CHECK_EQ(rota_link("file", "hard"), 0);
	CHECK_EQ(rota_link("file", "hard"), -EEXIST);
	CHECK_EQ(rota_file_stat("file", &a), 0);
	CHECK_EQ(rota_file_stat("hard", &b), 0);
	CHECK_EQ(a.inode, b.inode);
	CHECK_EQ(a.links, 2);
	CHECK_EQ(rota_symlink("file", "soft"), 0);
	CHECK_EQ(rota_readlink("soft", buf, 5), 4);
	CHECK_STR(buf, "file");
	CHECK_EQ(rota_readlink("soft", buf, 4), -ENAMETOOLONG);
	CHECK_EQ(rota_readlink("soft", buf, 0), -ENAMETOOLONG);
	CHECK_EQ(rota_readlink("file", buf, sizeof buf), -EINVAL);
	int length = rota_realpath("./soft", buf, sizeof buf);

	CHECK_EQ(length, (int)strlen(buf));
	CHECK_EQ(buf[0], '/');
	CHECK_STR(buf + strlen(buf) - 5, "/file");
	CHECK_EQ(rota_realpath("soft", buf, 3), -ENAMETOOLONG);
	CHECK_EQ(rota_realpath("nobody", buf, sizeof buf), -ENOENT);
}

TASK_TEST(temporary_names_are_new)
{
	char file[] = "f-XXXXXX", folder[] = "d-XXXXXX", bad[] = "none";
	int fd;

	temp_enter();
	fd = rota_mkstemp(file);
	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(rota_pwrite(fd, "x", 1, 0), 1);
	CHECK_EQ(rota_file_close(fd), 0);
	CHECK_STR(temp_contents(file), "x");
	CHECK_EQ(rota_mkdtemp(folder), 0);
	CHECK_EQ(rota_rmdir(folder), 0);
	CHECK_EQ(rota_mkstemp(bad), -EINVAL);
	CHECK_EQ(rota_mkdtemp(bad), -EINVAL);
}

TASK_TEST(sizes_modes_owners_and_times_are_set)
{
	struct rota_file_info info;
	int fd;

	temp_enter();
	put("f", "12345");
	CHECK_EQ(rota_truncate("f", 3), 0);
	CHECK_STR(temp_contents("f"), "123");
	CHECK_EQ(rota_truncate("f", UINT64_MAX), -EINVAL);
	CHECK_EQ(rota_chmod("f", 0751), 0);
	CHECK_EQ(rota_set_file_times("f", -1500000000, 2000000003), 0);
	CHECK_EQ(rota_file_stat("f", &info), 0);
	CHECK_EQ(info.mode, 0751);
	CHECK_EQ(info.read_at_ns, -1500000000);
	CHECK_EQ(info.written_at_ns, 2000000003);
	CHECK_EQ(rota_set_file_times("f", ROTA_FILE_TIME_NOW, ROTA_FILE_TIME_KEEP), 0);
	CHECK_EQ(rota_file_stat("f", &info), 0);
	CHECK(info.read_at_ns > 2000000003);
	CHECK_EQ(info.written_at_ns, 2000000003);
	fd = rota_file_open("f", O_RDWR, 0);
	CHECK_EQ(rota_fchmod(fd, 0600), 0);
	CHECK_EQ(rota_fchown(fd, UINT32_MAX, UINT32_MAX), 0);
	CHECK_EQ(rota_file_close(fd), 0);
	CHECK_EQ(rota_chown("f", info.uid, info.gid), 0);
	CHECK_EQ(rota_symlink("nowhere", "l"), 0);
	CHECK_EQ(rota_chown("l", UINT32_MAX, UINT32_MAX), -ENOENT);
	CHECK_EQ(rota_lchown("l", UINT32_MAX, UINT32_MAX), 0);
	CHECK_EQ(rota_file_stat("f", &info), 0);
	CHECK_EQ(info.mode, 0600);
	CHECK_EQ(rota_access("f", F_OK | R_OK), 0);
	CHECK_EQ(rota_access("f", X_OK), -EACCES);
	CHECK_EQ(rota_access("l", F_OK), -ENOENT);
}

TASK_TEST(a_disk_has_a_size)
{
	struct rota_disk_info disk;

	CHECK_EQ(rota_disk_stat("/", &disk), 0);
	CHECK(disk.bytes >= disk.free_bytes && disk.free_bytes >= disk.usable_bytes && disk.block_bytes > 0);
	CHECK_EQ(rota_disk_stat("/nobody/here", &disk), -ENOENT);
}

TASK_TEST(a_copy_has_the_bytes_and_the_permissions)
{
	enum { SIZE = 3000000 };
	struct rota_file_info info;
	char *block = malloc(SIZE);
	void *data;
	size_t size;
	int rc;

	temp_enter();
	for (int i = 0; i < SIZE; i++)
		block[i] = (char)(i * 7 + i / 4096);
	CHECK_EQ(rota_write_file("from", block, SIZE, 0640), 0);
	CHECK_EQ(rota_copy_file("from", "to", 0), 0);
	CHECK_EQ(rota_read_file("to", &data, &size, SIZE_MAX), 0);
	CHECK_EQ(size, SIZE);
	CHECK(memcmp(data, block, SIZE) == 0);
	rota_free(data);
	CHECK_EQ(rota_file_stat("to", &info), 0);
	CHECK_EQ(info.mode, 0640);
	/* Another time: it replaces what is there, longer or not; or not, if asked to make a new one. */
	put("from", "short");
	CHECK_EQ(rota_copy_file("from", "to", ROTA_COPY_NEW), -EEXIST);
	CHECK_EQ(rota_copy_file("from", "to", 0), 0);
	CHECK_STR(temp_contents("to"), "short");
	CHECK_EQ(rota_copy_file("from", "from", 0), -EINVAL);
	CHECK_STR(temp_contents("from"), "short");
	rc = rota_copy_file("from", "clone", ROTA_COPY_CLONE);
	CHECK(rc == 0 || rc == -EOPNOTSUPP);
	CHECK_EQ(access("clone", F_OK) == 0, rc == 0); /* nothing is left of a failure */
	CHECK_EQ(rota_copy_file("nobody", "x", 0), -ENOENT);
	CHECK_EQ(rota_copy_file(".", "x", 0), -EINVAL);
	CHECK_EQ(rota_copy_file("from", "x", 77), -EINVAL);
	CHECK(access("x", F_OK) < 0);
	free(block);
}

TASK_TEST(a_file_without_a_size_is_copied_with_what_it_has)
{
	temp_enter();
	CHECK_EQ(rota_copy_file("/proc/self/status", "status", 0), 0);
	CHECK(strstr(temp_contents("status"), "Pid:") != NULL);
}

TASK_TEST(bytes_are_sent_from_file_to_file_and_to_a_pipe)
{
	char buf[16] = "";
	int from, to, fds[2];

	temp_enter();
	put("from", "0123456789");
	from = rota_file_open("from", O_RDONLY, 0);
	to = rota_file_open("to", O_WRONLY | O_CREAT, 0600);
	CHECK_EQ(rota_file_send(to, from, 2, 5), 5);
	CHECK_EQ(rota_file_send(to, from, 8, 100), 2); /* to the end */
	CHECK_EQ(rota_file_send(to, from, 10, 1), 0);
	CHECK_EQ(rota_file_send(to, -1, 0, 1), -EBADF);
	CHECK_EQ(rota_file_send(to, from, UINT64_MAX, 1), -EINVAL);
	CHECK_STR(temp_contents("to"), "2345689");
	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(rota_file_send(fds[1], from, 7, 3), 3);
	CHECK_EQ(read(fds[0], buf, sizeof buf), 3);
	CHECK_STR(buf, "789");
	close(fds[0]);
	CHECK_EQ(rota_file_send(fds[1], from, 0, 3), -EPIPE); /* and no signal */
	close(fds[1]);
	CHECK_EQ(rota_file_close(from), 0);
	CHECK_EQ(rota_file_close(to), 0);
}

/* Each call without each of what it needs. */
TASK_TEST(what_a_call_needs_and_is_not_given_is_an_error)
{
	struct rota_file_info info;
	struct rota_disk_info disk;
	struct rota_folder *folder;
	struct rota_address address;
	char buf[16];
	void *data;
	size_t size;
	const int64_t answers[] = {
		rota_file_open(NULL, O_RDONLY, 0),
		rota_pread(0, NULL, 1, 0),
		rota_pwrite(1, NULL, 1, 0),
		rota_preadv(0, NULL, 1, 0),
		rota_pwritev(1, NULL, 1, 0),
		rota_pread_all(0, NULL, 1, 0, NULL),
		rota_pwrite_all(1, NULL, 1, 0, NULL),
		rota_file_stat(NULL, &info),
		rota_file_stat("/", NULL),
		rota_file_lstat(NULL, &info),
		rota_file_lstat("/", NULL),
		rota_file_fstat(0, NULL),
		rota_rename(NULL, "x"),
		rota_rename("x", NULL),
		rota_unlink(NULL),
		rota_mkdir(NULL, 0700),
		rota_rmdir(NULL),
		rota_link(NULL, "x"),
		rota_link("x", NULL),
		rota_symlink(NULL, "x"),
		rota_symlink("x", NULL),
		rota_readlink(NULL, buf, sizeof buf),
		rota_readlink("x", NULL, sizeof buf),
		rota_realpath(NULL, buf, sizeof buf),
		rota_realpath("/", NULL, sizeof buf),
		rota_mkstemp(NULL),
		rota_mkdtemp(NULL),
		rota_truncate(NULL, 0),
		rota_chmod(NULL, 0600),
		rota_chown(NULL, 0, 0),
		rota_lchown(NULL, 0, 0),
		rota_set_file_times(NULL, 0, 0),
		rota_set_link_times(NULL, 0, 0),
		rota_readdir_next(0, NULL),
		rota_access(NULL, F_OK),
		rota_disk_stat(NULL, &disk),
		rota_disk_stat("/", NULL),
		rota_copy_file(NULL, "x", 0),
		rota_copy_file("x", NULL, 0),
		rota_readdir(NULL, &folder),
		rota_readdir("/", NULL),
		rota_read_file(NULL, &data, &size, 1),
		rota_read_file("x", NULL, &size, 1),
		rota_read_file("x", &data, NULL, 1),
		rota_write_file(NULL, "x", 1, 0600),
		rota_write_file("x", NULL, 1, 0600),
		rota_write_file_atomic(NULL, "x", 1, 0600),
		rota_write_file_atomic("x", NULL, 1, 0600),
		rota_resolve(NULL, &address, 1),
		rota_resolve("127.0.0.1:1", NULL, 1),
		rota_resolve_back(NULL, buf, sizeof buf, NULL, 0),
	};

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		CHECK_EQ(answers[i], -EINVAL);
}

TASK_TEST(a_large_folder_is_read_in_pieces)
{
	enum { NAMES = 4000 };
	struct rota_folder *folder;
	int fd, n, total = 0, pieces = 0;

	temp_enter();
	for (int i = 0; i < NAMES; i++) {
		char name[16];

		snprintf(name, sizeof name, "%d", i);
		CHECK_EQ(mknod(name, S_IFREG | 0600, 0), 0);
	}
	fd = rota_file_open(".", O_RDONLY | O_DIRECTORY, 0);
	while ((n = rota_readdir_next(fd, &folder)) > 0) {
		CHECK_EQ(folder->count, n);
		total += n;
		pieces++;
		rota_free(folder);
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(total, NAMES);
	CHECK(pieces > 1);
	CHECK_EQ(rota_file_close(fd), 0);
	CHECK_EQ(rota_readdir_next(-1, &folder), -EBADF);
}

static int read_next_when_cancelled(void *fd)
{
	struct rota_folder *folder;

	return rota_readdir_next(*(int *)fd, &folder);
}

TASK_TEST(a_piece_that_a_cancelled_task_did_not_get_is_not_lost)
{
	struct rota_folder *folder;
	struct rota_scope scope;
	int fd;

	temp_enter();
	CHECK_EQ(mkdir("x", 0700), 0);
	fd = rota_file_open(".", O_RDONLY | O_DIRECTORY, 0);
	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	CHECK_EQ(read_next_when_cancelled(&fd), -ECANCELED);
	rota_scope_join(&scope);
	CHECK_EQ(rota_readdir_next(fd, &folder), 1);
	CHECK_STR(folder->entries[0].name, "x");
	rota_free(folder);
	CHECK_EQ(rota_file_close(fd), 0);
}

TASK_TEST(the_times_of_open_files_and_of_links_are_set)
{
	struct rota_file_info info;
	int fd;

	temp_enter();
	fd = rota_file_open("f", O_RDWR | O_CREAT, 0600);
	CHECK_EQ(rota_symlink("f", "link"), 0);
	CHECK_EQ(rota_set_fd_times(fd, 1000000001, 2000000002), 0);
	CHECK_EQ(rota_set_link_times("link", 3000000003, 4000000004), 0);
	CHECK_EQ(rota_file_stat("link", &info), 0);
	CHECK_EQ(info.read_at_ns, 1000000001);
	CHECK_EQ(info.written_at_ns, 2000000002);
	CHECK_EQ(rota_file_lstat("link", &info), 0);
	CHECK_EQ(info.written_at_ns, 4000000004);
	CHECK_EQ(rota_set_fd_times(-1, 0, 0), -EBADF);
	CHECK_EQ(rota_set_link_times("none", 0, 0), -ENOENT);
	CHECK_EQ(rota_file_close(fd), 0);
}
