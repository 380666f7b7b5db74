/* datagram.h - UDP with callbacks
 *
 *	static void on_recv(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc)
 *	{
 *		if (rc == 0) ... message->data, message->size, message->address ...     lent until the callback returns
 *	}
 *
 * The same socket as struct rota_udp's for tasks (rota/net.h), as a handle (rota/handle.h).
 *
 * All calls belong to the loop's thread and do not wait.  A callback never runs inside the call that asked for it, and
 * may make any call, closing included. */
#ifndef ROTA_DATAGRAM_H
#define ROTA_DATAGRAM_H

#include <rota/base.h>
#include <rota/handle.h>
#include <rota/net.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_datagram;

struct rota_datagrams { /* zero it before the first use */
	struct rota_handle handle;
	/* The send queue has fallen to low_bytes, having reached high_bytes. */
	void (*on_drain)(struct rota_datagrams *udp);
	uint32_t low_bytes, high_bytes; /* 0: no watermarks */
	uint64_t op[10]; /* private from here on */
	uint64_t send_op[10];
	void (*on_recv)(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc);
	struct rota_datagram *first, *last;
	size_t queued_bytes;
	uint32_t queued_count;
	int fd, family;
	bool receiving, waiting, sending, high;
	uint8_t batch;
};

/* ---- opening ---- */

/* A socket bound to a numeric address as in net.h; NULL: any port of any address.  `options` may be NULL; borrowed. */
#define rota_datagrams_open(loop, udp, address, options)                                                               \
	rota_datagrams_open_at((loop), (udp), (address), (options), ROTA_HERE)
ROTA_API int rota_datagrams_open_at(struct rota_loop *loop, struct rota_datagrams *udp, const char *address,
	const struct rota_udp_options *options, const char *site);

/* A datagram socket of IPv4 or IPv6 that is there; takes `fd` on success and sets it non-blocking.  -EPROTOTYPE for
 * others. */
#define rota_datagrams_adopt(loop, udp, fd) rota_datagrams_adopt_at((loop), (udp), (fd), ROTA_HERE)
ROTA_API int rota_datagrams_adopt_at(
	struct rota_loop *loop, struct rota_datagrams *udp, int fd, const char *site);

/* Send to and receive from this peer only (a numeric address); NULL: from and to all again. */
ROTA_API int rota_datagrams_connect(struct rota_datagrams *udp, const char *address);

/* ---- receiving ---- */

/* Call on_recv(udp, message, 0) for each datagram, until rota_datagrams_recv_stop(); a busy socket's are fetched up to
 * 16 with a system call.  An error, which may be -ECONNREFUSED if it is connected, comes as (udp, NULL, rc); receiving
 * goes on.  -EALREADY when it receives; -ENOMEM. */
ROTA_API int rota_datagrams_recv_start(struct rota_datagrams *udp,
	void (*on_recv)(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc));

/* No more on_recv, from now on.  In the midst of a stream of them those are lost that were fetched together with the
 * last, as datagrams may be; who stops after each one loses none.  Harmless when stopped. */
ROTA_API int rota_datagrams_recv_stop(struct rota_datagrams *udp);

/* ---- sending ---- */

struct rota_datagram { /* yours, untouched from rota_datagrams_send() until fn runs; need not be zeroed */
	struct rota_datagrams *udp; /* to be read in fn */
	void *data;		    /* yours */
	struct rota_datagram *next; /* private from here on */
	void *node[2];
	void (*fn)(struct rota_datagram *datagram, int rc);
	const struct rota_udp_message *messages;
	struct rota_udp_message one;
	unsigned count, done;
	int rc;
};

/* Send one datagram, after those that wait; keeps the bytes until fn(datagram, 0) or an error: -EMSGSIZE, -ENETUNREACH,
 * -ECONNREFUSED (connected), -ECANCELED for one the close came before.  `to` is copied; NULL or of size 0: the
 * connected peer.  fn may be NULL.  The answer: 0; 1: the queue is at the high watermark, which is a request to wait for
 * on_drain, no more; ROTA_ECLOSED. */
ROTA_API int rota_datagrams_send(struct rota_datagrams *udp, struct rota_datagram *datagram, const void *data,
	size_t size, const struct rota_address *to, void (*fn)(struct rota_datagram *datagram, int rc));

/* Many at once, with few system calls; keeps the array too.  An error ends it: datagram->done is how many went out
 * before.  The answer as above. */
ROTA_API int rota_datagrams_send_many(struct rota_datagrams *udp, struct rota_datagram *datagram,
	const struct rota_udp_message *messages, unsigned count, void (*fn)(struct rota_datagram *datagram, int rc));

/* Send it now, if nothing waits: the bytes sent, or -EAGAIN. */
ROTA_API ssize_t rota_datagrams_try_send(
	struct rota_datagrams *udp, const void *data, size_t size, const struct rota_address *to);

/* What waits to be sent. */
ROTA_API size_t rota_datagrams_queued_bytes(const struct rota_datagrams *udp);
ROTA_API unsigned rota_datagrams_queued_count(const struct rota_datagrams *udp);

/* ---- the socket ---- */

/* As rota_udp_join() and the like. */
ROTA_API int rota_datagrams_join(struct rota_datagrams *udp, const char *group, const char *interface);
ROTA_API int rota_datagrams_leave(struct rota_datagrams *udp, const char *group, const char *interface);
ROTA_API int rota_datagrams_join_source(
	struct rota_datagrams *udp, const char *group, const char *source, const char *interface);
ROTA_API int rota_datagrams_leave_source(
	struct rota_datagrams *udp, const char *group, const char *source, const char *interface);
ROTA_API int rota_datagrams_set_multicast_interface(struct rota_datagrams *udp, const char *interface);
ROTA_API int rota_datagrams_set_multicast_ttl(struct rota_datagrams *udp, unsigned hops);
ROTA_API int rota_datagrams_set_multicast_loop(struct rota_datagrams *udp, bool on);
ROTA_API int rota_datagrams_set_ttl(struct rota_datagrams *udp, unsigned hops);
ROTA_API int rota_datagrams_set_broadcast(struct rota_datagrams *udp, bool on);
ROTA_API int rota_datagrams_set_buffers(struct rota_datagrams *udp, unsigned send_bytes, unsigned recv_bytes);
ROTA_API int rota_datagrams_get_buffers(
	const struct rota_datagrams *udp, unsigned *ret_send_bytes, unsigned *ret_recv_bytes);

/* As rota_udp_local_name() and _port(); the peer that was fixed, or -ENOTCONN; the descriptor, still the handle's. */
ROTA_API int rota_datagrams_local_name(const struct rota_datagrams *udp, char *buf, size_t size);
ROTA_API int rota_datagrams_peer_name(const struct rota_datagrams *udp, char *buf, size_t size);
ROTA_API int rota_datagrams_port(const struct rota_datagrams *udp);
ROTA_API int rota_datagrams_fd(const struct rota_datagrams *udp);

#ifdef __cplusplus
}
#endif
#endif
