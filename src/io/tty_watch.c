/* tty_watch.c - a callback when the size of a terminal has changed
 *
 * The signal says only that some size may have changed, so it is asked for and compared. */
#include <rota/tty.h>
#include <signal.h>

#include "io/handle.h"
#include "io/signal.h"

_Static_assert(sizeof(((struct rota_tty_watch *)0)->watch) >= sizeof(struct rota__signal_watch),
	"struct rota_tty_watch has room for a watch");

static struct rota__signal_watch *watch_of(struct rota_tty_watch *t)
{
	return (struct rota__signal_watch *)(void *)t->watch;
}

static void arrived(struct rota__signal_watch *watch, int signo)
{
	struct rota_tty_watch *t = container_of((uint64_t (*)[10])(void *)watch, struct rota_tty_watch, watch);
	struct rota_tty_size size;

	if (rota_tty_get_size(t->fd, &size) < 0 || (size.columns == t->size.columns && size.rows == t->size.rows))
		return;
	rota__handle_calls(&t->handle, (void (*)(void))t->on_resize);
	t->size = size;
	t->on_resize(t, &t->size);
}

int rota_tty_watch_open_at(struct rota_loop *loop, struct rota_tty_watch *t, int fd,
	void (*on_resize)(struct rota_tty_watch *watch, const struct rota_tty_size *size), const char *site)
{
	ROTA_INSIDE();
	struct rota_tty_size size;
	int rc = rota__handle_may_open(&t->handle, loop);

	if (rc == 0)
		rc = rota_tty_get_size(fd, &size);
	if (rc == 0)
		rc = rota__signal_watch_start(watch_of(t), loop, arrived, &(int){ SIGWINCH }, 1);
	if (rc < 0)
		return rc;
	t->size = size;
	t->fd = fd;
	t->on_resize = on_resize;
	rota__handle_open(&t->handle, loop, KIND_tty_watch, site);
	rota__handle_hold(&t->handle, true);
	return 0;
}

static void stop(struct rota_handle *h)
{
	rota__signal_handle_stop(h, watch_of(container_of(h, struct rota_tty_watch, handle)));
}

const struct rota__handle_kind rota__kind_tty_watch = {
	.name = "tty watch", .stop = stop, .fd_at = offsetof(struct rota_tty_watch, fd)
};
