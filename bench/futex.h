/* futex.h - a binary semaphore between two threads: what every program answers a post with */
#ifndef BENCH_FUTEX_H
#define BENCH_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void bench_futex_wait(atomic_int *f)
{
	while (atomic_exchange(f, 0) == 0)
		syscall(SYS_futex, f, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static inline void bench_futex_wake(atomic_int *f)
{
	atomic_store(f, 1);
	syscall(SYS_futex, f, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#endif
