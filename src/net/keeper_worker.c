/* keeper_worker.c - what a worker process does: read a call, make it, send the answer (keeper.h)
 *
 * The answer is written to pages that end where an inaccessible one begins, so that a function which writes too
 * much crashes there and then, and its caller hears of it. */
#include <dlfcn.h>
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
	while (n < 0 && rota_errno() == -EINTR);
	if (n <= 0)
		_exit(0); /* nobody calls any more */
	return n;
}

static void transmit(int fd, const void *buf, size_t size)
{
	ssize_t n;

	do
		n = send(fd, buf, size, MSG_NOSIGNAL);
	while (n < 0 && rota_errno() == -EINTR);
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

static void answer(int fd, const struct rota__message *call, int result, const char *data, size_t bytes)
{
	struct rota__message m = { .magic = MESSAGE_MAGIC, .kind = MESSAGE_ANSWER, .number = call->number,
		.bytes = bytes, .result = result };

	transmit(fd, &m, sizeof m);
	for (size_t done = 0; done < bytes; done += PIECE_BYTES)
		transmit(fd, data + done, bytes - done < PIECE_BYTES ? bytes - done : PIECE_BYTES);
}

/* A function that forks comes back twice; one of the two was asked. */
static void end_if_forked(pid_t worker)
{
	if (getpid() != worker)
		_exit(0);
}

static void make_call(int fd, const struct rota__message *call, rota_process_fn fn, const void *in)
{
	size_t bytes = call->room;
	pid_t self = getpid();
	struct room out;
	int result;

	if (!make_room(&out, bytes)) {
		answer(fd, call, -ENOMEM, NULL, 0);
		return;
	}
	result = fn(in, call->bytes, out.start, &bytes);
	end_if_forked(self);
	if (bytes > call->room)
		answer(fd, call, ROTA_ELIMIT, NULL, 0);
	else
		answer(fd, call, result, out.start, result < 0 ? 0 : bytes);
	munmap(out.pages, out.all_bytes);
}

/* ---- names ---- */

/* "library:function", of a library that is loaded now, and stays. */
static rota_process_fn in_library(char *name)
{
	char *function = strrchr(name, ':');
	rota_process_fn fn = NULL;
	void *library;

	if (function == NULL)
		return NULL;
	*function++ = '\0';
	library = dlopen(name, RTLD_NOW);
	if (library != NULL)
		*(void **)&fn = dlsym(library, function); /* as dlsym(3) says */
	return fn;
}

static rota_process_fn by_name(const struct rota_process_function *functions, char *name)
{
	for (; functions != NULL && functions->name != NULL; functions++)
		if (strcmp(functions->name, name) == 0)
			return functions->fn;
	return in_library(name);
}

static rota_process_fn receive_name(
	int fd, const struct rota__message *call, const struct rota_process_function *functions)
{
	char name[NAME_BYTES_MAX + 1];

	if (call->name_bytes > NAME_BYTES_MAX || receive(fd, name, call->name_bytes) != (ssize_t)call->name_bytes)
		_exit(1);
	name[call->name_bytes] = '\0';
	return by_name(functions, name);
}

_Noreturn void rota__worker_main(int fd, const struct rota_process_function *functions)
{
	struct rota__message call;
	rota_process_fn fn;
	char *in;

	prctl(PR_SET_NAME, "rota-worker");
	for (;;) {
		if (receive(fd, &call, sizeof call) != sizeof call || call.magic != MESSAGE_MAGIC)
			_exit(1);
		fn = call.name_bytes > 0 ? receive_name(fd, &call, functions) : call.fn;
		in = malloc(call.bytes + 1);
		if (in == NULL)
			_exit(1); /* the caller hears of a crash, which is what it is */
		for (size_t done = 0; done < call.bytes;)
			done += (size_t)receive(fd, in + done, call.bytes - done);
		if (fn == NULL && call.name_bytes > 0)
			answer(fd, &call, -ENOENT, NULL, 0);
		else
			make_call(fd, &call, fn, in);
		free(in);
	}
}
