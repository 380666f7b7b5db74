/* tty.c - modes of terminals, and that they get their former ones back
 *
 * What was found is kept in a table, with a descriptor of its own, because the user's may be closed when the process ends.  Four
 * ways lead back: set_mode(NORMAL), exit(), a signal that ends the process, rota_tty_reset().
 *
 *   FREE --first change--> CHANGED (found: termios, descriptor) --NORMAL--> FREE
 *
 * The lock is taken only with all signals blocked, in the handler and outside of it alike.  A signal is caught while its action
 * is the default one, so that whoever handles it otherwise, before or after, is not disturbed; the handler gives
 * the terminals back and lets the default happen. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <rota/tty.h>

#include "base/atomic.h"

enum { TERMINALS = 8 };

static struct terminal {
	bool changed;
	int fd; /* ours */
	dev_t device;
	pid_t pid; /* a fork's child leaves its parent's alone */
	struct termios found;
} terminals[TERMINALS];

static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };

static uint32_t lock;

static void block_and_lock(sigset_t *old)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, old);
	while (swap_acquire(&lock, 1)) /* pairs with the release below */
		while (load_relaxed(&lock))
			;
}

static void unlock_and_restore(const sigset_t *old)
{
	store_release(&lock, 0);
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* ---- the ways back ---- */

/* With SIGTTOU blocked the system does so for a process in the background, too.  Not TCSADRAIN: who has gone away does not
 * read what is on its way. */
void rota_tty_reset(void)
{
	int saved = errno;
	sigset_t old;

	block_and_lock(&old);
	for (int i = 0; i < TERMINALS; i++)
		if (terminals[i].changed && terminals[i].pid == getpid())
			tcsetattr(terminals[i].fd, TCSANOW, &terminals[i].found);
	unlock_and_restore(&old);
	errno = saved;
}

static void deadly_signal(int signo)
{
	rota_tty_reset();
	signal(signo, SIG_DFL);
	raise(signo); /* comes when the handler returns */
}

static void catch_deadly(void)
{
	struct sigaction ours = { .sa_handler = deadly_signal, .sa_flags = SA_ONSTACK }, now;

	sigfillset(&ours.sa_mask);
	for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
		if (sigaction(deadly[i], NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL)
			sigaction(deadly[i], &ours, NULL);
}

static void let_go_deadly(void)
{
	struct sigaction now;

	for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
		if (sigaction(deadly[i], NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
			now.sa_handler == deadly_signal)
			signal(deadly[i], SIG_DFL);
}

/* The child must not find the lock taken by a thread that it does not have. */
static sigset_t mask_before_fork;

static void lock_for_fork(void)
{
	sigset_t old;

	block_and_lock(&old);
	mask_before_fork = old;
}

static void unlock_after_fork(void)
{
	sigset_t old = mask_before_fork;

	unlock_and_restore(&old);
}

static void at_exit_and_fork(void)
{
	atexit(rota_tty_reset);
	pthread_atfork(lock_for_fork, unlock_after_fork, unlock_after_fork);
}

/* ---- the table; under the lock ---- */

static struct terminal *find(dev_t device)
{
	for (int i = 0; i < TERMINALS; i++)
		if (terminals[i].changed && terminals[i].pid == getpid() && terminals[i].device == device)
			return &terminals[i];
	return NULL;
}

static int remember(int fd, dev_t device, const struct termios *found)
{
	for (int i = 0; i < TERMINALS; i++) {
		struct terminal *t = &terminals[i];

		if (t->changed && t->pid == getpid())
			continue;
		if (t->changed)
			close(t->fd); /* inherited over a fork */
		t->changed = false;
		t->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (t->fd < 0)
			return rota_errno();
		t->device = device;
		t->pid = getpid();
		t->found = *found;
		t->changed = true;
		return 0;
	}
	return -ENOSPC;
}

static void forget(struct terminal *t)
{
	close(t->fd);
	t->changed = false;
}

static bool none_is_changed(void)
{
	for (int i = 0; i < TERMINALS; i++)
		if (terminals[i].changed && terminals[i].pid == getpid())
			return false;
	return true;
}

/* ---- modes ---- */

static struct termios in_mode(const struct termios *found, enum rota_tty_mode mode)
{
	struct termios t = *found;

	if (mode == ROTA_TTY_NORMAL)
		return t;
	cfmakeraw(&t);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (mode == ROTA_TTY_RAW)
		t.c_oflag |= OPOST | ONLCR;
	return t;
}

/* Not drained: under the lock nobody may wait for whoever reads the terminal. */
static int set(int fd, const struct termios *wanted)
{
	return tcsetattr(fd, TCSANOW, wanted) < 0 ? rota_errno() : 0;
}

static int set_locked(int fd, dev_t device, const struct termios *now, enum rota_tty_mode mode)
{
	struct terminal *t = find(device);
	struct termios wanted = in_mode(t != NULL ? &t->found : now, mode);
	int rc = 0;

	if (t == NULL && mode == ROTA_TTY_NORMAL)
		return 0;
	if (t == NULL)
		rc = remember(fd, device, now);
	if (rc == 0)
		rc = set(fd, &wanted);
	t = find(device);
	if (t != NULL && (mode == ROTA_TTY_NORMAL ? rc == 0 : rc < 0))
		forget(t);
	if (none_is_changed())
		let_go_deadly();
	else
		catch_deadly();
	return rc;
}

int rota_tty_set_mode(int fd, enum rota_tty_mode mode)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct termios now;
	struct stat st;
	sigset_t old;
	int rc;

	if ((unsigned)mode > ROTA_TTY_BINARY)
		return -EINVAL;
	if (tcgetattr(fd, &now) < 0 || fstat(fd, &st) < 0)
		return rota_errno();
	pthread_once(&once, at_exit_and_fork);
	block_and_lock(&old);
	rc = set_locked(fd, st.st_rdev, &now, mode);
	unlock_and_restore(&old);
	return rc;
}

/* ---- opening, size ---- */

static bool is_other_side(int fd)
{
	int number;

	return ioctl(fd, TIOCGPTN, &number) == 0;
}

int rota_tty_open(int fd)
{
	int flags = fcntl(fd, F_GETFL), own;
	char path[32];

	if (flags < 0)
		return rota_errno();
	if (!isatty(fd))
		return -ENOTTY;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	do
		own = is_other_side(fd) ? fcntl(fd, F_DUPFD_CLOEXEC, 0)
					: open(path, (flags & O_ACCMODE) | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	while (own < 0 && rota_errno() == -EINTR);
	return own < 0 ? rota_errno() : own;
}

int rota_tty_get_size(int fd, struct rota_tty_size *ret_size)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return rota_errno() == -EBADF ? -EBADF : -ENOTTY;
	*ret_size = (struct rota_tty_size){ size.ws_col, size.ws_row };
	return 0;
}
