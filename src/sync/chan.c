/* chan.c - channels: values through a ring, or from hand to hand (chan.h has the locking)
 *
 * A value goes straight to a receiver that waits.  A receiver that makes room fills it from the sender that
 * waits first, and wakes that one; so a full ring is emptied, and an empty one filled, without a switch
 * between values. */
#include "sync/chan.h"

#include <stdlib.h>
#include <string.h>

#include "os/mem.h"
#include "sync/select.h"

enum {
	FIRST_SLOTS = 32, /* of an unbounded channel, and what it shrinks back to */
	/* Looks at the other side before waiting, when it is on another thread and nothing else is to be done
	 * here: some 0.5 us.  To be woken from another thread costs as much, from its sleep much more. */
	LOOKS = 40,
};

/* ---- entering ---- */

/* It is used by another thread than its owner's, or for the first time. */
static __attribute__((noinline)) void change_owner(struct rota_chan *ch)
{
	enum rota__entry entry;

	word_lock(&ch->recv_word);
	word_lock(&ch->send_word);
	entry = rota__guard_enter_slow(&ch->guard, guard_me());
	guard_leave(&ch->guard, entry);
	word_unlock(&ch->send_word);
	word_unlock(&ch->recv_word);
}

static inline enum rota__entry enter_side(struct rota_chan *ch, uint32_t *word)
{
	for (;;) {
		if (__builtin_expect(guard_enter_owned(&ch->guard, guard_me()), 1))
			return ENTERED_AS_OWNER;
		if (load_relaxed(&ch->guard.owner) == GUARD_SHARED) {
			word_lock(word);
			return ENTERED_BY_WORD;
		}
		change_owner(ch);
	}
}

static inline void leave_side(struct rota_chan *ch, uint32_t *word, enum rota__entry entry)
{
	if (__builtin_expect(entry == ENTERED_AS_OWNER, 1))
		guard_leave(&ch->guard, entry);
	else
		word_unlock(word);
}

enum rota__entry rota__chan_enter(struct rota_chan *ch)
{
	enum rota__entry entry = enter_side(ch, &ch->recv_word);

	if (entry == ENTERED_BY_WORD)
		word_lock(&ch->send_word);
	return entry;
}

void rota__chan_leave(struct rota_chan *ch, enum rota__entry entry)
{
	if (entry == ENTERED_BY_WORD)
		word_unlock(&ch->send_word);
	leave_side(ch, &ch->recv_word, entry);
}

/* From one side to both.  What was seen may be different afterwards. */
static inline enum rota__entry enter_both(struct rota_chan *ch, uint32_t *word, enum rota__entry entry)
{
	if (entry == ENTERED_AS_OWNER)
		return entry;
	word_unlock(word);
	return rota__chan_enter(ch);
}

/* ---- the ring ---- */

static inline void copy(void *to, const void *from, uint32_t size)
{
	if (__builtin_expect(size == 8, 1))
		memcpy(to, from, 8);
	else
		memcpy(to, from, size);
}

static inline unsigned char *slot(const struct rota_chan *ch, uint32_t index)
{
	return ch->slots + (size_t)(index & ch->mask) * ch->size;
}

/* The senders' side. */
static inline bool has_room(struct rota_chan *ch)
{
	uint32_t limit = ch->capacity != ROTA_UNBOUNDED ? ch->capacity : ch->mask + 1;

	if (__builtin_expect(load_relaxed(&ch->tail) + ch->reserved - ch->head_seen < limit, 1))
		return ch->slots != NULL;
	ch->head_seen = load_acquire(&ch->head); /* pairs with the release in pop() */
	return ch->slots != NULL && load_relaxed(&ch->tail) + ch->reserved - ch->head_seen < limit;
}

static inline void push(struct rota_chan *ch, const void *value)
{
	copy(slot(ch, load_relaxed(&ch->tail)), value, ch->size);
	store_release(&ch->tail, load_relaxed(&ch->tail) + 1); /* pairs with the acquire in has_value() */
}

