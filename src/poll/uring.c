/* uring.c - the poller on io_uring
 *
 * One system call a turn hands over everything that was submitted and waits.  Buffers of pending ops
 * belong to the kernel until their completion; a cancel is a request of its own whose answer does not
 * interest us: the op's completion does.
 *
 * user_data is the op's address with the op's generation in the upper 16 bits (user addresses have 47):
 * a completion that does not match is not for this use of the memory, and is dropped.
 *
 * A write to a pipe or a socket that nobody reads sends SIGPIPE to the thread on which the kernel does it.  A deferring ring does all
 * of it in an enter, so the signal is blocked around each while a write is on its way, and the program's mask is as it was whenever
 * its own code runs.  Other rings do it whenever the thread passes through the kernel: they leave what may be a pipe to the
 * blocking pool, unless the thread blocks the signal anyhow, as those of a rota_run() do. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rota/base.h>

#include "base/atomic.h"
#include "os/fence.h"
#include "os/mem.h"
#include "os/sigpipe.h"
#include "poll/generation.h"
#include "poll/poller.h"
#include "poll/ring.h"
#include "poll/ring_buffers.h"
#include "poll/ring_request.h"

enum {
	ENTRIES = 256,	/* a page of entries is 64; a full queue costs one more enter, no more */
	DEFERRED_MAX = 20, /* a deferring ring does so much of its work in an enter that asks for less */
	ROUNDS = 4,	   /* of collecting in one wait: then the loop has its turn */
	/* How often another thread is made to let its completions come.  It does so by itself at each
	 * tick of the clock, which is 4 ms on many machines and never on a few. */
	PUSH_NS = 1000000,
};

/* user_data of requests that are no op. */
enum { TAG_IGNORE, TAG_WAKE };

/* op->engine: what the op's request in the kernel is. */
enum { AS_ITSELF, AS_POLL /* waiting for readiness before it is tried again */, STARVED };

struct uring {
	struct rota__poller poller;
	struct ring ring;
	int wake_fd;
	int told_fd;	/* where the kernel tells a foreign loop of completions; -1: there is none */
	bool enabled;	/* on the thread that uses it */
	bool wake_armed;
	bool moved;	/* more than one thread has submitted */
	bool away;	/* this is not the thread that enabled the ring */
	bool no_multi;	/* multishot accept was refused: accepts are renewed one by one */
	bool no_recv_multi; /* so was multishot receive: bytes are asked for one by one */
	uint16_t generation;
	uint32_t writes; /* on their way, and may send SIGPIPE in an enter */
	struct rota__fifo backlog; /* submitted while the queue was full */

	struct ring_buffers buffers; /* opened at the first use: programs that never lease any do not pay for them */
	struct rota__fifo starved; /* RECV_POOLED that found none */

	char description[160];
};

static struct uring *uring_of(struct rota__poller *p)
{
	return container_of(p, struct uring, poller);
}

static uint64_t tag_of(const struct rota__op *op)
{
	return (uint64_t)op->generation << 48 | (uint64_t)(uintptr_t)op;
}

/* ---- writes that may send SIGPIPE ---- */

static bool deferring(const struct uring *u)
{
	return u->ring.setup_flags & IORING_SETUP_DEFER_TASKRUN;
}

static bool writes(const struct rota__op *op)
{
	return op->kind == OP_WRITE || op->kind == OP_WRITEV;
}

/* In an enter. */
static bool may_signal(const struct uring *u, const struct rota__op *op)
{
	return writes(op) && deferring(u);
}

