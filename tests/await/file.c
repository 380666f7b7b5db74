/* file.c - files and folders from tasks: what comes back, and what does not get lost */
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "await/temp.h"
#include "task/run.h"

static int open_new(const char *path)
{
	int fd = rota_file_open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0);
	return fd;
}

TASK_TEST(what_is_written_is_read_back_from_its_place)
{
	char buf[16] = "";
	int fd;

	temp_enter();
	fd = open_new("f");
	CHECK_EQ(rota_pwrite(fd, "world", 5, 6), 5);
	CHECK_EQ(rota_pwrite(fd, "hello ", 6, 0), 6);
	CHECK_EQ(rota_pread(fd, buf, sizeof buf, 0), 11);
	CHECK_STR(buf, "hello world");
	CHECK_EQ(rota_pread(fd, buf, sizeof buf, 11), 0); /* the end */
	CHECK_EQ(rota_pread(fd, buf, 2, 9), 2);
	CHECK(memcmp(buf, "ld", 2) == 0);
	CHECK_EQ(rota_file_close(fd), 0);
}

TASK_TEST(the_position_of_the_descriptor_can_be_used_instead)
{
	char buf[4];
	int fd;

	temp_enter();
	fd = open_new("f");
	CHECK_EQ(rota_pwrite(fd, "abc", 3, ROTA_FILE_POSITION), 3);
	CHECK_EQ(rota_pwrite(fd, "def", 3, ROTA_FILE_POSITION), 3);
	CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
	CHECK_EQ(rota_pread(fd, buf, 2, ROTA_FILE_POSITION), 2);
	CHECK_EQ(rota_pread(fd, buf + 2, 2, ROTA_FILE_POSITION), 2);
	CHECK(memcmp(buf, "bcde", 4) == 0);
	CHECK_EQ(rota_file_close(fd), 0);
}

TASK_TEST(vectors_are_gathered_and_scattered)
{
	struct iovec out[] = { { (char *)"one ", 4 }, { (char *)"two ", 4 }, { (char *)"three", 5 } };
	char a[3], b[10];
	struct iovec in[] = { { a, sizeof a }, { b, sizeof b } };
	int fd;

	temp_enter();
	fd = open_new("f");
	CHECK_EQ(rota_pwritev(fd, out, 3, 2), 13);
	CHECK_EQ(rota_preadv(fd, in, 2, 2), 13);
	CHECK(memcmp(a, "one", 3) == 0 && memcmp(b, " two three", 10) == 0);
	CHECK_EQ(rota_preadv(fd, in, -1, 0), -EINVAL);
	CHECK_EQ(rota_file_close(fd), 0);
}

TASK_TEST(reading_all_tells_when_the_file_is_too_short_and_how_much_came)
{
	size_t done = 99;
	char buf[8];
	int fd;

	temp_enter();
	fd = open_new("f");
	CHECK_EQ(rota_pwrite_all(fd, "12345", 5, 0, &done), 5);
	CHECK_EQ(done, 5);
	CHECK_EQ(rota_pread_all(fd, buf, 5, 0, &done), 5);
	CHECK_EQ(rota_pread_all(fd, buf, 8, 1, &done), ROTA_EOF);
	CHECK_EQ(done, 4);
	CHECK(memcmp(buf, "2345", 4) == 0);
	CHECK_EQ(rota_pread_all(fd, buf, 0, 0, NULL), 0);
	CHECK_EQ(rota_file_close(fd), 0);
}