/* The receivers' side. */
static inline bool has_value(struct rota_chan *ch)
{
	if (__builtin_expect(load_relaxed(&ch->head) != ch->tail_seen, 1))
		return true;
	ch->tail_seen = load_acquire(&ch->tail); /* pairs with the release in push() */
	return load_relaxed(&ch->head) != ch->tail_seen;
}

static inline void pop(struct rota_chan *ch, void *ret_value)
{
	copy(ret_value, slot(ch, load_relaxed(&ch->head)), ch->size);
	store_release(&ch->head, load_relaxed(&ch->head) + 1); /* pairs with the acquire in has_room() */
}

/* Both sides.  Move what is inside to a ring of `room` slots, a power of two. */
static bool resize(struct rota_chan *ch, uint32_t room)
{
	unsigned char *slots = rota__alloc((size_t)room * ch->size);
	uint32_t count = load_relaxed(&ch->tail) - load_relaxed(&ch->head);

	if (slots == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++)
		memcpy(slots + (size_t)i * ch->size, slot(ch, load_relaxed(&ch->head) + i), ch->size);
	rota__free(ch->slots);
	ch->slots = slots;
	ch->mask = room - 1;
	ch->head_seen = 0;
	ch->tail_seen = count;
	store_relaxed(&ch->head, 0); /* comes_soon() may be looking */
	store_relaxed(&ch->tail, count);
	return true;
}

static bool grow(struct rota_chan *ch)
{
	if (ch->capacity != ROTA_UNBOUNDED || ch->mask >= UINT32_MAX / 4)
		return false;
	return resize(ch, ch->slots != NULL ? 2 * (ch->mask + 1) : FIRST_SLOTS);
}

/* After a burst: the channel is empty and somebody is about to wait. */
static void shrink(struct rota_chan *ch)
{
	if (ch->capacity == ROTA_UNBOUNDED && ch->mask + 1 > 4 * FIRST_SLOTS && ch->reserved == 0)
		resize(ch, FIRST_SLOTS); /* or it stays as it is */
}

/* ---- both sides ---- */

static int no_room(const struct rota_chan *ch)
{
	return ch->capacity == ROTA_UNBOUNDED ? -ENOMEM : -EAGAIN;
}

/* To a receiver that waits; false: none does. */
static bool hand_over(struct rota_chan *ch, const void *value, struct rota__wakes *wakes)
{
	struct rota__waiter *w = waiters_choose(&ch->receivers);

	if (w == NULL)
		return false;
	copy(w->item, value, ch->size);
	w->result = 0;
	wakes_add(wakes, w);
	return true;
}

int rota__chan_send_entered(struct rota_chan *ch, const void *value, struct rota__wakes *wakes)
{
	if (ch->closed)
		return ROTA_ECLOSED;
	if (hand_over(ch, value, wakes))
		return 0;
	if (!has_room(ch) && !grow(ch))
		return no_room(ch);
	push(ch, value);
	return 0;
}

/* There is room again: for those that wait to send, or to reserve (they bring no value). */
static void refill(struct rota_chan *ch, struct rota__wakes *wakes)
{
	struct rota__waiter *w;

	while (ch->senders.first != NULL && has_room(ch) && (w = waiters_choose(&ch->senders)) != NULL) {
		if (w->item != NULL)
			push(ch, w->item);
		else
			ch->reserved++;
		w->result = 0;
		wakes_add(wakes, w);
	}
}

/* From hand to hand: at a rendezvous, or where all places are kept.  Who waits for a place to keep brings no
 * value and stays. */
static bool take_from_sender(struct rota_chan *ch, void *ret_value, struct rota__wakes *wakes)
{
	struct rota__waiter *next;

	for (struct rota__waiter *w = ch->senders.first; w != NULL; w = next) {
		next = w->next;
		if (w->item == NULL)
			continue;
		waiters_remove(w);
		if (!waiter_claim(w))
			continue;
		copy(ret_value, w->item, ch->size);
		w->result = 0;
		wakes_add(wakes, w);
		return true;
	}
	return false;
}

