/* process_pool.c - functions that run in processes of their own: our side (keeper.h has the other)
 *
 * A call takes a slot, talks to the slot's worker alone, and gives the slot back:
 *
 *   idle --permit--> TAKEN --asked, answered-----------------------------> idle
 *                      \--crashed, cut short, nonsense: a new worker----> idle
 *
 * Waiting callers stand in the line of a semaphore, first come, first served.  Each call makes a stream of a
 * duplicate of the slot's socket, on the loop it happens to be on: so a pool belongs to no loop. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rota/loop.h>
#include <rota/process_pool.h>
#include <rota/run.h>
#include <rota/stream.h>
#include <rota/sync.h>

#include "base/sanitizers.h"
#include "loop/inside.h"
#include "net/keeper.h"
#include "os/mem.h"

enum { ANSWER_BYTES_MAX = 1 << 20 };

struct rota_process_pool {
	int control;
	pid_t keeper;
	size_t answer_bytes_max;
	unsigned workers;
	struct rota_semaphore permits;
	pthread_mutex_t lock; /* of what follows */
	unsigned idle;
	uint64_t calls, replaced;
	const struct rota_process_function *functions;
	uint16_t idle_slots[SLOTS_MAX];
	int fd[SLOTS_MAX]; /* the slot's socket, of who has taken it; -1: it has no worker */
};

/* ---- workers ---- */

/* The slot gets a new worker, and its old one, if it lives, an end. */
static int start_worker(struct rota_process_pool *pool, unsigned slot)
{
	int ends[2], rc;

	if (pool->fd[slot] >= 0)
		close(pool->fd[slot]);
	pool->fd[slot] = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return rota_errno();
	rc = rota__keeper_start(pool->control, slot, ends[1]);
	close(ends[1]);
	if (rc < 0)
		close(ends[0]);
	else
		pool->fd[slot] = ends[0];
	return rc;
}

static void replace_worker(struct rota_process_pool *pool, unsigned slot)
{
	start_worker(pool, slot); /* if it cannot be now, the next call of the slot tries again */
	pthread_mutex_lock(&pool->lock);
	pool->replaced++;
	pthread_mutex_unlock(&pool->lock);
}

/* An idle worker says nothing: if there is something to read it has died, or raves. */
static bool is_quiet(int fd)
{
	char byte;

	return fd >= 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && rota_errno() == -EAGAIN;
}

/* ---- one call ---- */

struct call {
	rota_process_fn fn;
	const char *name; /* instead of fn */
	uint64_t number;
	const char *in;
	size_t in_bytes, room;
	struct rota_stream *stream;
	struct rota_answer *answer;
	int result; /* of fn, or of what went wrong without harm to the worker */
};

/* One message, of at most `size` bytes: its size, or an error. */
static ssize_t receive(struct call *c, void *buf, size_t size)
{
	ssize_t n;

	do
		n = rota_read(c->stream, buf, size);
	while (n == -ECONNRESET); /* it died with our words unread; the keeper's word is still to come */
	return n == 0 ? -EPIPE : n;
}

static struct rota_exit exit_of(const struct rota__message *m)
{
	bool exited = WIFEXITED(m->status);

	return (struct rota_exit){
		.code = exited ? WEXITSTATUS(m->status) : -1,
		.signal = exited ? 0 : WTERMSIG(m->status),
		.core = !exited && WCOREDUMP(m->status),
		.user_ns = (uint64_t)m->used.ru_utime.tv_sec * 1000000000u + (uint64_t)m->used.ru_utime.tv_usec * 1000u,
		.system_ns = (uint64_t)m->used.ru_stime.tv_sec * 1000000000u + (uint64_t)m->used.ru_stime.tv_usec * 1000u,
		.memory_bytes_max = (uint64_t)m->used.ru_maxrss * 1024,
	};
}

/* What a message that is not the expected one means. */
static int complaint(struct call *c, const void *data, size_t bytes)
{
	struct rota__message m;

	if (bytes != sizeof m)
		return ROTA_EPROTOCOL;
	memcpy(&m, data, sizeof m);
	if (m.magic != MESSAGE_MAGIC)
		return ROTA_EPROTOCOL;
	if (m.kind == MESSAGE_NO_FORK)
		return m.result;
	if (m.kind != MESSAGE_DIED)
		return ROTA_EPROTOCOL;
	c->answer->how = exit_of(&m);
	return ROTA_ECRASHED;
}

