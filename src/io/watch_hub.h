/* watch_hub.h - a loop's one inotify instance, shared by its watches
 *
 * Instances are few (128 for a user), so a loop has one, from its first watch to its last.  The system gives the same number for
 * all watches of one inode; so there is a place for each number, and at a place the spots of all watches that look at it.
 *
 *   hub -> places, by number -> spots <- watch */
#ifndef ROTA_IO_WATCH_HUB_H
#define ROTA_IO_WATCH_HUB_H

#include <rota/watch.h>

#include "io/handle.h"

struct inotify_event;

struct rota__place {
	struct rota__place *next; /* in its bucket */
	struct list spots;
	int number;
	bool busy; /* its spots are being told: it is not to be freed */
	bool gone; /* the system has ended the watch */
};

struct rota__spot {
	struct list at_place, of_watch;
	struct rota__place *place;
	struct rota_path_watch *watch;
	bool scanned;
	char path[]; /* below the watch's own path; "" for that */
};

/* The loop's hub has one user more (it is made for the first) or less. */
int rota__hub_enter(struct rota_loop *loop, struct rota_path_watch *watch);
void rota__hub_leave(struct rota_loop *loop, struct rota_path_watch *watch);

/* Look at `full_path`, which is `path` below the watch's.  0 and *ret_spot, also when the watch was there already.  `flags` are
 * added to the mask (IN_ONLYDIR ...). */
int rota__spot_add(struct rota_path_watch *watch, const char *full_path, const char *path, uint32_t flags,
	struct rota__spot **ret_spot);
void rota__spot_remove(struct rota__spot *spot);

/* watch.c: what happened at a spot; an overflow.  Either may end in any call of the user's. */
void rota__watch_event(struct rota__spot *spot, const struct inotify_event *event);
void rota__watch_overflow(struct rota_path_watch *watch);

#endif