int rota__chan_recv_entered(struct rota_chan *ch, void *ret_value, struct rota__wakes *wakes)
{
	if (has_value(ch)) {
		pop(ch, ret_value);
		refill(ch, wakes);
		return 0;
	}
	if (take_from_sender(ch, ret_value, wakes))
		return 0;
	return ch->closed && ch->reserved == 0 ? ROTA_ECLOSED : -EAGAIN;
}

static void cut(struct rota__waiter *w, int reason)
{
	struct rota_chan *ch = container_of(w->guard, struct rota_chan, guard);
	enum rota__entry entry = rota__chan_enter(ch);
	bool ours = w->queue != NULL;

	if (ours) {
		waiters_remove(w);
		w->result = reason;
	}
	rota__chan_leave(ch, entry);
	if (ours)
		waiter_wake(w);
}

/* Both sides are held, and what is wanted cannot be. */
static int wait_in(struct rota_chan *ch, enum rota__entry entry, struct rota__waiters *queue, void *item,
	uint64_t deadline_ns)
{
	struct rota_task *task = rota__current();
	int refused = task != NULL ? waiter_refused(task, deadline_ns) : -EPERM;
	struct rota__waiter w;

	if (refused == 0) {
		waiter_init(&w, task, &ch->guard, cut);
		w.item = item;
		waiters_append(queue, &w);
	}
	rota__chan_leave(ch, entry);
	return refused != 0 ? refused : waiter_park(&w, deadline_ns);
}

/* The other side is busy on another thread, and there is nothing else to do here: it may be done at once.  `index` is the other
 * side's, and was `seen`. */
static bool comes_soon(const uint32_t *index, uint32_t seen)
{
	const struct rota__worker *worker = rota__here();

	for (int i = 0; i < LOOKS && !rota__has_work(worker); i++) {
		if (load_relaxed(index) != seen)
			return true;
		spin_cpu_pause();
	}
	return false;
}

static inline int let_others_run(int rc)
{
	struct rota__worker *worker = rota__here();

	if (worker != NULL)
		rota__spend(worker, FREE_CALL);
	return rc;
}

/* ---- at once ----
 *
 * What most calls are: by a task whose worker owns the channel, while nobody waits, and no turn of others is due.  Nothing is called,
 * so that no register is saved; whatever is otherwise takes the longer way. */

static inline struct rota__worker *enter_at_once(struct rota_chan *ch)
{
	struct rota__worker *here = rota__here_unchecked(); /* its team never changes, and alone it is never taken */

	if (here == NULL || here->team != NULL || here->current == NULL || here->spent >= SPENDING_MAX - FREE_CALL ||
		!guard_enter_owned(&ch->guard, here))
		return NULL;
	return here;
}

static inline void leave_at_once(struct rota_chan *ch, struct rota__worker *here)
{
	guard_leave(&ch->guard, ENTERED_AS_OWNER);
	here->spent += FREE_CALL;
}

/* ---- sending ---- */

static __attribute__((noinline)) int send_slowly(struct rota_chan *ch, enum rota__entry entry, const void *value,
	uint64_t deadline_ns, bool wait)
{
	struct rota__wakes wakes = { NULL, NULL };
	bool looked = false;
	int rc;

	for (entry = enter_both(ch, &ch->send_word, entry);; entry = rota__chan_enter(ch)) {
		uint32_t head;

		rc = rota__chan_send_entered(ch, value, &wakes);
		if (rc != -EAGAIN || !wait)
			break;
		head = load_relaxed(&ch->head);
		if (entry == ENTERED_AS_OWNER || looked || ch->capacity == 0)
			return wait_in(ch, entry, &ch->senders, (void *)value, deadline_ns);
		rota__chan_leave(ch, entry);
		looked = !comes_soon(&ch->head, head);
	}
	rota__chan_leave(ch, entry);
	wakes_run(&wakes);
	return rc;
}

