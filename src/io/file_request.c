/* file_request.c - files with callbacks: an op or a piece of work for each call (request.h) */
#include "io/file_info.h"
#include "io/request.h"

/* ---- descriptors ---- */

int rota_request_open_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	int flags, unsigned mode, rota_request_fn fn, const char *site)
{
	struct rota__op op = { .kind = OP_OPENAT, .fd = AT_FDCWD,
		.path = { .path = path, .flags = flags | O_CLOEXEC, .mode = mode } };

	return rota__request_op(loop, request, op, NULL, fn, site);
}

int rota_request_close_at(struct rota_loop *loop, struct rota_request *request, int fd,
	rota_request_fn fn, const char *site)
{
	struct rota__op op = { .kind = OP_CLOSE, .fd = fd };

	return rota__request_op(loop, request, op, NULL, fn, site);
}

int rota_request_fsync_at(struct rota_loop *loop, struct rota_request *request, int fd,
	rota_request_fn fn, const char *site)
{
	struct rota__op op = { .kind = OP_FSYNC, .fd = fd };

	return rota__request_op(loop, request, op, NULL, fn, site);
}

int rota_request_fdatasync_at(struct rota_loop *loop, struct rota_request *request, int fd,
	rota_request_fn fn, const char *site)
{
	struct rota__op op = { .kind = OP_FSYNC, .fd = fd, .path.flags = 1 };

	return rota__request_op(loop, request, op, NULL, fn, site);
}

int rota_request_ftruncate_at(struct rota_loop *loop, struct rota_request *request, int fd,
	uint64_t size, rota_request_fn fn, const char *site)
{
	struct rota__op op = { .kind = OP_FTRUNCATE, .fd = fd, .buf.offset = size };

	return size > INT64_MAX ? -EINVAL : rota__request_op(loop, request, op, NULL, fn, site);
}

/* ---- reading and writing ---- */

static struct rota__op move(uint8_t kind, int fd, const void *buf, size_t size, uint64_t offset)
{
	return (struct rota__op){
		.kind = kind,
		.fd = fd,
		.buf = { .base = (void *)buf, .len = rota__moved_at_once(size), .offset = offset },
	};
}

static struct rota__op move_vectored(uint8_t kind, int fd, const struct iovec *iov, int count, uint64_t offset)
{
	return (struct rota__op){
		.kind = kind, .fd = fd, .iov = { .iov = iov, .count = (uint32_t)count, .offset = offset }
	};
}

int rota_request_pread_at(struct rota_loop *loop, struct rota_request *request, int fd, void *buf,
	size_t size, uint64_t offset, rota_request_fn fn, const char *site)
{
	return rota__request_op(loop, request, move(OP_READ, fd, buf, size, offset), NULL, fn, site);
}

int rota_request_pwrite_at(struct rota_loop *loop, struct rota_request *request, int fd,
	const void *buf, size_t size, uint64_t offset, rota_request_fn fn, const char *site)
{
	return rota__request_op(loop, request, move(OP_WRITE, fd, buf, size, offset), NULL, fn, site);
}

int rota_request_preadv_at(struct rota_loop *loop, struct rota_request *request, int fd,
	const struct iovec *iov, int count, uint64_t offset, rota_request_fn fn, const char *site)
{
	return rota__request_op(loop, request, move_vectored(OP_READV, fd, iov, count, offset), NULL, fn, site);
}

int rota_request_pwritev_at(struct rota_loop *loop, struct rota_request *request, int fd,
	const struct iovec *iov, int count, uint64_t offset, rota_request_fn fn, const char *site)
{
	return rota__request_op(loop, request, move_vectored(OP_WRITEV, fd, iov, count, offset), NULL, fn, site);
}

int rota_request_pread_all_at(struct rota_loop *loop, struct rota_request *request, int fd, void *buf,
	size_t size, uint64_t offset, size_t *ret_done, rota_request_fn fn, const char *site)
{
	return rota__request_op_all(loop, request, move(OP_READ, fd, buf, size, offset), size, ret_done, fn, site);
}

int rota_request_pwrite_all_at(struct rota_loop *loop, struct rota_request *request, int fd,
	const void *buf, size_t size, uint64_t offset, size_t *ret_done, rota_request_fn fn, const char *site)
{
	return rota__request_op_all(loop, request, move(OP_WRITE, fd, buf, size, offset), size, ret_done, fn, site);
}

