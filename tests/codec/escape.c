/* escape.c - foreign text inside HTML and URLs; media types */
#include "codec/escape.h"

#include <errno.h>

#include "codec/mime.h"
#include "harness/test.h"

static const char *html(struct span text)
{
	static char out[256];
	ssize_t n = rota__escape_html(text, out, sizeof(out) - 1);

	CHECK(n >= 0);
	out[n] = '\0';
	return out;
}

static const char *url(struct span text)
{
	static char out[256];
	ssize_t n = rota__escape_url(text, out, sizeof(out) - 1);

	CHECK(n >= 0);
	out[n] = '\0';
	return out;
}

TEST(html_gets_no_tags_quotes_or_controls)
{
	CHECK_STR(html(SPAN("<a href=\"x\" b='y'>&amp;")),
		"&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
	CHECK_STR(html(SPAN("a\tb\nc \xc3\xa4")), "a\tb\nc \xc3\xa4");
	CHECK_STR(html(SPAN("a\0b\x1b\x7f")), "a\xef\xbf\xbd"
					      "b\xef\xbf\xbd\xef\xbf\xbd");
	CHECK_STR(html(SPAN("")), "");
}

TEST(a_segment_of_a_url_keeps_only_unreserved_characters)
{
	CHECK_STR(url(SPAN("aZ09-._~")), "aZ09-._~");
	CHECK_STR(url(SPAN("a b/c?d#e%f")), "a%20b%2Fc%3Fd%23e%25f");
	CHECK_STR(url(SPAN("\xc3\xa4\0\"'")), "%C3%A4%00%22%27");
}

TEST(escaped_text_fits_exactly_or_not_at_all)
{
	char out[16];

	CHECK_EQ(rota__escape_html(SPAN("a<b"), out, 6), 6);
	CHECK_EQ(rota__escape_html(SPAN("a<b"), out, 5), -ENOBUFS);
	CHECK_EQ(rota__escape_html(SPAN("a<b"), out, 4), -ENOBUFS);
	CHECK_EQ(rota__escape_url(SPAN("a b"), out, 5), 5);
	CHECK_EQ(rota__escape_url(SPAN("a b"), out, 4), -ENOBUFS);
	CHECK_EQ(rota__escape_url(SPAN("a b"), out, 3), -ENOBUFS);
	CHECK_EQ(rota__escape_url(SPAN(""), out, 0), 0);
}

static const char *type(const char *path)
{
	return rota__mime_type(span_of(path)).at;
}

TEST(a_file_has_the_type_of_its_ending)
{
	CHECK_STR(type("/a/index.html"), "text/html; charset=utf-8");
	CHECK_STR(type("a.JS"), "text/javascript; charset=utf-8");
	CHECK_STR(type("a.b/c.tar.gz"), "application/gzip");
	CHECK_STR(type("/x.7z"), "application/x-7z-compressed");
	CHECK_STR(type("/x.zst"), "application/zstd");
	CHECK_STR(type("x.svg"), "image/svg+xml");
	CHECK_STR(type("x.woff2"), "font/woff2");
	CHECK_STR(type("x.wasm"), "application/wasm");
}

TEST(a_file_without_an_ending_that_is_known_is_just_bytes)
{
	static const char *const paths[] = { "", "/", "/a", "/a.b/c", "/a.", "/.html", ".html",
		"/a/.gz", "x.htmlx", "x.ht", "x.\xff" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		CHECK_STR(type(paths[i]), "application/octet-stream");
}

/* Searching by halving finds every line only if the list is sorted. */
TEST(common_endings_are_all_found)
{
	static const char *const endings[] = { "aac", "avif", "bmp", "c", "css", "csv", "flac",
		"gif", "h", "htm", "ico", "jpeg", "jpg", "json", "log", "m4a", "map", "md", "mjs",
		"mkv", "mov", "mp3", "mp4", "oga", "ogg", "ogv", "opus", "otf", "pdf", "png", "py",
		"rss", "rtf", "sh", "svgz", "tar", "tgz", "tif", "tiff", "toml", "ts", "ttf", "txt",
		"vcf", "vtt", "wav", "weba", "webm", "webmanifest", "webp", "woff", "xhtml", "xls",
		"xlsx", "xml", "xsl", "xz", "yaml", "yml", "zip" };
	char path[32] = "x.";

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		strcpy(path + 2, endings[i]);
		CHECK(strcmp(type(path), "application/octet-stream") != 0);
	}
}
