/* process.c - a child process: its start, its descriptors, and its end */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/process.h"
#include "io/stream.h"
#include "os/mem.h"
#include "os/spawn.h"

enum {
	CHILD_FD_MAX = 1024, /* what select(2) takes; bounds the table */
	/* When there is no memory to wait properly: late enough to be cheap, soon enough to be borne. */
	RETRY_NS = 10000000,
	FLAGS = ROTA_PROCESS_DETACHED | ROTA_PROCESS_SET_UID | ROTA_PROCESS_SET_GID | ROTA_PROCESS_DIES_WITH_US,
};

/* ---- the child's descriptors ---- */

/* What the child gets, and what must be closed here once it has it. */
struct wiring {
	int *fds;
	int count;
	int theirs[3]; /* opened for the child alone; -1: none */
};

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int wire_pipe(struct wiring *w, struct rota_process *p, int i)
{
	int ends[2], ours = i == 0 ? 1 : 0;
	int rc = pipe2(ends, O_CLOEXEC) < 0 ? rota_errno() : 0;

	if (rc < 0)
		return rc;
	w->theirs[i] = ends[1 - ours];
	/* Only our end: the two have their own flags, and the child expects to be blocked. */
	if (fcntl(ends[ours], F_SETFL, O_NONBLOCK) < 0)
		rc = rota_errno();
	p->stdio[i] = rc == 0 ? rota__stream_new(p->loop, ends[ours], false) : NULL;
	if (p->stdio[i] == NULL) {
		close(ends[ours]);
		return rc < 0 ? rc : -ENOMEM;
	}
	return 0;
}

