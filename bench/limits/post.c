/* post.c - limit: a push on a lock-free stack and an eventfd for a loop that sleeps in epoll
 *
 * For the flood with a CPU for each thread a ring between two threads that never sleep is the limit:
 * a cache line has to go from one to the other. */
#include "bench.h"
#include "futex.h"

#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { ROUND_TRIPS = 10000, FLOOD = 3000000, RING = 4096 };

struct post {
	struct post *next;
};

static _Atomic(struct post *) posts;
static atomic_int asleep, answer;
static int event_fd;
static size_t expected;
static bool flood;

static void sleep_for_posts(int epoll_fd)
{
	struct epoll_event event;

	atomic_store(&asleep, 1);
	if (atomic_load(&posts) == NULL)
		epoll_wait(epoll_fd, &event, 1, -1);
	atomic_store(&asleep, 0);
}

static void *loop(void *arg)
{
	int epoll_fd = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	size_t count = 0;

	(void)arg;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event);
	while (count < expected) {
		struct post *p = atomic_exchange(&posts, NULL);

		if (p == NULL)
			sleep_for_posts(epoll_fd);
		for (; p != NULL; count++) {
			struct post *next = p->next;

			if (!flood)
				bench_futex_wake(&answer);
			p = next;
		}
	}
	return NULL;
}

static void post(struct post *p)
{
	static const uint64_t one = 1;

	p->next = atomic_load_explicit(&posts, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&posts, &p->next, p))
		;
	if (atomic_load(&asleep) && atomic_exchange(&asleep, 0) &&
		write(event_fd, &one, sizeof one) < 0)
		abort();
}

static void round_trips(void)
{
	static uint64_t ns[ROUND_TRIPS];
	struct post p;
	pthread_t thread;

	expected = ROUND_TRIPS;
	pthread_create(&thread, NULL, loop, NULL);
	for (int i = 0; i < ROUND_TRIPS; i++) {
		uint64_t start_ns = bench_now_ns();

		post(&p);
		bench_futex_wait(&answer);
		ns[i] = bench_now_ns() - start_ns;
	}
	pthread_join(thread, NULL);
	bench_result_percentiles("post-roundtrip", ns, ROUND_TRIPS);
}

static void flood_one_cpu(void)
{
	struct post *all = malloc(FLOOD * sizeof *all);
	pthread_t thread;
	uint64_t start_ns;

	memset(all, 1, FLOOD * sizeof *all);
	expected = FLOOD;
	flood = true;
	pthread_create(&thread, NULL, loop, NULL);
	start_ns = bench_now_ns();
	for (size_t i = 0; i < FLOOD; i++)
		post(&all[i]);
	pthread_join(thread, NULL);
	bench_result_rate("post-flood", start_ns, FLOOD);
	free(all);
}

static struct {
	_Alignas(64) atomic_uint head;
	_Alignas(64) atomic_uint tail;
	_Alignas(64) void *slot[RING];
} ring;

static void *fill_ring(void *arg)
{
	unsigned head = 0, tail = 0;

	for (size_t i = 0; i < 10 * (size_t)FLOOD; i++) {
		while (tail - head == RING)
			head = atomic_load_explicit(&ring.head, memory_order_acquire);
		ring.slot[tail % RING] = arg;
		atomic_store_explicit(&ring.tail, ++tail, memory_order_release);
	}
	return NULL;
}

static void flood_two_cpus(void)
{
	unsigned head = 0, tail = 0;
	uint64_t start_ns = bench_now_ns();
	pthread_t thread;

	pthread_create(&thread, NULL, fill_ring, &ring);
	for (size_t i = 0; i < 10 * (size_t)FLOOD; i++) {
		while (head == tail)
			tail = atomic_load_explicit(&ring.tail, memory_order_acquire);
		if (ring.slot[head % RING] != &ring)
			abort();
		atomic_store_explicit(&ring.head, ++head, memory_order_release);
	}
	pthread_join(thread, NULL);
	bench_result_rate("post-flood", start_ns, 10 * (uint64_t)FLOOD);
}

int main(void)
{
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof cpus, &cpus);
	event_fd = eventfd(0, EFD_NONBLOCK);
	round_trips();
	if (CPU_COUNT(&cpus) == 1)
		flood_one_cpu();
	else
		flood_two_cpus();
	return 0;
}
