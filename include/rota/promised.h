/* promised.h - files, names, connections, datagrams and processes as promises
 *
 *	static struct rota_result show(const struct rota_settled *it, void *arg)
 *	{
 *		const struct rota_promised *file = it->value;
 *
 *		fwrite(file->data, 1, (size_t)file->result, stdout);
 *		return rota_result_value(NULL, NULL);
 *	}
 *
 *	rota_promise_unref(rota_promise_then(rota_promise_read_file(loop, "notes", SIZE_MAX), show, NULL, NULL));
 *
 * Each call begins what its namesake in rota/request.h, rota/conn.h, rota/datagram.h or rota/process.h does, which says what its
 * arguments mean, does not wait, and answers a promise of what becomes of it, with one reference.  Where no memory is left
 * that is NULL, as for every promise.  A task awaits it like any other: rota_await().
 *
 * Fulfilled: the value is a struct rota_promised.  It lives with the promise, and what it has is given back with it: nobody has
 * to look at a promise for its descriptor to be closed and its memory to be freed.  To keep what is in it longer
 * than the promise, rota_promise_take(): then the descriptor is the caller's to close and the memory to be freed as said
 * below, while the struct itself stays the promise's.
 *
 * Rejected: with the code that the callback, or the call, would have answered, and as value the path, address or program that it was
 * about (a string; NULL where there is none), which is the promise's name, too.
 *
 * Paths, addresses and what is said to be borrowed are copied.  Buffers and arrays are kept until the promise has settled, whoever
 * has a reference to it: to give it back early ends nothing.  rota_promise_cancel() asks for its end.
 *
 * `loop` may be NULL: the one that this thread runs.  Another thread's ends the program, as in rota/promise.h.  Each keeps the
 * loop alive until it has settled, and a loop that is alive cannot be freed. */
#ifndef ROTA_PROMISED_H
#define ROTA_PROMISED_H

#include <rota/conn.h>
#include <rota/datagram.h>
#include <rota/file.h>
#include <rota/net.h>
#include <rota/process.h>
#include <rota/promise.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What they become.  `result` is what the call that waits would have answered: 0, a count, or a descriptor, which is closed
 * if nobody takes it; what the others are of stands beside them, and is zero in all else. */
struct rota_promised {
	int64_t result;
	char *text;			/* readlink, realpath, mkstemp, mkdtemp; the promise's */
	void *data;			/* read_file: `result` bytes and a 0; whose taker calls rota_free() */
	struct rota_folder *folder;	/* readdir; whose taker calls rota_free() */
	struct rota_address *addresses; /* resolve: `result` of them; the promise's */
	char *host, *service;		/* resolve_back; the promise's */
	struct rota_file_info info;	/* stat, lstat, fstat */
	struct rota_disk_info disk;	/* disk_stat */
	struct rota_exit exit;		/* exit, command */
};

/* ---- files: descriptors, reading and writing ---- */

/* As rota_request_open() and so on.  A descriptor that nobody takes is closed. */
#define rota_promise_open(loop, path, flags, mode) rota_promise_open_at((loop), (path), (flags), (mode), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_open_at(
	struct rota_loop *loop, const char *path, int flags, unsigned mode, const char *site);
