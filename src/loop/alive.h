/* alive.h - what keeps a loop alive, listed for people
 *
 * Each of those who count themselves in loop->alive lists what it has; io/alive.c asks them all.  Nothing is changed and nothing
 * allocated meanwhile. */
#ifndef ROTA_LOOP_ALIVE_H
#define ROTA_LOOP_ALIVE_H

#include <rota/alive.h>

#include "loop/loop.h"

static inline struct rota_alive rota__alive(const char *kind, const char *site, bool referenced)
{
	return (struct rota_alive){
		.kind = kind, .site = site != NULL ? site : "nowhere", .fd = -1, .referenced = referenced
	};
}

/* callbacks.c */
void rota__loop_list_timers(struct rota_loop *loop, rota_alive_fn fn, void *arg);
void rota__loop_list_watchers(struct rota_loop *loop, rota_alive_fn fn, void *arg);
void rota__loop_list_queued(struct rota_loop *loop, rota_alive_fn fn, void *arg); /* posts, ticks, microtasks */

/* later.c */
void rota__loop_list_laters(struct rota_loop *loop, rota_alive_fn fn, void *arg);

/* promise_of.c */
void rota__loop_list_promises(struct rota_loop *loop, rota_alive_fn fn, void *arg);
/* `timer` may be that of a promise: then *what is made to say so. */
void rota__promise_of_timer(const struct rota_timer *timer, struct rota_alive *what);

#endif
