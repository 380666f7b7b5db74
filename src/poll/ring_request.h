/* ring_request.h - which request of io_uring an op is, and what of it goes where in an entry (io_uring_enter(2)) */
#ifndef ROTA_POLL_RING_REQUEST_H
#define ROTA_POLL_RING_REQUEST_H

#include <linux/io_uring.h>

#include "poll/op.h"

/* By the op's kind. */
extern const uint8_t rota__ring_opcodes[OP_KINDS];

/* Fill all of a cleared entry but for descriptor and user_data.  Pooled receives take buffers of `buffer_bytes`; `multi`: accepts may
 * stay armed. */
void rota__ring_request(struct io_uring_sqe *sqe, const struct rota__op *op, uint32_t buffer_bytes, bool multi);

#endif
