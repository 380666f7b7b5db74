/* tty.h - terminals: keys as they are pressed, and how large the window is
 *
 *	int fd = rota_tty_open(0);
 *
 *	rota_tty_set_mode(fd, ROTA_TTY_RAW);
 *	rota_conn_open(loop, &conn, fd);          or, for tasks, rota_stream_from_fd(&stream, fd)
 *
 * A terminal is read and written as any connection or stream.  Whatever mode it was set to, it has its former one back when
 * the process ends: by exit(), and by the signals that end a process and that nobody else handles (SIGINT, SIGTERM, SIGHUP,
 * SIGQUIT, SIGABRT, SIGSEGV and other faults); not by _exit() and SIGKILL. */
#ifndef ROTA_TTY_H
#define ROTA_TTY_H

#include <rota/base.h>
#include <rota/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A descriptor of its own for the terminal that `fd` is: it can be non-blocking, as connections and streams make it, while
 * `fd`, and all processes that share it, go on as they were.  The other side of a pseudo-terminal is only duplicated.  It is yours to
 * close, and close-on-exec.  -ENOTTY: it is no terminal; -EBADF; -EMFILE, -ENFILE; -ENOENT where there is no /proc; -EACCES, -EPERM: the system lets nobody open
 * it again.  Any thread.  Does not wait. */
ROTA_API int rota_tty_open(int fd);

enum rota_tty_mode {
	ROTA_TTY_NORMAL, /* as it was found */
	ROTA_TTY_RAW,	 /* keys come one by one and are not shown; Ctrl-C is a key; "\n" still begins a line */
	ROTA_TTY_BINARY, /* and nothing that is written is changed either */
};

/* Any thread.  Up to 8 terminals may be changed at a time: -ENOSPC.  -ENOTTY, -EINVAL.  Does not wait: output that is on
 * its way may be shown in the new mode.  A process in the background changes it as well, and is not stopped for it. */
ROTA_API int rota_tty_set_mode(int fd, enum rota_tty_mode mode);

/* Give all terminals their former modes now.  Any thread, async-signal-safe. */
ROTA_API void rota_tty_reset(void);

struct rota_tty_size {
	unsigned columns, rows;
};

/* -ENOTTY.  Any thread. */
ROTA_API int rota_tty_get_size(int fd, struct rota_tty_size *ret_size);

/* A task waits until the size differs from *size, which is then the new one.  Only the terminal that controls the process tells of its
 * changes (SIGWINCH).  0, -ENOTTY, -EBADF, -ECANCELED, -ETIMEDOUT; -EPERM outside of tasks. */
ROTA_API int rota_tty_wait_resize(int fd, struct rota_tty_size *size);

/* ---- callbacks ---- */

struct rota_tty_watch { /* zero it before the first use */
	struct rota_handle handle;
	struct rota_tty_size size; /* to be read */
	uint64_t watch[10];	   /* private from here on */
	void (*on_resize)(struct rota_tty_watch *watch, const struct rota_tty_size *size);
	int fd;
};

/* Call on_resize(watch, size) whenever the size of the terminal has changed, until the handle is closed.  Keeps `fd`, which stays the caller's.
 * Keeps the loop alive, unless it is unreferenced.  -ENOTTY. */
#define rota_tty_watch_open(loop, watch, fd, on_resize) rota_tty_watch_open_at((loop), (watch), (fd), (on_resize), ROTA_HERE)
ROTA_API int rota_tty_watch_open_at(struct rota_loop *loop, struct rota_tty_watch *watch, int fd,
	void (*on_resize)(struct rota_tty_watch *watch, const struct rota_tty_size *size), const char *site);

#ifdef __cplusplus
}
#endif
#endif
