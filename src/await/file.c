/* file.c - a task works with files: one op a call, nothing allocated
 *
 * The ops' paths and buffers are the caller's, who waits until the op has completed; so nothing is
 * copied.  io_uring carries the ops where it can, the loop hands the others to the blocking pool. */
#include <sys/stat.h>

#include "await/await.h"
#include "io/file_info.h"
#include "io/file_work.h"

static int64_t perform(struct rota__op op)
{
	struct rota__offload space;
	struct rota__op_wait w = { .op = op, .space = &space };

	return rota__file_op_given(&op, &op) /* its place is asked for there */ ? rota__await(&w, ROTA_FOREVER) : -EINVAL;
}

/* ---- descriptors ---- */

int rota_file_open(const char *path, int flags, unsigned mode)
{
	return (int)perform((struct rota__op){
		.kind = OP_OPENAT,
		.fd = AT_FDCWD,
		.path = { .path = path, .flags = flags | O_CLOEXEC, .mode = mode },
	});
}

int rota_file_close(int fd)
{
	ROTA_INSIDE();
	struct rota_scope_options shield = { .flags = ROTA_SCOPE_SHIELD };
	struct rota_scope scope;
	int rc;

	if (rota__current() == NULL)
		return -EPERM;
	rota_scope_open_with(&scope, &shield);
	rc = (int)perform((struct rota__op){ .kind = OP_CLOSE, .fd = fd });
	rota_scope_join(&scope);
	return rc;
}

static int sync_file(int fd, int flags)
{
	return (int)perform((struct rota__op){ .kind = OP_FSYNC, .fd = fd, .path.flags = flags });
}

int rota_fsync(int fd)
{
	return sync_file(fd, 0);
}

int rota_fdatasync(int fd)
{
	return sync_file(fd, 1);
}

int rota_ftruncate(int fd, uint64_t size)
{
	if (size > INT64_MAX)
		return -EINVAL;
	return (int)perform((struct rota__op){ .kind = OP_FTRUNCATE, .fd = fd, .buf.offset = size });
}

/* ---- reading and writing ---- */

static ssize_t move(uint8_t kind, int fd, const void *buf, size_t size, uint64_t offset)
{
	return perform((struct rota__op){
		.kind = kind,
		.fd = fd,
		.buf = { .base = (void *)buf, .len = rota__moved_at_once(size), .offset = offset },
	});
}

static ssize_t move_vectored(uint8_t kind, int fd, const struct iovec *iov, int count, uint64_t offset)
{
	return perform((struct rota__op){
		.kind = kind,
		.fd = fd,
		.iov = { .iov = iov, .count = (uint32_t)count, .offset = offset },
	});
}

ssize_t rota_pread(int fd, void *buf, size_t size, uint64_t offset)
{
	return move(OP_READ, fd, buf, size, offset);
}

ssize_t rota_pwrite(int fd, const void *buf, size_t size, uint64_t offset)
{
	return move(OP_WRITE, fd, buf, size, offset);
}

ssize_t rota_preadv(int fd, const struct iovec *iov, int count, uint64_t offset)
{
	return move_vectored(OP_READV, fd, iov, count, offset);
}

ssize_t rota_pwritev(int fd, const struct iovec *iov, int count, uint64_t offset)
{
	return move_vectored(OP_WRITEV, fd, iov, count, offset);
}

static ssize_t move_all(uint8_t kind, int fd, const void *buf, size_t size, uint64_t offset, size_t *ret_done)
{
	size_t done = 0;
	ssize_t n = buf != NULL || size == 0 ? 1 : -EINVAL;

	while (done < size && n > 0) {
		n = move(kind, fd, (const char *)buf + done, size - done,
			offset == ROTA_FILE_POSITION ? offset : offset + done);
		if (n > 0)
			done += (size_t)n;
	}
	if (ret_done != NULL)
		*ret_done = done;
	return n > 0 ? (ssize_t)size : n < 0 ? n : ROTA_EOF;
}

ssize_t rota_pread_all(int fd, void *buf, size_t size, uint64_t offset, size_t *ret_done)
{
	return move_all(OP_READ, fd, buf, size, offset, ret_done);
}

ssize_t rota_pwrite_all(int fd, const void *buf, size_t size, uint64_t offset, size_t *ret_done)
{
	return move_all(OP_WRITE, fd, buf, size, offset, ret_done);
}

/* ---- what a file is ---- */

static int stat_at(int fd, const char *path, int flags, struct rota_file_info *ret_info)
{
	struct statx stx;
	int64_t rc = ret_info == NULL ? -EINVAL : perform((struct rota__op){
		.kind = OP_STATX,
		.fd = fd,
		.path = { .path = path, .statx = &stx, .flags = flags, .mode = ROTA__STATX_MASK },
	});

	if (rc == 0)
		*ret_info = rota__file_info(&stx);
	return (int)rc;
}

int rota_file_stat(const char *path, struct rota_file_info *ret_info)
{
	return stat_at(AT_FDCWD, path, 0, ret_info);
}

int rota_file_lstat(const char *path, struct rota_file_info *ret_info)
{
	return stat_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, ret_info);
}

int rota_file_fstat(int fd, struct rota_file_info *ret_info)
{
	return stat_at(fd, "", AT_EMPTY_PATH, ret_info);
}

/* ---- names ---- */

static int on_path(uint8_t kind, const char *path, const char *path2, int flags, unsigned mode)
{
	return (int)perform((struct rota__op){
		.kind = kind,
		.fd = AT_FDCWD,
		.path = { .path = path, .path2 = path2, .flags = flags, .mode = mode },
	});
}

int rota_rename(const char *from, const char *to)
{
	return on_path(OP_RENAMEAT, from, to, 0, 0);
}

int rota_unlink(const char *path)
{
	return on_path(OP_UNLINKAT, path, NULL, 0, 0);
}

int rota_mkdir(const char *path, unsigned mode)
{
	return on_path(OP_MKDIRAT, path, NULL, 0, mode);
}

int rota_rmdir(const char *path)
{
	return on_path(OP_UNLINKAT, path, NULL, AT_REMOVEDIR, 0);
}
