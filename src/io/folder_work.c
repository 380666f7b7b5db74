/* folder_work.c - the list of what is in a folder
 *
 * The kernel offers no way to read one without waiting for the disk, so it is done in one go on the
 * blocking pool.  Names are gathered in one growing text, with the type in front of each, and become a
 * list when all are there:
 *
 *   text   [type] name \0 [type] name \0 ...
 *   list   struct rota_folder | entries | names
 *
 * Or, of a folder that may have millions, as much as the system tells at a time.  It is told right into the list's memory, which is
 * there first: so no name is lost for want of it.
 *
 *   list   struct rota_folder | entries | what the system tells: struct dirent64, ... */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/file_info.h"
#include "io/file_work.h"
#include "os/mem.h"

struct listing {
	char *text;
	size_t used, room, count;
	struct rota_folder *folder;
};

static int add(struct listing *l, const struct dirent *entry)
{
	enum { FIRST = 4096 };
	size_t length = strlen(entry->d_name) + 1;

	if (l->room - l->used < 1 + length) {
		size_t room = l->room ? 2 * l->room : FIRST;
		char *text = rota__realloc(l->text, room);

		if (text == NULL)
			return -ENOMEM;
		l->text = text;
		l->room = room;
	}
	l->text[l->used] = (char)rota__file_type(entry->d_type);
	memcpy(l->text + l->used + 1, entry->d_name, length);
	l->used += 1 + length;
	l->count++;
	return 0;
}

static bool dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int gather(struct listing *l, DIR *dir)
{
	struct dirent *entry;
	int rc = 0;

	while (rc == 0) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			return rota_errno();
		if (!dots(entry->d_name))
			rc = add(l, entry);
	}
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct rota_folder_entry *)a)->name, ((const struct rota_folder_entry *)b)->name);
}

static int make_list(struct listing *l)
{
	size_t head = sizeof *l->folder + l->count * sizeof(struct rota_folder_entry);
	struct rota_folder_entry *entries;
	char *text;

	l->folder = rota__alloc(head + l->used);
	if (l->folder == NULL)
		return -ENOMEM;
	entries = (struct rota_folder_entry *)(l->folder + 1);
	text = (char *)l->folder + head;
	if (l->used > 0)
		memcpy(text, l->text, l->used);
	for (size_t i = 0; i < l->count; i++) {
		entries[i] = (struct rota_folder_entry){ text + 1, (enum rota_file_type)text[0] };
		text += 1 + strlen(text + 1) + 1;
	}
	qsort(entries, l->count, sizeof *entries, by_name);
	*l->folder = (struct rota_folder){ l->count, entries };
	return 0;
}

int rota__file_readdir(void *arg)
{
	const struct rota__file_args *a = arg;
	struct listing l = { 0 };
	int fd = rota__file_open_now(a->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK, 0), rc;
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (dir == NULL) {
		rc = rota_errno();
		close(fd);
		return rc;
	}
	rc = gather(&l, dir);
	closedir(dir);
	if (rc == 0)
		rc = make_list(&l);
	rota__free(l.text);
	if (rc == 0)
		*a->folder = l.folder;
	return rc;
}

/* ---- in pieces ---- */

enum {
	TOLD_BYTES = 32768, /* readdir(3) asks for as many */
	RECORD_BYTES_MIN = 24, /* a name of up to four bytes, rounded up */
	ENTRIES_MAX = TOLD_BYTES / RECORD_BYTES_MIN,
};

struct piece {
	struct rota_folder folder;
	struct rota_folder_entry entries[ENTRIES_MAX];
	_Alignas(struct dirent64) char told[TOLD_BYTES];
};

/* The folder itself may have been removed: then that was all. */
static long tell(int fd, char *told)
{
	long n = syscall(SYS_getdents64, fd, told, (size_t)TOLD_BYTES);

	return n < 0 ? (rota_errno() == -ENOENT ? 0 : rota_errno()) : n;
}

static size_t list_told(struct piece *p, long bytes)
{
	size_t count = 0;

	for (long at = 0; at < bytes;) {
		const struct dirent64 *d = (const struct dirent64 *)(const void *)(p->told + at);

		if (!dots(d->d_name))
			p->entries[count++] = (struct rota_folder_entry){ d->d_name, rota__file_type(d->d_type) };
		at += d->d_reclen;
	}
	p->folder = (struct rota_folder){ count, p->entries };
	return count;
}

int rota__file_readdir_next(void *arg)
{
	const struct rota__file_args *a = arg;
	struct piece *p = rota__alloc(sizeof *p);
	long bytes;

	if (p == NULL)
		return -ENOMEM;
	do
		bytes = tell(a->fd, p->told);
	while (bytes > 0 && list_told(p, bytes) == 0);
	if (bytes <= 0) {
		rota__free(p);
		return (int)bytes;
	}
	*a->folder = &p->folder;
	return (int)p->folder.count;
}
