/* spawn.c - another program in a process of its own (spawn.h) */
#include "os/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitizers.h"
#include "os/mem.h"

/* Functions that run in the child: nothing in them may be instrumented, for the books of a sanitizer
 * are in the memory that is borrowed. */
#define IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))

/* ThreadSanitizer takes every clone() for a fork and keeps its books on both sides of it: so with it the child
 * gets a copy. */
#ifdef ROTA_TSAN
#define BORROWED 0
#else
#define BORROWED CLONE_VM
#endif

enum {
	/* For a few frames of system calls; a page would do. */
	CHILD_STACK_BYTES = 16384,
	SIGNALS = 64,
	CLOSE_RANGE_MARK = 4, /* CLOSE_RANGE_CLOEXEC; glibc 2.36 has no name for it without linux headers */
};

struct child {
	const struct rota__spawn *what;
	const char *path; /* the folders to look in, separated by ':'; NULL: the file is one */
	char *name;	  /* room for a folder of the path, '/' and the file */
	pid_t parent;
	int report; /* where an errno goes */
	int *fds;   /* a copy of what->fds, to be changed */
};

/* ---- in the child ---- */

IN_CHILD static void reset_signals(void)
{
	/* The kernel's struct sigaction, zeroed, is SIG_DFL on every architecture. */
	unsigned long none[8] = { 0 };

	for (int signo = 1; signo <= SIGNALS; signo++)
		syscall(SYS_rt_sigaction, signo, none, NULL, SIGNALS / 8);
}

/* Handlers are gone by now: one that ran here would run in the parent's memory. */
IN_CHILD static void unblock_signals(void)
{
	uint64_t none = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, SIGNALS / 8);
}

IN_CHILD static int die_with_parent(const struct child *c)
{
	if (c->what->death_signal == 0)
		return 0;
	if (syscall(SYS_prctl, PR_SET_PDEATHSIG, c->what->death_signal, 0, 0, 0) < 0)
		return errno;
	/* It may have gone before we said so. */
	return syscall(SYS_getppid) == c->parent ? 0 : ESRCH;
}

/* A descriptor that is to be moved must not lie where another one goes. */
IN_CHILD static int out_of_the_way(int *fd, int count)
{
	if (*fd < 0 || *fd >= count)
		return 0;
	*fd = (int)syscall(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, count);
	return *fd < 0 ? errno : 0;
}

/* All from `first` on close when the new program starts. */
IN_CHILD static void mark_rest(int first)
{
	struct rlimit limit;

	if (syscall(SYS_close_range, first, ~0u, CLOSE_RANGE_MARK) == 0)
		return;
	/* Before Linux 5.11: one after the other. */
	if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0)
		limit.rlim_cur = 65536;
	for (unsigned fd = (unsigned)first; fd < limit.rlim_cur; fd++)
		syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
}

IN_CHILD static int place_fds(struct child *c)
{
	int count = c->what->fd_count, rc = out_of_the_way(&c->report, count);

	for (int i = 0; i < count && rc == 0; i++)
		rc = out_of_the_way(&c->fds[i], count);
	for (int i = 0; i < count && rc == 0; i++) {
		if (c->fds[i] < 0)
			syscall(SYS_close, i);
		else if (syscall(SYS_dup3, c->fds[i], i, 0) < 0)
			rc = errno;
	}
	if (rc == 0)
		mark_rest(count);
	return rc;
}

/* The group first: afterwards it would not be allowed.  Straight to the kernel, because libc's functions
 * change all threads of a process, and ours are the parent's. */
IN_CHILD static int become(const struct rota__spawn *what)
{
	if (what->set_uid || what->set_gid)
		syscall(SYS_setgroups, 0, NULL); /* not allowed: then there is nothing to give up */
	if (what->set_gid && syscall(SYS_setgid, what->gid) < 0)
		return errno;
	if (what->set_uid && syscall(SYS_setuid, what->uid) < 0)
		return errno;
	return 0;
}

