/* work.c - the blocking pool (work.h)
 *
 * A few threads are made as soon as jobs find none idle: they do for short jobs however many there are.
 * More are made, up to threads_max, only when the queue has not moved for STALL_NS: then the threads
 * are blocked, and jobs may even wait for each other.  A supervisor thread watches for that while
 * jobs are queued.  Idle threads leave after keep_alive_ns.
 *
 * Where there are CPUs for it one thread that has nothing to do spins for SPIN_NS before it is idle, so that a task which asks
 * again and again waits for no wake-up.  One lock guards everything; it is held for some twenty nanoseconds a job, which allows
 * about ten million jobs a second, more than any pool thread can want.
 *
 * A child of fork() has none of the threads: it starts again with an empty pool. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include <rota/run.h>

#include "base/atomic.h"
#include "os/notes.h"
#include "os/spin.h"
#include "work/work.h"

enum {
	/* libuv's number: keeps two CPUs and a disk busy. */
	THREADS_AT_ONCE = 4,
	/* Before it sleeps, one thread looks for the next job so long: to be woken takes as long again. */
	SPIN_NS = 10000,
	STALL_NS = 1000000, /* a thread takes 50 us to make: waiting longer than 1 ms is the worse delay */
	SUPERVISOR_RESTS_S = 10, /* longer than the pauses of a busy program */
	/* glibc's getaddrinfo and user code expect a normal stack; only what is touched is paid. */
	STACK_BYTES = 1 << 20,
};

/* Blocked threads cost 10 KiB each, too few of them a deadlock: Tokio's numbers. */
static unsigned threads_max = 512;
static uint64_t keep_alive_ns = 10000000000;

/* Held for so short a time that who finds it taken had better look again before he sleeps. */
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
#define LOCK_FREE PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
#else
#define LOCK_FREE PTHREAD_MUTEX_INITIALIZER
#endif

static pthread_mutex_t lock = LOCK_FREE;
static pthread_cond_t wake, stir; /* for the threads, for the supervisor; on the monotonic clock */
static struct list queues[WORK_LANES];
static unsigned queued, running[WORK_LANES];
static unsigned threads, idle, next_lane;
static unsigned promised, starting; /* threads on their way, woken or new: each will look for a job */
static bool spins;		    /* so will the thread that spins */
static bool may_spin;		    /* there is a CPU for that beside the loop's */
static uint64_t taken; /* jobs so far: the queue moves when this does */
static enum { NO_SUPERVISOR, WATCHING, RESTING } supervisor;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- jobs whose memory is used for something else before they are done (os/notes.h) ----
 *
 * In the lock. */
#ifndef NDEBUG
static struct rota__notes notes;

static bool intact(const struct rota__lent_note *note)
{
	const struct rota__job *job = note->object;

	return job->site == note->site && (const void *)(uintptr_t)job->run == note->owner && job->lane < WORK_LANES &&
		(job->state == JOB_QUEUED || job->state == JOB_RUNNING);
}

static void note(const struct rota__job *job)
{
	static const struct rota__note_kind kind = { "asked for", "it was done", intact };

	rota__notes_add(&notes,
		(struct rota__lent_note){ job, (const void *)(uintptr_t)job->run, "request for the blocking pool", job->site, &kind });
}

static void check(const struct rota__job *job)
{
	rota__notes_check(&notes, job);
}

static void forget(const struct rota__job *job)
{
	rota__notes_remove(&notes, job);
}

/* Out of the lock: about to be done. */
static void has_run(const struct rota__job *job)
{
	pthread_mutex_lock(&lock);
	check(job);
	forget(job);
	pthread_mutex_unlock(&lock);
}
#else
static inline void note(const struct rota__job *job)
{
}

static inline void check(const struct rota__job *job)
{
}

static inline void forget(const struct rota__job *job)
{
}

static inline void has_run(const struct rota__job *job)
{
}
#endif

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&lock);
}

static void empty(void)
{
	pthread_condattr_t attr;

	for (int i = 0; i < WORK_LANES; i++) {
		list_init(&queues[i]);
		running[i] = 0;
	}
#ifndef NDEBUG
	rota__notes_fini(&notes);
#endif
	queued = threads = idle = promised = starting = 0;
	spins = false;
	supervisor = NO_SUPERVISOR;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&wake, &attr);
	pthread_cond_init(&stir, &attr);
	pthread_condattr_destroy(&attr);
}

