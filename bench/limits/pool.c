/* pool.c - limit: one thread and two lists behind a mutex, each side taking all of the other's at once;
 * a round trip is two futexes */
#include "bench.h"
#include "futex.h"

#include <pthread.h>

enum { ROUND_TRIPS = 10000, AT_ONCE = 1000, JOBS = 3000000 };

struct job {
	struct job *next;
	void (*fn)(void);
};

struct list {
	struct job *head, **tail;
};

static atomic_int ask, answer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more_work = PTHREAD_COND_INITIALIZER, more_done = PTHREAD_COND_INITIALIZER;
static struct list work, done;
static uint64_t ran;

static void *answer_each(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUND_TRIPS; i++) {
		bench_futex_wait(&ask);
		bench_futex_wake(&answer);
	}
	return NULL;
}

static void round_trips(void)
{
	static uint64_t ns[ROUND_TRIPS];
	pthread_t thread;

	pthread_create(&thread, NULL, answer_each, NULL);
	for (int i = 0; i < ROUND_TRIPS; i++) {
		uint64_t start_ns = bench_now_ns();

		bench_futex_wake(&ask);
		bench_futex_wait(&answer);
		ns[i] = bench_now_ns() - start_ns;
	}
	pthread_join(thread, NULL);
	bench_result_percentiles("pool-roundtrip", ns, ROUND_TRIPS);
}

static void count_it(void)
{
	ran++;
}

static void append(struct list *list, struct job *first, struct job **last)
{
	*(list->head != NULL ? list->tail : &list->head) = first;
	list->tail = last;
}

/* Put `jobs` into one list and take all of the other. */
static struct list exchange(struct list jobs, struct list *to, pthread_cond_t *tell, struct list *from,
	pthread_cond_t *await)
{
	struct list got;

	pthread_mutex_lock(&lock);
	if (jobs.head != NULL) {
		append(to, jobs.head, jobs.tail);
		pthread_cond_signal(tell);
	}
	while (from->head == NULL)
		pthread_cond_wait(await, &lock);
	got = *from;
	from->head = NULL;
	pthread_mutex_unlock(&lock);
	*got.tail = NULL;
	return got;
}

static void *run_all(void *arg)
{
	struct list jobs = { NULL, NULL };

	(void)arg;
	for (;;) {
		jobs = exchange(jobs, &done, &more_done, &work, &more_work);
		for (struct job *job = jobs.head; job != NULL; job = job->next)
			job->fn();
	}
	return NULL;
}

static void throughput(void)
{
	static struct job all[AT_ONCE];
	struct list jobs = { all, &all[AT_ONCE - 1].next };
	pthread_t thread;
	uint64_t start_ns;

	for (size_t i = 0; i < AT_ONCE; i++)
		all[i] = (struct job){ i + 1 < AT_ONCE ? &all[i + 1] : NULL, count_it };
	pthread_create(&thread, NULL, run_all, NULL);
	start_ns = bench_now_ns();
	for (uint64_t count = 0; count < JOBS;) {
		jobs = exchange(jobs, &work, &more_work, &done, &more_done);
		for (struct job *job = jobs.head; job != NULL; job = job->next)
			count++;
	}
	bench_result_rate("pool-rate", start_ns, JOBS);
}

int main(void)
{
	round_trips();
	throughput();
	return 0;
}