static bool may_lack_readers(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

/* Anywhere. */
static bool would_signal(const struct uring *u, const struct rota__op *op)
{
	return writes(op) && !deferring(u) && !rota__sigpipe_blocked() && may_lack_readers(op->fd);
}

/* ---- requests ---- */

static uint32_t readiness_of(const struct rota__op *op)
{
	return op->kind == OP_SEND || op->kind == OP_SENDMSG || op->kind == OP_CONNECT ? POLLOUT : POLLIN;
}

/* Make the op's request.  False: the queue is full. */
static bool request(struct uring *u, struct rota__op *op)
{
	struct io_uring_sqe *sqe = rota__ring_sqe(&u->ring);

	if (sqe == NULL)
		return false;
	sqe->user_data = tag_of(op);
	sqe->fd = op->fd;
	if (op->engine == AS_POLL) {
		sqe->opcode = IORING_OP_POLL_ADD;
		sqe->poll32_events = readiness_of(op);
		return true;
	}
	rota__ring_request(sqe, op, u->buffers.bytes, !u->no_multi);
	return true;
}

static void enter(struct uring *u, uint32_t wait_count, uint64_t left_ns)
{
	sigset_t before;

	if (u->writes == 0) {
		rota__ring_enter(&u->ring, wait_count, left_ns);
		return;
	}
	before = rota__sigpipe_block();
	rota__ring_enter(&u->ring, wait_count, left_ns);
	rota__sigpipe_unblock(&before, true);
}

static void submit_all(struct uring *u)
{
	/* Errors (EBUSY: completions overflowed; EAGAIN: no memory) leave the entries where they are;
	 * the next wait tries again. */
	enter(u, 0, UINT64_MAX);
}

/* Like poller_complete(), of an op that was counted when it came. */
static void complete(struct uring *u, struct rota__op *op, int64_t result)
{
	if (may_signal(u, op))
		u->writes--;
	poller_complete(&u->poller, op, result);
}

/* Always succeeds: a full queue is emptied, and if even that fails the op waits its turn. */
static void request_or_queue(struct uring *u, struct rota__op *op)
{
	if (fifo_empty(&u->backlog) && request(u, op))
		return;
	if (u->enabled)
		submit_all(u);
	if (fifo_empty(&u->backlog) && request(u, op))
		return;
	op->prev = (struct rota__op *)u; /* marks: in the backlog */
	fifo_push(&u->backlog, &op->node);
}

static void empty_backlog(struct uring *u)
{
	while (!fifo_empty(&u->backlog)) {
		struct rota__op *op = container_of(u->backlog.head, struct rota__op, node);

		if (!request(u, op))
			return;
		fifo_pop(&u->backlog);
		op->prev = NULL;
	}
}

/* Take `op` out of one of our own queues. */
static bool fifo_take(struct rota__fifo *queue, struct rota__op *op)
{
	struct rota__fifo rest = { NULL, NULL };
	struct rota__node *node;
	bool found = false;

	while ((node = fifo_pop(queue)) != NULL) {
		if (node == &op->node)
			found = true;
		else
			fifo_push(&rest, node);
	}
	*queue = rest;
	return found;
}

/* ---- pooled receives that found no buffer ---- */

/* Most likely its bytes have come: they are received here and now, and not by a request, before which those that came later would
 * take the buffer again and again.  True: it has the buffer. */
static bool receive_starved(struct uring *u, struct rota__op *op, uint32_t buffer_id)
{
	int64_t n;

	op->engine = AS_ITSELF;
	op->buf.base = ring_buffer_at(&u->buffers, buffer_id);
	op->buf.len = u->buffers.bytes;
	n = rota__op_perform(op);
	if (n == -EAGAIN) {
		op->flags |= OP_POLL_FIRST; /* or it would be refused for want of a buffer that it does not need yet */
		request_or_queue(u, op);
		return false;
	}
	op->buffer_id = buffer_id;
	if (n == u->buffers.bytes)
		op->flags |= OP_NONEMPTY; /* there may be more */
	complete(u, op, n);
	return n > 0;
}

static void uring_give_back(struct rota__poller *p, uint32_t buffer_id)
{
	struct uring *u = uring_of(p);
	struct rota__node *node;

	while ((node = fifo_pop(&u->starved)) != NULL)
		if (receive_starved(u, container_of(node, struct rota__op, node), buffer_id))
			return;
	rota__ring_buffers_return(&u->buffers, buffer_id);
}

/* ---- completions ---- */

/* Before 5.19 or so a request on a non-blocking socket answered EAGAIN instead of waiting.  True: the
 * op goes on by another way. */
static bool try_again(struct uring *u, struct rota__op *op, int32_t res)
{
	if (op->state == OP_CANCELLING)
		return false;
	if (res == -EAGAIN && op->kind < OP_READ && op->kind != OP_CONNECT && op->kind != OP_RECV_MULTI && op->engine == AS_ITSELF) {
		op->engine = AS_POLL;
	} else if (op->engine == AS_POLL && res > 0) {
		op->engine = AS_ITSELF;
	} else if (res == -EINVAL && op->kind == OP_ACCEPT_MULTI && !u->no_multi) {
		u->no_multi = true; /* before 5.19 */
	} else if (res == -ECANCELED && u->moved) {
		/* Nobody asked for that: the thread that had submitted it has ended. */
	} else if (res == -EINTR && op->kind != OP_CLOSE) {
		/* A signal hit the worker thread that carried the request. */
	} else {
		return false;
	}
	request_or_queue(u, op);
	return true;
}

static bool takes_buffer(const struct rota__op *op)
{
	return op->kind == OP_RECV_POOLED || op->kind == OP_RECV_MULTI;
}

static void pooled_buffer(struct uring *u, struct rota__op *op, const struct io_uring_cqe *cqe)
{
	if (!(cqe->flags & IORING_CQE_F_BUFFER))
		return;
	u->buffers.provided--;
	op->buffer_id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	if (cqe->res > 0)
		op->buf.base = ring_buffer_at(&u->buffers, op->buffer_id);
	else
		rota__ring_buffers_provide(&u->buffers, op->buffer_id);
}

/* One may have come back since the kernel said so.  Who cannot be kept in line asks again by himself. */
static void found_no_buffer(struct uring *u, struct rota__op *op)
{
	if (rota__ring_buffers_one_more(&u->buffers) || u->buffers.provided > 0) {
		request_or_queue(u, op);
	} else if (op->kind == OP_RECV_MULTI) {
		complete(u, op, -ENOBUFS);
	} else {
		op->engine = STARVED;
		fifo_push(&u->starved, &op->node);
	}
}

/* A multishot may end without an error, and a single accept always does: it is renewed. */
static void accepted(struct uring *u, struct rota__op *op, int32_t fd, bool armed)
{
	poller_event(&u->poller, op, fd);
	if (armed)
		return;
	op->flags &= (uint8_t)~OP_MORE;
	if (op->state == OP_CANCELLING)
		complete(u, op, -ECANCELED);
	else
		request_or_queue(u, op);
}

/* It ends with the stream, with an error, or because the kernel lets it end: then it is renewed. */
static void received(struct uring *u, struct rota__op *op, int32_t res, bool armed)
{
	if (res > 0) {
		op->flags |= rota__ring_buffers_are_scarce(&u->buffers) ? OP_SCARCE : 0;
		poller_event(&u->poller, op, res);
		if (armed)
			return;
		op->flags &= (uint8_t)~OP_MORE;
		res = op->state == OP_CANCELLING ? -ECANCELED : -EINTR;
	} else if (res == -EINVAL || res == -EAGAIN) { /* before 6.0, or before 5.19 or so */
		u->no_recv_multi = true;
		u->poller.receives_on = false;
	}
	if (!try_again(u, op, res))
		complete(u, op, res);
}

/* A request that was interrupted answers EINTR, or one of the kernel's own restart codes, which it does
 * not hide from a ring.  If it was a cancel that interrupted it, that is the answer; and it is if all that a cancelled op has come to is
 * readiness. */
static int32_t plain_result(const struct rota__op *op, int32_t res)
{
	enum { ERESTARTSYS = 512, ERESTART_RESTARTBLOCK = 516 };

	if (res <= -ERESTARTSYS && res >= -ERESTART_RESTARTBLOCK)
		res = -EINTR;
	if (op->state == OP_CANCELLING && (res == -EINTR || (op->engine == AS_POLL && res >= 0)))
		return -ECANCELED;
	return res;
}

static void op_completed(struct uring *u, const struct io_uring_cqe *cqe)
{
	struct rota__op *op = (struct rota__op *)(uintptr_t)(cqe->user_data & 0xffffffffffff);
	uint32_t flags = cqe->flags;
	int32_t res = cqe->res;

	if (op->generation != cqe->user_data >> 48) {
		rota__ring_seen(&u->ring);
		return;
	}
	res = plain_result(op, res);
	if (takes_buffer(op))
		pooled_buffer(u, op, cqe);
	/* cqe may be overwritten from here on: what follows can submit. */
	rota__ring_seen(&u->ring);
	if (op->kind == OP_ACCEPT_MULTI && op->engine != AS_POLL && res >= 0) {
		accepted(u, op, res, flags & IORING_CQE_F_MORE);
		return;
	}
	op->flags &= (uint8_t)~(OP_MORE | OP_NONEMPTY | OP_SCARCE);
	if (flags & IORING_CQE_F_SOCK_NONEMPTY && res > 0)
		op->flags |= OP_NONEMPTY;
	if (res == -ENOBUFS && takes_buffer(op) && op->state != OP_CANCELLING) {
		found_no_buffer(u, op);
		return;
	}
	if (op->kind == OP_RECV_MULTI)
		received(u, op, res, flags & IORING_CQE_F_MORE);
	else if (!try_again(u, op, res))
		complete(u, op, res);
}

/* Its op was last touched when it was submitted; where there is none the address is an old one, and nothing happens. */
static void prefetch_op_behind(const struct uring *u, const struct io_uring_cqe *cqe)
{
	uintptr_t op = ring_cqe_behind(&u->ring, cqe, 2)->user_data & 0xffffffffffff;

	for (uintptr_t line = 0; line <= 128; line += 64)
		__builtin_prefetch((const void *)(op + line));
}

/* Everything that is in the completion queue now; how many there were. */
static unsigned reap(struct uring *u)
{
	struct io_uring_cqe *cqe;
	unsigned count = 0;

	for (; (cqe = rota__ring_cqe(&u->ring)) != NULL; count++) {
		prefetch_op_behind(u, cqe);
		if (cqe->user_data > TAG_WAKE) {
			op_completed(u, cqe);
			continue;
		}
		if (cqe->user_data == TAG_WAKE)
			u->wake_armed = cqe->flags & IORING_CQE_F_MORE;
		rota__ring_seen(&u->ring);
	}
	return count;
}

/* ---- the contract ---- */

/* The eventfd is watched by a multishot poll, which reports each write: it is never read. */
static void arm_wake(struct uring *u)
{
	struct io_uring_sqe *sqe = rota__ring_sqe(&u->ring);

	if (sqe == NULL)
		return; /* the next wait finds room */
	sqe->opcode = IORING_OP_POLL_ADD;
	sqe->fd = u->wake_fd;
	sqe->poll32_events = POLLIN;
	sqe->len = IORING_POLL_ADD_MULTI;
	sqe->user_data = TAG_WAKE;
	u->wake_armed = true;
}

static void describe(struct uring *u)
{
	uint32_t flags = u->ring.setup_flags;

	snprintf(u->description, sizeof u->description, "uring: %s%s%s",
		flags & IORING_SETUP_DEFER_TASKRUN  ? "single issuer, deferred task work"
			: flags & IORING_SETUP_COOP_TASKRUN ? "cooperative task work"
							    : "plain",
		flags & RING_SETUP_NO_SQARRAY ? ", no index array" : "",
		u->no_multi ? "" : ", multishot accept");
}

static int uring_open(struct rota__poller **ret, const struct rota__poller_config *config)
{
	struct uring *u = rota__alloc_zero(sizeof *u);
	int rc;

	if (u == NULL)
		return -ENOMEM;
	rc = rota__ring_open(&u->ring, ENTRIES, config->shareable);
	if (rc < 0) {
		rota__free(u);
		return rc;
	}
	u->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (u->wake_fd < 0) {
		rc = rota_errno();
		rota__ring_close(&u->ring);
		rota__free(u);
		return rc;
	}
	u->poller.engine = &rota__poller_uring;
	u->poller.receives_on = true;
	u->poller.gathers = !deferring(u); /* such a ring completes what has come at the end of each system call, one by one */
	u->told_fd = -1;
	u->buffers.count = config->buffer_count ? config->buffer_count : POLLER_BUFFERS;
	u->buffers.bytes = config->buffer_bytes ? config->buffer_bytes : POLLER_BUFFER_BYTES;
	assert((u->buffers.count & (u->buffers.count - 1)) == 0);
	describe(u);
	*ret = &u->poller;
	return 0;
}

static void uring_close(struct rota__poller *p)
{
	struct uring *u = uring_of(p);

	rota__ring_close(&u->ring);
	close(u->wake_fd);
	if (u->told_fd >= 0)
		close(u->told_fd);
	rota__ring_buffers_close(&u->buffers);
	rota__free(u);
}

static bool uring_submit(struct rota__poller *p, struct rota__op *op)
{
	struct uring *u = uring_of(p);
	int rc;

	if (!u->ring.ops[rota__ring_opcodes[op->kind]] || would_signal(u, op))
		return false;
	p->pending++;
	if (may_signal(u, op))
		u->writes++;
	op->engine = AS_ITSELF;
	op->prev = NULL;
	op->generation = ++u->generation;
	if (takes_buffer(op) && u->buffers.ring == NULL) {
		rc = rota__ring_buffers_open(&u->buffers, &u->ring);
		if (rc < 0) {
			complete(u, op, rc);
			return true;
		}
	}
	request_or_queue(u, op);
	return true;
}

static void uring_cancel(struct rota__poller *p, struct rota__op *op)
{
	struct uring *u = uring_of(p);
	struct io_uring_sqe *sqe;

	if (op->engine == STARVED) {
		fifo_take(&u->starved, op);
		complete(u, op, -ECANCELED);
		return;
	}
	if (op->prev == (struct rota__op *)u && fifo_take(&u->backlog, op)) {
		complete(u, op, -ECANCELED);
		return;
	}
	sqe = rota__ring_sqe(&u->ring);
	if (sqe == NULL && u->enabled) {
		submit_all(u);
		sqe = rota__ring_sqe(&u->ring);
	}
	if (sqe == NULL) {
		/* No room even now: the kernel is out of memory.  Ask it directly, if it can (6.0). */
		struct io_uring_sync_cancel_reg now = {
			.addr = tag_of(op), .timeout = { .tv_sec = 0, .tv_nsec = 1 } };
		sigset_t before = rota__sigpipe_block(); /* it may do what is deferred */

		rota__ring_register(&u->ring, IORING_REGISTER_SYNC_CANCEL, &now, 1);
		rota__sigpipe_unblock(&before, u->writes > 0);
		return;
	}
	sqe->opcode = IORING_OP_ASYNC_CANCEL;
	sqe->addr = tag_of(op);
	sqe->user_data = TAG_IGNORE;
	if (u->ring.features & IORING_FEAT_CQE_SKIP)
		sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
}

/* Cancelling, and what it leads to, is done in the enter. */
static bool uring_flush(struct rota__poller *p)
{
	struct uring *u = uring_of(p);

	if (u->enabled)
		submit_all(u);
	return !u->away;
}

static int enable(struct uring *u)
{
	int rc = rota__ring_enable(&u->ring);

	if (rc < 0)
		return rc;
	u->enabled = true;
	/* Timers of this thread are late by up to 50 us unless told otherwise. */
	prctl(PR_SET_TIMERSLACK, 1);
	return 0;
}

static int uring_moved(struct rota__poller *p)
{
	struct uring *u = uring_of(p);
	int rc;

	if (!u->enabled)
		return 0;
	rc = rota__ring_moved(&u->ring);
	if (rc < 0)
		return rc;
	u->moved = true;
	u->away = rota__ring_away(&u->ring);
	p->receives_on = !u->away && !u->no_recv_multi; /* what stays armed is better not another thread's */
	prctl(PR_SET_TIMERSLACK, 1);
	return 0;
}

/* What the other thread submitted completes on it, when it next passes through the kernel.  If it computes it
 * does not; an interrupt for a fence makes it. */
static void wait_away(struct uring *u, uint64_t deadline_ns)
{
	uint64_t left;

	do {
		rota__fence_all_threads();
		left = poller_left_until(deadline_ns);
		enter(u, 1, left < PUSH_NS ? left : PUSH_NS);
	} while (left > PUSH_NS && rota__ring_cqe(&u->ring) == NULL);
}

static void sleep_in_ring(struct uring *u, uint64_t deadline_ns)
{
	rota__ring_buffers_one_less(&u->buffers);
	enter(u, 1, poller_left_until(deadline_ns));
}

static int uring_wait(struct rota__poller *p, uint64_t deadline_ns)
{
	struct uring *u = uring_of(p);
	uint32_t before = p->reports;
	unsigned count;

	if (!u->enabled && enable(u) < 0)
		return 0;
	if (!u->wake_armed)
		arm_wake(u);
	empty_backlog(u);
	/* Without deferred task work something may be here already: a wake-up that was meant for the sleep we are about to begin,
	 * or an event that has just made work for the loop. */
	if (reap(u) > 0 || !fifo_empty(&p->completed) || !fifo_empty(&u->backlog))
		deadline_ns = ROTA_NOW;
	if (__builtin_expect(u->away, 0))
		wait_away(u, deadline_ns);
	else if (deadline_ns != ROTA_NOW)
		sleep_in_ring(u, deadline_ns);
	else if (ring_unsubmitted(&u->ring) > 0 || rota__ring_has_work(&u->ring) ||
		!(u->ring.setup_flags & IORING_SETUP_TASKRUN_FLAG))
		submit_all(u);
	count = reap(u);
	/* Another look only when the last was cut short: a busy peer always has one more for us, and an
	 * enter for one completion costs more than what is gained.  None of them may ask for completions
	 * with a time limit of 0: that sets a timer and gives the CPU away (2 us). */
	for (int i = 0; i < ROUNDS && count >= DEFERRED_MAX && rota__ring_has_work(&u->ring); i++) {
		submit_all(u);
		count = reap(u);
	}
	return (int)(p->reports - before);
}

static void raise_eventfd(int fd)
{
	uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof one);

	(void)n; /* EAGAIN: the count is full, and has woken it 2^64 times */
}

