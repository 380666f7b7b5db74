/* epoll.c - the poller for every Linux
 *
 * Descriptors are registered once, edge-triggered in both directions, when an op first has to wait for
 * them; after that no epoll_ctl(2) is ever needed, until the descriptor is closed and leaves by itself.
 * What epoll gets wrong, hence the generation: the registration belongs to the open file, not to the
 * number, so an event may come for a number that has another owner by now. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rota/base.h>

#include "base/sanitizers.h"
#include "os/mem.h"
#include "poll/generation.h"
#include "poll/readiness.h"

enum {
	/* More events need another call; libuv and Tokio take 1,024, but memory is touched by it. */
	EVENTS = 256,
};

static const uint64_t WAKE = UINT64_MAX; /* the eventfd's tag */

struct epoll {
	struct rota__poller poller;
	struct rota__readiness readiness;
	int epoll_fd, wake_fd;
	bool exposed;
	bool no_pwait2; /* whole milliseconds, rounded up */
	struct epoll_event events[EVENTS];
};

static struct epoll *epoll_of(struct rota__poller *p)
{
	return container_of(p, struct epoll, poller);
}

static int watch(struct rota__poller *p, int fd, uint32_t generation)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
		.data.u64 = (uint64_t)generation << 32 | (uint32_t)fd,
	};

	if (epoll_ctl(epoll_of(p)->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	/* A number whose closing we were not told of, and that is open again as the same file. */
	if (rota_errno() == -EEXIST && epoll_ctl(epoll_of(p)->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	return rota_errno();
}

static int epoll_open(struct rota__poller **ret, const struct rota__poller_config *config)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = WAKE };
	struct epoll *e = rota__alloc_zero(sizeof *e);
	int rc;

	if (e == NULL)
		return -ENOMEM;
	rc = rota__readiness_init(&e->readiness, &e->poller, config);
	if (rc < 0) {
		rota__free(e);
		return rc;
	}
	e->readiness.watch = watch;
	e->poller.engine = &rota__poller_epoll;
	e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	e->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->epoll_fd < 0 || e->wake_fd < 0 ||
		epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, e->wake_fd, &event) < 0) {
		rc = rota_errno();
		if (e->epoll_fd >= 0)
			close(e->epoll_fd);
		if (e->wake_fd >= 0)
			close(e->wake_fd);
		rota__readiness_fini(&e->readiness);
		rota__free(e);
		return rc;
	}
	/* Timers of this thread are late by up to 50 us unless told otherwise. */
	prctl(PR_SET_TIMERSLACK, 1);
	*ret = &e->poller;
	return 0;
}

static void epoll_close(struct rota__poller *p)
{
	struct epoll *e = epoll_of(p);

	close(e->epoll_fd);
	close(e->wake_fd);
	rota__readiness_fini(&e->readiness);
	rota__free(e);
}

static int epoll_moved(struct rota__poller *p)
{
	prctl(PR_SET_TIMERSLACK, 1);
	return 0;
}

static bool epoll_submit(struct rota__poller *p, struct rota__op *op)
{
	return rota__readiness_submit(&epoll_of(p)->readiness, op);
}

static void epoll_cancel(struct rota__poller *p, struct rota__op *op)
{
	rota__readiness_cancel(&epoll_of(p)->readiness, op);
}

/* ThreadSanitizer knows the other call to block, and lets signals through to it (see ring.c). */
#ifdef ROTA_TSAN
enum { KNOWN_CALLS_ONLY = true };
#else
enum { KNOWN_CALLS_ONLY = false };
#endif

static int wait_ms(struct epoll *e, uint64_t left_ns)
{
	uint64_t ms = left_ns / 1000000 + (left_ns % 1000000 != 0);

	return epoll_wait(e->epoll_fd, e->events, EVENTS, left_ns == ROTA_FOREVER ? -1 : ms > INT32_MAX ? INT32_MAX : (int)ms);
}

