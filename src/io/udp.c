/* udp.c - a datagram socket's life, its names, its addresses; sending and receiving is in await/udp.c */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/address.h"
#include "io/udp.h"
#include "os/mem.h"

static int open_socket(const struct rota_address *address)
{
	int family = address->storage.ss_family, both = 0, rc = 0;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof both) < 0)
		rc = -errno;
	if (rc == 0 && bind(fd, (const struct sockaddr *)&address->storage, address->size) < 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int rota__udp_new(struct rota_udp **ret_udp, struct rota_loop *loop, const struct rota_address *address)
{
	struct rota_address ipv4;
	struct rota_udp *udp;

	if (address->storage.ss_family == AF_UNIX)
		return -EAFNOSUPPORT;
	udp = rota__alloc(sizeof *udp);
	if (udp == NULL)
		return -ENOMEM;
	*udp = (struct rota_udp){
		.loop = loop,
		.recv_deadline_ns = ROTA_FOREVER,
		.send_deadline_ns = ROTA_FOREVER,
	};
	list_init(&udp->waits);
	udp->fd = open_socket(address);
	if (rota__address_without_ipv6(&ipv4, address, udp->fd)) {
		address = &ipv4;
		udp->fd = open_socket(address);
	}
	if (udp->fd < 0) {
		int rc = udp->fd;

		rota__free(udp);
		return rc;
	}
	udp->family = address->storage.ss_family;
	*ret_udp = udp;
	return 0;
}

void rota__udp_free(struct rota_udp *udp)
{
	udp->loop->poller->engine->forget(udp->loop->poller, udp->fd);
	close(udp->fd);
	rota__free(udp);
}

/* ---- addresses ---- */

const struct sockaddr *rota__udp_outward(const struct rota_udp *udp, const struct rota_address *address,
	struct sockaddr_in6 *mapped, socklen_t *ret_size)
{
	const struct sockaddr_in *in;

	*ret_size = address != NULL ? address->size : 0;
	if (*ret_size == 0)
		return NULL;
	in = (const struct sockaddr_in *)&address->storage;
	if (udp->family != AF_INET6 || in->sin_family != AF_INET)
		return (const struct sockaddr *)in;
	*mapped = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = in->sin_port };
	mapped->sin6_addr.s6_addr[10] = mapped->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&mapped->sin6_addr.s6_addr[12], &in->sin_addr, sizeof in->sin_addr);
	*ret_size = sizeof *mapped;
	return (const struct sockaddr *)mapped;
}

void rota__udp_inward(struct rota_address *address)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;

	if (address->size < sizeof in6)
		return;
	memcpy(&in6, &address->storage, sizeof in6);
	if (in6.sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return;
	*address = (struct rota_address){ .size = sizeof *in };
	in->sin_family = AF_INET;
	in->sin_port = in6.sin6_port;
	memcpy(&in->sin_addr, &in6.sin6_addr.s6_addr[12], sizeof in->sin_addr);
}

int rota__udp_set_peer(struct rota_udp *udp, const struct rota_address *peer)
{
	struct sockaddr_in6 mapped;
	socklen_t size;
	const struct sockaddr *sa = rota__udp_outward(udp, peer, &mapped, &size);

	return connect(udp->fd, sa, size) < 0 ? -errno : 0;
}

/* ---- what it says of itself ---- */

int rota_udp_local_name(const struct rota_udp *udp, char *buf, size_t size)
{
	return rota__socket_name(udp->fd, getsockname, buf, size);
}

int rota_udp_port(const struct rota_udp *udp)
{
	return rota__socket_port(udp->fd);
}

void rota_udp_set_deadlines(struct rota_udp *udp, uint64_t recv_deadline_ns, uint64_t send_deadline_ns)
{
	udp->recv_deadline_ns = recv_deadline_ns;
	udp->send_deadline_ns = send_deadline_ns;
}
