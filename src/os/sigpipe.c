/* sigpipe.c - writing without SIGPIPE (sigpipe.h) */
#include <errno.h>
#include <sys/sendfile.h>
#include <time.h>

#include "os/sigpipe.h"

static sigset_t sigpipe(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return set;
}

sigset_t rota__sigpipe_block(void)
{
	sigset_t set = sigpipe(), before;

	pthread_sigmask(SIG_BLOCK, &set, &before);
	return before;
}

/* A program that blocks SIGPIPE itself may find one pending. */
void rota__sigpipe_unblock(const sigset_t *before, bool may_have_come)
{
	const struct timespec now = { 0, 0 };
	sigset_t set = sigpipe();

	if (sigismember(before, SIGPIPE))
		return;
	if (may_have_come)
		while (sigtimedwait(&set, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

bool rota__sigpipe_blocked(void)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	return sigismember(&mask, SIGPIPE);
}

/* `n`, with errno in the place of -1. */
static ssize_t unblock(const sigset_t *before, ssize_t n)
{
	if (n < 0)
		n = -errno;
	rota__sigpipe_unblock(before, n == -EPIPE);
	return n;
}

ssize_t rota__writev_quietly(int fd, const struct iovec *iov, int count)
{
	sigset_t before = rota__sigpipe_block();

	return unblock(&before, writev(fd, iov, count));
}

ssize_t rota__sendfile_quietly(int to, int from, off_t *offset, size_t size)
{
	sigset_t before = rota__sigpipe_block();

	return unblock(&before, sendfile(to, from, offset, size));
}
