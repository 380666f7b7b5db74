/* proxy.c - forwards connections, both directions at once:  proxy LISTEN UPSTREAM */
#include <rota.h>
#include <stdio.h>

static int forward(struct rota_stream *client, void *upstream)
{
	struct rota_connect_options patience = { .timeout_ns = ROTA_SECONDS(5) };
	struct rota_stream *server;
	int rc = rota_tcp_connect(&server, upstream, &patience);

	if (rc == 0) {
		rc = rota_copy_both(client, server, NULL); /* passes half closes on */
		rota_close(server);
	}
	if (rc < 0 && rc != -ECANCELED)
		fprintf(stderr, "proxy: %s: %s\n", (char *)upstream, rota_strerror(rc));
	rota_close(client);
	return rc;
}

static int app(void *arg)
{
	char **args = arg;
	struct rota_listener *door;
	int rc = rota_tcp_listen(&door, args[1], NULL);

	if (rc < 0) {
		fprintf(stderr, "proxy: %s: %s\n", args[1], rota_strerror(rc));
		return rc;
	}
	printf("proxy on %s to %s\n", args[1], args[2]);
	fflush(stdout);
	rc = rota_serve_with(door, forward, args[2]);
	rota_listener_close(door);
	return rc == -ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: proxy LISTEN UPSTREAM   (127.0.0.1:8080, unix:/run/x ...)\n");
		return 2;
	}
	return rota_run(app, argv, NULL) < 0;
}
