/* watch_hub.c - a loop's one inotify instance (watch_hub.h)
 *
 * Events are read when the descriptor is readable, and told one by one.  A callback may close any watch, so a list that is being
 * told is emptied into another, from which whatever is removed is simply not found any more. */
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "io/watch_hub.h"
#include "os/mem.h"

enum {
	BUCKETS_FIRST = 64,
	/* Some hundred events; the largest has a name of 255 bytes. */
	READ_BYTES = 16384,
	MASK = IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
		IN_CLOSE_WRITE,
};

struct hub {
	struct rota_loop *loop;
	struct list watches;
	struct rota__op op;
	struct rota__place **buckets;
	uint32_t bucket_count, place_count;
	int fd;
	bool waiting; /* the op is pending */
};

static struct list *link_of(struct rota_path_watch *w)
{
	return (struct list *)(void *)w->link;
}

/* ---- places ---- */

static struct rota__place **bucket(struct hub *hub, int number)
{
	return &hub->buckets[(uint32_t)number & (hub->bucket_count - 1)];
}

static struct rota__place *find(struct hub *hub, int number)
{
	struct rota__place *place = *bucket(hub, number);

	while (place != NULL && place->number != number)
		place = place->next;
	return place;
}

static int grow(struct hub *hub)
{
	uint32_t former = hub->bucket_count;
	struct rota__place **old = hub->buckets, *place;

	if (hub->place_count < former)
		return 0;
	hub->bucket_count = former != 0 ? 2 * former : BUCKETS_FIRST;
	hub->buckets = rota__alloc_zero(hub->bucket_count * sizeof *hub->buckets);
	if (hub->buckets == NULL) {
		hub->buckets = old;
		hub->bucket_count = former;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < former; i++) {
		while ((place = old[i]) != NULL) {
			old[i] = place->next;
			place->next = *bucket(hub, place->number);
			*bucket(hub, place->number) = place;
		}
	}
	rota__free(old);
	return 0;
}

static struct rota__place *place_of(struct hub *hub, int number)
{
	struct rota__place *place = find(hub, number);

	if (place != NULL)
		return place;
	place = rota__alloc_zero(sizeof *place);
	if (place == NULL)
		return NULL;
	place->number = number;
	list_init(&place->spots);
	place->next = *bucket(hub, number);
	*bucket(hub, number) = place;
	hub->place_count++;
	return place;
}

static void drop_if_empty(struct hub *hub, struct rota__place *place)
{
	struct rota__place **at = bucket(hub, place->number);

	if (place->busy || !list_empty(&place->spots))
		return;
	while (*at != place)
		at = &(*at)->next;
	*at = place->next;
	hub->place_count--;
	if (!place->gone)
		inotify_rm_watch(hub->fd, place->number);
	rota__free(place);
}

/* ---- spots ---- */

static struct rota__spot *spot_of(struct rota__place *place, const struct rota_path_watch *w)
{
	struct list *it;

	list_each(it, &place->spots)
		if (container_of(it, struct rota__spot, at_place)->watch == w)
			return container_of(it, struct rota__spot, at_place);
	return NULL;
}

int rota__spot_add(struct rota_path_watch *w, const char *full_path, const char *path, uint32_t flags,
	struct rota__spot **ret_spot)
{
	struct hub *hub = w->handle.loop->watches;
	size_t length = strlen(path) + 1;
	struct rota__place *place;
	struct rota__spot *spot;
	int number, rc = grow(hub);

	if (rc < 0)
		return rc;
	number = inotify_add_watch(hub->fd, full_path, MASK | flags);
	if (number < 0)
		return rota_errno();
	place = place_of(hub, number);
	if (place == NULL) {
		inotify_rm_watch(hub->fd, number);
		return -ENOMEM;
	}
	spot = spot_of(place, w);
	if (spot == NULL) {
		spot = rota__alloc(sizeof *spot + length);
		if (spot == NULL) {
			drop_if_empty(hub, place);
			return -ENOMEM;
		}
		spot->place = place;
		spot->watch = w;
		spot->scanned = false;
		memcpy(spot->path, path, length);
		list_append(&place->spots, &spot->at_place);
		list_append((struct list *)(void *)w->spots, &spot->of_watch);
	}
	*ret_spot = spot;
	return 0;
}

void rota__spot_remove(struct rota__spot *spot)
{
	list_remove(&spot->at_place);
	list_remove(&spot->of_watch);
	drop_if_empty(spot->watch->handle.loop->watches, spot->place);
	rota__free(spot);
}

