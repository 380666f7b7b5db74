/* site.h - a folder as a web site: what `rota serve` answers
 *
 *   site.c          which answer: file, index, listing, redirect, error; conditions and ranges
 *   site_open.c     opening below the root and never outside of it
 *   site_listing.c  a folder as a page */
#ifndef ROTA_TOOL_SITE_H
#define ROTA_TOOL_SITE_H

#include <rota.h>
#include <rota/http.h>

struct site {
	int root;     /* descriptor of the folder; -1: only /hello is served */
	bool listing; /* of folders without an index.html */
	bool beneath; /* openat2(2) with RESOLVE_BENEATH works here */
};

/* 0 or a negative errno: -ENOENT, -ENOTDIR, -EACCES ... */
int site_open(struct site *site, const char *path, bool listing);
void site_close(struct site *site);

/* The handler of rota_http_serve(). */
int site_answer(struct rota_http_exchange *x, struct site *site);

/* ---- between the files ---- */

/* Open `path`, which begins with '/', for reading: a descriptor; -EXDEV: it leads out of the root
 * by a symbolic link; or another negative errno.  Waits on the blocking pool when the answer is not
 * in the kernel's caches. */
int site_open_file(const struct site *site, const char *path);

/* Answer with a page about the folder `fd`, which is at `path`. */
int site_answer_listing(struct rota_http_exchange *x, int fd, const char *path);

#endif
