/* timers.c - deadlines in order: a wheel for the far ones, a heap for the near ones (timers.h) */
#include "base/timers.h"

/* ---- the heap: a pairing heap whose links are in the timers ----
 *
 * A node's children are a list through next; back points at the link that leads to the node, so that
 * any node can be taken out.  Fredman et al., "The pairing heap", Algorithmica 1986. */

static bool earlier(const struct rota__timer *a, const struct rota__timer *b)
{
	return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns : a->seq < b->seq;
}

/* Make the later of two roots the first child of the earlier, which is returned. */
static struct rota__timer *meld(struct rota__timer *a, struct rota__timer *b)
{
	if (earlier(b, a)) {
		struct rota__timer *t = a;

		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next != NULL)
		b->next->back = &b->next;
	b->back = &a->child;
	a->child = b;
	return a;
}

/* One heap of a list of siblings: in pairs from the left, then all from the right. */
static struct rota__timer *meld_siblings(struct rota__timer *first)
{
	struct rota__timer *pairs = NULL, *root;

	while (first != NULL) {
		struct rota__timer *a = first, *b = a->next;

		first = b != NULL ? b->next : NULL;
		if (b != NULL)
			a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	root = pairs;
	if (root == NULL)
		return NULL;
	pairs = root->next;
	while (pairs != NULL) {
		struct rota__timer *next = pairs->next;

		root = meld(root, pairs);
		pairs = next;
	}
	root->next = NULL;
	return root;
}

static void heap_set_root(struct rota__timer **heap, struct rota__timer *root)
{
	*heap = root;
	if (root != NULL) {
		root->next = NULL;
		root->back = heap;
	}
}

void rota__timers_heap_insert(struct rota__timers *t, struct rota__timer *timer)
{
	struct rota__timer **heap = __builtin_expect(timer->seq < t->phase_seq, 1) ? &t->heap : &t->fresh;

	timer->child = NULL;
	timer->level = TIMERS_IN_HEAP;
	heap_set_root(heap, *heap != NULL ? meld(*heap, timer) : timer);
}

/* Its children, none of which is due before it, take its place: so it matters not which heap it is in. */
void rota__timers_heap_remove(struct rota__timer *timer)
{
	struct rota__timer *heir = meld_siblings(timer->child), *next = timer->next;

	if (heir != NULL) {
		heir->back = timer->back;
		heir->next = next;
		*timer->back = heir;
		if (next != NULL)
			next->back = &heir->next;
		return;
	}
	*timer->back = next;
	if (next != NULL)
		next->back = timer->back;
}

/* ---- the wheel ---- */

void rota__timers_init(struct rota__timers *t, uint64_t now_ns)
{
	*t = (struct rota__timers){ .now_ns = now_ns, .phase_seq = UINT64_MAX };
}

/* ---- time goes on ---- */

/* The first slot that holds something; all on a level come before all on the next, and within a level
 * slots do not wrap, because a deadline in the next turn is on a higher level.  TIMERS_LEVELS as
 * ret_level: none does. */
static void find_first_slot(const struct rota__timers *t, unsigned *ret_level, unsigned *ret_slot)
{
	unsigned level, slot = 0;

	for (level = 0; level < TIMERS_LEVELS; level++) {
		for (uint64_t bits = t->occupied[level]; bits != 0; bits &= bits - 1) {
			slot = (unsigned)__builtin_ctzll(bits);
			if (t->slots[level][slot].first != NULL)
				goto found;
		}
	}
found:
	*ret_level = level;
	*ret_slot = slot;
}

/* Drop the bits that cancels left behind: those before the first slot. */
static void forget_emptied(struct rota__timers *t, unsigned first_level, unsigned first_slot)
{
	for (unsigned level = 0; level < first_level; level++)
		t->occupied[level] = 0;
	if (first_level < TIMERS_LEVELS)
		t->occupied[first_level] &= UINT64_MAX << first_slot;
}

/* When time enters a slot. */
static uint64_t slot_start(const struct rota__timers *t, unsigned level, unsigned slot)
{
	unsigned shift = timers_level_shift(level), above = shift + TIMERS_SLOT_BITS;
	uint64_t turn = above < 64 ? t->now_ns >> above << above : 0;

	return turn | (uint64_t)slot << shift;
}

/* Time is in this slot now: its timers are near, or at least nearer. */
static void enter_slot(struct rota__timers *t, unsigned level, unsigned slot)
{
	struct rota__timer *timer = t->slots[level][slot].first, *next;

	t->now_ns = slot_start(t, level, slot);
	t->slots[level][slot].first = NULL;
	t->occupied[level] &= ~(UINT64_C(1) << slot);
	for (; timer != NULL; timer = next) {
		next = timer->next;
		if (next != NULL)
			__builtin_prefetch(next->next, 1); /* cold memory: fetch while we place */
		timers_place(t, timer);
	}
}

/* Enter every slot that begins by `now_ns` and may come before what the heap has. */
static void turn_to(struct rota__timers *t, uint64_t now_ns)
{
	unsigned level, slot;

	while (t->heap == NULL || t->heap->deadline_ns > now_ns) {
		uint64_t start;

		find_first_slot(t, &level, &slot);
		forget_emptied(t, level, slot);
		if (level == TIMERS_LEVELS)
			break;
		start = slot_start(t, level, slot);
		if (start > now_ns)
			break;
		enter_slot(t, level, slot);
	}
}

struct rota__timer *rota__timers_pop_due(struct rota__timers *t, uint64_t now_ns)
{
	struct rota__timer *timer;

