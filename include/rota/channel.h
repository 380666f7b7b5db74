/* channel.h - values go from task to task
 *
 *   rota_chan       any number of senders and receivers; each value goes to one receiver, in order
 *   rota_oneshot    one value, once
 *   rota_broadcast  each value goes to every receiver; a slow one misses the oldest, and is told
 *   rota_watch      the latest value only
 *   rota_queue      jobs: in order, last first, or by priority, with a way to wait until all are done
 *
 * Values are of a fixed size and are copied.  A call that moves a value ends in exactly one of
 *   0              it moved
 *   ROTA_ECLOSED   closed (and, for a receiver, empty); nothing moved
 *   -ETIMEDOUT     the deadline given, or one of a scope, passed first; nothing moved
 *   -ECANCELED     the task was cancelled first; nothing moved
 *   -EAGAIN        (try_ forms) it would have to wait; nothing moved
 * "Nothing moved" is a promise: what the value refers to is still the caller's.  Values that are inside when
 * an object is given back are forgotten: empty it first where they own something.
 *
 * Waiters are served in the order they came.  What is possible at once is done even for a task that is
 * cancelled; a waiter that was served before the cancellation reached it answers 0.
 *
 * A task that is always served at once lets the others of its worker run now and then all the same, in the calls that may wait.  The try_
 * forms never do: a loop of them that is to end by what others do must rota_yield().
 *
 * The calls that wait belong to tasks and answer -EPERM elsewhere.  All others may be used on any thread,
 * also one that runs no tasks. */
#ifndef ROTA_CHANNEL_H
#define ROTA_CHANNEL_H

#include <rota/base.h>
#include <rota/sync.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- channels ---- */

#define ROTA_UNBOUNDED UINT32_C(0xffffffff)

struct rota_chan { /* yours to place, not to move; the fields are private */
	struct rota__guard guard;
	struct rota__waiters senders, receivers;
	unsigned char *slots;
	uint32_t size, capacity, mask;
	bool closed;
	char apart_1[64]; /* the sides do not share a cache line */
	uint32_t send_word, tail, head_seen, reserved;
	char apart_2[64];
	uint32_t recv_word, head, tail_seen;
	char apart_3[64];
};

/* A channel for values of `size_bytes`, of which `capacity` may be on the way.  0: a rendezvous, a send
 * returns when a receiver has the value.  ROTA_UNBOUNDED: a send never waits, memory grows and is given back
 * when the channel is empty.  -EINVAL: size 0 or such capacity; -ENOMEM. */
ROTA_API int rota_chan_init(struct rota_chan *ch, uint32_t size_bytes, uint32_t capacity);
/* Give its memory back.  -EBUSY, and nothing happens, while somebody waits: close, join the users, fini. */
ROTA_API int rota_chan_fini(struct rota_chan *ch);

/* Move *value in.  Waits while it is full.  Unbounded: -ENOMEM. */
ROTA_API int rota_chan_send(struct rota_chan *ch, const void *value);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_chan_send_until(struct rota_chan *ch, const void *value, uint64_t deadline_ns);
/* Move *value in without waiting, or -EAGAIN.  Any thread. */
ROTA_API int rota_chan_try_send(struct rota_chan *ch, const void *value);

/* Move the oldest value out to *ret_value, which is written only on success.  Waits while it is empty. */
ROTA_API int rota_chan_recv(struct rota_chan *ch, void *ret_value);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_chan_recv_until(struct rota_chan *ch, void *ret_value, uint64_t deadline_ns);
/* Move one out without waiting, or -EAGAIN.  Any thread. */
ROTA_API int rota_chan_try_recv(struct rota_chan *ch, void *ret_value);
/* Move out what is there, up to `count` values, which have room in *ret_values; waits only for the first.  How many, or an error as
 * above; -EINVAL: a count of 0. */
ROTA_API ssize_t rota_chan_recv_many(struct rota_chan *ch, void *ret_values, uint32_t count);
/* The same, waiting for the first not longer than until `deadline_ns`. */
ROTA_API ssize_t rota_chan_recv_many_until(
	struct rota_chan *ch, void *ret_values, uint32_t count, uint64_t deadline_ns);

/* Take a place in the channel, waiting while it is full; rota_chan_send_reserved() then never waits.  A place
 * survives a close: what is sent to it still arrives.  -EINVAL on a rendezvous. */
ROTA_API int rota_chan_reserve(struct rota_chan *ch);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_chan_reserve_until(struct rota_chan *ch, uint64_t deadline_ns);
/* Take a place without waiting: 0, -EAGAIN while it is full, ROTA_ECLOSED, -EINVAL on a rendezvous; unbounded: -ENOMEM.  Any thread. */
ROTA_API int rota_chan_try_reserve(struct rota_chan *ch);
/* Move *value into a place taken before.  -EPERM, and nothing moved: none is taken.  Any thread. */
ROTA_API int rota_chan_send_reserved(struct rota_chan *ch, const void *value);
/* Give the place back unused.  -EPERM: none is taken.  Any thread. */
ROTA_API int rota_chan_unreserve(struct rota_chan *ch);

