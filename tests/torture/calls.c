/* calls.c - a tracer that lets the nth system call fail (calls.h)
 *
 *	child: warms up --> BEGIN --> runs --> OURS --> looks what is left --> exits
 *
 * where the words are calls of prctl(2) that nobody else makes.  A thread of it that stops at the beginning of a call may have it
 * taken away: its number becomes -1, and at its end the answer is written. */
#include <dirent.h>
#include <errno.h>
#include <rota.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitizers.h"
#include "calls.h"
#include "harness/test.h"

enum { BEGIN = 0x726f7461, OURS_FROM_NOW, THEIRS_FROM_NOW };

void calls_are_ours(void)
{
	prctl(OURS_FROM_NOW, 0, 0, 0, 0);
}

void calls_are_theirs(void)
{
	prctl(THEIRS_FROM_NOW, 0, 0, 0, 0);
}

#ifdef __x86_64__

/* ---- what a call may answer ---- */

enum kind { EVENTFD, SOCKET, PIPE, OTHER };

static enum kind kind_of(pid_t pid, int fd)
{
	char path[64], target[64];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
	n = readlink(path, target, sizeof target - 1);
	target[n > 0 ? n : 0] = '\0';
	return strstr(target, "[eventfd]") != NULL ? EVENTFD : strncmp(target, "socket:", 7) == 0 ? SOCKET :
		strncmp(target, "pipe:", 5) == 0 ? PIPE : OTHER;
}

static const struct {
	int number, error;
	const char *name;
} plain[] = {
#define CALL(name, error) { SYS_##name, error, #name }
	CALL(socket, EMFILE), CALL(socketpair, EMFILE), CALL(accept4, ECONNABORTED), CALL(openat, EMFILE),
	CALL(open, EMFILE), CALL(eventfd2, EMFILE), CALL(epoll_create1, EMFILE), CALL(pipe2, EMFILE), CALL(dup3, EMFILE),
	CALL(fcntl, EMFILE), CALL(inotify_init1, EMFILE), CALL(inotify_add_watch, ENOSPC), CALL(signalfd4, EMFILE),
	CALL(timerfd_create, EMFILE), CALL(pidfd_open, EMFILE), CALL(memfd_create, EMFILE),
	CALL(io_uring_setup, EMFILE), CALL(io_uring_register, ENOMEM), CALL(io_uring_enter, EINTR),
#ifndef ROTA_ASAN /* which asks the system for memory at any time, and must get it */
	CALL(mmap, ENOMEM), CALL(mprotect, ENOMEM), CALL(madvise, ENOMEM),
#endif
	CALL(clone, EAGAIN), CALL(clone3, EAGAIN), CALL(vfork, EAGAIN), CALL(fork, EAGAIN),
	CALL(bind, EADDRINUSE), CALL(listen, EADDRINUSE), CALL(connect, ENETUNREACH), CALL(setsockopt, ENOMEM),
	CALL(getsockopt, ENOBUFS), CALL(getsockname, ENOBUFS), CALL(getpeername, ENOTCONN),
	CALL(epoll_ctl, ENOMEM), CALL(epoll_wait, EINTR), CALL(epoll_pwait2, EINTR), CALL(ppoll, EINTR), CALL(poll, EINTR),
	CALL(recvfrom, ECONNRESET), CALL(recvmsg, ECONNRESET), CALL(recvmmsg, ECONNRESET),
	CALL(sendto, EPIPE), CALL(sendmsg, EPIPE), CALL(sendmmsg, ENOBUFS), CALL(sendfile, EIO),
	CALL(splice, EIO), CALL(copy_file_range, EIO), CALL(fsync, EIO), CALL(fdatasync, EIO), CALL(ftruncate, EIO),
	CALL(fallocate, ENOSPC), CALL(getdents64, EIO), CALL(statx, EACCES), CALL(newfstatat, EACCES), CALL(fstat, EIO),
	CALL(lstat, EACCES), CALL(stat, EACCES), CALL(rename, EACCES), CALL(renameat, EACCES), CALL(renameat2, EACCES),
	CALL(unlink, EACCES), CALL(unlinkat, EACCES), CALL(mkdir, EACCES), CALL(mkdirat, EACCES), CALL(rmdir, EACCES),
	CALL(readlink, EACCES), CALL(linkat, EACCES), CALL(fchmod, EPERM), CALL(mknodat, EACCES), CALL(mknod, EACCES),
	CALL(ioctl, ENOTTY), CALL(kill, EPERM), CALL(waitid, ECHILD), CALL(wait4, ECHILD), CALL(membarrier, EPERM),
#undef CALL
};

/* What the call answers if it is to fail, and in words; 0: it does not fail. */
static int error_of(pid_t pid, const struct __ptrace_syscall_info *call, const char **ret_name)
{
	enum kind kind;

	switch (call->entry.nr) {
	case SYS_read:
	case SYS_readv:
	case SYS_pread64:
	case SYS_preadv:
		kind = kind_of(pid, (int)call->entry.args[0]);
		*ret_name = "read";
		return kind == EVENTFD ? 0 : kind == SOCKET ? ECONNRESET : EIO;
	case SYS_write:
	case SYS_writev:
	case SYS_pwrite64:
	case SYS_pwritev:
		kind = kind_of(pid, (int)call->entry.args[0]);
		*ret_name = "write";
		return kind == EVENTFD ? 0 : kind == OTHER ? ENOSPC : kind == PIPE ? EIO : EPIPE;
	}
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if ((uint64_t)plain[i].number == call->entry.nr) {
			*ret_name = plain[i].name;
			return plain[i].error;
		}
	return 0;
}

/* ---- the tracer ---- */

