/* stream.c - a stream's life, its name and its options; tasks read and write it in await/stream_read.c and stream_write.c */
#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/address.h"
#include "io/socket.h"
#include "io/stream.h"
#include "os/mem.h"

struct rota_stream *rota__stream_new(struct rota_loop *loop, int fd, bool socket)
{
	struct rota_stream *s = rota__alloc(sizeof *s);

	if (s == NULL)
		return NULL;
	*s = (struct rota_stream){
		.loop = loop,
		.fd = fd,
		.socket = socket,
		.drained = true,
		.read_deadline_ns = ROTA_FOREVER,
		.write_deadline_ns = ROTA_FOREVER,
	};
	list_init(&s->link);
	return s;
}

void rota__stream_arrive(struct rota_stream *s)
{
	list_append(&s->loop->served, &s->link);
}

void rota__stream_depart(struct rota_stream *s, struct rota_loop *to)
{
	assert(inflow_is_idle(s->inflow));
	if (list_linked(&s->link))
		list_remove(&s->link);
	s->loop->poller->engine->let_go(s->loop->poller, s->fd);
	s->drained = true;
	add_relaxed(&s->loop->connections, -1);
	s->travels = true;
	store_release(&s->loop, to); /* acquired by who goes there to use it */
}

void rota__stream_free(struct rota_stream *s)
{
	if (s->inflow != NULL)
		rota__inflow_close(s->inflow);
	s->loop->poller->engine->forget(s->loop->poller, s->fd);
	close(s->fd);
	if (list_linked(&s->link))
		list_remove(&s->link);
	if (s->counted)
		add_relaxed(&s->loop->connections, -1);
	rota__free(s->ahead.data);
	rota__free(s);
}

int rota_stream_from_fd(struct rota_stream **ret_stream, int fd)
{
	struct rota_loop *loop = rota_loop_current();
	struct rota_stream *s;
	bool socket;
	int rc;

	if (loop == NULL)
		return -EPERM;
	rc = rota__fd_streams(fd, &socket);
	if (rc < 0)
		return rc;
	s = rota__stream_new(loop, fd, socket);
	if (s == NULL)
		return -ENOMEM;
	rc = rota__fd_set_nonblocking(fd);
	if (rc < 0) {
		rota__free(s);
		return rc;
	}
	*ret_stream = s;
	return 0;
}

int rota_stream_pair(struct rota_stream *ret_streams[2])
{
	struct rota_loop *loop = rota_loop_current();
	struct rota_stream *a, *b;
	int fds[2];

	if (loop == NULL)
		return -EPERM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return rota_errno();
	a = rota__stream_new(loop, fds[0], true);
	b = rota__stream_new(loop, fds[1], true);
	if (a == NULL || b == NULL) {
		rota__free(a);
		rota__free(b);
		close(fds[0]);
		close(fds[1]);
		return -ENOMEM;
	}
	ret_streams[0] = a;
	ret_streams[1] = b;
	return 0;
}

int rota_stream_fd(const struct rota_stream *s)
{
	return s->fd;
}

void rota_stream_set_deadlines(struct rota_stream *s, uint64_t read_deadline_ns, uint64_t write_deadline_ns)
{
	s->read_deadline_ns = read_deadline_ns;
	s->write_deadline_ns = write_deadline_ns;
}

uint64_t rota_stream_written(const struct rota_stream *s)
{
	return s->written;
}

uint64_t rota_stream_received(const struct rota_stream *s)
{
	return s->received;
}

int rota_stream_set_nodelay(struct rota_stream *s, bool on)
{
	return rota__socket_set_nodelay(s->fd, on);
}

int rota_stream_set_keepalive(struct rota_stream *s, unsigned idle_seconds)
{
	return rota__socket_set_keepalive(s->fd, idle_seconds);
}

int rota_stream_set_buffers(struct rota_stream *s, unsigned send_bytes, unsigned recv_bytes)
{
	return rota__socket_set_buffers(s->fd, send_bytes, recv_bytes);
}

int rota_stream_get_buffers(const struct rota_stream *s, unsigned *ret_send_bytes, unsigned *ret_recv_bytes)
{
	return rota__socket_get_buffers(s->fd, ret_send_bytes, ret_recv_bytes);
}

int rota_stream_peer_name(const struct rota_stream *s, char *buf, size_t size)
{
	return rota__socket_name(s->fd, getpeername, buf, size);
}

int rota_stream_local_name(const struct rota_stream *s, char *buf, size_t size)
{
	return rota__socket_name(s->fd, getsockname, buf, size);
}
