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
#include "os/timeslice.h"
#include "sched/reports.h"
#include "task/team.h"
#include "trace/trace.h"

enum {
	TICK_NS = 1000000,
	/* While there are suspects (task/team.h), who get less time: 0.2 to 0.4 ms.  Five thousand looks a second are some 3 % of a CPU. */
	WARY_TICK_NS = TICK_NS / 5,
	/* So many ticks without work, and the watchdog sleeps: a program that works now and then
	 * wakes it at most twenty times a second. */
	IDLE_TICKS = 50,
	NOW_AND_THEN_NS = 100 * TICK_NS,
	STACK_BYTES = 128 << 10,
};

static struct {
	pthread_mutex_t life; /* who joins or leaves has it all the time; taken before lock */
	pthread_mutex_t lock; /* held during a tick: what is watched stays while we look at it */
	pthread_cond_t errand_done;
	struct list watched, errands;
	struct rota__errand *running; /* its fn is being called, without the lock */
	pthread_t thread;
	bool runs, stop;
	uint32_t asleep; /* futex: 1 while it sleeps for want of work */
	unsigned idle_ticks;
	bool wary; /* there are suspects */
	struct rota__peek peek; /* 16 KiB, of which one is enough */
} dog = {
	.life = PTHREAD_MUTEX_INITIALIZER,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.errand_done = PTHREAD_COND_INITIALIZER,
	.watched = { &dog.watched, &dog.watched },
	.errands = { &dog.errands, &dog.errands },
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

	return stray != NULL ? stray : worker != NULL ? load_acquire(&worker->current) : NULL; /* pairs with rota__set_running() */
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

/* Where its thread is, of a task whose stack ends at `top`. */
static unsigned frames_of(const struct rota__watched *w, const void *top, void **frames, const char **ret_call)
{
	uintptr_t pcs[NOTE_FRAMES];
	unsigned count;

	*ret_call = NULL;
	if (rota__peek(&dog.peek, w->tid, top) != 0)
		return 0;
	count = rota__peek_frames(&dog.peek, pcs, NOTE_FRAMES);
	for (unsigned i = 0; i < count; i++)
		frames[i] = (void *)pcs[i];
	if (dog.peek.syscall >= 0)
		*ret_call = call_name(dog.peek.syscall);
	return count;
}

/* The record and the texts belong to the worker's thread: what we read of them is true if it was in
 * the same run afterwards. */
static bool look_at(struct rota__watched *w, struct rota__note *note)
{
	struct rota_task task = { .name = NULL };
	struct rota__stack stack = { .top = NULL };
	struct rota_blocked *b = &note->blocked;

	rota__read_carefully(&task, w->task, sizeof task);
	rota__read_carefully(&stack, task.stack, sizeof stack);
	copy_text(w->name, sizeof w->name, task.name);
	copy_text(w->site, sizeof w->site, task.site);
	w->id = task.id;
	b->frame_count = frames_of(w, stack.top, note->frames, &b->call);
	return still_in(w);
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

static void put(const struct rota__watched *w, struct rota__note *note, uint64_t now_ns)
{
	note->run = w->watch->run;
	note->on_blocked = w->watch->on_blocked;
	memcpy(note->name, w->name, sizeof note->name);
	memcpy(note->site, w->site, sizeof note->site);
	note->blocked.task_id = w->id;
	note->blocked.worker = w->number;
	note->blocked.held_ns = now_ns - w->since_ns;
	rota__reports_put(note);
}

static void say_over(struct rota__watched *w, uint64_t now_ns)
{
	struct rota__note note = { .blocked.over = true };

	put(w, &note, now_ns);
	w->told = false;
}

static void trace(const struct rota__watched *w, const struct rota__note *note)
{
	struct rota__report line = { .n = 0 };

	rota__trace(ROTA__EV_TASK_BLOCKS, w->id, rota__trace_text(w->name));
	rota__trace(ROTA__EV_BLOCKS_SITE, w->id, rota__trace_text(w->site));
	if (note->blocked.call != NULL)
		rota__trace(ROTA__EV_BLOCKS_CALL, w->id, note->blocked.call);
	for (unsigned i = 0; i < note->blocked.frame_count; i++) {
		rota__report_place(&line, i, (uintptr_t)note->frames[i]);
		rota__trace(ROTA__EV_BLOCKS_FRAME, w->id, rota__trace_text(rota__report_text(&line)));
	}
}

static void say_blocked(struct rota__watched *w, uint64_t now_ns)
{
	struct rota__note note = { .run = NULL };

	if (load_relaxed(&w->driver->section) == w->task || !is_to_blame(w, w->watch->blocked_ns) || !look_at(w, &note))
		return;
	w->told = true;
	if (rota__trace_on)
		trace(w, &note);
	put(w, &note, now_ns);
}

/* Had it, or its like, to be rescued a moment ago? */
static bool is_suspected(const struct rota__watched *w)
{
	const struct rota__worker *worker = load_acquire(&w->driver->worker); /* as above */

	return worker != NULL && load_relaxed(&worker->suspected) == w->task;
}

/* It has been held for a while: others do what they can in its place. */
static void relieve(struct rota__watched *w, uint64_t blame_ns)
{
	struct rota__worker *worker = load_acquire(&w->driver->worker); /* as above */

	if (worker == NULL || worker->team == NULL || load_relaxed(&w->driver->stray) != NULL)
		return;
	if (!w->relieved)
		rota__team_relieve(worker);
	w->relieved = true;
	if (w->watch->rescue != NULL && is_to_blame(w, blame_ns))
		w->watch->rescue(w);
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
	if (is_suspected(w) && now_ns - w->since_ns >= WARY_TICK_NS)
		relieve(w, WARY_TICK_NS / 2);
	else if (now_ns - w->since_ns >= w->watch->rescue_ns)
		relieve(w, TICK_NS);
	return true;
}

/* ---- the thread ---- */

static struct rota__watched *watched_of(struct list *link)
{
	return container_of(link, struct rota__watched, link);
}

static void set_unwatched(bool value)
{
	struct list *link;

	list_each(link, &dog.watched) {
		struct rota__worker *worker = load_acquire(&watched_of(link)->driver->worker); /* as above */

		if (worker != NULL)
			store_relaxed(&worker->unwatched, value);
	}
}

static bool anybody_works(void)
{
	struct list *link;

	list_each(link, &dog.watched)
		if (task_of(watched_of(link)) != NULL)
			return true;
	return false;
}

static uint64_t next_errand_ns(void)
{
	uint64_t next_ns = ROTA_FOREVER;
	struct list *link;

	list_each(link, &dog.errands) {
		uint64_t at_ns = load_seq(&container_of(link, struct rota__errand, link)->at_ns);

		if (at_ns < next_ns)
			next_ns = at_ns;
	}
	return next_ns;
}

/* Until then, or until somebody wakes us.  Unlocks meanwhile. */
static void doze(uint64_t until_ns)
{
	uint64_t now_ns = rota_now_ns(), left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	struct timespec timeout = { .tv_sec = (time_t)(left_ns / 1000000000), .tv_nsec = (long)(left_ns % 1000000000) };

	pthread_mutex_unlock(&dog.lock);
	syscall(SYS_futex, &dog.asleep, FUTEX_WAIT_PRIVATE, 1, until_ns == ROTA_FOREVER ? NULL : &timeout, NULL, 0);
	pthread_mutex_lock(&dog.lock);
}

/* Unlocks meanwhile.  A worker writes `current` and then reads `unwatched`, we write and read the
 * other way around: with the fence in all threads one of us sees the other.  Where the kernel has
 * no such fence we look now and then instead. */
static void sleep_for_want_of_work(void)
{
	bool fenced;

	store_seq(&dog.asleep, 1); /* pairs with who sets an errand, or works, and then wakes us */
	set_unwatched(true);
	fenced = list_empty(&dog.watched) || rota__fence_all_threads();
	while (!anybody_works() && !dog.stop && load_seq(&dog.asleep) == 1) {
		uint64_t until_ns = next_errand_ns(), now_ns = rota_now_ns();

		if (until_ns <= now_ns)
			break;
		if (!fenced && until_ns > now_ns + NOW_AND_THEN_NS)
			until_ns = now_ns + NOW_AND_THEN_NS;
		doze(until_ns);
	}
	store_seq(&dog.asleep, 0);
	set_unwatched(false);
	dog.idle_ticks = 0;
}

/* Any thread, signal handlers too. */
static void wake(void)
{
	if (swap_seq(&dog.asleep, 0) == 1)
		syscall(SYS_futex, &dog.asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Workers are rescued first: to look where a thread is takes its time. */
static void tick(void)
{
	uint64_t now_ns = rota_now_ns();
	struct list *link;
	bool works = false;

	dog.wary = false;
	list_each(link, &dog.watched) {
		struct rota__worker *worker = load_acquire(&watched_of(link)->driver->worker); /* as above */

		works |= check(watched_of(link), now_ns);
		if (worker != NULL && worker->team != NULL)
			dog.wary |= rota__team_is_wary(worker->team, now_ns);
	}
	list_each(link, &dog.watched) {
		struct rota__watched *w = watched_of(link);

		if (w->task != NULL && !w->told && now_ns - w->since_ns >= w->watch->blocked_ns && still_in(w))
			say_blocked(w, now_ns);
	}
	dog.idle_ticks = works ? 0 : dog.idle_ticks + 1;
}

/* Unlocks while they are done. */
static void do_errands(void)
{
	struct list *link = dog.errands.next;
	uint64_t now_ns = rota_now_ns();

	while (link != &dog.errands) {
		struct rota__errand *e = container_of(link, struct rota__errand, link);
		uint64_t at_ns = load_seq(&e->at_ns);

		link = link->next;
		if (at_ns > now_ns || !cas_seq(&e->at_ns, &at_ns, ROTA_FOREVER)) /* set anew: it is looked at again soon */
			continue;
		dog.running = e;
		pthread_mutex_unlock(&dog.lock);
		e->fn(e);
		pthread_mutex_lock(&dog.lock);
		dog.running = NULL;
		pthread_cond_broadcast(&dog.errand_done);
		link = dog.errands.next; /* others may have come and gone */
	}
}

static void *watch(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "rota-watchdog");
	rota__trace_thread("watchdog");
	rota__timeslice_set(0, TIMESLICE_SHORTEST_NS); /* who keeps a thread from others may keep this one's CPU, too */
	pthread_mutex_lock(&dog.lock);
	while (!dog.stop) {
		do_errands();
		tick();
		if (dog.idle_ticks >= IDLE_TICKS || list_empty(&dog.watched)) {
			sleep_for_want_of_work();
			continue;
		}
		pthread_mutex_unlock(&dog.lock);
		nanosleep(&(struct timespec){ .tv_nsec = dog.wary ? WARY_TICK_NS : TICK_NS }, NULL);
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
	pthread_cond_init(&dog.errand_done, NULL);
	list_init(&dog.watched);
	list_init(&dog.errands);
	dog.running = NULL;
	rota__reports_forget();
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

/* `link` is in one of the lists, by which the watchdog finds it. */
static int enlist(struct list *list, struct list *link)
{
	int rc = 0;

	pthread_mutex_lock(&dog.life);
	pthread_mutex_lock(&dog.lock);
	list_append(list, link);
	pthread_mutex_unlock(&dog.lock);
	if (dog.runs)
		wake();
	else
		rc = thread_start();
	if (rc < 0)
		list_remove(link); /* no thread: nobody else looks at the list */
	pthread_mutex_unlock(&dog.life);
	return rc;
}

static void discharge(struct list *link)
{
	pthread_mutex_lock(&dog.life);
	pthread_mutex_lock(&dog.lock);
	while (dog.running != NULL && &dog.running->link == link)
		pthread_cond_wait(&dog.errand_done, &dog.lock);
	list_remove(link);
	dog.stop = list_empty(&dog.watched) && list_empty(&dog.errands);
	pthread_mutex_unlock(&dog.lock);
	if (dog.stop) {
		wake();
		pthread_join(dog.thread, NULL);
		dog.runs = false;
	}
	pthread_mutex_unlock(&dog.life);
}

int rota__watchdog_join(struct rota__watched *w, struct rota__driver *driver, const struct rota__watch *watch)
{
	int rc = rota__peek_init();

	if (rc < 0)
		return rc;
	*w = (struct rota__watched){
		.driver = driver,
		.watch = watch,
		.tid = (pid_t)syscall(SYS_gettid),
		.thread = pthread_self(),
	};
	return enlist(&dog.watched, &w->link);
}

void rota__watchdog_leave(struct rota__watched *w)
{
	discharge(&w->link);
}

/* ---- errands ---- */

int rota__watchdog_hire(struct rota__errand *e)
{
	store_seq(&e->at_ns, ROTA_FOREVER);
	return enlist(&dog.errands, &e->link);
}

void rota__watchdog_dismiss(struct rota__errand *e)
{
	discharge(&e->link);
}

void rota__errand_set(struct rota__errand *e, uint64_t at_ns)
{
	uint64_t before = load_seq(&e->at_ns);

	while (at_ns < before && !cas_seq(&e->at_ns, &before, at_ns))
		;
	wake();
}

void rota__watchdog_look_at(const struct rota_task *task, struct rota__note *note)
{
	struct rota__stack stack = { .top = NULL };
	struct rota_task copy = { .stack = NULL };
	struct list *link;

	pthread_mutex_lock(&dog.lock);
	list_each(link, &dog.watched) {
		struct rota__watched *w = watched_of(link);

		if (task_of(w) != task)
			continue;
		rota__read_carefully(&copy, task, sizeof copy);
		rota__read_carefully(&stack, copy.stack, sizeof stack);
		note->held_up.frame_count = frames_of(w, stack.top, note->frames, &note->held_up.call);
		if (task_of(w) != task || copy.id != note->held_up.task_id)
			note->held_up.frame_count = 0;
		if (note->held_up.frame_count == 0)
			note->held_up.call = NULL;
		break;
	}
	pthread_mutex_unlock(&dog.lock);
}
