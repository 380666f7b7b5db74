/* pool.c - limit: one thread behind a mutex and a condition; a round trip is two futexes */
#include "bench.h"
#include "futex.h"

#include <pthread.h>

enum { ROUND_TRIPS = 10000, JOBS = 1000000 };

struct job {
	struct job *next;
	void (*fn)(void);
};

static atomic_int ask, answer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct job *head, **tail = &head;
static bool idle;
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

static void *work(void *arg)
{
	(void)arg;
	while (ran < JOBS) {
		struct job *job;

		pthread_mutex_lock(&lock);
		while (head == NULL) {
			idle = true;
			pthread_cond_wait(&more, &lock);
			idle = false;
		}
		job = head;
		head = job->next;
		if (head == NULL)
			tail = &head;
		pthread_mutex_unlock(&lock);
		job->fn();
	}
	return NULL;
}

static void submit(struct job *job)
{
	bool wake;

	job->next = NULL;
	job->fn = count_it;
	pthread_mutex_lock(&lock);
	*tail = job;
	tail = &job->next;
	wake = idle;
	pthread_mutex_unlock(&lock);
	if (wake)
		pthread_cond_signal(&more);
}

static void throughput(void)
{
	struct job *jobs = malloc(JOBS * sizeof *jobs);
	pthread_t thread;
	uint64_t start_ns;

	memset(jobs, 1, JOBS * sizeof *jobs);
	pthread_create(&thread, NULL, work, NULL);
	start_ns = bench_now_ns();
	for (size_t i = 0; i < JOBS; i++)
		submit(&jobs[i]);
	pthread_join(thread, NULL);
	bench_result_rate("pool-rate", start_ns, JOBS);
	free(jobs);
}

int main(void)
{
	round_trips();
	throughput();
	return 0;
}
