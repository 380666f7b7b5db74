/* socket.h - what both faces do with a descriptor: options, modes, verdicts */
#ifndef ROTA_IO_SOCKET_H
#define ROTA_IO_SOCKET_H

#include <rota/base.h>
#include <rota/net.h>

/* setsockopt(2) with an int. */
int rota__socket_set(int fd, int level, int option, int value);

int rota__socket_set_nodelay(int fd, bool on);
int rota__socket_set_keepalive(int fd, unsigned idle_seconds);

/* Its close will be a reset (TCP): what is queued is thrown away.  -EOPNOTSUPP: it is no TCP socket. */
int rota__socket_linger_not(int fd);

/* SO_SNDBUF and SO_RCVBUF in bytes for data; 0 leaves one as it is. */
int rota__socket_set_buffers(int fd, unsigned send_bytes, unsigned recv_bytes);
int rota__socket_get_buffers(int fd, unsigned *ret_send_bytes, unsigned *ret_recv_bytes);

/* Bind a socket of `family` that is going to connect to the numeric address `text`; NULL: nothing is done. */
int rota__socket_bind_local(int fd, int family, const char *text);

/* Is `fd` something that streams bytes?  0 and *ret_socket: recv(2) and send(2) work on it; -EPROTOTYPE: a socket of another
 * type; -EBADF. */
int rota__fd_streams(int fd, bool *ret_socket);

int rota__fd_set_nonblocking(int fd);

/* accept(2) said `code`. */
enum rota__accept_verdict {
	ACCEPT_REST,   /* no descriptors or memory left: try again after ROTA__ACCEPT_REST_NS */
	ACCEPT_AGAIN,  /* an error of the connection that was about to be accepted, not of the listener */
	ACCEPT_BROKEN, /* of the listener */
};

enum rota__accept_verdict rota__accept_verdict(int64_t code);

/* How long accepting rests when nothing is left to accept with: the kernel keeps the connections
 * waiting meanwhile, and a retry costs a few microseconds. */
#define ROTA__ACCEPT_REST_NS ROTA_MILLISECONDS(20)

#endif
