/* world.h - a network of its own for a test: names are what the test says, and answered by it
 *
 * world_enter() moves the process into new namespaces, where only the loopback device exists and
 * /etc/hosts, /etc/resolv.conf and /etc/nsswitch.conf are the test's.  world_serve() is the name server
 * there, a task of the test's own.  Before any thread exists, so before rota_run(). */
#ifndef ROTA_TESTS_NET_WORLD_H
#define ROTA_TESTS_NET_WORLD_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic.h"
#include "task/run.h"
#include "work/work.h"

static inline void world_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), (long long)strlen(text));
	close(fd);
}

/* `text` is what `path` says from now on, to this process. */
static inline void world_cover(const char *path, const char *text)
{
	char temp[] = "/tmp/rota-world-XXXXXX";
	int fd = mkstemp(temp);

	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(chmod(temp, 0644), 0);
	world_write(temp, text);
	CHECK_EQ(mount(temp, path, "none", MS_BIND, NULL), 0);
	CHECK_EQ(unlink(temp), 0);
}

static inline void world_loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	close(fd);
}

static inline void world_enter(void)
{
	static const char *const paths[] = { "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf" };

	for (int i = 0; i < 3; i++)
		if (access(paths[i], F_OK) < 0)
			SKIP("no file in /etc to put another one over");
	if (geteuid() == 0 ? unshare(CLONE_NEWNS | CLONE_NEWNET) < 0
			   : unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) < 0)
		SKIP("this machine allows no namespaces");
	CHECK_EQ(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	world_loopback_up();
	world_cover("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
	world_cover("/etc/nsswitch.conf", "hosts: files dns\nservices: files\n");
	/* One try: a test that wants an error does not have to wait for the second. */
	world_cover("/etc/resolv.conf", "nameserver 127.0.0.1\noptions attempts:1 timeout:30\n");
}

/* ---- the name server ---- */

enum { WORLD_MAX = 8, WORLD_HELD_MAX = 64 };

struct world_name {
	const char *name;
	const char *addresses[WORLD_MAX]; /* text, both families mixed; NULL ends */
	int rcode;			  /* 0, 2: server failure, 3: no such name */
	bool silent;			  /* answered only by world_break_silence() */
};

/* A question. */
struct world_packet {
	unsigned char data[2048];
	struct rota_address from;
};

struct world {
	const struct world_name *names;
	int count;
	struct rota_udp *udp;
	unsigned asked; /* questions so far */
	unsigned held;	/* those about silent names */
	struct world_packet questions[WORLD_HELD_MAX];
	bool spoken; /* silence is broken */
};

/* The question's name as text, and where its type is. */
static inline const unsigned char *world_question(const unsigned char *at, char *name)
{
	while (*at != 0) {
		memcpy(name, at + 1, *at);
		name += *at;
		*name++ = '.';
		at += 1 + *at;
	}
	name[-1] = '\0';
	return at + 1;
}

static inline const struct world_name *world_find(const struct world *world, const char *name)
{
	static const struct world_name unknown = { .rcode = 3 };

	for (int i = 0; i < world->count; i++)
		if (strcmp(world->names[i].name, name) == 0)
			return &world->names[i];
	return &unknown;
}

static inline size_t world_record(unsigned char *at, int type, const char *text)
{
	int family = type == 1 ? AF_INET : AF_INET6, size = type == 1 ? 4 : 16;
	const unsigned char head[] = { 0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0, 0, 0, 0, (unsigned char)size };

	if (inet_pton(family, text, at + sizeof head) != 1)
		return 0; /* of the other family */
	memcpy(at, head, sizeof head);
	return sizeof head + (size_t)size;
}

/* Make an answer of the question in `packet`; its size. */
static inline size_t world_make_answer(const struct world_name *known, unsigned char *packet, const unsigned char *type)
{
	size_t size = (size_t)(type + 4 - packet);

	packet[2] = 0x84; /* an answer, with authority */
	packet[3] = (unsigned char)(0x80 | known->rcode);
	memset(packet + 6, 0, 6); /* no answers yet, nothing else */
	for (int i = 0; i < WORLD_MAX && known->addresses[i] != NULL; i++) {
		size_t more = world_record(packet + size, type[1], known->addresses[i]);

		size += more;
		packet[7] = (unsigned char)(packet[7] + (more > 0));
	}
	return size;
}

static inline void world_answer(struct world *world, struct world_packet *question)
{
	char name[256];
	const unsigned char *type = world_question(question->data + 12, name);
	const struct world_name *known = world_find(world, name);
	size_t size;

	if (known->silent && !load_acquire(&world->spoken)) {
		CHECK(world->held < WORLD_HELD_MAX);
		world->questions[world->held] = *question;
		store_release(&world->held, world->held + 1); /* who waits for them may be on another worker */
		return;
	}
	size = world_make_answer(known, question->data, type);
	CHECK_EQ(rota_udp_send(world->udp, question->data, size, &question->from), (long long)size);
}

/* A task: serves until the socket is closed or the task is cancelled. */
static inline int world_serve(void *arg)
{
	static struct world_packet packet;
	struct world *world = arg;

	while (rota_udp_recv(world->udp, packet.data, 512, &packet.from) >= 12) {
		world->asked++;
		world_answer(world, &packet);
	}
	return 0;
}

/* Wait until every look-up, also one that nobody waits for any more, is over. */
static inline void world_rest(void)
{
	unsigned threads, idle;

	do {
		CHECK_EQ(rota_yield(), 0);
		rota__work_count(&threads, &idle);
	} while (idle < threads);
}

/* Answer what was held back. */
static inline void world_break_silence(struct world *world)
{
	store_release(&world->spoken, true); /* the server may be on another worker */
	for (unsigned i = 0; i < world->held; i++)
		world_answer(world, &world->questions[i]);
	world_rest();
}

#endif