#define rota_promise_close(loop, fd) rota_promise_close_at((loop), (fd), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_close_at(struct rota_loop *loop, int fd, const char *site);
#define rota_promise_pread(loop, fd, buf, size, offset) \
	rota_promise_pread_at((loop), (fd), (buf), (size), (offset), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_pread_at(
	struct rota_loop *loop, int fd, void *buf, size_t size, uint64_t offset, const char *site);
#define rota_promise_pwrite(loop, fd, buf, size, offset) \
	rota_promise_pwrite_at((loop), (fd), (buf), (size), (offset), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_pwrite_at(
	struct rota_loop *loop, int fd, const void *buf, size_t size, uint64_t offset, const char *site);
#define rota_promise_preadv(loop, fd, iov, count, offset) \
	rota_promise_preadv_at((loop), (fd), (iov), (count), (offset), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_preadv_at(
	struct rota_loop *loop, int fd, const struct iovec *iov, int count, uint64_t offset, const char *site);
#define rota_promise_pwritev(loop, fd, iov, count, offset) \
	rota_promise_pwritev_at((loop), (fd), (iov), (count), (offset), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_pwritev_at(
	struct rota_loop *loop, int fd, const struct iovec *iov, int count, uint64_t offset, const char *site);
#define rota_promise_fsync(loop, fd) rota_promise_fsync_at((loop), (fd), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_fsync_at(struct rota_loop *loop, int fd, const char *site);
#define rota_promise_fdatasync(loop, fd) rota_promise_fdatasync_at((loop), (fd), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_fdatasync_at(struct rota_loop *loop, int fd, const char *site);
#define rota_promise_ftruncate(loop, fd, size) rota_promise_ftruncate_at((loop), (fd), (size), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_ftruncate_at(
	struct rota_loop *loop, int fd, uint64_t size, const char *site);

/* ---- what a file is ---- */

/* As rota_request_stat() and so on: `info`, `disk`. */
#define rota_promise_stat(loop, path) rota_promise_stat_at((loop), (path), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_stat_at(struct rota_loop *loop, const char *path, const char *site);
#define rota_promise_lstat(loop, path) rota_promise_lstat_at((loop), (path), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_lstat_at(struct rota_loop *loop, const char *path, const char *site);
#define rota_promise_fstat(loop, fd) rota_promise_fstat_at((loop), (fd), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_fstat_at(struct rota_loop *loop, int fd, const char *site);
#define rota_promise_access(loop, path, mode) rota_promise_access_at((loop), (path), (mode), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_access_at(
	struct rota_loop *loop, const char *path, int mode, const char *site);
#define rota_promise_disk_stat(loop, path) rota_promise_disk_stat_at((loop), (path), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_disk_stat_at(struct rota_loop *loop, const char *path, const char *site);

/* ---- names ---- */

/* As rota_request_rename() and so on. */
#define rota_promise_rename(loop, from, to) rota_promise_rename_at((loop), (from), (to), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_rename_at(
	struct rota_loop *loop, const char *from, const char *to, const char *site);
#define rota_promise_unlink(loop, path) rota_promise_unlink_at((loop), (path), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_unlink_at(struct rota_loop *loop, const char *path, const char *site);
#define rota_promise_mkdir(loop, path, mode) rota_promise_mkdir_at((loop), (path), (mode), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_mkdir_at(
	struct rota_loop *loop, const char *path, unsigned mode, const char *site);
#define rota_promise_rmdir(loop, path) rota_promise_rmdir_at((loop), (path), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_rmdir_at(struct rota_loop *loop, const char *path, const char *site);
#define rota_promise_link(loop, path, new_path) rota_promise_link_at((loop), (path), (new_path), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_link_at(
	struct rota_loop *loop, const char *path, const char *new_path, const char *site);
#define rota_promise_symlink(loop, target, path) rota_promise_symlink_at((loop), (target), (path), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_symlink_at(
	struct rota_loop *loop, const char *target, const char *path, const char *site);

/* `text`, of up to 4,095 bytes, -ENAMETOOLONG if it is longer; `result` is its length. */
#define rota_promise_readlink(loop, path) rota_promise_readlink_at((loop), (path), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_readlink_at(struct rota_loop *loop, const char *path, const char *site);
#define rota_promise_realpath(loop, path) rota_promise_realpath_at((loop), (path), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_realpath_at(struct rota_loop *loop, const char *path, const char *site);

/* `pattern` ends with "XXXXXX" and is copied; `text` is the name that was made of it, which stays in its folder whatever becomes of the
 * promise.  Of mkstemp `result` is the descriptor, closed if nobody takes it. */
#define rota_promise_mkstemp(loop, pattern) rota_promise_mkstemp_at((loop), (pattern), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_mkstemp_at(struct rota_loop *loop, const char *pattern, const char *site);
#define rota_promise_mkdtemp(loop, pattern) rota_promise_mkdtemp_at((loop), (pattern), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_mkdtemp_at(struct rota_loop *loop, const char *pattern, const char *site);

/* `folder`. */
#define rota_promise_readdir(loop, path) rota_promise_readdir_at((loop), (path), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_readdir_at(struct rota_loop *loop, const char *path, const char *site);

/* ---- what belongs to a file ---- */

/* As rota_request_truncate() and so on. */
#define rota_promise_truncate(loop, path, size) rota_promise_truncate_at((loop), (path), (size), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_truncate_at(
	struct rota_loop *loop, const char *path, uint64_t size, const char *site);
#define rota_promise_chmod(loop, path, mode) rota_promise_chmod_at((loop), (path), (mode), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_chmod_at(
	struct rota_loop *loop, const char *path, unsigned mode, const char *site);
#define rota_promise_fchmod(loop, fd, mode) rota_promise_fchmod_at((loop), (fd), (mode), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_fchmod_at(struct rota_loop *loop, int fd, unsigned mode, const char *site);
#define rota_promise_chown(loop, path, uid, gid) rota_promise_chown_at((loop), (path), (uid), (gid), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_chown_at(
	struct rota_loop *loop, const char *path, uint32_t uid, uint32_t gid, const char *site);
#define rota_promise_lchown(loop, path, uid, gid) rota_promise_lchown_at((loop), (path), (uid), (gid), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_lchown_at(
	struct rota_loop *loop, const char *path, uint32_t uid, uint32_t gid, const char *site);
#define rota_promise_fchown(loop, fd, uid, gid) rota_promise_fchown_at((loop), (fd), (uid), (gid), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_fchown_at(
	struct rota_loop *loop, int fd, uint32_t uid, uint32_t gid, const char *site);
