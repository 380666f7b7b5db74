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
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitizers.h"
#include "calls.h"
#include "harness/test.h"
#include "torture/tries.h"

enum { BEGIN = 0x726f7461, OURS_FROM_NOW, THEIRS_FROM_NOW, LIBRARY };

void calls_are_ours(void)
{
	prctl(OURS_FROM_NOW, 0, 0, 0, 0);
}

void calls_are_theirs(void)
{
	prctl(THEIRS_FROM_NOW, 0, 0, 0, 0);
}

void calls_are_the_c_librarys_too(void)
{
	prctl(LIBRARY, 0, 0, 0, 0);
}

int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	CHECK(folder != NULL);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

#ifdef __x86_64__

/* ---- what a call may answer ---- */

enum kind { EVENTFD, STREAM, SOCKET, PIPE, PLAIN_FILE, OTHER };

/* A copy of the child's descriptor, negative: there is none to be had. */
static int borrow(pid_t pid, int fd)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0), copy = -1;

	if (process >= 0) {
		copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
		close(process);
	}
	return copy;
}

static enum kind kind_of_socket(pid_t pid, int fd)
{
	int type = 0, copy = borrow(pid, fd);

	if (copy >= 0) {
		getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){ sizeof type });
		close(copy);
	}
	return type == SOCK_STREAM ? STREAM : SOCKET;
}

static enum kind kind_of(pid_t pid, uint64_t fd)
{
	char path[64], target[64];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, (int)fd);
	n = readlink(path, target, sizeof target - 1);
	target[n > 0 ? n : 0] = '\0';
	if (strncmp(target, "socket:", 7) == 0)
		return kind_of_socket(pid, (int)fd);
	return strstr(target, "[eventfd]") != NULL ? EVENTFD : strncmp(target, "pipe:", 5) == 0 ? PIPE :
		target[0] == '/' ? PLAIN_FILE : OTHER;
}

/* What a call may answer instead; the list ends with 0. */
struct ways {
	const char *name;
	int errors[8];
};

