/* watchdog.c - who keeps a thread from the others (watchdog.h) */
#include "sched/watchdog.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "coro/peek.h"
#include "coro/report.h"
#include "os/fence.h"
#include "task/team.h"
#include "trace/trace.h"

enum {
	TICK_NS = 1000000,
	RELIEVE_NS = 2 * TICK_NS,
	/* So many ticks without work, and the watchdog sleeps: a program that works now and then
	 * wakes it at most twenty times a second. */
	IDLE_TICKS = 50,
	FRAMES = 24,
	STACK_BYTES = 128 << 10,
};

static struct {
	pthread_mutex_t life; /* who joins or leaves has it all the time; taken before lock */
	pthread_mutex_t lock; /* held during a tick: what is watched stays while we look at it */
	struct list watched;
	pthread_t thread;
	bool runs, stop;
	uint32_t asleep; /* futex: 1 while it sleeps for want of work */
	unsigned idle_ticks;
	struct rota__peek peek; /* 16 KiB: not for a stack */
} dog = {
	.life = PTHREAD_MUTEX_INITIALIZER,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.watched = { &dog.watched, &dog.watched },
};

/* ---- what people read ---- */

/* The calls in which threads are usually found blocked. */
static const char *call_name(long number)
{
	static const struct {
		long number;
		const char *name;
	} known[] = {
#define X(name) { SYS_##name, #name },
		X(read) X(write) X(pread64) X(pwrite64) X(readv) X(writev) X(openat) X(close) X(
			ioctl) X(fsync) X(fdatasync) X(flock) X(fcntl) X(sendto) X(recvfrom)
			X(sendmsg) X(recvmsg) X(connect) X(accept) X(accept4) X(ppoll) X(pselect6)
				X(epoll_pwait) X(futex) X(nanosleep) X(clock_nanosleep) X(wait4)
					X(waitid) X(rt_sigtimedwait) X(io_uring_enter) X(newfstatat)
						X(getdents64) X(unlinkat) X(mkdirat) X(msync)
							X(munmap) X(madvise)
#if defined(__x86_64__)
								X(open) X(stat) X(poll) X(select)
									X(epoll_wait) X(pause)
#endif
#undef X
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].number == number)
			return known[i].name;
	return "a system call";
}

static void print(const struct rota_blocked *b)
{
	struct rota__report line = { .n = 0 };

	rota__report_add(&line, "rota: task \"");
	rota__report_add(&line, b->task_name);
	rota__report_add(&line, "\" (spawned at ");
	rota__report_add(&line, b->site);
	rota__report_add(&line, b->over ? ") let worker " : ") has held worker ");
	rota__report_number(&line, b->worker, 10);
	rota__report_add(&line, b->over ? " go after " : " for ");
	rota__report_number(&line, b->held_ns / 1000000, 10);
	rota__report_add(&line, " ms");
	if (!b->over) {
		rota__report_add(&line, b->call != NULL ? ", waiting in " : ", computing");
		rota__report_add(&line, b->call != NULL ? b->call : "");
		rota__report_add(&line, "; see rota_blocking()");
	}
	rota__report_add(&line, "\n");
	rota__report_write(&line);
	for (unsigned i = 0; i < b->frame_count; i++) {
		rota__report_frame(&line, i, (uintptr_t)b->frames[i]);
		rota__report_write(&line);
	}
}

static void tell(struct rota__watched *w, const struct rota_blocked *blocked)
{
	if (w->on_blocked != NULL)
		w->on_blocked(blocked);
	else
		print(blocked);
}

/* ---- looking ---- */

static void copy_text(char *to, size_t room, const char *from)
{
	size_t n = 0;

	while (from != NULL && n < room - 1 && rota__read_carefully(to + n, from + n, 1) == 1 &&
		to[n] != '\0')
		n++;
	to[n] = '\0';
	if (n == 0)
		strcpy(to, "?");
}

static struct rota_task *task_of(const struct rota__watched *w)
{
	struct rota_task *stray = load_relaxed(&w->driver->stray);
	const struct rota__worker *worker = load_acquire(&w->driver->worker); /* pairs with who gave it the worker */

	return stray != NULL ? stray : worker != NULL ? load_relaxed(&worker->current) : NULL;
}

/* Which of its worker's runs this is; a stray's is the one in which it became that. */
static uint32_t run_of(const struct rota__watched *w)
{
	const struct rota__worker *worker = load_acquire(&w->driver->worker); /* as above */

	return worker != NULL && load_relaxed(&w->driver->stray) == NULL ? rota__runs(worker) : w->run;
}

