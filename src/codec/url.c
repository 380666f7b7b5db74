/* url.c - URLs apart, and as paths of files
 *
 * A URL is cut at the first '#', what is before that at the first '?', and so on inwards, as RFC
 * 3986 appendix B does; then each part is held against its own grammar. */
#include "codec/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "codec/chars.h"
#include "codec/http1_write.h"

/* RFC 1035; also keeps a name inside the buffers of those who resolve it. */
enum { HOST_BYTES_MAX = 255 };

const char *rota__url_error_text(int error)
{
	static const char *const texts[URL_ERROR_COUNT] = {
#define X(name, text) [URL_I_##name] = text,
		URL_ERRORS(X)
#undef X
	};

	if (error > URL_E_EMPTY || error <= URL_E_EMPTY - URL_ERROR_COUNT)
		return "unknown";
	return texts[URL_E_EMPTY - error];
}

static bool all_are(struct span text, unsigned classes)
{
	for (size_t i = 0; i < text.len; i++)
		if (!char_is(text.at[i], classes))
			return false;
	return true;
}

static bool percents_are_good(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] != '%')
			continue;
		if (text.len - i < 3 || char_hex(text.at[i + 1]) < 0 ||
			char_hex(text.at[i + 2]) < 0)
			return false;
		i += 2;
	}
	return true;
}

static int check_part(struct span text, unsigned classes)
{
	if (!all_are(text, classes))
		return URL_E_CHARACTER;
	return percents_are_good(text) ? 0 : URL_E_PERCENT;
}

/* ---- host and port ---- */

/* The end of the name at `at`, as DNS has them, with '_' and '~' allowed, or of an IPv4 address;
 * NULL where none is.  No empty label: ".." in a name is a trap for whoever makes a path of it. */
static const char *name_end(const char *at, const char *end)
{
	const char *start = at, *label;

	for (;; at++) {
		label = at;
		while (at < end && char_is(*at, CHAR_LABEL))
			at++;
		if (at == end || *at != '.')
			break;
		if (at == label)
			return NULL;
	}
	return at > start && at - start <= HOST_BYTES_MAX ? at : NULL;
}

static bool is_ipv6(struct span host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (host.len == 0 || host.len >= sizeof(text) || memchr(host.at, '\0', host.len) != NULL)
		return false;
	memcpy(text, host.at, host.len);
	text[host.len] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1;
}

/* "" is no port, as RFC 3986 has it. */
static int parse_port(struct span digits, uint16_t *ret_port)
{
	unsigned port = 0;

	*ret_port = 0;
	if (digits.len == 0)
		return 0;
	for (size_t i = 0; i < digits.len; i++) {
		unsigned digit = (unsigned)digits.at[i] - '0';

		if (digit > 9 || port > UINT16_MAX / 10)
			return URL_E_PORT;
		port = port * 10 + digit;
	}
	if (port == 0 || port > UINT16_MAX)
		return URL_E_PORT;
	*ret_port = (uint16_t)port;
	return 0;
}

int rota__url_parse_authority(struct span text, struct span *ret_host, uint16_t *ret_port)
{
	const char *end, *stop;
	struct span host;

	if (text.len == 0)
		return URL_E_HOST;
	end = text.at + text.len;
	if (text.at[0] == '[') {
		stop = memchr(text.at, ']', text.len);
		if (stop == NULL)
			return URL_E_HOST;
		host = span_between(text.at + 1, stop++);
		if (!is_ipv6(host))
			return URL_E_HOST;
	} else {
		stop = name_end(text.at, end);
		if (stop == NULL)
			return URL_E_HOST;
		host = span_between(text.at, stop);
	}
	*ret_host = host;
	if (stop == end) {
		*ret_port = 0;
		return 0;
	}
	return *stop == ':' ? parse_port(span_between(stop + 1, end), ret_port) : URL_E_HOST;
}

/* ---- whole URLs ---- */