static inline int move_in(struct rota_chan *ch, enum rota__entry entry, const void *value, uint64_t deadline_ns, bool wait)
{
	struct rota__waiter *w;

	if (ch->receivers.first != NULL && entry == ENTERED_AS_OWNER && (w = waiters_choose(&ch->receivers)) != NULL) {
		copy(w->item, value, ch->size);
		w->result = 0;
		guard_leave(&ch->guard, entry);
		waiter_wake(w);
		return 0;
	}
	if (__builtin_expect(ch->closed || ch->receivers.first != NULL || !has_room(ch), 0))
		return send_slowly(ch, entry, value, deadline_ns, wait);
	push(ch, value);
	leave_side(ch, &ch->send_word, entry);
	return 0;
}

static __attribute__((noinline)) int send_any(struct rota_chan *ch, const void *value, uint64_t deadline_ns)
{
	ROTA_INSIDE();

	if (rota__current() == NULL)
		return -EPERM;
	return let_others_run(move_in(ch, enter_side(ch, &ch->send_word), value, deadline_ns, true));
}

static __attribute__((noinline)) int send_owned(struct rota_chan *ch, const void *value, uint64_t deadline_ns)
{
	return let_others_run(move_in(ch, ENTERED_AS_OWNER, value, deadline_ns, true));
}

static inline int send_value(struct rota_chan *ch, const void *value, uint64_t deadline_ns)
{
	struct rota__worker *here = enter_at_once(ch);

	if (here == NULL)
		return send_any(ch, value, deadline_ns);
	if (ch->receivers.first != NULL || ch->size != 8 || ch->closed || !has_room(ch))
		return send_owned(ch, value, deadline_ns);
	push(ch, value);
	leave_at_once(ch, here);
	return 0;
}

int rota_chan_send_until(struct rota_chan *ch, const void *value, uint64_t deadline_ns)
{
	return send_value(ch, value, deadline_ns);
}

int rota_chan_send(struct rota_chan *ch, const void *value)
{
	return send_value(ch, value, ROTA_FOREVER);
}

int rota_chan_try_send(struct rota_chan *ch, const void *value)
{
	ROTA_INSIDE();

	return move_in(ch, enter_side(ch, &ch->send_word), value, ROTA_NOW, false);
}

/* ---- receiving ---- */

static __attribute__((noinline)) int recv_slowly(
	struct rota_chan *ch, enum rota__entry entry, void *ret_value, uint64_t deadline_ns, bool wait)
{
	struct rota__wakes wakes = { NULL, NULL };
	bool looked = false;
	int rc;

	for (entry = enter_both(ch, &ch->recv_word, entry);; entry = rota__chan_enter(ch)) {
		uint32_t tail;

		rc = rota__chan_recv_entered(ch, ret_value, &wakes);
		if (rc != -EAGAIN || !wait)
			break;
		tail = load_relaxed(&ch->tail);
		if (entry == ENTERED_AS_OWNER || looked || ch->capacity == 0) {
			shrink(ch);
			return wait_in(ch, entry, &ch->receivers, ret_value, deadline_ns);
		}
		rota__chan_leave(ch, entry);
		looked = !comes_soon(&ch->tail, tail);
	}
	rota__chan_leave(ch, entry);
	wakes_run(&wakes);
	return rc;
}

static inline int move_out(struct rota_chan *ch, enum rota__entry entry, void *ret_value, uint64_t deadline_ns, bool wait)
{
	if (__builtin_expect(ch->senders.first != NULL || !has_value(ch), 0)) {
		if (wait && entry == ENTERED_AS_OWNER && ch->senders.first == NULL && !ch->closed) {
			shrink(ch);
			return wait_in(ch, entry, &ch->receivers, ret_value, deadline_ns);
		}
		return recv_slowly(ch, entry, ret_value, deadline_ns, wait);
	}
	pop(ch, ret_value);
	leave_side(ch, &ch->recv_word, entry);
	return 0;
}

