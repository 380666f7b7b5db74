/* watch.c - what a watch makes of inotify's events (watch_hub.h)
 *
 * A recursive watch has a spot for each folder.  A new folder is looked through after its spot was added, because what was made in
 * it before was told by nobody; a folder that moved away takes the spots below it along. */
#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "io/watch_hub.h"
#include "os/mem.h"

static struct list *spots_of(struct rota_path_watch *w)
{
	return (struct list *)(void *)w->spots;
}

static bool recursive(const struct rota_path_watch *w)
{
	return w->flags & ROTA_WATCH_RECURSIVE;
}

static void tell(struct rota_path_watch *w, uint32_t kinds, uint32_t pair, const char *name)
{
	struct rota_change change = { .kinds = kinds, .pair = pair, .name = name };

	w->on_change(w, &change);
}

/* ---- spots ---- */

static void drop_all(struct rota_path_watch *w)
{
	while (!list_empty(spots_of(w)))
		rota__spot_remove(list_first(spots_of(w), struct rota__spot, of_watch));
}

/* `path` is a folder's, which has gone with all that is below. */
static void drop_below(struct rota_path_watch *w, const char *path)
{
	size_t length = strlen(path);
	struct list *it, *next;

	list_each_safe(it, next, spots_of(w))
	{
		struct rota__spot *spot = container_of(it, struct rota__spot, of_watch);

		if (strncmp(spot->path, path, length) == 0 && (spot->path[length] == '/' || spot->path[length] == '\0'))
			rota__spot_remove(spot);
	}
}

/* False: too long for any system call.  By hand, since each event comes through here: snprintf() was a fifth of its cost. */
static bool join(char path[PATH_MAX], const char *folder, const char *name)
{
	size_t before = strlen(folder), after = strlen(name), slash = before > 0 && after > 0;

	if (before + slash + after >= PATH_MAX)
		return false;
	memcpy(path, folder, before);
	if (slash)
		path[before] = '/';
	memcpy(path + before + slash, name, after + 1);
	return true;
}

/* A folder below.  What has gone again meanwhile is none. */
static int add_folder(struct rota_path_watch *w, const char *path)
{
	char full[PATH_MAX];
	struct rota__spot *spot;
	int rc;

	if (!join(full, w->path, path))
		return 0;
	rc = rota__spot_add(w, full, path, IN_ONLYDIR | IN_DONT_FOLLOW, &spot);
	return rc == -ENOENT || rc == -ENOTDIR || rc == -EACCES ? 0 : rc;
}

static bool is_folder(const struct rota_path_watch *w, const char *path, const struct dirent *entry)
{
	char full[PATH_MAX];
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return join(full, w->path, path) && lstat(full, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Look through the folder of one spot.  The watch may be closed when it returns, if `telling`. */
static int scan(struct rota_path_watch *w, struct rota__spot *spot, bool telling)
{
	char full[PATH_MAX], folder[PATH_MAX], path[PATH_MAX];
	struct dirent *entry;
	int rc = 0;
	DIR *dir;

	spot->scanned = true;
	if (!join(full, w->path, spot->path) || !join(folder, spot->path, "") || (dir = opendir(full)) == NULL)
		return 0; /* it has gone, and that is told by itself */
	while (rc == 0 && handle_open(&w->handle) && (entry = readdir(dir)) != NULL) {
		bool is;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			!join(path, folder, entry->d_name))
			continue;
		is = is_folder(w, path, entry);
		if (is)
			rc = add_folder(w, path);
		if (telling && rc == 0)
			tell(w, ROTA_CHANGE_MADE | (is ? ROTA_CHANGE_FOLDER : 0), 0, path);
	}
	closedir(dir);
	return rc;
}

/* New spots are added at the end, so this goes through the whole tree below, whatever its depth. */
static int scan_new(struct rota_path_watch *w, bool telling)
{
	struct list *it = spots_of(w)->next;
	int rc = 0;

	while (rc == 0 && handle_open(&w->handle) && it != spots_of(w)) {
		struct rota__spot *spot = container_of(it, struct rota__spot, of_watch);

		if (!spot->scanned)
			rc = scan(w, spot, telling);
		/* A callback may have closed the watch, and spots with it; from the start again if one was scanned. */
		it = handle_open(&w->handle) ? it->next : spots_of(w);
	}
	return rc;
}

/* ---- what happened ---- */

static void vanish(struct rota_path_watch *w)
{
	drop_all(w);
	rota__handle_hold(&w->handle, false);
	tell(w, ROTA_CHANGE_VANISHED, 0, "");
}

static bool still_there(const struct rota_path_watch *w)
{
	struct stat st;

	return stat(w->path, &st) == 0 && st.st_dev == w->device && st.st_ino == w->inode;
}

static uint32_t kinds_of(uint32_t mask)
{
	return (mask & (IN_CREATE | IN_MOVED_TO) ? ROTA_CHANGE_MADE : 0) |
		(mask & (IN_DELETE | IN_MOVED_FROM) ? ROTA_CHANGE_GONE : 0) |
		(mask & (IN_MOVED_FROM | IN_MOVED_TO) ? ROTA_CHANGE_MOVED : 0) |
		(mask & IN_MODIFY ? ROTA_CHANGE_WRITTEN : 0) | (mask & IN_CLOSE_WRITE ? ROTA_CHANGE_COMPLETE : 0) |
		(mask & IN_ATTRIB ? ROTA_CHANGE_ATTRIBUTES : 0);
}

static void tree_changed(struct rota_path_watch *w, uint32_t mask, const char *path)
{
	int rc = 0;

	if (mask & IN_MOVED_FROM)
		drop_below(w, path);
	if (mask & (IN_CREATE | IN_MOVED_TO))
		rc = add_folder(w, path);
	if (rc == 0)
		rc = scan_new(w, true);
	if (rc < 0 && handle_open(&w->handle))
		tell(w, ROTA_CHANGE_OVERFLOW, 0, path);
}

void rota__watch_event(struct rota__spot *spot, const struct inotify_event *event)
{
	struct rota_path_watch *w = spot->watch;
	bool root = spot->path[0] == '\0';
	uint32_t mask = event->mask, kinds = kinds_of(mask);
	char path[PATH_MAX];

	rota__handle_calls(&w->handle, (void (*)(void))w->on_change);
	if (mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED) || (root && mask & IN_ATTRIB && !still_there(w))) {
		if (root)
			vanish(w);
		else if (mask & IN_IGNORED)
			rota__spot_remove(spot); /* its folder has gone, as the one above tells */
		return;
	}
	/* What a folder below tells of itself, the one above tells as well. */
	if (kinds == 0 || (!root && event->len == 0) || !join(path, spot->path, event->len > 0 ? event->name : ""))
		return;
	tell(w, kinds | (mask & IN_ISDIR ? ROTA_CHANGE_FOLDER : 0), event->cookie, path);
	if (recursive(w) && mask & IN_ISDIR && event->len > 0 && handle_open(&w->handle))
		tree_changed(w, mask, path);
}

