/* echo.c - libevent: an event for each connection, and recv and send from one buffer for all
 *
 * Bufferevents would be its ready-made stream, but in 2.1 they read no more than 4 KiB at a time and
 * make two epoll_ctl and an ioctl for each message: 1.5 times the CPU, 6 times for big messages.
 *	echo PORT|/PATH */
#include "../../limits/server.h"

#include <event2/event.h>
#include <event2/listener.h>

struct connection {
	struct event *readable, *writable;
	char *unsent;
	size_t size, done;
};

static char buffer[65536];

static void drop(struct connection *c)
{
	evutil_socket_t fd = event_get_fd(c->readable);

	event_free(c->readable);
	event_free(c->writable);
	close(fd);
	free(c->unsent);
	free(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	ssize_t n = send(fd, c->unsent + c->done, c->size - c->done, MSG_NOSIGNAL);

	(void)what;
	if (n < 0 && errno != EAGAIN) {
		drop(c);
		return;
	}
	c->done += n < 0 ? 0 : (size_t)n;
	if (c->done < c->size)
		return;
	free(c->unsent);
	c->unsent = NULL;
	event_del(c->writable);
	event_add(c->readable, NULL);
}

static void keep_unsent(struct connection *c, const char *data, size_t size)
{
	c->unsent = malloc(size);
	memcpy(c->unsent, data, size);
	c->size = size;
	c->done = 0;
	event_del(c->readable);
	event_add(c->writable, NULL);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	ssize_t n = recv(fd, buffer, sizeof buffer, 0), sent;

	(void)what;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	sent = send(fd, buffer, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		drop(c);
	else if (sent < n)
		keep_unsent(c, buffer + (sent < 0 ? 0 : sent), (size_t)(n - (sent < 0 ? 0 : sent)));
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
	struct sockaddr *address, int size, void *arg)
{
	struct event_base *base = evconnlistener_get_base(listener);
	struct connection *c = calloc(1, sizeof *c);

	(void)address;
	(void)size;
	(void)arg;
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	event_add(c->readable, NULL);
}

int main(int argc, char **argv)
{
	int fd = listen_on(argc > 1 ? argv[1] : "7000");
	struct event_base *base = event_base_new();

	if (evconnlistener_new(base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE, 0, fd) == NULL)
		return 1;
	return event_base_dispatch(base);
}
