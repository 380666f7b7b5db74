/* url.h - URLs apart, together, and as paths of files (RFC 3986)
 *
 * Strict: only the characters that RFC 3986 allows, of a limited length, nothing guessed.  Known
 * are
 *
 *   http://host[:port][/path][?query][#fragment]      https likewise
 *   tcp://host:port
 *   unix:/path  unix:///path  unix:@name (abstract)
 *
 * A host is a name, an IPv4 address or an IPv6 address in brackets; user names in a URL are
 * refused, as RFC 9110 4.2.4 advises.  The parts are spans into the text that was given. */
#ifndef ROTA_CODEC_URL_H
#define ROTA_CODEC_URL_H

#include <stdint.h>

#include "codec/span.h"

#define URL_ERRORS(X)                                                                              \
	X(EMPTY, "the URL is empty")                                                               \
	X(LENGTH, "the URL is longer than the limit")                                              \
	X(CHARACTER, "a character that a URL cannot have")                                         \
	X(SCHEME, "the URL does not begin with a scheme that is known")                            \
	X(USER, "a user name in the URL")                                                          \
	X(HOST, "the host is not a name, an IPv4 address or an IPv6 address in brackets")          \
	X(PORT, "the port is not a number from 1 to 65535")                                        \
	X(PATH, "this scheme needs a path, or cannot have one")                                    \
	X(PERCENT, "a percent sign without two hexadecimal digits")                                \
	X(ENCODED, "an encoded NUL or slash in a path")                                            \
	X(TRAVERSAL, "the path has a '..' segment")                                                \
	X(SPACE, "the result does not fit")

enum url_error_index {
#define X(name, text) URL_I_##name,
	URL_ERRORS(X)
#undef X
	URL_ERROR_COUNT
};

/* Negative, and apart from errno and from the other codes of the library. */
enum url_error {
#define X(name, text) URL_E_##name = -4201 - URL_I_##name,
	URL_ERRORS(X)
#undef X
};

const char *rota__url_error_text(int error);

enum url_scheme { URL_HTTP = 1, URL_HTTPS, URL_TCP, URL_UNIX };

enum { URL_BYTES_MAX = 8192 };

struct url {
	enum url_scheme scheme;
	bool host_is_ipv6; /* `host` is then what was between the brackets */
	uint16_t port;     /* the one given, or 80 or 443; 0 for unix */
	bool port_given;
	struct span host;     /* {NULL, 0} for unix */
	struct span path;     /* "/" where http has none; unix: still percent-encoded */
	struct span query;    /* what is behind the question mark; at == NULL without one */
	struct span fragment; /* what is behind the hash; at == NULL without one */
};

/* Take an absolute URL apart.  0, or enum url_error and `ret_url` is as it was. */
int rota__url_parse(struct span text, struct url *ret_url);

/* "host", "host:port", "[::1]:port".  *ret_port is 0 without one.  0, URL_E_HOST or URL_E_PORT. */
int rota__url_parse_authority(struct span text, struct span *ret_host, uint16_t *ret_port);

/* What a Host field says for this URL, "host[:port]" with the port only when it is not the
 * scheme's; bytes written, or URL_E_SPACE. */
int rota__url_write_host(const struct url *url, char *out, size_t size);

/* What a request line says: path and query; bytes written, or URL_E_SPACE. */
int rota__url_write_target(const struct url *url, char *out, size_t size);

/* Resolve `reference` (a Location field, say) against the URL it came with, RFC 3986 5.2: an
 * absolute URL without '.' and '..' segments in out[0..size); its length, or enum url_error. */
int rota__url_resolve(const struct url *base, struct span reference, char *out, size_t size);

/* Percent-decoding; out may be in.at itself.  NUL passes: look for it where that matters.  Bytes
 * written (never more than in.len), URL_E_PERCENT or URL_E_SPACE. */
int rota__url_decode(struct span in, char *out, size_t size);

/* The path of a request target as a path below a folder: decoded, "." segments and doubled slashes
 * gone, beginning with '/', ending in one where the target's did, NUL-terminated.  Refused: a '..'
 * segment however written, an encoded slash or NUL, a backslash.  The length without the NUL, or
 * enum url_error.  `path` ends before the '?': see rota__url_split_target(). */
int rota__url_file_path(struct span path, char *out, size_t size);

/* A request target in origin or absolute form into path and query; query.at NULL without one. */
void rota__url_split_target(struct span target, struct span *ret_path, struct span *ret_query);

#endif
