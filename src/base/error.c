/* error.c - codes as text */
#include <stdio.h>
#include <string.h>

#include <rota/base.h>

const char *rota_version(void)
{
	return ROTA_VERSION;
}

/* A function of its own, also where everything is compiled as one: that is its whole purpose. */
__attribute__((noinline)) int rota_errno(void)
{
	return -errno;
}

const char *rota_strerror(int code)
{
	static _Thread_local char unknown[32];
	const char *text;

	switch (code) {
	case ROTA_EOF:
		return "unexpected end of the stream";
	case ROTA_ELIMIT:
		return "larger than the limit";
	case ROTA_ENAME:
		return "name not found";
	case ROTA_EAGAINNAME:
		return "the name server did not answer";
	case ROTA_EPROTOCOL:
		return "protocol error of the peer";
	case ROTA_ECLOSED:
		return "closed";
	case ROTA_EREDIRECTS:
		return "too many redirects";
	case ROTA_ECRASHED:
		return "the worker process crashed";
	}
	/* strerrordesc_np: the plain English text, from any thread (glibc 2.32). */
	text = code <= 0 && code > -4096 ? strerrordesc_np(-code) : NULL;
	if (text != NULL)
		return text;
	snprintf(unknown, sizeof unknown, "unknown error %d", code);
	return unknown;
}
