/* site.c - which answer a path of the site gets
 *
 *   /hello               13 bytes, for measuring
 *   a file               the file; 304, 412, 206 or 416 when the request has conditions or ranges
 *   a folder             301 to the same with a slash
 *   a folder with '/'    its index.html, else a listing, else 403
 *   anything else        404; 403 for what may not be read or leads out of the root */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "codec/http_condition.h"
#include "codec/http_date.h"
#include "codec/http_range.h"
#include "codec/mime.h"
#include "site.h"
#include "stream/http_server.h"

enum {
	RANGES_MAX = 16, /* in one request; more is nobody's honest need */
	BOUNDARY_BYTES = 32,
	PART_HEAD_MAX = 256,
};

/* What is told of a file, as text. */
struct description {
	const char *path;
	uint64_t size;
	time_t modified_s;
	char modified[HTTP_DATE_BYTES + 1];
	char etag[HTTP_ETAG_MAX + 1];
	struct span type;
};

static int error(struct rota_http_exchange *x, unsigned status)
{
	char text[64];

	snprintf(text, sizeof text, "%u %s\n", status, rota_http_status_text(status));
	return rota_http_reply_text(x, status, text);
}

static unsigned status_of(int rc)
{
	switch (rc) {
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
		return 404;
	case -EACCES:
	case -EPERM:
	case -EXDEV: /* a link out of the root */
	case -ELOOP:
		return 403;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return 503;
	default:
		return 500;
	}
}

/* ---- a file ---- */

static void describe(struct description *d, const char *path, const struct stat *st)
{
	uint64_t modified_ns =
		(uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec;

	d->path = path;
	d->size = (uint64_t)st->st_size;
	d->modified_s = st->st_mtime;
	rota__http_date_format(st->st_mtime, d->modified);
	d->modified[HTTP_DATE_BYTES] = '\0';
	d->etag[rota__http_etag_of_file(modified_ns, d->size, d->etag)] = '\0';
	d->type = rota__mime_type(span_of(path));
}

/* The fields every answer about a file has; then the others. */
static void file_headers(struct rota_http_header list[6], const struct description *d)
{
	memset(list, 0, 6 * sizeof *list);
	list[0] = (struct rota_http_header){ "Last-Modified", d->modified };
	list[1] = (struct rota_http_header){ "ETag", d->etag };
}

static void add_header(struct rota_http_header list[6], const char *name, const char *value)
{
	while (list->name != NULL)
		list++;
	*list = (struct rota_http_header){ name, value };
}

static int answer_whole(struct rota_http_exchange *x, const struct description *d, int fd)
{
	struct rota_http_header headers[6];

	file_headers(headers, d);
	add_header(headers, "Content-Type", d->type.at);
	add_header(headers, "Accept-Ranges", "bytes");
	return rota_http_reply_file(x, 200, headers, fd, 0, d->size);
}

static int answer_range(struct rota_http_exchange *x, const struct description *d, int fd,
	const struct http_range *range)
{
	struct rota_http_header headers[6];
	char content_range[HTTP_CONTENT_RANGE_MAX + 1];

	content_range[rota__http_content_range(range, d->size, content_range)] = '\0';
	file_headers(headers, d);
	add_header(headers, "Content-Type", d->type.at);
	add_header(headers, "Content-Range", content_range);
	return rota_http_reply_file(x, 206, headers, fd, range->first, range->length);
}

static int answer_unsatisfiable(struct rota_http_exchange *x, const struct description *d)
{
	char content_range[HTTP_CONTENT_RANGE_MAX + 1];

	content_range[rota__http_content_range(NULL, d->size, content_range)] = '\0';
	return rota_http_reply(x, 416,
		ROTA_HTTP_HEADERS({ "Content-Type", "text/plain; charset=utf-8" },
			{ "Content-Range", content_range }),
		"416 Range Not Satisfiable\n", 26);
}

static int part_head(char *buf, const char *boundary, const struct description *d,
	const struct http_range *range)
{
	char content_range[HTTP_CONTENT_RANGE_MAX + 1];

	content_range[rota__http_content_range(range, d->size, content_range)] = '\0';
	return snprintf(buf, PART_HEAD_MAX,
		"\r\n--%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n", boundary, d->type.at,
		content_range);
}

static void make_boundary(char *text)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char random[BOUNDARY_BYTES / 2];

	/* A file that happened to contain it would be cut apart by its readers: so it is not
	 * guessable. */
	if (getrandom(random, sizeof random, 0) != sizeof random)
		memset(random, 0x5a, sizeof random);
	for (size_t i = 0; i < sizeof random; i++) {
		*text++ = hex[random[i] >> 4];
		*text++ = hex[random[i] & 15];
	}
	*text = '\0';
}

static int answer_ranges(struct rota_http_exchange *x, const struct description *d, int fd,
	const struct http_range *ranges, int count)
{
	struct rota_http_header headers[6];
	char boundary[BOUNDARY_BYTES + 1], type[64 + BOUNDARY_BYTES], part[PART_HEAD_MAX];
	uint64_t size = BOUNDARY_BYTES + 8; /* "\r\n--" boundary "--\r\n" */
	int rc, n;

	make_boundary(boundary);
	snprintf(type, sizeof type, "multipart/byteranges; boundary=%s", boundary);
	for (int i = 0; i < count; i++)
		size += (uint64_t)part_head(part, boundary, d, &ranges[i]) + ranges[i].length;
	file_headers(headers, d);
	add_header(headers, "Content-Type", type);
	rc = rota_http_begin(x, 206, headers, (int64_t)size);
	for (int i = 0; rc == 0 && i < count; i++) {
		n = part_head(part, boundary, d, &ranges[i]);
		rc = rota_http_write(x, part, (size_t)n);
		if (rc == 0)
			rc = rota_http_write_file(x, fd, ranges[i].first, ranges[i].length);
	}
	n = snprintf(part, sizeof part, "\r\n--%s--\r\n", boundary);
	if (rc == 0)
		rc = rota_http_write(x, part, (size_t)n);
	return rc == 0 ? rota_http_end(x) : rc;
}

