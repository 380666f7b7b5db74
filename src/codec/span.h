/* span.h - a piece of somebody else's bytes
 *
 * Parsers answer with spans into what they were given, so nothing is copied; a span lives as long
 * as that buffer stays where it is.  `at` NULL means "not there", which differs from there but
 * empty. */
#ifndef ROTA_CODEC_SPAN_H
#define ROTA_CODEC_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
	const char *at;
	size_t len;
};

#define SPAN(literal) ((struct span){ (literal), sizeof(literal) - 1 })

static inline struct span span_of(const char *text)
{
	return (struct span){ text, text != NULL ? strlen(text) : 0 };
}

static inline struct span span_between(const char *from, const char *to)
{
	return (struct span){ from, (size_t)(to - from) };
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Letters of either case are the same; only ASCII letters are letters. */
bool rota__span_equal_nocase(struct span a, struct span b);

/* Without the spaces and tabs at both ends (RFC 9110's OWS). */
static inline struct span span_trim(struct span s)
{
	while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
		s.at++, s.len--;
	while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* The next element of a comma-separated list, trimmed; *list goes on behind it.  False at the end.
 * Commas inside double quotes do not separate.  Empty elements are given like the others. */
bool rota__span_next_element(struct span *list, struct span *ret_element);

#endif
