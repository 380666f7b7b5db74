/* http_range.h - which bytes of a file a Range field asks for (RFC 9110 14) */
#ifndef ROTA_CODEC_HTTP_RANGE_H
#define ROTA_CODEC_HTTP_RANGE_H

#include <stdint.h>

#include "codec/span.h"

struct http_range {
	uint64_t first, length; /* length > 0, first + length <= size */
};

enum {
	HTTP_RANGE_IGNORE = 0, /* answer 200 with everything */
	HTTP_RANGE_UNSATISFIABLE =
		-416, /* answer 416 with "Content-Range: bytes * / size" (no blanks) */
};

/* The ranges of `value` that lie in a file of `size` bytes, in the order asked for, cut at its end;
 * how many.  HTTP_RANGE_IGNORE when the field is not valid, has another unit, asks for more than
 * `max` ranges, or for ranges of which more than two overlap (both are attacks, 14.2). */
int rota__http_range_parse(
	struct span value, uint64_t size, struct http_range *ret_ranges, unsigned max);

enum { HTTP_CONTENT_RANGE_MAX = 70 };

/* "bytes 0-499/1234", or for NULL the "bytes * / 1234" (no blanks) of a 416; bytes written into
 * out[0..HTTP_CONTENT_RANGE_MAX), not terminated. */
unsigned rota__http_content_range(const struct http_range *range, uint64_t size, char *out);

#endif
