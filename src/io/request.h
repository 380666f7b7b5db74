/* request.h - the inside of a request: what is on its way for it
 *
 *   an op      the poller's, or the pool's where that cannot carry it; or several, one after the other
 *   work       a function on the blocking pool
 *   another    what a layer above makes of `inside`; it brings its own way to cancel
 *
 * request->cancel is how to end it, and NULL once its end is decided. */
#ifndef ROTA_IO_REQUEST_H
#define ROTA_IO_REQUEST_H

#include <rota/request.h>
#include <sys/stat.h>

#include "io/file_work.h"
#include "loop/alive.h"
#include "loop/loop.h"

struct rota__request_op {
	struct rota__op op;
	struct rota__offload space;
	union {
		struct {
			struct statx stx;
			struct rota_file_info *ret_info;
		} stat; /* of a STATX */
		struct {
			size_t size, done;
			size_t *ret_done; /* may be NULL */
			bool cancelled;
		} moved; /* of those that go on until all is moved */
	};
};

struct rota__request_work {
	struct rota__job job;
	struct rota_post post;
	int (*fn)(void *arg);
	void *arg; /* of any function; &args of one of file_work.h */
	struct rota__file_args args;
};

/* Submit `op`, whose kind and arguments are set. */
int rota__request_op(struct rota_loop *loop, struct rota_request *request, struct rota__op op,
	struct rota_file_info *ret_info, rota_request_fn fn, const char *site);

/* The same with a READ or WRITE, again and again until `size` bytes are moved, it ends, fails or is cancelled. */
int rota__request_op_all(struct rota_loop *loop, struct rota_request *request, struct rota__op op, size_t size,
	size_t *ret_done, rota_request_fn fn, const char *site);

/* Do a piece of file_work.h. */
int rota__request_work(struct rota_loop *loop, struct rota_request *request, int (*work)(void *arg),
	struct rota__file_args args, rota_request_fn fn, const char *site);

/* Begin one of another kind: its loop, or NULL (-EPERM).  It counts as alive until rota__request_tell(), or _undo() in the very
 * call that began it, which fails. */
struct rota_loop *rota__request_begin(struct rota_loop *loop, struct rota_request *request,
	void (*cancel)(struct rota_request *request), rota_request_fn fn, const char *site);
void rota__request_undo(struct rota_request *request);

/* Call fn: the last thing, because the memory is the caller's now. */
void rota__request_tell(struct rota_request *request, int64_t result);

/* The same in the pending phase. */
void rota__request_tell_later(struct rota_request *request, int64_t result);

void rota__requests_list(struct rota_loop *loop, rota_alive_fn fn, void *arg);

#endif
