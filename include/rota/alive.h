/* alive.h - why a loop goes on: all that keeps it alive, and where that was asked for
 *
 *	static void show(const struct rota_alive *what, void *arg)
 *	{
 *		if (what->referenced)
 *			fprintf(stderr, "%s of %s\n", what->kind, what->site);
 *	}
 *
 *	rota_loop_each_alive(loop, show, NULL);
 *
 * prints "conn of chat.c:12", "timeout of chat.c:40" ... for a program that does not end, or has more of something than it should. */
#ifndef ROTA_ALIVE_H
#define ROTA_ALIVE_H

#include <rota/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_handle;

/* One reason.  Lent until the call returns, as all that it points to. */
struct rota_alive {
	/* A handle's kind ("conn", "watch" ...), or "timer", "timeout", "interval", "immediate", "idle", "prepare", "check", "request",
	 * "process", "promise sleep", "promise sender", "promise blocking", "post", "tick", "microtask", "promise".  Constant. */
	const char *kind;
	/* Where it was opened, started or asked for: "chat.c:12".  Never NULL: "nowhere", of what brings its own memory to each call (posts,
	 * ticks, microtasks). */
	const char *site;
	const char *name; /* what it is about, where it has a name: the path of a watch, the name of a promise; else NULL */
	void (*fn)(void); /* what will be called; NULL: of several functions one, or none of the program's */
	struct rota_handle *handle; /* NULL: it is none */
	int fd;			    /* its descriptor; -1: it has none of its own */
	pid_t pid;		    /* of a process; else 0 */
	bool referenced;	    /* it keeps the loop alive; else it only would */
	bool closing;		    /* a handle that has been closed, whose on_close is to come */
};

typedef void (*rota_alive_fn)(const struct rota_alive *what, void *arg);

/* Call fn(what, arg) for each thing that `loop` (NULL: this thread's) waits for, those that are unreferenced included: how many are
 * referenced, or -EPERM.  Handles come in the order of opening, only those that wait for something or are being closed; see
 * rota_loop_each_handle() for the others.  Does not wait, allocates nothing.
 *
 * fn may make no call that opens, closes, starts, stops, references or cancels anything of this loop: it may note what it is shown, the handle
 * above all, and the caller act on that afterwards.
 *
 * Posts may be the library's own: something listed above has ended on another thread.  Not listed are tasks, which keep a rota_run() going, and
 * what they wait for. */
ROTA_API int rota_loop_each_alive(struct rota_loop *loop, rota_alive_fn fn, void *arg);

#ifdef __cplusplus
}
#endif
#endif
