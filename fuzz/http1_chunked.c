/* http1_chunked.c - any bytes as a chunked body */
#include "fuzz.h"

static const struct http1_limits tight = {
	.head_bytes = 64,
	.chunk_ext_bytes = 5,
	.trailer_bytes = 16,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct http1_log_setup usual = { .kind = HTTP1_LOG_CHUNKED };
	struct http1_log_setup narrow = {
		.kind = HTTP1_LOG_CHUNKED,
		.limits = &tight,
		.body_max = 20,
	};

	fuzz_logs_agree(&usual, bytes);
	fuzz_logs_agree(&narrow, bytes);
	return 0;
}