static const struct {
	struct span name;
	enum url_scheme scheme;
	uint16_t port;
} schemes[] = {
	{ { "http", 4 }, URL_HTTP, 80 },
	{ { "https", 5 }, URL_HTTPS, 443 },
	{ { "tcp", 3 }, URL_TCP, 0 },
	{ { "unix", 4 }, URL_UNIX, 0 },
};

static uint16_t default_port(enum url_scheme scheme)
{
	return schemes[scheme - URL_HTTP].port;
}

/* Take the scheme and its colon off. */
static int take_scheme(struct span *rest, struct url *url)
{
	const char *colon = memchr(rest->at, ':', rest->len);
	struct span name;

	if (colon == NULL)
		return URL_E_SCHEME;
	name = span_between(rest->at, colon);
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!rota__span_equal_nocase(name, schemes[i].name))
			continue;
		url->scheme = schemes[i].scheme;
		*rest = span_between(colon + 1, rest->at + rest->len);
		return 0;
	}
	return URL_E_SCHEME;
}

/* Cut `rest` at the first `mark`: what is behind it is the answer, {NULL, 0} without one. */
static struct span cut(struct span *rest, char mark)
{
	const char *at = rest->len > 0 ? memchr(rest->at, mark, rest->len) : NULL;
	struct span tail = { NULL, 0 };

	if (at == NULL)
		return tail;
	tail = span_between(at + 1, rest->at + rest->len);
	rest->len = (size_t)(at - rest->at);
	return tail;
}

static int parse_unix(struct span rest, struct url *url)
{
	if (rest.len >= 2 && rest.at[0] == '/' && rest.at[1] == '/')
		rest = span_between(rest.at + 2, rest.at + rest.len);
	if (rest.len < 2 || (rest.at[0] != '/' && rest.at[0] != '@'))
		return URL_E_PATH;
	url->path = rest;
	return check_part(rest, CHAR_PATH);
}

/* "//host:port/path", the query and fragment gone. */
static int parse_hierarchy(struct span rest, struct url *url)
{
	const char *end = rest.at + rest.len, *slash;
	struct span authority;
	int rc;

	if (rest.len < 2 || rest.at[0] != '/' || rest.at[1] != '/')
		return URL_E_HOST;
	slash = memchr(rest.at + 2, '/', rest.len - 2);
	if (slash == NULL)
		slash = end;
	authority = span_between(rest.at + 2, slash);
	url->path = span_between(slash, end);
	if (authority.len > 0 && memchr(authority.at, '@', authority.len) != NULL)
		return URL_E_USER;
	rc = rota__url_parse_authority(authority, &url->host, &url->port);
	if (rc < 0)
		return rc;
	url->host_is_ipv6 = authority.at[0] == '[';
	url->port_given = url->port != 0;
	return check_part(url->path, CHAR_PATH);
}

static int finish_http(struct url *url)
{
	if (!url->port_given)
		url->port = default_port(url->scheme);
	if (url->path.len == 0)
		url->path = SPAN("/");
	return 0;
}

static int finish_tcp(const struct url *url)
{
	if (url->path.len > 0 || url->query.at != NULL || url->fragment.at != NULL)
		return URL_E_PATH;
	return url->port_given ? 0 : URL_E_PORT;
}

static int parse(struct span rest, struct url *url)
{
	int rc;

	if (rest.len == 0)
		return URL_E_EMPTY;
	if (rest.len > URL_BYTES_MAX)
		return URL_E_LENGTH;
	rc = take_scheme(&rest, url);
	if (rc < 0)
		return rc;
	if (url->scheme == URL_UNIX)
		return parse_unix(rest, url);
	url->fragment = cut(&rest, '#');
	url->query = cut(&rest, '?');
	rc = check_part(url->fragment, CHAR_QUERY);
	if (rc == 0)
		rc = check_part(url->query, CHAR_QUERY);
	if (rc == 0)
		rc = parse_hierarchy(rest, url);
	if (rc < 0)
		return rc;
	return url->scheme == URL_TCP ? finish_tcp(url) : finish_http(url);
}