static void uring_wake(struct rota__poller *p)
{
	raise_eventfd(uring_of(p)->wake_fd);
}

/* The ring's own descriptor would not do: with deferred task work nobody who sleeps in poll(2) or epoll_wait(2) on it is woken, because
 * completions are made only when we enter.  A registered eventfd is written as soon as there is work for us. */
static int uring_expose(struct rota__poller *p)
{
	struct uring *u = uring_of(p);
	int fd, rc;

	if (u->told_fd >= 0)
		return u->told_fd;
	fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return rota_errno();
	rc = rota__ring_register(&u->ring, IORING_REGISTER_EVENTFD, &fd, 1);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return u->told_fd = fd;
}

static bool uring_hand_over(struct rota__poller *p)
{
	struct uring *u = uring_of(p);
	uint64_t count;
	ssize_t n;

	if (!u->enabled && enable(u) < 0)
		return true;
	if (!u->wake_armed)
		arm_wake(u);
	empty_backlog(u);
	if (ring_unsubmitted(&u->ring) > 0)
		submit_all(u);
	/* Before the look: what it was written for is seen then, what comes later writes it again. */
	n = read(u->told_fd, &count, sizeof count);
	(void)n; /* EAGAIN: it was not written */
	return rota__ring_cqe(&u->ring) != NULL || rota__ring_has_work(&u->ring) || ring_unsubmitted(&u->ring) > 0 ||
		!fifo_empty(&u->backlog);
}

/* Not by way of the ring: an eventfd that is written inside another's write is told of by the kernel's RCU, some milliseconds later. */
static void uring_tell(struct rota__poller *p)
{
	raise_eventfd(uring_of(p)->told_fd);
}

/* We remember nothing of it between ops; a poller on epoll may. */
static void uring_forget(struct rota__poller *p, int fd)
{
	rota__fd_closing(fd);
}

static const char *uring_describe(struct rota__poller *p)
{
	struct uring *u = uring_of(p);

	describe(u);
	return u->description;
}

const struct rota__poller_engine rota__poller_uring = {
	.name = "uring",
	.open = uring_open,
	.close = uring_close,
	.submit = uring_submit,
	.cancel = uring_cancel,
	.flush = uring_flush,
	.wait = uring_wait,
	.moved = uring_moved,
	.wake = uring_wake,
	.expose = uring_expose,
	.hand_over = uring_hand_over,
	.tell = uring_tell,
	.give_back = uring_give_back,
	.forget = uring_forget,
	.let_go = uring_forget,
	.describe = uring_describe,
};
