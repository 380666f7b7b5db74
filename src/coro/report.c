/* report.c - lines of a report (report.h) */
#include "coro/report.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

void rota__report_add(struct rota__report *report, const char *text)
{
	while (*text != '\0' && report->n < sizeof report->bytes)
		report->bytes[report->n++] = *text++;
}

void rota__report_number(struct rota__report *report, uintptr_t value, unsigned base)
{
	char digits[24];
	size_t n = sizeof digits;

	digits[--n] = '\0';
	do
		digits[--n] = "0123456789abcdef"[value % base];
	while ((value /= base) != 0);
	rota__report_add(report, digits + n);
}

void rota__report_place(struct rota__report *report, unsigned number, uintptr_t code)
{
	Dl_info in;

	rota__report_add(report, "0x");
	rota__report_number(report, code, 16);
	/* A call that never returns may be a function's last word: what counts is where it was
	 * made. */
	if (dladdr((void *)(code - (number > 0)), &in) != 0 && in.dli_fname != NULL) {
		if (in.dli_sname != NULL) {
			rota__report_add(report, " ");
			rota__report_add(report, in.dli_sname);
		}
		rota__report_add(report, " (");
		rota__report_add(report, in.dli_fname);
		rota__report_add(report, "+0x");
		rota__report_number(report, code - (uintptr_t)in.dli_fbase, 16);
		rota__report_add(report, ")");
	}
}

void rota__report_frame(struct rota__report *report, unsigned number, uintptr_t code)
{
	rota__report_add(report, "  #");
	rota__report_number(report, number, 10);
	rota__report_add(report, "  ");
	rota__report_place(report, number, code);
	rota__report_add(report, "\n");
}

const char *rota__report_text(struct rota__report *report)
{
	size_t end = report->n < sizeof report->bytes ? report->n : sizeof report->bytes - 1;

	report->bytes[end] = '\0';
	report->n = 0;
	return report->bytes;
}

void rota__report_write(struct rota__report *report)
{
	const char *from = report->bytes;
	ssize_t n;

	while (report->n > 0 &&
		((n = write(STDERR_FILENO, from, report->n)) > 0 || errno == EINTR)) {
		if (n <= 0)
			continue;
		from += n;
		report->n -= (size_t)n;
	}
	report->n = 0;
}

/* A pipe says so while it has room for a page: a line fits. */
bool rota__report_try_write(struct rota__report *report, int patience_ms)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&out, 1, patience_ms) <= 0 || !(out.revents & POLLOUT)) {
		report->n = 0;
		return false;
	}
	rota__report_write(report);
	return true;
}
