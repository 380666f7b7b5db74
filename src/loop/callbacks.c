/* callbacks.c - what runs on a loop besides I/O: timers, watchers, ticks, microtasks, deferred nodes */
#include "loop/loop.h"
#include "os/mem.h"

/* ---- timers ---- */

/* The public timer hides the store's; they are told apart by the compiler, not by a reader. */
_Static_assert(sizeof(struct rota__timer) <= sizeof(((struct rota_timer *)0)->opaque),
	"struct rota_timer has room for the store's links");

static struct rota__timer *stored(struct rota_timer *timer)
{
	return (struct rota__timer *)timer->opaque;
}

static void timer_fired(struct rota__timer *t)
{
	struct rota_timer *timer = container_of((uint64_t (*)[8])t, struct rota_timer, opaque);

	timer->loop->alive--;
	rota__callback_of(timer->loop, (struct rota__origin){ "timer", NULL, (void (*)(void))timer->fn });
	timer->fn(timer);
}

static inline void disarm(struct rota_timer *timer)
{
	if (!timers_armed(stored(timer)))
		return;
	rota__loop_must_be_mine(timer->loop, "rota_timer_stop", "timer", NULL);
	timers_cancel(&timer->loop->timers, stored(timer));
	timer->loop->alive--;
}

static inline void arm(struct rota_loop *loop, struct rota_timer *timer, uint64_t deadline_ns)
{
	rota__loop_must_be_mine(loop, "rota_timer_start", "timer", NULL);
	disarm(timer);
	timer->loop = loop;
	stored(timer)->fn = timer_fired;
	timers_arm(&loop->timers, stored(timer), deadline_ns);
	loop->alive++;
}

static __attribute__((noinline)) void arm_from_outside(struct rota_loop *loop, struct rota_timer *timer, uint64_t deadline_ns)
{
	ROTA_INSIDE();

	arm(loop, timer, deadline_ns);
}

static __attribute__((noinline)) void disarm_from_outside(struct rota_timer *timer)
{
	ROTA_INSIDE();

	disarm(timer);
}

/* Work so short that the ways in and out would be a good part of it: who is inside already is spared them. */
void rota_timer_start(struct rota_loop *loop, struct rota_timer *timer, uint64_t deadline_ns)
{
	if (__builtin_expect(rota__is_inside(), 1))
		arm(loop, timer, deadline_ns);
	else
		arm_from_outside(loop, timer, deadline_ns);
}

void rota_timer_stop(struct rota_timer *timer)
{
	if (__builtin_expect(rota__is_inside(), 1))
		disarm(timer);
	else
		disarm_from_outside(timer);
}

/* ---- watchers ---- */

void rota_watcher_start(struct rota_loop *loop, struct rota_watcher *watcher, enum rota_phase phase)
{
	ROTA_INSIDE();
	struct rota_watcher *head = &loop->phase[phase];

	rota__loop_must_be_mine(loop, "rota_watcher_start", "watcher", NULL);
	if (watcher->active)
		return;
	watcher->loop = loop;
	watcher->phase = phase;
	watcher->active = true;
	watcher->prev = head->prev;
	watcher->next = head;
	head->prev->next = watcher;
	head->prev = watcher;
	loop->alive++;
	loop->idle_active += phase == ROTA_IDLE;
}

void rota_watcher_stop(struct rota_watcher *watcher)
{
	ROTA_INSIDE();

	if (!watcher->active)
		return;
	rota__loop_must_be_mine(watcher->loop, "rota_watcher_stop", "watcher", NULL);
	watcher->active = false;
	watcher->prev->next = watcher->next;
	watcher->next->prev = watcher->prev;
	watcher->loop->alive--;
	watcher->loop->idle_active -= watcher->phase == ROTA_IDLE;
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

/* ---- deferred ---- */

void rota__loop_defer(struct rota_loop *loop, struct rota__node *node)
{
	fifo_push(&loop->pending, node);
}

void rota__loop_close_later(struct rota_loop *loop, struct rota__node *node)
{
	fifo_push(&loop->closing, node);
}