TASK_TEST(errors_of_the_system_come_out_as_they_are)
{
	struct rota_file_info info = { .size = 77 };
	struct rota_folder *folder = (void *)&info;
	void *data = &info;
	size_t size = 7, done;
	char buf[4];
	int full;

	temp_enter();
	CHECK_EQ(rota_file_open("missing", O_RDONLY, 0), -ENOENT);
	CHECK_EQ(rota_file_open("/etc/passwd/x", O_RDONLY, 0), -ENOTDIR);
	CHECK_EQ(rota_file_open("missing/f", O_CREAT | O_WRONLY, 0600), -ENOENT);
	CHECK_EQ(rota_file_stat("missing", &info), -ENOENT);
	CHECK_EQ(rota_file_fstat(-1, &info), -EBADF);
	CHECK_EQ(info.size, 77); /* untouched */
	CHECK_EQ(rota_unlink("missing"), -ENOENT);
	CHECK_EQ(rota_rmdir("/proc"), -EBUSY);
	CHECK_EQ(rota_rename("missing", "x"), -ENOENT);
	CHECK_EQ(rota_mkdir(".", 0755), -EEXIST);
	CHECK_EQ(rota_readdir("missing", &folder), -ENOENT);
	CHECK_EQ(rota_readdir("/etc/passwd", &folder), -ENOTDIR);
	CHECK(folder == (void *)&info);
	CHECK_EQ(rota_read_file("missing", &data, &size, SIZE_MAX), -ENOENT);
	CHECK_EQ(rota_read_file(".", &data, &size, SIZE_MAX), -EISDIR);
	CHECK(data == &info && size == 7);
	CHECK_EQ(rota_pread(-1, buf, 4, 0), -EBADF);
	CHECK_EQ(rota_fsync(-1), -EBADF);
	CHECK_EQ(rota_ftruncate(-1, 0), -EBADF);
	CHECK_EQ(rota_file_close(-1), -EBADF);

	full = rota_file_open("/dev/full", O_WRONLY, 0);
	CHECK(full >= 0);
	CHECK_EQ(rota_pwrite(full, "x", 1, 0), -ENOSPC);
	CHECK_EQ(rota_pwrite_all(full, "xyz", 3, ROTA_FILE_POSITION, &done), -ENOSPC);
	CHECK_EQ(done, 0);
	CHECK_EQ(rota_ftruncate(full, 0), -EINVAL);
	CHECK_EQ(rota_ftruncate(full, UINT64_MAX), -EINVAL);
	CHECK_EQ(rota_file_close(full), 0);
	CHECK_EQ(rota_write_file("/dev/full", "x", 1, 0644), -ENOSPC);
}

/* A disk with room for 16 pages as "disk", which only this process sees. */
static bool mount_small_disk(void)
{
	return mkdir("disk", 0755) == 0 && unshare(CLONE_NEWNS) == 0 &&
		mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
		mount("tmpfs", "disk", "tmpfs", 0, "size=64k") == 0;
}

static int fill_disk(void *arg)
{
	static const char data[1 << 18];
	struct rota_file_info info;
	size_t done;
	int fd;

	CHECK_EQ(rota_write_file_atomic("disk/kept", "old", 3, 0644), 0);
	fd = open_new("disk/f");
	CHECK_EQ(rota_pwrite_all(fd, data, sizeof data, 0, &done), -ENOSPC);
	CHECK(done > 0 && done < 1 << 16);
	CHECK_EQ(rota_file_fstat(fd, &info), 0);
	CHECK_EQ(info.size, done);
	CHECK_EQ(rota_write_file_atomic("disk/kept", data, sizeof data, 0644), -ENOSPC);
	CHECK_STR(temp_contents("disk/kept"), "old");
	CHECK_EQ(rota_write_file("disk/g", "x", 1, 0644), -ENOSPC);
	CHECK_EQ(rota_file_close(fd), 0);
	CHECK_EQ(rota_unlink("disk/f"), 0);
	CHECK_EQ(rota_write_file_atomic("disk/kept", "new", 3, 0644), 0); /* nothing was left that takes room */
	CHECK_STR(temp_contents("disk/kept"), "new");
	return 0;
}

TEST(a_full_disk_is_told_with_what_was_done_and_spares_what_is_there)
{
	temp_enter();
	if (!mount_small_disk())
		SKIP("needs to mount a small disk");
	CHECK_EQ(rota_run(fill_disk, NULL, NULL), 0);
	CHECK_EQ(umount2("disk", MNT_DETACH), 0); /* a ring that was closed lets its files go later */
}

