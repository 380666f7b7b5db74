/* listener.h - a listening socket */
#ifndef ROTA_IO_LISTENER_H
#define ROTA_IO_LISTENER_H

#include <rota/net.h>

#include "loop/loop.h"

struct rota__wait;

struct rota_listener {
	struct rota_loop *loop;
	int fd;
	bool closed;
	uint32_t users;		   /* calls inside; the last one of a closed listener frees it */
	struct rota__wait *waiter; /* who accepts */
	struct rota_listen_options options;
	enum rota_deal deal;
	uint64_t pauses;
	char *unlink_path; /* of a Unix socket: the file goes with the listener */
};

/* Bind and listen.  `options` is not NULL. */
int rota__listen(struct rota_listener **ret_listener, struct rota_loop *loop, const struct rota_address *address,
	const struct rota_listen_options *options);

/* The socket alone: the descriptor, and the file that goes with it (NULL for none; ours to free by the second
 * call). */
int rota__listen_socket(
	const struct rota_address *address, const struct rota_listen_options *options, char **ret_unlink_path);
void rota__listen_socket_close(int fd, char *unlink_path);

/* Make ready a socket that listens already.  Of the options only keep_delay counts.  -EBADF, -ENOTSOCK, -EINVAL: it does not
 * listen. */
int rota__listen_socket_adopt(int fd, const struct rota_listen_options *options);

/* A listener of such a one; takes `fd` on success.  `options` is not NULL. */
int rota__listener_adopt(struct rota_listener **ret_listener, struct rota_loop *loop, int fd,
	const struct rota_listen_options *options);

/* A listener more at the same address, for `loop`: of a listener with options.reuse_port. */
int rota__listener_door(struct rota_listener **ret_listener, const struct rota_listener *listener, struct rota_loop *loop);

/* Free one that its loop has never used; any thread. */
void rota__listener_discard(struct rota_listener *listener);

/* Its loop's thread. */
void rota__listener_free(struct rota_listener *listener);

#endif