/* 0, also if the worker listens no more: then it has something to say. */
static int ask(struct call *c)
{
	struct rota__message m = { .magic = MESSAGE_MAGIC, .kind = MESSAGE_CALL, .number = c->number, .bytes = c->in_bytes,
		.room = c->room, .fn = c->fn, .name_bytes = c->name != NULL ? (uint32_t)strlen(c->name) : 0 };
	ssize_t n = rota_write_all(c->stream, &m, sizeof m);

	if (n >= 0 && c->name != NULL)
		n = rota_write_all(c->stream, c->name, m.name_bytes);
	for (size_t done = 0; n >= 0 && done < c->in_bytes; done += PIECE_BYTES) {
		size_t left = c->in_bytes - done;

		n = rota_write_all(c->stream, c->in + done, left < PIECE_BYTES ? left : PIECE_BYTES);
	}
	return n < 0 && n != -EPIPE && n != -ECONNRESET ? (int)n : 0;
}

static int hear_data(struct call *c, char *data, size_t bytes)
{
	for (size_t done = 0; done < bytes; done += PIECE_BYTES) {
		size_t piece = bytes - done < PIECE_BYTES ? bytes - done : PIECE_BYTES;
		ssize_t n = receive(c, data + done, piece);

		if (n < 0)
			return (int)n;
		if ((size_t)n != piece || complaint(c, data + done, piece) != ROTA_EPROTOCOL)
			return complaint(c, data + done, (size_t)n);
	}
	return 0;
}

static int hear(struct call *c)
{
	struct rota__message m;
	ssize_t n = receive(c, &m, sizeof m);
	char *data;
	int rc;

	if (n < 0)
		return (int)n;
	if (n != sizeof m || m.magic != MESSAGE_MAGIC || m.kind != MESSAGE_ANSWER || m.number != c->number ||
		m.bytes > c->room)
		return complaint(c, &m, (size_t)n);
	c->result = m.result;
	if (m.bytes == 0)
		return 0;
	data = rota__alloc(m.bytes);
	if (data == NULL)
		return -ENOMEM;
	rc = hear_data(c, data, m.bytes);
	if (rc < 0) {
		rota__free(data);
		return rc;
	}
	c->answer->data = data;
	c->answer->bytes = m.bytes;
	return 0;
}

/* 0: it was answered.  Else the worker is in no state to be asked again. */
static int converse(struct call *c)
{
	int rc = ask(c);

	return rc < 0 ? rc : hear(c);
}

