/* escape.h - foreign text inside HTML and inside URLs, harmless
 *
 * Each answers with the bytes written, or -ENOBUFS when out[0..size) is too small; the length times
 * ESCAPE_HTML_MAX (ESCAPE_URL_MAX) is always enough.  Nothing is terminated. */
#ifndef ROTA_CODEC_ESCAPE_H
#define ROTA_CODEC_ESCAPE_H

#include <sys/types.h>

#include "codec/span.h"

enum { ESCAPE_HTML_MAX = 6, ESCAPE_URL_MAX = 3 };

/* For text between tags and inside quoted attributes: & < > " ' become references.  Control
 * characters other than tab and line ends become U+FFFD. */
ssize_t rota__escape_html(struct span in, char *out, size_t size);

/* For one segment of a path, or a value in a query: all but RFC 3986's unreserved characters
 * becomes %XX, the slash too. */
ssize_t rota__escape_url(struct span in, char *out, size_t size);

#endif
