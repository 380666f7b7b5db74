/* echo.c - a TCP echo server, a task for each connection:  echo [ADDRESS] */
#include <rota.h>
#include <stdio.h>

static int serve(void *arg)
{
	struct rota_stream *peer = arg;
	char buf[16384];
	ssize_t n;

	while ((n = rota_read(peer, buf, sizeof buf)) > 0)
		if ((n = rota_write_all(peer, buf, (size_t)n)) < 0)
			break;
	rota_close(peer);
	return (int)n;
}

static int app(void *address)
{
	struct rota_listener *door;
	int rc = rota_tcp_listen(&door, address, NULL);

	if (rc < 0)
		return rc;
	printf("echo on %s\n", (char *)address);
	fflush(stdout);
	rc = rota_serve(door, serve); /* accept for ever, spawn serve() for each, until cancelled */
	rota_listener_close(door);
	return rc == -ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
	char *address = argc > 1 ? argv[1] : (char *)"0.0.0.0:7000";
	int rc = rota_run(app, address, NULL);

	if (rc < 0)
		fprintf(stderr, "echo: %s: %s\n", address, rota_strerror(rc));
	return rc < 0;
}
