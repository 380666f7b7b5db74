/* reports.c - what is to be told of tasks is told by a thread of its own (reports.h) */
#include "sched/reports.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/atomic.h"
#include "coro/report.h"

enum {
	NOTES = 64,
	NOTES_BLOCKED = NOTES - ROTA_HELD_UP_TOLD, /* the rest is kept for those that hold up an end */
	PATIENCE_MS = 100, /* a reader of stderr that is alive has looked by then */
	STACK_BYTES = 256 << 10, /* for the program's hooks */
};

static struct {
	pthread_mutex_t lock; /* held by nobody who waits for anything */
	pthread_cond_t told;
	struct rota__note notes[NOTES];
	unsigned first, count;
	uint32_t lost; /* any thread, without the lock: in signal handlers, too */
	struct rota__note now; /* is being told, if `telling` */
	bool telling, runs;
} desk = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- what people read ---- */

/* All lines of a report or none after the first one that does not get through. */
struct text {
	struct rota__report line;
	bool lost;
	int patience_ms;
};

static void end_line(struct text *t)
{
	if (!t->lost && !rota__report_try_write(&t->line, t->patience_ms))
		t->lost = true;
	t->line.n = 0;
}

static void add(struct text *t, const char *text)
{
	rota__report_add(&t->line, text);
}

static void add_number(struct text *t, uint64_t number)
{
	rota__report_number(&t->line, (uintptr_t)number, 10);
}

static void add_frames(struct text *t, void *const *frames, unsigned count)
{
	for (unsigned i = 0; i < count && !t->lost; i++) {
		rota__report_frame(&t->line, i, (uintptr_t)frames[i]);
		end_line(t);
	}
}

static void count_lost(uint32_t more)
{
	add_relaxed(&desk.lost, more);
}

/* Those before it that did not get through. */
static void begin_text(struct text *t)
{
	uint32_t lost = swap_acq_rel(&desk.lost, 0);

	if (lost == 0)
		return;
	add(t, "rota: ");
	add_number(t, lost);
	add(t, lost == 1 ? " report was lost\n" : " reports were lost\n");
	end_line(t);
	if (t->lost)
		count_lost(lost);
}

static void end_text(const struct text *t)
{
	if (t->lost)
		count_lost(1);
}

static void print_blocked(const struct rota_blocked *b)
{
	struct text t = { .patience_ms = PATIENCE_MS };

	begin_text(&t);
	add(&t, "rota: task \"");
	add(&t, b->task_name);
	add(&t, "\" (spawned at ");
	add(&t, b->site);
	add(&t, b->over ? ") let worker " : ") has held worker ");
	add_number(&t, b->worker);
	add(&t, b->over ? " go after " : " for ");
	add_number(&t, b->held_ns / 1000000);
	add(&t, " ms");
	if (!b->over) {
		add(&t, b->call != NULL ? ", waiting in " : ", computing");
		add(&t, b->call != NULL ? b->call : "");
		add(&t, "; see rota_blocking()");
	}
	add(&t, "\n");
	end_line(&t);
	add_frames(&t, b->frames, b->frame_count);
	end_text(&t);
}

static void add_summary(struct text *t, const struct rota_held_up *task, uint64_t drain_ns)
{
	add(t, "rota: the run ");
	add(t, task->last ? "cannot end: " : "has not ended in ");
	if (!task->last) {
		add_number(t, drain_ns / 1000000);
		add(t, " ms, and is ended now: ");
	}
	add_number(t, task->count);
	add(t, task->count == 1 ? " task holds it up\n" : " tasks hold it up\n");
	end_line(t);
}

static void print_held_up(const struct rota_held_up *task, uint64_t drain_ns, int patience_ms)
{
	struct text t = { .patience_ms = patience_ms };

	begin_text(&t);
	if (task->number == 1)
		add_summary(&t, task, drain_ns);
	add(&t, "rota:   task \"");
	add(&t, task->task_name);
	add(&t, "\" (number ");
	add_number(&t, task->task_id);
	add(&t, ", spawned at ");
	add(&t, task->site);
	add(&t, ") on worker ");
	add_number(&t, task->worker);
	if (task->waits_for != NULL) {
		add(&t, " waits for ");
		add(&t, task->waits_for);
	} else if (task->call != NULL) {
		add(&t, " waits in ");
		add(&t, task->call);
	} else {
		add(&t, task->frame_count > 0 ? " computes" : " does not wait");
	}
	if (task->fd >= 0) {
		add(&t, " (descriptor ");
		add_number(&t, (uint64_t)task->fd);
		add(&t, ")");
	}
	add(&t, "\n");
	end_line(&t);
	add_frames(&t, task->frames, task->frame_count);
	end_text(&t);
}

