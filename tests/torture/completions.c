/* completions.c - the nth request of an io_uring answers an error, or less than it was asked for (completions.h)
 *
 *	request that is chosen --rota__ring_enter()--> at the kernel, as nothing or as less --rota__ring_cqe()--> answered
 *
 * One request is chosen in each run.  Workers have rings of their own, so requests are counted atomically; the one
 * that is chosen belongs to one ring, and its completion is met by whoever has that ring. */
#include "completions.h"

#include <errno.h>
#include <pthread.h>
#include <rota.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/atomic.h"
#include "harness/test.h"
#include "poll/ring.h"
#include "torture/calls.h"
#include "torture/tries.h"

int __real_rota__ring_enter(struct ring *ring, uint32_t wait_count, uint64_t left_ns);
struct io_uring_cqe *__real_rota__ring_cqe(struct ring *ring);
void __real_rota__ring_seen(struct ring *ring);
int __wrap_rota__ring_enter(struct ring *ring, uint32_t wait_count, uint64_t left_ns);
struct io_uring_cqe *__wrap_rota__ring_cqe(struct ring *ring);
void __wrap_rota__ring_seen(struct ring *ring);

/* ---- what a request may answer ---- */

/* The kernel's own code for a call to be restarted, which it does not hide from a ring. */
enum { RESTART = 512 };

static const struct {
	uint8_t opcode;
	const char *name;
	int errors[8];
} ways[] = {
#define WAYS(name, ...) { IORING_OP_##name, #name, { __VA_ARGS__ } }
	WAYS(RECV, ECONNRESET, EINTR, EAGAIN, RESTART, ENOMEM, SHORT),
	WAYS(RECVMSG, ECONNRESET, EINTR, EAGAIN, ENOMEM, SHORT),
	WAYS(SEND, EPIPE, ECONNRESET, EINTR, EAGAIN, ENOBUFS, ENOMEM, SHORT),
	WAYS(SENDMSG, EPIPE, ECONNRESET, EINTR, EAGAIN, ENOBUFS, ENOMEM, SHORT),
	WAYS(ACCEPT, EMFILE, ENFILE, ECONNABORTED, ENOBUFS, ENOMEM, EINTR, EAGAIN),
	WAYS(CONNECT, ECONNREFUSED, ETIMEDOUT, ENETUNREACH, ENOMEM),
	WAYS(POLL_ADD, ENOMEM, EINTR),
	WAYS(READ, EIO, EINTR, RESTART, ENOMEM, SHORT),
	WAYS(READV, EIO, EINTR, ENOMEM, SHORT),
	WAYS(WRITE, ENOSPC, EIO, EINTR, ENOMEM, SHORT),
	WAYS(WRITEV, ENOSPC, EIO, EINTR, ENOMEM, SHORT),
	WAYS(OPENAT, EMFILE, ENFILE, EINTR, ENOMEM),
	WAYS(CLOSE, EIO),
	WAYS(STATX, EACCES, EINTR, ENOMEM),
	WAYS(FSYNC, EIO, EINTR, ENOSPC),
	{ RING_OP_FTRUNCATE, "FTRUNCATE", { EIO, EINTR } },
	WAYS(RENAMEAT, EACCES, EINTR, ENOSPC),
	WAYS(UNLINKAT, EACCES, EINTR, ENOMEM),
	WAYS(MKDIRAT, EACCES, EINTR, ENOSPC),
#undef WAYS
};

/* -1: it does not fail. */
static int row_of(const struct io_uring_sqe *sqe)
{
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (ways[i].opcode == sqe->opcode)
			return (int)i;
	return -1;
}

/* Messages are whole, as are the structures that signals and watches give: there is no less of those. */
static bool can_be_short(const struct io_uring_sqe *sqe)
{
	int type = SOCK_STREAM;

	if (getsockopt(sqe->fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){ sizeof type }) < 0) {
		char path[32], target[64];
		ssize_t n;

		snprintf(path, sizeof path, "/proc/self/fd/%d", sqe->fd);
		n = readlink(path, target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		return target[0] == '/' || strncmp(target, "pipe:", 5) == 0;
	}
	return type == SOCK_STREAM;
}

static unsigned count_of(const struct io_uring_sqe *sqe, int row)
{
	unsigned count = 0;

	while (ways[row].errors[count] != 0)
		count++;
	if (ways[row].errors[count - 1] == SHORT && !can_be_short(sqe))
		count--;
	return count;
}

/* ---- the one that is chosen ---- */

static struct {
	size_t nth, way;
	size_t seen; /* atomic */
	struct tries *counted;
	bool armed; /* stored last: what follows is there */
	bool answered, shown;
	struct ring *ring;
	uint64_t user_data;
	int error;
	const char *name;
	/* What the kernel is given instead of the caller's, while it is short. */
	struct iovec iov;
	struct msghdr msg, *callers;
} chosen;

static void shorten(struct io_uring_sqe *sqe)
{
	switch (sqe->opcode) {
	case IORING_OP_READV:
	case IORING_OP_WRITEV:
		if (sqe->len == 0)
			return;
		chosen.iov = *(struct iovec *)(uintptr_t)sqe->addr;
		sqe->len = 1;
		sqe->addr = (uint64_t)(uintptr_t)&chosen.iov;
		break;
	case IORING_OP_RECVMSG:
	case IORING_OP_SENDMSG:
		chosen.callers = (struct msghdr *)(uintptr_t)sqe->addr;
		chosen.msg = *chosen.callers;
		if (chosen.msg.msg_iovlen == 0)
			return;
		chosen.iov = chosen.msg.msg_iov[0];
		chosen.msg.msg_iov = &chosen.iov;
		chosen.msg.msg_iovlen = 1;
		sqe->addr = (uint64_t)(uintptr_t)&chosen.msg;
		break;
	default:
		sqe->len = sqe->len > 1 ? 1 : sqe->len;
		return;
	}
	chosen.iov.iov_len = chosen.iov.iov_len > 1 ? 1 : chosen.iov.iov_len;
}