static int read_secret(void *arg)
{
	return rota_file_open("secret", O_RDONLY, 0);
}

static void without_rights(void *arg)
{
	CHECK_EQ(setgid(65534), 0);
	CHECK_EQ(setuid(65534), 0);
	CHECK_EQ(rota_run(read_secret, NULL, NULL), -EACCES);
}

TEST(a_file_one_may_not_read_is_EACCES)
{
	int fd;

	if (geteuid() != 0)
		SKIP("needs root, to become another user");
	temp_enter();
	CHECK_EQ(chmod(".", 0755), 0);
	fd = open("secret", O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(test_run_child(without_rights, NULL, NULL, 0), 0);
}

TASK_TEST(stat_tells_what_a_file_is)
{
	struct rota_file_info info, same;
	int fd;

	temp_enter();
	umask(022);
	fd = rota_file_open("f", O_RDWR | O_CREAT, 0640);
	CHECK_EQ(rota_ftruncate(fd, 1 << 20), 0);
	CHECK_EQ(rota_file_stat("f", &info), 0);
	CHECK_EQ(info.type, ROTA_FILE_REGULAR);
	CHECK_EQ(info.mode, 0640);
	CHECK_EQ(info.size, 1 << 20);
	CHECK(info.disk_bytes < info.size); /* a hole */
	CHECK_EQ(info.links, 1);
	CHECK_EQ(info.uid, geteuid());
	CHECK_EQ(rota_file_fstat(fd, &same), 0);
	CHECK_EQ(same.inode, info.inode);
	CHECK_EQ(same.device, info.device);
	CHECK(same.written_at_ns > INT64_C(1700000000) * 1000000000);
	CHECK(same.made_at_ns == 0 || same.made_at_ns <= same.changed_at_ns);
	CHECK_EQ(symlink("f", "link"), 0);
	CHECK_EQ(rota_file_stat("link", &same), 0);
	CHECK_EQ(same.inode, info.inode);
	CHECK_EQ(rota_file_lstat("link", &same), 0);
	CHECK_EQ(same.type, ROTA_FILE_LINK);
	CHECK_EQ(rota_file_stat(".", &same), 0);
	CHECK_EQ(same.type, ROTA_FILE_FOLDER);
	CHECK_EQ(rota_file_stat("/dev/null", &same), 0);
	CHECK_EQ(same.type, ROTA_FILE_CHARACTER);
	CHECK_EQ(rota_file_close(fd), 0);
}

TASK_TEST(stat_agrees_with_the_system_on_the_device)
{
	struct rota_file_info info;
	struct stat st;

	if (test_in_qemu())
		SKIP("qemu-user shows stat() another root than statx()");
	CHECK_EQ(rota_file_stat("/", &info), 0);
	CHECK_EQ(stat("/", &st), 0);
	CHECK_EQ(info.device, st.st_dev);
	CHECK_EQ(info.inode, st.st_ino);
	CHECK_EQ(info.links, st.st_nlink);
	CHECK_EQ(info.changed_at_ns, st.st_ctim.tv_sec * 1000000000ll + st.st_ctim.tv_nsec);
}

TASK_TEST(times_that_do_not_fit_end_where_64_bits_end)
{
	struct timespec far[] = { { 0, 0 }, { 10000000000, 5 } }; /* the year 2286 */
	struct rota_file_info info;
	struct stat st;

	temp_enter();
	CHECK_EQ(rota_write_file("f", "", 0, 0644), 0);
	CHECK_EQ(utimensat(AT_FDCWD, "f", far, 0), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(rota_file_stat("f", &info), 0);
	CHECK_EQ(info.read_at_ns, 0);
	if (st.st_mtim.tv_sec == far[1].tv_sec) /* a file system that can say so */
		CHECK_EQ(info.written_at_ns, INT64_MAX);
}

TASK_TEST(files_are_renamed_and_removed)
{
	struct rota_file_info info;

	temp_enter();
	CHECK_EQ(rota_write_file("a", "new", 3, 0644), 0);
	CHECK_EQ(rota_write_file("b", "old", 3, 0644), 0);
	CHECK_EQ(rota_rename("a", "b"), 0);
	CHECK_STR(temp_contents("b"), "new");
	CHECK_EQ(rota_file_stat("a", &info), -ENOENT);
	CHECK_EQ(rota_mkdir("d", 0755), 0);
	CHECK_EQ(rota_rename("b", "d/c"), 0);
	CHECK_EQ(rota_rmdir("d"), -ENOTEMPTY);
	CHECK_EQ(rota_unlink("d"), -EISDIR);
	CHECK_EQ(rota_unlink("d/c"), 0);
	CHECK_EQ(rota_rmdir("d"), 0);
	CHECK_EQ(temp_count(), 0);
}

TASK_TEST(syncing_works_on_files_and_folders)
{
	int fd;

	temp_enter();
	fd = open_new("f");
	CHECK_EQ(rota_pwrite_all(fd, "x", 1, 0, NULL), 1);
	CHECK_EQ(rota_fdatasync(fd), 0);
	CHECK_EQ(rota_fsync(fd), 0);
	CHECK_EQ(rota_file_close(fd), 0);
	fd = rota_file_open(".", O_RDONLY | O_DIRECTORY, 0);
	CHECK_EQ(rota_fsync(fd), 0);
	CHECK_EQ(rota_file_close(fd), 0);
}

TASK_TEST(descriptors_are_not_inherited_by_programs)
{
	int fd;

	temp_enter();
	fd = open_new("f");
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(rota_file_close(fd), 0);
}

/* ---- folders ---- */

TASK_TEST(a_folder_is_listed_by_name_with_types)
{
	static const char *const names[] = { ".hidden", "B", "a", "folder", "link", "pipe", "socket" };
	static const enum rota_file_type types[] = { ROTA_FILE_REGULAR, ROTA_FILE_REGULAR, ROTA_FILE_REGULAR,
		ROTA_FILE_FOLDER, ROTA_FILE_LINK, ROTA_FILE_PIPE, ROTA_FILE_SOCKET };
	struct rota_folder *folder;
	struct rota_listener *listener;

	temp_enter();
	for (int i = 0; i < 3; i++)
		CHECK_EQ(rota_write_file(names[i], "", 0, 0644), 0);
	CHECK_EQ(rota_mkdir("folder", 0755), 0);
	CHECK_EQ(symlink("nowhere", "link"), 0);
	CHECK_EQ(mkfifo("pipe", 0600), 0);
	CHECK_EQ(rota_tcp_listen(&listener, "unix:socket", NULL), 0);
	CHECK_EQ(rota_readdir(".", &folder), 0);
	CHECK_EQ(folder->count, 7);
	for (int i = 0; i < 7; i++) {
		CHECK_STR(folder->entries[i].name, names[i]);
		CHECK_EQ(folder->entries[i].type, types[i]);
	}
	rota_free(folder);
	rota_listener_close(listener);
}

TASK_TEST(an_empty_folder_and_a_large_one_are_listed)
{
	struct rota_folder *folder;
	char name[200];

	temp_enter();
	CHECK_EQ(rota_readdir(".", &folder), 0);
	CHECK_EQ(folder->count, 0);
	rota_free(folder);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof name, "%04d-%0*d", i, i % 180, 0);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	CHECK_EQ(rota_readdir(".", &folder), 0);
	CHECK_EQ(folder->count, 2000);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof name, "%04d-%0*d", i, i % 180, 0);
		CHECK_STR(folder->entries[i].name, name);
	}
	rota_free(folder);
}

