/* op.h - the unit of everything asynchronous
 *
 * An op is caller-owned memory that describes one operation.  It is submitted once, completed
 * exactly once, on its loop's thread, never inside the call that submitted it, and can be cancelled
 * in between.  Everything it points to stays owned by the op until it completes.
 *
 *   FREE --submit()--> PENDING --result--> DONE (done() runs; the memory is the caller's again)
 *                         |                  ^
 *                         +--cancel()--> CANCELLING --(-ECANCELED, or the result if it came first)
 *
 * A multishot op (OP_ACCEPT_MULTI, OP_RECV_MULTI) calls done() any number of times with OP_MORE set in `flags`, and
 * once without, which is its end. */
#ifndef ROTA_POLL_OP_H
#define ROTA_POLL_OP_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/list.h"
#include "base/node.h"

/* X(name, where it can wait): SOCKET ops are done when the descriptor is ready, so a readiness
 * poller (epoll, kqueue) can carry them; FILE ops always block in the kernel, so such a poller
 * refuses them and the blocking pool carries them. */
#define ROTA__OP_KINDS(X)                                                                          \
	X(NOP, SOCKET)		/* completes with 0 */                                             \
	X(POLL, SOCKET)		/* poll.events -> the revents, once */                             \
	X(RECV, SOCKET)		/* buf -> bytes, 0 at the end of the stream */                     \
	X(RECV_POOLED, SOCKET)	/* -> bytes in a buffer of the loop's pool, buf.base points at it */ \
	X(RECV_MULTI, SOCKET)	/* the same, again and again: OP_MORE.  Where poller->receives_on */ \
	X(SEND, SOCKET)		/* buf -> bytes taken, may be short; MSG_NOSIGNAL always */        \
	X(RECVMSG, SOCKET)	/* msg */                                                          \
	X(SENDMSG, SOCKET)	/* msg */                                                          \
	X(ACCEPT, SOCKET)	/* accept -> a new descriptor, SOCK_CLOEXEC | SOCK_NONBLOCK */     \
	X(ACCEPT_MULTI, SOCKET) /* the same, again and again: OP_MORE */                           \
	X(CONNECT, SOCKET)	/* connect -> 0 */                                                 \
	X(READ, FILE)		/* buf, offset (-1: the file position) -> bytes */                 \
	X(WRITE, FILE)		/* buf, offset (-1: the file position) -> bytes */                 \
	X(READV, FILE)		/* iov, offset */                                                  \
	X(WRITEV, FILE)		/* iov, offset */                                                  \
	X(OPENAT, FILE)		/* path; fd is the folder or AT_FDCWD -> a descriptor */           \
	X(CLOSE, FILE)		/* fd -> 0; the descriptor is gone whatever the result says */     \
	X(STATX, FILE)		/* path -> fills path.statx */                                     \
	X(FSYNC, FILE)		/* path.flags: IORING_FSYNC_DATASYNC's value 1 = data only */      \
	X(FTRUNCATE, FILE)	/* buf.offset = length */                                          \
	X(RENAMEAT, FILE)	/* path.path -> path.path2, both from fd */                        \
	X(UNLINKAT, FILE)	/* path.flags: AT_REMOVEDIR */                                     \
	X(MKDIRAT, FILE)	/* path.mode */

enum rota__op_kind {
#define X(name, where) OP_##name,
	ROTA__OP_KINDS(X)
#undef X
	OP_KINDS
};

/* OP_DONE: it has its result, and done() has run or is about to; cancelling does nothing now.  A
 * multishot op is OP_DONE only after its last event. */
enum rota__op_state { OP_FREE, OP_PENDING, OP_CANCELLING, OP_DONE };

enum {
	OP_MORE = 1,	   /* set by the poller: a multishot op stays armed */
	OP_NONEMPTY = 2,   /* set by the poller: the socket had more data after this receive */
	OP_POLL_FIRST = 4, /* set by the submitter: nothing is there now, do not try, wait */
	OP_SCARCE = 8,	   /* set by the poller: few buffers are left in the pool, this one is not to be kept */
};

/* op->engine of one that the loop gave to the blocking pool. */
enum { OP_OFFLOADED = 0xff };

struct rota__op {
	struct rota__node node; /* the link of whatever queue the op is in; fn belongs to that queue */
	struct rota__op *prev;	/* the poller's, while pending */
	void (*done)(struct rota__op *op); /* the submitter's: the op has its result */
	int64_t result;			   /* >= 0, or a negative errno */
	int fd;
	uint8_t kind, state;
	uint8_t flags;
	uint8_t engine;	      /* the poller's own bits, or OP_OFFLOADED */
	uint32_t generation;  /* the poller's: tells a late completion from the one it waits for */
	uint32_t buffer_id;   /* RECV_POOLED, RECV_MULTI: which buffer, for rota__poller_give_back() */
	union {
		struct {
			void *base;
			uint32_t len;
			int flags;	  /* MSG_* for RECV and SEND */
			uint64_t offset; /* READ, WRITE, FTRUNCATE */
		} buf;
		struct {
			const struct iovec *iov;
			uint32_t count;
			uint64_t offset;
		} iov;
		struct {
			struct msghdr *msg;
			int flags;
		} msg;
		struct {
			struct sockaddr *addr; /* NULL: nobody asks */
			socklen_t *len;
		} accept;
		struct {
			const struct sockaddr *addr;
			socklen_t len;
		} connect;
		struct {
			uint32_t events; /* POLLIN ... */
		} poll;
		struct {
			const char *path;
			union {
				const char *path2;
				struct statx *statx;
			};
			int flags;
			uint32_t mode; /* OPENAT, MKDIRAT: permission bits; STATX: the mask */
		} path;
	};
};

#endif
