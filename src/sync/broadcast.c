/* broadcast.c - each value to every receiver; and watch, which is only about the latest one
 *
 * Senders never wait and know no receivers: a receiver is a number, of the value it wants next.  Who waits is
 * woken to look; as what it wants is there then, it waits once, unless so many values came before it ran
 * that its own was overwritten: then it has the oldest that is kept. */
#include <rota/channel.h>

#include <string.h>

#include "os/mem.h"
#include "sync/select.h"

/* ---- what both do ---- */

/* Something is new, or the end: all look.  Leaves the guard. */
static void wake_all(struct rota__guard *guard, enum rota__entry entry, struct rota__waiters *queue)
{
	struct rota__wakes wakes = { NULL, NULL };

	wakes_add_all(&wakes, queue, 0);
	guard_leave(guard, entry);
	wakes_run(&wakes);
}

/* ---- broadcast ---- */

int rota_broadcast_init(struct rota_broadcast *bc, uint32_t size_bytes, uint32_t capacity)
{
	unsigned char *slots;

	if (size_bytes == 0 || capacity == 0)
		return -EINVAL;
	slots = rota__alloc((size_t)size_bytes * capacity);
	if (slots == NULL)
		return -ENOMEM;
	*bc = (struct rota_broadcast){ .slots = slots, .size = size_bytes, .capacity = capacity };
	return 0;
}

int rota_broadcast_fini(struct rota_broadcast *bc)
{
	int rc = rota__fini_queue(&bc->guard, &bc->waiters);

	if (rc == 0) {
		rota__free(bc->slots);
		bc->slots = NULL;
		bc->closed = true;
	}
	return rc;
}

void rota_broadcast_subscribe(struct rota_broadcast *bc, struct rota_broadcast_receiver *ret_receiver)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&bc->guard);

	*ret_receiver = (struct rota_broadcast_receiver){ .from = bc, .next = bc->next };
	guard_leave(&bc->guard, entry);
}

static unsigned char *slot(const struct rota_broadcast *bc, uint64_t number)
{
	return bc->slots + (size_t)(number % bc->capacity) * bc->size;
}

int rota_broadcast_send(struct rota_broadcast *bc, const void *value)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&bc->guard);

	if (bc->closed) {
		guard_leave(&bc->guard, entry);
		return ROTA_ECLOSED;
	}
	memcpy(slot(bc, bc->next++), value, bc->size);
	wake_all(&bc->guard, entry, &bc->waiters);
	return 0;
}

static int take(struct rota_broadcast_receiver *receiver, void *ret_value, uint64_t *ret_missed)
{
	const struct rota_broadcast *bc = receiver->from;
	uint64_t oldest = bc->next > bc->capacity ? bc->next - bc->capacity : 0;
	uint64_t missed = receiver->next < oldest ? oldest - receiver->next : 0;

	if (receiver->next == bc->next)
		return bc->closed ? ROTA_ECLOSED : -EAGAIN;
	receiver->next += missed;
	memcpy(ret_value, slot(bc, receiver->next++), bc->size);
	if (ret_missed != NULL)
		*ret_missed = missed;
	return 0;
}

int rota_broadcast_recv_until(struct rota_broadcast_receiver *receiver, void *ret_value,
	uint64_t *ret_missed, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_broadcast *bc = receiver->from;
	struct rota_task *task = rota__begin_call();
	struct rota__waiter w;
	int rc;

	if (task == NULL)
		return -EPERM;
	for (;;) {
		enum rota__entry entry = guard_enter(&bc->guard);

		rc = take(receiver, ret_value, ret_missed);
		if (rc != -EAGAIN) {
			guard_leave(&bc->guard, entry);
			return rc;
		}
		waiter_init(&w, task, &bc->guard, rota__waiter_cut);
		rc = rota__wait_in(&bc->guard, entry, &bc->waiters, &w, deadline_ns);
		if (rc < 0)
			return rc;
	}
}

int rota_broadcast_try_recv(struct rota_broadcast_receiver *receiver, void *ret_value, uint64_t *ret_missed)
{
	ROTA_INSIDE();
	struct rota__guard *guard = &receiver->from->guard;
	enum rota__entry entry = guard_enter(guard);
	int rc = take(receiver, ret_value, ret_missed);

	guard_leave(guard, entry);
	return rc;
}

int rota_broadcast_recv(struct rota_broadcast_receiver *receiver, void *ret_value, uint64_t *ret_missed)
{
	return rota_broadcast_recv_until(receiver, ret_value, ret_missed, ROTA_FOREVER);
}