/* ---- whole files ---- */

TASK_TEST(whole_files_of_every_size_around_a_page_come_back_whole)
{
	enum { MOST = 20000 };
	static char text[MOST + 1];
	size_t size;
	void *data;

	temp_enter();
	for (int i = 0; i < MOST; i++)
		text[i] = (char)('a' + i % 26);
	for (size_t n = 0; n <= MOST; n = n < 4 || (n > 4090 && n < 4100) ? n + 1 : n < 4090 ? 4091 : n + 997) {
		CHECK_EQ(rota_write_file("f", text, n, 0644), 0);
		CHECK_EQ(rota_read_file("f", &data, &size, SIZE_MAX), 0);
		CHECK_EQ(size, n);
		CHECK(memcmp(data, text, n) == 0);
		CHECK_EQ(((char *)data)[n], 0);
		rota_free(data);
	}
}

TASK_TEST(the_limit_of_a_whole_file_is_exact)
{
	size_t size;
	void *data;

	temp_enter();
	CHECK_EQ(rota_write_file("f", "12345", 5, 0644), 0);
	CHECK_EQ(rota_read_file("f", &data, &size, 5), 0);
	CHECK_STR(data, "12345");
	rota_free(data);
	CHECK_EQ(rota_read_file("f", &data, &size, 4), ROTA_ELIMIT);
	CHECK_EQ(rota_read_file("f", &data, &size, 0), ROTA_ELIMIT);
	CHECK_EQ(rota_write_file("f", "", 0, 0644), 0);
	CHECK_EQ(rota_read_file("f", &data, &size, 0), 0);
	CHECK_EQ(size, 0);
	rota_free(data);
}

