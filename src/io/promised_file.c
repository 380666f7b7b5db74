/* promised_file.c - promises of files (promised.h): a request for each, and what it brings in the promise's memory */
#include <unistd.h>

#include "io/promised.h"
#include "os/mem.h"

/* A path's longest, with its 0 byte. */
enum { PATH_BYTES = 4096 };

/* About a descriptor, a path, two of them. */
static struct rota__promised *plain(struct rota_loop *loop, const char *site)
{
	return rota__promised_new(loop, site, NULL, NULL, 0);
}

static struct rota__promised *about(struct rota_loop *loop, const char *path, const char *site)
{
	return rota__promised_new(loop, site, path, NULL, 0);
}

static struct rota__promised *about_two(struct rota_loop *loop, const char *path, const char *path2, const char *site)
{
	return rota__promised_new(loop, site, path, path2, 0);
}

/* Its answer is a text. */
static struct rota__promised *asking(struct rota_loop *loop, const char *path, const char *site)
{
	struct rota__promised *a = rota__promised_new(loop, site, path, NULL, PATH_BYTES);

	if (a != NULL)
		a->value.text = (char *)a->room;
	return a;
}

/* What is brought by one that nobody took. */
static struct rota__promised *destroyed_by(struct rota__promised *a, void (*destroy)(void *value))
{
	if (a != NULL)
		a->destroy = destroy;
	return a;
}

static void close_fd(void *value)
{
	close((int)((struct rota_promised *)value)->result);
}

static void free_data(void *value)
{
	rota__free(((struct rota_promised *)value)->data);
}

static void free_folder(void *value)
{
	rota__free(((struct rota_promised *)value)->folder);
}

/* ---- descriptors, reading and writing ---- */

struct rota_promise *rota_promise_open_at(
	struct rota_loop *loop, const char *path, int flags, unsigned mode, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = destroyed_by(about(loop, path, site), close_fd);

	return PROMISED_REQUEST(a, open, a->text, flags, mode);
}

struct rota_promise *rota_promise_close_at(struct rota_loop *loop, int fd, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, close, fd);
}

struct rota_promise *rota_promise_pread_at(
	struct rota_loop *loop, int fd, void *buf, size_t size, uint64_t offset, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, pread, fd, buf, size, offset);
}

struct rota_promise *rota_promise_pwrite_at(
	struct rota_loop *loop, int fd, const void *buf, size_t size, uint64_t offset, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, pwrite, fd, buf, size, offset);
}

struct rota_promise *rota_promise_preadv_at(
	struct rota_loop *loop, int fd, const struct iovec *iov, int count, uint64_t offset, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, preadv, fd, iov, count, offset);
}

struct rota_promise *rota_promise_pwritev_at(
	struct rota_loop *loop, int fd, const struct iovec *iov, int count, uint64_t offset, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, pwritev, fd, iov, count, offset);
}

struct rota_promise *rota_promise_fsync_at(struct rota_loop *loop, int fd, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, fsync, fd);
}

struct rota_promise *rota_promise_fdatasync_at(struct rota_loop *loop, int fd, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, fdatasync, fd);
}

struct rota_promise *rota_promise_ftruncate_at(struct rota_loop *loop, int fd, uint64_t size, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, ftruncate, fd, size);
}

/* ---- what a file is ---- */

struct rota_promise *rota_promise_stat_at(struct rota_loop *loop, const char *path, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, stat, a->text, &a->value.info);
}

struct rota_promise *rota_promise_lstat_at(struct rota_loop *loop, const char *path, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, lstat, a->text, &a->value.info);
}

struct rota_promise *rota_promise_fstat_at(struct rota_loop *loop, int fd, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, fstat, fd, &a->value.info);
}

struct rota_promise *rota_promise_access_at(struct rota_loop *loop, const char *path, int mode, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, access, a->text, mode);
}

struct rota_promise *rota_promise_disk_stat_at(struct rota_loop *loop, const char *path, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, disk_stat, a->text, &a->value.disk);
}

/* ---- names ---- */

struct rota_promise *rota_promise_rename_at(
	struct rota_loop *loop, const char *from, const char *to, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about_two(loop, from, to, site);

	return PROMISED_REQUEST(a, rename, a->text, a->text2);
}

struct rota_promise *rota_promise_unlink_at(struct rota_loop *loop, const char *path, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, unlink, a->text);
}

struct rota_promise *rota_promise_mkdir_at(struct rota_loop *loop, const char *path, unsigned mode, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, mkdir, a->text, mode);
}

struct rota_promise *rota_promise_rmdir_at(struct rota_loop *loop, const char *path, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, rmdir, a->text);
}

