/* request.h - files, names and blocking functions with callbacks
 *
 *	static void on_read(struct rota_request *request, int64_t result)
 *	{
 *		if (result < 0) ...
 *	}
 *
 *	rota_request_pread(loop, &request, fd, buf, sizeof buf, 0, on_read);
 *
 * Each call is that of its namesake in rota/file.h or rota/net.h, which says what its arguments and answers mean; but
 * it does not wait: fn(request, result) is called later, once, on the loop, with what the waiting call would have
 * answered.  Until then the request, paths, buffers and places for results are the loop's; for files nothing is
 * allocated.  Many may be on their way at a time, in no promised order.  Each keeps the loop alive.
 *
 * `loop` may be NULL: the loop that this thread runs.  fn may be NULL for who does not want to know.
 *
 * The answer of the call itself: 0; or, and then fn is not called, -EINVAL (an argument makes no sense: a path, a buffer
 * or a place for the result that is NULL, say), -EPERM (another
 * thread's loop, or none runs here), -EAGAIN or -ENOMEM (no thread for it can be made). */
#ifndef ROTA_REQUEST_H
#define ROTA_REQUEST_H

#include <rota/base.h>
#include <rota/file.h>
#include <rota/loop.h>
#include <rota/net.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_request;

typedef void (*rota_request_fn)(struct rota_request *request, int64_t result);

struct rota_request { /* yours; need not be zeroed, but for `data` */
	void *data;		/* yours */
	struct rota_loop *loop; /* to be read in fn */
	rota_request_fn fn;	/* private from here on */
	int64_t result;
	void (*cancel)(struct rota_request *request);
	const char *site;
	void *link[2];
	uint64_t inside[54];
};

/* Ask for the end of a request on its way: fn hears -ECANCELED, or of the result if it was too late, which it is when a
 * thread has begun with it; names are let go at any time.  Never called within.  Descriptors are closed all the same.  On another thread it ends the
 * program, as the request's loop is not that one's; harmless when fn has been called. */
ROTA_API void rota_request_cancel(struct rota_request *request);

/* ---- descriptors, reading and writing ---- */

/* As rota_file_open(), rota_file_close(), rota_pread() and so on: the result is the descriptor, the count of bytes, or
 * 0. */
#define rota_request_open(loop, request, path, flags, mode, fn) \
	rota_request_open_at((loop), (request), (path), (flags), (mode), (fn), ROTA_HERE)
ROTA_API int rota_request_open_at(struct rota_loop *loop, struct rota_request *request, const char *path, int flags,
	unsigned mode, rota_request_fn fn, const char *site);
#define rota_request_close(loop, request, fd, fn) rota_request_close_at((loop), (request), (fd), (fn), ROTA_HERE)
ROTA_API int rota_request_close_at(struct rota_loop *loop, struct rota_request *request, int fd, rota_request_fn fn,
	const char *site);
#define rota_request_pread(loop, request, fd, buf, size, offset, fn) \
	rota_request_pread_at((loop), (request), (fd), (buf), (size), (offset), (fn), ROTA_HERE)
ROTA_API int rota_request_pread_at(struct rota_loop *loop, struct rota_request *request, int fd, void *buf,
	size_t size, uint64_t offset, rota_request_fn fn, const char *site);
#define rota_request_pwrite(loop, request, fd, buf, size, offset, fn) \
	rota_request_pwrite_at((loop), (request), (fd), (buf), (size), (offset), (fn), ROTA_HERE)
ROTA_API int rota_request_pwrite_at(struct rota_loop *loop, struct rota_request *request, int fd, const void *buf,
	size_t size, uint64_t offset, rota_request_fn fn, const char *site);
#define rota_request_preadv(loop, request, fd, ...) \
	rota_request_preadv_at((loop), (request), (fd), __VA_ARGS__, ROTA_HERE)
ROTA_API int rota_request_preadv_at(struct rota_loop *loop, struct rota_request *request, int fd,
	const struct iovec *iov, int count, uint64_t offset, rota_request_fn fn, const char *site);
#define rota_request_pwritev(loop, request, fd, ...) \
	rota_request_pwritev_at((loop), (request), (fd), __VA_ARGS__, ROTA_HERE)
ROTA_API int rota_request_pwritev_at(struct rota_loop *loop, struct rota_request *request, int fd,
	const struct iovec *iov, int count, uint64_t offset, rota_request_fn fn, const char *site);

/* As rota_pread_all() and rota_pwrite_all(): *ret_done (may be NULL) is written before fn, whatever the result.  A cancellation ends
 * them between two of the system's reads or writes too. */
#define rota_request_pread_all(loop, request, fd, buf, size, offset, ret_done, fn) \
	rota_request_pread_all_at((loop), (request), (fd), (buf), (size), (offset), (ret_done), (fn), ROTA_HERE)
