/* alive.c - the list of all that keeps a loop alive (rota/alive.h): everybody who counts is asked */
#include "io/handle.h"
#include "io/process.h"
#include "io/request.h"
#include "loop/alive.h"

static void list_handles(struct rota_loop *loop, rota_alive_fn fn, void *arg)
{
	struct list *it;

	list_each(it, &loop->handles)
	{
		struct rota_handle *h = rota__handle_of_link(it);
		struct rota_alive what = rota__alive(rota_handle_kind(h), h->site, rota_handle_has_ref(h));

		if (!rota_handle_is_active(h) && !rota_handle_is_closing(h))
			continue;
		what.handle = h;
		what.closing = rota_handle_is_closing(h);
		rota__handle_about(h, &what);
		fn(&what, arg);
	}
}

struct counting {
	rota_alive_fn fn;
	void *arg;
	int referenced;
};

static void count(const struct rota_alive *what, void *counting)
{
	struct counting *c = counting;

	c->referenced += what->referenced;
	c->fn(what, c->arg);
}

int rota_loop_each_alive(struct rota_loop *loop, rota_alive_fn fn, void *arg)
{
	ROTA_INSIDE();
	struct counting c = { fn, arg, 0 };

	loop = rota__loop_mine(loop);
	if (loop == NULL)
		return -EPERM;
	list_handles(loop, count, &c);
	rota__requests_list(loop, count, &c);
	rota__processes_list(loop, count, &c);
	rota__loop_list_laters(loop, count, &c);
	rota__loop_list_timers(loop, count, &c);
	rota__loop_list_watchers(loop, count, &c);
	rota__loop_list_promises(loop, count, &c);
	rota__loop_list_queued(loop, count, &c);
	return c.referenced;
}