/* The parent's jobs are the parent's; so are its threads. */
static void after_fork_in_child(void)
{
	empty();
	lock = (pthread_mutex_t)LOCK_FREE;
}

static void init(void)
{
	cpu_set_t cpus;

	may_spin = sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) > 1;
	empty();
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* Who spins looks at it without the lock. */
static void count_queued(int more)
{
	store_relaxed(&queued, queued + (unsigned)more);
}

/* How many threads a lane may hold: not all, so that jobs that never end, of one kind, leave an eighth to the others;
 * names, which hang together when a server is away, half. */
static unsigned share(unsigned lane)
{
	unsigned n = lane == WORK_NAMES ? threads_max / 2 : threads_max - (threads_max + 7) / 8;

	return n > 0 ? n : 1;
}

/* The lane has a job that may run. */
static bool open_lane(unsigned lane)
{
	return !list_empty(&queues[lane]) && running[lane] < share(lane);
}

static bool any_open_lane(void)
{
	for (unsigned lane = 0; lane < WORK_LANES; lane++)
		if (open_lane(lane))
			return true;
	return false;
}

/* The next job, the lanes in turn; NULL: none may run. */
static struct rota__job *take(void)
{
	for (unsigned i = 0; i < WORK_LANES; i++) {
		unsigned lane = (next_lane + i) % WORK_LANES;
		struct rota__job *job;

		if (!open_lane(lane))
			continue;
		next_lane = lane + 1;
		job = list_first(&queues[lane], struct rota__job, link);
		check(job);
		list_remove(&job->link);
		job->state = JOB_RUNNING;
		running[lane]++;
		count_queued(-1);
		taken++;
		return job;
	}
	return NULL;
}

static struct timespec from_now(time_t seconds, long ns)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += seconds + (at.tv_nsec + ns) / 1000000000;
	at.tv_nsec = (at.tv_nsec + ns) % 1000000000;
	return at;
}

/* True: there is a job.  Unlocks meanwhile. */
static bool spin_for_work(void)
{
	unsigned looks = 0;
	uint64_t until_ns;

	if (spins || !may_spin)
		return false;
	spins = true;
	pthread_mutex_unlock(&lock);
	until_ns = rota_now_ns() + SPIN_NS;
	while (load_relaxed(&queued) == 0 && rota_now_ns() < until_ns)
		rota__spin_pause(&looks);
	pthread_mutex_lock(&lock);
	spins = false;
	return any_open_lane();
}

/* Wait for a wake-up.  False: none came in keep_alive_ns. */
static bool wait_for_work(void)
{
	struct timespec until = from_now((time_t)(keep_alive_ns / 1000000000), (long)(keep_alive_ns % 1000000000));
	int rc = 0;

	idle++;
	while (promised == 0 && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&wake, &lock, &until);
	idle--;
	if (promised == 0)
		return false;
	promised--;
	return true;
}

/* Signals are for the program's own threads: pool threads block them all. */
static int start_thread(void *(*body)(void *))
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int rc = pthread_attr_init(&attr);

	if (rc != 0)
		return -rc;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, &attr, body, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -rc;
}

static void *thread_main(void *unused);
static void *supervise(void *unused);

static void add_thread(void)
{
	if (start_thread(thread_main) < 0)
		return; /* those that are there will come to the jobs */
	threads++;
	starting++;
}

/* No thread is idle, and there are as many as short jobs can use. */
static void call_supervisor(void)
{
	if (supervisor == RESTING) {
		supervisor = WATCHING;
		pthread_cond_signal(&stir);
	} else if (supervisor == NO_SUPERVISOR && start_thread(supervise) == 0) {
		supervisor = WATCHING;
	}
}

/* Jobs are queued: see that a thread comes for them, one at a time, for each calls the next when it
 * takes a job and leaves others.  True: signal `wake` once the lock is free, or the woken thread would
 * only come to wait for it. */
static bool call_a_thread(void)
{
	if (promised + starting > 0 || spins)
		return false;
	if (idle > 0) {
		promised = 1;
		return true;
	}
	if (threads < THREADS_AT_ONCE && threads < threads_max)
		add_thread();
	else if (threads < threads_max)
		call_supervisor();
	return false;
}