static int answer_file(
	struct rota_http_exchange *x, const char *path, int fd, const struct stat *st)
{
	const struct http1_head *head = rota__http_exchange_head(x);
	struct http_range ranges[RANGES_MAX];
	struct rota_http_header headers[6];
	struct http_validators is;
	struct description d;
	time_t now = time(NULL);
	int count = HTTP_RANGE_IGNORE;

	describe(&d, path, st);
	is = (struct http_validators){
		.etag = span_of(d.etag), .modified = d.modified_s, .exists = true
	};
	switch (rota__http_condition(head, &is, now)) {
	case HTTP_NOT_MODIFIED:
		file_headers(headers, &d);
		return rota_http_reply(x, 304, headers, NULL, 0);
	case HTTP_FAILED:
		return error(x, 412);
	case HTTP_PROCEED:
		break;
	}
	if (http1_has(head, HTTP_FIELD_RANGE) && head->method == HTTP_METHOD_GET &&
		rota__http_if_range(head, &is, now))
		count = rota__http_range_parse(
			rota__http1_get(head, HTTP_FIELD_RANGE), d.size, ranges, RANGES_MAX);
	if (count == HTTP_RANGE_UNSATISFIABLE)
		return answer_unsatisfiable(x, &d);
	if (count == 1)
		return answer_range(x, &d, fd, &ranges[0]);
	if (count > 1)
		return answer_ranges(x, &d, fd, ranges, count);
	return answer_whole(x, &d, fd);
}

/* ---- a path ---- */

/* The same with a slash at its end.  The path begins with a single slash (doubled ones are gone),
 * so this cannot lead to another host. */
static int answer_with_slash(struct rota_http_exchange *x)
{
	const char *target = rota_http_target(x), *query = strchr(target, '?');
	size_t path_len = query != NULL ? (size_t)(query - target) : strlen(target);
	char *location;
	int rc;

	while (target[0] == '/' && target[1] == '/')
		target++, path_len--;
	if (asprintf(&location, "%.*s/%s", (int)path_len, target, query != NULL ? query : "") < 0)
		return error(x, 500);
	rc = rota_http_reply(x, 301,
		ROTA_HTTP_HEADERS(
			{ "Content-Type", "text/plain; charset=utf-8" }, { "Location", location }),
		"301 Moved Permanently\n", 22);
	free(location);
	return rc;
}

static int answer_opened(struct rota_http_exchange *x, const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error(x, 500);
	if (S_ISDIR(st.st_mode))
		return answer_with_slash(x);
	if (!S_ISREG(st.st_mode))
		return error(x, 404);
	return answer_file(x, path, fd, &st);
}

static int answer_folder(struct rota_http_exchange *x, const struct site *site, const char *path)
{
	int fd = site_open_file(site, path), rc;
	struct stat st;

	if (fd < 0)
		return error(x, status_of(fd));
	if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		rc = error(x, 404);
	else if (!site->listing)
		rc = error(x, 403);
	else
		rc = site_answer_listing(x, fd, path);
	close(fd);
	return rc;
}

static int answer_path(struct rota_http_exchange *x, const struct site *site, const char *path)
{
	int fd = site_open_file(site, path), rc;

	if (fd < 0)
		return error(x, status_of(fd));
	rc = answer_opened(x, path, fd);
	close(fd);
	return rc;
}

static int answer_index(struct rota_http_exchange *x, const struct site *site, const char *path)
{
	char *index;
	int fd, rc;

	if (asprintf(&index, "%sindex.html", path) < 0)
		return error(x, 500);
	fd = site_open_file(site, index);
	if (fd == -ENOENT || fd == -ENOTDIR)
		rc = answer_folder(x, site, path);
	else if (fd < 0)
		rc = error(x, status_of(fd));
	else
		rc = answer_opened(x, index, fd);
	if (fd >= 0)
		close(fd);
	free(index);
	return rc;
}

int site_answer(struct rota_http_exchange *x, struct site *site)
{
	static const char hello[] = "Hello, World!";
	const struct http1_head *head = rota__http_exchange_head(x);
	const char *path;

	if (head->method != HTTP_METHOD_GET && head->method != HTTP_METHOD_HEAD)
		return rota_http_reply(x, 405,
			ROTA_HTTP_HEADERS({ "Content-Type", "text/plain; charset=utf-8" },
				{ "Allow", "GET, HEAD" }),
			"405 Method Not Allowed\n", 23);
	path = rota_http_path(x);
	if (path == NULL)
		return error(x, 400);
	if (strcmp(path, "/hello") == 0)
		return rota_http_reply(x, 200, ROTA_HTTP_HEADERS({ "Content-Type", "text/plain" }),
			hello, sizeof hello - 1);
	return path[strlen(path) - 1] == '/' ? answer_index(x, site, path)
					     : answer_path(x, site, path);
}
