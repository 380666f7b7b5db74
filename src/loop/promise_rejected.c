/* promise_rejected.c - rejections that nobody handles: named, and by default the end of the program
 *
 * Whether somebody will ask is known only after the callback that rejected and all microtasks have run, so rejections wait in
 * a list until then, as in Node.js. */
#include <stdio.h>
#include <stdlib.h>

#include "loop/promise.h"
#include "os/mem.h"

static void empty_list(struct rota__promise_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

void rota__promises_init(struct rota__promises *promises)
{
	empty_list(&promises->dying);
	empty_list(&promises->rejected);
	empty_list(&promises->late);
	list_init(&promises->outside);
	promises->spare_room = PROMISES_SPARE;
}

void rota__promises_fini(struct rota__promises *promises)
{
	struct rota_promise *p;

	while ((p = promises->spare) != NULL) {
		promises->spare = p->next;
		rota__free(p);
	}
	promises->spare_room = 0; /* no more */
}

void rota__promises_add(struct rota__promise_list *list, struct rota_promise *p)
{
	p->next = NULL;
	*list->last = p;
	list->last = &p->next;
}

struct rota_promise *rota__promises_take(struct rota__promise_list *list)
{
	struct rota_promise *p = list->first;

	if (p != NULL) {
		list->first = p->next;
		if (p->next == NULL)
			list->last = &list->first;
	}
	return p;
}

static void end_program(struct rota_promise *p)
{
	const char *name = rota_promise_name(p);

	fprintf(stderr, "rota: unhandled rejection: %s (%d), of the promise %s%smade at %s\n",
		rota_strerror(p->error), p->error, name != NULL ? name : "", name != NULL ? " " : "",
		rota_promise_site(p));
	exit(1);
}

static void report(struct rota__promises *all, struct rota_promise *p)
{
	p->reported = true;
	if (all->unhandled == NULL)
		end_program(p);
	all->unhandled(p, all->unhandled_arg);
}

void rota__promises_report(struct rota_loop *loop)
{
	struct rota__promises *all = &loop->promises;
	struct rota__promise_list due;
	struct rota_promise *p;

	while ((p = rota__promises_take(&all->late)) != NULL) {
		if (all->handled != NULL)
			all->handled(p, all->handled_arg);
		rota_promise_unref(p);
	}
	if (all->rejected.first == NULL)
		return;
	due = all->rejected; /* what hooks reject comes after its own ticks and microtasks */
	empty_list(&all->rejected);
	while ((p = rota__promises_take(&due)) != NULL) {
		if (!p->handled)
			report(all, p);
		rota_promise_unref(p);
	}
}

int rota_on_unhandled_rejection(struct rota_loop *loop, rota_promise_fn fn, void *arg)
{
	ROTA_INSIDE();

	loop = rota__loop_mine(loop);
	if (loop == NULL)
		return -EPERM;
	loop->promises.unhandled = fn;
	loop->promises.unhandled_arg = arg;
	return 0;
}

int rota_on_rejection_handled(struct rota_loop *loop, rota_promise_fn fn, void *arg)
{
	ROTA_INSIDE();

	loop = rota__loop_mine(loop);
	if (loop == NULL)
		return -EPERM;
	loop->promises.handled = fn;
	loop->promises.handled_arg = arg;
	return 0;
}
