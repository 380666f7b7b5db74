/* chars.c - the table of character classes */
#include "codec/chars.h"

enum {
	TEXT = CHAR_VALUE | CHAR_ETAG | CHAR_TARGET, /* what most visible characters are */
	URL = TEXT | CHAR_PATH | CHAR_QUERY,
	NAME = URL | CHAR_TOKEN | CHAR_UNRESERVED | CHAR_LABEL,
};

/* __extension__: ranges of places are one of GNU C. */
__extension__ const uint8_t rota__chars[256] = {
	['\t'] = CHAR_VALUE,
	[' '] = CHAR_VALUE,
	['!'] = URL | CHAR_TOKEN,
	['"'] = CHAR_VALUE,
	['#'] = CHAR_VALUE | CHAR_ETAG | CHAR_TOKEN,
	['$'] = URL | CHAR_TOKEN,
	['%'] = URL | CHAR_TOKEN,
	['&'] = URL | CHAR_TOKEN,
	['\''] = URL | CHAR_TOKEN,
	['('] = URL,
	[')'] = URL,
	['*'] = URL | CHAR_TOKEN,
	['+'] = URL | CHAR_TOKEN,
	[','] = URL,
	['-'] = NAME,
	['.'] = URL | CHAR_TOKEN | CHAR_UNRESERVED,
	['/'] = URL,
	['0' ... '9'] = NAME,
	[':'] = URL,
	[';'] = URL,
	['<'] = CHAR_VALUE | CHAR_ETAG,
	['='] = URL,
	['>'] = CHAR_VALUE | CHAR_ETAG,
	['?'] = TEXT | CHAR_QUERY,
	['@'] = URL,
	['A' ... 'Z'] = NAME,
	['['] = TEXT,
	['\\'] = TEXT,
	[']'] = TEXT,
	['^'] = TEXT | CHAR_TOKEN,
	['_'] = NAME,
	['`'] = TEXT | CHAR_TOKEN,
	['a' ... 'z'] = NAME,
	['{'] = TEXT,
	['|'] = TEXT | CHAR_TOKEN,
	['}'] = TEXT,
	['~'] = NAME,
	[0x80 ... 0xff] = CHAR_VALUE | CHAR_ETAG,
};
