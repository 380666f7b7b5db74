/* conn.h - connections with callbacks: TCP, Unix sockets, pipes; and the sockets that accept them
 *
 *	static void on_read(struct rota_conn *conn, const void *data, ssize_t size)
 *	{
 *		if (size > 0) ...                                  lent until the callback returns
 *		else rota_handle_close(&conn->handle, free_it);    0: the peer has ended; negative: an error
 *	}
 *
 * A struct rota_conn is yours to embed in what you know about the connection; its first member is its handle
 * (rota/handle.h).  One that waits for its peer costs its own size and no buffer.
 *
 * All calls belong to the loop's thread and do not wait.  A callback never runs inside the call that asked for it, and
 * may make any call, closing included. */
#ifndef ROTA_CONN_H
#define ROTA_CONN_H

#include <rota/base.h>
#include <rota/handle.h>
#include <rota/net.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_write;

struct rota_conn { /* zero it before the first use */
	struct rota_handle handle;
	/* Memory for what comes next, asked for when something is there: up to `size_hint` bytes into *ret_room, which then come
	 * as on_read's data.  Nothing (size 0) makes on_read hear -ENOBUFS.  NULL, as is best for most: a buffer of the
	 * loop's pool.  To be set before rota_conn_read_start(). */
	void (*on_alloc)(struct rota_conn *conn, size_t size_hint, struct iovec *ret_room);
	/* The write queue has fallen to low_bytes, having reached high_bytes. */
	void (*on_drain)(struct rota_conn *conn);
	uint32_t low_bytes, high_bytes; /* 0: no watermarks */
	uint64_t op[10]; /* private from here on */
	void (*on_read)(struct rota_conn *conn, const void *data, ssize_t size);
	void (*on_read_fds)(struct rota_conn *conn, const void *data, ssize_t size, const int *fds, unsigned count);
	union {
		void (*call)(struct rota_conn *conn, int rc);
		void *promised; /* rota_promise_connect() */
	} on_connect;
	struct rota_write *first, *last;
	size_t queued_bytes;
	int fd;
	uint32_t bits;
};

/* ---- opening ---- */

/* Connect to a numeric address as in net.h ("127.0.0.1:80", "[::1]:80", "unix:/run/x"), or (_to) to one that is
 * there already.  Names are not looked up.  on_connect(conn, 0) or (conn, -ECONNREFUSED ...) follows; after an error the connection is of no use but
 * to be closed.  An error that is known at once is the answer, and then nothing was opened: -EINVAL, -ENOENT, -EMFILE ... */
#define rota_conn_connect(loop, conn, address, on_connect)                                                             \
	rota_conn_connect_at((loop), (conn), (address), (on_connect), ROTA_HERE)
ROTA_API int rota_conn_connect_at(struct rota_loop *loop, struct rota_conn *conn, const char *address,
	void (*on_connect)(struct rota_conn *conn, int rc), const char *site);
#define rota_conn_connect_to(loop, conn, address, on_connect)                                                          \
	rota_conn_connect_to_at((loop), (conn), (address), (on_connect), ROTA_HERE)
ROTA_API int rota_conn_connect_to_at(struct rota_loop *loop, struct rota_conn *conn, const struct rota_address *address,
	void (*on_connect)(struct rota_conn *conn, int rc), const char *site);

/* rota_conn_connect_to() with options, as in net.h: a local address to connect from, keep_delay.  `options` is borrowed and may be NULL.  -EINVAL: timeout_ns is not
 * 0; a timer that closes the connection is what limits it.  -EADDRNOTAVAIL, -EADDRINUSE, -EAFNOSUPPORT: of the local address. */
#define rota_conn_connect_with(loop, conn, address, options, on_connect)                                               \
	rota_conn_connect_with_at((loop), (conn), (address), (options), (on_connect), ROTA_HERE)
ROTA_API int rota_conn_connect_with_at(struct rota_loop *loop, struct rota_conn *conn,
	const struct rota_address *address, const struct rota_connect_options *options,
	void (*on_connect)(struct rota_conn *conn, int rc), const char *site);

/* Make a connection of a stream socket, an end of a pipe, named or not, or a device; takes `fd` on success, and sets it
 * non-blocking, for every process that shares it. */
#define rota_conn_open(loop, conn, fd) rota_conn_open_at((loop), (conn), (fd), ROTA_HERE)
ROTA_API int rota_conn_open_at(struct rota_loop *loop, struct rota_conn *conn, int fd, const char *site);

