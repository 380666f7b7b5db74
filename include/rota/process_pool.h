/* process_pool.h - functions that run in processes of their own
 *
 *	int main(void)
 *	{
 *		rota_process_pool_open(&pool, NULL);              first of all
 *		rc = rota_run(app, NULL, NULL);
 *		rota_process_pool_close(pool);
 *	}
 *
 *	n = rota_process_call(pool, parse, text, size, &answer);     in a task: waits, the loop does not
 *
 * For computing that must not take the program down with it: parsers of foreign formats, plug-ins, work that may
 * have to be stopped in the middle.  Whatever the function does - crash, hang, exit, write where it should not - its
 * caller gets an error, the worker is replaced, and the rest goes on.
 *
 * The workers are forked from a keeper, a process that open() forks while the program is young: one thread, no
 * loop, and of descriptors only stdout and stderr.  So a worker, also one that replaces another hours later, inherits no
 * lock that somebody holds and no ring, and functions have the addresses they have here.  What the program
 * sets up after open() does not exist in the workers: globals have their values of then, and a pointer to a function in a
 * library loaded later crashes; by its name it is found.  A worker has a process group of its own, which is killed with it: what
 * a function has started does not outlive the worker, unless it leaves the group.  A function that forks has its answer from the
 * process that was asked.  Workers ignore SIGINT of a terminal: the program is who stops them. */
#ifndef ROTA_PROCESS_POOL_H
#define ROTA_PROCESS_POOL_H

#include <rota/base.h>
#include <rota/process.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota_process_pool;

/* What a worker calls.  The answer goes to `out`, which has room for *out_bytes; set *out_bytes to what there is.  Its
 * return value is the call's, and without an answer if it is negative.  Writing beyond the room is a crash at once. */
typedef int (*rota_process_fn)(const void *in, size_t in_bytes, void *out, size_t *out_bytes);

struct rota_process_function {
	const char *name; /* NULL: the last one */
	rota_process_fn fn;
};

struct rota_process_pool_options {
	unsigned workers;      /* 0: one for each CPU this process may use; at most 256 */
	size_t answer_bytes_max; /* of one call; 0: 1 MiB */
	const struct rota_process_function *functions; /* for calls by name; borrowed until open() returns; NULL: none */
};

/* Fork the keeper and the workers.  Before any thread is started and outside of a run: -EBUSY otherwise.  `options` is
 * borrowed; NULL is all defaults.  -EINVAL, -ENOMEM, -EMFILE, -EAGAIN. */
ROTA_API int rota_process_pool_open(
	struct rota_process_pool **ret_pool, const struct rota_process_pool_options *options);

struct rota_answer {
	void *data;  /* rota_free(); NULL if there is none */
	size_t bytes;
	struct rota_exit how; /* of the worker, where the answer is ROTA_ECRASHED */
};

/* Call fn in a worker and wait for its answer; calls are served in the order they come.  What fn returned, and its answer
 * in *ret_answer; or, with nothing in it:
 *   ROTA_ECRASHED     the worker ended in the middle; ret_answer->how has the signal or exit code
 *   ROTA_ELIMIT       fn claims more than answer_bytes_max
 *   ROTA_EPROTOCOL    what came from the worker was no answer: fn has written to its socket
 *   -ECANCELED, -ETIMEDOUT   the wait was cut short: the worker was killed, if it had begun
 *   -EPIPE            the keeper is gone (somebody killed it): the pool is of no more use
 *   -EPERM            not in a task
 *   -EINVAL           fn or ret_answer is NULL
 *   -ENOMEM, -EMFILE, -EAGAIN (no process can be made) ...
 * A limit of time is that of the scope: rota_timeout(), or a scope with a deadline. */
ROTA_API int rota_process_call(struct rota_process_pool *pool, rota_process_fn fn, const void *in, size_t in_bytes,
	struct rota_answer *ret_answer);

/* The same of a function by its name: one of options.functions, or "library:function", where the worker loads the library as
 * dlopen(3) finds it: so that plug-ins need not be loaded into the program at all.  -ENOENT: there is none of that name (or fn said
 * so); -EINVAL: it is empty, or longer than 4096 bytes. */
ROTA_API int rota_process_call_named(struct rota_process_pool *pool, const char *name, const void *in, size_t in_bytes,
	struct rota_answer *ret_answer);

struct rota_process_pool_stats {
	unsigned workers, idle;
	uint64_t calls, replaced; /* begun; workers that crashed or were killed */
};

/* How it is doing.  Any thread. */
ROTA_API void rota_process_pool_stats(struct rota_process_pool *pool, struct rota_process_pool_stats *ret_stats);

/* Kill the workers and give everything back.  Nobody may be calling any more.  NULL is allowed.  Blocks the thread
 * for a few milliseconds, until the keeper has reaped them: there are no zombies. */
ROTA_API void rota_process_pool_close(struct rota_process_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
