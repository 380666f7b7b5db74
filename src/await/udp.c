/* udp.c - a task sends and receives datagrams
 *
 * The system call comes first, in both directions: a busy socket has something ready, and then no wait
 * and no poller is involved.  Only when it would wait the task waits for readiness, and tries again.
 *
 * As with streams every call is between enter() and leave(). */
#include <poll.h>
#include <sys/socket.h>

#include "await/await.h"
#include "io/udp.h"

struct udp_wait {
	struct rota__op_wait op;
	struct list link;
};

/* ---- entering and leaving ---- */

static bool enter(struct rota_udp *udp)
{
	struct rota_task *task = rota__current();

	if (task == NULL || rota__pin_to(task, udp->loop) < 0)
		return false;
	if (udp->closed) {
		rota__unpin(task);
		return false;
	}
	udp->users++;
	return true;
}

static int refused(const struct rota_udp *udp)
{
	return udp->closed ? ROTA_ECLOSED : -EPERM;
}

static ssize_t leave(struct rota_udp *udp, ssize_t n)
{
	if (--udp->users == 0 && udp->closed)
		rota__udp_free(udp);
	rota__unpin(rota__current());
	return n;
}

static void close_here(struct rota_udp *udp)
{
	struct list *it;

	if (udp->closed)
		return;
	udp->closed = true;
	if (udp->users == 0) {
		rota__udp_free(udp);
		return;
	}
	list_each(it, &udp->waits)
		rota__cut_short(&container_of(it, struct udp_wait, link)->op.wait, ROTA_ECLOSED);
}

void rota_udp_close(struct rota_udp *udp)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	bool pinned;

	if (udp == NULL)
		return;
	pinned = task != NULL && rota__pin_to(task, udp->loop) == 0;
	close_here(udp);
	if (pinned)
		rota__unpin(task);
}

/* ---- waiting ---- */

/* What a call must answer before it asks the system: 0 if nothing. */
static int before(void)
{
	return rota__task_cancelled(rota__current());
}

/* The system call said `error`: wait if it would have had to.  0: try again. */
static int wait_after(struct rota_udp *udp, int error, uint32_t events, uint64_t deadline_ns)
{
	struct udp_wait w = { .op.op = { .kind = OP_POLL, .fd = udp->fd, .poll.events = events } };
	int64_t n;

	if (error == -EINTR)
		return 0;
	if (error != -EAGAIN)
		return error;
	list_append(&udp->waits, &w.link);
	n = rota__await(&w.op, deadline_ns);
	list_remove(&w.link);
	return udp->closed ? ROTA_ECLOSED : n < 0 ? (int)n : 0;
}

static int wait_to_recv(struct rota_udp *udp, int error)
{
	return wait_after(udp, error, POLLIN, udp->recv_deadline_ns);
}

static int wait_to_send(struct rota_udp *udp, int error)
{
	return wait_after(udp, error, POLLOUT, udp->send_deadline_ns);
}

/* ---- one datagram ---- */

static ssize_t send_one(struct rota_udp *udp, const void *data, size_t size, const struct rota_address *to)
{
	struct sockaddr_in6 mapped;
	socklen_t sa_size;
	const struct sockaddr *sa = rota__udp_outward(udp->family, to, &mapped, &sa_size);
	int rc = before();

	while (rc == 0) {
		ssize_t n = sendto(udp->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL, sa, sa_size);

		if (n >= 0) {
			rota__coop(rota__here());
			return n;
		}
		rc = wait_to_send(udp, rota_errno());
	}
	return rc;
}

ssize_t rota_udp_send(struct rota_udp *udp, const void *data, size_t size, const struct rota_address *to)
{
	ROTA_INSIDE();

	return enter(udp) ? leave(udp, send_one(udp, data, size, to)) : refused(udp);
}

static ssize_t recv_one(struct rota_udp *udp, void *data, size_t size, struct rota_address *ret_from)
{
	struct rota_address from;
	int rc = before();

	while (rc == 0) {
		from.size = sizeof from.storage;
		/* MSG_TRUNC: the answer is the datagram's size, even if it did not fit. */
		ssize_t n = recvfrom(udp->fd, data, size, MSG_DONTWAIT | MSG_TRUNC,
			(struct sockaddr *)&from.storage, &from.size);

		if (n >= 0) {
			rota__udp_inward(&from);
			if (ret_from != NULL)
				*ret_from = from;
			rota__coop(rota__here());
			return n;
		}
		rc = wait_to_recv(udp, rota_errno());
	}
	return rc;
}

ssize_t rota_udp_recv(struct rota_udp *udp, void *data, size_t size, struct rota_address *ret_from)
{
	ROTA_INSIDE();

	return enter(udp) ? leave(udp, recv_one(udp, data, size, ret_from)) : refused(udp);
}

/* ---- many ---- */

static unsigned at_once(unsigned left)
{
	return left < ROTA__UDP_BATCH ? left : ROTA__UDP_BATCH;
}

/* Batches until one does not go out whole; the first waits for room. */
static int send_many(struct rota_udp *udp, const struct rota_udp_message *messages, unsigned count)
{
	unsigned done = 0;
	int rc = before();

	while (rc == 0 && done < count) {
		int n = rota__udp_send_batch(udp->fd, udp->family, messages + done, count - done);

		if (n > 0)
			done += (unsigned)n;
		else if (done > 0)
			break; /* a wait or an error now is the next call's */
		else
			rc = wait_to_send(udp, n);
	}
	if (done > 0)
		rota__coop(rota__here());
	return done > 0 ? (int)done : rc;
}

int rota_udp_send_many(struct rota_udp *udp, const struct rota_udp_message *messages, unsigned count)
{
	ROTA_INSIDE();

	return enter(udp) ? (int)leave(udp, send_many(udp, messages, count)) : refused(udp);
}

static int recv_many(struct rota_udp *udp, struct rota_udp_message *messages, unsigned count)
{
	unsigned done = 0, wanted = 0;
	int rc = before();

	while (rc == 0 && done < count) {
		int n;

		wanted = at_once(count - done);
		n = rota__udp_recv_batch(udp->fd, messages + done, wanted);
		if (n > 0)
			done += (unsigned)n;
		else if (done == 0)
			rc = wait_to_recv(udp, n);
		if (done > 0 && n < (int)wanted)
			break; /* that was all there is */
	}
	if (done > 0)
		rota__coop(rota__here());
	return done > 0 ? (int)done : rc;
}

int rota_udp_recv_many(struct rota_udp *udp, struct rota_udp_message *messages, unsigned count)
{
	ROTA_INSIDE();

	return enter(udp) ? (int)leave(udp, recv_many(udp, messages, count)) : refused(udp);
}
