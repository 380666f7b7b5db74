/* file_work.c - what is done with files by plain system calls, on a thread of the blocking pool
 *
 * io_uring has no request for most of these, or one that goes to a thread of its own all the same. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "io/file_work.h"
#include "os/sigpipe.h"

static int or_errno(int rc)
{
	return rc < 0 ? rota_errno() : rc;
}

/* ---- names ---- */

int rota__file_link(void *arg)
{
	const struct rota__file_args *a = arg;

	return or_errno(link(a->path, a->path2));
}

int rota__file_symlink(void *arg)
{
	const struct rota__file_args *a = arg;

	return or_errno(symlink(a->path, a->path2));
}

int rota__file_readlink(void *arg)
{
	const struct rota__file_args *a = arg;
	ssize_t n = a->size > 0 ? readlink(a->path, a->buf, a->size) : 0;

	if (n < 0)
		return rota_errno();
	if ((size_t)n >= a->size)
		return -ENAMETOOLONG;
	a->buf[n] = '\0';
	return (int)n;
}

int rota__file_realpath(void *arg)
{
	const struct rota__file_args *a = arg;
	char path[PATH_MAX];
	size_t length;

	if (realpath(a->path, path) == NULL)
		return rota_errno();
	length = strlen(path);
	if (length >= a->size)
		return -ENAMETOOLONG;
	memcpy(a->buf, path, length + 1);
	return (int)length;
}

int rota__file_mkstemp(void *arg)
{
	const struct rota__file_args *a = arg;
	int fd = mkostemp(a->buf, O_CLOEXEC);

	while (fd < 0 && rota_errno() == -EINTR) { /* of open(2): the letters have been replaced */
		memcpy(a->buf + strlen(a->buf) - 6, "XXXXXX", 6);
		fd = mkostemp(a->buf, O_CLOEXEC);
	}
	return or_errno(fd);
}

int rota__file_mkdtemp(void *arg)
{
	const struct rota__file_args *a = arg;

	return mkdtemp(a->buf) != NULL ? 0 : rota_errno();
}

/* ---- what belongs to a file ---- */

int rota__file_open_now(const char *path, int flags, unsigned mode)
{
	int fd;

	do
		fd = open(path, flags, mode);
	while (fd < 0 && rota_errno() == -EINTR);
	return or_errno(fd);
}

int rota__file_truncate(void *arg)
{
	const struct rota__file_args *a = arg;
	int rc;

	do
		rc = truncate(a->path, (off_t)a->bytes);
	while (rc < 0 && rota_errno() == -EINTR);
	return or_errno(rc);
}

int rota__file_chmod(void *arg)
{
	const struct rota__file_args *a = arg;

	return or_errno(chmod(a->path, a->mode));
}

int rota__file_fchmod(void *arg)
{
	const struct rota__file_args *a = arg;

	return or_errno(fchmod(a->fd, a->mode));
}

int rota__file_chown(void *arg)
{
	const struct rota__file_args *a = arg;

	return or_errno(fchownat(a->fd, a->path, a->uid, a->gid, (int)a->mode));
}

/* Times before 1970 round down, as their nanoseconds count up. */
static struct timespec time_of(int64_t ns)
{
	enum { SECOND = 1000000000 };
	int64_t seconds = ns / SECOND - (ns % SECOND < 0);

	if (ns == ROTA_FILE_TIME_NOW)
		return (struct timespec){ .tv_nsec = UTIME_NOW };
	if (ns == ROTA_FILE_TIME_KEEP)
		return (struct timespec){ .tv_nsec = UTIME_OMIT };
	return (struct timespec){ .tv_sec = (time_t)seconds, .tv_nsec = (long)(ns - seconds * SECOND) };
}

int rota__file_set_times(void *arg)
{
	const struct rota__file_args *a = arg;
	struct timespec times[2] = { time_of(a->read_at_ns), time_of(a->written_at_ns) };

	return or_errno(utimensat(AT_FDCWD, a->path, times, (int)a->mode));
}

int rota__file_set_fd_times(void *arg)
{
	const struct rota__file_args *a = arg;
	struct timespec times[2] = { time_of(a->read_at_ns), time_of(a->written_at_ns) };

	return or_errno(futimens(a->fd, times));
}

int rota__file_access(void *arg)
{
	const struct rota__file_args *a = arg;

	return or_errno(access(a->path, (int)a->mode));
}

int rota__file_disk_stat(void *arg)
{
	const struct rota__file_args *a = arg;
	struct statfs st;
	int rc;
	uint64_t block;

	do
		rc = statfs(a->path, &st);
	while (rc < 0 && rota_errno() == -EINTR);
	if (rc < 0)
		return rota_errno();
	block = (uint64_t)st.f_bsize;
	*a->disk = (struct rota_disk_info){
		.bytes = st.f_blocks * block,
		.free_bytes = st.f_bfree * block,
		.usable_bytes = st.f_bavail * block,
		.files = st.f_files,
		.free_files = st.f_ffree,
		.type = (uint64_t)st.f_type,
		.block_bytes = (uint32_t)block,
	};
	return 0;
}

