/* http.h - the vocabulary of HTTP: methods, field names and status codes by number
 *
 * A name that is known has a number, so that what the library asks of each message (which method?
 * is there a Connection field?) is a compare of integers; any other name is 0 and stays readable in
 * the text it came from. */
#ifndef ROTA_CODEC_HTTP_H
#define ROTA_CODEC_HTTP_H

#include "codec/span.h"

#define HTTP_METHODS(X)                                                                            \
	X(GET)                                                                                     \
	X(HEAD)                                                                                    \
	X(POST)                                                                                    \
	X(PUT)                                                                                     \
	X(DELETE)                                                                                  \
	X(CONNECT)                                                                                 \
	X(OPTIONS)                                                                                 \
	X(TRACE)                                                                                   \
	X(PATCH)

enum http_method {
	HTTP_METHOD_OTHER,
#define X(name) HTTP_METHOD_##name,
	HTTP_METHODS(X)
#undef X
	HTTP_METHOD_COUNT
};

/* X(constant, name, first letter, last letter): the letters feed the table that finds the name,
 * which the compiler refuses to build when two names would share a place.  At most 63 names: a head
 * keeps which it has in 64 bits. */
#define HTTP_FIELDS(X)                                                                             \
	X(ACCEPT, "Accept", 'a', 't')                                                              \
	X(ACCEPT_ENCODING, "Accept-Encoding", 'a', 'g')                                            \
	X(ACCEPT_LANGUAGE, "Accept-Language", 'a', 'e')                                            \
	X(ACCEPT_RANGES, "Accept-Ranges", 'a', 's')                                                \
	X(AGE, "Age", 'a', 'e')                                                                    \
	X(ALLOW, "Allow", 'a', 'w')                                                                \
	X(AUTHORIZATION, "Authorization", 'a', 'n')                                                \
	X(CACHE_CONTROL, "Cache-Control", 'c', 'l')                                                \
	X(CONNECTION, "Connection", 'c', 'n')                                                      \
	X(CONTENT_DISPOSITION, "Content-Disposition", 'c', 'n')                                    \
	X(CONTENT_ENCODING, "Content-Encoding", 'c', 'g')                                          \
	X(CONTENT_LANGUAGE, "Content-Language", 'c', 'e')                                          \
	X(CONTENT_LENGTH, "Content-Length", 'c', 'h')                                              \
	X(CONTENT_LOCATION, "Content-Location", 'c', 'n')                                          \
	X(CONTENT_RANGE, "Content-Range", 'c', 'e')                                                \
	X(CONTENT_TYPE, "Content-Type", 'c', 'e')                                                  \
	X(COOKIE, "Cookie", 'c', 'e')                                                              \
	X(DATE, "Date", 'd', 'e')                                                                  \
	X(ETAG, "ETag", 'e', 'g')                                                                  \
	X(EXPECT, "Expect", 'e', 't')                                                              \
	X(EXPIRES, "Expires", 'e', 's')                                                            \
	X(FORWARDED, "Forwarded", 'f', 'd')                                                        \
	X(HOST, "Host", 'h', 't')                                                                  \
	X(IF_MATCH, "If-Match", 'i', 'h')                                                          \
	X(IF_MODIFIED_SINCE, "If-Modified-Since", 'i', 'e')                                        \
	X(IF_NONE_MATCH, "If-None-Match", 'i', 'h')                                                \
	X(IF_RANGE, "If-Range", 'i', 'e')                                                          \
	X(IF_UNMODIFIED_SINCE, "If-Unmodified-Since", 'i', 'e')                                    \
	X(KEEP_ALIVE, "Keep-Alive", 'k', 'e')                                                      \
	X(LAST_MODIFIED, "Last-Modified", 'l', 'd')                                                \
	X(LINK, "Link", 'l', 'k')                                                                  \
	X(LOCATION, "Location", 'l', 'n')                                                          \
	X(ORIGIN, "Origin", 'o', 'n')                                                              \
	X(PRAGMA, "Pragma", 'p', 'a')                                                              \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 'p', 'e')                                      \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 'p', 'n')                                    \
	X(PROXY_CONNECTION, "Proxy-Connection", 'p', 'n')                                          \
	X(RANGE, "Range", 'r', 'e')                                                                \
	X(REFERER, "Referer", 'r', 'r')                                                            \
	X(RETRY_AFTER, "Retry-After", 'r', 'r')                                                    \
	X(SEC_WEBSOCKET_ACCEPT, "Sec-WebSocket-Accept", 's', 't')                                  \
	X(SEC_WEBSOCKET_EXTENSIONS, "Sec-WebSocket-Extensions", 's', 's')                          \
	X(SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key", 's', 'y')                                        \
	X(SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol", 's', 'l')                              \
	X(SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version", 's', 'n')                                \
	X(SERVER, "Server", 's', 'r')                                                              \
	X(SET_COOKIE, "Set-Cookie", 's', 'e')                                                      \
	X(STRICT_TRANSPORT_SECURITY, "Strict-Transport-Security", 's', 'y')                        \
	X(TE, "TE", 't', 'e')                                                                      \
	X(TRACEPARENT, "Traceparent", 't', 't')                                                    \
	X(TRAILER, "Trailer", 't', 'r')                                                            \
	X(TRANSFER_ENCODING, "Transfer-Encoding", 't', 'g')                                        \
	X(UPGRADE, "Upgrade", 'u', 'e')                                                            \
	X(USER_AGENT, "User-Agent", 'u', 't')                                                      \
	X(VARY, "Vary", 'v', 'y')                                                                  \
	X(VIA, "Via", 'v', 'a')                                                                    \
	X(WWW_AUTHENTICATE, "WWW-Authenticate", 'w', 'e')                                          \
	X(X_FORWARDED_FOR, "X-Forwarded-For", 'x', 'r')                                            \
	X(X_FORWARDED_HOST, "X-Forwarded-Host", 'x', 't')                                          \
	X(X_FORWARDED_PROTO, "X-Forwarded-Proto", 'x', 'o')                                        \
	X(X_REQUEST_ID, "X-Request-Id", 'x', 'd')

enum http_field {
	HTTP_FIELD_OTHER,
#define X(id, name, first, last) HTTP_FIELD_##id,
	HTTP_FIELDS(X)
#undef X
	HTTP_FIELD_COUNT
};

#define HTTP_STATUSES(X)                                                                           \
	X(100, "Continue")                                                                         \
	X(101, "Switching Protocols")                                                              \
	X(103, "Early Hints")                                                                      \
	X(200, "OK")                                                                               \
	X(201, "Created")                                                                          \
	X(202, "Accepted")                                                                         \
	X(203, "Non-Authoritative Information")                                                    \
	X(204, "No Content")                                                                       \
	X(205, "Reset Content")                                                                    \
	X(206, "Partial Content")                                                                  \
	X(300, "Multiple Choices")                                                                 \
	X(301, "Moved Permanently")                                                                \
	X(302, "Found")                                                                            \
	X(303, "See Other")                                                                        \
	X(304, "Not Modified")                                                                     \
	X(307, "Temporary Redirect")                                                               \
	X(308, "Permanent Redirect")                                                               \
	X(400, "Bad Request")                                                                      \
	X(401, "Unauthorized")                                                                     \
	X(402, "Payment Required")                                                                 \
	X(403, "Forbidden")                                                                        \
	X(404, "Not Found")                                                                        \
	X(405, "Method Not Allowed")                                                               \
	X(406, "Not Acceptable")                                                                   \
	X(407, "Proxy Authentication Required")                                                    \
	X(408, "Request Timeout")                                                                  \
	X(409, "Conflict")                                                                         \
	X(410, "Gone")                                                                             \
	X(411, "Length Required")                                                                  \
	X(412, "Precondition Failed")                                                              \
	X(413, "Content Too Large")                                                                \
	X(414, "URI Too Long")                                                                     \
	X(415, "Unsupported Media Type")                                                           \
	X(416, "Range Not Satisfiable")                                                            \
	X(417, "Expectation Failed")                                                               \
	X(421, "Misdirected Request")                                                              \
	X(422, "Unprocessable Content")                                                            \
	X(425, "Too Early")                                                                        \
	X(426, "Upgrade Required")                                                                 \
	X(428, "Precondition Required")                                                            \
	X(429, "Too Many Requests")                                                                \
	X(431, "Request Header Fields Too Large")                                                  \
	X(451, "Unavailable For Legal Reasons")                                                    \
	X(500, "Internal Server Error")                                                            \
	X(501, "Not Implemented")                                                                  \
	X(502, "Bad Gateway")                                                                      \
	X(503, "Service Unavailable")                                                              \
	X(504, "Gateway Timeout")                                                                  \
	X(505, "HTTP Version Not Supported")

/* The number of a method, told apart by case as RFC 9110 asks; HTTP_METHOD_OTHER when unknown. */
enum http_method rota__http_method(const char *name, size_t len);
/* "GET"; {NULL, 0} for HTTP_METHOD_OTHER. */
struct span rota__http_method_name(enum http_method method);

/* The number of a field name in any case; HTTP_FIELD_OTHER when unknown. */
enum http_field rota__http_field(const char *name, size_t len);
/* "Content-Type"; {NULL, 0} for HTTP_FIELD_OTHER. */
struct span rota__http_field_name(enum http_field field);

/* "Not Found"; for a code without a text that of its class ("Client Error"), "Unknown" beyond 599.
 * Never NULL. */
const char *rota__http_status_text(unsigned status);

/* May a message with this status carry a body at all?  Not 1xx, 204, 304 (RFC 9110 6.4.1). */
static inline bool http_status_has_body(unsigned status)
{
	return status >= 200 && status != 204 && status != 304;
}

#endif
