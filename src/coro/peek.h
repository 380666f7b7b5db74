/* peek.h - where another thread of this process is just now
 *
 * A thread that computes is asked by a signal, and answers with its registers and a copy of its
 * stack. One that waits in a system call is not disturbed, because a signal could end its call with
 * EINTR, which its code may not expect: the kernel says where it is (proc(5),
 * /proc/PID/task/TID/syscall), and its stack is read from outside.
 *
 * Which functions it is in is found out afterwards from the copy, without unwind tables: by frame
 * pointers where there are any, and otherwise by the words that look like return addresses: those
 * behind a call instruction in executable memory.  Such a word may be left over from an earlier
 * call, so a backtrace may show a function too many. */
#ifndef ROTA_CORO_PEEK_H
#define ROTA_CORO_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#pragma GCC visibility push(hidden)

enum { PEEK_WORDS = 2048 };

struct rota__peek {
	uintptr_t pc, sp, fp; /* fp 0: not known */
	long syscall;         /* the number of the call it waits in, -1: none */
	size_t words;         /* of stack[], copied from sp upwards */
	uintptr_t stack[PEEK_WORDS];
};

/* Choose a real-time signal that the program does not use, and keep it.  Again: nothing happens. 0;
 * -EAGAIN: it uses them all. */
int rota__peek_init(void);

/* Does thread `tid` wait in the kernel? */
bool rota__peek_waits(pid_t tid);

/* Look at thread `tid`, whose stack ends at `top`.  Waits some milliseconds at most.  0; -ESRCH: it
 * is gone; -EAGAIN: it waits, and this kernel does not say where; -ETIMEDOUT: it does not answer (it has
 * the signal blocked, or no CPU). */
int rota__peek(struct rota__peek *peek, pid_t tid, const void *top);

/* The code addresses of the functions it is in, innermost first; pcs[0] is where it is.  How many
 * there are. */
unsigned rota__peek_frames(const struct rota__peek *peek, uintptr_t *pcs, unsigned room);

/* ---- an alarm for the calling thread itself ----
 *
 * For a run with one thread: who is to say who holds that thread, if there is no other one?  A timer of the kernel interrupts it.  A
 * system call in which it waits may answer EINTR then. */
struct rota__alarm {
	/* Called in a signal handler on the thread whose alarm it is.  `at` is where the thread is; its stack can be copied. */
	void (*fn)(struct rota__alarm *alarm, struct rota__peek *at);
	timer_t timer;
	bool made;
};

/* The calling thread has this alarm, whose fn is set, until rota__alarm_fini(), which is called on that thread.  Harmless where the
 * kernel has no timer for it: it does not ring then.  After rota__peek_init(). */
void rota__alarm_init(struct rota__alarm *alarm);
void rota__alarm_fini(struct rota__alarm *alarm);

/* It rings once, in so many ns; ROTA_FOREVER: not.  Any thread, signal handlers too. */
void rota__alarm_set(struct rota__alarm *alarm, uint64_t in_ns);

/* In its fn: the stack, which ends at `top`, for rota__peek_frames(). */
void rota__peek_stack(struct rota__peek *at, const void *top);

/* Copy from our own memory what another thread may be changing or giving back: the kernel checks
 * the addresses.  What was read must be found to be true afterwards.  How many bytes could be read.
 */
size_t rota__read_carefully(void *to, const void *from, size_t size);

#pragma GCC visibility pop

#endif
