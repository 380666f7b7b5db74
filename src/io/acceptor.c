/* acceptor.c - a listening socket with a callback
 *
 *   ARMED --accepted--> HOLDING (told; not armed until it is taken) --accept()--> ARMED
 *     \--no descriptors, no memory--> RESTING --timer--> ARMED
 *     \--an error of the socket itself--> BROKEN (told once) */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/address.h"
#include "io/conn.h"
#include "io/listener.h"
#include "io/socket.h"
#include "trace/trace.h"

ROOM_FOR_OP(rota_acceptor);
_Static_assert(sizeof(((struct rota_acceptor *)0)->pause) >= sizeof(struct rota__timer),
	"struct rota_acceptor has room for a timer");

static struct rota_acceptor *acceptor_of(struct rota__op *op)
{
	return container_of((uint64_t (*)[10])(void *)op, struct rota_acceptor, op);
}

static struct rota__timer *pause_of(struct rota_acceptor *a)
{
	return (struct rota__timer *)(void *)a->pause;
}

static void accepted(struct rota__op *op);

static void arm(struct rota_acceptor *a)
{
	struct rota__op *op = OP_IN(a);

	if (!handle_open(&a->handle) || a->accepted >= 0)
		return;
	*op = (struct rota__op){ .kind = OP_ACCEPT, .fd = a->fd };
	rota__handle_submit(&a->handle, op, accepted);
}

static void rested(struct rota__timer *timer)
{
	struct rota_acceptor *a = container_of((uint64_t (*)[7])(void *)timer, struct rota_acceptor, pause);

	arm(a);
	rota__handle_hold(&a->handle, false);
}

static void rest(struct rota_acceptor *a)
{
	a->pauses++;
	rota__trace(ROTA__EV_ACCEPT_PAUSE, a->pauses, NULL);
	*pause_of(a) = (struct rota__timer){ .fn = rested };
	timers_arm(&a->handle.loop->timers, pause_of(a), rota_deadline(ROTA__ACCEPT_REST_NS));
	rota__handle_hold(&a->handle, true);
}

static void accepted(struct rota__op *op)
{
	struct rota_acceptor *a = acceptor_of(op);

	rota__handle_arrived(&a->handle);
	if (op->result >= 0)
		a->accepted = (int)op->result;
	if (!handle_open(&a->handle)) {
		rota__handle_left(&a->handle);
		return;
	}
	if (op->result >= 0) {
		rota__handle_calls(&a->handle, (void (*)(void))a->on_connection);
		a->on_connection(a, 0);
		return; /* taking it arms the next */
	}
	switch (rota__accept_verdict(op->result)) {
	case ACCEPT_REST:
		rest(a);
		break;
	case ACCEPT_AGAIN:
		arm(a);
		break;
	case ACCEPT_BROKEN:
		rota__handle_calls(&a->handle, (void (*)(void))a->on_connection);
		a->on_connection(a, (int)op->result);
		break;
	}
}

/* May it be opened, with these options?  NULL becomes the defaults. */
static int check(
	struct rota_loop *loop, const struct rota_acceptor *a, const struct rota_listen_options **options)
{
	static const struct rota_listen_options defaults;

	if (*options == NULL)
		*options = &defaults;
	if ((unsigned)(*options)->deal > ROTA_DEAL_OWN)
		return -EINVAL;
	return rota__handle_may_open(&a->handle, loop);
}

static void start(struct rota_loop *loop, struct rota_acceptor *a, int fd, char *unlink_path,
	void (*on_connection)(struct rota_acceptor *acceptor, int rc), const char *site)
{
	rota__handle_open(&a->handle, loop, KIND_acceptor, site);
	a->fd = fd;
	a->unlink_path = unlink_path;
	a->on_connection = on_connection;
	a->accepted = -1;
	a->pauses = 0;
	*pause_of(a) = (struct rota__timer){ 0 };
	arm(a);
}

int rota_acceptor_listen_at(struct rota_loop *loop, struct rota_acceptor *a, const char *address,
	const struct rota_listen_options *options, void (*on_connection)(struct rota_acceptor *acceptor, int rc),
	const char *site)
{
	ROTA_INSIDE();
	struct rota_address parsed;
	char *unlink_path;
	int fd, rc = rota_address_parse(&parsed, address);

	if (rc == 0)
		rc = check(loop, a, &options);
	if (rc < 0)
		return rc;
	fd = rota__listen_socket(&parsed, options, &unlink_path);
	if (fd < 0)
		return fd;
	start(loop, a, fd, unlink_path, on_connection, site);
	return 0;
}

int rota_acceptor_open_at(struct rota_loop *loop, struct rota_acceptor *a, int fd,
	const struct rota_listen_options *options, void (*on_connection)(struct rota_acceptor *acceptor, int rc),
	const char *site)
{
	ROTA_INSIDE();
	int rc = check(loop, a, &options);

	if (rc == 0)
		rc = rota__listen_socket_adopt(fd, options);
	if (rc == 0)
		start(loop, a, fd, NULL, on_connection, site);
	return rc;
}

int rota_acceptor_accept_at(struct rota_acceptor *a, struct rota_conn *conn, const char *site)
{
	ROTA_INSIDE();
	int rc = handle_ours(&a->handle);

	if (rc < 0)
		return rc;
	if (a->accepted < 0)
		return -EAGAIN;
	rc = rota__conn_start(a->handle.loop, conn, a->accepted, CONN_SOCKET, site);
	if (rc < 0)
		return rc;
	a->accepted = -1;
	arm(a);
	return 0;
}

static void stop(struct rota_handle *h)
{
	struct rota_acceptor *a = container_of(h, struct rota_acceptor, handle);

	timers_cancel(&h->loop->timers, pause_of(a));
	if (h->ops > 0)
		rota__op_cancel(h->loop, OP_IN(a));
}

static void release(struct rota_handle *h)
{
	struct rota_acceptor *a = container_of(h, struct rota_acceptor, handle);

	h->loop->poller->engine->forget(h->loop->poller, a->fd);
	rota__listen_socket_close(a->fd, a->unlink_path);
	if (a->accepted >= 0)
		close(a->accepted); /* nobody took it */
	a->fd = a->accepted = -1;
}

const struct rota__handle_kind rota__kind_acceptor = {
	.name = "acceptor", .stop = stop, .release = release, .fd_at = offsetof(struct rota_acceptor, fd)
};

int rota_acceptor_port(const struct rota_acceptor *a)
{
	return handle_open(&a->handle) ? rota__socket_port(a->fd) : ROTA_ECLOSED;
}

int rota_acceptor_name(const struct rota_acceptor *a, char *buf, size_t size)
{
	return handle_open(&a->handle) ? rota__socket_name(a->fd, getsockname, buf, size) : ROTA_ECLOSED;
}

int rota_acceptor_fd(const struct rota_acceptor *a)
{
	return handle_open(&a->handle) ? a->fd : ROTA_ECLOSED;
}

uint64_t rota_acceptor_pauses(const struct rota_acceptor *a)
{
	return a->pauses;
}
