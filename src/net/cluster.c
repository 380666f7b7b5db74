/* cluster.c - several processes behind one listening socket
 *
 * Workers find the sockets at the descriptors from FIRST_FD on, and their own number and how many sockets there are in the environment
 * ("2/1").  They are this program run anew rather than forks: a fork of a program with threads and rings is good for nothing. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rota/cluster.h>
#include <rota/conn.h>
#include <rota/file.h>
#include <rota/loop.h>
#include <rota/run.h>
#include <rota/task.h>

#include "io/listener.h"
#include "os/mem.h"

#define NUMBER_IN_ENV "ROTA_CLUSTER_WORKER="

enum { FIRST_FD = 3, DOORS_MAX = 64, COMMAND_LINE_MAX = 1 << 20 };

unsigned rota_cluster_worker(void)
{
	const char *number = getenv("ROTA_CLUSTER_WORKER");

	return number != NULL ? (unsigned)strtoul(number, NULL, 10) : 0;
}

/* How many sockets this worker has been handed, and how many of them it has taken. */
static unsigned handed_over(void)
{
	const char *number = getenv("ROTA_CLUSTER_WORKER"), *slash = number != NULL ? strchr(number, '/') : NULL;

	return slash != NULL ? (unsigned)strtoul(slash + 1, NULL, 10) : 0;
}

static unsigned taken;

/* The next one; -EBADF.  What is at that number otherwise is something of the program's own. */
static int next_fd(void)
{
	return taken < handed_over() ? FIRST_FD + (int)taken : -EBADF;
}

int rota_cluster_listen(
	struct rota_listener **ret_listener, const char *address, const struct rota_listen_options *options)
{
	int fd, rc;

	if (rota_cluster_worker() == 0)
		return rota_tcp_listen(ret_listener, address, options);
	if (rota_loop_current() == NULL)
		return -EPERM;
	fd = next_fd();
	rc = fd < 0 ? fd : rota_listener_from_fd(ret_listener, fd, options);
	if (rc == 0)
		taken++;
	return rc;
}

int rota_cluster_acceptor_open_at(struct rota_loop *loop, struct rota_acceptor *acceptor,
	const struct rota_listen_options *options, void (*on_connection)(struct rota_acceptor *acceptor, int rc),
	const char *site)
{
	int fd, rc;

	if (rota_cluster_worker() == 0)
		return -EPERM;
	fd = next_fd();
	rc = fd < 0 ? fd : rota_acceptor_open_at(loop, acceptor, fd, options, on_connection, site);
	if (rc == 0)
		taken++;
	return rc;
}

/* ---- the first process ---- */

struct cluster {
	struct rota_fd_map map[DOORS_MAX];
	unsigned doors;
	char *line;	   /* of /proc/self/cmdline: the arguments, each with its 0 */
	const char **argv; /* into it */
	struct rota_keep_options keep;
};

struct worker {
	struct cluster *cluster;
	const char **env;
	char number[sizeof NUMBER_IN_ENV + 24];
};

/* The arguments as the system knows them: main() does not tell us. */
static int read_command_line(struct cluster *c)
{
	size_t bytes, count = 0, i = 0;
	void *data;
	int rc = rota_read_file("/proc/self/cmdline", &data, &bytes, COMMAND_LINE_MAX);

	if (rc < 0)
		return rc;
	c->line = data;
	for (size_t at = 0; at < bytes; at++)
		count += c->line[at] == '\0';
	c->argv = rota__alloc((count + 1) * sizeof *c->argv);
	if (c->argv == NULL)
		return -ENOMEM;
	for (size_t at = 0; i < count; at += strlen(c->line + at) + 1)
		c->argv[i++] = c->line + at;
	c->argv[i] = NULL;
	return 0;
}

/* Ours, and its number. */
static int make_env(struct worker *w, unsigned number)
{
	size_t count = 0, i;

	while (environ[count] != NULL)
		count++;
	w->env = rota__alloc((count + 2) * sizeof *w->env);
	if (w->env == NULL)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		w->env[i] = environ[i];
	snprintf(w->number, sizeof w->number, NUMBER_IN_ENV "%u/%u", number, w->cluster->doors);
	w->env[i++] = w->number;
	w->env[i] = NULL;
	return 0;
}

static int keep_worker(void *arg)
{
	struct worker *w = arg;
	const struct rota_command command = {
		.argv = w->cluster->argv,
		.file = "/proc/self/exe",
		.env = w->env,
		.fds = w->cluster->map,
		.fd_count = w->cluster->doors,
		.flags = ROTA_PROCESS_DIES_WITH_US,
	};

	return rota_command_keep(&command, &w->cluster->keep);
}

static int keep_workers(struct cluster *c, struct worker *workers, unsigned count)
{
	struct rota_scope scope;
	int rc = 0, ended;

	for (unsigned i = 0; i < count && rc == 0; i++) {
		workers[i].cluster = c;
		rc = make_env(&workers[i], i + 1);
	}
	rota_scope_open(&scope);
	for (unsigned i = 0; i < count && rc == 0; i++)
		rc = rota_spawn(&scope, keep_worker, &workers[i]);
	ended = rota_scope_join(&scope);
	return rc < 0 ? rc : ended;
}

static int run_cluster(struct cluster *c, unsigned count)
{
	struct worker *workers = rota__alloc_zero(count * sizeof *workers);
	int rc;

	if (workers == NULL)
		return -ENOMEM;
	rc = keep_workers(c, workers, count);
	for (unsigned i = 0; i < count; i++)
		rota__free(workers[i].env);
	rota__free(workers);
	return rc;
}

int rota_cluster_run(struct rota_listener *const *doors, unsigned count, const struct rota_cluster_options *options)
{
	static const struct rota_cluster_options defaults;
	struct cluster c = { .doors = count };
	int rc;

	if (options == NULL)
		options = &defaults;
	if (rota_cluster_worker() > 0)
		return -EPERM;
	if (count > DOORS_MAX || (doors == NULL && count > 0))
		return -EINVAL;
	for (unsigned i = 0; i < count; i++)
		c.map[i] = (struct rota_fd_map){ FIRST_FD + (int)i, doors[i]->fd };
	c.keep = options->keep;
	rc = read_command_line(&c);
	if (rc == 0)
		rc = run_cluster(&c, options->workers != 0 ? options->workers : rota_cpu_count());
	rota__free(c.argv);
	rota__free(c.line);
	return rc;
}
