/* queue.c - jobs, in one of three orders, and how many of them are not done yet
 *
 * Items lie in an array of `room` places: a ring from `head` for first in, first out; a stack for last in, first
 * out; a binary heap for priority, in which `numbers` (the order of putting) decides between equal ones.
 * Places are exchanged, not items compared while they move, so compare() sees items in place.
 *
 * Nobody waits to get while there is an item, nor to put while there is room: so an item that is put goes
 * through the array only to be taken out again for the getter that waits first. */
#include <rota/channel.h>

#include <string.h>

#include "os/mem.h"
#include "sync/select.h"

enum { FIRST_ROOM = 16 };

static unsigned char *item_at(const struct rota_queue *q, uint32_t index)
{
	return q->items + (size_t)index * q->size;
}

/* ---- the heap ---- */

static bool before(const struct rota_queue *q, uint32_t a, uint32_t b)
{
	int order = q->compare(item_at(q, a), item_at(q, b));

	return order != 0 ? order < 0 : q->numbers[a] < q->numbers[b];
}

static void exchange(struct rota_queue *q, uint32_t a, uint32_t b)
{
	unsigned char *x = item_at(q, a), *y = item_at(q, b);
	uint64_t number = q->numbers[a];

	q->numbers[a] = q->numbers[b];
	q->numbers[b] = number;
	for (uint32_t i = 0; i < q->size; i++) {
		unsigned char byte = x[i];

		x[i] = y[i];
		y[i] = byte;
	}
}

static void sift_up(struct rota_queue *q, uint32_t index)
{
	for (; index > 0 && before(q, index, (index - 1) / 2); index = (index - 1) / 2)
		exchange(q, index, (index - 1) / 2);
}

static void sift_down(struct rota_queue *q, uint32_t index)
{
	for (;;) {
		uint32_t first = index, left = 2 * index + 1;

		if (left < q->count && before(q, left, first))
			first = left;
		if (left + 1 < q->count && before(q, left + 1, first))
			first = left + 1;
		if (first == index)
			return;
		exchange(q, index, first);
		index = first;
	}
}

/* ---- in and out, in the guard ---- */

static bool grow(struct rota_queue *q)
{
	uint32_t room = q->room != 0 ? 2 * q->room : FIRST_ROOM;
	bool heap = q->order == ROTA_QUEUE_PRIORITY;
	unsigned char *items;
	uint64_t *numbers = NULL;

	if (q->room > UINT32_MAX / 4)
		return false;
	items = rota__alloc((size_t)room * q->size);
	if (items == NULL)
		return false;
	if (heap) {
		numbers = rota__realloc(q->numbers, room * sizeof *numbers);
		if (numbers == NULL) {
			rota__free(items);
			return false;
		}
	}
	for (uint32_t i = 0; i < q->count; i++)
		memcpy(items + (size_t)i * q->size, item_at(q, (q->head + i) % q->room), q->size);
	rota__free(q->items);
	q->items = items;
	q->numbers = numbers;
	q->room = room;
	q->head = 0;
	return true;
}

static int insert(struct rota_queue *q, const void *item)
{
	uint32_t place;

	if (q->count == q->room && !grow(q))
		return -ENOMEM;
	place = (q->head + q->count) % q->room;
	memcpy(item_at(q, place), item, q->size);
	q->count++;
	q->unfinished++;
	if (q->order == ROTA_QUEUE_PRIORITY) {
		q->numbers[place] = q->next_number++;
		sift_up(q, place);
	}
	return 0;
}

static void extract(struct rota_queue *q, void *ret_item)
{
	uint32_t place = q->head;

	if (q->order == ROTA_QUEUE_LIFO)
		place = q->count - 1;
	memcpy(ret_item, item_at(q, place), q->size);
	q->count--;
	if (q->order == ROTA_QUEUE_FIFO) {
		q->head = (q->head + 1) % q->room;
	} else if (q->order == ROTA_QUEUE_PRIORITY && q->count > 0) {
		exchange(q, 0, q->count);
		sift_down(q, 0);
	}
}

/* ---- between tasks, in the guard ---- */

static bool is_full(const struct rota_queue *q)
{
	return q->limit != 0 && q->count >= q->limit;
}

static int put(struct rota_queue *q, const void *item, struct rota__wakes *wakes)
{
	struct rota__waiter *getter;
	int rc;

	if (q->shut)
		return ROTA_ECLOSED;
	if (is_full(q))
		return -EAGAIN;
	rc = insert(q, item);
	if (rc == 0 && (getter = waiters_choose(&q->getters)) != NULL) {
		extract(q, getter->item);
		getter->result = 0;
		wakes_add(wakes, getter);
	}
	return rc;
}

static int get(struct rota_queue *q, void *ret_item, struct rota__wakes *wakes)
{
	struct rota__waiter *putter;

	if (q->count == 0)
		return q->shut ? ROTA_ECLOSED : -EAGAIN;
	extract(q, ret_item);
	if ((putter = waiters_choose(&q->putters)) != NULL) {
		putter->result = insert(q, putter->item);
		wakes_add(wakes, putter);
	}
	return 0;
}

