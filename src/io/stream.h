/* stream.h - what a byte stream is: a descriptor, who waits on it, and what was read ahead
 *
 *   OPEN --rota_close()--> CLOSED (nobody waits: freed at once)
 *                            \--> CLOSED, its waits being cut short --last one returns--> freed
 *
 * A descriptor is closed only when no op of it is pending: io_uring would otherwise go on reading
 * from the number's next owner. */
#ifndef ROTA_IO_STREAM_H
#define ROTA_IO_STREAM_H

#include <rota/stream.h>

#include "io/inflow.h"
#include "loop/loop.h"

struct rota__wait;

struct rota_stream {
	/* What each call touches is together. */
	struct rota_loop *loop; /* it changes, on the former one's thread, only while nobody else is inside: await/move.c */
	int fd;
	bool socket;	   /* recv and send work; else poll, read and write */
	bool closed;
	bool unheard;	   /* of a named pipe nothing has come: a read might find an end where there has been no begin */
	bool drained;	   /* the last receive left nothing: wait before trying */
	bool leases;	   /* it is read by rota_read_lease() */
	bool more;	   /* what is written now is to go out with what follows at once: MSG_MORE */
	bool asked_only;   /* nothing is to come unasked: it is not TCP */
	bool by_server;	   /* when it is to go to another loop its reader is told, with ROTA__ELSEWHERE */
	uint32_t users;	   /* calls inside this stream now; the last one of a closed stream frees it */
	struct rota__inflow *inflow; /* what comes unasked; NULL: it has never been used */
	struct rota__ahead { /* bytes read but not yet asked for: [start, end) of data */
		char *data;
		uint32_t size, start, end;
	} ahead;
	struct rota__wait *reader, *writer; /* who waits, to be cut short by a close */
	uint64_t read_deadline_ns, write_deadline_ns;
	uint64_t written, received; /* by the last write call, by the last exact read */

	void *server;	   /* who accepted it: await/serve.c */
	struct list link;  /* in loop->served */
	bool counted;	   /* in loop->connections */
	bool travels;	   /* from one loop to another */
};

/* Why a wait ended that nobody outside is to see: the stream should go to another loop. */
enum { ROTA__ELSEWHERE = -4999 };

/* A read would not have to ask the system. */
static inline bool stream_has_bytes(const struct rota_stream *s)
{
	return s->ahead.start < s->ahead.end || (s->inflow != NULL && (inflow_has(s->inflow) || s->inflow->error != 0));
}

/* A stream of `fd`, which it takes on success and sets non-blocking.  NULL: no memory. */
struct rota_stream *rota__stream_new(struct rota_loop *loop, int fd, bool socket);

/* A server's connection is on its loop. */
void rota__stream_arrive(struct rota_stream *stream);
/* It goes to another loop, `to`, where it is counted already, and arrives there; nobody but the caller is inside. */
void rota__stream_depart(struct rota_stream *stream, struct rota_loop *to);

/* Close the descriptor and free everything; nobody is inside. */
void rota__stream_free(struct rota_stream *stream);

#endif
