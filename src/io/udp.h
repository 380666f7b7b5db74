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

/* A socket bound to `address`.  The wildcard of both families falls back to IPv4 alone where there is
 * no IPv6. */
int rota__udp_new(struct rota_udp **ret_udp, struct rota_loop *loop, const struct rota_address *address);

/* Fix the peer. */
int rota__udp_set_peer(struct rota_udp *udp, const struct rota_address *peer);

/* Close the descriptor and free everything; nobody is inside. */
void rota__udp_free(struct rota_udp *udp);

/* Where a datagram to `address` goes in the form that the socket understands, and its size: IPv4 through
 * an IPv6 socket is ::ffff:1.2.3.4, made in *mapped.  NULL for none: the peer that was fixed. */
const struct sockaddr *rota__udp_outward(const struct rota_udp *udp, const struct rota_address *address,
	struct sockaddr_in6 *mapped, socklen_t *ret_size);

/* The reverse: what came from IPv4 is shown as IPv4. */
void rota__udp_inward(struct rota_address *address);

#endif
