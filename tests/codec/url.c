/* url.c - URLs apart, together, against each other, and as paths of files */
#include "codec/url.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/test.h"

/* "scheme host port path query fragment" of a URL, '-' for what is not there; or the error. */
static const char *parts(const char *text)
{
	static char line[512];
	struct url url;
	int rc = rota__url_parse(span_of(text), &url);

	if (rc < 0) {
		snprintf(line, sizeof(line), "error: %s", rota__url_error_text(rc));
		return line;
	}
	snprintf(line, sizeof(line), "%d %s%.*s%s %u %.*s %.*s %.*s", url.scheme,
		url.host_is_ipv6 ? "[" : "", url.host.at ? (int)url.host.len : 1,
		url.host.at ? url.host.at : "-", url.host_is_ipv6 ? "]" : "", url.port,
		(int)url.path.len, url.path.at ? url.path.at : "",
		url.query.at ? (int)url.query.len : 1, url.query.at ? url.query.at : "-",
		url.fragment.at ? (int)url.fragment.len : 1,
		url.fragment.at ? url.fragment.at : "-");
	return line;
}

static int error_of(const char *text)
{
	struct url url;

	return rota__url_parse(span_of(text), &url);
}

TEST(a_url_is_taken_apart)
{
	CHECK_STR(parts("http://example.org/a/b?c=d#e"), "1 example.org 80 /a/b c=d e");
	CHECK_STR(parts("https://example.org"), "2 example.org 443 / - -");
	CHECK_STR(parts("HTTP://Example.org:8080"), "1 Example.org 8080 / - -");
	CHECK_STR(parts("http://127.0.0.1:1?q"), "1 127.0.0.1 1 / q -");
	CHECK_STR(parts("http://[::1]:65535/"), "1 [::1] 65535 / - -");
	CHECK_STR(parts("http://[2001:db8::ffff:1.2.3.4]/"), "1 [2001:db8::ffff:1.2.3.4] 80 / - -");
	CHECK_STR(parts("http://a:/b"), "1 a 80 /b - -");
	CHECK_STR(parts("http://a/?"), "1 a 80 /  -");
	CHECK_STR(parts("http://a/#"), "1 a 80 / - ");
	CHECK_STR(parts("http://a#b?c/d"), "1 a 80 / - b?c/d");
	CHECK_STR(parts("http://a?b/c?d"), "1 a 80 / b/c?d -");
	CHECK_STR(parts("http://a_b-c.d~e./"), "1 a_b-c.d~e. 80 / - -");
	CHECK_STR(
		parts("http://a/%41%ff;b=c,d:e@f!$&'()*+"), "1 a 80 /%41%ff;b=c,d:e@f!$&'()*+ - -");
	CHECK_STR(parts("tcp://db.local:5432"), "3 db.local 5432  - -");
	CHECK_STR(parts("tcp://[::]:1"), "3 [::] 1  - -");
	CHECK_STR(parts("unix:/run/x.sock"), "4 - 0 /run/x.sock - -");
	CHECK_STR(parts("unix:///run/x.sock"), "4 - 0 /run/x.sock - -");
	CHECK_STR(parts("unix:@name"), "4 - 0 @name - -");
}

TEST(a_url_without_a_scheme_that_is_known_is_refused)
{
	CHECK_EQ(error_of(""), URL_E_EMPTY);
	CHECK_EQ(error_of("example.org"), URL_E_SCHEME);
	CHECK_EQ(error_of("//example.org/"), URL_E_SCHEME);
	CHECK_EQ(error_of("ftp://example.org/"), URL_E_SCHEME);
	CHECK_EQ(error_of("file:///etc/passwd"), URL_E_SCHEME);
	CHECK_EQ(error_of("javascript:alert(1)"), URL_E_SCHEME);
	CHECK_EQ(error_of(" http://a/"), URL_E_SCHEME);
	CHECK_EQ(error_of("://a/"), URL_E_SCHEME);
}

