/* connect.h - several addresses, one connection */
#ifndef ROTA_NET_CONNECT_H
#define ROTA_NET_CONNECT_H

#include <rota/net.h>

/* Try the TCP addresses in their order as RFC 8305 says: a connected descriptor, or the error that
 * tells most.  Waits.  Borrows everything. */
int rota__connect_first(const struct rota_address *addresses, unsigned count, const struct rota_connect_options *options);

#endif
