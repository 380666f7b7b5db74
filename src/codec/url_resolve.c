/* url_resolve.c - references like "../x?y" against the URL they were found at (RFC 3986 5.2)
 *
 * The result is put together in the caller's memory, part by part, and dot segments are taken out
 * of its path in place.  What comes out is parsed once more, so a result is a URL we accept. */
#include "codec/http1_write.h"
#include "codec/url.h"

/* "scheme:" at the start, by the grammar alone: letter, then letters, digits, + - . */
static bool has_scheme(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i] | 0x20;
		bool letter = c >= 'a' && c <= 'z';
		bool later = (text.at[i] >= '0' && text.at[i] <= '9') || text.at[i] == '+' ||
			     text.at[i] == '-' || text.at[i] == '.';

		if (text.at[i] == ':')
			return i > 0;
		if (!letter && (i == 0 || !later))
			return false;
	}
	return false;
}

static bool begins(struct span text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.at, prefix, len) == 0;
}

static const char *find(const char *at, const char *end, char c)
{
	const char *found = at < end ? memchr(at, c, (size_t)(end - at)) : NULL;

	return found != NULL ? found : end;
}

/* How many characters at `at` are none of `marks`. */
static size_t count_until(const char *at, const char *end, const char *marks)
{
	size_t n = 0;

	while (at + n < end && strchr(marks, at[n]) == NULL)
		n++;
	return n;
}

/* Take "." and ".." segments out of an absolute path, in place (5.2.4); ".." at the top vanishes.
 * The new length. */
static size_t remove_dots(char *path, size_t len)
{
	const char *at = path, *end = path + len;
	char *out = path;

	while (at < end) {
		const char *next = find(at + 1, end, '/');
		size_t segment = (size_t)(next - at); /* with the slash in front */
		bool dot = segment == 2 && at[1] == '.';
		bool dots = segment == 3 && at[1] == '.' && at[2] == '.';

		if (dots)
			while (out > path && *--out != '/')
				;
		if (!dot && !dots) {
			memmove(out, at, segment);
			out += segment;
		} else if (next == end) {
			*out++ = '/'; /* "/a/." is the folder "/a/" */
		}
		at = next;
	}
	return (size_t)(out - path);
}

static struct span scheme_name(enum url_scheme scheme)
{
	switch (scheme) {
	case URL_HTTP:
		return SPAN("http:");
	case URL_HTTPS:
		return SPAN("https:");
	case URL_TCP:
		return SPAN("tcp:");
	default:
		return SPAN("unix:");
	}
}

static void put_authority(struct http1_out *out, const struct url *base)
{
	int n;

	rota__http1_put_raw(out, SPAN("//"));
	n = rota__url_write_host(base, out->base + out->len, out->size - out->len);
	if (n >= 0)
		out->len += (size_t)n;
	else if (out->error == 0)
		out->error = n;
}

/* The path of the base up to its last slash, then the reference's (5.2.3). */
static void put_merged(struct http1_out *out, const struct url *base, struct span path)
{
	size_t len = base->path.len;

	while (len > 0 && base->path.at[len - 1] != '/')
		len--;
	rota__http1_put_raw(out, (struct span){ base->path.at, len });
	rota__http1_put_raw(out, path);
}

static void put_query(struct http1_out *out, struct span query)
{
	if (query.at != NULL) {
		rota__http1_put_raw(out, SPAN("?"));
		rota__http1_put_raw(out, query);
	}
}

/* A reference without scheme and authority: a path, a query or a fragment only. */
static void put_relative(struct http1_out *out, const struct url *base, struct span reference)
{
	const char *end = reference.at + reference.len;
	const char *hash = find(reference.at, end, '#'), *mark = find(reference.at, hash, '?');
	struct span path = span_between(reference.at, mark);
	size_t path_at = out->len;

	if (path.len == 0)
		rota__http1_put_raw(out, base->path);
	else if (path.at[0] == '/')
		rota__http1_put_raw(out, path);
	else
		put_merged(out, base, path);
	if (out->error == 0 && path.len > 0)
		out->len = path_at + remove_dots(out->base + path_at, out->len - path_at);
	if (path.len == 0 && mark == hash)
		put_query(out, base->query);
	rota__http1_put_raw(out, span_between(mark, end));
}

/* A result that has its path from the reference as it is, "http://h/a/../b" or "//h/a/../b". */
static void clean_path(struct http1_out *out)
{
	char *end = out->base + out->len, *path, *path_end;
	size_t len;

	if (out->error < 0)
		return;
	path = memmem(out->base, out->len, "://", 3);
	if (path == NULL)
		return;
	path += 3;
	path += count_until(path, end, "/?#");
	path_end = path + count_until(path, end, "?#");
	len = remove_dots(path, (size_t)(path_end - path));
	memmove(path + len, path_end, (size_t)(end - path_end));
	out->len -= (size_t)(path_end - path) - len;
}

int rota__url_resolve(const struct url *base, struct span reference, char *out_at, size_t size)
{
	struct http1_out out;
	struct url result;
	int rc;

	if (reference.at == NULL)
		reference = SPAN("");
	http1_out_init(&out, out_at, size);
	if (has_scheme(reference)) {
		rota__http1_put_raw(&out, reference);
		clean_path(&out);
	} else if (base->scheme != URL_HTTP && base->scheme != URL_HTTPS) {
		return URL_E_SCHEME;
	} else if (begins(reference, "//")) {
		rota__http1_put_raw(&out, scheme_name(base->scheme));
		rota__http1_put_raw(&out, reference);
		clean_path(&out);
	} else {
		rota__http1_put_raw(&out, scheme_name(base->scheme));
		put_authority(&out, base);
		put_relative(&out, base, reference);
	}
	if (out.error < 0)
		return URL_E_SPACE;
	rc = rota__url_parse((struct span){ out_at, out.len }, &result);
	return rc < 0 ? rc : (int)out.len;
}
