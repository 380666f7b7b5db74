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
	uint64_t inside[54];
};

/* Ask for the end of a request on its way: fn hears -ECANCELED, or of the result if it was too late, which it is when a
 * thread has begun with it; names are let go at any time.  Never called within.  Descriptors are closed all the same.  On another thread it ends the
 * program, as the request's loop is not that one's; harmless when fn has been called. */
ROTA_API void rota_request_cancel(struct rota_request *request);

/* ---- descriptors, reading and writing ---- */

/* As rota_file_open(), rota_file_close(), rota_pread() and so on: the result is the descriptor, the count of bytes, or
 * 0. */
ROTA_API int rota_request_open(struct rota_loop *loop, struct rota_request *request, const char *path, int flags,
	unsigned mode, rota_request_fn fn);
ROTA_API int rota_request_close(struct rota_loop *loop, struct rota_request *request, int fd, rota_request_fn fn);
ROTA_API int rota_request_pread(struct rota_loop *loop, struct rota_request *request, int fd, void *buf, size_t size,
	uint64_t offset, rota_request_fn fn);
ROTA_API int rota_request_pwrite(struct rota_loop *loop, struct rota_request *request, int fd, const void *buf,
	size_t size, uint64_t offset, rota_request_fn fn);
ROTA_API int rota_request_preadv(struct rota_loop *loop, struct rota_request *request, int fd, const struct iovec *iov,
	int count, uint64_t offset, rota_request_fn fn);
ROTA_API int rota_request_pwritev(struct rota_loop *loop, struct rota_request *request, int fd,
	const struct iovec *iov, int count, uint64_t offset, rota_request_fn fn);

/* As rota_pread_all() and rota_pwrite_all(): *ret_done (may be NULL) is written before fn, whatever the result.  A cancellation ends
 * them between two of the system's reads or writes too. */
ROTA_API int rota_request_pread_all(struct rota_loop *loop, struct rota_request *request, int fd, void *buf, size_t size,
	uint64_t offset, size_t *ret_done, rota_request_fn fn);
ROTA_API int rota_request_pwrite_all(struct rota_loop *loop, struct rota_request *request, int fd, const void *buf,
	size_t size, uint64_t offset, size_t *ret_done, rota_request_fn fn);

/* As rota_fsync(), rota_fdatasync() and rota_ftruncate(). */
ROTA_API int rota_request_fsync(struct rota_loop *loop, struct rota_request *request, int fd, rota_request_fn fn);
ROTA_API int rota_request_fdatasync(struct rota_loop *loop, struct rota_request *request, int fd, rota_request_fn fn);
ROTA_API int rota_request_ftruncate(
	struct rota_loop *loop, struct rota_request *request, int fd, uint64_t size, rota_request_fn fn);

/* ---- what a file is ---- */

/* *ret_info is written before fn, on success. */
ROTA_API int rota_request_stat(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_file_info *ret_info, rota_request_fn fn);
ROTA_API int rota_request_lstat(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_file_info *ret_info, rota_request_fn fn);
ROTA_API int rota_request_fstat(struct rota_loop *loop, struct rota_request *request, int fd,
	struct rota_file_info *ret_info, rota_request_fn fn);
ROTA_API int rota_request_access(
	struct rota_loop *loop, struct rota_request *request, const char *path, int mode, rota_request_fn fn);
ROTA_API int rota_request_disk_stat(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_disk_info *ret_info, rota_request_fn fn);

/* ---- names ---- */

/* As rota_rename() and so on; what is read is in `buf`, and what is made in `path`, before fn. */
ROTA_API int rota_request_rename(
	struct rota_loop *loop, struct rota_request *request, const char *from, const char *to, rota_request_fn fn);
ROTA_API int rota_request_unlink(
	struct rota_loop *loop, struct rota_request *request, const char *path, rota_request_fn fn);
ROTA_API int rota_request_mkdir(
	struct rota_loop *loop, struct rota_request *request, const char *path, unsigned mode, rota_request_fn fn);
ROTA_API int rota_request_rmdir(
	struct rota_loop *loop, struct rota_request *request, const char *path, rota_request_fn fn);
ROTA_API int rota_request_link(struct rota_loop *loop, struct rota_request *request, const char *path,
	const char *new_path, rota_request_fn fn);
ROTA_API int rota_request_symlink(struct rota_loop *loop, struct rota_request *request, const char *target,
	const char *path, rota_request_fn fn);
ROTA_API int rota_request_readlink(struct rota_loop *loop, struct rota_request *request, const char *path, char *buf,
	size_t size, rota_request_fn fn);