struct rota_promise *rota_promise_link_at(
	struct rota_loop *loop, const char *path, const char *new_path, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about_two(loop, path, new_path, site);

	return PROMISED_REQUEST(a, link, a->text, a->text2);
}

struct rota_promise *rota_promise_symlink_at(
	struct rota_loop *loop, const char *target, const char *path, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about_two(loop, target, path, site);

	return PROMISED_REQUEST(a, symlink, a->text, a->text2);
}

struct rota_promise *rota_promise_readlink_at(struct rota_loop *loop, const char *path, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = asking(loop, path, site);

	return PROMISED_REQUEST(a, readlink, a->text, a->value.text, PATH_BYTES);
}

struct rota_promise *rota_promise_realpath_at(struct rota_loop *loop, const char *path, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = asking(loop, path, site);

	return PROMISED_REQUEST(a, realpath, a->text, a->value.text, PATH_BYTES);
}

/* The second copy of the pattern becomes the name. */
static struct rota__promised *naming(struct rota_loop *loop, const char *pattern, const char *site)
{
	struct rota__promised *a = about_two(loop, pattern, pattern, site);

	if (a != NULL)
		a->value.text = a->text2;
	return a;
}

struct rota_promise *rota_promise_mkstemp_at(struct rota_loop *loop, const char *pattern, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = destroyed_by(naming(loop, pattern, site), close_fd);

	return PROMISED_REQUEST(a, mkstemp, a->text2);
}

struct rota_promise *rota_promise_mkdtemp_at(struct rota_loop *loop, const char *pattern, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = naming(loop, pattern, site);

	return PROMISED_REQUEST(a, mkdtemp, a->text2);
}

struct rota_promise *rota_promise_readdir_at(struct rota_loop *loop, const char *path, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = destroyed_by(about(loop, path, site), free_folder);

	return PROMISED_REQUEST(a, readdir, a->text, &a->value.folder);
}

/* ---- what belongs to a file ---- */

struct rota_promise *rota_promise_truncate_at(
	struct rota_loop *loop, const char *path, uint64_t size, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, truncate, a->text, size);
}

struct rota_promise *rota_promise_chmod_at(struct rota_loop *loop, const char *path, unsigned mode, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, chmod, a->text, mode);
}

struct rota_promise *rota_promise_fchmod_at(struct rota_loop *loop, int fd, unsigned mode, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, fchmod, fd, mode);
}

struct rota_promise *rota_promise_chown_at(
	struct rota_loop *loop, const char *path, uint32_t uid, uint32_t gid, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, chown, a->text, uid, gid);
}

struct rota_promise *rota_promise_lchown_at(
	struct rota_loop *loop, const char *path, uint32_t uid, uint32_t gid, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, lchown, a->text, uid, gid);
}

struct rota_promise *rota_promise_fchown_at(
	struct rota_loop *loop, int fd, uint32_t uid, uint32_t gid, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, fchown, fd, uid, gid);
}

struct rota_promise *rota_promise_set_file_times_at(
	struct rota_loop *loop, const char *path, int64_t read_at_ns, int64_t written_at_ns, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, set_file_times, a->text, read_at_ns, written_at_ns);
}

/* ---- copying, whole files ---- */

struct rota_promise *rota_promise_copy_file_at(
	struct rota_loop *loop, const char *from, const char *to, unsigned flags, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about_two(loop, from, to, site);

	return PROMISED_REQUEST(a, copy_file, a->text, a->text2, flags);
}

struct rota_promise *rota_promise_send_file_at(
	struct rota_loop *loop, int to_fd, int from_fd, uint64_t offset, uint64_t size, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = plain(loop, site);

	return PROMISED_REQUEST(a, send_file, to_fd, from_fd, offset, size);
}

struct rota_promise *rota_promise_write_file_at(
	struct rota_loop *loop, const char *path, const void *data, size_t size, unsigned mode, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = about(loop, path, site);

	return PROMISED_REQUEST(a, write_file, a->text, data, size, mode);
}

static void read_whole(struct rota_request *request, int64_t result)
{
	struct rota__promised *a = container_of(request, struct rota__promised, request);

	rota__promised_settle(a, result < 0 ? result : (int64_t)a->size);
}

struct rota_promise *rota_promise_read_file_at(
	struct rota_loop *loop, const char *path, size_t size_max, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = destroyed_by(about(loop, path, site), free_data);

	if (a == NULL)
		return NULL;
	return rota__promised_begun(a, rota_request_read_file_at(a->promise.loop, rota__promised_request(a), a->text,
		&a->value.data, &a->size, size_max, read_whole, site));
}
