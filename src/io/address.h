/* address.h - socket addresses as text and back, without asking anyone */
#ifndef ROTA_IO_ADDRESS_H
#define ROTA_IO_ADDRESS_H

#include <rota/net.h>

/* What getpeername() or getsockname() says of `fd`, as text; as snprintf(3), or an error and "". */
int rota__socket_name(int fd, int (*ask)(int, struct sockaddr *, socklen_t *), char *buf, size_t size);

#endif