/* ---- events ---- */

static void tell_place(struct hub *hub, const struct inotify_event *event)
{
	struct rota__place *place = find(hub, event->wd);
	struct list due;

	if (place == NULL)
		return; /* left while the event was on its way */
	place->busy = true;
	place->gone |= (event->mask & IN_IGNORED) != 0;
	list_move(&due, &place->spots);
	while (!list_empty(&due)) {
		struct rota__spot *spot = list_first(&due, struct rota__spot, at_place);

		list_remove(&spot->at_place);
		list_append(&place->spots, &spot->at_place);
		rota__watch_event(spot, event);
		rota__loop_after_callback(hub->loop, (struct rota__origin){ .kind = "watch" });
	}
	place->busy = false;
	drop_if_empty(hub, place);
}

static void tell_overflow(struct hub *hub)
{
	struct list due;

	list_move(&due, &hub->watches);
	while (!list_empty(&due)) {
		struct list *link = due.next;

		list_remove(link);
		list_append(&hub->watches, link);
		rota__watch_overflow(container_of((void *(*)[2])(void *)link, struct rota_path_watch, link));
		rota__loop_after_callback(hub->loop, (struct rota__origin){ .kind = "watch" });
	}
}

static void tell_all(struct hub *hub, const char *buf, size_t size)
{
	size_t at = 0;

	while (at < size) {
		const struct inotify_event *event = (const struct inotify_event *)(const void *)(buf + at);

		if (event->mask & IN_Q_OVERFLOW)
			tell_overflow(hub);
		else
			tell_place(hub, event);
		at += sizeof *event + event->len;
	}
}

/* ---- the hub's life ----
 *
 * The op counts as alive only while the hub goes away: before, it is the watches that keep the loop. */

static void readable(struct rota__op *op);

static void arm(struct hub *hub)
{
	hub->waiting = true;
	hub->op = (struct rota__op){ .kind = OP_POLL, .fd = hub->fd, .poll.events = POLLIN, .done = readable };
	rota__op_submit(hub->loop, &hub->op);
	hub->loop->alive--;
}

static void hub_free(struct hub *hub)
{
	hub->loop->poller->engine->forget(hub->loop->poller, hub->fd);
	close(hub->fd);
	hub->loop->watches = NULL;
	rota__free(hub->buckets);
	rota__free(hub);
}

static void readable(struct rota__op *op)
{
	struct hub *hub = container_of(op, struct hub, op);
	_Alignas(struct inotify_event) char buf[READ_BYTES];
	ssize_t n = -1;

	hub->waiting = false;
	if (list_empty(&hub->watches)) {
		hub_free(hub); /* nobody came back meanwhile */
		return;
	}
	hub->loop->alive++;
	if (op->result > 0)
		n = read(hub->fd, buf, sizeof buf);
	if (n > 0)
		tell_all(hub, buf, (size_t)n);
	if (hub->waiting)
		return; /* a callback's watch has armed it */
	if (list_empty(&hub->watches))
		hub_free(hub);
	else
		arm(hub);
}

static int hub_new(struct rota_loop *loop)
{
	struct hub *hub = rota__alloc_zero(sizeof *hub);
	int rc;

	if (hub == NULL)
		return -ENOMEM;
	hub->loop = loop;
	list_init(&hub->watches);
	hub->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	rc = hub->fd < 0 ? rota_errno() : grow(hub);
	if (rc < 0) {
		if (hub->fd >= 0)
			close(hub->fd);
		rota__free(hub);
		return rc;
	}
	loop->watches = hub;
	return 0;
}

int rota__hub_enter(struct rota_loop *loop, struct rota_path_watch *w)
{
	struct hub *hub;
	int rc = loop->watches == NULL ? hub_new(loop) : 0;

	if (rc < 0)
		return rc;
	hub = loop->watches;
	if (!hub->waiting)
		arm(hub);
	else if (list_empty(&hub->watches))
		loop->alive--; /* it was going away, and stays */
	list_append(&hub->watches, link_of(w));
	return 0;
}

void rota__hub_leave(struct rota_loop *loop, struct rota_path_watch *w)
{
	struct hub *hub = loop->watches;

	list_remove(link_of(w));
	if (!list_empty(&hub->watches) || !hub->waiting)
		return;
	loop->alive++;
	rota__op_cancel(loop, &hub->op);
}
