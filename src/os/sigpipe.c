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

static sigset_t block(void)
{
	sigset_t set = sigpipe(), before;

	pthread_sigmask(SIG_BLOCK, &set, &before);
	return before;
}

/* `n`, with errno in the place of -1.  A program that blocks SIGPIPE itself may find one pending. */
static ssize_t unblock(const sigset_t *before, ssize_t n)
{
	const struct timespec now = { 0, 0 };
	sigset_t set = sigpipe();

	if (n < 0)
		n = -errno;
	if (sigismember(before, SIGPIPE))
		return n;
	if (n == -EPIPE)
		while (sigtimedwait(&set, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, before, NULL);
	return n;
}

ssize_t rota__writev_quietly(int fd, const struct iovec *iov, int count)
{
	sigset_t before = block();

	return unblock(&before, writev(fd, iov, count));
}

ssize_t rota__sendfile_quietly(int to, int from, off_t *offset, size_t size)
{
	sigset_t before = block();

	return unblock(&before, sendfile(to, from, offset, size));
}
