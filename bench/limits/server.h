/* server.h - what the hand-written servers share: a listening socket, and the fixed HTTP answer */
#ifndef BENCH_LIMITS_SERVER_H
#define BENCH_LIMITS_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static inline int bind_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	unlink(path);
	return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* Accepted sockets inherit TCP_NODELAY. */
static inline int bind_tcp(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

	address.sin_port = htons((uint16_t)atoi(port));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* A port of 127.0.0.1, or the path of a Unix socket. */
static inline int listen_on(const char *where)
{
	int fd = where[0] == '/' ? bind_unix(where) : bind_tcp(where);

	if (fd < 0 || listen(fd, 4096) < 0) {
		perror(where);
		exit(1);
	}
	return fd;
}

/* The microseconds to look again before sleeping. */
static inline uint64_t spin_ns(void)
{
	const char *us = getenv("SPIN");

	return us != NULL ? strtoull(us, NULL, 10) * 1000 : 0;
}

#define HTTP_ANSWER                                                                                \
	"HTTP/1.1 200 OK\r\n"                                                                      \
	"Content-Type: text/plain\r\n"                                                             \
	"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"                                                  \
	"Content-Length: 13\r\n"                                                                   \
	"\r\n"                                                                                     \
	"Hello, World!"

enum { HTTP_ANSWER_BYTES = sizeof HTTP_ANSWER - 1, HTTP_PIPELINED_MAX = 512 };

/* HTTP_PIPELINED_MAX answers, one behind the other. */
static inline const char *http_answers(void)
{
	static char all[HTTP_PIPELINED_MAX * HTTP_ANSWER_BYTES];

	if (all[0] == 0)
		for (size_t i = 0; i < HTTP_PIPELINED_MAX; i++)
			memcpy(all + i * HTTP_ANSWER_BYTES, HTTP_ANSWER, HTTP_ANSWER_BYTES);
	return all;
}

/* How many request heads end in p[0 .. n); *seen is how much of "\r\n\r\n" the bytes before had.
 * Requests without a body only. */
static inline size_t http_requests(unsigned *seen, const char *p, size_t n)
{
	const char *end = p + n;
	size_t count = 0;
	unsigned s = *seen;

	while (p < end && count < HTTP_PIPELINED_MAX) {
		char c;

		if (s == 0) {
			p = memchr(p, '\r', (size_t)(end - p));
			if (p == NULL)
				break;
		}
		c = *p++;
		if (c == "\r\n\r\n"[s])
			s++;
		else
			s = c == '\r';
		if (s == 4) {
			s = 0;
			count++;
		}
	}
	*seen = s;
	return count;
}

#endif
