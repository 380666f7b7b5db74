/* echo_epoll.c - one thread, level-triggered epoll, one recv and one send for each readiness
 *
 * With HTTP defined: the fixed answer to every request head instead of the echo.
 *
 *	echo_epoll PORT|/PATH		SPIN=microseconds: look again for so long before sleeping */
#include "server.h"

#include <stdbool.h>
#include <sys/epoll.h>

enum { BUFFER = 65536, EVENTS = 512 };

struct connection {
	int fd;
	unsigned seen;	   /* HTTP: how much of the end of a head */
	char *unsent;	   /* what the socket did not take, NULL most of the time */
	size_t size, done; /* of it */
};

static int epoll_fd;
static char buffer[BUFFER];

static void drop(struct connection *c)
{
	close(c->fd);
	free(c->unsent);
	free(c);
}

static void wait_for(struct connection *c, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = c };

	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static bool answer(struct connection *c, const char *data, size_t size)
{
	ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);

	if (n == (ssize_t)size)
		return true;
	if (n < 0 && errno != EAGAIN)
		return false;
	n = n < 0 ? 0 : n;
	c->size = size - (size_t)n;
	c->done = 0;
	c->unsent = malloc(c->size);
	memcpy(c->unsent, data + n, c->size);
	wait_for(c, EPOLLOUT); /* and do not read until it is gone */
	return true;
}

static void writable(struct connection *c)
{
	ssize_t n = send(c->fd, c->unsent + c->done, c->size - c->done, MSG_NOSIGNAL);

	if (n < 0) {
		if (errno != EAGAIN)
			drop(c);
		return;
	}
	c->done += (size_t)n;
	if (c->done == c->size) {
		free(c->unsent);
		c->unsent = NULL;
		wait_for(c, EPOLLIN);
	}
}

static void readable(struct connection *c)
{
	ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
	const char *data = buffer;
	size_t size = n < 0 ? 0 : (size_t)n;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
#ifdef HTTP
	data = http_answers();
	size = http_requests(&c->seen, buffer, size) * HTTP_ANSWER_BYTES;
#endif
	if (size > 0 && !answer(c, data, size))
		drop(c);
}

static void accept_all(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct connection *c = calloc(1, sizeof *c);
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

		c->fd = fd;
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
	}
}

static int wait_spinning(struct epoll_event *events, uint64_t spin)
{
	uint64_t until = spin > 0 ? clock_ns() + spin : 0;
	int n;

	while (spin > 0 && clock_ns() < until)
		if ((n = epoll_wait(epoll_fd, events, EVENTS, 0)) > 0)
			return n;
	return epoll_wait(epoll_fd, events, EVENTS, -1);
}

int main(int argc, char **argv)
{
	int listener = listen_on(argc > 1 ? argv[1] : "7000");
	struct epoll_event event = { .events = EPOLLIN }, events[EVENTS];
	uint64_t spin = spin_ns();

	epoll_fd = epoll_create1(0);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int n = wait_spinning(events, spin);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c == NULL)
				accept_all(listener);
			else if (c->unsent != NULL)
				writable(c);
			else
				readable(c);
		}
	}
}