/* Wait `left_ns`; ROTA_FOREVER has no limit. */
static int wait_ns(struct epoll *e, uint64_t left_ns)
{
	struct timespec left = { (time_t)(left_ns / 1000000000), (long)(left_ns % 1000000000) };
	long n;

	if (left_ns == 0 || left_ns == ROTA_FOREVER || e->no_pwait2 || KNOWN_CALLS_ONLY)
		return wait_ms(e, left_ns);
	n = syscall(SYS_epoll_pwait2, e->epoll_fd, e->events, EVENTS, &left, NULL, (size_t)0);
	if (n < 0 && (rota_errno() == -ENOSYS || rota_errno() == -EPERM)) { /* before Linux 5.11, or a filter that does not know it */
		e->no_pwait2 = true;
		return wait_ms(e, left_ns);
	}
	return (int)n;
}

static int collect(struct epoll *e, uint64_t left_ns)
{
	int n = wait_ns(e, left_ns);

	for (int i = 0; i < n; i++) {
		uint64_t tag = e->events[i].data.u64;
		uint32_t events = e->events[i].events;
		bool broken = events & (EPOLLERR | EPOLLHUP);

		/* The eventfd is not read: the next write makes a new edge all the same. */
		if (tag == WAKE)
			continue;
		rota__readiness_edge(&e->readiness, (int)(uint32_t)tag, (uint32_t)(tag >> 32),
			broken || events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP), broken || events & EPOLLOUT,
			broken || events & (EPOLLRDHUP | EPOLLPRI));
	}
	return n;
}

static int epoll_wait_for(struct rota__poller *p, uint64_t deadline_ns)
{
	struct epoll *e = epoll_of(p);
	uint32_t before = p->reports;

	rota__readiness_run_hot(&e->readiness);
	if (p->reports != before || !fifo_empty(&p->completed) || e->readiness.hot >= 0)
		deadline_ns = ROTA_NOW;
	collect(e, poller_left_until(deadline_ns));
	return (int)(p->reports - before);
}

static void epoll_wake(struct rota__poller *p)
{
	uint64_t one = 1;
	ssize_t n = write(epoll_of(p)->wake_fd, &one, sizeof one);

	(void)n; /* EAGAIN: the count is full, and has woken it 2^64 times */
}

/* An epoll descriptor is readable while it has events that were not collected, and our wake-ups are some. */
static int epoll_expose(struct rota__poller *p)
{
	struct epoll *e = epoll_of(p);

	if (!e->exposed)
		epoll_wake(p);
	e->exposed = true;
	return e->epoll_fd;
}

static bool epoll_hand_over(struct rota__poller *p)
{
	return epoll_of(p)->readiness.hot >= 0 || !fifo_empty(&p->completed);
}

/* Nothing is ever kept back. */
static bool epoll_flush(struct rota__poller *p)
{
	(void)p;
	return true;
}

static void epoll_give_back(struct rota__poller *p, uint32_t buffer_id)
{
	rota__readiness_give_back(&epoll_of(p)->readiness, buffer_id);
}

static void epoll_forget(struct rota__poller *p, int fd)
{
	rota__fd_closing(fd);
}

static void epoll_let_go(struct rota__poller *p, int fd)
{
	epoll_ctl(epoll_of(p)->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* ENOENT: it was never waited for */
	rota__fd_closing(fd);
}

static const char *epoll_describe(struct rota__poller *p)
{
	return epoll_of(p)->no_pwait2 ? "epoll: edge-triggered, millisecond waits"
				      : "epoll: edge-triggered, nanosecond waits";
}

const struct rota__poller_engine rota__poller_epoll = {
	.name = "epoll",
	.open = epoll_open,
	.close = epoll_close,
	.submit = epoll_submit,
	.cancel = epoll_cancel,
	.wait = epoll_wait_for,
	.moved = epoll_moved,
	.wake = epoll_wake,
	.expose = epoll_expose,
	.hand_over = epoll_hand_over,
	.tell = epoll_wake,
	.flush = epoll_flush,
	.give_back = epoll_give_back,
	.forget = epoll_forget,
	.let_go = epoll_let_go,
	.describe = epoll_describe,
};
