/* dead.h - an address that never answers: a listener that nobody accepts from, and whose backlog is full
 *
 * Linux then drops further requests to connect, without a word to those who make them. */
#ifndef ROTA_TESTS_NET_DEAD_H
#define ROTA_TESTS_NET_DEAD_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "task/run.h"

struct dead {
	int listener, visitor;
	int port;
	struct rota_address address;
	char text[32];
};

static inline struct dead dead_open(void)
{
	struct dead dead = { .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
		.visitor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	struct pollfd arrived = { .fd = dead.listener, .events = POLLIN };
	struct sockaddr *sa = (struct sockaddr *)&dead.address.storage;

	CHECK_EQ(rota_address_parse(&dead.address, "127.0.0.1:0"), 0);
	CHECK_EQ(bind(dead.listener, sa, dead.address.size), 0);
	CHECK_EQ(listen(dead.listener, 0), 0); /* room for one */
	CHECK_EQ(getsockname(dead.listener, sa, &dead.address.size), 0);
	CHECK_EQ(connect(dead.visitor, sa, dead.address.size), 0);
	CHECK_EQ(poll(&arrived, 1, -1), 1); /* it is in the backlog */
	dead.port = ntohs(((struct sockaddr_in *)sa)->sin_port);
	rota_address_name(&dead.address, dead.text, sizeof dead.text);
	return dead;
}

static inline void dead_close(struct dead *dead)
{
	close(dead->listener);
	close(dead->visitor);
}

/* True while somebody tries to connect to it: a line of /proc/net/tcp, in the state SYN_SENT. */
static inline bool dead_is_tried(const struct dead *dead)
{
	FILE *table = fopen("/proc/net/tcp", "re");
	unsigned port, state;
	bool found = false;
	char line[256];

	CHECK(table != NULL);
	while (fgets(line, sizeof line, table) != NULL)
		found |= sscanf(line, " %*d: %*x:%*x %*x:%x %x", &port, &state) == 2 && (int)port == dead->port && state == 2;
	fclose(table);
	return found;
}

/* An address that refuses: somebody listened there a moment ago. */
static inline struct rota_address refusing_address(void)
{
	struct rota_address address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr *sa = (struct sockaddr *)&address.storage;

	CHECK_EQ(rota_address_parse(&address, "127.0.0.1:0"), 0);
	CHECK_EQ(bind(fd, sa, address.size), 0);
	CHECK_EQ(getsockname(fd, sa, &address.size), 0);
	close(fd);
	return address;
}

#endif
