/* work.c - the blocking pool (work.h)
 *
 * A few threads are made as soon as jobs find none idle: they do for short jobs however many there are.
 * More are made, up to threads_max, only when the queue has not moved for STALL_NS: then the threads
 * are blocked, and jobs may even wait for each other.  A supervisor thread watches for that while
 * jobs are queued.  Idle threads leave after keep_alive_ns.
 *
 * Where there are CPUs for it one thread that has nothing to do spins for SPIN_NS before it is idle, so that a task which asks
 * again and again waits for no wake-up.
 *
 * One lock guards everything but the lanes' inboxes.  Those are open while somebody will look at the jobs without being called (attended()):
 * to submit one is then a compare-and-swap, and threads are not in the loop's way.  Otherwise they are shut, and who submits takes
 * the lock, queues the job and calls a thread.  Whoever has changed who will look opens or shuts them before he lets the lock go (settle()).
 *
 *	SHUT --settle(): attended--> open, EMPTY --submit--> a chain --open_lane(): to the queue--> EMPTY
 *	  ^                             |
 *	  +----settle(): not attended---+   what is in them then goes to the queues, and a thread is called
 *
 * Usually a thread that takes a job and leaves others calls the next thread, for its job may block.  In a flood, when jobs are
 * taken faster than a thread can be woken, that would have all threads awake for what one of them does, each in the others' way: there a
 * thread that is awake counts as one that will look, and the supervisor calls another one every FLOOD_LOOK_NS if jobs are left.  So
 * long may then a job wait behind one that blocks, if nobody else is awake.
 *
 * With one CPU nobody is in the way at the lock, and to look so often costs more than it brings: there inboxes stay shut, and there are
 * no floods.
 *
 * A child of fork() has none of the threads: it starts again with an empty pool. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include <rota/run.h>

#include "base/mpsc.h"
#include "os/notes.h"
#include "os/spin.h"
#include "work/work.h"

enum {
	/* libuv's number: keeps two CPUs and a disk busy. */
	THREADS_AT_ONCE = 4,
	/* Before it sleeps, one thread looks for the next job so long: to be woken takes as long again. */
	SPIN_NS = 10000,
	FLOOD_NS = 500, /* a job in so long, on average, is a flood: another thread would bring little, and to wake it takes longer */
	FLOOD_LOOK_NS = 250000, /* a look costs some microseconds: one per cent */
	FLOOD_PAUSES = 32, /* between two looks for jobs, half a microsecond: they come several at a time, and come undisturbed */
	CALLS_PER_LOOK = 256, /* a flood has threads called some hundred times in STALL_NS, so it is seen in a few of them */
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

static struct lane {
	_Alignas(64) struct rota__mpsc inbox; /* the submitters' side; asleep: shut */
	_Alignas(64) struct list queue;
	unsigned running;
} lanes[WORK_LANES] = {
#define EMPTY_LANE(i) { .inbox.newest = MPSC_ASLEEP, .queue = { &lanes[i].queue, &lanes[i].queue } }
	EMPTY_LANE(WORK_USER), EMPTY_LANE(WORK_FILES), EMPTY_LANE(WORK_NAMES) };
static bool inboxes_open;
static unsigned queued;
static unsigned threads, idle, next_lane, calls;
static unsigned promised, starting; /* threads on their way, woken or new: each will look for a job */
static bool spins;		    /* so will the thread that spins */
static bool several_cpus;	    /* else there are no spins, no floods, and inboxes stay shut */
static bool flood;		    /* of short jobs, for as long as the supervisor watches */
static uint64_t taken; /* jobs so far: the queue moves when this does */
static enum { NO_SUPERVISOR, WATCHING, RESTING } supervisor;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- jobs whose memory is used for something else before they are done (os/notes.h) ----
 *
 * In the lock, where nothing else is said. */
#ifndef NDEBUG
static struct rota__notes notes;

static bool intact(const struct rota__lent_note *note)
{
	const struct rota__job *job = note->object;

	return job->site == note->site && (const void *)(uintptr_t)job->run == note->owner && job->lane < WORK_LANES &&
		(job->state == JOB_QUEUED || job->state == JOB_RUNNING);
}

/* Out of the lock. */
static void note(const struct rota__job *job)
{
	static const struct rota__note_kind kind = { "asked for", "it was done", intact };

	pthread_mutex_lock(&lock);
	rota__notes_add(&notes,
		(struct rota__lent_note){ job, (const void *)(uintptr_t)job->run, "request for the blocking pool", job->site, &kind });
	pthread_mutex_unlock(&lock);
}

static void check(const struct rota__job *job)
{
	rota__notes_check(&notes, job);
}

