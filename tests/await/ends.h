/* ends.h - two streams that are each other's peer, of each kind there is */
#ifndef ROTA_TESTS_AWAIT_ENDS_H
#define ROTA_TESTS_AWAIT_ENDS_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "task/run.h"

enum kind { UNIX_PAIR, TCP_PAIR, TCP_UNASKED /* bytes come before they are asked for, where the poller can */, PIPE, KINDS };

struct ends {
	struct rota_stream *in, *out; /* what goes into `out` comes from `in`; pipes: nothing the other way */
};

/* Left to itself the system gives a connection that is slow to read room for megabytes. */
static inline void ends_narrow(const struct rota_stream *stream)
{
	int bytes = 65536, fd = rota_stream_fd(stream);

	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
}

static inline void ends_tcp(struct ends *ends)
{
	struct rota_listener *listener;
	char name[64];

	CHECK_EQ(rota_tcp_listen(&listener, "127.0.0.1:0", NULL), 0);
	rota_listener_name(listener, name, sizeof name);
	CHECK_EQ(rota_tcp_connect(&ends->out, name, NULL), 0);
	CHECK_EQ(rota_accept(listener, &ends->in), 0);
	rota_listener_close(listener);
	ends_narrow(ends->in);
	ends_narrow(ends->out);
}

/* Lease what comes next and return it at once: the count, or an error.  A task, too. */
static inline int take_lease(void *stream)
{
	struct rota_lease lease;
	ssize_t n = rota_read_lease(stream, &lease);

	if (n > 0)
		rota_lease_return(&lease);
	return (int)n;
}

/* Who leases again and again is brought more. */
static inline void ends_unasked(struct ends *ends)
{
	ends_tcp(ends);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(rota_write_all(ends->out, "x", 1), 1);
		CHECK_EQ(take_lease(ends->in), 1);
	}
}

static inline void ends_pipe(struct ends *ends)
{
	int fds[2];

	CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
	CHECK_EQ(rota_stream_from_fd(&ends->in, fds[0]), 0);
	CHECK_EQ(rota_stream_from_fd(&ends->out, fds[1]), 0);
}

static inline struct ends ends_open(enum kind kind)
{
	struct rota_stream *pair[2];
	struct ends ends;

	if (kind == TCP_PAIR) {
		ends_tcp(&ends);
	} else if (kind == TCP_UNASKED) {
		ends_unasked(&ends);
	} else if (kind == PIPE) {
		ends_pipe(&ends);
	} else {
		CHECK_EQ(rota_stream_pair(pair), 0);
		ends = (struct ends){ pair[0], pair[1] };
	}
	return ends;
}

static inline void ends_close(struct ends *ends)
{
	rota_close(ends->in);
	rota_close(ends->out);
}

/* EACH_KIND(name) { ... }: a test with `ends` open, once for each kind of stream. */
#define EACH_KIND(name)                                                                            \
	static void name##_with(struct ends ends, enum kind kind);                                 \
	TASK_TEST(name)                                                                            \
	{                                                                                          \
		for (int kind = 0; kind < KINDS; kind++) {                                         \
			struct ends ends = ends_open(kind);                                        \
                                                                                                   \
			name##_with(ends, kind);                                                   \
		}                                                                                  \
	}                                                                                          \
	static void name##_with(struct ends ends, enum kind kind)

/* The end of what comes from `out`: a half close where there is one. */
static inline void ends_finish(struct ends *ends, enum kind kind)
{
	if (kind != PIPE) {
		CHECK_EQ(rota_shutdown_write(ends->out), 0);
		return;
	}
	rota_close(ends->out);
	ends->out = NULL;
}

static inline void put(struct ends *ends, const char *text)
{
	CHECK_EQ(rota_write_all(ends->out, text, strlen(text)), (long long)strlen(text));
}

/* A stretch of bytes in which each place tells itself. */
static inline char pattern(uint64_t place)
{
	return (char)(place ^ place >> 8 ^ place >> 16);
}

static inline void fill_pattern(char *buf, size_t size, uint64_t place)
{
	for (size_t i = 0; i < size; i++)
		buf[i] = pattern(place + i);
}

static inline void check_pattern(const char *buf, size_t size, uint64_t place)
{
	for (size_t i = 0; i < size; i++)
		if (buf[i] != pattern(place + i))
			test_fail(__FILE__, __LINE__, "byte %llu is wrong", (unsigned long long)(place + i));
}

#endif
