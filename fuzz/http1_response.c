/* http1_response.c - any bytes as a stream of responses, to each kind of request that matters */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum http_method methods[] = {
		HTTP_METHOD_GET,
		HTTP_METHOD_HEAD,
		HTTP_METHOD_CONNECT,
	};
	struct span bytes = { (const char *)data, size };

	for (unsigned i = 0; i < 3; i++) {
		struct http1_log_setup setup = {
			.kind = HTTP1_LOG_RESPONSES,
			.method = methods[i],
			.body_max = i == 0 ? 100 : 0,
		};

		fuzz_logs_agree(&setup, bytes);
	}
	return 0;
}
