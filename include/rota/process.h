/* process.h - other programs: start them, talk to them, learn how they ended
 *
 *	struct rota_output output;
 *	struct rota_command list = { .argv = (const char *[]){ "ls", "-l", NULL } };
 *
 *	rc = rota_command_output(&list, NULL, 0, 1 << 20, &output);
 *
 * runs a program to its end.  One that lives longer is a struct rota_process:
 *
 *   rota_process_start() --> RUNNING --it ends--> ENDED --rota_process_close()--> freed
 *                               \--rota_process_close(): killed--> freed when it has ended
 *
 * so a process does not outlive its handle, unless it is ROTA_PROCESS_DETACHED, and none becomes a zombie.
 *
 * The child has the descriptors that the command names and no others; no signal is blocked or ignored in
 * it.  A program that cannot be run (-ENOENT, -EACCES, -ENOEXEC ...) is an error of the start itself.
 * Starting one takes the thread until the system has loaded it, some tenths of a millisecond.
 *
 * Calls with a loop's callback belong to its thread; those that wait are for tasks. */
#ifndef ROTA_PROCESS_H
#define ROTA_PROCESS_H

#include <rota/base.h>
#include <rota/loop.h>
#include <rota/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rota_stdio_kind {
	ROTA_STDIO_INHERIT, /* ours */
	ROTA_STDIO_NULL,    /* /dev/null */
	ROTA_STDIO_PIPE,    /* a pipe to us: rota_process_stdin() and its brothers */
	ROTA_STDIO_FD,	    /* `fd` of ours, which stays ours */
	ROTA_STDIO_CLOSED,  /* none; few programs expect that */
};

struct rota_stdio {
	enum rota_stdio_kind kind;
	int fd; /* ROTA_STDIO_FD only; for `err`, 1 is the child's own stdout, as in 2>&1 */
};

struct rota_fd_map {
	int child_fd; /* 3 and up, each once, below 1,024 */
	int fd;	      /* of ours, which stays ours */
};

enum {
	ROTA_PROCESS_DETACHED = 1, /* a session of its own, which goes on when the handle is closed */
	ROTA_PROCESS_SET_UID = 2,
	ROTA_PROCESS_SET_GID = 4,
	/* SIGKILL for it when the thread that started it ends, also by a crash.  (A program that changes its
	 * user or group, sudo for one, shakes this off.) */
	ROTA_PROCESS_DIES_WITH_US = 8,
};

struct rota_command { /* zero what you do not need */
	const char *const *argv; /* ends with NULL; argv[0] is the name it is told */
	/* The program: with a '/' a path, seen from `folder`; else sought in the PATH of `env`.  NULL: argv[0]. */
	const char *file;
	const char *const *env; /* "NAME=value", ends with NULL; NULL: ours */
	const char *folder;	/* to run in; NULL: ours */
	struct rota_stdio in, out, err;
	const struct rota_fd_map *fds; /* more descriptors */
	size_t fd_count;
	uint32_t flags;	   /* ROTA_PROCESS_* */
	uint32_t uid, gid; /* with ROTA_PROCESS_SET_UID, _SET_GID; the other groups are given up */
};

struct rota_exit {
	int code;   /* of exit(3); -1 if it was killed */
	int signal; /* that killed it; 0 if it exited */
	bool core;  /* a core file was written */
	bool lost;  /* somebody else has waited for it (SIGCHLD ignored, waitpid(-1)): nothing is known */
	uint64_t user_ns, system_ns; /* CPU time of it and the children it waited for */
	uint64_t memory_bytes_max;   /* the most that was resident */
};

struct rota_process;

/* ---- starting ---- */

/* Start it.  `command` is borrowed.  Does not wait.  Errors: the system's, of the program (see above) or of
 * what is set up for it: -ENOENT also for the folder, -EPERM for a uid, -EBADF for a descriptor, -EINVAL for a
 * child_fd twice or out of range, for a kind or a flag that does not exist and for no argv[0], -EAGAIN, -ENOMEM, -EMFILE; -EPERM outside of a run. */
