/* http_date.h - dates as HTTP writes them (RFC 9110 5.6.7) */
#ifndef ROTA_CODEC_HTTP_DATE_H
#define ROTA_CODEC_HTTP_DATE_H

#include <stdint.h>
#include <time.h>

#include "codec/span.h"

enum { HTTP_DATE_BYTES = 29 };

/* "Sun, 06 Nov 1994 08:49:37 GMT" into out[0..HTTP_DATE_BYTES), not terminated.  Times before the
 * year 0 and after 9999 have no such form and are written as the nearest that has. */
void rota__http_date_format(time_t at, char *out);

/* All three forms a recipient has to read: the one above, RFC 850's and asctime's.  `now` tells the
 * century of RFC 850's two-digit year: never more than 50 years ahead.  0, or -EINVAL and *ret_at
 * is as it was. */
int rota__http_date_parse(struct span text, time_t now, time_t *ret_at);

/* The text of the current second, made once a second.  One for each thread; begin with zeroes. */
struct http_date {
	time_t second;
	char text[HTTP_DATE_BYTES + 1]; /* [0] == 0: nothing yet */
};

struct span rota__http_date_now(struct http_date *cache, time_t now);

#endif
