/* file_pool.c - what a task does with files on the blocking pool: io/file_work.c, and a wait */
#include <fcntl.h>

#include "await/await.h"
#include "io/file_work.h"
#include "work/work.h"

static int perform(rota_fn fn, struct rota__file_args args)
{
	return rota__file_args_given(fn, &args) ? rota__blocking(fn, &args, WORK_FILES) : -EINVAL;
}

int rota_link(const char *path, const char *new_path)
{
	return perform(rota__file_link, (struct rota__file_args){ .path = path, .path2 = new_path });
}

int rota_symlink(const char *target, const char *path)
{
	return perform(rota__file_symlink, (struct rota__file_args){ .path = target, .path2 = path });
}

int rota_readlink(const char *path, char *buf, size_t size)
{
	return perform(rota__file_readlink, (struct rota__file_args){ .path = path, .buf = buf, .size = size });
}

int rota_realpath(const char *path, char *buf, size_t size)
{
	return perform(rota__file_realpath, (struct rota__file_args){ .path = path, .buf = buf, .size = size });
}

int rota_mkstemp(char *path)
{
	return perform(rota__file_mkstemp, (struct rota__file_args){ .buf = path });
}

int rota_mkdtemp(char *path)
{
	return perform(rota__file_mkdtemp, (struct rota__file_args){ .buf = path });
}

int rota_truncate(const char *path, uint64_t size)
{
	return size > INT64_MAX ? -EINVAL : perform(rota__file_truncate, (struct rota__file_args){ .path = path, .bytes = size });
}

int rota_chmod(const char *path, unsigned mode)
{
	return perform(rota__file_chmod, (struct rota__file_args){ .path = path, .mode = mode });
}

int rota_fchmod(int fd, unsigned mode)
{
	return perform(rota__file_fchmod, (struct rota__file_args){ .fd = fd, .mode = mode });
}

int rota_chown(const char *path, uint32_t uid, uint32_t gid)
{
	return perform(rota__file_chown, (struct rota__file_args){ .fd = AT_FDCWD, .path = path, .uid = uid, .gid = gid });
}

int rota_lchown(const char *path, uint32_t uid, uint32_t gid)
{
	return perform(rota__file_chown,
		(struct rota__file_args){ .fd = AT_FDCWD, .path = path, .uid = uid, .gid = gid, .mode = AT_SYMLINK_NOFOLLOW });
}

int rota_fchown(int fd, uint32_t uid, uint32_t gid)
{
	return perform(rota__file_chown, (struct rota__file_args){ .fd = fd, .path = "", .uid = uid, .gid = gid, .mode = AT_EMPTY_PATH });
}

int rota_set_file_times(const char *path, int64_t read_at_ns, int64_t written_at_ns)
{
	return perform(rota__file_set_times,
		(struct rota__file_args){ .path = path, .read_at_ns = read_at_ns, .written_at_ns = written_at_ns });
}

int rota_set_link_times(const char *path, int64_t read_at_ns, int64_t written_at_ns)
{
	return perform(rota__file_set_times, (struct rota__file_args){
		.path = path, .read_at_ns = read_at_ns, .written_at_ns = written_at_ns, .mode = AT_SYMLINK_NOFOLLOW });
}

int rota_set_fd_times(int fd, int64_t read_at_ns, int64_t written_at_ns)
{
	return perform(rota__file_set_fd_times,
		(struct rota__file_args){ .fd = fd, .read_at_ns = read_at_ns, .written_at_ns = written_at_ns });
}

int rota_access(const char *path, int mode)
{
	return perform(rota__file_access, (struct rota__file_args){ .path = path, .mode = (unsigned)mode });
}

int rota_disk_stat(const char *path, struct rota_disk_info *ret_info)
{
	return perform(rota__file_disk_stat, (struct rota__file_args){ .path = path, .disk = ret_info });
}

int64_t rota_file_send(int to_fd, int from_fd, uint64_t offset, uint64_t size)
{
	struct rota__file_args a = { .fd = to_fd, .fd2 = from_fd, .offset = offset, .bytes = size };
	int rc = offset > INT64_MAX || size > INT64_MAX ? -EINVAL : rota__blocking(rota__file_send, &a, WORK_FILES);

	return rc < 0 && a.moved == 0 ? rc : a.moved; /* an error after the first bytes is the next call's */
}

int rota_copy_file(const char *from, const char *to, unsigned flags)
{
	if (flags & ~(unsigned)(ROTA_COPY_NEW | ROTA_COPY_CLONE))
		return -EINVAL;
	return perform(rota__file_copy, (struct rota__file_args){ .path = from, .path2 = to, .mode = flags });
}

/* ---- folders ---- */

int rota_readdir(const char *path, struct rota_folder **ret_folder)
{
	return perform(rota__file_readdir, (struct rota__file_args){ .path = path, .folder = ret_folder });
}

int rota_readdir_next(int fd, struct rota_folder **ret_folder)
{
	return perform(rota__file_readdir_next, (struct rota__file_args){ .fd = fd, .folder = ret_folder });
}
