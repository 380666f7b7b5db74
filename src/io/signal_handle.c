/* signal_handle.c - a callback for a signal */
#include <rota/signal.h>

#include "io/handle.h"
#include "io/signal.h"

_Static_assert(sizeof(((struct rota_signal *)0)->watch) >= sizeof(struct rota__signal_watch),
	"struct rota_signal has room for a watch");

static struct rota__signal_watch *watch_of(struct rota_signal *s)
{
	return (struct rota__signal_watch *)(void *)s->watch;
}

static void arrived(struct rota__signal_watch *watch, int signo)
{
	struct rota_signal *s = container_of((uint64_t (*)[10])(void *)watch, struct rota_signal, watch);

	rota__handle_calls(&s->handle, (void (*)(void))s->fn);
	s->fn(s, signo);
}

int rota_signal_open_at(struct rota_loop *loop, struct rota_signal *s, int signo,
	void (*fn)(struct rota_signal *signal, int signo), const char *site)
{
	ROTA_INSIDE();
	int rc = rota__handle_may_open(&s->handle, loop);

	if (rc == 0)
		rc = rota__signal_watch_start(watch_of(s), loop, arrived, &signo, 1);
	if (rc < 0)
		return rc;
	s->fn = fn;
	rota__handle_open(&s->handle, loop, KIND_signal, site);
	rota__handle_hold(&s->handle, true);
	return 0;
}

static void no_post_is_left(struct rota__node *node)
{
	struct rota_handle *h = container_of((void *(*)[2])node, struct rota_handle, node);

	rota__handle_ran(h);
	rota__handle_left(h);
}

/* The dispatcher's last post may still be on its way; posts keep their order. */
void rota__signal_handle_stop(struct rota_handle *h, struct rota__signal_watch *watch)
{
	struct rota_post *last = (struct rota_post *)(void *)h->node;

	if (!rota__signal_watch_stop(watch))
		return;
	h->pending++;
	((struct rota__node *)last)->fn = no_post_is_left;
	rota_post(h->loop, last);
}

static void stop(struct rota_handle *h)
{
	rota__signal_handle_stop(h, watch_of(container_of(h, struct rota_signal, handle)));
}

const struct rota__handle_kind rota__kind_signal = { .name = "signal", .stop = stop };