void rota_broadcast_close(struct rota_broadcast *bc)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&bc->guard);

	bc->closed = true;
	wake_all(&bc->guard, entry, &bc->waiters);
}

/* ---- watch ---- */

int rota_watch_init(struct rota_watch *watch, uint32_t size_bytes, const void *value)
{
	unsigned char *copy;

	if (size_bytes == 0)
		return -EINVAL;
	copy = rota__alloc(size_bytes);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, value, size_bytes);
	*watch = (struct rota_watch){ .value = copy, .size = size_bytes, .version = 1 };
	return 0;
}

int rota_watch_fini(struct rota_watch *watch)
{
	int rc = rota__fini_queue(&watch->guard, &watch->waiters);

	if (rc == 0) {
		rota__free(watch->value);
		watch->value = NULL;
		watch->closed = true;
	}
	return rc;
}

int rota_watch_set(struct rota_watch *watch, const void *value)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&watch->guard);

	if (watch->closed) {
		guard_leave(&watch->guard, entry);
		return ROTA_ECLOSED;
	}
	memcpy(watch->value, value, watch->size);
	watch->version++;
	wake_all(&watch->guard, entry, &watch->waiters);
	return 0;
}

uint64_t rota_watch_get(struct rota_watch *watch, void *ret_value)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&watch->guard);
	uint64_t version = watch->version;

	memcpy(ret_value, watch->value, watch->size);
	guard_leave(&watch->guard, entry);
	return version;
}

static int look(struct rota_watch *watch, uint64_t *seen, void *ret_value)
{
	if (watch->version == *seen)
		return watch->closed ? ROTA_ECLOSED : -EAGAIN;
	*seen = watch->version;
	if (ret_value != NULL)
		memcpy(ret_value, watch->value, watch->size);
	return 0;
}

int rota_watch_next_until(struct rota_watch *watch, uint64_t *seen, void *ret_value, uint64_t deadline_ns)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__begin_call();
	struct rota__waiter w;
	int rc;

	if (task == NULL)
		return -EPERM;
	for (;;) {
		enum rota__entry entry = guard_enter(&watch->guard);

		rc = look(watch, seen, ret_value);
		if (rc != -EAGAIN) {
			guard_leave(&watch->guard, entry);
			return rc;
		}
		waiter_init(&w, task, &watch->guard, rota__waiter_cut);
		rc = rota__wait_in(&watch->guard, entry, &watch->waiters, &w, deadline_ns);
		if (rc < 0)
			return rc;
	}
}

int rota_watch_try_next(struct rota_watch *watch, uint64_t *seen, void *ret_value)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&watch->guard);
	int rc = look(watch, seen, ret_value);

	guard_leave(&watch->guard, entry);
	return rc;
}

int rota_watch_next(struct rota_watch *watch, uint64_t *seen, void *ret_value)
{
	return rota_watch_next_until(watch, seen, ret_value, ROTA_FOREVER);
}

void rota_watch_close(struct rota_watch *watch)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&watch->guard);

	watch->closed = true;
	wake_all(&watch->guard, entry, &watch->waiters);
}

/* ---- in a select: who is chosen looks for himself, as above ---- */

static struct rota__guard *guard_of_broadcast(const struct rota_branch *b)
{
	return &((struct rota_broadcast_receiver *)b->object)->from->guard;
}

static int attempt_broadcast(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	return take(b->object, b->item, b->more);
}

static struct rota__waiters *queue_broadcast(const struct rota_branch *b, struct rota__waiter *w)
{
	return &((struct rota_broadcast_receiver *)b->object)->from->waiters;
}

static int finish_broadcast(struct rota_branch *b)
{
	return rota_broadcast_try_recv(b->object, b->item, b->more);
}

const struct rota__selectable rota__select_broadcast = {
	.guard = guard_of_broadcast,
	.attempt = attempt_broadcast,
	.queue = queue_broadcast,
	.finish = finish_broadcast,
};

static int attempt_watch(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	return look(b->object, b->more, b->item);
}

static struct rota__waiters *queue_watch(const struct rota_branch *b, struct rota__waiter *w)
{
	return &((struct rota_watch *)b->object)->waiters;
}

static int finish_watch(struct rota_branch *b)
{
	return rota_watch_try_next(b->object, b->more, b->item);
}

const struct rota__selectable rota__select_watch = {
	.attempt = attempt_watch,
	.queue = queue_watch,
	.finish = finish_watch,
};
