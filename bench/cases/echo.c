/* echo.c - a task for each connection; what is read lies in a buffer of the loop, so that a connection
 * that waits holds none
 *
 *	echo PORT|/PATH */
#include <rota.h>
#include <stdio.h>

static int echo(void *arg)
{
	struct rota_stream *stream = arg;
	struct rota_lease lease;
	ssize_t n;

	while ((n = rota_read_lease(stream, &lease)) > 0) {
		n = rota_write_all(stream, lease.data, lease.size);
		rota_lease_return(&lease);
		if (n < 0)
			break;
	}
	rota_close(stream);
	return 0;
}

static int app(void *arg)
{
	const char *where = arg;
	struct rota_listener *listener;
	char address[128];
	int rc;

	snprintf(address, sizeof address, "%s%s", where[0] == '/' ? "unix:" : "127.0.0.1:", where);
	rc = rota_tcp_listen(&listener, address, NULL);
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", address, rota_strerror(rc));
		return rc;
	}
	rc = rota_serve(listener, echo);
	rota_listener_close(listener);
	return rc;
}

int main(int argc, char **argv)
{
	return rota_run(app, argc > 1 ? argv[1] : "7000", NULL) < 0;
}
