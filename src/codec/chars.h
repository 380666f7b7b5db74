/* chars.h - which characters may stand where: one table, a bit for each grammar rule */
#ifndef ROTA_CODEC_CHARS_H
#define ROTA_CODEC_CHARS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CHAR_TOKEN = 1,      /* RFC 9110 tchar: methods, field names */
	CHAR_TARGET = 2,     /* in a request target: visible ASCII but " # < > */
	CHAR_UNRESERVED = 4, /* RFC 3986: letters, digits, - . _ ~ */
	CHAR_PATH = 8,       /* RFC 3986 pchar, '/' and '%': URL paths */
	CHAR_QUERY = 16,     /* CHAR_PATH and '?': queries and fragments */
	CHAR_VALUE = 32,     /* RFC 9110 field-vchar, space and tab */
	CHAR_ETAG = 64,      /* RFC 9110 etagc */
	CHAR_LABEL = 128,    /* between the dots of a host name: CHAR_UNRESERVED but the dot */
};

extern const uint8_t rota__chars[256];

static inline bool char_is(char c, unsigned classes)
{
	return (rota__chars[(unsigned char)c] & classes) != 0;
}

static inline bool char_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char char_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The value of a hexadecimal digit, or -1. */
static inline int char_hex(char c)
{
	if (char_is_digit(c))
		return c - '0';
	c = char_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
