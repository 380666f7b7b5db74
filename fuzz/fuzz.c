/* fuzz.c - what the fuzz targets share */
#include "fuzz.h"

char *fuzz_exact(struct span bytes)
{
	char *copy = malloc(bytes.len > 0 ? bytes.len : 1);

	MUST(copy != NULL);
	if (bytes.len > 0)
		memcpy(copy, bytes.at, bytes.len);
	return copy;
}

static void must_equal(const struct http1_log_setup *setup, struct span bytes, const char *whole,
	const size_t *cuts, size_t count)
{
	char *log = http1_log(setup, bytes, cuts, count);

	if (strcmp(log, whole) != 0) {
		fprintf(stderr, "in one piece:\n%s\nin %zu pieces:\n%s\n", whole, count + 1, log);
		abort();
	}
	free(log);
}

/* Cuts at every `stride`th byte. */
static void check_stride(const struct http1_log_setup *setup, struct span bytes, const char *whole,
	size_t stride, size_t *cuts)
{
	size_t count = 0;

	for (size_t at = stride; at < bytes.len; at += stride)
		cuts[count++] = at;
	must_equal(setup, bytes, whole, cuts, count);
}

void fuzz_logs_agree(const struct http1_log_setup *setup, struct span bytes)
{
	static const size_t strides[] = { 1, 7, 16 };
	size_t *cuts = calloc(bytes.len + 1, sizeof(*cuts));
	char *whole = http1_log(setup, bytes, NULL, 0);

	MUST(cuts != NULL);
	for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++)
		check_stride(setup, bytes, whole, strides[i], cuts);
	free(whole);
	free(cuts);
}
