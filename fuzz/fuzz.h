/* fuzz.h - what the fuzz targets share
 *
 * A target is LLVMFuzzerTestOneInput() in a file of its own.  libFuzzer drives it to find inputs
 * (-Dfuzz=true, clang); replay.c drives it over the kept ones in every test run. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "codec/http1_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stop the run: libFuzzer keeps the input, the replay fails. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The stream has one log, whether it comes whole, byte by byte, or in pieces of other sizes. */
void fuzz_logs_agree(const struct http1_log_setup *setup, struct span bytes);

/* The bytes, in memory that ends where they end.  To be freed. */
char *fuzz_exact(struct span bytes);

#endif