void rota__watch_overflow(struct rota_path_watch *w)
{
	struct list *it;

	rota__handle_calls(&w->handle, (void (*)(void))w->on_change);
	tell(w, ROTA_CHANGE_OVERFLOW, 0, "");
	if (!handle_open(&w->handle))
		return;
	if (!still_there(w)) {
		vanish(w);
		return;
	}
	list_each(it, spots_of(w))
		container_of(it, struct rota__spot, of_watch)->scanned = !recursive(w);
	scan_new(w, false);
}

/* ---- the handle ---- */

static void stop(struct rota_handle *h)
{
	struct rota_path_watch *w = container_of(h, struct rota_path_watch, handle);

	drop_all(w);
	rota__hub_leave(h->loop, w);
}

static void release(struct rota_handle *h)
{
	struct rota_path_watch *w = container_of(h, struct rota_path_watch, handle);

	rota__free(w->path);
	w->path = NULL;
}

static const char *path_of(const struct rota_handle *h)
{
	return container_of(h, const struct rota_path_watch, handle)->path;
}

const struct rota__handle_kind rota__kind_watch = {
	.name = "watch", .stop = stop, .release = release, .name_of = path_of
};

static int look_at(struct rota_path_watch *w)
{
	struct rota__spot *root;
	struct stat st;
	int rc;

	if (stat(w->path, &st) < 0)
		return rota_errno();
	w->device = st.st_dev;
	w->inode = st.st_ino;
	rc = rota__spot_add(w, w->path, "", 0, &root);
	if (rc < 0)
		return rc;
	if (!recursive(w) || !S_ISDIR(st.st_mode)) {
		root->scanned = true;
		w->flags &= ~(uint32_t)ROTA_WATCH_RECURSIVE;
	}
	return scan_new(w, false);
}

int rota_path_watch_start_at(struct rota_loop *loop, struct rota_path_watch *w, const char *path, unsigned flags,
	void (*on_change)(struct rota_path_watch *watch, const struct rota_change *change), const char *site)
{
	ROTA_INSIDE();
	char *copy;
	int rc = rota__handle_may_open(&w->handle, loop);

	if (rc < 0)
		return rc;
	if (path == NULL || (flags & ~(unsigned)ROTA_WATCH_RECURSIVE))
		return -EINVAL;
	copy = rota__alloc(strlen(path) + 1);
	if (copy == NULL)
		return -ENOMEM;
	strcpy(copy, path);
	w->path = copy;
	w->flags = flags;
	w->on_change = on_change;
	list_init(spots_of(w));
	rc = rota__hub_enter(loop, w);
	if (rc == 0) {
		rota__handle_open(&w->handle, loop, KIND_watch, site);
		rc = look_at(w);
		if (rc < 0) {
			stop(&w->handle);
			rota__handle_undo(&w->handle);
		}
	}
	if (rc < 0) {
		rota__free(copy);
		return rc;
	}
	rota__handle_hold(&w->handle, true);
	return 0;
}