TEST(a_host_that_is_none_is_refused)
{
	CHECK_EQ(error_of("http:"), URL_E_HOST);
	CHECK_EQ(error_of("http:/a"), URL_E_HOST);
	CHECK_EQ(error_of("http:a"), URL_E_HOST);
	CHECK_EQ(error_of("http://"), URL_E_HOST);
	CHECK_EQ(error_of("http:///a"), URL_E_HOST);
	CHECK_EQ(error_of("http://:80/"), URL_E_HOST);
	CHECK_EQ(error_of("http://a b/"), URL_E_HOST);
	CHECK_EQ(error_of("http://a%20b/"), URL_E_HOST);
	CHECK_EQ(error_of("http://a\\b/"), URL_E_HOST);
	CHECK_EQ(error_of("http://../"), URL_E_HOST);
	CHECK_EQ(error_of("http://.a/"), URL_E_HOST);
	CHECK_EQ(error_of("http://[]/"), URL_E_HOST);
	CHECK_EQ(error_of("http://[::1/"), URL_E_HOST);
	CHECK_EQ(error_of("http://[::1%25eth0]/"), URL_E_HOST);
	CHECK_EQ(error_of("http://[v1.a]/"), URL_E_HOST);
	CHECK_EQ(error_of("http://[::1]a/"), URL_E_HOST);
	CHECK_EQ(error_of("http://::1/"), URL_E_HOST);
	CHECK_EQ(error_of("http://\xc3\xa4/"), URL_E_HOST);
	CHECK_EQ(error_of("http://user@a/"), URL_E_USER);
	CHECK_EQ(error_of("http://user:pass@a/"), URL_E_USER);
	CHECK_EQ(error_of("http://good.example:80@bad.example/"), URL_E_USER);
}

TEST(a_host_of_255_bytes_passes_and_one_more_does_not)
{
	char text[512];

	snprintf(text, sizeof(text), "http://%0255d/", 1);
	CHECK_EQ(error_of(text), 0);
	snprintf(text, sizeof(text), "http://%0256d/", 1);
	CHECK_EQ(error_of(text), URL_E_HOST);
}

TEST(a_port_is_a_number_from_1_to_65535)
{
	CHECK_EQ(error_of("http://a:0/"), URL_E_PORT);
	CHECK_EQ(error_of("http://a:65536/"), URL_E_PORT);
	CHECK_EQ(error_of("http://a:99999999999999999999/"), URL_E_PORT);
	CHECK_EQ(error_of("http://a:+80/"), URL_E_PORT);
	CHECK_EQ(error_of("http://a:80a/"), URL_E_PORT);
	CHECK_EQ(error_of("http://a:80:80/"), URL_E_PORT);
	CHECK_EQ(error_of("tcp://a"), URL_E_PORT);
	CHECK_STR(parts("http://a:00080/"), "1 a 80 / - -");
}

TEST(characters_a_url_cannot_have_are_refused)
{
	CHECK_EQ(error_of("http://a/b c"), URL_E_CHARACTER);
	CHECK_EQ(error_of("http://a/b\nc"), URL_E_CHARACTER);
	CHECK_EQ(error_of("http://a/b\\c"), URL_E_CHARACTER);
	CHECK_EQ(error_of("http://a/<b>"), URL_E_CHARACTER);
	CHECK_EQ(error_of("http://a/b[c]"), URL_E_CHARACTER);
	CHECK_EQ(error_of("http://a/\xc3\xa4"), URL_E_CHARACTER);
	CHECK_EQ(error_of("http://a/?b\"c"), URL_E_CHARACTER);
	CHECK_EQ(error_of("http://a/#b#c"), URL_E_CHARACTER);
	CHECK_EQ(error_of("http://a/\x7f"), URL_E_CHARACTER);
	CHECK_EQ(error_of("http://a/%"), URL_E_PERCENT);
	CHECK_EQ(error_of("http://a/%4"), URL_E_PERCENT);
	CHECK_EQ(error_of("http://a/?%4g"), URL_E_PERCENT);
	CHECK_EQ(error_of("http://a/#%%41"), URL_E_PERCENT);
	CHECK_EQ(error_of("unix:/a b"), URL_E_CHARACTER);
	CHECK_EQ(error_of("unix:/a?b"), URL_E_CHARACTER);
}

TEST(nothing_behind_a_url_belongs_to_it)
{
	static const char text[] = "http://a/%41";
	struct url url;

	for (size_t cut = 1; cut <= 2; cut++)
		CHECK_EQ(rota__url_parse((struct span){ text, sizeof(text) - 1 - cut }, &url),
			URL_E_PERCENT);
}

TEST(a_scheme_has_a_path_where_it_needs_one)
{
	CHECK_EQ(error_of("tcp://a:1/"), URL_E_PATH);
	CHECK_EQ(error_of("tcp://a:1?b"), URL_E_PATH);
	CHECK_EQ(error_of("tcp://a:1#b"), URL_E_PATH);
	CHECK_EQ(error_of("unix:"), URL_E_PATH);
	CHECK_EQ(error_of("unix:/"), URL_E_PATH);
	CHECK_EQ(error_of("unix:@"), URL_E_PATH);
	CHECK_EQ(error_of("unix:x"), URL_E_PATH);
	CHECK_EQ(error_of("unix://host/x"), URL_E_PATH);
}

