/* net.h - listening, connecting, datagrams, names
 *
 * Addresses are text: "127.0.0.1:80", "[::1]:80", "localhost:http", ":80" or "*:80" (all addresses,
 * IPv4 and IPv6 through one socket; IPv4 alone on a machine without IPv6), "unix:/run/x.sock",
 * "unix:@abstract".  Port 0 lets the system choose.  What cannot be understood is -EINVAL. */
#ifndef ROTA_NET_H
#define ROTA_NET_H

#include <rota/base.h>
#include <rota/run.h>
#include <rota/stream.h>
#include <rota/task.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- listening ---- */

struct rota_listener;

struct rota_listen_options {
	int backlog;	    /* 0: SOMAXCONN */
	bool reuse_port;    /* several listeners share the port; the kernel spreads connections */
	bool only_ipv6;	    /* an IPv6 listener takes no IPv4 */
	bool keep_delay;    /* leave TCP_NODELAY off on accepted streams */
	/* rota_serve(): at most so many at a time, with ROTA_DEAL_OWN for each worker; 0: no limit */
	unsigned connections_max;
	enum rota_deal deal; /* to which workers its connections go; 0: as the run's options say */
};

/* Bind and listen.  It belongs to a boss where there are some, else to the caller's loop.  Waits only for a name to resolve.  `options` is borrowed and may be NULL.
 * -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, ROTA_ENAME ...  A left-over Unix socket file that nobody
 * listens on is replaced. */
ROTA_API int rota_tcp_listen(
	struct rota_listener **ret_listener, const char *address, const struct rota_listen_options *options);

/* The same with a socket that listens already: inherited, received from another process, or one of those that a service manager hands over
 * (systemd's are the descriptors from 3 on, $LISTEN_FDS of them).  Takes `fd` on success; sets it non-blocking, for every process
 * that shares it.  Does not wait.  Of the options keep_delay, connections_max and deal count, but ROTA_DEAL_OWN is ROTA_DEAL_IN_TURN: there
 * is one socket.  The file of a Unix socket stays.  -EBADF, -ENOTSOCK; -EINVAL: it does not listen for connections; -EPERM outside of a run. */
ROTA_API int rota_listener_from_fd(
	struct rota_listener **ret_listener, int fd, const struct rota_listen_options *options);

/* The next connection.  0; errors of a single connection (-ECONNABORTED ...) are passed over;
 * with no descriptors left it waits, without spinning, until there are some. */
ROTA_API int rota_accept(struct rota_listener *listener, struct rota_stream **ret_stream);

/* Accept for ever and spawn serve(stream) for each connection, in a scope of its own; an error of
 * one serve() is its own affair.  Returns when cancelled (after all serve()s have ended) or when the
 * listener was closed (ROTA_ECLOSED). */
ROTA_API int rota_serve(struct rota_listener *listener, int (*serve)(void *stream));
/* The same with serve(stream, arg). */
ROTA_API int rota_serve_with(
	struct rota_listener *listener, int (*serve)(struct rota_stream *stream, void *arg), void *arg);

/* Close and free it.  Tasks that wait in rota_accept() get ROTA_ECLOSED. */
ROTA_API void rota_listener_close(struct rota_listener *listener);

/* The port that was bound, 0 for Unix sockets; the address as text, as rota_stream_peer_name(). */
ROTA_API int rota_listener_port(const struct rota_listener *listener);
ROTA_API int rota_listener_name(const struct rota_listener *listener, char *buf, size_t size);

/* The descriptor, still the listener's.  Any thread. */
ROTA_API int rota_listener_fd(const struct rota_listener *listener);

/* How often accepting had to pause because no descriptor or memory was left. */
ROTA_API uint64_t rota_listener_pauses(const struct rota_listener *listener);

/* ---- connecting ---- */

struct rota_connect_options {
	uint64_t timeout_ns;	   /* for the look-up and all attempts; 0: only the scope's deadline and
				      the system's own limit */
	const char *local_address; /* bind to this number and port before connecting; NULL: any */
	bool keep_delay;	   /* leave TCP_NODELAY off */
};

/* Connect to "host:port" or "unix:...".  A name with several addresses is tried as RFC 8305 says
 * (happy eyeballs: the families in turn, the next address after 250 ms or when one fails, the first
 * that answers wins; at most 16).  If none does, the error that tells most: -ECONNREFUSED rather than
 * -ENETUNREACH.  A Unix listener with a full backlog is waited for. */
ROTA_API int rota_tcp_connect(
	struct rota_stream **ret_stream, const char *address, const struct rota_connect_options *options);

/* ---- names ---- */

struct rota_address {
	struct sockaddr_storage storage;
	socklen_t size;
};

/* The addresses of "host:port", each once, in the order to be tried: as the system prefers them, the
 * families in turn; up to `room`.  The count, or ROTA_ENAME, ROTA_EAGAINNAME, -EIO (the name server
 * could not answer) ...  Runs getaddrinfo(3) on the blocking pool, several at a time; a cancelled
 * wait returns at once and leaves the look-up behind. */
ROTA_API int rota_resolve(const char *address, struct rota_address *ret_addresses, size_t room);

/* The reverse, with getnameinfo(3): the name of the host and of the service into what has room for it (NULL: nobody asks); numbers where there
 * is no name.  0; -ENAMETOOLONG, -EAFNOSUPPORT (no address of the Internet), and otherwise as above. */
ROTA_API int rota_resolve_back(
	const struct rota_address *address, char *host, size_t host_size, char *service, size_t service_size);

