/* chan.h - a channel's two sides, for chan.c and select.c
 *
 * Slots form a ring; senders write at the tail, receivers read at the head.  While one worker uses the
 * channel it owns the guard and both sides (guard.h).  A channel used from several threads has a lock for each
 * side, so that a sender and a receiver do not meet, and do not share a cache line either:
 *
 *                      senders' lock    receivers' lock
 *   send into a slot        x                              nobody waits to receive, there is room
 *   receive from a slot                       x            nobody waits to send, there is a value
 *   anything else           x                 x
 *
 * The lists of waiters, `closed` and the ring's memory change only with both locks, so either one is enough to
 * read them.  The head is the receivers', the tail the senders'; each side keeps a copy of the other's index and
 * looks again only when that says there is nothing to do.  Both locks are taken in one order: the
 * receivers', then the senders'.
 *
 * Invariants, whenever both could be held: while somebody waits to receive there is no value, inside or with a
 * waiting sender; while somebody waits to send there is no room. */
#ifndef ROTA_SYNC_CHAN_H
#define ROTA_SYNC_CHAN_H

#include <rota/channel.h>

#include "sync/waiter.h"

/* With both sides. */
enum rota__entry rota__chan_enter(struct rota_chan *ch);
void rota__chan_leave(struct rota_chan *ch, enum rota__entry entry);

/* With both sides held: move a value in or out, or answer -EAGAIN, ROTA_ECLOSED, -ENOMEM.  Those whose wait
 * this ends are put on the list. */
int rota__chan_send_entered(struct rota_chan *ch, const void *value, struct rota__wakes *wakes);
int rota__chan_recv_entered(struct rota_chan *ch, void *ret_value, struct rota__wakes *wakes);

#endif
