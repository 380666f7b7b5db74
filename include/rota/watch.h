/* watch.h - files and folders that change: callbacks, and tasks that wait
 *
 * A watch of a folder tells what happens to the entries in it, one of a file what happens to the file.  It follows the thing,
 * not the name: when the path leads to it no more (it was deleted, moved, replaced), that is told as ROTA_CHANGE_VANISHED, and
 * is the last word.  (A folder further up that is moved is not noticed.)
 *
 * With ROTA_WATCH_RECURSIVE folders below are watched too, also those made later.  What was made in one before it
 * could be watched is looked for, and may be told twice.  Links to folders are not followed. */
#ifndef ROTA_WATCH_H
#define ROTA_WATCH_H

#include <rota/base.h>
#include <rota/file.h>
#include <rota/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	ROTA_CHANGE_MADE = 1,	     /* an entry is there: made, linked, or moved here */
	ROTA_CHANGE_GONE = 2,	     /* an entry is there no more: deleted, or moved away */
	ROTA_CHANGE_MOVED = 4,	     /* beside one of those: by a rename; its two halves have the same `pair` */
	ROTA_CHANGE_WRITTEN = 8,     /* the contents, or the size */
	ROTA_CHANGE_COMPLETE = 16,   /* who had it open for writing has closed it */
	ROTA_CHANGE_ATTRIBUTES = 32, /* mode, owner, times, number of links */
	ROTA_CHANGE_FOLDER = 64,     /* beside others: it is about a folder */
	ROTA_CHANGE_VANISHED = 128,  /* the watched path itself; the last change of this watch */
	ROTA_CHANGE_OVERFLOW = 256,  /* some changes are not told, more than there was room for: look for yourself */
};

struct rota_change {
	uint32_t kinds; /* ROTA_CHANGE_*, several at a time */
	uint32_t pair;	/* of a rename; else 0 */
	const char *name; /* below the watched folder, "" for the path itself; lent until the callback, or the next wait */
};

enum { ROTA_WATCH_RECURSIVE = 1 };

/* ---- callbacks ---- */

struct rota_path_watch { /* zero it before the first use */
	struct rota_handle handle;
	void (*on_change)(struct rota_path_watch *watch, const struct rota_change *change); /* private from here on */
	void *spots[2], *link[2];
	char *path;
	uint64_t device, inode;
	uint32_t flags;
};

/* Call on_change(watch, change) for each change from now on.  `path` is copied.  Looks at the folders, once, in this
 * call.  -ENOENT, -EACCES ...; -ENOSPC: the system's limit of watches is reached; -EMFILE. */
#define rota_path_watch_start(loop, watch, path, flags, on_change)                                                          \
	rota_path_watch_start_at((loop), (watch), (path), (flags), (on_change), ROTA_HERE)
ROTA_API int rota_path_watch_start_at(struct rota_loop *loop, struct rota_path_watch *watch, const char *path, unsigned flags,
	void (*on_change)(struct rota_path_watch *watch, const struct rota_change *change), const char *site);

/* Where the system tells nothing (network file systems, /proc): look every `interval_ns`, and call on_change(watch, 0,
 * before, after) when something has changed but the time of reading; with a negative code, once, when it cannot be looked at, and
 * `after` is then NULL; so is `before` when it is back. */
struct rota_file_watch { /* zero it before the first use */
	struct rota_handle handle;
	void (*on_change)(struct rota_file_watch *watch, int rc, const struct rota_file_info *before,
		const struct rota_file_info *after); /* private from here on */
	void *look;
};

/* The first look is made at once, and tells only a failure.  `path` is copied.  -EINVAL: an interval of 0; -ENOMEM. */
#define rota_file_watch_start(loop, watch, path, interval_ns, on_change)                                               \
	rota_file_watch_start_at((loop), (watch), (path), (interval_ns), (on_change), ROTA_HERE)
ROTA_API int rota_file_watch_start_at(struct rota_loop *loop, struct rota_file_watch *watch, const char *path,
	uint64_t interval_ns,
	void (*on_change)(struct rota_file_watch *watch, int rc, const struct rota_file_info *before,
		const struct rota_file_info *after),
	const char *site);

/* ---- tasks ---- */

struct rota_changes;

/* Begin to watch, as rota_path_watch_start(), and keep what changes for rota_changes_next(): up to 1,024 changes.  Its errors; -EPERM: this
 * thread runs no loop, neither of a run nor another; -ENOMEM.  What is opened belongs to that loop. */
ROTA_API int rota_changes_open(struct rota_changes **ret_changes, const char *path, unsigned flags);

/* Wait for the next change.  0; ROTA_ECLOSED after ROTA_CHANGE_VANISHED, or when it is closed meanwhile; -EBUSY: another
 * task waits; -ECANCELED, -ETIMEDOUT; -EPERM outside of tasks. */
ROTA_API int rota_changes_next(struct rota_changes *changes, struct rota_change *ret_change);

/* End it; a task that waits gets ROTA_ECLOSED.  NULL is allowed.  Does not wait. */
ROTA_API void rota_changes_close(struct rota_changes *changes);

/* A task waits until what rota_file_stat() says of `path` differs from *info in more than the time of reading, looking every
 * `interval_ns`; *info is then the new state.  0; -ENOENT and the like if it cannot be looked at any more; -EINVAL: an interval of 0;
 * -ECANCELED, -ETIMEDOUT; -EPERM outside of tasks. */
ROTA_API int rota_file_wait_change(const char *path, uint64_t interval_ns, struct rota_file_info *info);

#ifdef __cplusplus
}
#endif
#endif
