/* post.c - libuv: uv_async_t and a locked list of the poster's own nodes, as its users write it */
#include "bench.h"
#include "futex.h"

#include <uv.h>

enum { ROUND_TRIPS = 10000, FLOOD = 3000000 };

struct post {
	struct post *next;
	void (*fn)(struct post *);
};

static uv_async_t async;
static uv_mutex_t lock;
static struct post *head, **tail = &head;
static atomic_int answer;
static uint64_t counted;

static void run_posts(uv_async_t *handle)
{
	struct post *p;

	(void)handle;
	uv_mutex_lock(&lock);
	p = head;
	head = NULL;
	tail = &head;
	uv_mutex_unlock(&lock);
	while (p != NULL) {
		struct post *next = p->next;

		p->fn(p);
		p = next;
	}
}

static void post(struct post *p, void (*fn)(struct post *))
{
	p->next = NULL;
	p->fn = fn;
	uv_mutex_lock(&lock);
	*tail = p;
	tail = &p->next;
	uv_mutex_unlock(&lock);
	uv_async_send(&async);
}

static void answer_it(struct post *p)
{
	(void)p;
	bench_futex_wake(&answer);
}

static void count_it(struct post *p)
{
	(void)p;
	if (++counted == FLOOD)
		bench_futex_wake(&answer);
}

static void end(struct post *p)
{
	(void)p;
	uv_close((uv_handle_t *)&async, NULL);
}

static void round_trips(void)
{
	static uint64_t ns[ROUND_TRIPS];
	struct post p;

	for (int i = 0; i < ROUND_TRIPS; i++) {
		uint64_t start_ns = bench_now_ns();

		post(&p, answer_it);
		bench_futex_wait(&answer);
		ns[i] = bench_now_ns() - start_ns;
	}
	bench_result_percentiles("post-roundtrip", ns, ROUND_TRIPS);
}

static void flood(void)
{
	struct post *all = malloc(FLOOD * sizeof *all);
	uint64_t start_ns;

	memset(all, 1, FLOOD * sizeof *all);
	start_ns = bench_now_ns();
	for (size_t i = 0; i < FLOOD; i++)
		post(&all[i], count_it);
	bench_futex_wait(&answer);
	bench_result_rate("post-flood", start_ns, FLOOD);
}

static void foreign_thread(void *arg)
{
	static struct post last;

	(void)arg;
	round_trips();
	flood();
	post(&last, end);
}

int main(void)
{
	uv_thread_t thread;

	uv_mutex_init(&lock);
	uv_async_init(uv_default_loop(), &async, run_posts);
	uv_thread_create(&thread, foreign_thread, NULL);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	uv_thread_join(&thread);
	return 0;
}
