/* cluster.c - an echo server in several processes that share one socket:  cluster [ADDRESS [PROCESSES]]
 *
 * Each connection is greeted with the number of the process that has it.  A process that dies takes only its own
 * connections with it, and is replaced. */
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int serve(void *arg)
{
	struct rota_stream *peer = arg;
	char buf[16384];
	ssize_t n = snprintf(buf, sizeof buf, "%d\n", (int)getpid());

	do
		n = rota_write_all(peer, buf, (size_t)n);
	while (n >= 0 && (n = rota_read(peer, buf, sizeof buf)) > 0);
	rota_close(peer);
	return (int)n;
}

static int app(void *arg)
{
	char **argv = arg;
	const char *address = argv[1] != NULL ? argv[1] : "0.0.0.0:7002";
	struct rota_cluster_options options = { .workers = argv[1] && argv[2] ? (unsigned)atoi(argv[2]) : 0 };
	struct rota_listener *door;
	int rc = rota_cluster_listen(&door, address, NULL);

	if (rc < 0)
		return rc;
	if (rota_cluster_worker() > 0) {
		rc = rota_serve(door, serve);
	} else {
		printf("cluster on %s\n", address);
		fflush(stdout);
		rc = rota_cluster_run(&door, 1, &options);
	}
	rota_listener_close(door);
	return rc == -ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
	int rc = rota_run(app, argv, NULL);

	if (rc < 0)
		fprintf(stderr, "cluster: %s\n", rota_strerror(rc));
	return rc < 0;
}
