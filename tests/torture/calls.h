/* calls.h - the nth system call fails
 *
 * A program is run again and again in a child that is traced (ptrace(2)), all its threads with it.  In each run one of those
 * calls that can fail is not made, and answers an error that it could answer in life, or it is made for one byte instead of
 * what it asks for; each call is tried with each of its errors (or some of them: tries.h).  Whatever fails, the program must
 * end, answer 0 or an error, and leave no memory, no descriptor and no process behind; where a signal interrupted a call (EINTR),
 * or it did less, the answer is 0.
 *
 * Calls that cannot fail in life are let through: of eventfds (that they are full would be 2^64 wake-ups), of locks, of clocks, and
 * close(2) and munmap(2) of what is there.  A descriptor is never said not to be ready (EAGAIN) when it is, and a socket never
 * gives less than it has: the system tells when that changes, and of what was made up it would not.  What an io_uring answers inside
 * of the ring is no call: completions.h. */
#ifndef TESTS_TORTURE_CALLS_H
#define TESTS_TORTURE_CALLS_H

#include <stddef.h>

int count_descriptors(void);

/* run(arg) is 0 when nothing fails, else negative; `live` counts what it has from its allocator. */
void torture_calls(int (*run)(void *arg), void *arg, const size_t *live);

/* Between these the calls are the test's own, and are not counted. */
void calls_are_ours(void);
void calls_are_theirs(void);

/* Said by a program that looks names up: there the C library opens and reads files, and gives up when a signal interrupts it. */
void calls_are_the_c_librarys_too(void);

#endif
