/* mime.c - the list of file name endings and media types
 *
 * What web servers really serve, by the IANA registry; JavaScript is text/javascript since RFC
 * 9239. */
#include "codec/mime.h"

#include <stdint.h>

#include "codec/chars.h"

#define UTF8 "; charset=utf-8"

/* X(ending, type), sorted by ending: it is searched by halving. */
#define TYPES(X)                                                                                   \
	X("7z", "application/x-7z-compressed")                                                     \
	X("aac", "audio/aac")                                                                      \
	X("apk", "application/vnd.android.package-archive")                                        \
	X("apng", "image/apng")                                                                    \
	X("atom", "application/atom+xml")                                                          \
	X("avif", "image/avif")                                                                    \
	X("bin", "application/octet-stream")                                                       \
	X("bmp", "image/bmp")                                                                      \
	X("bz2", "application/x-bzip2")                                                            \
	X("c", "text/plain" UTF8)                                                                  \
	X("conf", "text/plain" UTF8)                                                               \
	X("cpp", "text/plain" UTF8)                                                                \
	X("css", "text/css" UTF8)                                                                  \
	X("csv", "text/csv" UTF8)                                                                  \
	X("deb", "application/vnd.debian.binary-package")                                          \
	X("doc", "application/msword")                                                             \
	X("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")       \
	X("eot", "application/vnd.ms-fontobject")                                                  \
	X("epub", "application/epub+zip")                                                          \
	X("flac", "audio/flac")                                                                    \
	X("geojson", "application/geo+json")                                                       \
	X("gif", "image/gif")                                                                      \
	X("gz", "application/gzip")                                                                \
	X("h", "text/plain" UTF8)                                                                  \
	X("heic", "image/heic")                                                                    \
	X("htm", "text/html" UTF8)                                                                 \
	X("html", "text/html" UTF8)                                                                \
	X("ico", "image/vnd.microsoft.icon")                                                       \
	X("ics", "text/calendar" UTF8)                                                             \
	X("iso", "application/octet-stream")                                                       \
	X("jar", "application/java-archive")                                                       \
	X("jpeg", "image/jpeg")                                                                    \
	X("jpg", "image/jpeg")                                                                     \
	X("js", "text/javascript" UTF8)                                                            \
	X("json", "application/json")                                                              \
	X("jsonld", "application/ld+json")                                                         \
	X("jxl", "image/jxl")                                                                      \
	X("log", "text/plain" UTF8)                                                                \
	X("m3u8", "application/vnd.apple.mpegurl")                                                 \
	X("m4a", "audio/mp4")                                                                      \
	X("m4v", "video/mp4")                                                                      \
	X("map", "application/json")                                                               \
	X("md", "text/markdown" UTF8)                                                              \
	X("mid", "audio/midi")                                                                     \
	X("mjs", "text/javascript" UTF8)                                                           \
	X("mkv", "video/matroska")                                                                 \
	X("mov", "video/quicktime")                                                                \
	X("mp3", "audio/mpeg")                                                                     \
	X("mp4", "video/mp4")                                                                      \
	X("mpd", "application/dash+xml")                                                           \
	X("mpeg", "video/mpeg")                                                                    \
	X("mpg", "video/mpeg")                                                                     \
	X("odp", "application/vnd.oasis.opendocument.presentation")                                \
	X("ods", "application/vnd.oasis.opendocument.spreadsheet")                                 \
	X("odt", "application/vnd.oasis.opendocument.text")                                        \
	X("oga", "audio/ogg")                                                                      \
	X("ogg", "audio/ogg")                                                                      \
	X("ogv", "video/ogg")                                                                      \
	X("opus", "audio/ogg")                                                                     \
	X("otf", "font/otf")                                                                       \
	X("pdf", "application/pdf")                                                                \
	X("png", "image/png")                                                                      \
	X("ppt", "application/vnd.ms-powerpoint")                                                  \
	X("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation")     \
	X("ps", "application/postscript")                                                          \
	X("py", "text/plain" UTF8)                                                                 \
	X("rar", "application/vnd.rar")                                                            \
	X("rss", "application/rss+xml")                                                            \
	X("rtf", "application/rtf")                                                                \
	X("sh", "text/plain" UTF8)                                                                 \
	X("svg", "image/svg+xml")                                                                  \
	X("svgz", "image/svg+xml")                                                                 \
	X("tar", "application/x-tar")                                                              \
	X("tgz", "application/gzip")                                                               \
	X("tif", "image/tiff")                                                                     \
	X("tiff", "image/tiff")                                                                    \
	X("toml", "application/toml")                                                              \
	X("ts", "video/mp2t")                                                                      \
	X("ttf", "font/ttf")                                                                       \
	X("txt", "text/plain" UTF8)                                                                \
	X("vcf", "text/vcard" UTF8)                                                                \
	X("vtt", "text/vtt" UTF8)                                                                  \
	X("wasm", "application/wasm")                                                              \
	X("wav", "audio/wav")                                                                      \
	X("weba", "audio/webm")                                                                    \
	X("webm", "video/webm")                                                                    \
	X("webmanifest", "application/manifest+json")                                              \
	X("webp", "image/webp")                                                                    \
	X("woff", "font/woff")                                                                     \
	X("woff2", "font/woff2")                                                                   \
	X("xhtml", "application/xhtml+xml")                                                        \
	X("xls", "application/vnd.ms-excel")                                                       \
	X("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")             \
	X("xml", "application/xml")                                                                \
	X("xsl", "application/xslt+xml")                                                           \
	X("xz", "application/x-xz")                                                                \
	X("yaml", "application/yaml")                                                              \
	X("yml", "application/yaml")                                                               \
	X("zip", "application/zip")                                                                \
	X("zst", "application/zstd")

static const struct {
	struct span ending, type;
} types[] = {
#define X(ending, type) { { ending, sizeof(ending) - 1 }, { type, sizeof(type) - 1 } },
	TYPES(X)
#undef X
};

/* What is behind the last dot of the last segment; a name that only begins with a dot has no
 * ending. */
static struct span ending_of(struct span path)
{
	for (size_t i = path.len; i-- > 0 && path.at[i] != '/';)
		if (path.at[i] == '.' && i > 0 && path.at[i - 1] != '/')
			return span_between(path.at + i + 1, path.at + path.len);
	return (struct span){ NULL, 0 };
}

static int compare(struct span ending, struct span with)
{
	for (size_t i = 0; i < ending.len && i < with.len; i++) {
		int d = char_lower(ending.at[i]) - with.at[i];

		if (d != 0)
			return d;
	}
	return (ending.len > with.len) - (ending.len < with.len);
}

struct span rota__mime_type(struct span path)
{
	struct span ending = ending_of(path);
	size_t low = 0, high = sizeof(types) / sizeof(types[0]);

	while (low < high) {
		size_t middle = (low + high) / 2;
		int d = compare(ending, types[middle].ending);

		if (d == 0)
			return types[middle].type;
		if (d < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return SPAN("application/octet-stream");
}
