/* connect.c - from the text of an address to a connected stream
 *
 * Several addresses are tried as RFC 8305 ("happy eyeballs") says:
 *
 *   attempt 0 |-------------------------------------> no answer yet
 *   attempt 1        |------> answers: it wins, the others are cancelled
 *             <------> 250 ms, or less if attempt 0 fails sooner
 *
 * The attempts are ops, not tasks: one task starts them and sleeps until one ends or the next is due.
 * It returns only when each has completed, because their memory is its own; so each descriptor is
 * either the winner's or closed, whichever way it ends. */
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket.h"
#include "io/stream.h"
#include "net/connect.h"
#include "os/mem.h"
#include "task/task.h"

/* RFC 8305, section 8: the recommended Connection Attempt Delay. */
static const uint64_t ATTEMPT_DELAY_NS = ROTA_MILLISECONDS(250);

enum { ATTEMPTS_MAX = 16 }; /* addresses of a name beyond these are not tried: 4 s of delays */

struct attempt {
	struct rota__op op;
	struct race *race;
};

struct race {
	struct rota__wait wait;
	struct rota__timer next_due;
	struct rota_loop *loop;
	const struct rota_connect_options *options;
	unsigned pending;
	bool parked; /* the task is to be woken when something happens */
	bool due;    /* it is time for the next attempt */
	int winner;  /* its descriptor, -1 while there is none */
	int error;   /* the one to tell if none wins */
	struct attempt attempts[ATTEMPTS_MAX];
};

/* ---- a socket ---- */

static int open_socket(int family, const struct rota_connect_options *options)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc = 0;

	if (fd < 0)
		return rota_errno();
	if (family != AF_UNIX && !options->keep_delay)
		rc = rota__socket_set_nodelay(fd, true);
	if (rc == 0)
		rc = rota__socket_bind_local(fd, family, options->local_address);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

/* ---- the race ---- */

static void rouse(struct race *race)
{
	if (!race->parked)
		return;
	race->parked = false;
	race->wait.cancel = NULL;
	rota__wake(race->wait.task);
}

static void next_is_due(struct rota__timer *timer)
{
	struct race *race = container_of(timer, struct race, next_due);

	race->due = true;
	rouse(race);
}

/* The task looks at the reason itself. */
static void cut_short(struct rota__wait *wait, int reason)
{
	rouse(container_of(wait, struct race, wait));
}

/* That there is no way to an address says less than what happened on the way to another. */
static bool says_little(int code)
{
	return code == -ENETUNREACH || code == -EHOSTUNREACH || code == -EAFNOSUPPORT || code == -EADDRNOTAVAIL;
}

static void note_error(struct race *race, int code)
{
	if (race->error == 0 || (says_little(race->error) && !says_little(code)))
		race->error = code;
	race->due = true; /* no reason to wait before the next one */
}

static void attempt_done(struct rota__op *op)
{
	struct race *race = container_of(op, struct attempt, op)->race;

	race->pending--;
	if (op->result == 0 && race->winner < 0) {
		race->winner = op->fd;
	} else {
		race->loop->poller->engine->forget(race->loop->poller, op->fd);
		close(op->fd);
	}
	if (op->result < 0)
		note_error(race, (int)op->result);
	rouse(race);
}

static void start(struct race *race, struct attempt *attempt, const struct rota_address *address)
{
	int fd = open_socket(address->storage.ss_family, race->options);

	if (fd < 0) {
		note_error(race, fd);
		return;
	}
	race->due = false;
	race->pending++;
	attempt->race = race;
	attempt->op = (struct rota__op){
		.kind = OP_CONNECT,
		.fd = fd,
		.done = attempt_done,
		.connect = { .addr = (const struct sockaddr *)&address->storage, .len = address->size },
	};
	rota__op_submit(race->loop, &attempt->op);
	timers_cancel(&race->loop->timers, &race->next_due);
	timers_arm(&race->loop->timers, &race->next_due, rota_deadline(ATTEMPT_DELAY_NS));
}

static void park(struct race *race, void (*cancel)(struct rota__wait *wait, int reason))
{
	race->wait.cancel = cancel;
	race->wait.what = "a connection to be made";
	race->parked = true;
	rota__park(&race->wait);
}

/* Until one wins, all have failed, or the task is cancelled: how many were started. */
static unsigned run(struct race *race, const struct rota_address *addresses, unsigned count)
{
	unsigned started = 0;

	while (race->winner < 0 && rota__task_cancelled(race->wait.task) == 0) {
		if (started < count && race->due) {
			start(race, &race->attempts[started], &addresses[started]);
			started++;
		} else if (race->pending > 0) {
			park(race, cut_short);
		} else {
			break;
		}
	}
	return started;
}

