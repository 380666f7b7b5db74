/* address.h - socket addresses as text and back, without asking anyone */
#ifndef ROTA_IO_ADDRESS_H
#define ROTA_IO_ADDRESS_H

#include <rota/net.h>

/* What getpeername() or getsockname() says of `fd`, as text; as snprintf(3), or an error and "". */
int rota__socket_name(int fd, int (*ask)(int, struct sockaddr *, socklen_t *), char *buf, size_t size);

/* The port that `fd` is bound to, 0 for Unix sockets; or an error. */
int rota__socket_port(int fd);

/* Making a socket for `address` ended with `code`: is that the lack of IPv6, and IPv4 will do?  True for
 * the wildcard of both families; its IPv4 form is then in *ret. */
bool rota__address_without_ipv6(struct rota_address *ret, const struct rota_address *address, int code);

#endif
