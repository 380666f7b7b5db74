/* later.c - timeouts, intervals and immediates, named by numbers
 *
 * A record is in one of three places:
 *
 *   FREE --set_timeout, set_interval--> in the timers ----due, clear--> FREE     (an interval goes back after its call)
 *        --set_immediate--------------> in the immediates --run, clear--> FREE
 *
 * Records come in chunks that never move, because timers are linked through them, and are used again; a number is a
 * record's place and how often it was used, so that a stale number is recognised instead of hitting another's timer. */
#include "loop/alive.h"
#include "loop/loop.h"
#include "os/mem.h"

enum later_kind { LATER_FREE, LATER_TIMEOUT, LATER_INTERVAL, LATER_IMMEDIATE };

static const char *const kinds[] = { NULL, "timeout", "interval", "immediate" };

struct rota__later {
	struct rota__timer timer; /* of timeouts and intervals */
	struct list link;	  /* of immediates; next: of free ones */
	struct rota_loop *loop;
	rota_job_fn fn;
	void *arg;
	const char *site;
	uint64_t length_ns;
	uint32_t place, uses;
	uint8_t kind;
	bool unref;
	bool running; /* an interval in its own call: in no timers now */
};

/* 64 records, some 10 KiB: small programs make one chunk. */
enum { CHUNK_SHIFT = 6, CHUNK = 1 << CHUNK_SHIFT };

/* With immediates waiting, the system is asked again after at most so many turns.  Asking costs as much as some ten
 * empty turns, so more would gain little, and immediates that suddenly take long delay I/O by so many of them, once. */
enum { POLL_EVERY_MAX = 16 };

/* Those turns together should not take longer, by the measure of the last ones. */
static const uint64_t hurry_ns = 20000;

static bool more_records(struct rota__laters *all)
{
	struct rota__later **chunks = rota__realloc(all->chunks, (all->chunk_count + 1) * sizeof *chunks), *chunk;

	if (chunks == NULL)
		return false;
	all->chunks = chunks;
	chunk = rota__alloc_zero(CHUNK * sizeof *chunk);
	if (chunk == NULL)
		return false;
	for (uint32_t i = CHUNK; i-- > 0;) {
		chunk[i].place = all->chunk_count << CHUNK_SHIFT | i;
		chunk[i].link.next = (struct list *)all->free;
		all->free = &chunk[i];
	}
	chunks[all->chunk_count++] = chunk;
	return true;
}

void rota__laters_fini(struct rota__laters *all)
{
	for (uint32_t i = 0; i < all->chunk_count; i++)
		rota__free(all->chunks[i]);
	rota__free(all->chunks);
}

static int64_t id_of(const struct rota__later *l)
{
	/* 31 bits of uses: positive, and never 0. */
	return (int64_t)(l->uses & 0x7fffffff) << 32 | (l->place + 1);
}

static struct rota__later *find(struct rota_loop *loop, int64_t id)
{
	uint32_t place = (uint32_t)id - 1;
	struct rota__later *l;

	if (id <= 0 || place >> CHUNK_SHIFT >= loop->laters.chunk_count)
		return NULL;
	l = &loop->laters.chunks[place >> CHUNK_SHIFT][place & (CHUNK - 1)];
	return l->kind != LATER_FREE && id_of(l) == id ? l : NULL;
}

static struct rota__later *take(
	struct rota_loop *loop, enum later_kind kind, rota_job_fn fn, void *arg, const char *site)
{
	struct rota__laters *all = &loop->laters;
	struct rota__later *l;

	if (all->free == NULL && !more_records(all))
		return NULL;
	l = all->free;
	all->free = (struct rota__later *)l->link.next;
	l->loop = loop;
	l->fn = fn;
	l->arg = arg;
	l->site = site;
	l->uses++;
	l->kind = (uint8_t)kind;
	l->unref = l->running = false;
	return l;
}

static void give_back(struct rota__later *l)
{
	struct rota__laters *all = &l->loop->laters;

	l->kind = LATER_FREE;
	l->link.next = (struct list *)all->free;
	all->free = l;
}

/* ---- timeouts and intervals ---- */

static void arm(struct rota__later *l)
{
	timers_arm(&l->loop->timers, &l->timer, rota_deadline(l->length_ns));
}

static void interval_due(struct rota__later *l)
{
	l->running = true;
	l->fn(l->arg);
	if (!l->running) { /* it was cleared from within */
		give_back(l);
		return;
	}
	l->running = false;
	arm(l);
}

static void due(struct rota__timer *timer)
{
	struct rota__later *l = container_of(timer, struct rota__later, timer);
	rota_job_fn fn = l->fn;
	void *arg = l->arg;

	rota__callback_of(l->loop, (struct rota__origin){ kinds[l->kind], l->site, (void (*)(void))fn });
	if (l->kind == LATER_INTERVAL) {
		interval_due(l);
		return;
	}
	l->loop->alive -= !l->unref;
	give_back(l);
	fn(arg);
}

static int64_t set(struct rota_loop *loop, enum later_kind kind, uint64_t length_ns, rota_job_fn fn, void *arg,
	const char *site)
{
	struct rota__later *l;

	loop = rota__loop_mine(loop);
	if (loop == NULL)
		return -EPERM;
	if (fn == NULL)
		return -EINVAL;
	l = take(loop, kind, fn, arg, site);
	if (l == NULL)
		return -ENOMEM;
	loop->alive++;
	if (kind == LATER_IMMEDIATE) {
		list_append(&loop->laters.immediates, &l->link);
		loop->laters.immediates_ref++;
	} else {
		l->length_ns = length_ns;
		l->timer.fn = due;
		arm(l);
	}
	return id_of(l);
}

