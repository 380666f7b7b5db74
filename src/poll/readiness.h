/* readiness.h - completion over readiness: what epoll (and kqueue) need above the system
 *
 * For each descriptor two queues of waiting ops, one for each direction, and what is known of its
 * readiness.  The system is asked once to report every edge (EPOLLET); after that an op costs no call
 * but its own:
 *
 *   submit: try the call (or not, if nothing can be there) --would wait--> queue, watch the descriptor
 *   edge:   try the queued ops in their order until one would wait again
 */
#ifndef ROTA_POLL_READINESS_H
#define ROTA_POLL_READINESS_H

#include "poll/poller.h"

enum rota__direction { READS, WRITES, DIRECTIONS };

struct rota__fd_state {
	struct rota__op *first[DIRECTIONS], *last[DIRECTIONS]; /* linked through node.next */
	uint32_t generation; /* the owner this is about: an event of another one is dropped */
	bool ready[DIRECTIONS]; /* an edge came and no call has found it used up */
	bool watched, hot;
	/* The peer has ended: reads will not wait again, and no edge may tell so twice.  Or it sends urgent data, whose marks end
	 * receives before the socket is empty. */
	bool ended;
	bool asked, local; /* is it a Unix socket?  Asked at the first short receive */
	int next_hot;
};

struct rota__readiness {
	struct rota__poller *poller;
	/* Ask the system to report all edges of `fd` with `generation`.  0 or a negative errno. */
	int (*watch)(struct rota__poller *poller, int fd, uint32_t generation);
	struct rota__fd_state **chunks; /* tables of FDS_A_CHUNK, so that states never move */
	uint32_t chunk_count;
	int hot; /* descriptors to be looked at without waiting for an edge: a list; -1: none */

	/* The pool behind RECV_POOLED: taken when data is there, so idle descriptors hold none. */
	char **buffers;
	uint32_t *free_ids, free_count, buffer_count, buffers_made, buffer_bytes;
	struct rota__fifo starved; /* RECV_POOLED ops that found data and no buffer */
};

int rota__readiness_init(struct rota__readiness *r, struct rota__poller *poller, const struct rota__poller_config *config);
void rota__readiness_fini(struct rota__readiness *r);
bool rota__readiness_submit(struct rota__readiness *r, struct rota__op *op);
void rota__readiness_cancel(struct rota__readiness *r, struct rota__op *op);
/* The system reports an edge. */
void rota__readiness_edge(struct rota__readiness *r, int fd, uint32_t generation, bool readable, bool writable, bool ended);
/* Look at the descriptors that need no edge.  True if there are still some. */
bool rota__readiness_run_hot(struct rota__readiness *r);
void rota__readiness_give_back(struct rota__readiness *r, uint32_t buffer_id);

#endif