/* ---- what a file is ---- */

static struct rota__op stat_of(int fd, const char *path, int flags)
{
	return (struct rota__op){
		.kind = OP_STATX, .fd = fd, .path = { .path = path, .flags = flags, .mode = ROTA__STATX_MASK }
	};
}

int rota_request_stat_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_file_info *ret_info, rota_request_fn fn, const char *site)
{
	return rota__request_op(loop, request, stat_of(AT_FDCWD, path, 0), ret_info, fn, site);
}

int rota_request_lstat_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_file_info *ret_info, rota_request_fn fn, const char *site)
{
	return rota__request_op(loop, request, stat_of(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW), ret_info, fn, site);
}

int rota_request_fstat_at(struct rota_loop *loop, struct rota_request *request, int fd,
	struct rota_file_info *ret_info, rota_request_fn fn, const char *site)
{
	return rota__request_op(loop, request, stat_of(fd, "", AT_EMPTY_PATH), ret_info, fn, site);
}

int rota_request_access_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	int mode, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .mode = (unsigned)mode };

	return rota__request_work(loop, request, rota__file_access, args, fn, site);
}

int rota_request_disk_stat_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_disk_info *ret_info, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .disk = ret_info };

	return rota__request_work(loop, request, rota__file_disk_stat, args, fn, site);
}

/* ---- names ---- */

static struct rota__op on_path(uint8_t kind, const char *path, const char *path2, int flags, unsigned mode)
{
	return (struct rota__op){
		.kind = kind, .fd = AT_FDCWD, .path = { .path = path, .path2 = path2, .flags = flags, .mode = mode }
	};
}

int rota_request_rename_at(struct rota_loop *loop, struct rota_request *request, const char *from,
	const char *to, rota_request_fn fn, const char *site)
{
	return rota__request_op(loop, request, on_path(OP_RENAMEAT, from, to, 0, 0), NULL, fn, site);
}

int rota_request_unlink_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	rota_request_fn fn, const char *site)
{
	return rota__request_op(loop, request, on_path(OP_UNLINKAT, path, NULL, 0, 0), NULL, fn, site);
}

int rota_request_mkdir_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	unsigned mode, rota_request_fn fn, const char *site)
{
	return rota__request_op(loop, request, on_path(OP_MKDIRAT, path, NULL, 0, mode), NULL, fn, site);
}

int rota_request_rmdir_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	rota_request_fn fn, const char *site)
{
	return rota__request_op(loop, request, on_path(OP_UNLINKAT, path, NULL, AT_REMOVEDIR, 0), NULL, fn, site);
}

int rota_request_link_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	const char *new_path, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .path2 = new_path };

	return rota__request_work(loop, request, rota__file_link, args, fn, site);
}

int rota_request_symlink_at(struct rota_loop *loop, struct rota_request *request, const char *target,
	const char *path, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = target, .path2 = path };

	return rota__request_work(loop, request, rota__file_symlink, args, fn, site);
}

int rota_request_readlink_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	char *buf, size_t size, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .buf = buf, .size = size };

	return rota__request_work(loop, request, rota__file_readlink, args, fn, site);
}

int rota_request_realpath_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	char *buf, size_t size, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .buf = buf, .size = size };

	return rota__request_work(loop, request, rota__file_realpath, args, fn, site);
}

int rota_request_mkstemp_at(struct rota_loop *loop, struct rota_request *request, char *path,
	rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .buf = path };

	return rota__request_work(loop, request, rota__file_mkstemp, args, fn, site);
}

int rota_request_mkdtemp_at(struct rota_loop *loop, struct rota_request *request, char *path,
	rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .buf = path };

	return rota__request_work(loop, request, rota__file_mkdtemp, args, fn, site);
}

int rota_request_readdir_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_folder **ret_folder, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .folder = ret_folder };

	return rota__request_work(loop, request, rota__file_readdir, args, fn, site);
}

int rota_request_readdir_next_at(struct rota_loop *loop, struct rota_request *request, int fd,
	struct rota_folder **ret_folder, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .fd = fd, .folder = ret_folder };

	return rota__request_work(loop, request, rota__file_readdir_next, args, fn, site);
}