/* Two connected Unix sockets; the two ends of a pipe. */
#define rota_conn_pair(loop, a, b) rota_conn_pair_at((loop), (a), (b), ROTA_HERE)
ROTA_API int rota_conn_pair_at(struct rota_loop *loop, struct rota_conn *a, struct rota_conn *b, const char *site);
#define rota_conn_pipe(loop, reader, writer) rota_conn_pipe_at((loop), (reader), (writer), ROTA_HERE)
ROTA_API int rota_conn_pipe_at(
	struct rota_loop *loop, struct rota_conn *reader, struct rota_conn *writer, const char *site);

/* An end of a named pipe, which is made if `mode` is not 0 and nothing is there: as rota_stream_named_pipe(), and its errors.  -EBUSY: `conn`
 * is open. */
#define rota_conn_named_pipe(loop, conn, path, end, mode)                                                              \
	rota_conn_named_pipe_at((loop), (conn), (path), (end), (mode), ROTA_HERE)
ROTA_API int rota_conn_named_pipe_at(struct rota_loop *loop, struct rota_conn *conn, const char *path,
	enum rota_pipe_end end, unsigned mode, const char *site);

/* ---- reading ---- */

/* Call on_read(conn, data, size) whenever bytes are there, until rota_conn_read_stop().  Size 0 is the end of the stream, a
 * negative one an error; both stop it.  (With on_alloc `data` is its room each time, also for the last word, and -EAGAIN gives room
 * back that nothing came for; reading goes on.)  0; -ENOTCONN while it connects, -EALREADY when it reads. */
ROTA_API int rota_conn_read_start(
	struct rota_conn *conn, void (*on_read)(struct rota_conn *conn, const void *data, ssize_t size));

/* The same for a local socket over which descriptors come: on_read_fds(conn, data, size, fds, count), the callback's to close,
 * close-on-exec, `count` 0 for bytes that came without.  The bytes they were sent with are the first of `data`.  They are lost with bytes
 * that are read otherwise: a connection on which they may come is read by this from the first.  -EMFILE as size: there was
 * no number left for one; all that came with it is closed.  -ENOTSOCK for pipes. */
ROTA_API int rota_conn_read_fds_start(struct rota_conn *conn,
	void (*on_read_fds)(struct rota_conn *conn, const void *data, ssize_t size, const int *fds, unsigned count));

/* No more on_read, from now on.  What comes meanwhile is not lost: a later start tells it.  Harmless when stopped. */
ROTA_API int rota_conn_read_stop(struct rota_conn *conn);

/* ---- writing ---- */

struct rota_write { /* yours, untouched from rota_conn_write() until fn runs; need not be zeroed */
	struct rota_conn *conn; /* to be read in fn */
	void *data;		/* yours */
	uint64_t op[10];	/* private from here on */
	struct rota_write *next;
	void (*fn)(struct rota_write *write, int rc);
	const struct iovec *iov;
	struct iovec one;
	const int *fds;
	int count;
	uint16_t bits, fd_count;
	size_t done_bytes, size_bytes;
};

/* Write all of it, after what was written before; keeps the bytes (and the array iov) until fn(write, 0), or an error:
 * -EPIPE, -ECONNRESET, or -ECANCELED for one the close came before.  fn may be NULL.  The answer: 0; 1: the queue is at the high
 * watermark, which is a request to wait for on_drain, no more; -EPIPE after rota_conn_end(), ROTA_ECLOSED. */
ROTA_API int rota_conn_write(struct rota_conn *conn, struct rota_write *write, const void *data, size_t size,
	void (*fn)(struct rota_write *write, int rc));
ROTA_API int rota_conn_writev(struct rota_conn *conn, struct rota_write *write, const struct iovec *iov, int count,
	void (*fn)(struct rota_write *write, int rc));

/* The same, with 1 to 253 descriptors that go with the first byte, over a local socket.  Keeps the array and the
 * descriptors, which must stay open, until fn; afterwards they may be closed, though the peer has not read yet.
 * -EINVAL: their number, or no byte to go with; -ENOTSOCK.  fn hears -EBADF, -ETOOMANYREFS (too many are on their way). */
ROTA_API int rota_conn_write_fds(struct rota_conn *conn, struct rota_write *write, const int *fds, unsigned count,
	const void *data, size_t size, void (*fn)(struct rota_write *write, int rc));

/* Write what the system takes now, if nothing is queued: the count, or -EAGAIN for none. */
ROTA_API ssize_t rota_conn_try_write(struct rota_conn *conn, const void *data, size_t size);

/* No more bytes from us, once those queued are written: the peer sees the end, reading goes on.  fn as for a write.
 * -ENOTSOCK for pipes, which have no other half to go on with: close them. */
ROTA_API int rota_conn_end(struct rota_conn *conn, struct rota_write *write, void (*fn)(struct rota_write *write, int rc));