static __attribute__((noinline)) int recv_any(struct rota_chan *ch, void *ret_value, uint64_t deadline_ns)
{
	ROTA_INSIDE();

	if (rota__current() == NULL)
		return -EPERM;
	return let_others_run(move_out(ch, enter_side(ch, &ch->recv_word), ret_value, deadline_ns, true));
}

static __attribute__((noinline)) int recv_owned(struct rota_chan *ch, void *ret_value, uint64_t deadline_ns)
{
	return let_others_run(move_out(ch, ENTERED_AS_OWNER, ret_value, deadline_ns, true));
}

static inline int recv_value(struct rota_chan *ch, void *ret_value, uint64_t deadline_ns)
{
	struct rota__worker *here = enter_at_once(ch);

	if (here == NULL)
		return recv_any(ch, ret_value, deadline_ns);
	if (ch->senders.first != NULL || ch->size != 8 || !has_value(ch))
		return recv_owned(ch, ret_value, deadline_ns);
	pop(ch, ret_value);
	leave_at_once(ch, here);
	return 0;
}

int rota_chan_recv_until(struct rota_chan *ch, void *ret_value, uint64_t deadline_ns)
{
	return recv_value(ch, ret_value, deadline_ns);
}

int rota_chan_recv(struct rota_chan *ch, void *ret_value)
{
	return recv_value(ch, ret_value, ROTA_FOREVER);
}

int rota_chan_try_recv(struct rota_chan *ch, void *ret_value)
{
	ROTA_INSIDE();

	return move_out(ch, enter_side(ch, &ch->recv_word), ret_value, ROTA_NOW, false);
}

ssize_t rota_chan_recv_many_until(struct rota_chan *ch, void *ret_values, uint32_t count, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	unsigned char *values = ret_values;
	uint32_t moved = 1;
	int rc;

	if (count == 0)
		return -EINVAL;
	rc = rota_chan_recv_until(ch, values, deadline_ns);
	if (rc < 0)
		return rc;
	while (moved < count && rota_chan_try_recv(ch, values + (size_t)moved * ch->size) == 0)
		moved++;
	return moved;
}

ssize_t rota_chan_recv_many(struct rota_chan *ch, void *ret_values, uint32_t count)
{
	return rota_chan_recv_many_until(ch, ret_values, count, ROTA_FOREVER);
}

/* ---- places kept ---- */

static int reserve_entered(struct rota_chan *ch)
{
	if (ch->capacity == 0)
		return -EINVAL;
	if (ch->closed)
		return ROTA_ECLOSED;
	if (!has_room(ch) && !grow(ch))
		return no_room(ch);
	ch->reserved++;
	return 0;
}

int rota_chan_reserve_until(struct rota_chan *ch, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	enum rota__entry entry;
	int rc;

	if (rota__begin_call() == NULL)
		return -EPERM;
	entry = rota__chan_enter(ch);
	rc = reserve_entered(ch);
	if (rc == -EAGAIN)
		return wait_in(ch, entry, &ch->senders, NULL, deadline_ns);
	rota__chan_leave(ch, entry);
	return rc;
}

int rota_chan_try_reserve(struct rota_chan *ch)
{
	ROTA_INSIDE();
	enum rota__entry entry = rota__chan_enter(ch);
	int rc = reserve_entered(ch);

	rota__chan_leave(ch, entry);
	return rc;
}

int rota_chan_reserve(struct rota_chan *ch)
{
	return rota_chan_reserve_until(ch, ROTA_FOREVER);
}

/* A place is used or given back.  With the last one a closed channel has ended. */
static int use_place(struct rota_chan *ch, const void *value)
{
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = rota__chan_enter(ch);
	int rc = -EPERM;

	if (ch->reserved > 0) {
		ch->reserved--;
		if (value != NULL && !hand_over(ch, value, &wakes))
			push(ch, value);
		refill(ch, &wakes);
		if (ch->closed && ch->reserved == 0 && !has_value(ch))
			wakes_add_all(&wakes, &ch->receivers, ROTA_ECLOSED);
		rc = 0;
	}
	rota__chan_leave(ch, entry);
	wakes_run(&wakes);
	return rc;
}