/* Each before the one behind it is believed. */
static void check_inbox(const struct rota__mpsc *inbox)
{
	for (const struct rota__node *node = mpsc_newest(inbox); node != NULL; node = node->next)
		check(container_of(node, struct rota__job, node));
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

static inline void check_inbox(const struct rota__mpsc *inbox)
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

static void make_conditions(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&wake, &attr);
	pthread_cond_init(&stir, &attr);
	pthread_condattr_destroy(&attr);
}

/* The parent's jobs are the parent's; so are its threads. */
static void after_fork_in_child(void)
{
	for (int i = 0; i < WORK_LANES; i++)
		lanes[i] = (struct lane)EMPTY_LANE(i);
#ifndef NDEBUG
	rota__notes_fini(&notes);
#endif
	queued = threads = idle = promised = starting = 0;
	inboxes_open = spins = flood = false;
	supervisor = NO_SUPERVISOR;
	make_conditions();
	lock = (pthread_mutex_t)LOCK_FREE;
}

static void init(void)
{
	several_cpus = rota__spin_pays();
	make_conditions();
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* Who spins looks at it without the lock. */
static void count_queued(int more)
{
	store_relaxed(&queued, load_relaxed(&queued) + (unsigned)more);
}

/* How many threads a lane may hold: not all, so that jobs that never end, of one kind, leave an eighth to the others;
 * names, which hang together when a server is away, half. */
static unsigned share(unsigned lane)
{
	unsigned n = lane == WORK_NAMES ? threads_max / 2 : threads_max - (threads_max + 7) / 8;

	return n > 0 ? n : 1;
}

static void empty_inbox(struct lane *lane)
{
	struct rota__node *node, *next;

	if (mpsc_empty(&lane->inbox))
		return;
	check_inbox(&lane->inbox);
	for (node = mpsc_take_all(&lane->inbox); node != NULL; node = next) {
		next = node->next;
		list_append(&lane->queue, &container_of(node, struct rota__job, node)->link);
		count_queued(1);
	}
}

/* The lane has a job that may run.  The inbox is left to those who submit until the queue is empty. */
static bool open_lane(unsigned i)
{
	struct lane *lane = &lanes[i];

	if (list_empty(&lane->queue))
		empty_inbox(lane);
	return !list_empty(&lane->queue) && lane->running < share(i);
}

static bool any_open_lane(void)
{
	for (unsigned i = 0; i < WORK_LANES; i++)
		if (open_lane(i))
			return true;
	return false;
}

/* The next job, the lanes in turn; NULL: none may run. */
static struct rota__job *take(void)
{
	for (unsigned n = 0; n < WORK_LANES; n++) {
		unsigned i = (next_lane + n) % WORK_LANES;
		struct rota__job *job;

		if (!open_lane(i))
			continue;
		next_lane = i + 1;
		job = list_first(&lanes[i].queue, struct rota__job, link);
		check(job);
		list_remove(&job->link);
		job->state = JOB_RUNNING;
		lanes[i].running++;
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

/* See that a thread comes for the jobs that are queued, one at a time, for each calls the next when it takes a job and leaves
 * others.  True: signal `wake`. */
static bool call_a_thread(void)
{
	if (promised + starting > 0 || spins)
		return false;
	if (idle > 0) {
		promised = 1;
		if (++calls % CALLS_PER_LOOK == 0)
			call_supervisor(); /* is it a flood? */
		return true;
	}
	if (threads < THREADS_AT_ONCE && threads < threads_max)
		add_thread();
	else if (threads < threads_max)
		call_supervisor();
	return false;
}

/* Somebody will look at the jobs without being called. */
static bool attended(void)
{
	if (promised + starting > 0 || spins || (flood && idle < threads))
		return true;
	/* All are busy; each looks when it is done, and the supervisor whether none ever is. */
	return idle == 0 && (threads >= threads_max || (threads >= THREADS_AT_ONCE && supervisor == WATCHING));
}

static void open_inboxes(void)
{
	inboxes_open = true;
	for (int i = 0; i < WORK_LANES; i++)
		mpsc_awake(&lanes[i].inbox);
}

static void shut_inboxes(void)
{
	inboxes_open = false;
	for (int i = 0; i < WORK_LANES; i++)
		while (!mpsc_sleep(&lanes[i].inbox))
			empty_inbox(&lanes[i]);
}

/* Before the lock is let go.  (tests/model/pool.c)  True: signal `wake`. */
static bool settle(void)
{
	bool signal = false;

	if (!attended()) {
		if (inboxes_open)
			shut_inboxes();
		signal = load_relaxed(&queued) > 0 && any_open_lane() && call_a_thread();
	}
	if (several_cpus && !inboxes_open && attended())
		open_inboxes();
	return signal;
}

/* The signal comes when the lock is free, or the woken thread would only come to wait for it. */
static void settle_and_unlock(void)
{
	bool signal = settle();

	pthread_mutex_unlock(&lock);
	if (signal)
		pthread_cond_signal(&wake);
}

/* Without the lock. */
static bool something_to_take(void)
{
	for (int i = 0; i < WORK_LANES; i++)
		if (!mpsc_empty(&lanes[i].inbox))
			return true;
	return load_relaxed(&queued) > 0;
}

/* True: there is a job.  Unlocks meanwhile. */
static bool spin_for_work(void)
{
	bool in_flood = flood;
	unsigned looks = 0;
	uint64_t until_ns;

	if (spins || !several_cpus)
		return false;
	spins = true;
	settle_and_unlock();
	until_ns = rota_now_ns() + SPIN_NS;
	while (!something_to_take() && rota_now_ns() < until_ns)
		if (in_flood)
			rota__spin_pauses(FLOOD_PAUSES);
		else
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
	settle(); /* for a job that came meanwhile we have called ourselves */
	while (promised == 0 && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&wake, &lock, &until);
	idle--;
	if (promised == 0)
		return false;
	promised--;
	return true;
}

static void *thread_main(void *unused)
{
	struct rota__job *job;

	pthread_setname_np(pthread_self(), "rota-blocking");
	pthread_mutex_lock(&lock);
	starting--;
	do {
		while ((job = take()) != NULL) {
			struct lane *lane = &lanes[job->lane];

			settle_and_unlock();
			job->run(job);
			has_run(job);
			job->done(job); /* the job may be gone now */
			pthread_mutex_lock(&lock);
			lane->running--;
		}
	} while (spin_for_work() || wait_for_work());
	threads--;
	settle_and_unlock();
	return NULL;
}

/* While jobs are queued, look whether any was taken: none in STALL_NS, and a thread is added.  While there is a flood, look more often, and
 * have one more thread come if jobs are left. */
static void watch(void)
{
	do {
		long ns = flood ? FLOOD_LOOK_NS : STALL_NS;
		struct timespec until = from_now(0, ns);
		uint64_t before = taken;
		bool signal;

		while (pthread_cond_timedwait(&stir, &lock, &until) != ETIMEDOUT)
			;
		flood = several_cpus && taken - before > (uint64_t)(ns / FLOOD_NS);
		if (taken == before && ns == STALL_NS && threads < threads_max && any_open_lane())
			add_thread(); /* if none can be made, the next round tries again */
		signal = any_open_lane() && call_a_thread();
		if (settle() || signal)
			pthread_cond_signal(&wake);
	} while (flood || (any_open_lane() && threads < threads_max));
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
		if (settle())
			pthread_cond_signal(&wake);
		while (supervisor == RESTING && rc != ETIMEDOUT)
			rc = pthread_cond_timedwait(&stir, &lock, &until);
		if (supervisor == RESTING)
			break;
	}
	supervisor = NO_SUPERVISOR;
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void take_back(struct rota__job *job)
{
	forget(job);
	list_remove(&job->link);
	job->state = JOB_NEW;
	count_queued(-1);
}

/* The inboxes are shut: nobody would look. */
static int submit_and_call(struct rota__job *job)
{
	bool signal, refused;

	pthread_once(&once, init);
	pthread_mutex_lock(&lock);
	list_append(&lanes[job->lane].queue, &job->link);
	count_queued(1);
	signal = settle();
	refused = threads == 0; /* none can be made */
	if (refused)
		take_back(job);
	pthread_mutex_unlock(&lock);
	if (signal)
		pthread_cond_signal(&wake);
	return refused ? -EAGAIN : 0;
}

int rota__work_submit(struct rota__job *job)
{
	job->state = JOB_QUEUED;
	note(job);
	return mpsc_push_awake(&lanes[job->lane].inbox, &job->node) ? 0 : submit_and_call(job);
}

bool rota__work_cancel(struct rota__job *job)
{
	bool cancelled;

	pthread_mutex_lock(&lock);
	empty_inbox(&lanes[job->lane]);
	cancelled = job->state == JOB_QUEUED;
	if (cancelled)
		take_back(job);
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
	settle_and_unlock(); /* more threads may be made now */
	return 0;
}

void rota_blocking_stats(struct rota_blocking_stats *ret_stats)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < WORK_LANES; i++)
		empty_inbox(&lanes[i]);
	*ret_stats = (struct rota_blocking_stats){ .threads = threads, .idle = idle, .queued = queued, .taken = taken };
	for (int i = 0; i < WORK_LANES; i++)
		ret_stats->running += lanes[i].running;
	pthread_mutex_unlock(&lock);
}