ROTA_API int rota_request_realpath(struct rota_loop *loop, struct rota_request *request, const char *path, char *buf,
	size_t size, rota_request_fn fn);
ROTA_API int rota_request_mkstemp(
	struct rota_loop *loop, struct rota_request *request, char *path, rota_request_fn fn);
ROTA_API int rota_request_mkdtemp(
	struct rota_loop *loop, struct rota_request *request, char *path, rota_request_fn fn);

/* All that is in a folder, as rota_readdir(): *ret_folder is written before fn, on success. */
ROTA_API int rota_request_readdir(struct rota_loop *loop, struct rota_request *request, const char *path,
	struct rota_folder **ret_folder, rota_request_fn fn);

/* What comes next in a folder that is open, as rota_readdir_next(). */
ROTA_API int rota_request_readdir_next(struct rota_loop *loop, struct rota_request *request, int fd,
	struct rota_folder **ret_folder, rota_request_fn fn);

/* ---- what belongs to a file ---- */

/* As rota_truncate() and so on. */
ROTA_API int rota_request_truncate(
	struct rota_loop *loop, struct rota_request *request, const char *path, uint64_t size, rota_request_fn fn);
ROTA_API int rota_request_chmod(
	struct rota_loop *loop, struct rota_request *request, const char *path, unsigned mode, rota_request_fn fn);
ROTA_API int rota_request_fchmod(
	struct rota_loop *loop, struct rota_request *request, int fd, unsigned mode, rota_request_fn fn);
ROTA_API int rota_request_chown(struct rota_loop *loop, struct rota_request *request, const char *path, uint32_t uid,
	uint32_t gid, rota_request_fn fn);
ROTA_API int rota_request_lchown(struct rota_loop *loop, struct rota_request *request, const char *path, uint32_t uid,
	uint32_t gid, rota_request_fn fn);
ROTA_API int rota_request_fchown(struct rota_loop *loop, struct rota_request *request, int fd, uint32_t uid,
	uint32_t gid, rota_request_fn fn);
ROTA_API int rota_request_set_file_times(struct rota_loop *loop, struct rota_request *request, const char *path,
	int64_t read_at_ns, int64_t written_at_ns, rota_request_fn fn);
ROTA_API int rota_request_set_link_times(struct rota_loop *loop, struct rota_request *request, const char *path,
	int64_t read_at_ns, int64_t written_at_ns, rota_request_fn fn);
ROTA_API int rota_request_set_fd_times(struct rota_loop *loop, struct rota_request *request, int fd,
	int64_t read_at_ns, int64_t written_at_ns, rota_request_fn fn);

/* ---- copying, whole files ---- */

/* As rota_copy_file(). */
ROTA_API int rota_request_copy_file(struct rota_loop *loop, struct rota_request *request, const char *from,
	const char *to, unsigned flags, rota_request_fn fn);

/* As rota_file_send(): the result is the count. */
ROTA_API int rota_request_send_file(struct rota_loop *loop, struct rota_request *request, int to_fd, int from_fd,
	uint64_t offset, uint64_t size, rota_request_fn fn);

/* *ret_data and *ret_size are written before fn, on success; the bytes are then yours: rota_free(). */
ROTA_API int rota_request_read_file(struct rota_loop *loop, struct rota_request *request, const char *path,
	void **ret_data, size_t *ret_size, size_t size_max, rota_request_fn fn);
ROTA_API int rota_request_write_file(struct rota_loop *loop, struct rota_request *request, const char *path,
	const void *data, size_t size, unsigned mode, rota_request_fn fn);

/* As rota_write_file_atomic().  A cancellation takes back what has not begun; what has is finished. */
ROTA_API int rota_request_write_file_atomic(struct rota_loop *loop, struct rota_request *request, const char *path,
	const void *data, size_t size, unsigned mode, rota_request_fn fn);

/* ---- names of the network ---- */

/* As rota_resolve(): the result is the count of addresses, which are written before fn. */
ROTA_API int rota_request_resolve(struct rota_loop *loop, struct rota_request *request, const char *address,
	struct rota_address *ret_addresses, size_t room, rota_request_fn fn);

/* As rota_resolve_back(). */
ROTA_API int rota_request_resolve_back(struct rota_loop *loop, struct rota_request *request,
	const struct rota_address *address, char *host, size_t host_size, char *service, size_t service_size,
	rota_request_fn fn);

/* ---- any function ---- */

/* Run work(arg) on the blocking pool, as rota_blocking(); its answer is the result. */
ROTA_API int rota_request_blocking(struct rota_loop *loop, struct rota_request *request, int (*work)(void *arg),
	void *arg, rota_request_fn fn);

#ifdef __cplusplus
}
#endif
#endif
