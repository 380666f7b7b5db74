/* http1_error.c - what to answer to, and what to say about, a message that was refused */
#include "codec/http1.h"

static const struct {
	unsigned status;
	const char *text;
} errors[HTTP1_ERROR_COUNT] = {
#define X(name, status, text) [HTTP1_I_##name] = { status, text },
	HTTP1_ERRORS(X)
#undef X
};

static bool is_ours(int error)
{
	return error <= HTTP1_E_METHOD && error > HTTP1_E_METHOD - HTTP1_ERROR_COUNT;
}

unsigned rota__http1_error_status(int error)
{
	return is_ours(error) ? errors[HTTP1_E_METHOD - error].status : 500;
}

const char *rota__http1_error_text(int error)
{
	return is_ours(error) ? errors[HTTP1_E_METHOD - error].text : "unknown";
}
