/* udp.c - from the text of an address to a datagram socket, and to its peer */
#include <rota/loop.h>
#include <rota/net.h>

#include "io/udp.h"

/* Not NULL: ":0" is any port of any address. */
int rota_udp_open_with(struct rota_udp **ret_udp, const char *address, const struct rota_udp_options *options)
{
	struct rota_loop *loop = rota_loop_current();
	struct rota_address local;
	int rc;

	if (loop == NULL)
		return -EPERM;
	rc = rota_address_parse(&local, address ? address : ":0");
	if (rc == -EINVAL)
		rc = rota_resolve(address, &local, 1);
	return rc < 0 ? rc : rota__udp_new(ret_udp, loop, &local, options);
}

int rota_udp_open(struct rota_udp **ret_udp, const char *address)
{
	return rota_udp_open_with(ret_udp, address, NULL);
}

/* The first address that a socket of this family can send to. */
static const struct rota_address *choose(const struct rota_udp *udp, const struct rota_address *addresses, int count)
{
	for (int i = 0; i < count; i++)
		if (udp->family == AF_INET6 || addresses[i].storage.ss_family == AF_INET)
			return &addresses[i];
	return NULL;
}

int rota_udp_connect(struct rota_udp *udp, const char *address)
{
	enum { ROOM = 8 }; /* the families take turns, so one that fits is among the first */
	struct rota_address addresses[ROOM];
	const struct rota_address *peer;
	int rc = rota_resolve(address, addresses, ROOM);

	if (rc < 0)
		return rc;
	peer = choose(udp, addresses, rc);
	return peer != NULL ? rota__udp_set_peer(udp->fd, udp->family, peer) : -EAFNOSUPPORT;
}
