/* whole_work.c - a whole file read into memory, or written from it, on a thread of the blocking pool */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file_work.h"
#include "os/mem.h"

struct contents {
	char *data;
	size_t size, room; /* room: without the final 0 byte */
};

/* Twice the room, but never for more than one byte above size_max: that byte tells that it is too long. */
static int make_room(struct contents *c, uint64_t size_max)
{
	size_t most = size_max < SIZE_MAX - 1 ? (size_t)size_max + 1 : SIZE_MAX - 1;
	size_t room = c->room > most / 2 ? most : 2 * c->room;
	char *data = rota__realloc(c->data, room + 1);

	if (data == NULL)
		return -ENOMEM;
	c->data = data;
	c->room = room;
	return 0;
}

static int read_some(int fd, struct contents *c)
{
	ssize_t n = read(fd, c->data + c->size, c->room - c->size);

	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	c->size += (size_t)n;
	return n > 0;
}

/* The size that stat tells is where to begin, no more: files grow, and those in /proc say 0. */
static int read_contents(int fd, struct contents *c, uint64_t size_max)
{
	enum { AT_LEAST = 4096 };
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > size_max)
		return ROTA_ELIMIT;
	if ((uint64_t)st.st_size >= SIZE_MAX / 2)
		return -EFBIG;
	/* One more than there should be: a read that does not fill it is followed by the one that finds the end. */
	c->room = (st.st_size < AT_LEAST ? AT_LEAST : (size_t)st.st_size) + 1;
	c->data = rota__alloc(c->room + 1);
	if (c->data == NULL)
		return -ENOMEM;
	do {
		rc = c->size == c->room ? make_room(c, size_max) : 0;
		if (rc == 0)
			rc = read_some(fd, c);
	} while (rc > 0 && c->size <= size_max);
	return rc < 0 ? rc : c->size > size_max ? ROTA_ELIMIT : 0;
}

int rota__file_read_whole(void *arg)
{
	const struct rota__file_args *a = arg;
	struct contents c = { NULL, 0, 0 };
	int fd = open(a->path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = read_contents(fd, &c, a->bytes);
	close(fd);
	if (rc < 0) {
		rota__free(c.data);
		return rc;
	}
	c.data[c.size] = '\0';
	*a->whole.data = c.data;
	*a->whole.size = c.size;
	return 0;
}

int rota__file_write_whole(void *arg)
{
	const struct rota__file_args *a = arg;
	int fd = open(a->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, a->mode), rc;

	if (fd < 0)
		return -errno;
	rc = rota__file_write_all(fd, a->buf, a->size);
	if (close(fd) < 0 && rc == 0)
		rc = -errno; /* a late error of a write */
	return rc;
}