/* The size that stat(2) tells of such files is 0. */
TASK_TEST(files_that_hide_their_size_are_read_whole)
{
	size_t size, again;
	void *data, *same;

	CHECK_EQ(rota_read_file("/proc/cpuinfo", &data, &size, SIZE_MAX), 0);
	CHECK(size > 0 && strlen(data) == size);
	rota_free(data);
	CHECK_EQ(rota_read_file("/proc/kallsyms", &data, &size, SIZE_MAX), 0); /* megabytes */
	CHECK(size > 1 << 20);
	CHECK_EQ(rota_read_file("/proc/kallsyms", &same, &again, size), 0);
	CHECK_EQ(again, size);
	rota_free(same);
	CHECK_EQ(rota_read_file("/proc/kallsyms", &same, &again, size - 1), ROTA_ELIMIT);
	rota_free(data);
}

TASK_TEST(writing_a_whole_file_replaces_what_was_longer)
{
	temp_enter();
	CHECK_EQ(rota_write_file("f", "something long", 14, 0644), 0);
	CHECK_EQ(rota_write_file("f", "short", 5, 0644), 0);
	CHECK_STR(temp_contents("f"), "short");
}

TASK_TEST(an_atomic_write_replaces_the_file_and_leaves_nothing_beside_it)
{
	struct rota_file_info before, after;

	temp_enter();
	umask(022);
	CHECK_EQ(rota_mkdir("d", 0755), 0);
	CHECK_EQ(rota_write_file_atomic("f", "first", 5, 0600), 0);
	CHECK_EQ(rota_write_file_atomic("d/f", "deeper", 6, 0644), 0);
	CHECK_EQ(rota_file_stat("f", &before), 0);
	CHECK_EQ(before.mode, 0600);
	CHECK_EQ(rota_write_file_atomic("f", "second", 6, 0644), 0);
	CHECK_EQ(rota_file_stat("f", &after), 0);
	CHECK(before.inode != after.inode);
	CHECK_EQ(after.mode, 0644);
	CHECK_STR(temp_contents("f"), "second");
	CHECK_STR(temp_contents("d/f"), "deeper");
	CHECK_EQ(temp_count(), 2);
}

TASK_TEST(an_atomic_write_that_fails_leaves_the_old_file_and_nothing_else)
{
	temp_enter();
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("d/full", 0755), 0);
	CHECK_EQ(rota_write_file_atomic("d", "x", 1, 0644), -EISDIR); /* the rename fails */
	CHECK_EQ(rota_write_file_atomic("missing/f", "x", 1, 0644), -ENOENT);
	CHECK_EQ(temp_count(), 1);
}

static int write_atomically(void *arg)
{
	return rota_write_file_atomic("f", "new", 3, 0644);
}

/* The n-th wait of an atomic write is where the cancellation comes, for every n: a task yields n times
 * in between, and each turn of the loop carries the write one op further. */
