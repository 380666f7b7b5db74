/* http.c - methods, field names and status codes: the tables, and finding things in them */
#include "codec/http.h"

#include <stdint.h>

static const struct span methods[HTTP_METHOD_COUNT] = {
#define X(name) [HTTP_METHOD_##name] = { #name, sizeof(#name) - 1 },
	HTTP_METHODS(X)
#undef X
};

enum http_method rota__http_method(const char *name, size_t len)
{
	for (unsigned i = HTTP_METHOD_OTHER + 1; i < HTTP_METHOD_COUNT; i++)
		if (span_equal(methods[i], (struct span){ name, len }))
			return (enum http_method)i;
	return HTTP_METHOD_OTHER;
}

struct span rota__http_method_name(enum http_method method)
{
	return methods[method];
}

static const struct span fields[HTTP_FIELD_COUNT] = {
#define X(id, name, first, last) [HTTP_FIELD_##id] = { name, sizeof(name) - 1 },
	HTTP_FIELDS(X)
#undef X
};

/* Length, first and last letter tell all names apart, and these factors put each of them into a
 * place of its own: found by trying all small ones.  A new name that needs a place that is taken
 * makes the compiler warn of an initialiser that is overridden; then look for other factors. */
#define PLACE(len, first, last) (((len) + 16 * (first) + 9 * (last)) & 255)

static const uint8_t places[256] = {
#define X(id, name, first, last) [PLACE(sizeof(name) - 1, first, last)] = HTTP_FIELD_##id,
	HTTP_FIELDS(X)
#undef X
};

/* Eight characters, letters made small.  What lacks the bit 0x40 (digits, '-') is left alone. */
static uint64_t lower8(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word | (word & UINT64_C(0x4040404040404040)) >> 1;
}

static uint32_t lower4(const char *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word | (word & 0x40404040) >> 1;
}

/* Equal but for case?  Names only: 0x40 and '`' would be the same, but no field's name has either.
 * Whole words, the last of which overlaps the one before. */
static bool same_name(const char *a, const char *b, size_t len)
{
	if (len >= 8) {
		for (size_t i = 0; i < len - 8; i += 8)
			if (lower8(a + i) != lower8(b + i))
				return false;
		return lower8(a + len - 8) == lower8(b + len - 8);
	}
	if (len >= 4)
		return lower4(a) == lower4(b) && lower4(a + len - 4) == lower4(b + len - 4);
	return rota__span_equal_nocase((struct span){ a, len }, (struct span){ b, len });
}

enum http_field rota__http_field(const char *name, size_t len)
{
	unsigned id;

	if (len == 0)
		return HTTP_FIELD_OTHER;
	id = places[PLACE(len, name[0] | 0x20, name[len - 1] | 0x20)];
	if (fields[id].len != len || !same_name(name, fields[id].at, len))
		return HTTP_FIELD_OTHER;
	return (enum http_field)id;
}

struct span rota__http_field_name(enum http_field field)
{
	return fields[field];
}

const char *rota__http_status_text(unsigned status)
{
	static const char *const classes[] = { "Unknown", "Informational", "Success", "Redirection",
		"Client Error", "Server Error" };

	switch (status) {
#define X(code, text)                                                                              \
	case code:                                                                                 \
		return text;
		HTTP_STATUSES(X)
#undef X
	}
	return classes[status < 600 ? status / 100 : 0];
}
