/* forkjoin.c - limit: calls that others may take
 *
 * What a parent forks lies in its own frame and in its thread's deque; when it joins, it takes back what nobody
 * stole and simply calls it.  Such a call cannot wait for I/O, as a task can: this is the price of dividing the
 * work, without that of stacks. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "bench.h"

enum { ROOM = 1 << 12 };

struct job {
	void (*fn)(struct job *job);
	atomic_int done;
};

struct deque {
	_Alignas(64) atomic_long top;	 /* thieves take here */
	_Alignas(64) atomic_long bottom; /* its thread pushes and takes here */
	_Atomic(struct job *) jobs[ROOM];
};

static struct deque deques[2];
static _Thread_local int me;
static atomic_int stop;

static void push(struct job *job)
{
	struct deque *d = &deques[me];
	long bottom = atomic_load_explicit(&d->bottom, memory_order_relaxed);

	atomic_store_explicit(&job->done, 0, memory_order_relaxed);
	atomic_store_explicit(&d->jobs[bottom % ROOM], job, memory_order_relaxed);
	atomic_store_explicit(&d->bottom, bottom + 1, memory_order_release);
}

/* The newest of our own; NULL: it was stolen. */
static struct job *take(void)
{
	struct deque *d = &deques[me];
	long bottom = atomic_load_explicit(&d->bottom, memory_order_relaxed) - 1, top;
	struct job *job = NULL;

	atomic_store_explicit(&d->bottom, bottom, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	top = atomic_load_explicit(&d->top, memory_order_relaxed);
	if (top <= bottom) {
		job = atomic_load_explicit(&d->jobs[bottom % ROOM], memory_order_relaxed);
		if (top < bottom)
			return job;
		if (!atomic_compare_exchange_strong(&d->top, &top, top + 1))
			job = NULL;
	}
	atomic_store_explicit(&d->bottom, bottom + 1, memory_order_relaxed);
	return job;
}

static struct job *steal(void)
{
	struct deque *d = &deques[!me];
	long top = atomic_load_explicit(&d->top, memory_order_acquire);
	struct job *job;

	atomic_thread_fence(memory_order_seq_cst);
	if (top >= atomic_load_explicit(&d->bottom, memory_order_acquire))
		return NULL;
	job = atomic_load_explicit(&d->jobs[top % ROOM], memory_order_relaxed);
	return atomic_compare_exchange_strong(&d->top, &top, top + 1) ? job : NULL;
}

static void run_stolen(void)
{
	struct job *job = steal();

	if (job == NULL) {
		__builtin_ia32_pause();
		return;
	}
	job->fn(job);
	atomic_store_explicit(&job->done, 1, memory_order_release);
}

/* The last one pushed is the first one joined: what take() gives is ours, or it was stolen. */
static void join(struct job *job)
{
	if (take() != NULL)
		job->fn(job);
	else
		while (!atomic_load_explicit(&job->done, memory_order_acquire))
			run_stolen();
}

struct fib {
	struct job job;
	int n;
	uint64_t result;
};

static void fib(struct job *job)
{
	struct fib *f = (struct fib *)job, a, b;

	if (f->n < 2) {
		f->result = (uint64_t)f->n;
		return;
	}
	a = (struct fib){ .job.fn = fib, .n = f->n - 1 };
	b = (struct fib){ .n = f->n - 2 };
	push(&a.job);
	fib(&b.job);
	join(&a.job);
	f->result = a.result + b.result;
}

struct part {
	struct job job;
	uint64_t first, count, sum;
};

static void skynet(struct job *job)
{
	struct part *p = (struct part *)job, parts[10];

	p->sum = p->first;
	if (p->count == 1)
		return;
	for (uint64_t i = 0; i < 10; i++) {
		parts[i] = (struct part){
			.job.fn = skynet, .first = p->first + i * (p->count / 10), .count = p->count / 10
		};
		push(&parts[i].job);
	}
	p->sum = 0;
	for (int i = 9; i >= 0; i--) {
		join(&parts[i].job);
		p->sum += parts[i].sum;
	}
}

static void *help(void *unused)
{
	(void)unused;
	me = 1;
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		run_stolen();
	return NULL;
}

/* The limit is the same whenever a child runs. */
static void result(const char *metric, const char *same_metric, uint64_t start_ns)
{
	double ms = (double)(bench_now_ns() - start_ns) / 1e6;

	bench_result(metric, ms);
	bench_result(same_metric, ms);
}

int main(void)
{
	struct fib f = { .n = 30 };
	struct part all = { .count = 1000000 };
	pthread_t helper;
	cpu_set_t cpus;
	int several;
	uint64_t start_ns;

	sched_getaffinity(0, sizeof cpus, &cpus);
	several = CPU_COUNT(&cpus) > 1;
	if (several)
		pthread_create(&helper, NULL, help, NULL);
	for (int warm = 1; warm >= 0; warm--) {
		start_ns = bench_now_ns();
		fib(&f.job);
		if (!warm)
			result("fib-30", "fib-30-now", start_ns);
		start_ns = bench_now_ns();
		skynet(&all.job);
		if (!warm)
			result("skynet", "skynet-now", start_ns);
	}
	atomic_store(&stop, 1);
	if (several)
		pthread_join(helper, NULL);
	return f.result != 832040 || all.sum != UINT64_C(499999500000);
}