struct trace {
	pid_t child;
	size_t nth, seen;
	bool begun, theirs;
	pid_t failing; /* the thread whose call was taken away, until it ends */
	int error;
	const char *name;
};

static void look_for_mark(struct trace *t, uint64_t mark)
{
	if (mark == BEGIN)
		t->begun = t->theirs = true;
	else if (mark == OURS_FROM_NOW || mark == THEIRS_FROM_NOW)
		t->theirs = mark == THEIRS_FROM_NOW;
}

static void begins(struct trace *t, pid_t thread, const struct __ptrace_syscall_info *call)
{
	struct user_regs_struct regs;
	const char *name;
	int error;

	if (call->entry.nr == SYS_prctl)
		look_for_mark(t, call->entry.args[0]);
	error = t->begun && t->theirs ? error_of(t->child, call, &name) : 0;
	if (error == 0 || ++t->seen != t->nth)
		return;
	t->failing = thread;
	t->error = error;
	t->name = name;
	CHECK_EQ(ptrace(PTRACE_GETREGS, thread, NULL, &regs), 0);
	regs.orig_rax = (unsigned long long)-1;
	CHECK_EQ(ptrace(PTRACE_SETREGS, thread, NULL, &regs), 0);
}

static void ends(struct trace *t, pid_t thread)
{
	struct user_regs_struct regs;

	if (thread != t->failing)
		return;
	t->failing = 0;
	CHECK_EQ(ptrace(PTRACE_GETREGS, thread, NULL, &regs), 0);
	regs.rax = (unsigned long long)-t->error;
	CHECK_EQ(ptrace(PTRACE_SETREGS, thread, NULL, &regs), 0);
}

/* The signal it goes on with. */
static int stopped(struct trace *t, pid_t thread, int status)
{
	struct __ptrace_syscall_info call;
	int signo = WSTOPSIG(status);

	if (signo == (SIGTRAP | 0x80)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof call, &call) <= 0)
			return 0; /* it has been killed */
		if (call.op == PTRACE_SYSCALL_INFO_ENTRY)
			begins(t, thread, &call);
		else if (call.op == PTRACE_SYSCALL_INFO_EXIT)
			ends(t, thread);
		return 0;
	}
	/* An event of ours, or the stop with which a new thread begins. */
	return status >> 16 != 0 || signo == SIGSTOP ? 0 : signo;
}

/* How it ended. */
static int trace(struct trace *t)
{
	int status;

	CHECK_EQ(waitpid(t->child, &status, 0), t->child);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(ptrace(PTRACE_SETOPTIONS, t->child, NULL,
			 PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL), 0);
	ptrace(PTRACE_SYSCALL, t->child, NULL, NULL);
	for (;;) {
		pid_t thread = waitpid(-1, &status, __WALL);

		if (thread < 0 && errno == EINTR)
			continue;
		CHECK(thread > 0);
		if (WIFSTOPPED(status))
			ptrace(PTRACE_SYSCALL, thread, NULL, stopped(t, thread, status));
		else if (thread == t->child)
			return status;
	}
}

/* ---- the child ---- */

static int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	CHECK(folder != NULL);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

enum { SAID_ERROR = 10, FORGOT_MEMORY, FORGOT_DESCRIPTOR };

static void run_traced(int (*run)(void *arg), void *arg, const size_t *live)
{
	size_t kept;
	int open, rc;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	CHECK_EQ(run(arg), 0); /* warms what is kept for later */
	kept = *live;
	open = count_descriptors();
	prctl(BEGIN, 0, 0, 0, 0);
	rc = run(arg);
	calls_are_ours();
	if (__atomic_load_n(live, __ATOMIC_RELAXED) > kept)
		_exit(FORGOT_MEMORY);
	if (count_descriptors() > open)
		_exit(FORGOT_DESCRIPTOR);
	_exit(rc < 0 ? SAID_ERROR : 0);
}

static void look_at_end(const struct trace *t, int status)
{
	const char *name = t->name != NULL ? t->name : "none";

	if (WIFSIGNALED(status))
		test_fail(__FILE__, __LINE__, "call %zu, %s, fails with %s: killed by %s", t->nth, name, strerror(t->error),
			strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == FORGOT_MEMORY || WEXITSTATUS(status) == FORGOT_DESCRIPTOR)
		test_fail(__FILE__, __LINE__, "call %zu, %s, fails with %s: a %s is left behind", t->nth, name, strerror(t->error),
			WEXITSTATUS(status) == FORGOT_MEMORY ? "piece of memory" : "descriptor");
	if (WEXITSTATUS(status) != 0 && (WEXITSTATUS(status) != SAID_ERROR || t->name == NULL))
		test_fail(__FILE__, __LINE__, "call %zu, %s, fails with %s: exit %d", t->nth, name, strerror(t->error),
			WEXITSTATUS(status));
}

void torture_calls(int (*run)(void *arg), void *arg, const size_t *live)
{
	size_t nth = 0, seen;

#ifdef ROTA_TSAN
	SKIP("ThreadSanitizer's own calls would fail");
#endif
	do {
		struct trace t = { .nth = ++nth };

		fflush(stdout);
		t.child = fork();
		CHECK(t.child >= 0);
		if (t.child == 0)
			run_traced(run, arg, live);
		look_at_end(&t, trace(&t));
		seen = t.seen;
	} while (seen >= nth);
	CHECK(nth > 1);
	printf("# each of %zu calls failed once\n", nth - 1);
}

#else

void torture_calls(int (*run)(void *arg), void *arg, const size_t *live)
{
	(void)run, (void)arg, (void)live;
	SKIP("the tracer knows the registers of x86-64 only");
}

#endif
