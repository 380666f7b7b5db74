/* peek.c - another thread is found in the functions it is in, whether it computes or waits, and is
 * not disturbed by that */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "coro/peek.h"
#include "coro/sanitize.h"
#include "coro/valgrind.h"
#include "harness/test.h"

enum { CHAIN = 3 };

struct subject {
	pthread_t thread;
	pid_t tid;
	int reached; /* set when it is where it shall be found */
	int leave;
	int pipe[2];
	long answer;
	void *top;
	uintptr_t returns_to[CHAIN];
	void (*stay)(struct subject *s);
};

#define NOTE(s, n) ((s)->returns_to[n] = (uintptr_t)__builtin_return_address(0))

static __attribute__((noinline)) void innermost(struct subject *s)
{
	NOTE(s, 0);
	s->stay(s);
	__asm__ volatile(""); /* no tail call */
}

static __attribute__((noinline)) void middle(struct subject *s)
{
	NOTE(s, 1);
	innermost(s);
	__asm__ volatile("");
}

static __attribute__((noinline)) void outer(struct subject *s)
{
	NOTE(s, 2);
	middle(s);
	__asm__ volatile("");
}

static void *thread_main(void *arg)
{
	struct subject *s = arg;

	s->tid = (pid_t)syscall(SYS_gettid);
	s->top = (char *)__builtin_frame_address(0) + 16; /* its own record included */
	outer(s);
	return NULL;
}

static void start_with(struct subject *s, void (*stay)(struct subject *s), const pthread_attr_t *attr)
{
	s->stay = stay;
	CHECK_EQ(pipe(s->pipe), 0);
	CHECK_EQ(rota__peek_init(), 0);
	CHECK_EQ(pthread_create(&s->thread, attr, thread_main, s), 0);
	while (!load_acquire(&s->reached))
		sched_yield();
}

static void start(struct subject *s, void (*stay)(struct subject *s))
{
	start_with(s, stay, NULL);
}

static void finish(struct subject *s)
{
	pthread_join(s->thread, NULL);
	close(s->pipe[0]);
	close(s->pipe[1]);
}

static void check_found(const struct subject *s, const struct rota__peek *peek)
{
	uintptr_t pcs[64];
	unsigned n = rota__peek_frames(peek, pcs, 64), at = 0;

	CHECK(n >= 1 + CHAIN);
	for (unsigned i = 0; i < CHAIN; i++) {
		while (at < n && pcs[at] != s->returns_to[i])
			at++;
		CHECK(at < n);
	}
}

/* ThreadSanitizer keeps a signal until the thread makes a call; the emulator has some for itself. */
static bool signals_come_late(void)
{
#if defined(ROTA_TSAN)
	return true;
#else
	return test_in_qemu();
#endif
}

static void spin(struct subject *s)
{
	store_release(&s->reached, 1);
	while (!load_acquire(&s->leave))
		;
}

TEST(a_thread_that_computes_is_found)
{
	struct subject s = { .leave = 0 };
	struct rota__peek peek;

	if (signals_come_late())
		SKIP("signals come late here");
	start(&s, spin);
	CHECK_EQ(rota__peek(&peek, s.tid, s.top), 0);
	CHECK_EQ(peek.syscall, -1);
	check_found(&s, &peek);
	store_release(&s.leave, 1);
	finish(&s);
}

/* The watchdog may be told the end of another stack than the one the thread is on when it answers. */
TEST(a_thread_that_left_the_stack_it_was_on_is_not_disturbed)
{
	enum { STACK = 1 << 18, HOLE = 1 << 16 };
	struct subject s = { .leave = 0 };
	struct rota__peek peek;
	pthread_attr_t attr;
	char *memory;

	if (signals_come_late())
		SKIP("signals come late here");
	memory = mmap(NULL, STACK + HOLE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED);
	CHECK_EQ(mprotect(memory, STACK, PROT_READ | PROT_WRITE), 0);
	pthread_attr_init(&attr);
	CHECK_EQ(pthread_attr_setstack(&attr, memory, STACK), 0);
	start_with(&s, spin, &attr);
	CHECK_EQ(rota__peek(&peek, s.tid, memory + STACK + HOLE), 0);
	CHECK_EQ(peek.words, ((uintptr_t)memory + STACK - peek.sp) / sizeof *peek.stack);
	check_found(&s, &peek);
	CHECK_EQ(rota__peek(&peek, s.tid, memory), 0); /* below */
	CHECK_EQ(peek.words, 0);
	store_release(&s.leave, 1);
	finish(&s);
}

static void read_pipe(struct subject *s)
{
	char byte;

	store_release(&s->reached, 1);
	s->answer = read(s->pipe[0], &byte, 1);
}

static void wait_until_in_syscall(struct subject *s, struct rota__peek *peek, long number)
{
	int rc;

	do {
		rc = rota__peek(peek, s->tid, s->top);
		/* It began to wait while we looked, or it has no CPU. */
		CHECK(rc == 0 || rc == -EAGAIN || rc == -ETIMEDOUT);
	} while (rc != 0 || peek->syscall != number);
}

TEST(a_thread_that_waits_in_the_kernel_is_found)
{
	struct subject s = { .leave = 0 };
	struct rota__peek peek;

	if (test_in_qemu() || valgrind_watches())
		SKIP("/proc shows the emulator");
	start(&s, read_pipe);
	wait_until_in_syscall(&s, &peek, SYS_read);
	check_found(&s, &peek);
	CHECK_EQ(write(s.pipe[1], "x", 1), 1);
	finish(&s);
	CHECK_EQ(s.answer, 1);
}

static void nap(struct subject *s)
{
	struct timespec length = { .tv_nsec = 100000000 };

	store_release(&s->reached, 1);
	while (!load_acquire(&s->leave))
		; /* until it was asked once while it ran */
	s->answer = clock_nanosleep(CLOCK_MONOTONIC, 0, &length, NULL);
	store_release(&s->reached, 2);
}

TEST(looking_does_not_interrupt_a_system_call)
{
	struct subject s = { .leave = 0, .answer = -1 };
	struct rota__peek peek;
	int waited = 0;

	if (signals_come_late() || valgrind_watches())
		SKIP("signals come late here");
	start(&s, nap);
	CHECK_EQ(rota__peek(&peek, s.tid, s.top), 0);
	store_release(&s.leave, 1);
	wait_until_in_syscall(&s, &peek, SYS_clock_nanosleep);
	while (load_acquire(&s.reached) != 2)
		if (rota__peek(&peek, s.tid, s.top) == 0 && peek.syscall == SYS_clock_nanosleep)
			waited++;
	finish(&s);
	CHECK(waited > 0);
	CHECK_EQ(s.answer, 0);
}

static void block_signals(struct subject *s)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	spin(s);
}

TEST(a_thread_that_does_not_answer_is_given_up)
{
	struct subject s = { .leave = 0 };
	struct rota__peek peek;

	if (test_in_qemu() || valgrind_watches())
		SKIP("the emulator keeps these signals");
	start(&s, block_signals);
	CHECK_EQ(rota__peek(&peek, s.tid, s.top), -ETIMEDOUT);
	store_release(&s.leave, 1);
	finish(&s);
}

TEST(a_thread_that_is_gone_is_an_error)
{
	struct subject s = { .leave = 1 };
	struct rota__peek peek;

	start(&s, spin);
	finish(&s);
	while (rota__peek(&peek, s.tid, s.top) != -ESRCH)
		sched_yield();
}
