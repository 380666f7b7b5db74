/* socket.c - what both faces do with a descriptor (socket.h) */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "io/socket.h"

int rota__socket_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) < 0 ? rota_errno() : 0;
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

static int get(int fd, int level, int option, int *ret_value)
{
	socklen_t size = sizeof *ret_value;

	return getsockopt(fd, level, option, ret_value, &size) < 0 ? rota_errno() : 0;
}

int rota__socket_linger_not(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };
	int family, type, rc = get(fd, SOL_SOCKET, SO_DOMAIN, &family);

	if (rc == 0)
		rc = get(fd, SOL_SOCKET, SO_TYPE, &type);
	if (rc < 0)
		return rc == -ENOTSOCK ? -EOPNOTSUPP : rc;
	if ((family != AF_INET && family != AF_INET6) || type != SOCK_STREAM)
		return -EOPNOTSUPP;
	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) < 0 ? rota_errno() : 0;
}

/* Linux doubles what it is told, for what it needs itself, and tells the double. */
int rota__socket_set_buffers(int fd, unsigned send_bytes, unsigned recv_bytes)
{
	int rc = send_bytes > INT32_MAX / 2 || recv_bytes > INT32_MAX / 2 ? -EINVAL : 0;

	if (rc == 0 && send_bytes > 0)
		rc = rota__socket_set(fd, SOL_SOCKET, SO_SNDBUF, (int)send_bytes);
	if (rc == 0 && recv_bytes > 0)
		rc = rota__socket_set(fd, SOL_SOCKET, SO_RCVBUF, (int)recv_bytes);
	return rc;
}

int rota__socket_get_buffers(int fd, unsigned *ret_send_bytes, unsigned *ret_recv_bytes)
{
	int send_bytes, recv_bytes, rc = get(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes);

	if (rc == 0)
		rc = get(fd, SOL_SOCKET, SO_RCVBUF, &recv_bytes);
	if (rc < 0)
		return rc;
	if (ret_send_bytes != NULL)
		*ret_send_bytes = (unsigned)send_bytes / 2;
	if (ret_recv_bytes != NULL)
		*ret_recv_bytes = (unsigned)recv_bytes / 2;
	return 0;
}

int rota__socket_bind_local(int fd, int family, const char *text)
{
	struct rota_address local;
	int rc;

	if (text == NULL)
		return 0;
	rc = rota_address_parse(&local, text);
	if (rc < 0)
		return rc;
	if (local.storage.ss_family != family)
		return -EAFNOSUPPORT;
	/* The port is then chosen by connect(2), which knows the peer: more can be had. */
	rota__socket_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	return bind(fd, (const struct sockaddr *)&local.storage, local.size) < 0 ? rota_errno() : 0;
}

int rota__fd_streams(int fd, bool *ret_socket)
{
	int type;
	socklen_t size = sizeof type;

	*ret_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
	if (!*ret_socket)
		return rota_errno() == -ENOTSOCK ? 0 : rota_errno();
	return type == SOCK_STREAM || type == SOCK_SEQPACKET ? 0 : -EPROTOTYPE;
}

int rota__fd_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? rota_errno() : 0;
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