/* ---- telling ---- */

static void tell_held_up(struct rota__note *n, int patience_ms)
{
	n->held_up.task_name = n->name;
	n->held_up.site = n->site;
	n->held_up.frames = n->frames;
	if (n->on_held_up != NULL)
		n->on_held_up(&n->held_up);
	else
		print_held_up(&n->held_up, n->drain_ns, patience_ms);
}

void rota__report_held_up(struct rota__note *n)
{
	tell_held_up(n, 0);
}

static void tell(struct rota__note *n)
{
	if (n->drained) {
		tell_held_up(n, PATIENCE_MS);
		return;
	}
	n->blocked.task_name = n->name;
	n->blocked.site = n->site;
	n->blocked.frames = n->frames;
	if (n->on_blocked != NULL)
		n->on_blocked(&n->blocked);
	else
		print_blocked(&n->blocked);
}

static void *tell_all(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "rota-reporter");
	pthread_mutex_lock(&desk.lock);
	while (desk.count > 0) {
		desk.now = desk.notes[desk.first++ % NOTES];
		desk.count--;
		desk.telling = true;
		pthread_mutex_unlock(&desk.lock);
		tell(&desk.now);
		pthread_mutex_lock(&desk.lock);
		desk.telling = false;
		pthread_cond_broadcast(&desk.told);
	}
	desk.runs = false;
	pthread_mutex_unlock(&desk.lock);
	return NULL;
}

static void init_condition(void)
{
	pthread_condattr_t clock;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&desk.told, &clock);
	pthread_condattr_destroy(&clock);
}

/* With the lock. */
static bool start_reporter(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;

	pthread_once(&once, init_condition);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	desk.runs = pthread_create(&thread, &attr, tell_all, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return desk.runs;
}

void rota__reports_put(const struct rota__note *note)
{
	pthread_mutex_lock(&desk.lock);
	if (desk.count >= (note->drained ? NOTES : NOTES_BLOCKED) || (!desk.runs && !start_reporter()))
		count_lost(1);
	else
		desk.notes[(desk.first + desk.count++) % NOTES] = *note;
	pthread_mutex_unlock(&desk.lock);
}

/* ---- the end of a run ---- */

static bool has_hook(const struct rota__note *n)
{
	return n->drained ? n->on_held_up != NULL : n->on_blocked != NULL;
}

/* Is one of these noted, or being told? */
static bool anything(const void *run, bool (*which)(const struct rota__note *note))
{
	if (desk.telling && desk.now.run == run && which(&desk.now))
		return true;
	for (unsigned i = 0; i < desk.count; i++) {
		const struct rota__note *n = &desk.notes[(desk.first + i) % NOTES];

		if (n->run == run && which(n))
			return true;
	}
	return false;
}

static bool any(const struct rota__note *n)
{
	(void)n;
	return true;
}

static bool can_be_dropped(const struct rota__note *n)
{
	return !n->drained || n->on_held_up == NULL;
}

static void drop(const void *run)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < desk.count; i++) {
		struct rota__note *n = &desk.notes[(desk.first + i) % NOTES];

		if (n->run == run && can_be_dropped(n))
			count_lost(1);
		else
			desk.notes[(desk.first + kept++) % NOTES] = *n;
	}
	desk.count = kept;
}

void rota__reports_end(const void *run)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PATIENCE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&desk.lock);
	while (rc == 0 && anything(run, any))
		rc = pthread_cond_timedwait(&desk.told, &desk.lock, &until);
	drop(run);
	while (anything(run, has_hook))
		pthread_cond_wait(&desk.told, &desk.lock);
	pthread_mutex_unlock(&desk.lock);
}

void rota__reports_forget(void)
{
	pthread_mutex_init(&desk.lock, NULL);
	init_condition();
	desk.count = 0;
	desk.runs = desk.telling = false;
}
