/* whole_work.c - a whole file read into memory, or written from it, on a thread of the blocking pool */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
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
		return rota_errno() == -EINTR ? 1 : rota_errno();
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
		return rota_errno();
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
	int fd = rota__file_open_now(a->path, O_RDONLY | O_CLOEXEC, 0), rc;

	if (fd < 0)
		return fd;
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
	int fd = rota__file_open_now(a->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, a->mode), rc;

	if (fd < 0)
		return fd;
	rc = rota__file_write_all(fd, a->buf, a->size);
	if (close(fd) < 0 && rc == 0)
		rc = rota_errno(); /* a late error of a write */
	return rc;
}

/* ---- at once and whole: await/whole.c does the same step by step ---- */

size_t rota__folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

int rota__temporary_name(const char *path, char *temp, size_t temp_bytes)
{
	size_t folder = rota__folder_length(path);
	uint64_t number;

	if (folder + ROTA__TEMPORARY_BYTES > temp_bytes)
		return -ENAMETOOLONG;
	if (getrandom(&number, sizeof number, 0) != sizeof number)
		return -EIO;
	snprintf(temp, temp_bytes, "%.*s.rota-%016llx", (int)folder, path, (unsigned long long)number);
	return 0;
}

static int sync_all(int fd)
{
	int rc;

	do
		rc = fsync(fd);
	while (rc < 0 && rota_errno() == -EINTR);
	return rc < 0 ? rota_errno() : 0;
}

/* A new file beside `path`, with all that is to be in it, on the disk. */
static int write_beside(const struct rota__file_args *a, char *temp, size_t temp_bytes)
{
	int rc = rota__temporary_name(a->path, temp, temp_bytes), fd;

	if (rc < 0)
		return rc;
	fd = rota__file_open_now(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, a->mode);
	if (fd < 0)
		return fd;
	rc = rota__file_write_all(fd, a->buf, a->size);
	if (rc == 0)
		rc = sync_all(fd);
	if (close(fd) < 0 && rc == 0)
		rc = rota_errno();
	if (rc < 0)
		unlink(temp);
	return rc;
}

/* So that the rename itself is on the disk.  A folder that may not be read cannot be synced: then the file system decides when. */
static int sync_folder(char *path_in_it)
{
	size_t folder = rota__folder_length(path_in_it);
	int fd, rc;

	path_in_it[folder] = '\0';
	fd = rota__file_open_now(folder > 0 ? path_in_it : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd == -EACCES ? 0 : fd;
	rc = sync_all(fd);
	close(fd);
	return rc == -EINVAL ? 0 : rc; /* a file system without such a thing */
}

int rota__file_write_atomic(void *arg)
{
	const struct rota__file_args *a = arg;
	char temp[PATH_MAX];
	int rc;

	do
		rc = write_beside(a, temp, sizeof temp);
	while (rc == -EEXIST); /* one of 2^64 names: next time another */
	if (rc < 0)
		return rc;
	if (rename(temp, a->path) < 0) {
		rc = rota_errno();
		unlink(temp);
		return rc;
	}
	return sync_folder(temp);
}
