/* sigpipe.h - writing to a pipe that nobody reads, without the signal
 *
 * send(2) has MSG_NOSIGNAL; write(2) and sendfile(2) have nothing (before Linux 6.18).  The signal goes
 * to the thread that writes, at once: so it is blocked around the call, and taken back if it came. */
#ifndef ROTA_OS_SIGPIPE_H
#define ROTA_OS_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

/* As writev(2) and sendfile(2), but -errno for an error, and never a SIGPIPE. */
ssize_t rota__writev_quietly(int fd, const struct iovec *iov, int count);
ssize_t rota__sendfile_quietly(int to, int from, off_t *offset, size_t size);

/* Block it on this thread around a call of another kind: the mask as it was, to be given back.  `may_have_come`: one that came
 * meanwhile is taken away, unless the program blocks it itself. */
sigset_t rota__sigpipe_block(void);
void rota__sigpipe_unblock(const sigset_t *before, bool may_have_come);

/* Does this thread block it? */
bool rota__sigpipe_blocked(void);

#endif