int rota__url_parse(struct span text, struct url *ret_url)
{
	struct url url = { 0 };
	int rc = parse(text, &url);

	if (rc == 0)
		*ret_url = url;
	return rc;
}

/* ---- parts together ---- */

static int written(const struct http1_out *out)
{
	return out->error < 0 ? URL_E_SPACE : (int)out->len;
}

int rota__url_write_host(const struct url *url, char *out_at, size_t size)
{
	struct http1_out out;
	char digits[20];

	http1_out_init(&out, out_at, size);
	rota__http1_put_raw(&out, url->host_is_ipv6 ? SPAN("[") : SPAN(""));
	rota__http1_put_raw(&out, url->host);
	rota__http1_put_raw(&out, url->host_is_ipv6 ? SPAN("]") : SPAN(""));
	if (url->port_given && url->port != default_port(url->scheme)) {
		rota__http1_put_raw(&out, SPAN(":"));
		rota__http1_put_raw(
			&out, (struct span){ digits, rota__format_u64(digits, url->port) });
	}
	return written(&out);
}

int rota__url_write_target(const struct url *url, char *out_at, size_t size)
{
	struct http1_out out;

	http1_out_init(&out, out_at, size);
	rota__http1_put_raw(&out, url->path);
	if (url->query.at != NULL) {
		rota__http1_put_raw(&out, SPAN("?"));
		rota__http1_put_raw(&out, url->query);
	}
	return written(&out);
}

/* ---- decoding ---- */

int rota__url_decode(struct span in, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < in.len; i++) {
		char c = in.at[i];

		if (c == '%') {
			int high = in.len - i < 3 ? -1 : char_hex(in.at[i + 1]);
			int low = high < 0 ? -1 : char_hex(in.at[i + 2]);

			if (low < 0)
				return URL_E_PERCENT;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (len == size)
			return URL_E_SPACE;
		out[len++] = c;
	}
	return (int)len;
}

void rota__url_split_target(struct span target, struct span *ret_path, struct span *ret_query)
{
	*ret_query = cut(&target, '?');
	if (target.len > 0 && target.at[0] != '/') {
		const char *mark = memmem(target.at, target.len, "://", 3), *slash = NULL;
		const char *end = target.at + target.len;

		if (mark != NULL)
			slash = memchr(mark + 3, '/', (size_t)(end - mark - 3));
		if (mark != NULL)
			target = slash != NULL ? span_between(slash, end) : SPAN("/");
	}
	*ret_path = target;
}

/* One segment of a path, decoded, behind what is in out: the new length, or an error.  "." and ""
 * leave nothing behind. */
static int put_segment(struct span segment, char *out, size_t len, size_t size)
{
	char *at = out + len + 1;
	int n = size - len < 2 ? (int)URL_E_SPACE : rota__url_decode(segment, at, size - len - 2);

	if (n < 0)
		return n;
	if (memchr(at, '\0', (size_t)n) != NULL || memchr(at, '/', (size_t)n) != NULL ||
		memchr(at, '\\', (size_t)n) != NULL)
		return URL_E_ENCODED;
	if (n == 2 && at[0] == '.' && at[1] == '.')
		return URL_E_TRAVERSAL;
	if (n == 0 || (n == 1 && at[0] == '.'))
		return (int)len;
	out[len] = '/';
	return (int)len + 1 + n;
}

int rota__url_file_path(struct span path, char *out, size_t size)
{
	const char *at = path.at, *end;
	bool folder = false;
	int len = 0;

	if (path.len == 0 || *at != '/')
		return URL_E_PATH;
	end = at + path.len;
	while (at < end) {
		const char *slash = memchr(at + 1, '/', (size_t)(end - at - 1));
		const char *next = slash != NULL ? slash : end;
		int n = put_segment(span_between(at + 1, next), out, (size_t)len, size);

		if (n < 0)
			return n;
		folder = n == len; /* the segment was "" or "." */
		len = n;
		at = next;
	}
	if (folder) {
		if (size - (size_t)len < 2)
			return URL_E_SPACE;
		out[len++] = '/';
	}
	out[len] = '\0';
	return len;
}
