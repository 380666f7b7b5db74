/* loop.c - limit: a ring of {fn, arg} where each call queues the next; the same for
 * immediates, but that the kernel is polled after every 64th; a turn that polls it */
#include "bench.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

struct call {
	void (*fn)(void *arg);
	void *arg;
};

static struct call ring[1024];
static unsigned head, tail;
static uint64_t left;

static void queue_next(void *arg)
{
	if (left-- > 0)
		ring[tail++ % 1024] = (struct call){ queue_next, arg };
}

static void chain(const char *metric, uint64_t count)
{
	uint64_t start_ns = bench_now_ns();

	left = count;
	queue_next(NULL);
	while (head != tail) {
		struct call c = ring[head++ % 1024];

		c.fn(c.arg);
	}
	bench_result_each(metric, start_ns, count);
}

static int open_epoll(void)
{
	int epoll_fd = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, eventfd(0, 0), &event);
	return epoll_fd;
}

static void immediates(uint64_t count)
{
	int epoll_fd = open_epoll();
	struct epoll_event event;
	uint64_t start_ns = bench_now_ns();

	left = count;
	queue_next(NULL);
	while (head != tail) {
		struct call c = ring[head++ % 1024];

		c.fn(c.arg);
		if (head % 64 == 0)
			epoll_wait(epoll_fd, &event, 1, 0);
	}
	bench_result_each("immediate", start_ns, count);
}

static void turns(uint64_t count)
{
	int epoll_fd = open_epoll();
	struct epoll_event event;
	uint64_t start_ns = bench_now_ns();

	for (uint64_t i = 0; i < count; i++)
		epoll_wait(epoll_fd, &event, 1, 0);
	bench_result_each("loop-turn", start_ns, count);
}

int main(void)
{
	if (bench_wants("next-tick"))
		chain("next-tick", bench_ops(50000000));
	if (bench_wants("microtask"))
		chain("microtask", bench_ops(50000000));
	if (bench_wants("immediate"))
		immediates(bench_ops(10000000));
	if (bench_wants("loop-turn"))
		turns(bench_ops(1000000));
	return 0;
}
