/* socket.c - what both faces do with a descriptor (socket.h) */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "io/socket.h"

int rota__socket_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

int rota__socket_set_nodelay(int fd, bool on)
{
	return rota__socket_set(fd, IPPROTO_TCP, TCP_NODELAY, on);
}

int rota__socket_set_keepalive(int fd, unsigned idle_seconds)
{
	int rc = rota__socket_set(fd, SOL_SOCKET, SO_KEEPALIVE, idle_seconds > 0);

	return rc < 0 || idle_seconds == 0 ? rc : rota__socket_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)idle_seconds);
}

int rota__fd_streams(int fd, bool *ret_socket)
{
	int type;
	socklen_t size = sizeof type;

	*ret_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
	if (!*ret_socket)
		return errno == ENOTSOCK ? 0 : -errno;
	return type == SOCK_STREAM || type == SOCK_SEQPACKET ? 0 : -EPROTOTYPE;
}

int rota__fd_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

enum rota__accept_verdict rota__accept_verdict(int64_t code)
{
	switch (code) {
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -ENOBUFS:
		return ACCEPT_REST;
	case -ECONNABORTED:
	case -EPERM: /* a firewall rule */
	case -EPROTO:
	case -ENETDOWN:
	case -ENOPROTOOPT:
	case -EHOSTDOWN:
	case -ENONET:
	case -EHOSTUNREACH:
	case -EOPNOTSUPP:
	case -ENETUNREACH:
	case -EAGAIN:
	case -EINTR:
		return ACCEPT_AGAIN;
	default:
		return ACCEPT_BROKEN;
	}
}