/* The next folder of the path, with the file, into c->name. */
IN_CHILD static const char *next_name(struct child *c, const char *path)
{
	const char *file = c->what->file;
	char *to = c->name;

	while (*path != '\0' && *path != ':')
		*to++ = *path++;
	if (to != c->name) /* an empty one means the current folder */
		*to++ = '/';
	while (*file != '\0')
		*to++ = *file++;
	*to = '\0';
	return path;
}

/* As execvp(3): the first that runs; of those that do not, one that may not tells more than one that is not
 * there. */
IN_CHILD static int run(struct child *c)
{
	const struct rota__spawn *what = c->what;
	const char *path = c->path;
	int rc = ENOENT;

	if (path == NULL) {
		syscall(SYS_execve, what->file, what->argv, what->env);
		return errno;
	}
	for (;;) {
		path = next_name(c, path);
		syscall(SYS_execve, c->name, what->argv, what->env);
		if (errno == EACCES)
			rc = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			return errno;
		if (*path == '\0')
			return rc;
		path++;
	}
}

IN_CHILD static int prepare_and_run(struct child *c)
{
	int rc;

	if (c->what->session && syscall(SYS_setsid) < 0)
		return errno;
	reset_signals();
	rc = place_fds(c);
	if (rc == 0 && c->what->folder != NULL && syscall(SYS_chdir, c->what->folder) < 0)
		rc = errno;
	if (rc == 0)
		rc = become(c->what);
	if (rc == 0)
		rc = die_with_parent(c); /* after become(), which would forget it */
	unblock_signals();
	return rc != 0 ? rc : run(c);
}

IN_CHILD static int child_main(void *arg)
{
	struct child *c = arg;
	int rc = prepare_and_run(c);

	syscall(SYS_write, c->report, &rc, sizeof rc);
	syscall(SYS_exit_group, 127);
	return 0;
}

/* ---- in the parent ---- */

static const char *path_of(char *const *env)
{
	for (; *env != NULL; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return "/bin:/usr/bin"; /* POSIX leaves it open; glibc and dash take this */
}

/* The child, or a negative errno.  No handler may run in the child while it stands in our memory. */
static pid_t clone_child(struct child *c)
{
	_Alignas(16) char stack[CHILD_STACK_BYTES];
	sigset_t all, before;
	pid_t pid;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = clone(child_main, stack + sizeof stack, BORROWED | CLONE_VFORK | SIGCHLD, c);
	error = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -error : pid;
}

/* What the child had to say: 0 for nothing. */
static int read_report(int fd)
{
	int code = 0;
	ssize_t n;

	do
		n = read(fd, &code, sizeof code);
	while (n < 0 && errno == EINTR);
	return n == sizeof code ? code : 0;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int spawn_child(struct child *c, pid_t *ret_pid)
{
	int ends[2], code;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	c->report = ends[1];
	pid = clone_child(c);
	close(ends[1]);
	code = pid > 0 ? read_report(ends[0]) : 0;
	close(ends[0]);
	if (pid < 0)
		return pid;
	if (code != 0) {
		reap(pid);
		return -code;
	}
	*ret_pid = pid;
	return 0;
}

int rota__spawn(const struct rota__spawn *what, pid_t *ret_pid)
{
	struct child child = { .what = what, .parent = getpid() };
	size_t fds_bytes = (size_t)what->fd_count * sizeof *what->fds, name_bytes = 0;
	int rc;

	if (*what->file == '\0')
		return -ENOENT;
	if (strchr(what->file, '/') == NULL) {
		child.path = path_of(what->env);
		name_bytes = strlen(child.path) + strlen(what->file) + 2;
	}
	child.fds = rota__alloc(fds_bytes + name_bytes + 1);
	if (child.fds == NULL)
		return -ENOMEM;
	memcpy(child.fds, what->fds, fds_bytes);
	child.name = (char *)child.fds + fds_bytes;
	rc = spawn_child(&child, ret_pid);
	rota__free(child.fds);
	return rc;
}