/* Refuse new values and wake every waiter that gets nothing more; values inside stay receivable.  Again does
 * no harm.  Any thread. */
ROTA_API void rota_chan_close(struct rota_chan *ch);
/* Was it closed?  Any thread. */
ROTA_API bool rota_chan_is_closed(struct rota_chan *ch);
/* How many values are inside now.  Any thread. */
ROTA_API uint32_t rota_chan_count(struct rota_chan *ch);

/* Functions for channels of one type, so that the compiler checks it:
 *
 *	ROTA_CHAN_OF(jobs, struct job)      jobs_init(ch, capacity), jobs_send(ch, job), jobs_recv(ch, &job)
 */
#define ROTA_CHAN_OF(name, type)									\
	static inline int name##_init(struct rota_chan *chan_, uint32_t capacity)			\
	{												\
		return rota_chan_init(chan_, (uint32_t)sizeof(type), capacity);			\
	}												\
	static inline int name##_send(struct rota_chan *chan_, type value_)			\
	{												\
		return rota_chan_send(chan_, &value_);						\
	}												\
	static inline int name##_recv(struct rota_chan *chan_, type *ret_value_)			\
	{												\
		return rota_chan_recv(chan_, ret_value_);						\
	}

/* ---- oneshot ---- */

/* One pointer-sized value, once.  Zeroed memory is a valid one; nothing to give back. */
struct rota_oneshot {
	struct rota__guard guard;
	struct rota__waiters waiters;
	void *value;
	int state;
};

/* Put the value there.  -EALREADY: there was one before.  ROTA_ECLOSED: nobody wants it any more.  Any thread. */
ROTA_API int rota_oneshot_send(struct rota_oneshot *oneshot, void *value);
/* Wait for the value.  ROTA_ECLOSED: there will be none, or it was received before. */
ROTA_API int rota_oneshot_recv(struct rota_oneshot *oneshot, void **ret_value);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_oneshot_recv_until(struct rota_oneshot *oneshot, void **ret_value, uint64_t deadline_ns);
/* Without waiting: 0, -EAGAIN, ROTA_ECLOSED.  Any thread. */
ROTA_API int rota_oneshot_try_recv(struct rota_oneshot *oneshot, void **ret_value);
/* Nothing will be sent, or nobody will receive: either side.  A value that is there stays.  Any thread. */
ROTA_API void rota_oneshot_close(struct rota_oneshot *oneshot);

/* ---- broadcast ---- */

struct rota_broadcast {
	struct rota__guard guard;
	struct rota__waiters waiters;
	unsigned char *slots;
	uint64_t next;
	uint32_t size, capacity;
	bool closed;
};

struct rota_broadcast_receiver {
	struct rota_broadcast *from;
	uint64_t next;
};

/* Allocates at once; does not wait.  The latest `capacity` values are kept for receivers that are behind.  -EINVAL for 0; -ENOMEM. */
ROTA_API int rota_broadcast_init(struct rota_broadcast *bc, uint32_t size_bytes, uint32_t capacity);
/* Give its memory back.  -EBUSY, and nothing happens, while somebody waits. */
ROTA_API int rota_broadcast_fini(struct rota_broadcast *bc);
/* A receiver, of what is sent from now on.  It may be copied, and just be forgotten.  Any thread. */
ROTA_API void rota_broadcast_subscribe(struct rota_broadcast *bc, struct rota_broadcast_receiver *ret_receiver);
/* Give *value to all.  Never waits; 0 or ROTA_ECLOSED.  Any thread. */
ROTA_API int rota_broadcast_send(struct rota_broadcast *bc, const void *value);
/* Wait for this receiver's next value, copied to *ret_value.  *ret_missed (may be NULL): how many before it are lost, because this
 * receiver was more than the capacity behind. */
ROTA_API int rota_broadcast_recv(struct rota_broadcast_receiver *receiver, void *ret_value, uint64_t *ret_missed);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_broadcast_recv_until(struct rota_broadcast_receiver *receiver, void *ret_value,
	uint64_t *ret_missed, uint64_t deadline_ns);
/* Without waiting: 0, -EAGAIN, ROTA_ECLOSED.  Any thread; one receiver is used by one at a time. */
ROTA_API int rota_broadcast_try_recv(struct rota_broadcast_receiver *receiver, void *ret_value, uint64_t *ret_missed);
/* No more will be sent; what is kept stays receivable.  Any thread. */
ROTA_API void rota_broadcast_close(struct rota_broadcast *bc);

