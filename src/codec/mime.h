/* mime.h - the media type of a file by its name */
#ifndef ROTA_CODEC_MIME_H
#define ROTA_CODEC_MIME_H

#include "codec/span.h"

/* The type by what is behind the last dot of the last segment, in any case, text with ";
 * charset=utf-8"; "application/octet-stream" when that is unknown.  Constant. */
struct span rota__mime_type(struct span path);

#endif
