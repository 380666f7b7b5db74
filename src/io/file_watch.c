/* file_watch.c - looking at a file again and again, where the system tells nothing
 *
 *   RESTING --timer--> LOOKING (a statx op) --> RESTING, having told what is different
 *
 * What a look needs is memory of its own: the result of statx(2) alone is larger than the handle. */
#include <fcntl.h>
#include <string.h>

#include <rota/watch.h>

#include "io/file_info.h"
#include "io/handle.h"
#include "os/mem.h"

struct look {
	struct rota__op op;
	struct rota__timer timer;
	struct rota_file_watch *watch;
	struct statx stx;
	struct rota_file_info before;
	uint64_t interval_ns;
	int rc;	     /* of the last look */
	bool looked; /* there was one */
	char path[];
};

static void looked(struct rota__op *op);

static void look(struct look *l)
{
	l->op = (struct rota__op){ .kind = OP_STATX, .fd = AT_FDCWD,
		.path = { .path = l->path, .statx = &l->stx, .mode = ROTA__STATX_MASK } };
	rota__handle_submit(&l->watch->handle, &l->op, looked);
}

static void rested(struct rota__timer *timer)
{
	look(container_of(timer, struct look, timer));
}

static void compare(struct look *l, int rc)
{
	struct rota_file_watch *w = l->watch;
	struct rota_file_info before = l->before, after;
	bool first = !l->looked, was = l->looked && l->rc == 0, is = rc == 0;
	int former = l->rc;

	if (is)
		l->before = after = rota__file_info(&l->stx);
	l->rc = rc;
	l->looked = true;
	rota__handle_calls(&w->handle, (void (*)(void))w->on_change);
	if (!is && (first || former != rc))
		w->on_change(w, rc, was ? &before : NULL, NULL);
	else if (is && !first && (!was || !rota__file_info_same(&before, &after)))
		w->on_change(w, 0, was ? &before : NULL, &after);
}

static void looked(struct rota__op *op)
{
	struct look *l = container_of(op, struct look, op);
	struct rota_handle *h = &l->watch->handle;

	rota__handle_arrived(h);
	if (handle_open(h))
		compare(l, (int)op->result);
	if (handle_open(h))
		timers_arm(&h->loop->timers, &l->timer, rota_deadline(l->interval_ns));
	rota__handle_left(h);
}

static void stop(struct rota_handle *h)
{
	struct look *l = container_of(h, struct rota_file_watch, handle)->look;

	timers_cancel(&h->loop->timers, &l->timer);
	if (h->ops > 0)
		rota__op_cancel(h->loop, &l->op);
}

static void release(struct rota_handle *h)
{
	struct rota_file_watch *w = container_of(h, struct rota_file_watch, handle);

	rota__free(w->look);
	w->look = NULL;
}

static const char *path_of(const struct rota_handle *h)
{
	const struct look *l = container_of(h, const struct rota_file_watch, handle)->look;

	return l->path;
}

const struct rota__handle_kind rota__kind_file_watch = {
	.name = "file watch", .stop = stop, .release = release, .name_of = path_of
};

int rota_file_watch_start_at(struct rota_loop *loop, struct rota_file_watch *w, const char *path, uint64_t interval_ns,
	void (*on_change)(struct rota_file_watch *watch, int rc, const struct rota_file_info *before,
		const struct rota_file_info *after),
	const char *site)
{
	ROTA_INSIDE();
	int rc = rota__handle_may_open(&w->handle, loop);
	size_t length;
	struct look *l;

	if (path == NULL || interval_ns == 0)
		return -EINVAL;
	if (rc < 0)
		return rc;
	length = strlen(path) + 1;
	l = rota__alloc_zero(sizeof *l + length);
	if (l == NULL)
		return -ENOMEM;
	memcpy(l->path, path, length);
	l->timer.fn = rested;
	l->watch = w;
	l->interval_ns = interval_ns;
	w->look = l;
	w->on_change = on_change;
	rota__handle_open(&w->handle, loop, KIND_file_watch, site);
	rota__handle_hold(&w->handle, true);
	look(l);
	return 0;
}