/* ---- copying ---- */

/* The kernel cannot do it between these two: it must go through our memory. */
static bool must_go_through_memory(int error)
{
	return error == -EXDEV || error == -EINVAL || error == -ENOSYS || error == -EOPNOTSUPP || error == -EBADF;
}

int rota__file_write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		struct iovec left = { (void *)data, size };
		ssize_t n = rota__writev_quietly(fd, &left, 1);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* What is left of `size` bytes from *offset; how many are counted in *moved. */
static int move_through_memory(int to, int from, off_t *offset, uint64_t size, int64_t *moved)
{
	char block[65536];

	while ((uint64_t)*moved < size) {
		uint64_t left = size - (uint64_t)*moved;
		ssize_t n = pread(from, block, left < sizeof block ? left : sizeof block, *offset);
		int rc;

		if (n < 0 && rota_errno() == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? rota_errno() : 0;
		rc = rota__file_write_all(to, block, (size_t)n);
		if (rc < 0)
			return rc;
		*offset += n;
		*moved += n;
	}
	return 0;
}

int rota__file_send(void *arg)
{
	enum { AT_ONCE = 0x7ffff000 };
	struct rota__file_args *a = arg;
	off_t offset = (off_t)a->offset;

	while ((uint64_t)a->moved < a->bytes) {
		uint64_t left = a->bytes - (uint64_t)a->moved;
		ssize_t n = rota__sendfile_quietly(a->fd, a->fd2, &offset, left < AT_ONCE ? left : AT_ONCE);

		if (n == -EINTR)
			continue;
		if (n < 0 && a->moved == 0 && must_go_through_memory((int)n))
			return move_through_memory(a->fd, a->fd2, &offset, a->bytes, &a->moved);
		if (n <= 0)
			return (int)n;
		a->moved += n;
	}
	return 0;
}

static int copy_bytes(int to, int from)
{
	enum { AT_ONCE = 0x7ffff000 };
	int64_t moved = 0;
	off_t offset = 0;

	for (;;) {
		ssize_t n = copy_file_range(from, &offset, to, NULL, AT_ONCE, 0);

		if (n < 0 && rota_errno() == -EINTR)
			continue;
		if (n < 0 && must_go_through_memory(rota_errno()))
			break;
		if (n < 0)
			return rota_errno();
		if (n == 0)
			break; /* at the end; or a file that has no size, as in /proc, and yet bytes */
	}
	return move_through_memory(to, from, &offset, INT64_MAX, &moved);
}

static int copy_open(int to, int from, const struct stat *st, unsigned flags)
{
	struct stat there;
	int rc;

	if (fstat(to, &there) < 0)
		return rota_errno();
	if (there.st_dev == st->st_dev && there.st_ino == st->st_ino)
		return -EINVAL;
	do
		rc = ftruncate(to, 0);
	while (rc < 0 && rota_errno() == -EINTR);
	if (rc < 0)
		return rota_errno();
	if (ioctl(to, FICLONE, from) < 0) {
		if (flags & ROTA_COPY_CLONE)
			return -EOPNOTSUPP;
		rc = copy_bytes(to, from);
		if (rc < 0)
			return rc;
	}
	return fchmod(to, st->st_mode & 07777) < 0 ? rota_errno() : 0;
}

/* Open `path` for what is copied; *ret_made: it was not there. */
static int open_target(const char *path, unsigned flags, bool *ret_made)
{
	int fd = rota__file_open_now(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	*ret_made = fd >= 0;
	if (fd == -EEXIST && !(flags & ROTA_COPY_NEW))
		fd = rota__file_open_now(path, O_WRONLY | O_CLOEXEC, 0);
	return fd;
}

static int copy_from(int from, const struct rota__file_args *a)
{
	struct stat st;
	bool made;
	int to, rc;

	if (fstat(from, &st) < 0)
		return rota_errno();
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	to = open_target(a->path2, a->mode, &made);
	if (to < 0)
		return to;
	rc = copy_open(to, from, &st, a->mode);
	if (close(to) < 0 && rc == 0)
		rc = rota_errno(); /* a late error of a write */
	if (rc < 0 && made)
		unlink(a->path2);
	return rc;
}

int rota__file_copy(void *arg)
{
	const struct rota__file_args *a = arg;
	int from, rc;

	from = rota__file_open_now(a->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0); /* a pipe of that name would wait */
	if (from < 0)
		return from;
	rc = copy_from(from, a);
	close(from);
	return rc;
}
