/* adopt.c - a listening socket that somebody else has opened: inherited, received, or of a parent that listens for us */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "io/listener.h"
#include "io/socket.h"
#include "os/mem.h"

static int int_option(int fd, int option, int *ret_value)
{
	socklen_t size = sizeof *ret_value;

	return getsockopt(fd, SOL_SOCKET, option, ret_value, &size) < 0 ? rota_errno() : 0;
}

static int check(int fd)
{
	int listens, type, rc = int_option(fd, SO_ACCEPTCONN, &listens);

	if (rc == 0)
		rc = int_option(fd, SO_TYPE, &type);
	if (rc < 0)
		return rc;
	return listens && (type == SOCK_STREAM || type == SOCK_SEQPACKET) ? 0 : -EINVAL;
}

int rota__listen_socket_adopt(int fd, const struct rota_listen_options *options)
{
	int family, rc = check(fd);

	if (rc == 0)
		rc = int_option(fd, SO_DOMAIN, &family);
	/* The flag is the socket's and so all processes': all of them want it. */
	if (rc == 0)
		rc = rota__fd_set_nonblocking(fd);
	if (rc == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		rc = rota_errno();
	if (rc == 0 && (family == AF_INET || family == AF_INET6) && !options->keep_delay)
		rc = rota__socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return rc;
}

int rota__listener_adopt(struct rota_listener **ret_listener, struct rota_loop *loop, int fd,
	const struct rota_listen_options *options)
{
	struct rota_listener *l = rota__alloc_zero(sizeof *l);
	int rc = l == NULL ? -ENOMEM : rota__listen_socket_adopt(fd, options);

	if (rc < 0) {
		rota__free(l);
		return rc;
	}
	l->loop = loop;
	l->fd = fd;
	l->options = *options;
	l->deal = options->deal == ROTA_DEAL_OWN ? ROTA_DEAL_IN_TURN : options->deal; /* it has one socket */
	*ret_listener = l;
	return 0;
}