static int wire_stdio(struct wiring *w, struct rota_process *p, int i, const struct rota_stdio *how)
{
	int rc = 0;

	switch (how->kind) {
	case ROTA_STDIO_INHERIT:
		w->fds[i] = is_open(i) ? i : -1;
		return 0;
	case ROTA_STDIO_CLOSED:
		return 0;
	case ROTA_STDIO_FD:
		w->fds[i] = i == 2 && how->fd == 1 ? w->fds[1] : how->fd;
		return (how->fd == 1 && w->fds[i] == -1) || is_open(w->fds[i]) ? 0 : -EBADF;
	case ROTA_STDIO_NULL:
		w->theirs[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		rc = w->theirs[i] < 0 ? rota_errno() : 0;
		break;
	case ROTA_STDIO_PIPE:
		rc = wire_pipe(w, p, i);
		break;
	default:
		return -EINVAL;
	}
	w->fds[i] = w->theirs[i];
	return rc;
}

static int wire_map(struct wiring *w, const struct rota_fd_map *map)
{
	if (w->fds[map->child_fd] >= 0)
		return -EINVAL; /* twice */
	if (!is_open(map->fd))
		return -EBADF;
	w->fds[map->child_fd] = map->fd;
	return 0;
}

/* The size of the table, or -EINVAL. */
static int fds_needed(const struct rota_command *command)
{
	int count = 3;

	for (size_t i = 0; i < command->fd_count; i++) {
		int fd = command->fds[i].child_fd;

		if (fd < 3 || fd >= CHILD_FD_MAX)
			return -EINVAL;
		if (fd >= count)
			count = fd + 1;
	}
	return count;
}

static int wire(struct wiring *w, struct rota_process *p, const struct rota_command *command)
{
	const struct rota_stdio *const stdio[] = { &command->in, &command->out, &command->err };
	int rc = 0;

	w->count = fds_needed(command);
	if (w->count < 0)
		return w->count;
	w->fds = rota__alloc((size_t)w->count * sizeof *w->fds);
	if (w->fds == NULL)
		return -ENOMEM;
	for (int i = 0; i < w->count; i++)
		w->fds[i] = -1;
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = wire_stdio(w, p, i, stdio[i]);
	for (size_t i = 0; i < command->fd_count && rc == 0; i++)
		rc = wire_map(w, &command->fds[i]);
	return rc;
}

static void unwire(struct wiring *w)
{
	for (int i = 0; i < 3; i++)
		if (w->theirs[i] >= 0)
			close(w->theirs[i]);
	rota__free(w->fds);
}

static int spawn(struct rota_process *p, const struct rota_command *command)
{
	struct wiring w = { .theirs = { -1, -1, -1 } };
	int rc = wire(&w, p, command);
	const struct rota__spawn what = {
		.file = command->file != NULL ? command->file : command->argv[0],
		.argv = (char *const *)command->argv,
		.env = command->env != NULL ? (char *const *)command->env : environ,
		.folder = command->folder,
		.fds = w.fds,
		.fd_count = w.count,
		.uid = command->uid,
		.gid = command->gid,
		.set_uid = command->flags & ROTA_PROCESS_SET_UID,
		.set_gid = command->flags & ROTA_PROCESS_SET_GID,
		.session = command->flags & ROTA_PROCESS_DETACHED,
		.death_signal = command->flags & ROTA_PROCESS_DIES_WITH_US ? SIGKILL : 0,
	};

	if (rc == 0)
		rc = rota__spawn(&what, &p->pid);
	unwire(&w);
	return rc;
}

/* ---- its end ---- */

static uint64_t ns_of(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_usec * 1000u;
}

static struct rota_exit exit_of(int status, const struct rusage *used)
{
	bool exited = WIFEXITED(status);

	return (struct rota_exit){
		.code = exited ? WEXITSTATUS(status) : -1,
		.signal = exited ? 0 : WTERMSIG(status),
		.core = !exited && WCOREDUMP(status),
		.user_ns = ns_of(&used->ru_utime),
		.system_ns = ns_of(&used->ru_stime),
		.memory_bytes_max = (uint64_t)used->ru_maxrss * 1024,
	};
}

/* Under the lock, so that no signal is sent to the number once it is free.  True: it has ended. */
static bool reap(struct rota_process *p)
{
	struct rusage used;
	int status;
	pid_t rc;

	do
		rc = wait4(p->pid, &status, WNOHANG, &used);
	while (rc < 0 && rota_errno() == -EINTR);
	if (rc == 0)
		return false;
	p->exit = rc > 0 ? exit_of(status, &used) : (struct rota_exit){ .code = -1, .lost = true };
	p->state = PROCESS_ENDED;
	return true;
}

static void tell_waiters(struct rota_process *p, int code)
{
	while (!list_empty(&p->waiters)) {
		struct rota__process_waiter *w = list_first(&p->waiters, struct rota__process_waiter, link);

		list_remove(&w->link);
		w->fn(w, code);
	}
}

static void free_process(struct rota_process *p)
{
	list_remove(&p->link);
	if (p->pidfd >= 0) {
		p->loop->poller->engine->forget(p->loop->poller, p->pidfd);
		close(p->pidfd);
	}
	for (int i = 0; i < 3; i++)
		rota_close(p->stdio[i]);
	pthread_mutex_destroy(&p->lock);
	rota__free(p->orphan);
	rota__free(p);
}

/* ---- what keeps the loop alive ----
 *
 * One thing at any time while it runs: the op on its pidfd, its place among the children, or the timer that tries again. */

static void count(struct rota_process *p)
{
	p->loop->alive += !p->unref;
}

static void count_out(struct rota_process *p)
{
	p->loop->alive -= !p->unref;
}

static void set_unref(struct rota_process *p, bool unref, const char *call)
{
	rota__loop_must_be_mine(p->loop, call, "process", p->site);
	if (p->state == PROCESS_RUNNING)
		count_out(p);
	p->unref = unref;
	if (p->state == PROCESS_RUNNING)
		count(p);
}

void rota_process_ref(struct rota_process *p)
{
	ROTA_INSIDE();

	set_unref(p, false, "rota_process_ref");
}

void rota_process_unref(struct rota_process *p)
{
	ROTA_INSIDE();

	if (!p->closed)
		set_unref(p, true, "rota_process_unref");
}

bool rota_process_has_ref(const struct rota_process *p)
{
	return !p->unref;
}

void rota__processes_list(struct rota_loop *loop, rota_alive_fn fn, void *arg)
{
	struct list *it;

	list_each(it, &loop->processes)
	{
		const struct rota_process *p = container_of(it, struct rota_process, link);
		struct rota_alive what = rota__alive("process", p->site, !p->unref);

		what.fn = (void (*)(void))p->on_exit;
		what.fd = p->pidfd;
		what.pid = p->pid;
		what.closing = p->closed;
		fn(&what, arg);
	}
}

/* It was in the list of children, and is not any more. */
static void leave_children(struct rota_process *p)
{
	list_remove(&p->child);
	count_out(p);
	rota__children_leave(p->loop);
}

static void tell_exit(struct rota_process *p, rota_exit_fn fn)
{
	rota__callback_of(p->loop, (struct rota__origin){ "process", p->site, (void (*)(void))fn });
	fn(p, &p->exit, p->arg);
}

bool rota__process_look(struct rota_process *p)
{
	rota_exit_fn fn;
	bool ended;

	pthread_mutex_lock(&p->lock);
	ended = reap(p);
	fn = p->on_exit; /* who is told here may close it, on another thread */
	if (ended)
		tell_waiters(p, 0);
	pthread_mutex_unlock(&p->lock);
	if (!ended)
		return false;
	list_remove(&p->link);
	if (p->pidfd < 0)
		leave_children(p);
	if (p->closed)
		free_process(p);
	else if (fn != NULL)
		tell_exit(p, fn);
	return true;
}

static void watch(struct rota_process *p);

static void retry(struct rota__timer *timer)
{
	struct rota_process *p = container_of(timer, struct rota_process, retry);

	p->retrying = false;
	count_out(p);
	watch(p);
}

static void retry_later(struct rota_process *p)
{
	p->retrying = true;
	p->retry = (struct rota__timer){ .fn = retry };
	count(p);
	timers_arm(&p->loop->timers, &p->retry, rota_deadline(RETRY_NS));
}

/* The poller says that it has ended; or that it cannot say, for want of memory.  (And a debugger may have to hear
 * of the end before us.) */
static void watched(struct rota__op *op)
{
	struct rota_process *p = container_of(op, struct rota_process, op);

	p->loop->alive += p->unref; /* the loop has just counted the op out */
	if (p->closed && p->detached)
		free_process(p);
	else if (!rota__process_look(p))
		retry_later(p);
}

static void watch(struct rota_process *p)
{
	p->op = (struct rota__op){ .kind = OP_POLL, .fd = p->pidfd, .poll.events = POLLIN, .done = watched };
	rota__op_submit(p->loop, &p->op);
	p->loop->alive -= p->unref;
}

static bool no_pidfds(int error)
{
	/* ENOSYS, EINVAL: before Linux 5.3; EPERM: a sandbox.  ESRCH: it was reaped behind our back, which the first look
	 * finds out. */
	return error == -ENOSYS || error == -EINVAL || error == -EPERM || error == -ESRCH;
}

static int watch_first(struct rota_process *p)
{
	int rc;

	p->pidfd = rota__process_no_pidfd ? -1 : (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pidfd >= 0) {
		watch(p);
		return 0;
	}
	if (!rota__process_no_pidfd && !no_pidfds(rota_errno()))
		return rota_errno();
	rc = rota__children_add(p);
	if (rc == 0)
		count(p);
	return rc;
}

/* It runs, and we could not tell when it ends: then it had better not run. */
static void undo(struct rota_process *p)
{
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) < 0 && rota_errno() == -EINTR)
		;
}

