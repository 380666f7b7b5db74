/* stream.h - byte streams: TCP connections, Unix sockets, pipes
 *
 * Every call here may wait, and then answers -ECANCELED or -ETIMEDOUT as task.h says, or -ETIMEDOUT
 * for the stream's own deadlines (rota_stream_set_deadlines).  One task may read while another
 * writes.  A second reader beside a waiting one gets -EBUSY, and so does a second writer. */
#ifndef ROTA_STREAM_H
#define ROTA_STREAM_H

#include <rota/base.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_stream;

/* ---- reading ---- */

/* Up to `size` bytes into `buf`, as soon as there are any.  The count; 0 at the end of the stream; or
 * -ECONNRESET and the like.  Borrows buf. */
ROTA_API ssize_t rota_read(struct rota_stream *stream, void *buf, size_t size);
ROTA_API ssize_t rota_readv(struct rota_stream *stream, const struct iovec *iov, int count);

/* The same, but what is read stays to be read again.  At most 64 KiB. */
ROTA_API ssize_t rota_peek(struct rota_stream *stream, void *buf, size_t size);

/* Exactly `size` bytes: `size`, or ROTA_EOF or an error; rota_stream_received() then tells how many
 * bytes had come: they are in buf. */
ROTA_API ssize_t rota_read_exactly(struct rota_stream *stream, void *buf, size_t size);

/* How many bytes the last rota_read_exactly() on this stream put into its buffer. */
ROTA_API uint64_t rota_stream_received(const struct rota_stream *stream);

/* Up to and with the delimiter, which is followed by a 0 byte in buf.  The count without that 0;
 * 0 at the end of the stream; ROTA_EOF if it ends without a delimiter; ROTA_ELIMIT if `size` - 1
 * bytes hold none.  On an error nothing was consumed. */
ROTA_API ssize_t rota_read_until(
	struct rota_stream *stream, const char *delimiter, size_t delimiter_bytes, char *buf, size_t size);

/* A line without its "\n" or "\r\n", ended with a 0 byte.  Its length; ROTA_EOF at the end of the
 * stream; ROTA_ELIMIT if it is `size` bytes or longer (nothing consumed).  A last line without a
 * newline counts as a line. */
ROTA_API ssize_t rota_read_line(struct rota_stream *stream, char *buf, size_t size);

/* Wait until a read would answer at once.  0 or an error.  Costs no buffer while it waits. */
ROTA_API int rota_wait_readable(struct rota_stream *stream);

/* Bytes lent by the loop's buffer pool: a connection that waits holds no buffer. */
struct rota_lease {
	const void *data;
	size_t size;
	/* Private: */
	struct rota_loop *loop;
	uint32_t id;
	bool pins;
};

/* As rota_read(), into a buffer of the pool.  Until rota_lease_return() the bytes are yours to read.
 * Leases are few: return them before you wait for the peer again.
 *
 * From a TCP connection that is read so more than once bytes may come before they are asked for (io_uring, Linux 6.0: one receive stays
 * armed in the kernel).  A few arrivals are kept until then, and every call of this file that reads takes them first. */
ROTA_API ssize_t rota_read_lease(struct rota_stream *stream, struct rota_lease *ret_lease);
/* By the task that has it.  Does not wait, but for the way to the stream's loop if the task is on another one. */
ROTA_API void rota_lease_return(struct rota_lease *lease);

/* ---- writing ---- */

/* Some of the bytes, as soon as the peer takes any: the count, at least 1 for size > 0; or -EPIPE,
 * -ECONNRESET ...  Never a SIGPIPE.  Borrows buf. */
ROTA_API ssize_t rota_write(struct rota_stream *stream, const void *buf, size_t size);

/* Wait until rota_write() would answer at once: there is room, or an error to be told.  0 or an error.  -EBUSY: another task
 * waits to write. */
ROTA_API int rota_wait_writable(struct rota_stream *stream);

/* All of them, waiting while the peer does not read: `size`, or an error; rota_stream_written() then
 * tells how far it came. */
ROTA_API ssize_t rota_write_all(struct rota_stream *stream, const void *buf, size_t size);
ROTA_API ssize_t rota_writev_all(struct rota_stream *stream, const struct iovec *iov, int count);

/* `size` bytes of the file `fd` from `offset`, without a copy where the system can.  `size`, or an
 * error, or ROTA_EOF if the file is shorter. */
ROTA_API ssize_t rota_sendfile(struct rota_stream *stream, int fd, uint64_t offset, uint64_t size);

/* How many bytes the last write call on this stream moved, whether it succeeded or not. */
ROTA_API uint64_t rota_stream_written(const struct rota_stream *stream);

/* No more bytes from us: the peer sees the end of the stream; reading goes on (half close). */
ROTA_API int rota_shutdown_write(struct rota_stream *stream);

/* ---- descriptors, over local sockets ---- */

/* Write `size` bytes, at least one, and send up to 253 descriptors with the first; they stay ours too.  Waits.  `size`,
 * or an error: -EINVAL, -EBADF, -ETOOMANYREFS, and those of a write. */
