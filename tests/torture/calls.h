/* calls.h - the nth system call fails
 *
 * A program is run again and again in a child that is traced (ptrace(2)), all its threads with it.  In run n the nth of those
 * calls that can fail is not made, and answers an error that it could answer in life; the runs end with the first that
 * makes fewer than n.  Whatever fails, the program must end, answer 0 or an error, and leave no memory, no descriptor and no process behind.
 *
 * Calls that cannot fail in life are let through: of eventfds (that they are full would be 2^64 wake-ups), of locks, of clocks, and
 * close(2) and munmap(2) of what is there.  What an io_uring answers inside of the ring is no call: those errors the
 * same programs meet on epoll. */
#ifndef TESTS_TORTURE_CALLS_H
#define TESTS_TORTURE_CALLS_H

#include <stddef.h>

/* run(arg) is 0 when nothing fails, else negative; `live` counts what it has from its allocator. */
void torture_calls(int (*run)(void *arg), void *arg, const size_t *live);

/* Between these the calls are the test's own, and are not counted. */
void calls_are_ours(void);
void calls_are_theirs(void);

#endif
