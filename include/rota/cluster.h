/* cluster.h - programs that are kept running, and several processes behind one listening socket
 *
 *	rc = rota_cluster_listen(&door, "0.0.0.0:7000", NULL);
 *	if (rc == 0)
 *		rc = rota_cluster_worker() > 0 ? rota_serve(door, serve) : rota_cluster_run(&door, 1, NULL);
 *
 * or, where the workers are made of callbacks:
 *
 *	if (rota_cluster_worker() > 0)
 *		rc = rota_cluster_acceptor_open(loop, &door, NULL, on_connection);      and the loop is run
 *	else
 *		rc = rota_run(listen_and_cluster_run, NULL, NULL);                      all that the first process does
 *
 * The first process opens the socket and starts workers: the same program with the same arguments, which inherit
 * the socket.  The system spreads connections over them.  A worker that ends is replaced; connections that wait
 * meanwhile are the others'. */
#ifndef ROTA_CLUSTER_H
#define ROTA_CLUSTER_H

#include <rota/base.h>
#include <rota/conn.h>
#include <rota/net.h>
#include <rota/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a program that is kept running ---- */

struct rota_keep_options { /* zero what you do not need */
	uint64_t pause_ns;     /* before the second start; doubled with each end that comes soon; 0: 100 ms */
	uint64_t pause_ns_max; /* the longest; who lived longer than this starts at pause_ns again; 0: 10 s */
	uint64_t grace_ns;     /* from SIGTERM to SIGKILL, when it is to stop; 0: 10 s */
	/* Told of each start (how is NULL) and end; may send signals, must not close. */
	void (*on_change)(struct rota_process *process, const struct rota_exit *how, void *arg);
	void *arg;
};

/* Start the command, and again whenever it ends, until this task is cancelled: then SIGTERM, and SIGKILL if that does
 * not help in time.  Waits.  -ECANCELED or -ETIMEDOUT, when it has ended; or why it cannot be started at all (-ENOENT,
 * -EACCES ...).  That there is no memory, number or process to be had now is waited out like an early end. */
ROTA_API int rota_command_keep(const struct rota_command *command, const struct rota_keep_options *options);

/* ---- several processes behind one socket ---- */

/* In a worker its number, from 1; in the first process 0.  Any thread, from the start. */
ROTA_API unsigned rota_cluster_worker(void);

/* In the first process as rota_tcp_listen(); in a worker the socket that the first process opened by the same call:
 * so workers make these calls in the same order, `address` must be the same, and is not looked at.
 * -EBADF: the first process has handed over fewer; -EPERM outside of a run.  Called by one thread at a time. */
ROTA_API int rota_cluster_listen(
	struct rota_listener **ret_listener, const char *address, const struct rota_listen_options *options);

/* In a worker with callbacks: the next of those sockets as an acceptor (rota/conn.h).  Errors as rota_acceptor_open() and above; -EPERM in the
 * first process, which accepts nothing. */
#define rota_cluster_acceptor_open(loop, acceptor, options, on_connection)                                             \
	rota_cluster_acceptor_open_at((loop), (acceptor), (options), (on_connection), ROTA_HERE)
ROTA_API int rota_cluster_acceptor_open_at(struct rota_loop *loop, struct rota_acceptor *acceptor,
	const struct rota_listen_options *options, void (*on_connection)(struct rota_acceptor *acceptor, int rc),
	const char *site);

struct rota_cluster_options { /* zero what you do not need */
	unsigned workers;     /* 0: one for each CPU this process may use */
	struct rota_keep_options keep;
};

/* In the first process: start the workers and keep them running until cancelled (SIGTERM, for instance), then stop
 * them gracefully and return -ECANCELED.  `doors` in the order of their listens.  Workers die with the thread that
 * calls this.  Waits.  -EPERM in a worker, and outside of tasks; -EINVAL: more than 64 doors; -ENOENT where there is no /proc, which is asked for the
 * program and its arguments. */
ROTA_API int rota_cluster_run(
	struct rota_listener *const *doors, unsigned count, const struct rota_cluster_options *options);

#ifdef __cplusplus
}
#endif
#endif
