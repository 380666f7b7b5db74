/* adopt.c - a listener of a socket that somebody else has opened */
#include <fcntl.h>

#include "io/listener.h"
#include "os/mem.h"

int rota__listener_adopt(struct rota_listener **ret_listener, struct rota_loop *loop, int fd,
	const struct rota_listen_options *options)
{
	struct rota_listener *l;
	int listens, flags = fcntl(fd, F_GETFL);
	socklen_t size = sizeof listens;

	if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
		return -errno;
	if (!listens)
		return -EINVAL;
	/* The flag is the socket's and so all processes': all of them want it. */
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	l = rota__alloc_zero(sizeof *l);
	if (l == NULL)
		return -ENOMEM;
	l->loop = loop;
	l->fd = fd;
	if (options != NULL)
		l->options = *options;
	l->deal = l->options.deal == ROTA_DEAL_OWN ? ROTA_DEAL_IN_TURN : l->options.deal; /* it has one socket */
	*ret_listener = l;
	return 0;
}