/* What all waiting calls do: try, and wait in the queue whose turn it is. */
static int run(struct rota_queue *q, struct rota__waiters *line, void *item, uint64_t deadline_ns, bool wait)
{
	struct rota_task *task = wait ? rota__begin_call() : rota__current();
	struct rota__wakes wakes = { NULL, NULL };
	struct rota__waiter w;
	enum rota__entry entry;
	int rc;

	if (wait && task == NULL)
		return -EPERM;
	entry = guard_enter(&q->guard);
	if (line == &q->putters)
		rc = put(q, item, &wakes);
	else if (line == &q->getters)
		rc = get(q, item, &wakes);
	else
		rc = q->unfinished == 0 ? 0 : -EAGAIN;
	if (rc == -EAGAIN && wait) {
		waiter_init(&w, task, &q->guard, rota__waiter_cut);
		w.item = item;
		return rota__wait_in(&q->guard, entry, line, &w, deadline_ns);
	}
	guard_leave(&q->guard, entry);
	wakes_run(&wakes);
	return rc;
}

/* ---- the calls ---- */

int rota_queue_init(struct rota_queue *queue, uint32_t size_bytes, uint32_t limit,
	enum rota_queue_order order, int (*compare)(const void *a, const void *b))
{
	if (size_bytes == 0 || (unsigned)order > ROTA_QUEUE_PRIORITY)
		return -EINVAL;
	if (order == ROTA_QUEUE_PRIORITY && compare == NULL)
		return -EINVAL;
	*queue = (struct rota_queue){
		.size = size_bytes, .limit = limit, .order = order, .compare = compare };
	return 0;
}

int rota_queue_fini(struct rota_queue *queue)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&queue->guard);
	bool waited_on = queue->putters.first != NULL || queue->getters.first != NULL ||
			 queue->joiners.first != NULL;

	guard_leave(&queue->guard, entry);
	if (waited_on)
		return -EBUSY;
	rota__free(queue->items);
	rota__free(queue->numbers);
	*queue = (struct rota_queue){ .shut = true };
	return 0;
}

int rota_queue_put_until(struct rota_queue *queue, const void *item, uint64_t deadline_ns)
{
	ROTA_INSIDE();

	return run(queue, &queue->putters, (void *)item, deadline_ns, true);
}

int rota_queue_put(struct rota_queue *queue, const void *item)
{
	return rota_queue_put_until(queue, item, ROTA_FOREVER);
}

int rota_queue_try_put(struct rota_queue *queue, const void *item)
{
	ROTA_INSIDE();

	return run(queue, &queue->putters, (void *)item, ROTA_NOW, false);
}

int rota_queue_get_until(struct rota_queue *queue, void *ret_item, uint64_t deadline_ns)
{
	ROTA_INSIDE();

	return run(queue, &queue->getters, ret_item, deadline_ns, true);
}

int rota_queue_get(struct rota_queue *queue, void *ret_item)
{
	return rota_queue_get_until(queue, ret_item, ROTA_FOREVER);
}

int rota_queue_try_get(struct rota_queue *queue, void *ret_item)
{
	ROTA_INSIDE();

	return run(queue, &queue->getters, ret_item, ROTA_NOW, false);
}

int rota_queue_join_until(struct rota_queue *queue, uint64_t deadline_ns)
{
	ROTA_INSIDE();

	return run(queue, &queue->joiners, NULL, deadline_ns, true);
}

int rota_queue_join(struct rota_queue *queue)
{
	return rota_queue_join_until(queue, ROTA_FOREVER);
}

int rota_queue_task_done(struct rota_queue *queue)
{
	ROTA_INSIDE();
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = guard_enter(&queue->guard);
	/* What is still inside cannot be done: that is not counted off by a call too many. */
	bool any = queue->unfinished > queue->count;

	if (any && --queue->unfinished == 0)
		wakes_add_all(&wakes, &queue->joiners, 0);
	guard_leave(&queue->guard, entry);
	wakes_run(&wakes);
	return any ? 0 : -EPERM;
}

void rota_queue_shutdown(struct rota_queue *queue, bool at_once)
{
	ROTA_INSIDE();
	struct rota__wakes wakes = { NULL, NULL };
	enum rota__entry entry = guard_enter(&queue->guard);

	queue->shut = true;
	wakes_add_all(&wakes, &queue->putters, ROTA_ECLOSED);
	if (at_once) {
		queue->unfinished -= queue->count;
		queue->count = 0;
	}
	if (queue->unfinished == 0)
		wakes_add_all(&wakes, &queue->joiners, 0);
	if (queue->count == 0)
		wakes_add_all(&wakes, &queue->getters, ROTA_ECLOSED);
	guard_leave(&queue->guard, entry);
	wakes_run(&wakes);
}

uint32_t rota_queue_count(struct rota_queue *queue)
{
	ROTA_INSIDE();
	enum rota__entry entry = guard_enter(&queue->guard);
	uint32_t count = queue->count;

	guard_leave(&queue->guard, entry);
	return count;
}

/* ---- in a select ---- */

static int attempt_get(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	return get(b->object, b->item, wakes);
}

static struct rota__waiters *queue_get(const struct rota_branch *b, struct rota__waiter *w)
{
	w->item = b->item;
	return &((struct rota_queue *)b->object)->getters;
}

const struct rota__selectable rota__select_get = { .attempt = attempt_get, .queue = queue_get };

static int attempt_put(struct rota_branch *b, struct rota_task *task, struct rota__wakes *wakes)
{
	return put(b->object, b->item, wakes);
}

static struct rota__waiters *queue_put(const struct rota_branch *b, struct rota__waiter *w)
{
	w->item = b->item;
	return &((struct rota_queue *)b->object)->putters;
}

const struct rota__selectable rota__select_put = { .attempt = attempt_put, .queue = queue_put };
