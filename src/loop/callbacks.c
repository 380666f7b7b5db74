/* callbacks.c - what runs on a loop besides I/O: timers, watchers, ticks, microtasks, deferred nodes */
#include "loop/alive.h"
#include "loop/loop.h"
#include "os/mem.h"

/* ---- timers ---- */

/* The public timer hides the store's, and where it was started; they are told apart by the compiler, not by a reader. */
struct inside {
	struct rota__timer timer;
	const char *site;
};

_Static_assert(sizeof(struct inside) <= sizeof(((struct rota_timer *)0)->opaque),
	"struct rota_timer has room for the store's links");

/* A stored timer's flags are 1 where it is unreferenced, else 0: a number to count with. */

static struct inside *inside(const struct rota_timer *timer)
{
	return (struct inside *)(void *)timer->opaque;
}

static struct rota__timer *stored(const struct rota_timer *timer)
{
	return &inside(timer)->timer;
}

static struct rota_timer *timer_of(struct rota__timer *t)
{
	return container_of((uint64_t (*)[8])(void *)t, struct rota_timer, opaque);
}

/* 1, or 0 for one that is unreferenced. */
static uint32_t weight(const struct rota_timer *timer)
{
	return 1u - stored(timer)->flags;
}

static void timer_fired(struct rota__timer *t);

#ifndef NDEBUG
static bool timer_intact(const struct rota__lent_note *note)
{
	const struct rota_timer *timer = note->object;

	return stored(timer)->fn == timer_fired && timer->loop == note->owner && inside(timer)->site == note->site &&
		timers_armed(stored(timer));
}

static void note_timer(struct rota_loop *loop, const struct rota_timer *timer)
{
	static const struct rota__note_kind kind = { "started", "it fired or was stopped", timer_intact };

	rota__notes_add(&loop->notes, (struct rota__lent_note){ timer, loop, "timer", inside(timer)->site, &kind });
}

static void forget_timer(struct rota_loop *loop, const struct rota_timer *timer)
{
	rota__notes_remove(&loop->notes, timer);
}
#else
static inline void note_timer(struct rota_loop *loop, const struct rota_timer *timer)
{
}

static inline void forget_timer(struct rota_loop *loop, const struct rota_timer *timer)
{
}
#endif

static void timer_fired(struct rota__timer *t)
{
	struct rota_timer *timer = timer_of(t);

	forget_timer(timer->loop, timer);
	timer->loop->alive -= weight(timer);
	rota__callback_of(timer->loop, (struct rota__origin){ "timer", inside(timer)->site, (void (*)(void))timer->fn });
	timer->fn(timer);
}

/* Debug builds look at the thread: starting and stopping are so short that it would be a tenth of them. */
static inline void must_be_ours(struct rota_loop *loop, const char *call, const char *site)
{
#ifndef NDEBUG
	rota__loop_must_be_mine(loop, call, "timer", site);
#endif
}

static inline void disarm(struct rota_timer *timer)
{
	if (!timers_armed(stored(timer)))
		return;
	must_be_ours(timer->loop, "rota_timer_stop", inside(timer)->site);
	forget_timer(timer->loop, timer);
	timers_cancel(&timer->loop->timers, stored(timer));
	timer->loop->alive -= weight(timer);
}

static inline void arm(struct rota_loop *loop, struct rota_timer *timer, uint64_t deadline_ns, const char *site)
{
	must_be_ours(loop, "rota_timer_start", site);
	inside(timer)->site = site; /* early: it need not be kept in a register */
	disarm(timer);
	timer->loop = loop;
	stored(timer)->fn = timer_fired;
	loop->alive += weight(timer);
	timers_arm(&loop->timers, stored(timer), deadline_ns); /* last: nothing is needed after what it calls */
	note_timer(loop, timer);
}

static __attribute__((noinline)) void arm_from_outside(
	struct rota_loop *loop, struct rota_timer *timer, uint64_t deadline_ns, const char *site)
{
	ROTA_INSIDE();

	arm(loop, timer, deadline_ns, site);
}