static bool still_in(const struct rota__watched *w)
{
	return task_of(w) == w->task && run_of(w) == w->run;
}

/* The record and the texts belong to the worker's thread: what we read of them is true if it was in
 * the same run afterwards. */
static bool look_at(struct rota__watched *w, struct rota_blocked *b, void **frames)
{
	uintptr_t pcs[FRAMES];
	struct rota_task task = { .name = NULL };
	struct rota__stack stack = { .top = NULL };
	int rc;

	rota__read_carefully(&task, w->task, sizeof task);
	rota__read_carefully(&stack, task.stack, sizeof stack);
	copy_text(w->name, sizeof w->name, task.name);
	copy_text(w->site, sizeof w->site, task.site);
	w->id = task.id;
	rc = rota__peek(&dog.peek, w->tid, stack.top);
	if (!still_in(w))
		return false;
	*b = (struct rota_blocked){
		.task_name = w->name, .site = w->site, .task_id = w->id, .worker = w->number
	};
	if (rc == 0) {
		b->frame_count = rota__peek_frames(&dog.peek, pcs, FRAMES);
		b->call = dog.peek.syscall >= 0 ? call_name(dog.peek.syscall) : NULL;
	}
	for (unsigned i = 0; i < b->frame_count; i++)
		frames[i] = (void *)pcs[i];
	b->frames = frames;
	return true;
}

