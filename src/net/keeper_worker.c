/* keeper_worker.c - what a worker process does: read a call, make it, send the answer (keeper.h)
 *
 * The answer is written to pages that end where an inaccessible one begins, so that a function which writes too
 * much crashes there and then, and its caller hears of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/keeper.h"

/* A worker that cannot go on ends; the keeper tells. */
static ssize_t receive(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, buf, size, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		_exit(0); /* nobody calls any more */
	return n;
}

static void transmit(int fd, const void *buf, size_t size)
{
	ssize_t n;

	do
		n = send(fd, buf, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		_exit(0);
}

struct room {
	char *pages;
	size_t all_bytes;
	char *start;
};

static bool make_room(struct room *r, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), usable = (bytes + 16 + page - 1) / page * page;

	r->all_bytes = usable + page;
	r->pages = mmap(NULL, r->all_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->pages == MAP_FAILED)
		return false;
	mprotect(r->pages + usable, page, PROT_NONE);
	r->start = r->pages + usable - (bytes + 15) / 16 * 16; /* aligned for any type */
	return true;
}

static void answer(int fd, int result, const char *data, size_t bytes)
{
	struct rota__message m = { .magic = MESSAGE_MAGIC, .kind = MESSAGE_ANSWER, .bytes = bytes, .result = result };

	transmit(fd, &m, sizeof m);
	for (size_t done = 0; done < bytes; done += PIECE_BYTES)
		transmit(fd, data + done, bytes - done < PIECE_BYTES ? bytes - done : PIECE_BYTES);
}

static void make_call(int fd, const struct rota__message *call, const void *in)
{
	size_t bytes = call->room;
	struct room out;
	int result;

	if (!make_room(&out, bytes)) {
		answer(fd, -ENOMEM, NULL, 0);
		return;
	}
	result = call->fn(in, call->bytes, out.start, &bytes);
	if (bytes > call->room)
		answer(fd, ROTA_ELIMIT, NULL, 0);
	else
		answer(fd, result, out.start, result < 0 ? 0 : bytes);
	munmap(out.pages, out.all_bytes);
}

_Noreturn void rota__worker_main(int fd)
{
	struct rota__message call;
	char *in;

	prctl(PR_SET_NAME, "rota-worker");
	for (;;) {
		if (receive(fd, &call, sizeof call) != sizeof call || call.magic != MESSAGE_MAGIC)
			_exit(1);
		in = malloc(call.bytes + 1);
		if (in == NULL)
			_exit(1); /* the caller hears of a crash, which is what it is */
		for (size_t done = 0; done < call.bytes;)
			done += (size_t)receive(fd, in + done, call.bytes - done);
		make_call(fd, &call, in);
		free(in);
	}
}
