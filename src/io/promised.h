/* promised.h - a promise with its operation in it
 *
 * One allocation: the promise, the request, write or the like that it waits for, the value it will have, and copies of the texts it is about.
 * The operation has a reference, so that the memory is there until its callback, whoever else has given his back. */
#ifndef ROTA_IO_PROMISED_H
#define ROTA_IO_PROMISED_H

#include <rota/promised.h>
#include <rota/request.h>

#include "io/process.h"
#include "loop/promise.h"

struct rota__promised {
	struct rota_promise promise;
	struct rota_promised value;
	void (*destroy)(void *value); /* give back what is in the value; NULL: nothing is */
	size_t size;		      /* of what is written, or was read */
	char *text, *text2;	      /* copies: a path or an address, another one */
	union {
		struct rota_request request;
		struct rota_write write;
		struct rota_datagram datagram;
		struct {
			struct rota_process *process;
			struct rota__process_waiter waiter;
			struct rota_post post;
			struct rota__outside outside;
			int code;
		} end; /* of a process */
	};
	uint64_t room[]; /* for what the operation brings */
};

/* One of `loop` (NULL: this thread's), with a reference for the caller and one for the operation; NULL: no memory.  The texts may be NULL; the
 * first is its name. */
struct rota__promised *rota__promised_new(struct rota_loop *loop, const char *site, const char *text, const char *text2,
	size_t room_bytes);

/* The operation has ended, or could not begin: give its reference back. */
void rota__promised_settle(struct rota__promised *promised, int64_t result);

/* What the call that was to begin it has answered: the promise, rejected if that was an error. */
struct rota_promise *rota__promised_begun(struct rota__promised *promised, int rc);

/* The same for a request, whose callback is rota__promised_answer() and whose place is the promise's.  NULL remains NULL. */
#define PROMISED_REQUEST(promised, name, ...)                                                                          \
	((promised) == NULL ? NULL :                                                                                   \
			      rota__promised_begun((promised), rota_request_##name##_at((promised)->promise.loop,      \
				      rota__promised_request(promised), __VA_ARGS__, rota__promised_answer,            \
				      (promised)->promise.site)))

struct rota_request *rota__promised_request(struct rota__promised *promised);
void rota__promised_answer(struct rota_request *request, int64_t result);

#endif