static void wind_up(struct race *race, unsigned started)
{
	timers_cancel(&race->loop->timers, &race->next_due);
	for (unsigned i = 0; i < started; i++)
		if (race->attempts[i].race != NULL)
			rota__op_cancel(race->loop, &race->attempts[i].op);
	while (race->pending > 0)
		park(race, NULL);
}

int rota__connect_first(const struct rota_address *addresses, unsigned count, const struct rota_connect_options *options)
{
	struct rota_task *task = rota__current();
	struct race *race = rota__alloc_zero(sizeof *race); /* 2 KiB: not on stacks of a page */
	int rc;

	if (race == NULL)
		return -ENOMEM;
	race->wait.task = task;
	race->next_due.fn = next_is_due;
	rota__pin(task); /* sockets and timer are on this loop */
	race->loop = race->wait.loop = task->worker->loop;
	race->options = options;
	race->winner = -1;
	race->due = true;
	wind_up(race, run(race, addresses, count < ATTEMPTS_MAX ? count : ATTEMPTS_MAX));
	rc = rota__task_cancelled(task);
	if (race->winner >= 0)
		rc = race->winner; /* what is there wins over the cancellation */
	else if (rc == 0)
		rc = race->error;
	rota__unpin(task);
	rota__free(race);
	return rc;
}

/* ---- Unix sockets ---- */

/* connect(2) to a Unix socket never waits, and says EAGAIN when the listener's backlog is full.  There
 * is nothing then that one could wait for, so we ask again. */
static int connect_unix(const struct rota_address *address, const struct rota_connect_options *options)
{
	uint64_t pause_ns = ROTA_MICROSECONDS(100);
	int fd, rc = rota__task_cancelled(rota__current());

	if (rc < 0)
		return rc;
	fd = open_socket(AF_UNIX, options);
	if (fd < 0)
		return fd;
	while (connect(fd, (const struct sockaddr *)&address->storage, address->size) < 0) {
		rc = rota_errno() == -EAGAIN ? rota_sleep(pause_ns) : rota_errno() == -EINTR ? 0 : rota_errno();
		if (rc < 0) {
			close(fd);
			return rc;
		}
		if (pause_ns < ROTA_MILLISECONDS(10)) /* a hundred questions a second are nothing */
			pause_ns *= 2;
	}
	return fd;
}

/* ---- from text to stream ---- */

static int connect_name(const char *name, const struct rota_connect_options *options)
{
	struct rota_address *addresses = rota__alloc(ATTEMPTS_MAX * sizeof *addresses);
	int rc;

	if (addresses == NULL)
		return -ENOMEM;
	rc = rota_resolve(name, addresses, ATTEMPTS_MAX);
	if (rc > 0)
		rc = rota__connect_first(addresses, (unsigned)rc, options);
	else if (rc == 0)
		rc = ROTA_ENAME;
	rota__free(addresses);
	return rc;
}

static int connect_text(const char *text, const struct rota_connect_options *options)
{
	struct rota_address address;
	int rc = rota_address_parse(&address, text);

	if (rc == -EINVAL)
		return connect_name(text, options);
	if (rc < 0)
		return rc;
	return address.storage.ss_family == AF_UNIX ? connect_unix(&address, options)
						    : rota__connect_first(&address, 1, options);
}

static int connect_in_time(const char *text, const struct rota_connect_options *options)
{
	struct rota_scope_options limit = { .deadline_ns = rota_deadline(options->timeout_ns) };
	struct rota_scope scope;
	int fd;

	if (options->timeout_ns == 0)
		return connect_text(text, options);
	rota_scope_open_with(&scope, &limit);
	fd = connect_text(text, options);
	rota_scope_join(&scope);
	return fd;
}

int rota_tcp_connect(
	struct rota_stream **ret_stream, const char *address, const struct rota_connect_options *options)
{
	ROTA_INSIDE();
	static const struct rota_connect_options defaults;
	struct rota_task *task = rota__current();
	struct rota_stream *s;
	int fd;

	if (task == NULL)
		return -EPERM;
	/* The memory comes first: a connection that was made is not lost for want of it. */
	s = rota__stream_new(task->worker->loop, -1, true);
	if (s == NULL)
		return -ENOMEM;
	fd = connect_in_time(address, options ? options : &defaults);
	if (fd < 0) {
		rota__free(s);
		return fd;
	}
	s->fd = fd;
	*ret_stream = s;
	return 0;
}
