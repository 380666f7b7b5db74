/* url.c - any text as a URL, as a reference to resolve against another, as a path of a file,
 * escaped
 *
 * The first line is a URL; the second a reference, resolved against it.  The whole is a path, and a
 * text to escape. */
#include "codec/url.h"

#include "codec/escape.h"
#include "fuzz.h"

static void must_lie_in(struct span part, struct span text)
{
	MUST(part.at == NULL || part.len == 0 || (part.len == 1 && part.at[0] == '/') ||
		(part.at >= text.at && part.at + part.len <= text.at + text.len));
}

static void check_parts(const struct url *url, struct span text)
{
	must_lie_in(url->host, text);
	must_lie_in(url->path, text);
	must_lie_in(url->query, text);
	must_lie_in(url->fragment, text);
	MUST(url->path.len > 0 || url->scheme == URL_TCP);
	MUST((url->host.len > 0) == (url->scheme != URL_UNIX));
	MUST((url->port > 0) == (url->scheme != URL_UNIX));
}

static bool has_dot_segment(struct span path)
{
	char text[3 * URL_BYTES_MAX];

	MUST(path.len + 2 <= sizeof(text));
	memcpy(text, path.at, path.len);
	memcpy(text + path.len, "/", 2);
	return strstr(text, "/./") != NULL || strstr(text, "/../") != NULL;
}

/* The reference has a path, so that its dot segments, and the base's, must be gone. */
static bool has_path(struct span reference)
{
	return reference.len > 0 && reference.at[0] != '?' && reference.at[0] != '#';
}

/* What is resolved is a URL without dots that fits exactly, and resolves to no longer one. */
static void check_resolved(const struct url *base, struct span reference)
{
	static char out[URL_BYTES_MAX], again[URL_BYTES_MAX];
	struct url result;
	int n = rota__url_resolve(base, reference, out, sizeof(out)), m;

	if (n < 0)
		return;
	MUST(rota__url_parse((struct span){ out, (size_t)n }, &result) == 0);
	if ((result.scheme == URL_HTTP || result.scheme == URL_HTTPS) && has_path(reference))
		MUST(!has_dot_segment(result.path));
	m = rota__url_resolve(base, (struct span){ out, (size_t)n }, again, sizeof(again));
	MUST(m >= 0 && m <= n);
	MUST(rota__url_resolve(base, reference, again, (size_t)n - 1) < 0);
}

/* Host and target, written and read again, are the same. */
static void check_written(const struct url *url)
{
	char host[300], target[URL_BYTES_MAX + 2];
	struct span again;
	uint16_t port;
	int n;

	if (url->scheme == URL_UNIX)
		return;
	n = rota__url_write_host(url, host, sizeof(host));
	MUST(n > 0);
	MUST(rota__url_parse_authority((struct span){ host, (size_t)n }, &again, &port) == 0);
	MUST(span_equal(again, url->host));
	MUST(port == url->port || port == 0);
	n = rota__url_write_target(url, target, sizeof(target));
	MUST(n == (int)(url->path.len + (url->query.at != NULL ? url->query.len + 1 : 0)));
}

static void check_url(struct span text)
{
	const char *line_end = text.len > 0 ? memchr(text.at, '\n', text.len) : NULL;
	struct span rest = { NULL, 0 };
	struct url url;

	if (line_end != NULL) {
		rest = span_between(line_end + 1, text.at + text.len);
		text.len = (size_t)(line_end - text.at);
	}
	if (rota__url_parse(text, &url) < 0)
		return;
	check_parts(&url, text);
	check_written(&url);
	check_resolved(&url, rest);
}

static void check_file_path(struct span path, size_t size)
{
	char *out = malloc(size > 0 ? size : 1);
	int n;

	MUST(out != NULL);
	n = rota__url_file_path(path, out, size);
	if (n >= 0) {
		MUST((size_t)n < size && strlen(out) == (size_t)n && out[0] == '/');
		MUST(strstr(out, "//") == NULL && strchr(out, '\\') == NULL);
		MUST(!has_dot_segment((struct span){ out, (size_t)n }));
	}
	free(out);
}

static void check_escapes(struct span text)
{
	size_t html_size = text.len * ESCAPE_HTML_MAX, url_size = text.len * ESCAPE_URL_MAX;
	char *html = malloc(html_size + 1), *url = malloc(url_size + 1),
	     *back = malloc(text.len + 1);
	ssize_t n;

	MUST(html != NULL && url != NULL && back != NULL);
	n = rota__escape_html(text, html, html_size);
	MUST(n >= 0);
	for (ssize_t i = 0; i < n; i++)
		MUST(html[i] != '\0' && strchr("<>\"'", html[i]) == NULL);
	n = rota__escape_url(text, url, url_size);
	MUST(n >= 0);
	MUST(rota__url_decode((struct span){ url, (size_t)n }, back, text.len) == (int)text.len);
	MUST(text.len == 0 || memcmp(back, text.at, text.len) == 0);
	free(html);
	free(url);
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t used = size < URL_BYTES_MAX + 10 ? size : URL_BYTES_MAX + 10;
	struct span path, query, text = { (const char *)data, used };
	char *copy = fuzz_exact(text);

	text.at = copy;
	check_url(text);
	rota__url_split_target(text, &path, &query);
	check_file_path(path, used + 3);
	check_file_path(path, used / 2);
	check_escapes(text);
	free(copy);
	return 0;
}
