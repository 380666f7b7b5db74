/* base.h - what every other header stands on: visibility, errors, time
 *
 * Errors.  A call answers 0 or a count, or a negative errno (-ECANCELED, -ETIMEDOUT ...), or one of
 * the negative codes below for what errno has no word for.  errno itself is never set, and read
 * with rota_errno() after a system call of your own.
 *
 * Time.  Nanoseconds on CLOCK_MONOTONIC, as uint64_t.  A length is made with ROTA_SECONDS() and its
 * brothers; a deadline is absolute: rota_now_ns() + length, or ROTA_FOREVER. */
#ifndef ROTA_BASE_H
#define ROTA_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ROTA_VERSION	   "0.1.0"
#define ROTA_VERSION_MAJOR 0
#define ROTA_VERSION_MINOR 1
#define ROTA_VERSION_PATCH 0

#if defined(__GNUC__)
#define ROTA_API __attribute__((visibility("default")))
#define ROTA_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ROTA_MUST_USE __attribute__((warn_unused_result))
#else
#define ROTA_API
#define ROTA_PRINTF(fmt, args)
#define ROTA_MUST_USE
#endif

#define ROTA__STR2(x) #x
#define ROTA__STR(x)  ROTA__STR2(x)
/* "file.c:12": where this line is. */
#define ROTA_HERE __FILE__ ":" ROTA__STR(__LINE__)

/* Codes beside errno.  4,000 and up: Linux keeps errno values below 4,096 and uses few of them. */
enum {
	ROTA_EOF = -4001,     /* the stream ended before what was asked for had come */
	ROTA_ELIMIT = -4002,  /* the peer sent more than the limit the caller set */
	ROTA_ENAME = -4003,   /* the name does not exist (getaddrinfo: EAI_NONAME, EAI_NODATA) */
	ROTA_EAGAINNAME = -4004, /* the name server did not answer; try again later (EAI_AGAIN) */
	ROTA_EPROTOCOL = -4005,  /* the peer broke the protocol */
	ROTA_ECLOSED = -4006, /* the object was closed */
	ROTA_EREDIRECTS = -4007, /* more redirects than allowed, or one that leads nowhere */
	ROTA_ECRASHED = -4008, /* the process that worked on it ended in the middle */
};

/* The text for a code above or a negative errno: "connection refused".  Any thread; never NULL; the
 * text is constant or lives until this thread's next call. */
ROTA_API const char *rota_strerror(int code);

/* The calling thread's errno as a code, -errno, for who makes system calls in a task.  Any thread; never waits.
 *
 * A task may come to another thread where it waits.  errno is a variable of the thread, and the compiler may find its
 * address once for a whole function: after a wait in between, `errno` reads what went wrong elsewhere.  This call finds
 * it anew.  The same holds for each _Thread_local variable, and for what <pthread.h> says of the thread. */
ROTA_API int rota_errno(void);

/* "0.1.0", of the library that is running; ROTA_VERSION_* are those of the headers. */
ROTA_API const char *rota_version(void);

#define ROTA_NANOSECONDS(n)  ((uint64_t)(n))
#define ROTA_MICROSECONDS(n) ((uint64_t)(n) * UINT64_C(1000))
#define ROTA_MILLISECONDS(n) ((uint64_t)(n) * UINT64_C(1000000))
#define ROTA_SECONDS(n)	     ((uint64_t)(n) * UINT64_C(1000000000))
#define ROTA_MINUTES(n)	     ((uint64_t)(n) * UINT64_C(60000000000))
#define ROTA_NOW	     UINT64_C(0)	  /* a deadline that has passed: do not wait */
#define ROTA_FOREVER	     UINT64_C(0xffffffffffffffff) /* no deadline */

/* The clock that deadlines are on, read now: CLOCK_MONOTONIC.  Any thread. */
ROTA_API uint64_t rota_now_ns(void);

/* now + length, or ROTA_FOREVER where that would overflow. */
static inline uint64_t rota_deadline(uint64_t length_ns)
{
	uint64_t now = rota_now_ns();

	return length_ns > ROTA_FOREVER - now ? ROTA_FOREVER : now + length_ns;
}

#ifdef __cplusplus
}
#endif
#endif