/* 0, and a stream of the slot's worker, which is alive as far as anyone knows. */
static int approach(struct rota_process_pool *pool, unsigned slot, struct call *c)
{
	int fd, rc;

	if (pool->fd[slot] >= 0 && !is_quiet(pool->fd[slot]))
		replace_worker(pool, slot); /* it died while it was idle */
	if (pool->fd[slot] < 0) {
		rc = start_worker(pool, slot);
		if (rc < 0)
			return rc;
	}
	fd = fcntl(pool->fd[slot], F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return rota_errno();
	rc = rota_stream_from_fd(&c->stream, fd);
	if (rc < 0)
		close(fd);
	return rc;
}

static unsigned take_slot(struct rota_process_pool *pool, struct call *c)
{
	unsigned slot;

	pthread_mutex_lock(&pool->lock);
	slot = pool->idle_slots[--pool->idle];
	c->number = ++pool->calls;
	pthread_mutex_unlock(&pool->lock);
	return slot;
}

static void give_slot(struct rota_process_pool *pool, unsigned slot)
{
	pthread_mutex_lock(&pool->lock);
	pool->idle_slots[pool->idle++] = (uint16_t)slot;
	pthread_mutex_unlock(&pool->lock);
	rota_semaphore_release(&pool->permits, 1);
}

static int call(struct rota_process_pool *pool, struct call c)
{
	unsigned slot;
	int rc;

	c.room = pool->answer_bytes_max;
	*c.answer = (struct rota_answer){ 0 };
	rc = rota_cancelled();
	if (rc == 0)
		rc = rota_semaphore_acquire(&pool->permits, 1);
	if (rc < 0)
		return rc;
	slot = take_slot(pool, &c);
	rc = approach(pool, slot, &c);
	if (rc == 0) {
		rc = converse(&c);
		rota_close(c.stream);
		if (rc < 0)
			replace_worker(pool, slot);
	}
	give_slot(pool, slot);
	return rc < 0 ? rc : c.result;
}

int rota_process_call(struct rota_process_pool *pool, rota_process_fn fn, const void *in, size_t in_bytes,
	struct rota_answer *ret_answer)
{
	ROTA_INSIDE();

	if (fn == NULL || ret_answer == NULL)
		return -EINVAL;
	return call(pool, (struct call){ .fn = fn, .in = in, .in_bytes = in_bytes, .answer = ret_answer });
}

int rota_process_call_named(struct rota_process_pool *pool, const char *name, const void *in, size_t in_bytes,
	struct rota_answer *ret_answer)
{
	ROTA_INSIDE();

	if (name == NULL || ret_answer == NULL || name[0] == '\0' || strlen(name) > NAME_BYTES_MAX)
		return -EINVAL;
	return call(pool, (struct call){ .name = name, .in = in, .in_bytes = in_bytes, .answer = ret_answer });
}

/* ---- the pool ---- */

static unsigned cpus(void)
{
	unsigned count = rota_cpu_count();

	return count < SLOTS_MAX ? count : SLOTS_MAX;
}

/* What is locked, cached or half done in another thread would be so for ever in the fork.  (ThreadSanitizer has a
 * thread of its own, and knows how to fork.) */
static bool has_threads(void)
{
#ifdef ROTA_TSAN
	return false;
#else
	return !__libc_single_threaded;
#endif
}

static int fork_keeper(struct rota_process_pool *pool)
{
	int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC), rc = 0;

	if (null < 0)
		return rota_errno();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		rc = rota_errno();
		close(null);
		return rc;
	}
	pool->keeper = fork();
	if (pool->keeper == 0)
		rota__keeper_main(ends[1], null, pool->functions);
	if (pool->keeper < 0)
		rc = rota_errno();
	close(null);
	close(ends[1]);
	if (rc < 0)
		close(ends[0]);
	else
		pool->control = ends[0];
	return rc;
}

static void pool_init(struct rota_process_pool *pool, const struct rota_process_pool_options *options)
{
	pool->control = -1;
	pool->functions = options->functions;
	pool->workers = options->workers != 0 ? options->workers : cpus();
	pool->answer_bytes_max = options->answer_bytes_max != 0 ? options->answer_bytes_max : ANSWER_BYTES_MAX;
	rota_semaphore_init(&pool->permits, pool->workers, pool->workers);
	pthread_mutex_init(&pool->lock, NULL);
	for (unsigned i = 0; i < pool->workers; i++) {
		pool->fd[i] = -1;
		pool->idle_slots[pool->idle++] = (uint16_t)(pool->workers - 1 - i);
	}
}

int rota_process_pool_open(struct rota_process_pool **ret_pool, const struct rota_process_pool_options *options)
{
	ROTA_INSIDE();
	static const struct rota_process_pool_options defaults;
	struct rota_process_pool *pool;
	int rc;

	if (options == NULL)
		options = &defaults;
	if (options->workers > SLOTS_MAX)
		return -EINVAL;
	if (has_threads() || rota_loop_current() != NULL)
		return -EBUSY;
	pool = rota__alloc_zero(sizeof *pool);
	if (pool == NULL)
		return -ENOMEM;
	pool_init(pool, options);
	rc = fork_keeper(pool);
	for (unsigned i = 0; i < pool->workers && rc == 0; i++)
		rc = start_worker(pool, i);
	if (rc < 0) {
		rota_process_pool_close(pool);
		return rc;
	}
	*ret_pool = pool;
	return 0;
}

void rota_process_pool_stats(struct rota_process_pool *pool, struct rota_process_pool_stats *ret_stats)
{
	pthread_mutex_lock(&pool->lock);
	*ret_stats = (struct rota_process_pool_stats){ pool->workers, pool->idle, pool->calls, pool->replaced };
	pthread_mutex_unlock(&pool->lock);
}

void rota_process_pool_close(struct rota_process_pool *pool)
{
	ROTA_INSIDE();

	if (pool == NULL)
		return;
	for (unsigned i = 0; i < pool->workers; i++)
		if (pool->fd[i] >= 0)
			close(pool->fd[i]);
	if (pool->control >= 0) {
		close(pool->control);
		while (waitpid(pool->keeper, NULL, 0) < 0 && rota_errno() == -EINTR)
			;
	}
	pthread_mutex_destroy(&pool->lock);
	rota__free(pool);
}
