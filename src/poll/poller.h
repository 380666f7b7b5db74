/* poller.h - the completion contract between a loop and the system
 *
 * An engine takes ops and completes them.  io_uring does this by itself; readiness systems (epoll,
 * kqueue) go through readiness.c, which tries the call, waits for the descriptor, and tries again.
 * The loop cannot tell them apart, and the same conformance tests run on each.
 *
 * Several ops that wait in the same direction of one descriptor share what comes, each byte once, in no
 * promised order (io_uring wakes the latest first): the layers above allow one.
 *
 * A descriptor may be used on several pollers, also at the same time.  Before it is closed no op of it may be
 * pending on any, and forget() is called on one of them.
 *
 * Threads: everything here belongs to the loop's thread, except wake(), tell() and forget(), which any thread may call.
 * Nothing here calls done(): completed ops are pushed to poller->completed, in the order in which
 * they completed, and the loop runs them when wait() is over.  The events of a multishot op (OP_MORE)
 * are the exception, because an op can be in a queue only once: wait() calls done() for them itself;
 * its last word, without OP_MORE, goes through poller->completed like any other. */
#ifndef ROTA_POLL_POLLER_H
#define ROTA_POLL_POLLER_H

#include <rota/base.h>
#include <stdbool.h>
#include <stdint.h>

#include "poll/op.h"

struct rota__poller;

/* A buffer that comes back full costs another look, so the messages of 16 KiB that are so common fit with what frames them: a
 * TLS record has up to 2^14 + 256 + 5 bytes (RFC 8446, 5.2), an HTTP/2 frame 2^14 + 9 (RFC 9113, 4.2). */
enum { POLLER_BUFFER_BYTES = 16704 };

/* So many at most, 17 MB: bytes that have come and wait for their task have one each.  They are made as they are needed. */
enum { POLLER_BUFFERS = 1024 };

struct rota__poller_config {
	uint32_t buffer_count; /* of the pool behind RECV_POOLED, at most; a power of two; 0 = POLLER_BUFFERS */
	uint32_t buffer_bytes; /* of each; 0 = POLLER_BUFFER_BYTES */
	bool shareable;	       /* moved() shall work */
};

struct rota__poller_engine {
	const char *name; /* "epoll", "uring": what ROTA_POLLER= takes */

	/* Make a poller of this engine.  Negative errno when the system refuses (ENOSYS, EPERM:
	 * not to be had here; EMFILE, ENOMEM: not now).  Probes and keeps what the kernel has. */
	int (*open)(struct rota__poller **ret, const struct rota__poller_config *config);

	/* Nothing may be pending. */
	void (*close)(struct rota__poller *p);

	/* Take `op`.  False: this engine cannot carry it (FILE ops on epoll, an opcode the kernel
	 * lacks): nothing has happened, the caller gives it to the blocking pool.  True: it will
	 * complete.  Failures, also of memory, are the op's result.  No system call on io_uring:
	 * the op is handed over with the next wait(). */
	bool (*submit)(struct rota__poller *p, struct rota__op *op);

	/* Ask for an end.  The op still completes once: with -ECANCELED, or with what it had
	 * achieved.  Only for an op that submit() took and that has not completed. */
	void (*cancel)(struct rota__poller *p, struct rota__op *op);

	/* Hand over now what was submitted and cancelled, with a system call; nothing is collected.  True: what was cancelled keeps no
	 * descriptor open any more, as a pending op does.  False: the loop's former thread does, until it next passes through the
	 * kernel (see moved()). */
	bool (*flush)(struct rota__poller *p);

	/* Hand over what was submitted and collect what completed, waiting until something does,
	 * wake() is called, or `deadline_ns` on the rota_now_ns() clock (ROTA_NOW: do not wait).
	 * Never waits once something is there, an event of a multishot op included: what its done() made
	 * ready is the loop's next work.  Returns the number of completions and events collected.  EINTR and
	 * time-outs are not errors. */
	int (*wait)(struct rota__poller *p, uint64_t deadline_ns);

