/* listen.c - from the text of an address to a listening socket */
#include <rota/net.h>
#include <rota/loop.h>

#include "io/listener.h"
#include "task/team.h"

/* With a socket for each worker nobody else may have the port: the first one finds that out, alone. */
static int listen_alone(struct rota_address *address)
{
	static const struct rota_listen_options exclusive;
	char *path;
	int fd = rota__listen_socket(address, &exclusive, &path), rc = 0;

	if (fd < 0)
		return fd;
	address->size = sizeof address->storage;
	if (getsockname(fd, (struct sockaddr *)&address->storage, &address->size) < 0)
		rc = rota_errno();
	rota__listen_socket_close(fd, path);
	return rc;
}

/* Fills in to whom connections will go. */
static int settle_deal(struct rota_listen_options *options, struct rota_address *address)
{
	const struct rota__team *team = rota__here()->team;
	int rc;

	if (team == NULL || (options->deal != ROTA_DEAL_DEFAULT ? options->deal : team->deal) != ROTA_DEAL_OWN)
		return 0;
	if (address->storage.ss_family == AF_UNIX) {
		options->deal = ROTA_DEAL_IN_TURN;
		return 0;
	}
	rc = options->reuse_port ? 0 : listen_alone(address);
	options->deal = ROTA_DEAL_OWN;
	options->reuse_port = true;
	return rc;
}

/* A boss's where there are some, else the caller's; NULL outside of a run. */
static struct rota_loop *loop_for_listening(void)
{
	return rota__here() != NULL ? rota__team_boss(rota__here())->loop : rota_loop_current();
}

int rota_listener_from_fd(struct rota_listener **ret_listener, int fd, const struct rota_listen_options *options)
{
	ROTA_INSIDE();
	static const struct rota_listen_options defaults;

	if (options == NULL)
		options = &defaults;
	if ((unsigned)options->deal > ROTA_DEAL_OWN)
		return -EINVAL;
	return rota_loop_current() == NULL ? -EPERM :
		rota__listener_adopt(ret_listener, loop_for_listening(), fd, options);
}

int rota_tcp_listen(
	struct rota_listener **ret_listener, const char *address, const struct rota_listen_options *options)
{
	ROTA_INSIDE();
	struct rota_listen_options o = { 0 };
	struct rota_address parsed;
	int rc;

	if (options != NULL)
		o = *options;
	if ((unsigned)o.deal > ROTA_DEAL_OWN)
		return -EINVAL;
	if (rota_loop_current() == NULL)
		return -EPERM;
	rc = rota_address_parse(&parsed, address);
	if (rc == -EINVAL)
		rc = rota_resolve(address, &parsed, 1);
	if (rc < 0)
		return rc;
	if (rota__here() != NULL) /* else a loop without tasks */
		rc = settle_deal(&o, &parsed);
	return rc < 0 ? rc : rota__listen(ret_listener, loop_for_listening(), &parsed, &o);
}
