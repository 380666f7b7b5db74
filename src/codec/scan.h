/* scan.h - finding the end of a run of plain characters, sixteen at a time
 *
 * Written with the compiler's vectors, so that the same lines become SSE2 and NEON.  Nothing behind
 * `end` is read: the last characters, fewer than sixteen, go through the table one by one, which
 * must say the same as the vector condition beside it. */
#ifndef ROTA_CODEC_SCAN_H
#define ROTA_CODEC_SCAN_H

#include <string.h>

#include "codec/chars.h"

typedef uint8_t scan_bytes __attribute__((vector_size(16)));
typedef uint64_t scan_words __attribute__((vector_size(16)));

static inline unsigned scan_first_of_word(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (unsigned)__builtin_ctzll(word) / 8;
#else
	return (unsigned)__builtin_clzll(word) / 8;
#endif
}

/* The place of the first byte that is not 0, or 16. */
static inline unsigned scan_first(scan_bytes hits)
{
	scan_words words = (scan_words)hits;

	if (words[0] != 0)
		return scan_first_of_word(words[0]);
	return words[1] != 0 ? 8 + scan_first_of_word(words[1]) : 16;
}

static inline scan_bytes scan_load(const char *at)
{
	scan_bytes bytes;

	memcpy(&bytes, at, sizeof(bytes));
	return bytes;
}

#define SCAN(at, end, v, stops, class)                                                             \
	do {                                                                                       \
		while ((end) - (at) >= 16) {                                                       \
			scan_bytes v = scan_load(at);                                              \
			unsigned first = scan_first((scan_bytes)(stops));                          \
			(at) += first;                                                             \
			if (first < 16)                                                            \
				return (at);                                                       \
		}                                                                                  \
		while ((at) < (end) && char_is(*(at), class))                                      \
			(at)++;                                                                    \
		return (at);                                                                       \
	} while (0)

/* The first character that a field value cannot have, or `end`. */
static inline const char *scan_value(const char *at, const char *end)
{
	SCAN(at, end, v, ((v < 0x20) & (v != '\t')) | (v == 0x7f), CHAR_VALUE);
}

/* The first character that a request target cannot have, or `end`. */
static inline const char *scan_target(const char *at, const char *end)
{
	SCAN(at, end, v, (v <= ' ') | (v >= 0x7f) | ((v | 1) == '#') | ((v | 2) == '>'),
		CHAR_TARGET);
}

/* The first character that certainly ends a name, or `end`; the name may hold others that a token
 * cannot have: whoever does not know it must look at it with scan_token(). */
static inline const char *scan_name(const char *at, const char *end)
{
	SCAN(at, end, v, (v <= ' ') | (v >= 0x7f) | (v == ':'), CHAR_TOKEN);
}

/* The first character that is not of a token, or `end`. */
static inline const char *scan_token(const char *at, const char *end)
{
	while (at < end && char_is(*at, CHAR_TOKEN))
		at++;
	return at;
}

#endif