int rota_chan_send_reserved(struct rota_chan *ch, const void *value)
{
	ROTA_INSIDE();

	return use_place(ch, value);
}

int rota_chan_unreserve(struct rota_chan *ch)
{
	ROTA_INSIDE();

	return use_place(ch, NULL);
}

/* ---- life ---- */

int rota_chan_init(struct rota_chan *ch, uint32_t size_bytes, uint32_t capacity)
{
	uint32_t room = 1;
	unsigned char *slots = NULL;

	if (size_bytes == 0 || (capacity != ROTA_UNBOUNDED && capacity > UINT32_MAX / 4))
		return -EINVAL;
	if (capacity != 0 && capacity != ROTA_UNBOUNDED) {
		while (room < capacity)
			room *= 2;
		slots = rota__alloc((size_t)room * size_bytes);
		if (slots == NULL)
			return -ENOMEM;
	}
	*ch = (struct rota_chan){ .slots = slots, .size = size_bytes, .capacity = capacity, .mask = room - 1 };
	return 0;
}

int rota_chan_fini(struct rota_chan *ch)
{
	enum rota__entry entry = rota__chan_enter(ch);
	bool waited_on = ch->senders.first != NULL || ch->receivers.first != NULL;

	rota__chan_leave(ch, entry);
	if (waited_on)
		return -EBUSY;
	rota__free(ch->slots);
	ch->slots = NULL;
	ch->closed = true; /* a use after the end moves nothing */
	ch->head = ch->tail = ch->tail_seen = 0;
	return 0;
}

void rota_chan_close(struct rota_chan *ch)
{
	ROTA_INSIDE();
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = rota__chan_enter(ch);

	ch->closed = true;
	wakes_add_all(&wakes, &ch->senders, ROTA_ECLOSED);
	if (ch->reserved == 0 && !has_value(ch))
		wakes_add_all(&wakes, &ch->receivers, ROTA_ECLOSED);
	rota__chan_leave(ch, entry);
	wakes_run(&wakes);
}

bool rota_chan_is_closed(struct rota_chan *ch)
{
	enum rota__entry entry = rota__chan_enter(ch);
	bool closed = ch->closed;

	rota__chan_leave(ch, entry);
	return closed;
}

uint32_t rota_chan_count(struct rota_chan *ch)
{
	enum rota__entry entry = rota__chan_enter(ch);
	uint32_t count = load_relaxed(&ch->tail) - load_relaxed(&ch->head);

	rota__chan_leave(ch, entry);
	return count;
}

/* ---- in a select ---- */

static enum rota__entry select_enter(void *object)
{
	return rota__chan_enter(object);
}

static void select_leave(void *object, enum rota__entry entry)
{
	rota__chan_leave(object, entry);
}

static int attempt_recv(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	return rota__chan_recv_entered(b->object, b->item, wakes);
}

static struct rota__waiters *queue_recv(const struct rota_branch *b, struct rota__waiter *w)
{
	struct rota_chan *ch = b->object;

	shrink(ch);
	w->item = b->item;
	return &ch->receivers;
}

const struct rota__selectable rota__select_recv = {
	.enter = select_enter,
	.leave = select_leave,
	.attempt = attempt_recv,
	.queue = queue_recv,
};

static int attempt_send(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	return rota__chan_send_entered(b->object, b->item, wakes);
}

static struct rota__waiters *queue_send(const struct rota_branch *b, struct rota__waiter *w)
{
	w->item = b->item;
	return &((struct rota_chan *)b->object)->senders;
}

const struct rota__selectable rota__select_send = {
	.enter = select_enter,
	.leave = select_leave,
	.attempt = attempt_send,
	.queue = queue_send,
};