TASK_TEST(an_atomic_write_cancelled_at_any_point_has_happened_or_not)
{
	bool completed = false, cancelled = false;

	temp_enter();
	for (int n = 0; n < 2000 && !completed; n++) {
		struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
		struct rota_scope scope;
		struct rota_task *task;
		int result;

		CHECK_EQ(rota_write_file("f", "old", 3, 0644), 0);
		rota_scope_open_with(&scope, &collect);
		CHECK_EQ(rota_spawn_task(&task, &scope, write_atomically, NULL, NULL), 0);
		for (int i = 0; i < n; i++)
			rota_yield();
		rota_task_cancel(task);
		CHECK_EQ(rota_join(task, &result), 0);
		rota_scope_join(&scope);
		CHECK(result == 0 || result == -ECANCELED);
		CHECK_STR(temp_contents("f"), result == 0 ? "new" : "old");
		CHECK_EQ(temp_count(), 1);
		cancelled |= result == -ECANCELED;
		completed = result == 0;
	}
	CHECK(cancelled);
}

/* ---- cancellation ---- */

TASK_TEST(a_cancelled_task_starts_nothing)
{
	struct rota_scope scope;
	char buf[4];
	int fd;

	temp_enter();
	fd = open_new("f");
	rota_scope_open(&scope);
	rota_scope_cancel(&scope);
	CHECK_EQ(rota_file_open("made", O_CREAT | O_WRONLY, 0600), -ECANCELED);
	CHECK_EQ(rota_pread(fd, buf, 4, 0), -ECANCELED);
	CHECK_EQ(rota_mkdir("made", 0700), -ECANCELED);
	CHECK_EQ(rota_file_close(fd), 0); /* but closing is never refused */
	rota_scope_join(&scope);
	CHECK_EQ(temp_count(), 1);
	CHECK(fcntl(fd, F_GETFD) < 0);
}

static int open_and_keep(void *arg)
{
	return *(int *)arg = rota_file_open("f", O_RDONLY, 0);
}

/* The harness finds the descriptor if it gets lost. */
TASK_TEST(a_cancelled_open_answers_the_descriptor_or_opens_nothing)
{
	temp_enter();
	CHECK_EQ(rota_write_file("f", "", 0, 0644), 0);
	for (int n = 0; n < 300; n++) {
		struct rota_scope scope;
		int fd = -1;

		rota_scope_open(&scope);
		CHECK_EQ(rota_spawn(&scope, open_and_keep, &fd), 0);
		for (int i = 0; i < n % 30; i++)
			rota_yield();
		rota_scope_cancel(&scope);
		rota_scope_join(&scope);
		CHECK(fd >= 0 || fd == -ECANCELED);
		if (fd >= 0)
			CHECK_EQ(rota_file_close(fd), 0);
	}
}

static int read_for_ever(void *arg)
{
	char buf[4];

	return (int)rota_pread(*(int *)arg, buf, 4, ROTA_FILE_POSITION);
}

TASK_TEST(a_read_of_a_pipe_that_is_cut_short_answers_the_reason_on_io_uring)
{
	int ends[2];

	if (strcmp(rota_poller_name(), "uring") != 0)
		SKIP("a thread of the pool that reads a pipe cannot be reached");
	CHECK_EQ(pipe(ends), 0);
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(2), read_for_ever, &ends[0]), -ETIMEDOUT);
	close(ends[0]);
	close(ends[1]);
}

static int open_fifo(void *arg)
{
	return rota_file_open("fifo", O_RDONLY | O_CREAT, 0600); /* O_CREAT: io_uring tries others without waiting */
}

TASK_TEST(an_open_that_waits_for_a_writer_is_cut_short_on_io_uring)
{
	if (strcmp(rota_poller_name(), "uring") != 0)
		SKIP("a thread of the pool that waits in open(2) cannot be reached");
	temp_enter();
	CHECK_EQ(mkfifo("fifo", 0600), 0);
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(2), open_fifo, NULL), -ETIMEDOUT);
}

