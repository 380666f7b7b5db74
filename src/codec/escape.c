/* escape.c - foreign text inside HTML and inside URLs */
#include "codec/escape.h"

#include <errno.h>

#include "codec/chars.h"

/* What stands for `c` in HTML; {NULL, 0} for itself. */
static struct span html_reference(char c)
{
	switch (c) {
	case '&':
		return SPAN("&amp;");
	case '<':
		return SPAN("&lt;");
	case '>':
		return SPAN("&gt;");
	case '"':
		return SPAN("&quot;");
	case '\'':
		return SPAN("&#39;");
	case '\t':
	case '\n':
	case '\r':
		return (struct span){ NULL, 0 };
	}
	if ((unsigned char)c < 0x20 || c == 0x7f)
		return SPAN("\xef\xbf\xbd"); /* U+FFFD */
	return (struct span){ NULL, 0 };
}

ssize_t rota__escape_html(struct span in, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < in.len; i++) {
		struct span piece = html_reference(in.at[i]);

		if (piece.at == NULL)
			piece = (struct span){ in.at + i, 1 };
		if (size - len < piece.len)
			return -ENOBUFS;
		memcpy(out + len, piece.at, piece.len);
		len += piece.len;
	}
	return (ssize_t)len;
}

ssize_t rota__escape_url(struct span in, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < in.len; i++) {
		unsigned char c = (unsigned char)in.at[i];
		bool plain = char_is(in.at[i], CHAR_UNRESERVED);

		if (size - len < (plain ? 1 : ESCAPE_URL_MAX))
			return -ENOBUFS;
		if (plain) {
			out[len++] = in.at[i];
			continue;
		}
		out[len++] = '%';
		out[len++] = "0123456789ABCDEF"[c >> 4];
		out[len++] = "0123456789ABCDEF"[c & 15];
	}
	return (ssize_t)len;
}