	/* The calling thread is the loop's from now on, and goes on with what the former one had pending; that
	 * one may be stuck anywhere but in here.  Both threads must live until what they submitted has
	 * completed, or bear that a system call of theirs is interrupted for it (EINTR).
	 * 0, -EPERM: the poller was not made shareable. */
	int (*moved)(struct rota__poller *p);

	/* Make the current or the next wait() return.  Any thread, async-signal-safe. */
	void (*wake)(struct rota__poller *p);

	/* A descriptor for a foreign loop to wait for: from now on it is readable when wait() has something to collect, and
	 * in any case until the first hand_over().  The same for the poller's life.  Or a negative errno. */
	int (*expose)(struct rota__poller *p);

	/* The foreign loop is about to wait for that descriptor: hand over what was submitted, forget what it was readable for.
	 * True: there is something to collect already. */
	bool (*hand_over)(struct rota__poller *p);

	/* Make that descriptor readable.  Any thread, async-signal-safe. */
	void (*tell)(struct rota__poller *p);

	/* Give the buffer of a completed RECV_POOLED back.  op->buffer_id says which. */
	void (*give_back)(struct rota__poller *p, uint32_t buffer_id);

	/* `fd` is about to be closed: what any poller of the process remembers of it is about its former
	 * owner from now on (poll/generation.h).  Any thread. */
	void (*forget)(struct rota__poller *p, int fd);

	/* `fd`, of which no op is pending, goes to another poller: this one asks the system about it no more, and remembers
	 * nothing of it. */
	void (*let_go)(struct rota__poller *p, int fd);

	/* What was found and chosen, for people: "uring: DEFER_TASKRUN, SINGLE_ISSUER, ...". */
	const char *(*describe)(struct rota__poller *p);
};

/* The head of each engine's own struct. */
struct rota__poller {
	const struct rota__poller_engine *engine;
	struct rota__fifo completed; /* of op->node; the loop drains it */
	uint32_t pending;	     /* ops taken and not yet completed */
	uint32_t reports;	     /* completions and events so far, modulo 2^32 */
	bool receives_on;	     /* RECV_MULTI works here and now, as far as is known */
	bool gathers;		     /* several sends are cheaper as ops that one wait() hands over than as system calls */
};

/* What an engine calls when an op has its result: the one place where ops complete. */
static inline void poller_complete(struct rota__poller *p, struct rota__op *op, int64_t result)
{
	op->result = result;
	op->state = OP_DONE;
	p->pending--;
	p->reports++;
	fifo_push(&p->completed, &op->node);
}

/* An event of a multishot op, which goes on; done() may cancel it. */
static inline void poller_event(struct rota__poller *p, struct rota__op *op, int64_t result)
{
	op->result = result;
	op->flags |= OP_MORE;
	p->reports++;
	op->done(op);
}

extern const struct rota__poller_engine rota__poller_epoll, rota__poller_uring;

/* Open the engine called `name`, or with NULL the best one that works: $ROTA_POLLER if set (an
 * unknown name is -EINVAL; one that does not work here is its error), else uring, else epoll.  With
 * ROTA_POLLER=epoll no io_uring system call is ever made. */
int rota__poller_open(struct rota__poller **ret, const char *name,
	const struct rota__poller_config *config);

/* Do the operation now, on this thread: the blocking pool's way for FILE ops, and one non-blocking
 * try for SOCKET ops (-EAGAIN when it would wait).  The result as op->result would be. */
int64_t rota__op_perform(struct rota__op *op);

/* How long it is until then; ROTA_NOW and ROTA_FOREVER are themselves. */
static inline uint64_t poller_left_until(uint64_t deadline_ns)
{
	uint64_t now;

	if (deadline_ns == ROTA_NOW || deadline_ns == ROTA_FOREVER)
		return deadline_ns;
	now = rota_now_ns();
	return deadline_ns > now ? deadline_ns - now : 0;
}

#endif
