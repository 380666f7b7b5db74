/* chat.c - what one client says, all others hear:  chat [ADDRESS]
 *
 * It asks for one thread, whatever the environment says: so the table needs no lock.  Nobody waits for a
 * slow listener: a write with a deadline of "now" takes what the kernel takes at once, and who is that far
 * behind leaves. */
#include <rota.h>
#include <stdio.h>

enum { SEATS = 1000 };
static struct rota_stream *seats[SEATS];

static void say(struct rota_stream *speaker, const char *line, size_t size)
{
	for (int i = 0; i < SEATS; i++)
		if (seats[i] != NULL && seats[i] != speaker && rota_write_all(seats[i], line, size) < 0)
			rota_shutdown_write(seats[i]);
}

static int serve(void *arg)
{
	struct rota_stream *me = arg;
	char line[1024];
	ssize_t n;
	int seat = 0;

	while (seat < SEATS && seats[seat] != NULL)
		seat++;
	if (seat < SEATS) {
		seats[seat] = me;
		rota_stream_set_deadlines(me, ROTA_FOREVER, ROTA_NOW);
		while ((n = rota_read_until(me, "\n", 1, line, sizeof line)) > 0)
			say(me, line, (size_t)n);
		seats[seat] = NULL;
	}
	rota_close(me);
	return 0;
}

static int app(void *address)
{
	struct rota_listener *door;
	int rc = rota_tcp_listen(&door, address, NULL);

	if (rc < 0)
		return rc;
	printf("chat on %s\n", (char *)address);
	fflush(stdout);
	rc = rota_serve(door, serve);
	rota_listener_close(door);
	return rc == -ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
	char *address = argc > 1 ? argv[1] : (char *)"0.0.0.0:7001";
	int rc = rota_run(app, address, &(struct rota_options){ .model = ROTA_SINGLE });

	if (rc < 0)
		fprintf(stderr, "chat: %s: %s\n", address, rota_strerror(rc));
	return rc < 0;
}