static __attribute__((noinline)) void disarm_from_outside(struct rota_timer *timer)
{
	ROTA_INSIDE();

	disarm(timer);
}

/* Work so short that the ways in and out would be a good part of it: who is inside already is spared them. */
void rota_timer_start_at(struct rota_loop *loop, struct rota_timer *timer, uint64_t deadline_ns, const char *site)
{
	if (__builtin_expect(rota__is_inside(), 1))
		arm(loop, timer, deadline_ns, site);
	else
		arm_from_outside(loop, timer, deadline_ns, site);
}

void rota_timer_stop(struct rota_timer *timer)
{
	if (__builtin_expect(rota__is_inside(), 1))
		disarm(timer);
	else
		disarm_from_outside(timer);
}

static void set_unref(struct rota_timer *timer, bool unref, const char *call)
{
	ROTA_INSIDE();
	uint32_t before = weight(timer);
	bool armed = timers_armed(stored(timer));

	if (armed)
		rota__loop_must_be_mine(timer->loop, call, "timer", inside(timer)->site);
	stored(timer)->flags = unref;
	if (armed)
		timer->loop->alive += weight(timer) - before;
}

void rota_timer_ref(struct rota_timer *timer)
{
	set_unref(timer, false, "rota_timer_ref");
}

void rota_timer_unref(struct rota_timer *timer)
{
	set_unref(timer, true, "rota_timer_unref");
}

bool rota_timer_has_ref(const struct rota_timer *timer)
{
	return weight(timer) > 0;
}

struct listing {
	rota_alive_fn fn;
	void *arg;
};

static void list_timer(struct rota__timer *t, void *listing)
{
	const struct listing *l = listing;
	const struct rota_timer *timer = timer_of(t);
	struct rota_alive what;

	if (t->fn != timer_fired)
		return; /* it serves something else, which is listed, or a task */
	what = rota__alive("timer", inside(timer)->site, weight(timer) > 0);
	what.fn = (void (*)(void))timer->fn;
	rota__promise_of_timer(timer, &what);
	l->fn(&what, l->arg);
}

void rota__loop_list_timers(struct rota_loop *loop, rota_alive_fn fn, void *arg)
{
	rota__timers_each(&loop->timers, list_timer, &(struct listing){ fn, arg });
}

/* ---- watchers ---- */

const char *const rota__watcher_kinds[] = { "idle", "prepare", "check" };

#ifndef NDEBUG
static bool watcher_intact(const struct rota__lent_note *note)
{
	const struct rota_watcher *w = note->object;

	return w->loop == note->owner && w->site == note->site && w->active && w->phase <= ROTA_CHECK &&
		rota__watcher_kinds[w->phase] == note->name;
}

static void note_watcher(const struct rota_watcher *w)
{
	static const struct rota__note_kind kind = { "started", "it was stopped", watcher_intact };

	rota__notes_add(&w->loop->notes, (struct rota__lent_note){ w, w->loop, rota__watcher_kinds[w->phase], w->site, &kind });
}

static void forget_watcher(const struct rota_watcher *w)
{
	rota__notes_remove(&w->loop->notes, w);
}
#else
static inline void note_watcher(const struct rota_watcher *w)
{
}

static inline void forget_watcher(const struct rota_watcher *w)
{
}
#endif

void rota_watcher_start_at(struct rota_loop *loop, struct rota_watcher *watcher, enum rota_phase phase, const char *site)
{
	ROTA_INSIDE();
	struct rota_watcher *head = &loop->phase[phase];

	rota__loop_must_be_mine(loop, "rota_watcher_start", rota__watcher_kinds[phase], site);
	if (watcher->active)
		return;
	watcher->loop = loop;
	watcher->phase = phase;
	watcher->site = site;
	watcher->active = true;
	watcher->prev = head->prev;
	watcher->next = head;
	head->prev->next = watcher;
	head->prev = watcher;
	loop->alive += !watcher->unref;
	loop->idle_active += phase == ROTA_IDLE;
	note_watcher(watcher);
}

