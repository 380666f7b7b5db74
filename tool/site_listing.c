/* site_listing.c - a folder as a page: names, sizes, times
 *
 * Reading a folder may wait for a disk, so it is done on the blocking pool.  Names beginning with a
 * dot are left out, as everywhere. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "codec/escape.h"
#include "site.h"

enum { ENTRIES_MAX = 100000 }; /* a page of 20 MB; nobody reads the rest */

struct entry {
	char *name;
	bool folder;
	uint64_t size;
	time_t modified;
};

struct listing {
	int fd;
	const char *path;
	struct entry *entries;
	size_t count, room;
	bool cut;
	char *page;
	size_t page_len, page_room;
};

/* ---- reading ---- */

static int add_entry(struct listing *l, const char *name)
{
	struct stat st;

	if (fstatat(l->fd, name, &st, 0) < 0)
		return 0; /* a dangling link, or gone meanwhile */
	if (l->count == l->room) {
		size_t room = l->room != 0 ? 2 * l->room : 64;
		struct entry *larger = realloc(l->entries, room * sizeof *larger);

		if (larger == NULL)
			return -ENOMEM;
		l->entries = larger;
		l->room = room;
	}
	l->entries[l->count] = (struct entry){ .name = strdup(name),
		.folder = S_ISDIR(st.st_mode),
		.size = (uint64_t)st.st_size,
		.modified = st.st_mtime };
	return l->entries[l->count++].name != NULL ? 0 : -ENOMEM;
}

static int read_entries(struct listing *l)
{
	int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0), rc = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *d;

	if (dir == NULL) {
		rc = rota_errno();
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rewinddir(dir); /* the duplicate shares its place with the original */
	while (rc == 0 && (d = readdir(dir)) != NULL) {
		l->cut = l->count == ENTRIES_MAX;
		if (l->cut)
			break;
		if (d->d_name[0] != '.')
			rc = add_entry(l, d->d_name);
	}
	closedir(dir);
	return rc;
}

static int folders_first(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->folder != y->folder)
		return x->folder ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* ---- writing ---- */

static int reserve(struct listing *l, size_t more)
{
	size_t room = l->page_room != 0 ? l->page_room : 8192;
	char *larger;

	while (room - l->page_len < more)
		room *= 2;
	if (room == l->page_room)
		return 0;
	larger = realloc(l->page, room);
	if (larger == NULL)
		return -ENOMEM;
	l->page = larger;
	l->page_room = room;
	return 0;
}

static int put(struct listing *l, const char *text)
{
	size_t len = strlen(text);
	int rc = reserve(l, len);

	if (rc == 0)
		memcpy(l->page + l->page_len, text, len);
	if (rc == 0)
		l->page_len += len;
	return rc;
}

static int put_escaped(struct listing *l, const char *text,
	ssize_t (*escape)(struct span, char *, size_t), size_t factor)
{
	size_t room = strlen(text) * factor;
	int rc = reserve(l, room);

	if (rc == 0)
		l->page_len += (size_t)escape(span_of(text), l->page + l->page_len, room);
	return rc;
}

static int put_entry(struct listing *l, const struct entry *e)
{
	char when[32], tail[96];
	struct tm tm;
	int rc;

	gmtime_r(&e->modified, &tm);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
	if (e->folder)
		snprintf(tail, sizeof tail, "</a></td><td>%s</td><td></td></tr>\n", when);
	else
		snprintf(tail, sizeof tail, "</a></td><td>%s</td><td>%llu</td></tr>\n", when,
			(unsigned long long)e->size);
	rc = put(l, "<tr><td><a href=\"");
	/* "./" keeps a name with a colon from being read as a scheme. */
	rc = rc == 0 ? put(l, "./") : rc;
	rc = rc == 0 ? put_escaped(l, e->name, rota__escape_url, ESCAPE_URL_MAX) : rc;
	rc = rc == 0 ? put(l, e->folder ? "/\">" : "\">") : rc;
	rc = rc == 0 ? put_escaped(l, e->name, rota__escape_html, ESCAPE_HTML_MAX) : rc;
	rc = rc == 0 ? put(l, e->folder ? "/" : "") : rc;
	return rc == 0 ? put(l, tail) : rc;
}

static int put_page(struct listing *l)
{
	int rc = put(l, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Index of ");

	rc = rc == 0 ? put_escaped(l, l->path, rota__escape_html, ESCAPE_HTML_MAX) : rc;
	rc = rc == 0 ? put(l, "</title>\n<style>body{font-family:sans-serif;margin:2em}"
			      "td{padding:.1em 1em .1em "
			      "0}td+td{color:#666;text-align:right}</style></head>\n"
			      "<body><h1>Index of ")
		     : rc;
	rc = rc == 0 ? put_escaped(l, l->path, rota__escape_html, ESCAPE_HTML_MAX) : rc;
	rc = rc == 0 ? put(l, "</h1>\n<table>\n") : rc;
	if (rc == 0 && strcmp(l->path, "/") != 0)
		rc = put(l, "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
	for (size_t i = 0; rc == 0 && i < l->count; i++)
		rc = put_entry(l, &l->entries[i]);
	rc = rc == 0 ? put(l, "</table>\n") : rc;
	if (rc == 0 && l->cut)
		rc = put(l, "<p>There are more.</p>\n");
	return rc == 0 ? put(l, "</body></html>\n") : rc;
}

static int make_page(void *arg)
{
	struct listing *l = arg;
	int rc = read_entries(l);

	if (rc < 0)
		return rc;
	if (l->count > 0)
		qsort(l->entries, l->count, sizeof *l->entries, folders_first);
	return put_page(l);
}

int site_answer_listing(struct rota_http_exchange *x, int fd, const char *path)
{
	struct listing l = { .fd = fd, .path = path };
	int rc = rota_blocking(make_page, &l);

	if (rc == 0)
		rc = rota_http_reply(x, 200,
			ROTA_HTTP_HEADERS({ "Content-Type", "text/html; charset=utf-8" }), l.page,
			l.page_len);
	for (size_t i = 0; i < l.count; i++)
		free(l.entries[i].name);
	free(l.entries);
	free(l.page);
	return rc;
}
