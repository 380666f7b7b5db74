/* site_open.c - opening below the root and never outside of it
 *
 * openat2(2) with RESOLVE_BENEATH has the kernel refuse every way out, symbolic links included, in
 * one step that nothing can change under us.  Where it is missing (Linux before 5.6, some
 * sandboxes) the path is walked one name at a time and no symbolic link is followed at all:
 * stricter, but as safe.
 *
 * RESOLVE_CACHED makes the call fail rather than wait for a disk; then a thread of the blocking
 * pool does the waiting. */
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "site.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

/* O_NONBLOCK: opening a FIFO does not wait for its other end. */
enum { READ_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static int open_beneath(int root, const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = READ_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve };
	long fd = syscall(SYS_openat2, root, path, &how, sizeof how);

	return fd < 0 ? rota_errno() : (int)fd;
}

static int open_step(int folder, const char *name, size_t len, bool last)
{
	char text[NAME_MAX + 1];
	int fd;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(text, name, len);
	text[len] = '\0';
	fd = openat(
		folder, text, O_NOFOLLOW | (last ? READ_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0)
		return rota_errno() == -ELOOP ? -EXDEV : rota_errno();
	return fd;
}

/* The parts are names: "..", "." and empty ones do not get here (rota_http_path). */
static int open_by_steps(int root, const char *path)
{
	int folder = root, fd = -ENOENT;

	for (;;) {
		size_t len = strcspn(path, "/");
		bool last = path[len] == '\0' || path[len + 1] == '\0';

		fd = open_step(folder, path, len, last);
		if (folder != root)
			close(folder);
		if (fd < 0 || last)
			return fd;
		folder = fd;
		path += len + 1;
	}
}

struct request {
	const struct site *site;
	const char *path;
};

static int open_waiting(void *arg)
{
	const struct request *r = arg;

	return r->site->beneath ? open_beneath(r->site->root, r->path, 0)
				: open_by_steps(r->site->root, r->path);
}

int site_open_file(const struct site *site, const char *path)
{
	struct request r = { .site = site, .path = path[1] != '\0' ? path + 1 : "." };

	if (site->beneath) {
		int fd = open_beneath(site->root, r.path, RESOLVE_CACHED);

		if (fd != -EAGAIN)
			return fd;
	}
	return rota_blocking(open_waiting, &r);
}

int site_open(struct site *site, const char *path, bool listing)
{
	int probe;

	*site = (struct site){ .listing = listing };
	site->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (site->root < 0)
		return rota_errno();
	probe = open_beneath(site->root, ".", 0);
	site->beneath = probe >= 0;
	if (probe >= 0)
		close(probe);
	return 0;
}

void site_close(struct site *site)
{
	if (site->root >= 0)
		close(site->root);
}