/* Bytes handed over and not yet taken by the system. */
ROTA_API size_t rota_conn_queued_bytes(const struct rota_conn *conn);

/* ---- the connection itself ---- */

/* Close the handle as rota_handle_close() does, and the TCP connection with a reset: what the peer or we have not read or sent is thrown
 * away, the peer hears -ECONNRESET, and the port is free at once.  -EOPNOTSUPP: it is no TCP connection, and nothing happens;
 * ROTA_ECLOSED. */
ROTA_API int rota_conn_close_with_reset(struct rota_conn *conn, void (*on_close)(struct rota_handle *handle));

/* As rota_stream_set_nodelay() (on from the start), _set_keepalive(), _set_buffers(), _get_buffers(), _peer_name() and
 * _local_name().  ROTA_ECLOSED. */
ROTA_API int rota_conn_set_nodelay(struct rota_conn *conn, bool on);
ROTA_API int rota_conn_set_keepalive(struct rota_conn *conn, unsigned idle_seconds);
ROTA_API int rota_conn_set_buffers(struct rota_conn *conn, unsigned send_bytes, unsigned recv_bytes);
ROTA_API int rota_conn_get_buffers(const struct rota_conn *conn, unsigned *ret_send_bytes, unsigned *ret_recv_bytes);
ROTA_API int rota_conn_peer_name(const struct rota_conn *conn, char *buf, size_t size);
ROTA_API int rota_conn_local_name(const struct rota_conn *conn, char *buf, size_t size);

/* The descriptor, still the connection's; ROTA_ECLOSED. */
ROTA_API int rota_conn_fd(const struct rota_conn *conn);

/* ---- accepting ---- */

struct rota_acceptor { /* zero it before the first use */
	struct rota_handle handle;
	uint64_t op[10]; /* private from here on */
	uint64_t pause[7];
	void (*on_connection)(struct rota_acceptor *acceptor, int rc);
	char *unlink_path;
	uint64_t pauses;
	int fd, accepted;
};

/* Bind and listen at a numeric address as in net.h.  on_connection(acceptor, 0) says that a connection is there, to be taken with
 * rota_acceptor_accept(), then or later; until it is taken no other is accepted.  A negative code is an error of the
 * listening socket, and the last call.  Errors of a single connection are passed over; with no descriptors left it rests a
 * while and tries again.  The file of a Unix socket goes with the handle.  `options` may be NULL; borrowed. */
#define rota_acceptor_listen(loop, acceptor, address, options, on_connection)                                          \
	rota_acceptor_listen_at((loop), (acceptor), (address), (options), (on_connection), ROTA_HERE)
ROTA_API int rota_acceptor_listen_at(struct rota_loop *loop, struct rota_acceptor *acceptor, const char *address,
	const struct rota_listen_options *options, void (*on_connection)(struct rota_acceptor *acceptor, int rc),
	const char *site);

/* The same with a socket that listens already: inherited, received over a connection, or one of those that a service manager
 * hands over (systemd's are the descriptors from 3 on, $LISTEN_FDS of them).  Takes `fd` on success; sets it non-blocking, for every
 * process that shares it.  Of the options only keep_delay counts; the file of a Unix socket stays.  -EBADF, -ENOTSOCK; -EINVAL: it does not listen for
 * connections. */
#define rota_acceptor_open(loop, acceptor, fd, options, on_connection)                                                 \
	rota_acceptor_open_at((loop), (acceptor), (fd), (options), (on_connection), ROTA_HERE)
ROTA_API int rota_acceptor_open_at(struct rota_loop *loop, struct rota_acceptor *acceptor, int fd,
	const struct rota_listen_options *options, void (*on_connection)(struct rota_acceptor *acceptor, int rc),
	const char *site);

/* Take the connection that is there.  -EAGAIN: none is; -EBUSY: `conn` is open. */
#define rota_acceptor_accept(acceptor, conn) rota_acceptor_accept_at((acceptor), (conn), ROTA_HERE)
ROTA_API int rota_acceptor_accept_at(struct rota_acceptor *acceptor, struct rota_conn *conn, const char *site);

/* The descriptor, still the acceptor's; the port that was bound; the address as text.  ROTA_ECLOSED.  How often it rested for want of descriptors or memory. */
ROTA_API int rota_acceptor_fd(const struct rota_acceptor *acceptor);
ROTA_API int rota_acceptor_port(const struct rota_acceptor *acceptor);
ROTA_API int rota_acceptor_name(const struct rota_acceptor *acceptor, char *buf, size_t size);
ROTA_API uint64_t rota_acceptor_pauses(const struct rota_acceptor *acceptor);

#ifdef __cplusplus
}
#endif
#endif
