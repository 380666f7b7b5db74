/* udp.c - what a datagram socket is for both faces: its life, its addresses, system calls for many
 *
 * A task sends and receives in await/udp.c, callbacks do in datagram.c. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/address.h"
#include "io/socket.h"
#include "io/udp.h"
#include "os/mem.h"

static int prepare(int fd, int family, const struct rota_udp_options *o)
{
	int rc = family == AF_INET6 ? rota__socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->only_ipv6) : 0;

	if (rc == 0 && o->reuse_address)
		rc = rota__socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (rc == 0 && o->reuse_port)
		rc = rota__socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	return rc;
}

static int open_socket(const struct rota_address *address, const struct rota_udp_options *options)
{
	int family = address->storage.ss_family, rc;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return rota_errno();
	rc = prepare(fd, family, options);
	if (rc == 0 && bind(fd, (const struct sockaddr *)&address->storage, address->size) < 0)
		rc = rota_errno();
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int rota__udp_socket(const struct rota_address *address, const struct rota_udp_options *options, int *ret_family)
{
	static const struct rota_udp_options none;
	struct rota_address ipv4;
	int fd;

	if (address->storage.ss_family == AF_UNIX)
		return -EAFNOSUPPORT;
	options = options != NULL ? options : &none;
	fd = open_socket(address, options);
	if (!options->only_ipv6 && rota__address_without_ipv6(&ipv4, address, fd)) {
		address = &ipv4;
		fd = open_socket(address, options);
	}
	*ret_family = address->storage.ss_family;
	return fd;
}

int rota__udp_new(struct rota_udp **ret_udp, struct rota_loop *loop, const struct rota_address *address,
	const struct rota_udp_options *options)
{
	struct rota_udp *udp = rota__alloc(sizeof *udp);
	int fd;

	if (udp == NULL)
		return -ENOMEM;
	*udp = (struct rota_udp){
		.loop = loop,
		.recv_deadline_ns = ROTA_FOREVER,
		.send_deadline_ns = ROTA_FOREVER,
	};
	list_init(&udp->waits);
	fd = udp->fd = rota__udp_socket(address, options, &udp->family);
	if (fd < 0) {
		rota__free(udp);
		return fd;
	}
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

const struct sockaddr *rota__udp_outward(
	int family, const struct rota_address *address, struct sockaddr_in6 *mapped, socklen_t *ret_size)
{
	const struct sockaddr_in *in;

	*ret_size = address != NULL ? address->size : 0;
	if (*ret_size == 0)
		return NULL;
	in = (const struct sockaddr_in *)&address->storage;
	if (family != AF_INET6 || in->sin_family != AF_INET)
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

int rota__udp_set_peer(int fd, int family, const struct rota_address *peer)
{
	struct sockaddr_in6 mapped;
	socklen_t size;
	const struct sockaddr *sa = rota__udp_outward(family, peer, &mapped, &size);

	return connect(fd, sa, size) < 0 ? rota_errno() : 0;
}

/* ---- many at once ---- */

struct batch {
	struct mmsghdr heads[ROTA__UDP_BATCH];
	struct iovec iov[ROTA__UDP_BATCH];
};

static void fill(struct batch *b, unsigned i, void *data, size_t size, void *name, socklen_t name_size)
{
	b->iov[i] = (struct iovec){ data, size };
	b->heads[i] = (struct mmsghdr){ .msg_hdr = {
		.msg_iov = &b->iov[i],
		.msg_iovlen = 1,
		.msg_name = name,
		.msg_namelen = name_size,
	} };
}

int rota__udp_send_batch(int fd, int family, const struct rota_udp_message *messages, unsigned count)
{
	struct sockaddr_in6 mapped[ROTA__UDP_BATCH];
	struct batch b;
	int n;

	count = count < ROTA__UDP_BATCH ? count : ROTA__UDP_BATCH;
	for (unsigned i = 0; i < count; i++) {
		socklen_t size;
		const struct sockaddr *to = rota__udp_outward(family, &messages[i].address, &mapped[i], &size);

		fill(&b, i, messages[i].data, messages[i].size, (void *)to, size);
	}
	n = sendmmsg(fd, b.heads, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? rota_errno() : n;
}

int rota__udp_recv_batch(int fd, struct rota_udp_message *messages, unsigned count)
{
	struct batch b;
	int n;

	count = count < ROTA__UDP_BATCH ? count : ROTA__UDP_BATCH;
	for (unsigned i = 0; i < count; i++)
		fill(&b, i, messages[i].data, messages[i].size, &messages[i].address.storage,
			sizeof messages[i].address.storage);
	n = recvmmsg(fd, b.heads, count, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		messages[i].size = b.heads[i].msg_len;
		messages[i].truncated = b.heads[i].msg_hdr.msg_flags & MSG_TRUNC;
		messages[i].address.size = b.heads[i].msg_hdr.msg_namelen;
		rota__udp_inward(&messages[i].address);
	}
	return n < 0 ? rota_errno() : n;
}

/* ---- what it says of itself ---- */

int rota_udp_local_name(const struct rota_udp *udp, char *buf, size_t size)
{
	return rota__socket_name(udp->fd, getsockname, buf, size);
}

int rota_udp_set_buffers(struct rota_udp *udp, unsigned send_bytes, unsigned recv_bytes)
{
	return rota__socket_set_buffers(udp->fd, send_bytes, recv_bytes);
}

int rota_udp_get_buffers(const struct rota_udp *udp, unsigned *ret_send_bytes, unsigned *ret_recv_bytes)
{
	return rota__socket_get_buffers(udp->fd, ret_send_bytes, ret_recv_bytes);
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