/* ---- watch ---- */

struct rota_watch {
	struct rota__guard guard;
	struct rota__waiters waiters;
	unsigned char *value;
	uint64_t version;
	uint32_t size;
	bool closed;
};

/* It holds a copy of *value, as version 1.  -EINVAL: size 0; -ENOMEM. */
ROTA_API int rota_watch_init(struct rota_watch *watch, uint32_t size_bytes, const void *value);
/* Give its memory back.  -EBUSY, and nothing happens, while somebody waits. */
ROTA_API int rota_watch_fini(struct rota_watch *watch);
/* Replace the value.  0 or ROTA_ECLOSED.  Any thread. */
ROTA_API int rota_watch_set(struct rota_watch *watch, const void *value);
/* Copy the value out; its version.  Any thread. */
ROTA_API uint64_t rota_watch_get(struct rota_watch *watch, void *ret_value);
/* Wait until the version is another than *seen; copy the value out (ret_value may be NULL) and set *seen.
 * Start with *seen = 0 for the value that is there.  ROTA_ECLOSED: the last value has been seen. */
ROTA_API int rota_watch_next(struct rota_watch *watch, uint64_t *seen, void *ret_value);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_watch_next_until(
	struct rota_watch *watch, uint64_t *seen, void *ret_value, uint64_t deadline_ns);
/* Without waiting: 0, -EAGAIN while the version is *seen, ROTA_ECLOSED.  Any thread. */
ROTA_API int rota_watch_try_next(struct rota_watch *watch, uint64_t *seen, void *ret_value);
/* There will be no other value.  Any thread. */
ROTA_API void rota_watch_close(struct rota_watch *watch);

/* ---- queue ---- */

enum rota_queue_order { ROTA_QUEUE_FIFO, ROTA_QUEUE_LIFO, ROTA_QUEUE_PRIORITY };

struct rota_queue {
	struct rota__guard guard;
	struct rota__waiters putters, getters, joiners;
	unsigned char *items;
	uint64_t *numbers;
	uint64_t next_number, unfinished;
	int (*compare)(const void *a, const void *b);
	uint32_t size, limit, room, head, count;
	enum rota_queue_order order;
	bool shut;
};

/* A queue of jobs of `size_bytes`, at most `limit` waiting at a time (0: any number).  `compare`, for priority
 * order: negative if *a is to come before *b; equal ones come in the order they were put; it must not wait or
 * use this queue.  -EINVAL: size 0, or an order without its compare. */
ROTA_API int rota_queue_init(struct rota_queue *queue, uint32_t size_bytes, uint32_t limit,
	enum rota_queue_order order, int (*compare)(const void *a, const void *b));
/* Give its memory back.  -EBUSY, and nothing happens, while somebody waits. */
ROTA_API int rota_queue_fini(struct rota_queue *queue);
/* Put a job in; waits while the limit is reached.  -ENOMEM; ROTA_ECLOSED after a shutdown. */
ROTA_API int rota_queue_put(struct rota_queue *queue, const void *item);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_queue_put_until(struct rota_queue *queue, const void *item, uint64_t deadline_ns);
/* Without waiting, or -EAGAIN.  Any thread. */
ROTA_API int rota_queue_try_put(struct rota_queue *queue, const void *item);
/* Take the next job; waits while there is none.  ROTA_ECLOSED: shut down, and there is none. */
ROTA_API int rota_queue_get(struct rota_queue *queue, void *ret_item);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_queue_get_until(struct rota_queue *queue, void *ret_item, uint64_t deadline_ns);
/* Without waiting, or -EAGAIN.  Any thread. */
ROTA_API int rota_queue_try_get(struct rota_queue *queue, void *ret_item);
/* A job that was taken is done.  -EPERM: as many were done as were put.  Any thread. */
ROTA_API int rota_queue_task_done(struct rota_queue *queue);
/* Wait until every job that was put is done. */
ROTA_API int rota_queue_join(struct rota_queue *queue);
/* The same, not longer than until `deadline_ns`. */
ROTA_API int rota_queue_join_until(struct rota_queue *queue, uint64_t deadline_ns);
/* Refuse new jobs from now on: those that wait to put one have ROTA_ECLOSED, and, when there is no job inside, those that wait to get one.
 * Jobs inside can still be taken, and rota_queue_join() waits until they are done; `at_once`: they are forgotten, as if done, so what they
 * own must be known elsewhere.  Again does no harm, also with another `at_once`.  Does not wait.  Any thread. */
ROTA_API void rota_queue_shutdown(struct rota_queue *queue, bool at_once);
/* How many jobs are inside.  Any thread. */
ROTA_API uint32_t rota_queue_count(struct rota_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
