/* listener.c - making a listening socket, and what it says of itself; accepting is in await/serve.c */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/address.h"
#include "io/listener.h"
#include "io/socket.h"
#include "os/mem.h"

static int configure(int fd, int family, const struct rota_listen_options *options)
{
	int rc = 0;

	if (family == AF_UNIX)
		return 0;
	rc = rota__socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (rc == 0 && options->reuse_port)
		rc = rota__socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (rc == 0 && family == AF_INET6)
		rc = rota__socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, options->only_ipv6);
	/* Accepted sockets inherit it: one call here instead of one for each connection. */
	if (rc == 0 && !options->keep_delay)
		rc = rota__socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return rc;
}

/* The socket file of a server that died is in the way of bind(2).  Nobody listens if a connection is
 * refused; only then it is removed. */
static bool left_over(const struct rota_address *address, const char *path)
{
	struct stat st;
	int fd, rc;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	rc = connect(fd, (const struct sockaddr *)&address->storage, address->size) < 0 ? rota_errno() : 0;
	close(fd);
	return rc == -ECONNREFUSED;
}

static int bind_to(int fd, const struct rota_address *address, const char *path)
{
	const struct sockaddr *sa = (const struct sockaddr *)&address->storage;

	if (bind(fd, sa, address->size) == 0)
		return 0;
	if (rota_errno() != -EADDRINUSE || path == NULL || !left_over(address, path))
		return rota_errno();
	if (unlink(path) < 0 || bind(fd, sa, address->size) < 0)
		return rota_errno();
	return 0;
}

/* The path of a Unix address that is a file, else NULL. */
static const char *path_of(const struct rota_address *address)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;

	return un->sun_family == AF_UNIX && un->sun_path[0] != '\0' ? un->sun_path : NULL;
}

static int try_socket(const struct rota_address *address, const struct rota_listen_options *options)
{
	int family = address->storage.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

	if (fd < 0)
		return rota_errno();
	rc = configure(fd, family, options);
	if (rc == 0)
		rc = bind_to(fd, address, path_of(address));
	if (rc == 0 && listen(fd, options->backlog > 0 ? options->backlog : SOMAXCONN) < 0)
		rc = rota_errno();
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int rota__listen_socket(
	const struct rota_address *address, const struct rota_listen_options *options, char **ret_unlink_path)
{
	const char *path = path_of(address);
	struct rota_address ipv4;
	int fd;

	*ret_unlink_path = NULL;
	if (path != NULL) {
		*ret_unlink_path = rota__alloc(strlen(path) + 1);
		if (*ret_unlink_path == NULL)
			return -ENOMEM;
		strcpy(*ret_unlink_path, path);
	}
	fd = try_socket(address, options);
	if (rota__address_without_ipv6(&ipv4, address, fd) && !options->only_ipv6)
		fd = try_socket(&ipv4, options);
	if (fd < 0)
		rota__free(*ret_unlink_path);
	return fd;
}

void rota__listen_socket_close(int fd, char *unlink_path)
{
	if (unlink_path != NULL)
		unlink(unlink_path);
	close(fd);
	rota__free(unlink_path);
}

int rota__listen(struct rota_listener **ret_listener, struct rota_loop *loop, const struct rota_address *address,
	const struct rota_listen_options *options)
{
	struct rota_listener *l = rota__alloc_zero(sizeof *l);

	if (l == NULL)
		return -ENOMEM;
	l->loop = loop;
	l->options = *options;
	l->deal = options->deal;
	l->fd = rota__listen_socket(address, options, &l->unlink_path);
	if (l->fd < 0) {
		int rc = l->fd;

		rota__free(l);
		return rc;
	}
	*ret_listener = l;
	return 0;
}

int rota__listener_door(struct rota_listener **ret_listener, const struct rota_listener *l, struct rota_loop *loop)
{
	struct rota_address here = { .size = sizeof here.storage };

	if (getsockname(l->fd, (struct sockaddr *)&here.storage, &here.size) < 0)
		return rota_errno();
	return rota__listen(ret_listener, loop, &here, &l->options);
}

void rota__listener_discard(struct rota_listener *l)
{
	rota__listen_socket_close(l->fd, l->unlink_path);
	rota__free(l);
}

void rota__listener_free(struct rota_listener *l)
{
	l->loop->poller->engine->forget(l->loop->poller, l->fd);
	rota__listener_discard(l);
}

int rota_listener_name(const struct rota_listener *l, char *buf, size_t size)
{
	return rota__socket_name(l->fd, getsockname, buf, size);
}

int rota_listener_port(const struct rota_listener *l)
{
	return rota__socket_port(l->fd);
}

int rota_listener_fd(const struct rota_listener *l)
{
	return l->fd;
}

uint64_t rota_listener_pauses(const struct rota_listener *l)
{
	return l->pauses;
}