void rota_watcher_stop(struct rota_watcher *watcher)
{
	ROTA_INSIDE();

	if (!watcher->active)
		return;
	rota__loop_must_be_mine(watcher->loop, "rota_watcher_stop", rota__watcher_kinds[watcher->phase], watcher->site);
	forget_watcher(watcher);
	watcher->active = false;
	watcher->prev->next = watcher->next;
	watcher->next->prev = watcher->prev;
	watcher->loop->alive -= !watcher->unref;
	watcher->loop->idle_active -= watcher->phase == ROTA_IDLE;
}

static void set_watcher_unref(struct rota_watcher *watcher, bool unref, const char *call)
{
	ROTA_INSIDE();

	if (watcher->active) {
		rota__loop_must_be_mine(watcher->loop, call, rota__watcher_kinds[watcher->phase], watcher->site);
		watcher->loop->alive += (uint32_t)((int)watcher->unref - (int)unref);
	}
	watcher->unref = unref;
}

void rota_watcher_ref(struct rota_watcher *watcher)
{
	set_watcher_unref(watcher, false, "rota_watcher_ref");
}

void rota_watcher_unref(struct rota_watcher *watcher)
{
	set_watcher_unref(watcher, true, "rota_watcher_unref");
}

bool rota_watcher_has_ref(const struct rota_watcher *watcher)
{
	return !watcher->unref;
}

void rota__loop_list_watchers(struct rota_loop *loop, rota_alive_fn fn, void *arg)
{
	for (int phase = 0; phase < 3; phase++)
		for (const struct rota_watcher *w = loop->phase[phase].next; w != &loop->phase[phase]; w = w->next) {
			struct rota_alive what = rota__alive(rota__watcher_kinds[phase], w->site, !w->unref);

			what.fn = (void (*)(void))w->fn;
			if (w->fn != NULL) /* else a marker: run_started() is under way */
				fn(&what, arg);
		}
}

/* ---- a loop that goes ---- */

static void look_for_started(struct rota__timer *t, void *ret_any)
{
	*(bool *)ret_any |= t->fn == timer_fired;
}

bool rota__loop_any_started(struct rota_loop *loop)
{
	bool any = false;

	for (int phase = 0; phase < 3; phase++)
		any |= loop->phase[phase].next != &loop->phase[phase];
	rota__timers_each(&loop->timers, look_for_started, &any);
	return any;
}

static void disarm_it(struct rota__timer *t, void *loop)
{
	if (t->fn == timer_fired)
		forget_timer(loop, timer_of(t));
	t->back = NULL;
}

void rota__loop_stop_all(struct rota_loop *loop)
{
	for (int phase = 0; phase < 3; phase++)
		while (loop->phase[phase].next != &loop->phase[phase])
			rota_watcher_stop(loop->phase[phase].next);
	rota__timers_each(&loop->timers, disarm_it, loop);
	rota__timers_init(&loop->timers, loop->now_ns);
}

/* ---- ticks and microtasks ---- */

int rota__calls_grow(struct rota__calls *calls, uint32_t count)
{
	/* 64 calls to begin with: a page with its neighbours. */
	uint64_t used = calls->tail - calls->head, room = calls->ring != NULL ? (uint64_t)calls->mask + 1 : 64;
	struct rota__call *ring;

	while (used + calls->reserved + count > room)
		room *= 2;
	ring = room <= UINT32_MAX ? rota__alloc(room * sizeof *ring) : NULL;
	if (ring == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < used; i++)
		ring[i] = calls->ring[(calls->head + i) & calls->mask];
	rota__free(calls->ring);
	*calls = (struct rota__calls){
		.ring = ring, .mask = (uint32_t)room - 1, .tail = (uint32_t)used, .reserved = calls->reserved
	};
	return 0;
}

int rota__calls_push(struct rota__calls *calls, rota_job_fn fn, void *arg)
{
	if ((calls->ring == NULL || calls->tail - calls->head + calls->reserved > calls->mask) &&
		rota__calls_grow(calls, 1) < 0)
		return -ENOMEM;
	calls->ring[calls->tail++ & calls->mask] = (struct rota__call){ fn, arg };
	return 0;
}