/* An address as text, and text (numeric only, does not wait) as an address. */
ROTA_API int rota_address_name(const struct rota_address *address, char *buf, size_t size);
ROTA_API int rota_address_parse(struct rota_address *ret_address, const char *text);

/* ---- UDP ---- */

/* Any number of tasks may send and receive on one socket.  All calls but those that say otherwise may wait and then
 * answer -ECANCELED or -ETIMEDOUT as task.h says, -ETIMEDOUT for the socket's own deadlines, and
 * ROTA_ECLOSED when it is closed meanwhile.  A socket of all addresses (":0") speaks IPv4 and IPv6, and
 * shows each in its own form. */
struct rota_udp;

struct rota_udp_message {
	void *data;
	size_t size;	/* in: bytes to send, or room; out: bytes received */
	struct rota_address address; /* to; or from.  size 0: the connected peer */
	bool truncated; /* out: the datagram was longer than the room */
};

struct rota_udp_options {
	/* Several sockets may be bound to the address; each gets what is sent to a group that it joined, one of them what is
	 * sent to the address. */
	bool reuse_address;
	bool reuse_port; /* the kernel spreads what comes among the sockets of the port */
	bool only_ipv6;	 /* an IPv6 socket takes no IPv4 */
};

/* A socket bound to `address` (NULL: any port of any address).  Waits only for a name to resolve.  `options` is borrowed and may be NULL. */
ROTA_API int rota_udp_open(struct rota_udp **ret_udp, const char *address);
ROTA_API int rota_udp_open_with(
	struct rota_udp **ret_udp, const char *address, const struct rota_udp_options *options);

/* Send to and receive from this peer only; of a name, the first address of the socket's family.  Errors
 * that the peer's machine reports (-ECONNREFUSED) are then the next call's. */
ROTA_API int rota_udp_connect(struct rota_udp *udp, const char *address);

/* One datagram: the bytes sent.  `to` NULL or of size 0: the connected peer. */
ROTA_API ssize_t rota_udp_send(struct rota_udp *udp, const void *data, size_t size, const struct rota_address *to);

/* One datagram: its size; if that is larger than `size`, the rest is lost.  ret_from may be NULL. */
ROTA_API ssize_t rota_udp_recv(struct rota_udp *udp, void *data, size_t size, struct rota_address *ret_from);

/* Many with few system calls (sendmmsg, recvmmsg): how many were sent or received.  Waits until it is at
 * least one, never for the next.  An error after the first is the next call's. */
ROTA_API int rota_udp_send_many(struct rota_udp *udp, const struct rota_udp_message *messages, unsigned count);
ROTA_API int rota_udp_recv_many(struct rota_udp *udp, struct rota_udp_message *messages, unsigned count);

/* The address as text, as rota_stream_local_name(); the port.  Do not wait, nor do the two below. */
ROTA_API int rota_udp_local_name(const struct rota_udp *udp, char *buf, size_t size);
ROTA_API int rota_udp_port(const struct rota_udp *udp);

/* Receive what is sent to a group ("224.0.0.251", "ff02::fb"), or no more; of one source only, a numeric address.  `interface` is a name
 * ("eth0") or, for IPv4, an address of this machine; NULL: the system chooses.  Do not wait.  The socket is bound to
 * the port of the group.  From its first join on it hears the groups that it is in, and no more those that only
 * other sockets of this machine are in, which Linux delivers too (ip(7), IP_MULTICAST_ALL).  -EINVAL, -ENODEV, -EADDRINUSE (joined already), -EADDRNOTAVAIL (not joined). */
ROTA_API int rota_udp_join(struct rota_udp *udp, const char *group, const char *interface);
ROTA_API int rota_udp_leave(struct rota_udp *udp, const char *group, const char *interface);
ROTA_API int rota_udp_join_source(struct rota_udp *udp, const char *group, const char *source, const char *interface);
ROTA_API int rota_udp_leave_source(struct rota_udp *udp, const char *group, const char *source, const char *interface);

/* What is sent to groups: by which interface (as above), over how many routers (1 at the start: none; up to 255), and whether
 * sockets of this machine get it too (at the start they do).  What is sent to one: over how many routers, 1 to 255; and to all of a net of IPv4
 * (-EACCES before).  Do not wait. */
ROTA_API int rota_udp_set_multicast_interface(struct rota_udp *udp, const char *interface);
ROTA_API int rota_udp_set_multicast_ttl(struct rota_udp *udp, unsigned hops);
ROTA_API int rota_udp_set_multicast_loop(struct rota_udp *udp, bool on);
ROTA_API int rota_udp_set_ttl(struct rota_udp *udp, unsigned hops);
ROTA_API int rota_udp_set_broadcast(struct rota_udp *udp, bool on);

/* As rota_stream_set_buffers() and _get_buffers().  Datagrams that find the receive buffer full are lost.  Do not wait. */
ROTA_API int rota_udp_set_buffers(struct rota_udp *udp, unsigned send_bytes, unsigned recv_bytes);
ROTA_API int rota_udp_get_buffers(const struct rota_udp *udp, unsigned *ret_send_bytes, unsigned *ret_recv_bytes);

/* From now on receiving (sending) ends with -ETIMEDOUT at this time; ROTA_FOREVER: never. */
ROTA_API void rota_udp_set_deadlines(struct rota_udp *udp, uint64_t recv_deadline_ns, uint64_t send_deadline_ns);

/* Close and free it; tasks that wait in it get ROTA_ECLOSED.  NULL is allowed. */
ROTA_API void rota_udp_close(struct rota_udp *udp);

#ifdef __cplusplus
}
#endif
#endif