/* ---- what belongs to a file ---- */

int rota_request_truncate_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	uint64_t size, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .bytes = size };

	if (size > INT64_MAX)
		return -EINVAL;
	return rota__request_work(loop, request, rota__file_truncate, args, fn, site);
}

int rota_request_chmod_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	unsigned mode, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .mode = mode };

	return rota__request_work(loop, request, rota__file_chmod, args, fn, site);
}

int rota_request_fchmod_at(struct rota_loop *loop, struct rota_request *request, int fd, unsigned mode,
	rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .fd = fd, .mode = mode };

	return rota__request_work(loop, request, rota__file_fchmod, args, fn, site);
}

int rota_request_chown_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	uint32_t uid, uint32_t gid, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .fd = AT_FDCWD, .path = path, .uid = uid, .gid = gid };

	return rota__request_work(loop, request, rota__file_chown, args, fn, site);
}

int rota_request_lchown_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	uint32_t uid, uint32_t gid, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .fd = AT_FDCWD, .path = path, .uid = uid, .gid = gid,
		.mode = AT_SYMLINK_NOFOLLOW };

	return rota__request_work(loop, request, rota__file_chown, args, fn, site);
}

int rota_request_fchown_at(struct rota_loop *loop, struct rota_request *request, int fd, uint32_t uid,
	uint32_t gid, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .fd = fd, .path = "", .uid = uid, .gid = gid, .mode = AT_EMPTY_PATH };

	return rota__request_work(loop, request, rota__file_chown, args, fn, site);
}

int rota_request_set_file_times_at(struct rota_loop *loop, struct rota_request *request,
	const char *path, int64_t read_at_ns, int64_t written_at_ns, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .read_at_ns = read_at_ns,
		.written_at_ns = written_at_ns };

	return rota__request_work(loop, request, rota__file_set_times, args, fn, site);
}

int rota_request_set_link_times_at(struct rota_loop *loop, struct rota_request *request,
	const char *path, int64_t read_at_ns, int64_t written_at_ns, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .read_at_ns = read_at_ns,
		.written_at_ns = written_at_ns, .mode = AT_SYMLINK_NOFOLLOW };

	return rota__request_work(loop, request, rota__file_set_times, args, fn, site);
}

int rota_request_set_fd_times_at(struct rota_loop *loop, struct rota_request *request, int fd,
	int64_t read_at_ns, int64_t written_at_ns, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .fd = fd, .read_at_ns = read_at_ns, .written_at_ns = written_at_ns };

	return rota__request_work(loop, request, rota__file_set_fd_times, args, fn, site);
}

/* ---- copying, whole files ---- */

int rota_request_copy_file_at(struct rota_loop *loop, struct rota_request *request, const char *from,
	const char *to, unsigned flags, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = from, .path2 = to, .mode = flags };

	if (flags & ~(unsigned)(ROTA_COPY_NEW | ROTA_COPY_CLONE))
		return -EINVAL;
	return rota__request_work(loop, request, rota__file_copy, args, fn, site);
}

int rota_request_send_file_at(struct rota_loop *loop, struct rota_request *request, int to_fd,
	int from_fd, uint64_t offset, uint64_t size, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .fd = to_fd, .fd2 = from_fd, .offset = offset, .bytes = size };

	if (offset > INT64_MAX || size > INT64_MAX)
		return -EINVAL;
	return rota__request_work(loop, request, rota__file_send, args, fn, site);
}

int rota_request_read_file_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	void **ret_data, size_t *ret_size, size_t size_max, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .bytes = size_max, .whole = { ret_data, ret_size } };

	return rota__request_work(loop, request, rota__file_read_whole, args, fn, site);
}

int rota_request_write_file_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	const void *data, size_t size, unsigned mode, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .buf = (char *)data, .size = size, .mode = mode };

	return rota__request_work(loop, request, rota__file_write_whole, args, fn, site);
}

int rota_request_write_file_atomic_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	const void *data, size_t size, unsigned mode, rota_request_fn fn, const char *site)
{
	struct rota__file_args args = { .path = path, .buf = (char *)data, .size = size, .mode = mode };

	return rota__request_work(loop, request, rota__file_write_atomic, args, fn, site);
}