static const struct {
	int number;
	struct ways ways;
} plain[] = {
#define CALL(name, ...) { SYS_##name, { #name, { __VA_ARGS__ } } }
#define NEW_DESCRIPTOR EMFILE, ENFILE, ENOMEM
	CALL(socket, EMFILE, ENFILE, ENOBUFS, ENOMEM), CALL(socketpair, EMFILE, ENFILE),
	CALL(accept4, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EINTR), CALL(openat, NEW_DESCRIPTOR, EINTR),
	CALL(open, NEW_DESCRIPTOR, EINTR), CALL(eventfd2, NEW_DESCRIPTOR), CALL(epoll_create1, NEW_DESCRIPTOR),
	CALL(pipe2, EMFILE, ENFILE), CALL(dup3, EMFILE, EINTR), CALL(fcntl, EMFILE), CALL(inotify_init1, NEW_DESCRIPTOR),
	CALL(inotify_add_watch, ENOSPC, ENOMEM), CALL(signalfd4, NEW_DESCRIPTOR), CALL(timerfd_create, NEW_DESCRIPTOR),
	CALL(pidfd_open, NEW_DESCRIPTOR), CALL(memfd_create, NEW_DESCRIPTOR),
	CALL(io_uring_setup, NEW_DESCRIPTOR, EPERM), CALL(io_uring_register, ENOMEM),
	CALL(io_uring_enter, EINTR, EAGAIN, EBUSY),
#ifndef ROTA_ASAN /* which asks the system for memory at any time, and must get it */
	CALL(mmap, ENOMEM), CALL(mprotect, ENOMEM), CALL(madvise, ENOMEM, EAGAIN),
#endif
	CALL(clone, EAGAIN, ENOMEM), CALL(clone3, EAGAIN, ENOMEM), CALL(vfork, EAGAIN, ENOMEM), CALL(fork, EAGAIN, ENOMEM),
	CALL(bind, EADDRINUSE, EACCES), CALL(listen, EADDRINUSE), CALL(connect, ENETUNREACH, ECONNREFUSED, ETIMEDOUT),
	CALL(setsockopt, ENOMEM, ENOBUFS), CALL(getsockopt, ENOBUFS), CALL(getsockname, ENOBUFS),
	CALL(getpeername, ENOTCONN, ENOBUFS), CALL(epoll_ctl, ENOMEM, ENOSPC), CALL(epoll_wait, EINTR),
	CALL(epoll_pwait2, EINTR), CALL(ppoll, EINTR, ENOMEM), CALL(poll, EINTR, ENOMEM),
	CALL(recvfrom, ECONNRESET, EINTR, ENOMEM), CALL(recvmsg, ECONNRESET, EINTR, ENOMEM),
	CALL(recvmmsg, ECONNRESET, EINTR, ENOMEM),
	CALL(fsync, EIO, EINTR, ENOSPC), CALL(fdatasync, EIO, EINTR, ENOSPC), CALL(ftruncate, EIO, EINTR),
	CALL(truncate, EIO, EINTR, EMFILE), CALL(fallocate, ENOSPC, EINTR), CALL(getdents64, EIO), CALL(statx, EACCES, ENOMEM),
	CALL(newfstatat, EACCES, ENOMEM), CALL(fstat, EIO, ENOMEM), CALL(lstat, EACCES, ENOMEM), CALL(stat, EACCES, ENOMEM),
	CALL(statfs, EINTR, ENOMEM), CALL(fstatfs, EINTR, ENOMEM), CALL(access, EACCES, ENOMEM), CALL(faccessat, EACCES, ENOMEM),
	CALL(faccessat2, EACCES, ENOMEM), CALL(rename, EACCES, ENOSPC), CALL(renameat, EACCES, ENOSPC),
	CALL(renameat2, EACCES, ENOSPC), CALL(unlink, EACCES, ENOMEM), CALL(unlinkat, EACCES, ENOMEM), CALL(mkdir, EACCES, ENOSPC),
	CALL(mkdirat, EACCES, ENOSPC), CALL(rmdir, EACCES, ENOMEM), CALL(readlink, EACCES, ENOMEM), CALL(readlinkat, EACCES, ENOMEM),
	CALL(link, EMLINK, ENOSPC), CALL(linkat, EMLINK, ENOSPC), CALL(symlink, EACCES, ENOSPC), CALL(symlinkat, EACCES, ENOSPC),
	CALL(chmod, EPERM, EROFS), CALL(fchmod, EPERM, EROFS), CALL(fchmodat, EPERM, EROFS), CALL(chown, EPERM, EROFS),
	CALL(lchown, EPERM, EROFS), CALL(fchown, EPERM, EROFS), CALL(fchownat, EPERM, EROFS), CALL(utimensat, EPERM, EROFS),
	CALL(mknodat, EACCES, ENOSPC), CALL(mknod, EACCES, ENOSPC), CALL(ioctl, ENOTTY, EIO), CALL(kill, EPERM),
	CALL(waitid, ECHILD, EINTR), CALL(wait4, ECHILD, EINTR), CALL(membarrier, EPERM),
#undef CALL
};

/* How many there are; of reads and writes they are another thing's for each kind of descriptor. */
static const struct ways reads[] = {
	[STREAM] = { "read", { ECONNRESET, EINTR, ENOMEM } },
	[SOCKET] = { "read", { ECONNREFUSED, EINTR, ENOMEM } },
	[PIPE] = { "read", { EIO, EINTR, SHORT } },
	[PLAIN_FILE] = { "read", { EIO, EINTR, ENOMEM, SHORT } },
	[OTHER] = { "read", { EIO, EINTR } },
}, writes[] = {
	[STREAM] = { "write", { EPIPE, ECONNRESET, EINTR, ENOBUFS, ENOMEM, SHORT } },
	[SOCKET] = { "write", { ENOBUFS, ECONNREFUSED, EINTR, ENOMEM } },
	[PIPE] = { "write", { EPIPE, EIO, EINTR, SHORT } },
	[PLAIN_FILE] = { "write", { ENOSPC, EIO, EINTR, SHORT } },
	[OTHER] = { "write", { EIO, EINTR } },
}, several = { "sendmmsg", { ENOBUFS, ECONNREFUSED, EINTR, ENOMEM, SHORT } },
	    copies = { "copy between files", { EIO, EINTR, ENOMEM, SHORT } };