static uint64_t cpu_time(const struct rota__watched *w)
{
	struct timespec t = { 0 };
	clockid_t clock;

	if (pthread_getcpuclockid(w->thread, &clock) == 0)
		clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Has it computed for so long, or does it wait in the kernel?  If neither, it got no CPU: then it
 * is the machine that is slow. */
static bool is_to_blame(const struct rota__watched *w, uint64_t length_ns)
{
	return cpu_time(w) - w->cpu_ns >= length_ns || rota__peek_waits(w->tid);
}

static void say_over(struct rota__watched *w, uint64_t now_ns)
{
	struct rota_blocked over = {
		.task_name = w->name,
		.site = w->site,
		.task_id = w->id,
		.worker = w->number,
		.held_ns = now_ns - w->since_ns,
		.over = true,
	};

	tell(w, &over);
	w->told = false;
}

static void say_blocked(struct rota__watched *w, uint64_t now_ns)
{
	void *frames[FRAMES];
	struct rota_blocked blocked;

	if (load_relaxed(&w->driver->section) == w->task || !is_to_blame(w, w->limit_ns) || !look_at(w, &blocked, frames))
		return;
	blocked.held_ns = now_ns - w->since_ns;
	w->told = true;
	rota__trace(ROTA__EV_TASK_BLOCKS, w->id, rota__trace_on ? rota__trace_text(w->name) : NULL);
	tell(w, &blocked);
}

/* It has been held for a while: others do what they can in its place. */
static void relieve(struct rota__watched *w)
{
	struct rota__worker *worker = load_acquire(&w->driver->worker); /* as above */

	if (worker == NULL || worker->team == NULL || load_relaxed(&w->driver->stray) != NULL)
		return;
	if (!w->relieved)
		rota__team_relieve(worker);
	w->relieved = true;
	if (w->rescue != NULL && is_to_blame(w, TICK_NS))
		w->rescue(w);
}

/* True: it works. */
static bool check(struct rota__watched *w, uint64_t now_ns)
{
	const struct rota__worker *worker = load_acquire(&w->driver->worker); /* as above */
	struct rota_task *task = task_of(w);
	uint32_t run = run_of(w);

	if (task != w->task || run != w->run) {
		if (w->told)
			say_over(w, now_ns);
		w->task = task;
		w->run = run;
		w->number = worker != NULL ? worker->number : 0;
		w->relieved = false;
		w->since_ns = now_ns;
		w->cpu_ns = cpu_time(w);
		return true;
	}
	if (task == NULL)
		return false;
	if (now_ns - w->since_ns >= RELIEVE_NS)
		relieve(w);
	if (!w->told && now_ns - w->since_ns >= w->limit_ns)
		say_blocked(w, now_ns);
	return true;
}

/* ---- the thread ---- */

static void set_unwatched(bool value)
{
	struct list *link;

	list_each(link, &dog.watched) {
		struct rota__worker *worker =
			load_acquire(&container_of(link, struct rota__watched, link)->driver->worker); /* as above */

		if (worker != NULL)
			store_relaxed(&worker->unwatched, value);
	}
}

static bool anybody_works(void)
{
	struct list *link;

	list_each(link, &dog.watched)
		if (task_of(container_of(link, struct rota__watched, link)) != NULL)
			return true;
	return false;
}

/* Unlocks meanwhile.  A worker writes `current` and then reads `unwatched`, we write and read the
 * other way around: with the fence in all threads one of us sees the other.  Where the kernel has
 * no such fence we look now and then instead. */
static void sleep_for_want_of_work(void)
{
	static const struct timespec now_and_then = { .tv_nsec = 100 * 1000000 };
	const struct timespec *timeout;

	store_seq(&dog.asleep, 1);
	set_unwatched(true);
	timeout = rota__fence_all_threads() ? NULL : &now_and_then;
	while (!anybody_works() && !dog.stop && load_seq(&dog.asleep) == 1) {
		pthread_mutex_unlock(&dog.lock);
		syscall(SYS_futex, &dog.asleep, FUTEX_WAIT_PRIVATE, 1, timeout, NULL, 0);
		pthread_mutex_lock(&dog.lock);
	}
	store_seq(&dog.asleep, 0);
	set_unwatched(false);
	dog.idle_ticks = 0;
}

static void wake(void)
{
	if (swap_seq(&dog.asleep, 0) == 1)
		syscall(SYS_futex, &dog.asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void tick(void)
{
	uint64_t now_ns = rota_now_ns();
	struct list *link;
	bool works = false;

	list_each(link, &dog.watched) works |=
		check(container_of(link, struct rota__watched, link), now_ns);
	dog.idle_ticks = works ? 0 : dog.idle_ticks + 1;
}

static void *watch(void *unused)
{
	static const struct timespec pause = { .tv_nsec = TICK_NS };

	(void)unused;
	pthread_setname_np(pthread_self(), "rota-watchdog");
	rota__trace_thread("watchdog");
	pthread_mutex_lock(&dog.lock);
	while (!dog.stop) {
		tick();
		if (dog.idle_ticks >= IDLE_TICKS) {
			sleep_for_want_of_work();
			continue;
		}
		pthread_mutex_unlock(&dog.lock);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&dog.lock);
	}
	pthread_mutex_unlock(&dog.lock);
	return NULL;
}

/* ---- joining and leaving ---- */

/* The child of a fork has neither the thread nor the workers. */
static void forget_all(void)
{
	pthread_mutex_init(&dog.life, NULL);
	pthread_mutex_init(&dog.lock, NULL);
	list_init(&dog.watched);
	dog.runs = false;
	dog.asleep = 0;
}

static void at_fork(void)
{
	pthread_atfork(NULL, NULL, forget_all);
}

static int thread_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_attr_t attr;
	sigset_t all, before;
	int rc;

	pthread_once(&once, at_fork);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	dog.stop = false;
	dog.idle_ticks = 0;
	rc = pthread_create(&dog.thread, &attr, watch, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	dog.runs = rc == 0;
	return -rc;
}

static void on_unwatched(struct rota__worker *worker)
{
	(void)worker;
	wake();
}

void rota__watchdog_meet(struct rota__worker *worker)
{
	worker->on_unwatched = on_unwatched;
	wake();
}

int rota__watchdog_join(struct rota__watched *w, struct rota__driver *driver, void (*rescue)(struct rota__watched *watched),
	uint64_t limit_ns, void (*on_blocked)(const struct rota_blocked *blocked))
{
	int rc = rota__peek_init();

	if (rc < 0)
		return rc;
	*w = (struct rota__watched){
		.driver = driver,
		.rescue = rescue,
		.tid = (pid_t)syscall(SYS_gettid),
		.thread = pthread_self(),
		.limit_ns = limit_ns,
		.on_blocked = on_blocked,
	};
	pthread_mutex_lock(&dog.life);
	pthread_mutex_lock(&dog.lock);
	list_append(&dog.watched, &w->link);
	pthread_mutex_unlock(&dog.lock);
	if (dog.runs)
		wake();
	else
		rc = thread_start();
	if (rc < 0)
		list_remove(&w->link); /* no thread: nobody else looks at the list */
	pthread_mutex_unlock(&dog.life);
	return rc;
}

void rota__watchdog_leave(struct rota__watched *w)
{
	pthread_mutex_lock(&dog.life);
	pthread_mutex_lock(&dog.lock);
	list_remove(&w->link);
	dog.stop = list_empty(&dog.watched);
	pthread_mutex_unlock(&dog.lock);
	if (dog.stop) {
		wake();
		pthread_join(dog.thread, NULL);
		dog.runs = false;
	}
	pthread_mutex_unlock(&dog.life);
}
