/* report.h - lines of a report, put together without the C library's help
 *
 * All of it is async-signal-safe, but for the names of functions: those take the dynamic linker's
 * lock. */
#ifndef ROTA_CORO_REPORT_H
#define ROTA_CORO_REPORT_H

#include <stdbool.h>
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

/* The same without number and end of line. */
void rota__report_place(struct rota__report *report, unsigned number, uintptr_t code);

/* What it says so far, to be read before more is added; and start anew. */
const char *rota__report_text(struct rota__report *report);

/* Write it to stderr and start anew. */
void rota__report_write(struct rota__report *report);

/* The same if stderr takes it within that time; else it is lost.  (Where others fill the same pipe at the same moment it may
 * wait for them all the same.) */
bool rota__report_try_write(struct rota__report *report, int patience_ms);

#pragma GCC visibility pop

#endif