/* NULL: it does not fail. */
static const struct ways *ways_of(pid_t pid, const struct __ptrace_syscall_info *call)
{
	enum kind kind;

	switch (call->entry.nr) {
	case SYS_read:
	case SYS_readv:
	case SYS_pread64:
	case SYS_preadv:
		kind = kind_of(pid, call->entry.args[0]);
		return kind == EVENTFD ? NULL : &reads[kind];
	case SYS_write:
	case SYS_writev:
	case SYS_pwrite64:
	case SYS_pwritev:
	case SYS_sendto:
	case SYS_sendmsg:
		kind = kind_of(pid, call->entry.args[0]);
		return kind == EVENTFD ? NULL : &writes[kind];
	case SYS_sendmmsg:
		return &several;
	case SYS_sendfile:
	case SYS_splice:
	case SYS_copy_file_range:
		return &copies;
	}
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if ((uint64_t)plain[i].number == call->entry.nr)
			return &plain[i].ways;
	return NULL;
}

static size_t count_of(const struct ways *ways)
{
	size_t count = 0;

	while (ways->errors[count] != 0)
		count++;
	return count;
}

/* ---- the tracer ---- */

struct trace {
	pid_t child;
	size_t nth, way, seen;
	struct tries *counted; /* NULL: nobody counts */
	bool begun, theirs, lenient;
	pid_t failing; /* the thread whose call was taken away or made shorter, until it ends */
	int error;
	const char *name;
	struct user_regs_struct regs; /* as it made the call */
	/* Words of its memory that were changed meanwhile. */
	struct {
		uint64_t at, value;
	} words[2];
	int word_count;
};

static void look_for_mark(struct trace *t, uint64_t mark)
{
	if (mark == BEGIN)
		t->begun = t->theirs = true;
	else if (mark == OURS_FROM_NOW || mark == THEIRS_FROM_NOW)
		t->theirs = mark == THEIRS_FROM_NOW;
	else if (mark == LIBRARY)
		t->lenient = true;
}

static uint64_t word_at(pid_t thread, uint64_t at)
{
	return (uint64_t)ptrace(PTRACE_PEEKDATA, thread, (void *)(uintptr_t)at, NULL);
}

static void change_word(struct trace *t, uint64_t at, uint64_t value)
{
	t->words[t->word_count].at = at;
	t->words[t->word_count++].value = word_at(t->failing, at);
	CHECK_EQ(ptrace(PTRACE_POKEDATA, t->failing, (void *)(uintptr_t)at, (void *)(uintptr_t)value), 0);
}

/* One byte of the first piece, if there is one. */
static void shorten_vector(struct trace *t, uint64_t iov)
{
	if (word_at(t->failing, iov + offsetof(struct iovec, iov_len)) > 1)
		change_word(t, iov + offsetof(struct iovec, iov_len), 1);
}

static void shorten_message(struct trace *t, uint64_t msg)
{
	if (word_at(t->failing, msg + offsetof(struct msghdr, msg_iovlen)) == 0)
		return;
	change_word(t, msg + offsetof(struct msghdr, msg_iovlen), 1);
	shorten_vector(t, word_at(t->failing, msg + offsetof(struct msghdr, msg_iov)));
}

static void shorten_count(unsigned long long *count)
{
	if (*count > 1)
		*count = 1;
}

/* The call is made, for one byte (or one message) instead of what it asks for. */
static void shorten(struct trace *t, struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_readv:
	case SYS_writev:
	case SYS_preadv:
	case SYS_pwritev:
		shorten_count(&regs->rdx);
		shorten_vector(t, regs->rsi);
		break;
	case SYS_sendmsg:
		shorten_message(t, regs->rsi);
		break;
	case SYS_sendfile:
		shorten_count(&regs->r10);
		break;
	case SYS_splice:
	case SYS_copy_file_range:
		shorten_count(&regs->r8);
		break;
	default:
		shorten_count(&regs->rdx);
	}
}