TEST(a_url_of_exactly_the_limit_passes_and_one_byte_more_does_not)
{
	char *text = malloc(URL_BYTES_MAX + 2);

	CHECK(text != NULL);
	memset(text, 'a', URL_BYTES_MAX + 1);
	memcpy(text, "http://a/", 9);
	text[URL_BYTES_MAX] = '\0';
	CHECK_EQ(error_of(text), 0);
	text[URL_BYTES_MAX] = 'a';
	text[URL_BYTES_MAX + 1] = '\0';
	CHECK_EQ(error_of(text), URL_E_LENGTH);
	free(text);
}

TEST(a_refused_url_leaves_the_result_as_it_was)
{
	struct url url = { .port = 7 };

	CHECK_EQ(rota__url_parse(SPAN("http://a:99999/"), &url), URL_E_PORT);
	CHECK_EQ(url.port, 7);
}

TEST(every_error_has_a_text)
{
	for (int error = URL_E_EMPTY; error > URL_E_EMPTY - URL_ERROR_COUNT; error--)
		CHECK(strlen(rota__url_error_text(error)) > 10);
	CHECK_STR(rota__url_error_text(0), "unknown");
	CHECK_STR(rota__url_error_text(URL_E_EMPTY - URL_ERROR_COUNT), "unknown");
}

/* ---- together ---- */

static const char *host_of(const char *text)
{
	static char out[300];
	struct url url;
	int n;

	CHECK_EQ(rota__url_parse(span_of(text), &url), 0);
	n = rota__url_write_host(&url, out, sizeof(out) - 1);
	CHECK(n > 0);
	out[n] = '\0';
	CHECK_EQ(rota__url_write_host(&url, out, (size_t)n), n);
	CHECK_EQ(rota__url_write_host(&url, out, (size_t)n - 1), URL_E_SPACE);
	return out;
}

TEST(a_host_field_leaves_out_the_usual_port)
{
	CHECK_STR(host_of("http://a/"), "a");
	CHECK_STR(host_of("http://a:80/"), "a");
	CHECK_STR(host_of("http://a:443/"), "a:443");
	CHECK_STR(host_of("https://a:443/"), "a");
	CHECK_STR(host_of("https://[::1]:8443/"), "[::1]:8443");
	CHECK_STR(host_of("https://[::1]/"), "[::1]");
}

static const char *target_of(const char *text)
{
	static char out[300];
	struct url url;
	int n;

	CHECK_EQ(rota__url_parse(span_of(text), &url), 0);
	n = rota__url_write_target(&url, out, sizeof(out) - 1);
	CHECK(n > 0);
	out[n] = '\0';
	CHECK_EQ(rota__url_write_target(&url, out, (size_t)n - 1), URL_E_SPACE);
	return out;
}

TEST(a_target_is_path_and_query)
{
	CHECK_STR(target_of("http://a"), "/");
	CHECK_STR(target_of("http://a?b"), "/?b");
	CHECK_STR(target_of("http://a/b/?#c"), "/b/?");
	CHECK_STR(target_of("http://a/b?c=d#e"), "/b?c=d");
}

