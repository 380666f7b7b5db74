/* graceful.c - a server that ends well when SIGTERM asks it to:  graceful [ADDRESS]
 *
 * A request is a line, and so is its answer: the same, as it comes.  A connection between two requests is closed at once; a request that has
 * begun is finished, in a shield.  ROTA_DRAIN_MS (20 s) is the most that may take: then who is not done is named on stderr, and
 * cut off. */
#include <rota.h>
#include <stdio.h>

struct request {
	struct rota_stream *peer;
	char text[4096];
	ssize_t size;
};

/* Give back what has come, up to the end of the line. */
static int answer(void *arg)
{
	struct request *r = arg;

	while (r->size > 0 && (r->size = rota_write_all(r->peer, r->text, (size_t)r->size)) > 0) {
		if (r->text[r->size - 1] == '\n')
			return 1;
		r->size = rota_read(r->peer, r->text, sizeof r->text);
	}
	return (int)r->size;
}

static int serve(void *peer)
{
	struct request r = { .peer = peer };

	do
		r.size = rota_read(peer, r.text, sizeof r.text);
	while (r.size > 0 && rota_shield(ROTA_FOREVER, answer, &r) > 0);
	rota_close(peer);
	return (int)r.size;
}

static int close_door(void *door)
{
	rota_sleep(ROTA_FOREVER); /* until SIGTERM: nobody else is let in */
	rota_listener_close(door);
	return 0;
}

static int accept_all(void *door)
{
	int rc = rota_serve(door, serve); /* until SIGTERM, and then until the last connection has ended */

	return rc == ROTA_ECLOSED ? 0 : rc; /* the door may be closed first */
}

static int app(void *address)
{
	struct rota_listener *door;
	struct rota_scope scope;
	int rc = rota_tcp_listen(&door, address, NULL);

	if (rc < 0)
		return rc;
	printf("serving on %s, %s\n", (char *)address, rota_model_name());
	fflush(stdout);
	rota_scope_open(&scope);
	rota_spawn(&scope, accept_all, door);
	rota_spawn(&scope, close_door, door);
	rc = rota_scope_join(&scope);
	puts("all is done");
	return rc == -ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
	return rota_run(app, argc > 1 ? argv[1] : (char *)"0.0.0.0:7000", NULL) < 0;
}