ROTA_API int rota_request_pread_all_at(struct rota_loop *loop, struct rota_request *request, int fd, void *buf,
	size_t size, uint64_t offset, size_t *ret_done, rota_request_fn fn, const char *site);
#define rota_request_pwrite_all(loop, request, fd, buf, size, offset, ret_done, fn) \
	rota_request_pwrite_all_at((loop), (request), (fd), (buf), (size), (offset), (ret_done), (fn), ROTA_HERE)
ROTA_API int rota_request_pwrite_all_at(struct rota_loop *loop, struct rota_request *request, int fd, const void *buf,
	size_t size, uint64_t offset, size_t *ret_done, rota_request_fn fn, const char *site);

/* As rota_fsync(), rota_fdatasync() and rota_ftruncate(). */
#define rota_request_fsync(loop, request, fd, fn) rota_request_fsync_at((loop), (request), (fd), (fn), ROTA_HERE)
ROTA_API int rota_request_fsync_at(struct rota_loop *loop, struct rota_request *request, int fd, rota_request_fn fn,
	const char *site);
#define rota_request_fdatasync(loop, request, fd, fn) \
	rota_request_fdatasync_at((loop), (request), (fd), (fn), ROTA_HERE)
ROTA_API int rota_request_fdatasync_at(struct rota_loop *loop, struct rota_request *request, int fd,
	rota_request_fn fn, const char *site);
#define rota_request_ftruncate(loop, request, fd, size, fn) \
	rota_request_ftruncate_at((loop), (request), (fd), (size), (fn), ROTA_HERE)
ROTA_API int rota_request_ftruncate_at(struct rota_loop *loop, struct rota_request *request, int fd, uint64_t size,
	rota_request_fn fn, const char *site);

/* ---- what a file is ---- */

/* *ret_info is written before fn, on success. */
#define rota_request_stat(loop, request, path, ret_info, fn) \
	rota_request_stat_at((loop), (request), (path), (ret_info), (fn), ROTA_HERE)
ROTA_API int rota_request_stat_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_file_info *ret_info, rota_request_fn fn, const char *site);
#define rota_request_lstat(loop, request, path, ret_info, fn) \
	rota_request_lstat_at((loop), (request), (path), (ret_info), (fn), ROTA_HERE)
ROTA_API int rota_request_lstat_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_file_info *ret_info, rota_request_fn fn, const char *site);
#define rota_request_fstat(loop, request, fd, ret_info, fn) \
	rota_request_fstat_at((loop), (request), (fd), (ret_info), (fn), ROTA_HERE)
ROTA_API int rota_request_fstat_at(struct rota_loop *loop, struct rota_request *request, int fd,
	struct rota_file_info *ret_info, rota_request_fn fn, const char *site);
#define rota_request_access(loop, request, path, mode, fn) \
	rota_request_access_at((loop), (request), (path), (mode), (fn), ROTA_HERE)
ROTA_API int rota_request_access_at(struct rota_loop *loop, struct rota_request *request, const char *path, int mode,
	rota_request_fn fn, const char *site);
#define rota_request_disk_stat(loop, request, path, ret_info, fn) \
	rota_request_disk_stat_at((loop), (request), (path), (ret_info), (fn), ROTA_HERE)
ROTA_API int rota_request_disk_stat_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_disk_info *ret_info, rota_request_fn fn, const char *site);

/* ---- names ---- */

/* As rota_rename() and so on; what is read is in `buf`, and what is made in `path`, before fn. */
#define rota_request_rename(loop, request, from, to, fn) \
	rota_request_rename_at((loop), (request), (from), (to), (fn), ROTA_HERE)
ROTA_API int rota_request_rename_at(struct rota_loop *loop, struct rota_request *request, const char *from,
	const char *to, rota_request_fn fn, const char *site);
#define rota_request_unlink(loop, request, path, fn) rota_request_unlink_at((loop), (request), (path), (fn), ROTA_HERE)
ROTA_API int rota_request_unlink_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	rota_request_fn fn, const char *site);
#define rota_request_mkdir(loop, request, path, mode, fn) \
	rota_request_mkdir_at((loop), (request), (path), (mode), (fn), ROTA_HERE)
ROTA_API int rota_request_mkdir_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	unsigned mode, rota_request_fn fn, const char *site);
#define rota_request_rmdir(loop, request, path, fn) rota_request_rmdir_at((loop), (request), (path), (fn), ROTA_HERE)
ROTA_API int rota_request_rmdir_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	rota_request_fn fn, const char *site);
#define rota_request_link(loop, request, path, new_path, fn) \
	rota_request_link_at((loop), (request), (path), (new_path), (fn), ROTA_HERE)
