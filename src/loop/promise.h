/* promise.h - what a promise is, and what waits for one
 *
 * Two states that JavaScript keeps apart: `decided`, what it becomes is known to be somebody's (it may be another promise),
 * and settled.
 *
 *             settle(value)                            settle(promise)            that one settled
 *   PENDING ----------------> FULFILLED, REJECTED      PENDING -----> PENDING, decided -----> FULFILLED, REJECTED
 *
 * What waits is a reaction.  A promise made of another has its own reaction in itself and no other memory.  Of the microtask
 * queue every reaction has one slot: reserved while it waits, used while it is queued, so that settling cannot fail. */
#ifndef ROTA_LOOP_PROMISE_H
#define ROTA_LOOP_PROMISE_H

#include <rota/promise.h>

#include "loop/loop.h"

/* How many given back keep their memory for the next ones.  None where a checker watches over memory. */
#if defined(ROTA_ASAN) || defined(ROTA_TSAN)
enum { PROMISES_SPARE = 0 };
#else
enum { PROMISES_SPARE = 1024 }; /* 172 KiB */
#endif

struct rota__reaction {
	struct list link;	     /* in a pending promise's reactions */
	struct rota_promise *source; /* what it waits for; the settled one, a reference, from then until it runs; else NULL */
	/* Whom it serves, a reference; NULL: it is not a microtask, and run where the promise settles. */
	struct rota_promise *target;
	rota_job_fn run;
};

struct rota_promise {
	struct rota_loop *loop;
	uint32_t refs;
	int32_t error;
	uint8_t state; /* enum rota_promise_state */
	bool decided;
	bool handled;  /* somebody has asked for it */
	bool reported; /* as rejected and not handled */
	bool plain;    /* at the head of no larger memory */
	bool can_cancel; /* `cancel` is set */
	void *value;
	void (*destroy)(void *value);
	struct rota_promise *owner;   /* who has the value, if that is another: a reference */
	struct list reactions;
	struct rota_promise *next; /* in one of the loop's lists */
	const char *name, *site;
	struct rota_promise *inner; /* followed, or passed on later: a reference */

	/* Its own reaction, if it was made of another promise or follows one. */
	struct rota__reaction reaction;
	union {
		rota_then_fn fulfilled;
		void (*cancel)(struct rota_promise *promise); /* of one that is of an operation: ask for its end */
	};
	rota_then_fn rejected;
	void *arg;
	int (*then)(void *value, struct rota_promise *promise);
};

/* Prepare the promise at the head of new memory: one reference, a slot.  Frees the memory and answers NULL where there is no
 * slot, or no loop (NULL: this thread's). */
struct rota_promise *rota__promise_init(struct rota_promise *p, struct rota_loop *loop, const char *site);

/* The same in memory of its own. */
struct rota_promise *rota__promise_plain(struct rota_loop *loop, const char *site);

/* A loop for calls that cannot answer why not: ends the program where `loop` is another thread's. */
struct rota_loop *rota__promise_loop(struct rota_loop *loop, const char *call);

/* A reference more, or one less (of none: NULL), for those who are inside. */
void rota__promise_unheld(struct rota_promise *p);

static inline struct rota_promise *rota__promise_hold(struct rota_promise *p)
{
	p->refs++;
	return p;
}

static inline void rota__promise_drop(struct rota_promise *p)
{
	if (p != NULL && --p->refs == 0)
		rota__promise_unheld(p);
}

/* Decide what a promise becomes that is not decided yet, or whose own reaction does it. */
void rota__promise_resolve(struct rota_promise *p, const struct rota_result *result, struct rota_promise *source);

/* It becomes what `source`, which is settled, is; the value is shared. */
void rota__promise_pass(struct rota_promise *p, struct rota_promise *source);

/* Run r->run when `p` has settled, which then counts as handled. */
void rota__promise_react(struct rota_promise *p, struct rota__reaction *r);

/* Somebody has asked for it: a rejection is not reported any more, or said to be handled if it was. */
void rota__promise_reported_is_handled(struct rota_promise *p);

static inline void rota__promise_handled(struct rota_promise *p)
{
	if (__builtin_expect(p->reported, 0) && !p->handled)
		rota__promise_reported_is_handled(p);
	p->handled = true;
}

/* Add one to a list, which takes a reference that the caller has; take the oldest out, or NULL. */
void rota__promises_add(struct rota__promise_list *list, struct rota_promise *p);
struct rota_promise *rota__promises_take(struct rota__promise_list *list);

/* ---- what others are to settle: it has a reference, keeps the loop alive and is listed as that ---- */

struct rota__outside {
	struct list link;
	struct rota_promise *promise;
	const char *kind;
};

void rota__promise_goes_outside(struct rota__outside *outside, struct rota_promise *promise, const char *kind);

/* The reference is the caller's now. */
void rota__promise_is_back(struct rota__outside *outside);

/* ---- slots ---- */

/* Reserve slots for reactions; -ENOMEM. */
int rota__promise_slots(struct rota_loop *loop, size_t count);

/* A reaction whose slot has been used needs one again: the one it has just left. */
static inline void rota__promise_slot_again(struct rota_loop *loop)
{
	loop->microtasks.reserved++;
}

#endif