	turn_to(t, now_ns);
	timer = t->heap;
	if (timer == NULL || timer->deadline_ns > now_ns) {
		/* Nothing is due, all slots up to now are entered: new timers are placed from here. */
		if (now_ns > t->now_ns)
			t->now_ns = now_ns;
		return NULL;
	}
	heap_set_root(&t->heap, meld_siblings(timer->child));
	timer->back = NULL;
	return timer;
}

void rota__timers_phase_begin(struct rota__timers *t)
{
	t->phase_seq = t->next_seq;
}

void rota__timers_phase_end(struct rota__timers *t)
{
	t->phase_seq = UINT64_MAX;
	if (t->fresh == NULL)
		return;
	heap_set_root(&t->heap, t->heap != NULL ? meld(t->heap, t->fresh) : t->fresh);
	t->fresh = NULL;
}

/* Make all below the root its children, which is a heap as well: a walk without a stack. */
static void flatten(struct rota__timer *root)
{
	for (struct rota__timer *it = root->child; it != NULL; it = it->next) {
		struct rota__timer *first = it->child, *last = first;

		if (first == NULL)
			continue;
		while (last->next != NULL)
			last = last->next;
		last->next = it->next;
		if (last->next != NULL)
			last->next->back = &last->next;
		it->next = first;
		first->back = &it->next;
		it->child = NULL;
	}
}

static void heap_each(struct rota__timer *root, void (*visit)(struct rota__timer *timer, void *arg), void *arg)
{
	if (root == NULL)
		return;
	flatten(root);
	visit(root, arg);
	for (struct rota__timer *it = root->child; it != NULL; it = it->next)
		visit(it, arg);
}

void rota__timers_each(struct rota__timers *t, void (*visit)(struct rota__timer *timer, void *arg), void *arg)
{
	heap_each(t->heap, visit, arg);
	heap_each(t->fresh, visit, arg);
	for (unsigned level = 0; level < TIMERS_LEVELS; level++)
		for (unsigned slot = 0; slot < TIMERS_SLOTS; slot++)
			for (struct rota__timer *it = t->slots[level][slot].first; it != NULL; it = it->next)
				visit(it, arg);
}

uint64_t rota__timers_next_ns(const struct rota__timers *t)
{
	const struct rota__timer *first = t->heap;
	unsigned level, slot;

	if (t->fresh != NULL && (first == NULL || earlier(t->fresh, first)))
		first = t->fresh;
	if (first != NULL)
		return first->deadline_ns;
	find_first_slot(t, &level, &slot);
	return level < TIMERS_LEVELS ? t->slots[level][slot].earliest_ns : UINT64_MAX;
}
