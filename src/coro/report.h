/* report.h - lines of a report, put together without the C library's help
 *
 * All of it is async-signal-safe, but for the names of functions: those take the dynamic linker's
 * lock. */
#ifndef ROTA_CORO_REPORT_H
#define ROTA_CORO_REPORT_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct rota__report {
	char bytes[512];
	size_t n;
};

/* Put more at the end; what does not fit is cut off. */
void rota__report_add(struct rota__report *report, const char *text);
void rota__report_number(struct rota__report *report, uintptr_t value, unsigned base);

/* A line for a frame of a backtrace.  `code` is where the function was interrupted for number 0,
 * and where it will go on for the others. */
void rota__report_frame(struct rota__report *report, unsigned number, uintptr_t code);

/* Write it to stderr and start anew. */
void rota__report_write(struct rota__report *report);

#pragma GCC visibility pop

#endif