ROTA_API int rota_request_link_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	const char *new_path, rota_request_fn fn, const char *site);
#define rota_request_symlink(loop, request, target, path, fn) \
	rota_request_symlink_at((loop), (request), (target), (path), (fn), ROTA_HERE)
ROTA_API int rota_request_symlink_at(struct rota_loop *loop, struct rota_request *request, const char *target,
	const char *path, rota_request_fn fn, const char *site);
#define rota_request_readlink(loop, request, path, buf, size, fn) \
	rota_request_readlink_at((loop), (request), (path), (buf), (size), (fn), ROTA_HERE)
ROTA_API int rota_request_readlink_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	char *buf, size_t size, rota_request_fn fn, const char *site);
#define rota_request_realpath(loop, request, path, buf, size, fn) \
	rota_request_realpath_at((loop), (request), (path), (buf), (size), (fn), ROTA_HERE)
ROTA_API int rota_request_realpath_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	char *buf, size_t size, rota_request_fn fn, const char *site);
#define rota_request_mkstemp(loop, request, path, fn) \
	rota_request_mkstemp_at((loop), (request), (path), (fn), ROTA_HERE)
ROTA_API int rota_request_mkstemp_at(struct rota_loop *loop, struct rota_request *request, char *path,
	rota_request_fn fn, const char *site);
#define rota_request_mkdtemp(loop, request, path, fn) \
	rota_request_mkdtemp_at((loop), (request), (path), (fn), ROTA_HERE)
ROTA_API int rota_request_mkdtemp_at(struct rota_loop *loop, struct rota_request *request, char *path,
	rota_request_fn fn, const char *site);

/* All that is in a folder, as rota_readdir(): *ret_folder is written before fn, on success. */
#define rota_request_readdir(loop, request, path, ret_folder, fn) \
	rota_request_readdir_at((loop), (request), (path), (ret_folder), (fn), ROTA_HERE)
ROTA_API int rota_request_readdir_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_folder **ret_folder, rota_request_fn fn, const char *site);

/* What comes next in a folder that is open, as rota_readdir_next(). */
#define rota_request_readdir_next(loop, request, fd, ret_folder, fn) \
	rota_request_readdir_next_at((loop), (request), (fd), (ret_folder), (fn), ROTA_HERE)
ROTA_API int rota_request_readdir_next_at(struct rota_loop *loop, struct rota_request *request, int fd,
	struct rota_folder **ret_folder, rota_request_fn fn, const char *site);

/* ---- what belongs to a file ---- */

/* As rota_truncate() and so on. */
#define rota_request_truncate(loop, request, path, size, fn) \
	rota_request_truncate_at((loop), (request), (path), (size), (fn), ROTA_HERE)
ROTA_API int rota_request_truncate_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	uint64_t size, rota_request_fn fn, const char *site);
#define rota_request_chmod(loop, request, path, mode, fn) \
	rota_request_chmod_at((loop), (request), (path), (mode), (fn), ROTA_HERE)
ROTA_API int rota_request_chmod_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	unsigned mode, rota_request_fn fn, const char *site);
#define rota_request_fchmod(loop, request, fd, mode, fn) \
	rota_request_fchmod_at((loop), (request), (fd), (mode), (fn), ROTA_HERE)
ROTA_API int rota_request_fchmod_at(struct rota_loop *loop, struct rota_request *request, int fd, unsigned mode,
	rota_request_fn fn, const char *site);
#define rota_request_chown(loop, request, path, uid, gid, fn) \
	rota_request_chown_at((loop), (request), (path), (uid), (gid), (fn), ROTA_HERE)
ROTA_API int rota_request_chown_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	uint32_t uid, uint32_t gid, rota_request_fn fn, const char *site);
#define rota_request_lchown(loop, request, path, uid, gid, fn) \
	rota_request_lchown_at((loop), (request), (path), (uid), (gid), (fn), ROTA_HERE)
ROTA_API int rota_request_lchown_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	uint32_t uid, uint32_t gid, rota_request_fn fn, const char *site);
#define rota_request_fchown(loop, request, fd, uid, gid, fn) \
	rota_request_fchown_at((loop), (request), (fd), (uid), (gid), (fn), ROTA_HERE)
ROTA_API int rota_request_fchown_at(struct rota_loop *loop, struct rota_request *request, int fd, uint32_t uid,
	uint32_t gid, rota_request_fn fn, const char *site);
#define rota_request_set_file_times(loop, request, path, read_at_ns, written_at_ns, fn) \
	rota_request_set_file_times_at((loop), (request), (path), (read_at_ns), (written_at_ns), (fn), ROTA_HERE)
