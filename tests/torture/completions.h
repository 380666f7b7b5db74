/* completions.h - the nth request of an io_uring answers an error, or less than it was asked for
 *
 * The functions by which the poller meets the ring (src/poll/ring.h) are wrapped by the linker, in the torture programs only
 * (--wrap in tests/meson.build): just before the kernel is told of a request that is to fail, it becomes one that does
 * nothing, whose completion is given the error; one that is to be short asks the kernel for one byte.  So what fails has not
 * been done, and the library is the one that everybody gets.  close(2) is done all the same: whatever it answers, the
 * descriptor is gone.
 *
 * Each request is tried with each of its errors (or some: tries.h).  The program must end, answer 0 or an error, and leave no memory
 * and no descriptor behind; where a signal interrupted a request, a socket was said not to be ready after all, or less was done than asked,
 * the answer is 0.  The kernel's answers to what is no operation (cancels) say nothing to anybody, and are left alone. */
#ifndef TESTS_TORTURE_COMPLETIONS_H
#define TESTS_TORTURE_COMPLETIONS_H

#include <stddef.h>

/* run(arg) is 0 when nothing fails, else negative; `live` counts what it has from its allocator. */
void torture_completions(int (*run)(void *arg), void *arg, const size_t *live);

#endif