#define rota_process_start(ret_process, ...) rota_process_start_at((ret_process), __VA_ARGS__, ROTA_HERE)
ROTA_API int rota_process_start_at(
	struct rota_process **ret_process, const struct rota_command *command, const char *site);

typedef void (*rota_exit_fn)(struct rota_process *process, const struct rota_exit *how, void *arg);

/* The same on a loop: fn(process, how, arg) is called once when it has ended, never inside this call; not
 * after a close.  fn may close the process.  A running process keeps the loop alive (see rota_process_unref()).  -EPERM: the loop is another thread's. */
#define rota_process_start_on(loop, ret_process, ...) \
	rota_process_start_on_at((loop), (ret_process), __VA_ARGS__, ROTA_HERE)
ROTA_API int rota_process_start_on_at(struct rota_loop *loop, struct rota_process **ret_process,
	const struct rota_command *command, rota_exit_fn fn, void *arg, const char *site);

/* A running process keeps its loop alive, unless it is unreferenced; any number of times.  Closing one references it; the end of a
 * rota_run() closes those that are left.  On the loop's thread. */
ROTA_API void rota_process_ref(struct rota_process *process);
ROTA_API void rota_process_unref(struct rota_process *process);
ROTA_API bool rota_process_has_ref(const struct rota_process *process);

/* ---- while it runs ---- */

/* Wait for its end: 0, *ret_exit (may be NULL) says how; as often as one likes, by as many tasks.
 * -ECANCELED, -ETIMEDOUT: the wait was cut short, the process goes on; ROTA_ECLOSED: it was closed meanwhile. */
ROTA_API int rota_process_wait(struct rota_process *process, struct rota_exit *ret_exit);

/* Send it a signal.  -ESRCH: it has ended; -EINVAL; never reaches another process that got its number.
 * Any thread. */
ROTA_API int rota_process_kill(struct rota_process *process, int signo);

/* Its number, which the system may give to another once it has ended. */
ROTA_API pid_t rota_process_pid(const struct rota_process *process);

/* Our end of what is ROTA_STDIO_PIPE, else NULL.  It is the process's, and closed with it. */
ROTA_API struct rota_stream *rota_process_stdin(struct rota_process *process);
ROTA_API struct rota_stream *rota_process_stdout(struct rota_process *process);
ROTA_API struct rota_stream *rota_process_stderr(struct rota_process *process);

/* No more input: it sees the end of its stdin. */
ROTA_API void rota_process_close_stdin(struct rota_process *process);

/* Our end of its descriptor 0, 1 or 2 as a descriptor of yours, for other faces than streams; non-blocking.  The
 * stream is gone then.  -EBADF: there is none; -EMFILE. */
ROTA_API int rota_process_take_fd(struct rota_process *process, int child_fd);

/* Give the handle up.  One that still runs is killed (SIGKILL) and its remains are taken away, unless it
 * is ROTA_PROCESS_DETACHED: that goes on, and its remains are taken away at the next start or close
 * of any process.  Streams are closed.  Tasks that wait for it get ROTA_ECLOSED.  NULL is allowed.  Does not
 * wait: but the loop lives until a killed one has ended. */
ROTA_API void rota_process_close(struct rota_process *process);

/* ---- to the end ---- */

struct rota_output { /* each followed by a 0 byte that does not count; yours: rota_output_free() */
	char *out, *err;
	size_t out_bytes, err_bytes;
	struct rota_exit exit;
};

/* Run it with `input` on its stdin (NULL: /dev/null), and collect what it writes to stdout and stderr (unless the
 * command sends them elsewhere), up to `bytes_max` of each.  0 when it has ended, well or not: *ret_output tells.
 * ROTA_ELIMIT, -ECANCELED, -ETIMEDOUT: it was killed.  Errors as rota_process_start().  It is over, whatever
 * the answer, when this returns.  A descendant that outlives it and keeps its stdout delays this. */
ROTA_API int rota_command_output(const struct rota_command *command, const void *input, size_t input_bytes,
	size_t bytes_max, struct rota_output *ret_output);
ROTA_API void rota_output_free(struct rota_output *output);

#ifdef __cplusplus
}
#endif
#endif