static void become_nothing(struct io_uring_sqe *sqe)
{
	uint64_t user_data = sqe->user_data;

	memset(sqe, 0, sizeof *sqe);
	sqe->opcode = IORING_OP_NOP;
	sqe->user_data = user_data;
}

static void count_ways(unsigned count)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* workers count at the same time */

	pthread_mutex_lock(&lock);
	tries_add(chosen.counted, (unsigned char)count);
	pthread_mutex_unlock(&lock);
}

static void look_at(struct ring *ring, struct io_uring_sqe *sqe)
{
	int row = row_of(sqe);
	unsigned count;

	if (row < 0)
		return;
	count = count_of(sqe, row);
	if (chosen.counted != NULL)
		count_ways(count);
	if (add_relaxed(&chosen.seen, 1) + 1 != chosen.nth)
		return;
	chosen.ring = ring;
	chosen.user_data = sqe->user_data;
	chosen.name = ways[row].name;
	chosen.error = ways[row].errors[chosen.way % count];
	if (chosen.error == SHORT)
		shorten(sqe);
	else if (sqe->opcode != IORING_OP_CLOSE)
		become_nothing(sqe);
	store_release(&chosen.armed, true); /* pairs with the acquires below */
}

int __wrap_rota__ring_enter(struct ring *ring, uint32_t wait_count, uint64_t left_ns)
{
	/* What an enter left behind is looked at again: then the numbers are others, which harms nobody. */
	if (load_relaxed(&chosen.nth) > 0 || load_relaxed(&chosen.counted) != NULL)
		for (uint32_t i = ring->submitted; i != ring->tail; i++)
			look_at(ring, &ring->sqes[i & ring->sq_mask]);
	return __real_rota__ring_enter(ring, wait_count, left_ns);
}

struct io_uring_cqe *__wrap_rota__ring_cqe(struct ring *ring)
{
	struct io_uring_cqe *cqe = __real_rota__ring_cqe(ring);

	if (cqe == NULL || !load_acquire(&chosen.armed) || chosen.ring != ring || chosen.answered ||
		chosen.user_data != cqe->user_data)
		return cqe;
	chosen.shown = true; /* and may be so again, before it is seen */
	if (chosen.error != SHORT)
		cqe->res = -chosen.error;
	if (chosen.callers != NULL) {
		struct iovec *iov = chosen.callers->msg_iov;
		size_t count = chosen.callers->msg_iovlen;

		*chosen.callers = chosen.msg;
		chosen.callers->msg_iov = iov;
		chosen.callers->msg_iovlen = count;
	}
	return cqe;
}

void __wrap_rota__ring_seen(struct ring *ring)
{
	if (load_acquire(&chosen.armed) && chosen.ring == ring && chosen.shown)
		chosen.answered = true;
	__real_rota__ring_seen(ring);
}

/* ---- runs ---- */

static bool harmless(void)
{
	return tries_harmless(chosen.error) || chosen.error == RESTART || (chosen.error == EAGAIN);
}

static void complain(const char *what, int number)
{
	test_fail(__FILE__, __LINE__, "request %zu, %s, answers %s: %s %d", chosen.nth, chosen.name != NULL ? chosen.name : "none",
		chosen.error == SHORT ? "less than it was asked for" : strerror(chosen.error), what, number);
}

static void run_once(int (*run)(void *arg), void *arg, const size_t *live, size_t kept, int open)
{
	int rc = run(arg), left = count_descriptors() - open;

	if (rc < 0 && (chosen.name == NULL || harmless()))
		complain("the answer is", rc);
	if (load_acquire(live) > kept)
		complain("pieces of memory left behind:", (int)(*live - kept));
	if (left > 0)
		complain("descriptors left behind:", left);
}

void torture_completions(int (*run)(void *arg), void *arg, const size_t *live)
{
	struct tries counted = { 0 };
	size_t step, tried = 0, kept;
	struct rota_loop *loop;
	bool uring;
	int open;

	CHECK_EQ(rota_loop_new(&loop, NULL), 0);
	uring = strcmp(rota_loop_poller(loop), "uring") == 0;
	CHECK_EQ(rota_loop_free(loop), 0);
	if (!uring)
		SKIP("there is no ring");
	CHECK_EQ(run(arg), 0); /* warms what is kept for later */
	kept = *live;
	open = count_descriptors();
	chosen.counted = &counted;
	run_once(run, arg, live, kept, open);
	if (counted.sum == 0)
		SKIP("it makes no request that can fail");
	step = tries_step(counted.sum);
	for (size_t i = 0; i < counted.sum; i += step, tried++) {
		size_t way, nth = tries_find(&counted, i, &way);

		memset(&chosen, 0, sizeof chosen);
		chosen.nth = nth;
		chosen.way = way;
		run_once(run, arg, live, kept, open);
	}
	printf("# %zu requests, which can fail in %zu ways: %zu tried\n", counted.calls, counted.sum, tried);
	free(counted.ways);
}
