/* named_pipe.c - ends of named pipes, as connections and as streams
 *
 * They are opened without waiting for the other end, which open(2) would do.  A reader that is there first waits quietly: the
 * system tells of an end only after there has been a writer.  One that is never to see an end holds a writing end as
 * well. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/conn.h"
#include "io/stream.h"

/* For the end's descriptor: what it is, looked at through the descriptor, because the name may be another's now. */
static int check(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return rota_errno();
	return S_ISFIFO(st.st_mode) ? 0 : -EINVAL;
}

static int flags_of(enum rota_pipe_end end)
{
	switch (end) {
	case ROTA_PIPE_READER:
		return O_RDONLY;
	case ROTA_PIPE_READER_FOR_EVER:
		return O_RDWR;
	case ROTA_PIPE_WRITER:
		return O_WRONLY;
	default:
		return -EINVAL;
	}
}

/* The descriptor, or why not. */
static int open_end(const char *path, enum rota_pipe_end end, unsigned mode)
{
	int flags = flags_of(end), fd, rc;

	if (flags < 0 || (mode & ~07777u) != 0)
		return -EINVAL;
	if (mode != 0 && mkfifo(path, (mode_t)mode) < 0 && rota_errno() != -EEXIST)
		return rota_errno();
	do
		fd = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	while (fd < 0 && rota_errno() == -EINTR);
	if (fd < 0)
		return rota_errno() == -EISDIR ? -EINVAL : rota_errno();
	rc = check(fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

int rota_conn_named_pipe_at(struct rota_loop *loop, struct rota_conn *c, const char *path, enum rota_pipe_end end,
	unsigned mode, const char *site)
{
	ROTA_INSIDE();
	int fd = rota__handle_may_open(&c->handle, loop);

	if (fd == 0)
		fd = open_end(path, end, mode);

	return fd < 0 ? fd : rota__conn_start(loop, c, fd, 0, site);
}

int rota_stream_named_pipe(struct rota_stream **ret_stream, const char *path, enum rota_pipe_end end, unsigned mode)
{
	ROTA_INSIDE();
	struct rota_loop *loop = rota_loop_current();
	struct rota_stream *s;
	int fd = loop != NULL ? open_end(path, end, mode) : -EPERM;

	if (fd < 0)
		return fd;
	s = rota__stream_new(loop, fd, false);
	if (s == NULL) {
		close(fd);
		return -ENOMEM;
	}
	s->unheard = end == ROTA_PIPE_READER;
	*ret_stream = s;
	return 0;
}