/* ---- public ---- */

static struct rota_process *process_new(struct rota_loop *loop, const struct rota_command *command, const char *site)
{
	struct rota_process *p = rota__alloc_zero(sizeof *p);

	if (p == NULL)
		return NULL;
	p->loop = loop;
	p->site = site;
	p->pidfd = -1;
	p->detached = command->flags & ROTA_PROCESS_DETACHED;
	p->orphan = p->detached ? rota__alloc_zero(sizeof *p->orphan) : NULL;
	if (p->detached && p->orphan == NULL) {
		rota__free(p);
		return NULL;
	}
	list_init(&p->waiters);
	list_init(&p->child);
	list_init(&p->link);
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

int rota_process_start_on_at(struct rota_loop *loop, struct rota_process **ret_process,
	const struct rota_command *command, rota_exit_fn fn, void *arg, const char *site)
{
	ROTA_INSIDE();
	struct rota_process *p;
	int rc;

	if (command->argv == NULL || command->argv[0] == NULL || (command->flags & ~(uint32_t)FLAGS) != 0)
		return -EINVAL;
	if (loop == NULL || rota__loop_mine(loop) == NULL)
		return -EPERM;
	rota__orphans_look();
	p = process_new(loop, command, site);
	if (p == NULL)
		return -ENOMEM;
	rc = spawn(p, command);
	if (rc == 0) {
		rc = watch_first(p);
		if (rc < 0)
			undo(p);
	}
	if (rc < 0) {
		free_process(p);
		return rc;
	}
	p->on_exit = fn;
	p->arg = arg;
	list_append(&loop->processes, &p->link);
	*ret_process = p;
	return 0;
}

int rota_process_start_at(struct rota_process **ret_process, const struct rota_command *command, const char *site)
{
	ROTA_INSIDE();
	struct rota_loop *loop = rota_loop_current();

	return loop != NULL ? rota_process_start_on_at(loop, ret_process, command, NULL, NULL, site) : -EPERM;
}

int rota_process_kill(struct rota_process *p, int signo)
{
	ROTA_INSIDE();
	int rc;

	pthread_mutex_lock(&p->lock);
	if (p->state == PROCESS_ENDED)
		rc = -ESRCH;
	else if (p->pidfd >= 0)
		rc = syscall(SYS_pidfd_send_signal, p->pidfd, signo, NULL, 0) < 0 ? rota_errno() : 0;
	else
		rc = kill(p->pid, signo) < 0 ? rota_errno() : 0;
	pthread_mutex_unlock(&p->lock);
	return rc;
}

pid_t rota_process_pid(const struct rota_process *p)
{
	return p->pid;
}

struct rota_stream *rota_process_stdin(struct rota_process *p)
{
	return p->stdio[0];
}

struct rota_stream *rota_process_stdout(struct rota_process *p)
{
	return p->stdio[1];
}

struct rota_stream *rota_process_stderr(struct rota_process *p)
{
	return p->stdio[2];
}

void rota_process_close_stdin(struct rota_process *p)
{
	ROTA_INSIDE();

	rota_close(p->stdio[0]);
	p->stdio[0] = NULL;
}

int rota_process_take_fd(struct rota_process *p, int child_fd)
{
	int fd;

	if (child_fd < 0 || child_fd > 2 || p->stdio[child_fd] == NULL)
		return -EBADF;
	fd = fcntl(p->stdio[child_fd]->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return rota_errno();
	rota_close(p->stdio[child_fd]);
	p->stdio[child_fd] = NULL;
	return fd;
}

static void leave_orphan(struct rota_process *p)
{
	p->orphan->pid = p->pid;
	rota__orphan_add(p->orphan);
	p->orphan = NULL;
	if (p->pidfd < 0) {
		leave_children(p);
		free_process(p);
	} else if (p->retrying) {
		timers_cancel(&p->loop->timers, &p->retry);
		count_out(p);
		free_process(p);
	} else {
		rota__op_cancel(p->loop, &p->op); /* watched() frees it */
	}
}

/* On the loop's thread. */
static void leave(struct rota_process *p)
{
	rota__orphans_look();
	for (int i = 0; i < 3; i++) {
		rota_close(p->stdio[i]);
		p->stdio[i] = NULL;
	}
	set_unref(p, false, "rota_process_close"); /* the loop stays until its remains are taken away */
	p->closed = true;
	if (p->state == PROCESS_ENDED)
		free_process(p);
	else if (p->detached)
		leave_orphan(p);
	else
		rota_process_kill(p, SIGKILL); /* rota__process_look() frees it */
}

static void leave_by_post(struct rota_post *post)
{
	leave(container_of(post, struct rota_process, leave));
}

/* False: it was given up before, and its memory is still there by chance. */
static bool give_up(struct rota_process *p)
{
	bool first;

	pthread_mutex_lock(&p->lock);
	first = !p->given_up;
	p->given_up = true;
	tell_waiters(p, ROTA_ECLOSED);
	p->on_exit = NULL;
	pthread_mutex_unlock(&p->lock);
	return first;
}

void rota_process_close(struct rota_process *p)
{
	ROTA_INSIDE();

	if (p == NULL || !give_up(p))
		return;
	if (rota_loop_current() == p->loop) {
		leave(p);
		return;
	}
	p->leave.fn = leave_by_post;
	rota_post(p->loop, &p->leave);
}

static struct rota_process *first_open(struct rota_loop *loop)
{
	struct list *it;

	list_each(it, &loop->processes)
	{
		struct rota_process *p = container_of(it, struct rota_process, link);

		if (!p->given_up)
			return p;
	}
	return NULL;
}

void rota__processes_close(struct rota_loop *loop)
{
	struct rota_process *p;

	while ((p = first_open(loop)) != NULL) {
		give_up(p);
		leave(p);
	}
}
