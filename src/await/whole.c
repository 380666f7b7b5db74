/* whole.c - whole files: read into memory, written from it, replaced at once
 *
 * Made of the calls of file.c.  The atomic form goes
 *
 *   write beside -> sync -> rename -> sync the folder
 *
 * and up to the rename anything that goes wrong, a cancellation too, ends in removing what was made. */
#include <rota/file.h>
#include <rota/task.h>
#include <string.h>

#include "io/file_work.h"
#include "os/mem.h"

/* ---- reading ---- */

struct contents {
	char *data;
	size_t size, room; /* room: without the final 0 byte */
};

/* Room for more, but never for more than one byte above size_max: that byte tells that it is too long. */
static int make_room(struct contents *c, size_t size_max)
{
	size_t most = size_max < SIZE_MAX - 1 ? size_max + 1 : SIZE_MAX - 1;
	size_t room = c->room > most / 2 ? most : 2 * c->room;
	char *data;

	if (c->size < c->room)
		return 0;
	data = rota__realloc(c->data, room + 1);
	if (data == NULL)
		return -ENOMEM;
	c->data = data;
	c->room = room;
	return 0;
}

/* The size that stat told is where to begin, no more: files grow, and those in /proc say 0. */
static int read_contents(int fd, struct contents *c, size_t size_max)
{
	enum { AT_LEAST = 4096 };
	struct rota_file_info info;
	ssize_t n = rota_file_fstat(fd, &info);

	if (n < 0)
		return (int)n;
	if (info.type == ROTA_FILE_REGULAR && info.size > size_max)
		return ROTA_ELIMIT;
	if (info.size >= SIZE_MAX / 2)
		return -EFBIG;
	/* One more than there should be: a read that does not fill it has found the end. */
	c->room = (info.size < AT_LEAST ? AT_LEAST : (size_t)info.size) + 1;
	c->data = rota__alloc(c->room + 1);
	if (c->data == NULL)
		return -ENOMEM;
	do {
		n = make_room(c, size_max);
		if (n == 0)
			n = rota_pread(fd, c->data + c->size, c->room - c->size, ROTA_FILE_POSITION);
		if (n > 0)
			c->size += (size_t)n;
	} while (n > 0 && c->size <= size_max && !(c->size == info.size && c->size < c->room));
	return n < 0 ? (int)n : c->size > size_max ? ROTA_ELIMIT : 0;
}

int rota_read_file(const char *path, void **ret_data, size_t *ret_size, size_t size_max)
{
	struct contents c = { NULL, 0, 0 };
	int fd, rc;

	if (ret_data == NULL || ret_size == NULL)
		return -EINVAL;
	fd = rota_file_open(path, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	rc = read_contents(fd, &c, size_max);
	rota_file_close(fd);
	if (rc < 0) {
		rota__free(c.data);
		return rc;
	}
	c.data[c.size] = '\0';
	*ret_data = c.data;
	*ret_size = c.size;
	return 0;
}

/* ---- writing ---- */

/* Write all, sync if asked, and close: the first error. */
static int fill_and_close(int fd, const void *data, size_t size, bool sync)
{
	ssize_t n = rota_pwrite_all(fd, data, size, ROTA_FILE_POSITION, NULL);
	int rc = n < 0 ? (int)n : 0, closed;

	if (rc == 0 && sync)
		rc = rota_fsync(fd);
	closed = rota_file_close(fd);
	return rc < 0 ? rc : closed;
}

int rota_write_file(const char *path, const void *data, size_t size, unsigned mode)
{
	int fd = data == NULL && size > 0 ? -EINVAL : rota_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	return fd < 0 ? fd : fill_and_close(fd, data, size, false);
}

/* A new file in the folder of `path`, under a name that nobody has: its descriptor, its path in `temp`. */
static int open_temporary(const char *path, unsigned mode, char *temp, size_t temp_size)
{
	int fd = -EEXIST, rc;

	/* 2^64 names: twice the same is somebody's doing. */
	for (int tries = 0; fd == -EEXIST && tries < 8; tries++) {
		rc = rota__temporary_name(path, temp, temp_size);
		if (rc < 0)
			return rc;
		fd = rota_file_open(temp, O_WRONLY | O_CREAT | O_EXCL, mode);
	}
	return fd;
}

/* So that the rename itself is on the disk.  A folder that may not be read cannot be synced: then the
 * file system decides when. */
static int sync_folder(char *path_in_it)
{
	size_t folder = rota__folder_length(path_in_it);
	int fd, rc;

	path_in_it[folder] = '\0';
	fd = rota_file_open(folder > 0 ? path_in_it : ".", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd == -EACCES ? 0 : fd;
	rc = rota_fsync(fd);
	rota_file_close(fd);
	return rc == -EINVAL ? 0 : rc; /* a file system without such a thing */
}

static int unlink_of(void *path)
{
	return rota_unlink(path);
}

static int sync_folder_of(void *path)
{
	return sync_folder(path);
}

static int write_beside(const char *path, const void *data, size_t size, unsigned mode, char *temp, size_t temp_size)
{
	int fd = open_temporary(path, mode, temp, temp_size), rc;

	if (fd < 0)
		return fd;
	rc = fill_and_close(fd, data, size, true);
	if (rc == 0)
		rc = rota_rename(temp, path);
	if (rc < 0) {
		rota_shield(ROTA_FOREVER, unlink_of, temp);
		return rc;
	}
	return rota_shield(ROTA_FOREVER, sync_folder_of, temp);
}

int rota_write_file_atomic(const char *path, const void *data, size_t size, unsigned mode)
{
	size_t temp_size;
	char *temp;
	int rc;

	if (path == NULL || (data == NULL && size > 0))
		return -EINVAL;
	if (rota_self() == NULL)
		return -EPERM;
	temp_size = rota__folder_length(path) + ROTA__TEMPORARY_BYTES;
	temp = rota__alloc(temp_size);
	if (temp == NULL)
		return -ENOMEM;
	rc = write_beside(path, data, size, mode, temp, temp_size);
	rota__free(temp);
	return rc;
}