static void *thread_main(void *unused)
{
	struct rota__job *job;

	pthread_setname_np(pthread_self(), "rota-blocking");
	pthread_mutex_lock(&lock);
	starting--;
	do {
		while ((job = take()) != NULL) {
			unsigned lane = job->lane;
			bool signal = queued > 0 && call_a_thread();

			pthread_mutex_unlock(&lock);
			if (signal)
				pthread_cond_signal(&wake);
			job->run(job);
			has_run(job);
			job->done(job); /* the job may be gone now */
			pthread_mutex_lock(&lock);
			running[lane]--;
		}
	} while (spin_for_work() || wait_for_work());
	threads--;
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* While jobs are queued, look every STALL_NS whether one was taken; if not, add a thread. */
static void watch(void)
{
	while (any_open_lane() && threads < threads_max) {
		struct timespec until = from_now(0, STALL_NS);
		uint64_t before = taken;

		while (pthread_cond_timedwait(&stir, &lock, &until) != ETIMEDOUT)
			;
		if (queued > 0 && taken == before)
			add_thread(); /* if none can be made, the next round tries again */
	}
}

static void *supervise(void *unused)
{
	pthread_setname_np(pthread_self(), "rota-watch");
	pthread_mutex_lock(&lock);
	for (;;) {
		struct timespec until = from_now(SUPERVISOR_RESTS_S, 0);
		int rc = 0;

		supervisor = WATCHING;
		watch();
		supervisor = RESTING;
		while (supervisor == RESTING && rc != ETIMEDOUT)
			rc = pthread_cond_timedwait(&stir, &lock, &until);
		if (supervisor == RESTING)
			break;
	}
	supervisor = NO_SUPERVISOR;
	pthread_mutex_unlock(&lock);
	return NULL;
}

int rota__work_submit(struct rota__job *job)
{
	bool signal;

	pthread_once(&once, init);
	pthread_mutex_lock(&lock);
	list_append(&queues[job->lane], &job->link);
	job->state = JOB_QUEUED;
	note(job);
	count_queued(1);
	signal = call_a_thread();
	if (threads == 0) { /* none can be made */
		forget(job);
		list_remove(&job->link);
		job->state = JOB_NEW;
		count_queued(-1);
		pthread_mutex_unlock(&lock);
		return -EAGAIN;
	}
	pthread_mutex_unlock(&lock);
	if (signal)
		pthread_cond_signal(&wake);
	return 0;
}

bool rota__work_cancel(struct rota__job *job)
{
	bool cancelled;

	pthread_mutex_lock(&lock);
	cancelled = job->state == JOB_QUEUED;
	if (cancelled) {
		forget(job);
		list_remove(&job->link);
		job->state = JOB_NEW;
		count_queued(-1);
	}
	pthread_mutex_unlock(&lock);
	return cancelled;
}

void rota__work_count(unsigned *ret_threads, unsigned *ret_idle)
{
	pthread_mutex_lock(&lock);
	*ret_threads = threads;
	*ret_idle = idle;
	pthread_mutex_unlock(&lock);
}

int rota_blocking_limits(unsigned max, uint64_t keep_ns)
{
	enum { MOST = 32768 }; /* what Linux gives one user by default */

	if (max > MOST || (keep_ns != 0 && keep_ns != ROTA_FOREVER && keep_ns / 1000000000 > INT32_MAX))
		return -EINVAL;
	pthread_mutex_lock(&lock);
	if (max != 0)
		threads_max = max;
	if (keep_ns != 0)
		keep_alive_ns = keep_ns != ROTA_FOREVER ? keep_ns : INT32_MAX * UINT64_C(1000000000);
	pthread_mutex_unlock(&lock);
	return 0;
}

void rota_blocking_stats(struct rota_blocking_stats *ret_stats)
{
	pthread_mutex_lock(&lock);
	*ret_stats = (struct rota_blocking_stats){ .threads = threads, .idle = idle, .queued = queued, .taken = taken };
	for (int i = 0; i < WORK_LANES; i++)
		ret_stats->running += running[i];
	pthread_mutex_unlock(&lock);
}