TEST(a_target_is_split_at_its_question_mark)
{
	static const char *const cases[][3] = {
		{ "/a?b?c", "/a", "b?c" },
		{ "/a", "/a", NULL },
		{ "/a?", "/a", "" },
		{ "http://h/a?b", "/a", "b" },
		{ "http://h?b", "/", "b" },
		{ "http://h", "/", NULL },
		{ "/x?http://h/a", "/x", "http://h/a" },
		{ "*", "*", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span path, query;

		rota__url_split_target(span_of(cases[i][0]), &path, &query);
		CHECK(span_equal(path, span_of(cases[i][1])));
		CHECK(span_equal(query, span_of(cases[i][2])));
		CHECK_EQ(query.at == NULL, cases[i][2] == NULL);
	}
}

/* ---- references ---- */

static const char *resolve(const char *base, const char *reference)
{
	static char out[512];
	struct url url;
	int n;

	CHECK_EQ(rota__url_parse(span_of(base), &url), 0);
	n = rota__url_resolve(&url, span_of(reference), out, sizeof(out) - 1);
	if (n < 0)
		return rota__url_error_text(n);
	out[n] = '\0';
	return out;
}

/* RFC 3986 5.4, all of it but for the schemes we do not know. */
TEST(the_examples_of_rfc_3986_resolve_as_it_says)
{
	static const char *const cases[][2] = {
		{ "g", "http://a/b/c/g" },
		{ "./g", "http://a/b/c/g" },
		{ "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" },
		{ "//g", "http://g" },
		{ "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" },
		{ "#s", "http://a/b/c/d;p?q#s" },
		{ "g#s", "http://a/b/c/g#s" },
		{ "g?y#s", "http://a/b/c/g?y#s" },
		{ ";x", "http://a/b/c/;x" },
		{ "g;x", "http://a/b/c/g;x" },
		{ "g;x?y#s", "http://a/b/c/g;x?y#s" },
		{ "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" },
		{ "./", "http://a/b/c/" },
		{ "..", "http://a/b/" },
		{ "../", "http://a/b/" },
		{ "../g", "http://a/b/g" },
		{ "../..", "http://a/" },
		{ "../../", "http://a/" },
		{ "../../g", "http://a/g" },
		{ "../../../g", "http://a/g" },
		{ "../../../../g", "http://a/g" },
		{ "/./g", "http://a/g" },
		{ "/../g", "http://a/g" },
		{ "g.", "http://a/b/c/g." },
		{ ".g", "http://a/b/c/.g" },
		{ "g..", "http://a/b/c/g.." },
		{ "..g", "http://a/b/c/..g" },
		{ "./../g", "http://a/b/g" },
		{ "./g/.", "http://a/b/c/g/" },
		{ "g/./h", "http://a/b/c/g/h" },
		{ "g/../h", "http://a/b/c/h" },
		{ "g;x=1/./y", "http://a/b/c/g;x=1/y" },
		{ "g;x=1/../y", "http://a/b/c/y" },
		{ "g?y/./x", "http://a/b/c/g?y/./x" },
		{ "g?y/../x", "http://a/b/c/g?y/../x" },
		{ "g#s/./x", "http://a/b/c/g#s/./x" },
		{ "g#s/../x", "http://a/b/c/g#s/../x" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_STR(resolve("http://a/b/c/d;p?q", cases[i][0]), cases[i][1]);
}

TEST(an_absolute_reference_replaces_the_base)
{
	CHECK_STR(resolve("http://a/b", "https://c:1/d/../e?f"), "https://c:1/e?f");
	CHECK_STR(resolve("http://a/b", "https://c/d/..?/../f"), "https://c/?/../f");
	CHECK_STR(resolve("https://a/b", "//c/./d"), "https://c/d");
	CHECK_STR(resolve("http://a/b", "unix:/c"), "unix:/c");
	CHECK_STR(resolve("tcp://a:1", "http://c/d"), "http://c/d");
}

TEST(what_surrounds_the_path_of_the_base_stays)
{
	CHECK_STR(resolve("https://[::1]:8443/a?b#c", "d"), "https://[::1]:8443/d");
	CHECK_STR(resolve("http://a:80", "b"), "http://a/b");
	CHECK_STR(resolve("http://a?q", ""), "http://a/?q");
	CHECK_STR(resolve("http://a/b?q#f", ""), "http://a/b?q");
	CHECK_STR(resolve("http://a/b", "?"), "http://a/b?");
	CHECK_STR(resolve("http://a/b/..", "."), "http://a/b/");
}

TEST(a_reference_that_leads_nowhere_is_refused)
{
	CHECK_STR(resolve("http://a/b", "http:g"), rota__url_error_text(URL_E_HOST));
	CHECK_STR(resolve("http://a/b", "mailto:x"), rota__url_error_text(URL_E_SCHEME));
	CHECK_STR(resolve("http://a/b", "javascript:x"), rota__url_error_text(URL_E_SCHEME));
	CHECK_STR(resolve("http://a/b", "//user@c/"), rota__url_error_text(URL_E_USER));
	CHECK_STR(resolve("http://a/b", "///c"), rota__url_error_text(URL_E_HOST));
	CHECK_STR(resolve("http://a/b", "c d"), rota__url_error_text(URL_E_CHARACTER));
	CHECK_STR(resolve("http://a/b", "c\r\nX: y"), rota__url_error_text(URL_E_CHARACTER));
	CHECK_STR(resolve("tcp://a:1", "c"), rota__url_error_text(URL_E_SCHEME));
	CHECK_STR(resolve("unix:/a", "c"), rota__url_error_text(URL_E_SCHEME));
}

TEST(a_resolved_url_fits_exactly_or_not_at_all)
{
	char out[64];
	struct url base;
	int n;

	CHECK_EQ(rota__url_parse(SPAN("http://a:81/b/c"), &base), 0);
	n = rota__url_resolve(&base, SPAN("d?e"), out, sizeof(out));
	CHECK_EQ(n, 17);
	for (int size = 0; size < 17; size++)
		CHECK_EQ(rota__url_resolve(&base, SPAN("d?e"), out, (size_t)size), URL_E_SPACE);
	CHECK_EQ(rota__url_resolve(&base, SPAN("d?e"), out, 17), 17);
}

/* ---- decoding, paths of files ---- */

TEST(percent_signs_are_decoded)
{
	char out[16];

	CHECK_EQ(rota__url_decode(SPAN("%41b%2F%00+"), out, sizeof(out)), 5);
	CHECK(memcmp(out, "Ab/\0+", 5) == 0);
	CHECK_EQ(rota__url_decode(SPAN("%"), out, sizeof(out)), URL_E_PERCENT);
	CHECK_EQ(rota__url_decode(SPAN("a%4"), out, sizeof(out)), URL_E_PERCENT);
	CHECK_EQ(rota__url_decode(SPAN("%g0"), out, sizeof(out)), URL_E_PERCENT);
	CHECK_EQ(rota__url_decode(SPAN("%0g"), out, sizeof(out)), URL_E_PERCENT);
	CHECK_EQ(rota__url_decode(SPAN("abc"), out, 2), URL_E_SPACE);
	CHECK_EQ(rota__url_decode(SPAN("abc"), out, 3), 3);
	CHECK_EQ(rota__url_decode(SPAN(""), out, 0), 0);
}

TEST(decoding_in_place_is_allowed)
{
	char text[] = "%61%62c%64";

	CHECK_EQ(rota__url_decode((struct span){ text, 10 }, text, 10), 4);
	CHECK(memcmp(text, "abcd", 4) == 0);
}

static const char *file_path(const char *path)
{
	static char out[256];
	int n = rota__url_file_path(span_of(path), out, sizeof(out));

	if (n < 0)
		return rota__url_error_text(n);
	CHECK_EQ(strlen(out), n);
	return out;
}

TEST(a_path_becomes_one_below_a_folder)
{
	CHECK_STR(file_path("/"), "/");
	CHECK_STR(file_path("/a"), "/a");
	CHECK_STR(file_path("/a/"), "/a/");
	CHECK_STR(file_path("//a///b//"), "/a/b/");
	CHECK_STR(file_path("/./a/./b/."), "/a/b/");
	CHECK_STR(file_path("/%61%20b/c%2Bd+e"), "/a b/c+d+e");
	CHECK_STR(file_path("/%2e/a"), "/a");
	CHECK_STR(file_path("/...a/b..c/.d"), "/...a/b..c/.d");
	CHECK_STR(file_path("/..."), "/...");
	CHECK_STR(file_path("/%c3%a4"), "/\xc3\xa4");
	CHECK_STR(file_path("/%252e%252e"), "/%2e%2e");
}

TEST(a_path_that_leaves_its_folder_is_refused)
{
	const char *traversal = rota__url_error_text(URL_E_TRAVERSAL);
	const char *encoded = rota__url_error_text(URL_E_ENCODED);

	CHECK_STR(file_path("/.."), traversal);
	CHECK_STR(file_path("/../etc/passwd"), traversal);
	CHECK_STR(file_path("/a/../b"), traversal);
	CHECK_STR(file_path("/a/.."), traversal);
	CHECK_STR(file_path("/%2e%2e/a"), traversal);
	CHECK_STR(file_path("/.%2E/a"), traversal);
	CHECK_STR(file_path("/%2e./a"), traversal);
	CHECK_STR(file_path("/..%2fa"), encoded);
	CHECK_STR(file_path("/a%2Fb"), encoded);
	CHECK_STR(file_path("/a%00.html"), encoded);
	CHECK_STR(file_path("/..%5ca"), encoded);
	CHECK_STR(file_path("/a\\..\\b"), encoded);
	CHECK_STR(file_path("/%c0%ae%c0%ae/"), "/\xc0\xae\xc0\xae/");
}

TEST(a_path_that_is_none_is_refused)
{
	CHECK_STR(file_path(""), rota__url_error_text(URL_E_PATH));
	CHECK_STR(file_path("a"), rota__url_error_text(URL_E_PATH));
	CHECK_STR(file_path("*"), rota__url_error_text(URL_E_PATH));
	CHECK_STR(file_path("/%"), rota__url_error_text(URL_E_PERCENT));
	CHECK_STR(file_path("/%zz"), rota__url_error_text(URL_E_PERCENT));
}

TEST(a_file_path_fits_with_its_nul_or_not_at_all)
{
	char out[8];

	for (size_t size = 0; size < sizeof(out); size++) {
		int n = rota__url_file_path(SPAN("/ab//c/"), out, size);

		CHECK_EQ(n, size >= 7 ? 6 : URL_E_SPACE);
	}
}