void rota__calls_fini(struct rota__calls *calls)
{
	rota__free(calls->ring);
	*calls = (struct rota__calls){ 0 };
}

static void drain(struct rota__calls *calls)
{
	while (!calls_empty(calls)) {
		struct rota__call call = calls->ring[calls->head++ & calls->mask];

		call.fn(call.arg);
	}
}

static void drain_timed(struct rota_loop *loop, struct rota__calls *calls)
{
	while (!calls_empty(calls)) {
		struct rota__call call = calls->ring[calls->head++ & calls->mask];
		struct rota__origin origin = { .kind = "tick" };

		if (calls == &loop->microtasks)
			origin = rota__promise_origin(&call);
		if (origin.fn == NULL)
			origin.fn = (void (*)(void))call.fn;
		call.fn(call.arg);
		rota__overrun_look(loop, origin);
	}
}

/* Node's rule: all ticks, also those added by ticks; then all microtasks, also those added by
 * microtasks; and again while either has something.  Then rejections nobody handled are reported, which may queue more. */
void rota__loop_drain_calls(struct rota_loop *loop)
{
	bool timed = loop->timed; /* one that begins in here begins with the next callback */

	if (timed)
		rota__overrun_begin(loop);
	while (!calls_empty(&loop->ticks) || !calls_empty(&loop->microtasks)) {
		if (timed) {
			drain_timed(loop, &loop->ticks);
			drain_timed(loop, &loop->microtasks);
		} else {
			drain(&loop->ticks);
			drain(&loop->microtasks);
		}
		if (calls_empty(&loop->ticks) && (loop->promises.rejected.first != NULL || loop->promises.late.first != NULL)) {
			rota__promises_report(loop);
			if (timed)
				rota__overrun_begin(loop); /* what its hook took is nobody's callback */
		}
	}
}

void rota__loop_callback_ended(struct rota_loop *loop, const char *kind, const char *site, void (*fn)(void))
{
	if (loop->timed)
		rota__overrun_look(loop, (struct rota__origin){ kind, site, fn });
	if (!calls_empty(&loop->ticks) || !calls_empty(&loop->microtasks))
		rota__loop_drain_calls(loop);
}

int rota_next_tick(struct rota_loop *loop, rota_job_fn fn, void *arg)
{
	ROTA_INSIDE();

	loop = rota__loop_mine(loop);
	if (loop == NULL)
		return -EPERM;
	return rota__calls_push(&loop->ticks, fn, arg);
}

int rota_queue_microtask(struct rota_loop *loop, rota_job_fn fn, void *arg)
{
	ROTA_INSIDE();

	loop = rota__loop_mine(loop);
	if (loop == NULL)
		return -EPERM;
	return rota__calls_push(&loop->microtasks, fn, arg);
}

static void list_calls(const struct rota_loop *loop, const struct rota__calls *calls, rota_alive_fn fn, void *arg)
{
	for (uint32_t at = calls->head; at != calls->tail; at++) {
		const struct rota__call *call = &calls->ring[at & calls->mask];
		struct rota__origin origin = { .kind = "tick" };
		struct rota_alive what;

		if (calls == &loop->microtasks)
			origin = rota__promise_origin(call);
		what = rota__alive(origin.kind, origin.site, true);
		what.fn = origin.fn != NULL ? origin.fn : (void (*)(void))call->fn;
		fn(&what, arg);
	}
}

void rota__loop_list_queued(struct rota_loop *loop, rota_alive_fn fn, void *arg)
{
	for (const struct rota__node *node = mpsc_newest(&loop->posts); node != NULL; node = node->next) {
		struct rota_alive what = rota__alive("post", NULL, true);

		what.fn = (void (*)(void))node->fn;
		fn(&what, arg);
	}
	list_calls(loop, &loop->ticks, fn, arg);
	list_calls(loop, &loop->microtasks, fn, arg);
}

/* ---- deferred ---- */

void rota__loop_defer(struct rota_loop *loop, struct rota__node *node)
{
	fifo_push(&loop->pending, node);
}

void rota__loop_close_later(struct rota_loop *loop, struct rota__node *node)
{
	fifo_push(&loop->closing, node);
}