static void begins(struct trace *t, pid_t thread, const struct __ptrace_syscall_info *call)
{
	const struct ways *ways;
	struct user_regs_struct regs;

	if (call->entry.nr == SYS_prctl)
		look_for_mark(t, call->entry.args[0]);
	ways = t->begun && t->theirs ? ways_of(t->child, call) : NULL;
	if (ways == NULL)
		return;
	if (t->counted != NULL)
		tries_add(t->counted, (unsigned char)count_of(ways));
	if (++t->seen != t->nth)
		return;
	t->failing = thread;
	t->error = ways->errors[t->way % count_of(ways)]; /* threads do not always come in the same order */
	t->name = ways->name;
	CHECK_EQ(ptrace(PTRACE_GETREGS, thread, NULL, &regs), 0);
	t->regs = regs;
	if (t->error == SHORT)
		shorten(t, &regs);
	else
		regs.orig_rax = (unsigned long long)-1;
	CHECK_EQ(ptrace(PTRACE_SETREGS, thread, NULL, &regs), 0);
}

/* Programs rely on what they had in their registers. */
static void ends(struct trace *t, pid_t thread)
{
	struct user_regs_struct regs;

	if (thread != t->failing)
		return;
	CHECK_EQ(ptrace(PTRACE_GETREGS, thread, NULL, &regs), 0);
	if (t->error != SHORT)
		regs.rax = (unsigned long long)-t->error;
	regs.rdx = t->regs.rdx;
	regs.r10 = t->regs.r10;
	regs.r8 = t->regs.r8;
	CHECK_EQ(ptrace(PTRACE_SETREGS, thread, NULL, &regs), 0);
	while (t->word_count > 0) {
		t->word_count--;
		ptrace(PTRACE_POKEDATA, thread, (void *)(uintptr_t)t->words[t->word_count].at,
			(void *)(uintptr_t)t->words[t->word_count].value);
	}
	t->failing = 0;
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

static void complain(const struct trace *t, const char *what, int number)
{
	test_fail(__FILE__, __LINE__, "call %zu, %s, answers %s: %s %d", t->nth, t->name != NULL ? t->name : "none",
		t->error == SHORT ? "less than it was asked for" : strerror(t->error), what, number);
}

static void look_at_end(const struct trace *t, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

	if (WIFSIGNALED(status))
		complain(t, "killed by signal", WTERMSIG(status));
	if (code == FORGOT_MEMORY)
		complain(t, "pieces of memory are left behind; exit", code);
	if (code == FORGOT_DESCRIPTOR)
		complain(t, "descriptors are left behind; exit", code);
	if (code != 0 && (code != SAID_ERROR || t->name == NULL || (tries_harmless(t->error) && !t->lenient)))
		complain(t, "exit", code);
}

static void run_once(struct trace *t, int (*run)(void *arg), void *arg, const size_t *live)
{
	fflush(stdout);
	t->child = fork();
	CHECK(t->child >= 0);
	if (t->child == 0)
		run_traced(run, arg, live);
	look_at_end(t, trace(t));
}

void torture_calls(int (*run)(void *arg), void *arg, const size_t *live)
{
	struct tries counted = { 0 };
	struct trace count = { .counted = &counted };
	size_t step, tried = 0;

#ifdef ROTA_TSAN
	SKIP("ThreadSanitizer's own calls would fail");
#endif
	run_once(&count, run, arg, live);
	CHECK(counted.sum > 0);
	step = tries_step(counted.sum);
	for (size_t i = 0; i < counted.sum; i += step, tried++) {
		struct trace t = { 0 };

		t.nth = tries_find(&counted, i, &t.way);
		run_once(&t, run, arg, live);
	}
	printf("# %zu calls, which can fail in %zu ways: %zu tried\n", counted.calls, counted.sum, tried);
	free(counted.ways);
}

#else

void torture_calls(int (*run)(void *arg), void *arg, const size_t *live)
{
	(void)run, (void)arg, (void)live;
	SKIP("the tracer knows the registers of x86-64 only");
}

#endif