int64_t rota_set_timeout_at(struct rota_loop *loop, uint64_t length_ns, rota_job_fn fn, void *arg, const char *site)
{
	ROTA_INSIDE();

	return set(loop, LATER_TIMEOUT, length_ns, fn, arg, site);
}

int64_t rota_set_interval_at(struct rota_loop *loop, uint64_t length_ns, rota_job_fn fn, void *arg, const char *site)
{
	ROTA_INSIDE();

	return set(loop, LATER_INTERVAL, length_ns, fn, arg, site);
}

/* ---- immediates ---- */

int64_t rota_set_immediate_at(struct rota_loop *loop, rota_job_fn fn, void *arg, const char *site)
{
	ROTA_INSIDE();

	return set(loop, LATER_IMMEDIATE, 0, fn, arg, site);
}

void rota__loop_run_immediates(struct rota_loop *loop)
{
	struct list due;

	if (list_empty(&loop->laters.immediates))
		return;
	list_move(&due, &loop->laters.immediates);
	while (!list_empty(&due)) {
		struct rota__later *l = list_first(&due, struct rota__later, link);
		rota_job_fn fn = l->fn;
		const char *site = l->site;
		void *arg = l->arg;

		list_remove(&l->link);
		loop->alive -= !l->unref;
		loop->laters.immediates_ref -= !l->unref;
		give_back(l);
		fn(arg);
		rota__loop_after_callback(
			loop, (struct rota__origin){ kinds[LATER_IMMEDIATE], site, (void (*)(void))fn });
	}
}

static bool only_immediates(const struct rota_loop *loop)
{
	return !loop->stop && !loop->tasks_ready && loop->idle_active == 0 && fifo_empty(&loop->pending) &&
		mpsc_empty(&loop->posts) && fifo_empty(&loop->poller->completed);
}

bool rota__laters_hurry(struct rota_loop *loop)
{
	struct rota__laters *all = &loop->laters;
	uint64_t now_ns;

	if (all->immediates_ref == 0 || !only_immediates(loop)) {
		all->unpolled = all->poll_every = 0;
		return false;
	}
	if (all->unpolled < all->poll_every) {
		all->unpolled++;
		return true;
	}
	now_ns = rota_now_ns();
	if (now_ns - all->polled_ns > hurry_ns)
		all->poll_every /= 2;
	else if (all->poll_every < POLL_EVERY_MAX)
		all->poll_every = 2 * all->poll_every + 1;
	all->polled_ns = now_ns;
	all->unpolled = 0;
	return false;
}

/* ---- the list of what keeps the loop alive ---- */

void rota__loop_list_laters(struct rota_loop *loop, rota_alive_fn fn, void *arg)
{
	const struct rota__laters *all = &loop->laters;

	for (uint32_t i = 0; i < all->chunk_count << CHUNK_SHIFT; i++) {
		const struct rota__later *l = &all->chunks[i >> CHUNK_SHIFT][i & (CHUNK - 1)];
		struct rota_alive what;

		if (l->kind == LATER_FREE)
			continue;
		what = rota__alive(kinds[l->kind], l->site, !l->unref);
		what.fn = (void (*)(void))l->fn;
		fn(&what, arg);
	}
}

/* ---- by number ---- */

/* The record a call is about, or why there is none. */
static int lookup(struct rota__later **ret, struct rota_loop *loop, int64_t id)
{
	loop = rota__loop_mine(loop);
	if (loop == NULL)
		return -EPERM;
	*ret = find(loop, id);
	return *ret != NULL ? 0 : -ENOENT;
}

int rota_clear(struct rota_loop *loop, int64_t id)
{
	ROTA_INSIDE();
	struct rota__later *l;
	int rc = lookup(&l, loop, id);

	if (rc < 0)
		return rc;
	l->loop->alive -= !l->unref;
	if (l->running) { /* interval_due() is on the stack and gives it back */
		l->running = false;
		l->uses++;
		return 0;
	}
	if (l->kind == LATER_IMMEDIATE) {
		l->loop->laters.immediates_ref -= !l->unref;
		list_remove(&l->link);
	} else {
		timers_cancel(&l->loop->timers, &l->timer);
	}
	give_back(l);
	return 0;
}

int rota_refresh(struct rota_loop *loop, int64_t id)
{
	ROTA_INSIDE();
	struct rota__later *l;
	int rc = lookup(&l, loop, id);

	if (rc < 0)
		return rc;
	if (l->kind == LATER_IMMEDIATE)
		return -EINVAL;
	if (l->running)
		return 0; /* it is set anew after its call anyway */
	timers_cancel(&l->loop->timers, &l->timer);
	arm(l);
	return 0;
}

static int set_unref(struct rota_loop *loop, int64_t id, bool unref)
{
	struct rota__later *l;
	int rc = lookup(&l, loop, id), change;

	if (rc < 0)
		return rc;
	change = (int)l->unref - (int)unref;
	l->unref = unref;
	l->loop->alive += (uint32_t)change;
	if (l->kind == LATER_IMMEDIATE)
		l->loop->laters.immediates_ref += (uint32_t)change;
	return 0;
}

int rota_ref(struct rota_loop *loop, int64_t id)
{
	ROTA_INSIDE();

	return set_unref(loop, id, false);
}

int rota_unref(struct rota_loop *loop, int64_t id)
{
	ROTA_INSIDE();

	return set_unref(loop, id, true);
}

int rota_has_ref(struct rota_loop *loop, int64_t id)
{
	ROTA_INSIDE();
	struct rota__later *l;
	int rc = lookup(&l, loop, id);

	return rc < 0 ? rc : !l->unref;
}
