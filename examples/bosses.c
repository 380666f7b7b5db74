/* bosses.c - a boss accepts, workers serve: an echo server that says which worker it is:  bosses [ADDRESS]
 *
 * ROTA_MODEL=group ROTA_BOSSES=1 ROTA_WORKERS=4 ROTA_DEAL=least ./bosses
 * Under ROTA_MODEL=single or steal it is the same program without a boss. */
#include <rota.h>
#include <stdio.h>

static int serve(void *arg)
{
	struct rota_stream *peer = arg;
	char buf[4096];
	int size = snprintf(buf, sizeof buf, "worker %u\n", rota_worker_number());
	ssize_t n = rota_write_all(peer, buf, (size_t)size);

	while (n >= 0 && (n = rota_read(peer, buf, sizeof buf)) > 0)
		n = rota_write_all(peer, buf, (size_t)n);
	rota_close(peer);
	return (int)n;
}

static int app(void *address)
{
	struct rota_listener *door;
	int rc = rota_tcp_listen(&door, address, &(struct rota_listen_options){ .connections_max = 1000 });

	if (rc < 0)
		return rc;
	printf("echo on %s: %s, %u bosses, %u workers\n", (char *)address, rota_model_name(), rota_boss_count(),
		rota_worker_count());
	fflush(stdout);
	rc = rota_serve(door, serve);
	rota_listener_close(door);
	return rc == -ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
	char *address = argc > 1 ? argv[1] : (char *)"0.0.0.0:7000";
	int rc = rota_run(app, address, NULL);

	if (rc < 0)
		fprintf(stderr, "bosses: %s: %s\n", address, rota_strerror(rc));
	return rc < 0;
}
