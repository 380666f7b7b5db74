/* listen.c - from the text of an address to a listening socket */
#include <rota/net.h>
#include <rota/loop.h>

#include "io/listener.h"

int rota_tcp_listen(
	struct rota_listener **ret_listener, const char *address, const struct rota_listen_options *options)
{
	static const struct rota_listen_options defaults;
	struct rota_loop *loop = rota_loop_current();
	struct rota_address parsed;
	int rc;

	if (loop == NULL)
		return -EPERM;
	rc = rota_address_parse(&parsed, address);
	if (rc == -EINVAL)
		rc = rota_resolve(address, &parsed, 1);
	if (rc < 0)
		return rc;
	return rota__listen(ret_listener, loop, &parsed, options ? options : &defaults);
}