#define rota_promise_set_file_times(loop, path, read_at_ns, written_at_ns) \
	rota_promise_set_file_times_at((loop), (path), (read_at_ns), (written_at_ns), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_set_file_times_at(
	struct rota_loop *loop, const char *path, int64_t read_at_ns, int64_t written_at_ns, const char *site);

/* ---- copying, whole files ---- */

/* As rota_request_copy_file(), _send_file(), _write_file(), whose bytes are kept. */
#define rota_promise_copy_file(loop, from, to, flags) \
	rota_promise_copy_file_at((loop), (from), (to), (flags), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_copy_file_at(
	struct rota_loop *loop, const char *from, const char *to, unsigned flags, const char *site);
#define rota_promise_send_file(loop, to_fd, from_fd, offset, size) \
	rota_promise_send_file_at((loop), (to_fd), (from_fd), (offset), (size), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_send_file_at(
	struct rota_loop *loop, int to_fd, int from_fd, uint64_t offset, uint64_t size, const char *site);
#define rota_promise_write_file(loop, path, data, size, mode) \
	rota_promise_write_file_at((loop), (path), (data), (size), (mode), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_write_file_at(
	struct rota_loop *loop, const char *path, const void *data, size_t size, unsigned mode, const char *site);

/* `data`, of `result` bytes; ROTA_ELIMIT if there are more than `size_max`. */
#define rota_promise_read_file(loop, path, size_max) rota_promise_read_file_at((loop), (path), (size_max), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_read_file_at(
	struct rota_loop *loop, const char *path, size_t size_max, const char *site);

/* ---- names of the network ---- */

/* `addresses`, up to `room`, the first to be tried first; `result` is their number. */
#define rota_promise_resolve(loop, address, room) rota_promise_resolve_at((loop), (address), (room), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_resolve_at(
	struct rota_loop *loop, const char *address, size_t room, const char *site);

/* `host` and `service`, of an address that is borrowed. */
#define rota_promise_resolve_back(loop, address) rota_promise_resolve_back_at((loop), (address), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_resolve_back_at(
	struct rota_loop *loop, const struct rota_address *address, const char *site);

/* ---- connections and datagrams ---- */

/* Open `conn`, which is yours as always, and connect it as rota_conn_connect(), or as rota_conn_connect_to(): fulfilled when it can
 * be used.  If it is rejected by an error of the call itself nothing was opened (rota_handle_is_open()); else `conn` is to be
 * closed, which also ends one that is under way: -ECANCELED. */
#define rota_promise_connect(loop, conn, address) rota_promise_connect_at((loop), (conn), (address), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_connect_at(
	struct rota_loop *loop, struct rota_conn *conn, const char *address, const char *site);
#define rota_promise_connect_to(loop, conn, address) rota_promise_connect_to_at((loop), (conn), (address), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_connect_to_at(
	struct rota_loop *loop, struct rota_conn *conn, const struct rota_address *address, const char *site);

/* As rota_conn_write(), _writev() and _end(), on the loop of `conn` (of one that is not open, this thread's): `result` is the number of
 * bytes, all of them.  The bytes and the array are kept.  -ECANCELED: it was closed before. */
#define rota_promise_write(conn, data, size) rota_promise_write_at((conn), (data), (size), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_write_at(
	struct rota_conn *conn, const void *data, size_t size, const char *site);
#define rota_promise_writev(conn, iov, count) rota_promise_writev_at((conn), (iov), (count), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_writev_at(
	struct rota_conn *conn, const struct iovec *iov, int count, const char *site);
#define rota_promise_end(conn) rota_promise_end_at((conn), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_end_at(struct rota_conn *conn, const char *site);

/* As rota_datagrams_send(), likewise. */
#define rota_promise_datagram(udp, data, size, to) rota_promise_datagram_at((udp), (data), (size), (to), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_datagram_at(struct rota_datagrams *udp, const void *data, size_t size,
	const struct rota_address *to, const char *site);

/* ---- processes ---- */

/* The end of a process that was started, of this run or loop or another: `exit`, whatever it says; `result` is 0.
 * Any number for one process.  ROTA_ECLOSED: it was closed before it had ended. */
#define rota_promise_exit(loop, process) rota_promise_exit_at((loop), (process), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_exit_at(
	struct rota_loop *loop, struct rota_process *process, const char *site);

/* Start a program and give its handle up when it has ended: the same.  For one that need not be spoken to: -EINVAL for
 * ROTA_STDIO_PIPE.  `command` is borrowed.  rota_promise_cancel() kills it, and `exit` says so. */
#define rota_promise_command(loop, command) rota_promise_command_at((loop), (command), ROTA_HERE)
ROTA_API struct rota_promise *rota_promise_command_at(
	struct rota_loop *loop, const struct rota_command *command, const char *site);

#ifdef __cplusplus
}
#endif
#endif
