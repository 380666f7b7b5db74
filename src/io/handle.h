/* handle.h - the inside of a handle: what its kinds are made of
 *
 * A kind says in its table how to stop and what to release.  Everything that is under way for a handle, ops as well as
 * callbacks that were put off, is counted in `pending`; a closing handle is finished when that is 0:
 *
 *   OPEN --close: kind->stop()--> CLOSING --pending is 0: kind->release()--> FINISHED --closing phase: on_close()--> NONE
 *
 * An unreferenced handle takes its ops out of loop->alive while they wait, and puts them back just before the loop does. */
#ifndef ROTA_IO_HANDLE_H
#define ROTA_IO_HANDLE_H

#include <rota/handle.h>

#include "loop/loop.h"

enum rota__handle_state { HANDLE_NONE, HANDLE_OPEN, HANDLE_CLOSING, HANDLE_FINISHED };

enum {
	HANDLE_UNREF = 1,
	HANDLE_HELD = 2, /* counts as alive by itself, without an op: async, signals */
};

struct rota__handle_kind {
	const char *name;
	void (*stop)(struct rota_handle *handle);    /* end what is pending; may be NULL */
	void (*release)(struct rota_handle *handle); /* nothing is pending: give back what it has; may be NULL */
	size_t fd_at;				     /* where in it its descriptor is; 0: it has none */
	const char *(*name_of)(const struct rota_handle *handle); /* see struct rota_alive; may be NULL */
};

/* One for each enum value; each kind's file defines its own.  (port: net/port.c) */
#define ROTA__HANDLE_KINDS(X) X(conn) X(acceptor) X(poll) X(async) X(signal) X(watch) X(file_watch) X(datagrams) \
	X(tty_watch) X(port)

enum rota__handle_kind_number {
#define X(name) KIND_##name,
	ROTA__HANDLE_KINDS(X)
#undef X
	HANDLE_KINDS
};

#define X(name) extern const struct rota__handle_kind rota__kind_##name;
ROTA__HANDLE_KINDS(X)
#undef X

/* May this thread open it?  0; -EBUSY: it is open, or not closed yet; -EPERM: the loop is another thread's. */
int rota__handle_may_open(const struct rota_handle *handle, struct rota_loop *loop);

/* The handle becomes one of `loop`, if it may; else as above. */
int rota__handle_open(struct rota_handle *handle, struct rota_loop *loop, uint8_t kind, const char *site);

struct rota_alive;

/* Of a handle in the loop's list; and its descriptor and name. */
struct rota_handle *rota__handle_of_link(struct list *link);
void rota__handle_about(const struct rota_handle *handle, struct rota_alive *what);

/* It was opened in this very call, which fails: as if it had not been. */
void rota__handle_undo(struct rota_handle *handle);

static inline bool handle_open(const struct rota_handle *handle)
{
	return handle->state == HANDLE_OPEN;
}

/* May this thread use it?  0; ROTA_ECLOSED: it is not open; -EPERM: its loop is another thread's. */
static inline int handle_ours(const struct rota_handle *handle)
{
	if (!handle_open(handle))
		return ROTA_ECLOSED;
	return rota__loop_mine(handle->loop) != NULL ? 0 : -EPERM;
}

/* Submit an op of the handle.  Its done() calls rota__handle_arrived() first. */
void rota__handle_submit(struct rota_handle *handle, struct rota__op *op, void (*done)(struct rota__op *op));

/* Run node->fn in the pending phase; it calls rota__handle_ran() first. */
void rota__handle_defer(struct rota_handle *handle, struct rota__node *node, void (*fn)(struct rota__node *node));

/* One pending thing less: an op that completed, a callback that was put off. */
void rota__handle_arrived(struct rota_handle *handle);
void rota__handle_ran(struct rota_handle *handle);

/* One of its callbacks, fn, is about to be called: who times callbacks learns whose, and which.  (_arrived and _ran say whose, so that what is
 * done there without a callback is not nobody's.) */
void rota__handle_timed(struct rota_handle *handle, void (*fn)(void));

static inline void rota__handle_calls(struct rota_handle *handle, void (*fn)(void))
{
	if (__builtin_expect(handle->loop->timed, 0))
		rota__handle_timed(handle, fn);
}

/* What every done() calls last: a closing handle with nothing pending is finished.  The memory may not be looked at
 * afterwards. */
void rota__handle_left(struct rota_handle *handle);

/* It counts as alive (or no more) without an op. */
void rota__handle_hold(struct rota_handle *handle, bool on);

/* An op's place in a public struct, where it is so many words. */
enum { OP_WORDS = sizeof(struct rota__op) / sizeof(uint64_t) };

#define OP_IN(holder) ((struct rota__op *)(holder)->op)
#define ROOM_FOR_OP(type)                                                                                              \
	_Static_assert(sizeof(((struct type *)0)->op) >= sizeof(struct rota__op), "struct " #type " has room for an op")

#endif