/* ---- many, large, outside ---- */

enum { WRITERS = 64, BLOCK = 4096 };

static int write_block(void *arg)
{
	static char blocks[WRITERS][BLOCK];
	char *block = blocks[(intptr_t)arg], back[BLOCK];
	int fd = rota_file_open("f", O_RDWR, 0);

	memset(block, 'A' + (int)(intptr_t)arg % 26, BLOCK);
	CHECK(fd >= 0);
	CHECK_EQ(rota_pwrite_all(fd, block, BLOCK, (uint64_t)(intptr_t)arg * BLOCK, NULL), BLOCK);
	CHECK_EQ(rota_pread_all(fd, back, BLOCK, (uint64_t)(intptr_t)arg * BLOCK, NULL), BLOCK);
	CHECK(memcmp(block, back, BLOCK) == 0);
	return rota_file_close(fd);
}

TASK_TEST(many_tasks_work_on_one_file_at_once)
{
	struct rota_file_info info;
	struct rota_scope scope;

	temp_enter();
	CHECK_EQ(rota_write_file("f", "", 0, 0644), 0);
	rota_scope_open(&scope);
	for (intptr_t i = 0; i < WRITERS; i++)
		rota_spawn(&scope, write_block, (void *)i);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_file_stat("f", &info), 0);
	CHECK_EQ(info.size, WRITERS * BLOCK);
}

static int tick(void *arg)
{
	int *ticks = arg;

	while (rota_yield() == 0)
		++*ticks;
	return 0;
}

TASK_TEST(others_run_while_a_task_waits_for_the_disk)
{
	static char block[1 << 20];
	struct rota_scope scope;
	int fd, ticks = 0;

	temp_enter();
	fd = open_new("f");
	rota_scope_open(&scope);
	rota_spawn(&scope, tick, &ticks);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(rota_pwrite_all(fd, block, sizeof block, (uint64_t)i * sizeof block, NULL), sizeof block);
	CHECK_EQ(rota_fsync(fd), 0);
	rota_scope_cancel(&scope);
	rota_scope_join(&scope);
	CHECK(ticks > 0);
	CHECK_EQ(rota_file_close(fd), 0);
}

TASK_TEST(places_beyond_4_GiB_are_reached)
{
	const uint64_t far = UINT64_C(5) << 30;
	struct rota_file_info info;
	char buf[4];
	int fd;

	temp_enter();
	fd = open_new("f");
	CHECK_EQ(rota_pwrite(fd, "far", 3, far), 3);
	CHECK_EQ(rota_pread(fd, buf, 3, far), 3);
	CHECK(memcmp(buf, "far", 3) == 0);
	CHECK_EQ(rota_file_fstat(fd, &info), 0);
	CHECK_EQ(info.size, far + 3);
	CHECK_EQ(rota_ftruncate(fd, far), 0);
	CHECK_EQ(rota_pread(fd, buf, 3, far), 0);
	CHECK_EQ(rota_file_close(fd), 0);
}

TEST(outside_of_tasks_every_call_is_refused)
{
	struct rota_file_info info;
	struct rota_folder *folder;
	size_t size;
	void *data;
	char c;

	CHECK_EQ(rota_file_open("/", O_RDONLY, 0), -EPERM);
	CHECK_EQ(rota_file_close(0), -EPERM);
	CHECK_EQ(rota_pread(0, &c, 1, 0), -EPERM);
	CHECK_EQ(rota_pwrite(0, &c, 1, 0), -EPERM);
	CHECK_EQ(rota_fsync(0), -EPERM);
	CHECK_EQ(rota_file_stat("/", &info), -EPERM);
	CHECK_EQ(rota_readdir("/", &folder), -EPERM);
	CHECK_EQ(rota_read_file("/etc/passwd", &data, &size, SIZE_MAX), -EPERM);
	CHECK_EQ(rota_write_file_atomic("/tmp/x", "", 0, 0600), -EPERM);
	CHECK_EQ(rota_mkdir("/tmp/rota-not-made", 0700), -EPERM);
}
