/* http1_request.c - any bytes as a stream of requests: one log however cut, nothing read behind
 * them */
#include "fuzz.h"

/* So small that inputs of a few dozen bytes reach them. */
static const struct http1_limits tight = {
	.head_bytes = 64,
	.target_bytes = 12,
	.fields = 3,
	.chunk_ext_bytes = 5,
	.trailer_bytes = 16,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct http1_log_setup usual = { .kind = HTTP1_LOG_REQUESTS };
	struct http1_log_setup narrow = {
		.kind = HTTP1_LOG_REQUESTS,
		.limits = &tight,
		.body_max = 9,
	};

	fuzz_logs_agree(&usual, bytes);
	fuzz_logs_agree(&narrow, bytes);
	return 0;
}