ROTA_API int rota_request_set_file_times_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	int64_t read_at_ns, int64_t written_at_ns, rota_request_fn fn, const char *site);
#define rota_request_set_link_times(loop, request, path, read_at_ns, written_at_ns, fn) \
	rota_request_set_link_times_at((loop), (request), (path), (read_at_ns), (written_at_ns), (fn), ROTA_HERE)
ROTA_API int rota_request_set_link_times_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	int64_t read_at_ns, int64_t written_at_ns, rota_request_fn fn, const char *site);
#define rota_request_set_fd_times(loop, request, fd, read_at_ns, written_at_ns, fn) \
	rota_request_set_fd_times_at((loop), (request), (fd), (read_at_ns), (written_at_ns), (fn), ROTA_HERE)
ROTA_API int rota_request_set_fd_times_at(struct rota_loop *loop, struct rota_request *request, int fd,
	int64_t read_at_ns, int64_t written_at_ns, rota_request_fn fn, const char *site);

/* ---- copying, whole files ---- */

/* As rota_copy_file(). */
#define rota_request_copy_file(loop, request, from, to, flags, fn) \
	rota_request_copy_file_at((loop), (request), (from), (to), (flags), (fn), ROTA_HERE)
ROTA_API int rota_request_copy_file_at(struct rota_loop *loop, struct rota_request *request, const char *from,
	const char *to, unsigned flags, rota_request_fn fn, const char *site);

/* As rota_file_send(): the result is the count. */
#define rota_request_send_file(loop, request, to_fd, from_fd, offset, size, fn) \
	rota_request_send_file_at((loop), (request), (to_fd), (from_fd), (offset), (size), (fn), ROTA_HERE)
ROTA_API int rota_request_send_file_at(struct rota_loop *loop, struct rota_request *request, int to_fd, int from_fd,
	uint64_t offset, uint64_t size, rota_request_fn fn, const char *site);

/* *ret_data and *ret_size are written before fn, on success; the bytes are then yours: rota_free(). */
#define rota_request_read_file(loop, request, path, ret_data, ret_size, size_max, fn) \
	rota_request_read_file_at((loop), (request), (path), (ret_data), (ret_size), (size_max), (fn), ROTA_HERE)
ROTA_API int rota_request_read_file_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	void **ret_data, size_t *ret_size, size_t size_max, rota_request_fn fn, const char *site);
#define rota_request_write_file(loop, request, path, data, size, mode, fn) \
	rota_request_write_file_at((loop), (request), (path), (data), (size), (mode), (fn), ROTA_HERE)
ROTA_API int rota_request_write_file_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	const void *data, size_t size, unsigned mode, rota_request_fn fn, const char *site);

/* As rota_write_file_atomic().  A cancellation takes back what has not begun; what has is finished. */
#define rota_request_write_file_atomic(loop, request, path, data, size, mode, fn) \
	rota_request_write_file_atomic_at((loop), (request), (path), (data), (size), (mode), (fn), ROTA_HERE)
ROTA_API int rota_request_write_file_atomic_at(struct rota_loop *loop, struct rota_request *request, const char *path,
	const void *data, size_t size, unsigned mode, rota_request_fn fn, const char *site);

/* ---- names of the network ---- */

/* As rota_resolve(): the result is the count of addresses, which are written before fn. */
#define rota_request_resolve(loop, request, address, ret_addresses, room, fn) \
	rota_request_resolve_at((loop), (request), (address), (ret_addresses), (room), (fn), ROTA_HERE)
ROTA_API int rota_request_resolve_at(struct rota_loop *loop, struct rota_request *request, const char *address,
	struct rota_address *ret_addresses, size_t room, rota_request_fn fn, const char *site);

/* As rota_resolve_back(). */
#define rota_request_resolve_back(loop, request, address, host, host_size, service, service_size, fn) \
	rota_request_resolve_back_at((loop), (request), (address), (host), (host_size), (service), (service_size), \
		(fn), ROTA_HERE)
ROTA_API int rota_request_resolve_back_at(struct rota_loop *loop, struct rota_request *request,
	const struct rota_address *address, char *host, size_t host_size, char *service, size_t service_size,
	rota_request_fn fn, const char *site);

/* ---- any function ---- */

/* Run work(arg) on the blocking pool, as rota_blocking(); its answer is the result. */
#define rota_request_blocking(loop, request, work, arg, fn) \
	rota_request_blocking_at((loop), (request), (work), (arg), (fn), ROTA_HERE)
ROTA_API int rota_request_blocking_at(struct rota_loop *loop, struct rota_request *request, int (*work)(void *arg),
	void *arg, rota_request_fn fn, const char *site);

#ifdef __cplusplus
}
#endif
#endif
