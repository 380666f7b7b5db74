/* udp.h - what a datagram socket is
 *
 * Any number of tasks may send and receive on one socket.  Those that wait are in `waits`, for a close
 * to find; the last call in a closed socket frees it. */
#ifndef ROTA_IO_UDP_H
#define ROTA_IO_UDP_H

#include <netinet/in.h>
#include <rota/net.h>

#include "loop/loop.h"

struct rota_udp {
	struct rota_loop *loop;
	int fd;
	int family;
	bool closed;
	uint32_t users;	   /* calls inside */
	struct list waits; /* of struct udp_wait, await/udp.c */
	uint64_t recv_deadline_ns, send_deadline_ns;
};

/* A non-blocking socket bound to `address`; its family in *ret_family.  The wildcard of both families falls back to IPv4
 * alone where there is no IPv6.  `options` may be NULL. */
int rota__udp_socket(const struct rota_address *address, const struct rota_udp_options *options, int *ret_family);

int rota__udp_new(struct rota_udp **ret_udp, struct rota_loop *loop, const struct rota_address *address,
	const struct rota_udp_options *options);

/* Fix the peer of a socket. */
int rota__udp_set_peer(int fd, int family, const struct rota_address *peer);

/* Close the descriptor and free everything; nobody is inside. */
void rota__udp_free(struct rota_udp *udp);

/* Where a datagram to `address` goes in the form that the socket understands, and its size: IPv4 through
 * an IPv6 socket is ::ffff:1.2.3.4, made in *mapped.  NULL for none: the peer that was fixed. */
const struct sockaddr *rota__udp_outward(
	int family, const struct rota_address *address, struct sockaddr_in6 *mapped, socklen_t *ret_size);

/* The reverse: what came from IPv4 is shown as IPv4. */
void rota__udp_inward(struct rota_address *address);

/* One system call for many, without waiting: how many of at most ROTA__UDP_BATCH went out or came, or a negative errno.  At 32
 * the call's own cost is a thirtieth of a message's share, and its headers still fit on a task's stack (2.5 KiB). */
enum { ROTA__UDP_BATCH = 32 };
int rota__udp_send_batch(int fd, int family, const struct rota_udp_message *messages, unsigned count);
int rota__udp_recv_batch(int fd, struct rota_udp_message *messages, unsigned count);

/* multicast.c: as rota_udp_join() and the like; `source` may be NULL. */
int rota__multicast_member(
	int fd, int family, const char *group, const char *source, const char *interface, bool join);
int rota__multicast_set_interface(int fd, int family, const char *interface);
int rota__multicast_set_ttl(int fd, int family, unsigned hops);
int rota__multicast_set_loop(int fd, int family, bool on);
int rota__udp_set_ttl(int fd, int family, unsigned hops);
int rota__udp_set_broadcast(int fd, bool on);

#endif
