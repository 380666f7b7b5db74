/* hog_echo.c - the echo server on two workers, of which a task keeps one
 *
 *	hog_echo PORT */
#include "hog.h"

#include <rota.h>

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

static int hog(void *arg)
{
	(void)arg;
	while (rota_yield() == 0) {
		hog_compute();
		hog_block();
	}
	return 0;
}

static int app(void *arg)
{
	struct rota_listener *listener;
	char address[128];
	int rc;

	snprintf(address, sizeof address, "127.0.0.1:%s", (const char *)arg);
	rc = rota_tcp_listen(&listener, address, NULL);
	if (rc < 0)
		return rc;
	rota_spawn(rota_detached(), hog, NULL);
	rc = rota_serve(listener, echo);
	rota_listener_close(listener);
	return rc;
}

static void say_nothing(const struct rota_blocked *blocked)
{
	(void)blocked;
}

int main(int argc, char **argv)
{
	struct rota_options options = { .model = ROTA_STEAL, .workers = 2, .on_blocked = say_nothing };

	return rota_run(app, argc > 1 ? argv[1] : "7000", &options) < 0;
}