ROTA_API ssize_t rota_send_fds(
	struct rota_stream *stream, const int *fds, unsigned count, const void *data, size_t size);

/* As rota_read(), with the descriptors that came with these bytes: *ret_count of them, yours, closed on exec.  If
 * there are more than `room`, or than this process may have, they are closed and the answer is ROTA_ELIMIT or
 * -EMFILE; the bytes are lost.  Read with nothing else where descriptors may come: other reads drop them. */
ROTA_API ssize_t rota_recv_fds(struct rota_stream *stream, int *ret_fds, unsigned room, unsigned *ret_count,
	void *data, size_t size);

/* ---- the stream itself ---- */

/* Close and free it; tasks that wait in a call on it get ROTA_ECLOSED.  No call may begin after it, nor, on another worker, at
 * the same time: who wants to end a task that reads in a loop cancels the task.  NULL is allowed.  Does not wait. */
ROTA_API void rota_close(struct rota_stream *stream);

/* The same, but a TCP connection ends with a reset: what the peer or we have not read or sent is thrown away, the peer hears -ECONNRESET, and
 * the port is free at once.  Does not wait.  0; -EOPNOTSUPP: it is no TCP connection, and nothing happens. */
ROTA_API int rota_close_with_reset(struct rota_stream *stream);

/* From now on reads (writes) of this stream end with -ETIMEDOUT at this time; ROTA_FOREVER: never. */
ROTA_API void rota_stream_set_deadlines(
	struct rota_stream *stream, uint64_t read_deadline_ns, uint64_t write_deadline_ns);

/* TCP_NODELAY; on from the start for TCP streams.  0 or an error. */
ROTA_API int rota_stream_set_nodelay(struct rota_stream *stream, bool on);
/* SO_KEEPALIVE with TCP_KEEPIDLE; 0 seconds is off. */
ROTA_API int rota_stream_set_keepalive(struct rota_stream *stream, unsigned idle_seconds);

/* SO_SNDBUF and SO_RCVBUF: how many bytes the system holds for us in each direction; 0 leaves one as it is.  It has limits of its own
 * (socket(7)) and says nothing of them: what it then took is told by the second (either may be NULL).  Best left alone for TCP,
 * which grows them as needed until they are set.  0; -ENOTSOCK; -EINVAL: beyond INT_MAX / 2. */
ROTA_API int rota_stream_set_buffers(struct rota_stream *stream, unsigned send_bytes, unsigned recv_bytes);
ROTA_API int rota_stream_get_buffers(
	const struct rota_stream *stream, unsigned *ret_send_bytes, unsigned *ret_recv_bytes);

/* "127.0.0.1:4711", "[::1]:4711", "unix:/run/x", "unix:" for an unnamed peer.  The length, as
 * snprintf(3); or an error, and then "" in buf. */
ROTA_API int rota_stream_peer_name(const struct rota_stream *stream, char *buf, size_t size);
ROTA_API int rota_stream_local_name(const struct rota_stream *stream, char *buf, size_t size);

/* The descriptor, still the stream's, and so is reading it: what has come may be in a buffer of ours already. */
ROTA_API int rota_stream_fd(const struct rota_stream *stream);

/* Make a stream of a socket, pipe or terminal that is open already; takes `fd` on success. */
ROTA_API int rota_stream_from_fd(struct rota_stream **ret_stream, int fd);

/* ---- named pipes ---- */

enum rota_pipe_end {
	/* Nobody has to write yet.  The stream ends when the last of those who wrote has gone; only then a read answers 0. */
	ROTA_PIPE_READER,
	/* The same for who serves one writer after another: it never ends. */
	ROTA_PIPE_READER_FOR_EVER,
	/* Somebody must have it open for reading, else -ENXIO.  When the last reader has died writes are -EPIPE, and no signal. */
	ROTA_PIPE_WRITER,
};

/* Open an end of the named pipe `path` (mkfifo(3)).  `mode` is that of a pipe that is made if nothing is there (0600, less the umask; it
 * stays when opening it fails); 0: it must be there.  Does not wait: a blocking open(2) of the other end, in another process, is let
 * go.  -ENXIO: a writer without a reader; -EINVAL: what is there is no pipe; -ENOENT, -EACCES, -EMFILE ...; -EPERM: no loop runs
 * here.  For callbacks see rota_conn_named_pipe(). */
ROTA_API int rota_stream_named_pipe(
	struct rota_stream **ret_stream, const char *path, enum rota_pipe_end end, unsigned mode);

/* Two connected streams in one process (socketpair). */
ROTA_API int rota_stream_pair(struct rota_stream *ret_streams[2]);

/* Copy both ways between two streams until both have ended, passing half closes on.  The bytes
 * moved each way in ret_bytes (may be NULL).  0 or the first error. */
ROTA_API int rota_copy_both(struct rota_stream *a, struct rota_stream *b, uint64_t ret_bytes[2]);

#ifdef __cplusplus
}
#endif
#endif
