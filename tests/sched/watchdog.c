/* watchdog.c - a task that keeps its thread from the others is named, with what it does */
#include <rota.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "coro/sanitize.h"
#include "coro/valgrind.h"
#include "harness/test.h"

static int reports, overs;
static char name[64], site[96], call[32];
static uintptr_t hog_returns_to;
static int hog_found;
static int pipe_fds[2];

/* On the watchdog's thread. */
static void note(const struct rota_blocked *b)
{
	if (b->over) {
		CHECK(b->held_ns > 0);
		store_release(&overs, overs + 1);
		return;
	}
	strcpy(name, b->task_name);
	strcpy(site, b->site);
	strcpy(call, b->call != NULL ? b->call : "");
	for (unsigned i = 0; i < b->frame_count; i++)
		if ((uintptr_t)b->frames[i] == hog_returns_to)
			hog_found = 1;
	if (pipe_fds[1] > 0)
		CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
	store_release(&reports, reports + 1);
}

/* Where that is missing a task is named all the same, but not the call. */
static void need_calls_in_proc(void)
{
	if (access("/proc/self/syscall", R_OK) != 0)
		SKIP("this kernel does not tell in which system call a thread is");
}

static const struct rota_options watched = { .blocked_ns = ROTA_MILLISECONDS(2),
	.on_blocked = note };

static __attribute__((noinline)) void spin_until_named(void)
{
	hog_returns_to = (uintptr_t)__builtin_return_address(0);
	while (!load_acquire(&reports))
		;
}

static int hog(void *arg)
{
	(void)arg;
	spin_until_named();
	__asm__ volatile(""); /* no tail call */
	return 0;
}

static int hog_and_wait(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, hog, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	while (!load_acquire(&overs))
		rota_sleep(ROTA_MILLISECONDS(1));
	return 0;
}

TEST(a_task_that_computes_too_long_is_named_with_its_stack_and_again_when_it_is_over)
{
	if (test_in_qemu())
		SKIP("the emulator has no process_vm_readv(2)");
	CHECK_EQ(rota_run(hog_and_wait, NULL, &watched), 0);
	CHECK_EQ(reports, 1);
	CHECK_STR(name, "hog");
	CHECK(strstr(site, "watchdog.c:") != NULL);
	CHECK(*call == '\0' || valgrind_watches()); /* its threads wait for each other in read(2) */
#if !defined(ROTA_TSAN) /* it keeps signals until the thread makes a call */
	CHECK(hog_found);
#endif
}

static int read_until_named(void *arg)
{
	char byte;

	(void)arg;
	CHECK_EQ(read(pipe_fds[0], &byte, 1), 1);
	return 0;
}

static int block_and_wait(void *arg)
{
	struct rota_scope scope;

	(void)arg;
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn(&scope, read_until_named, NULL), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	return 0;
}

TEST(a_task_that_blocks_is_named_with_the_call_it_blocks_in)
{
	if (test_in_qemu())
		SKIP("/proc shows the emulator");
	need_calls_in_proc();
	CHECK_EQ(pipe(pipe_fds), 0);
	CHECK_EQ(rota_run(block_and_wait, NULL, &watched), 0);
	CHECK_STR(name, "read_until_named");
	CHECK_STR(call, "read");
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static int wait_and_yield(void *arg)
{
	uint64_t end_ns = rota_now_ns() + ROTA_MILLISECONDS(60);

	(void)arg;
	while (rota_now_ns() < end_ns)
		rota_yield();
	return rota_sleep(ROTA_MILLISECONDS(60));
}

TEST(a_task_that_yields_or_waits_is_not_named)
{
	static const struct rota_options patient = { .blocked_ns = ROTA_MILLISECONDS(50),
		.on_blocked = note };

	CHECK_EQ(rota_run(wait_and_yield, NULL, &patient), 0);
	CHECK_EQ(reports, 0);
}

static int sleep_then_hog(void *arg)
{
	CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(150)), 0); /* the watchdog sleeps after 50 */
	return hog_and_wait(arg);
}

TEST(a_watchdog_that_fell_asleep_for_want_of_work_wakes_with_the_next)
{
	CHECK_EQ(rota_run(sleep_then_hog, NULL, &watched), 0);
	CHECK_EQ(reports, 1);
}

static int print_and_block(void *arg)
{
	struct timespec length = { .tv_nsec = 100000000 };

	(void)arg;
	nanosleep(&length, NULL);
	rota_task_set_name(rota_self(), "napper");
	return rota_sleep(ROTA_MILLISECONDS(5)); /* let the watchdog see that it is over */
}

TEST(without_a_hook_it_is_written_to_stderr)
{
	static char said[8192];
	int saved = dup(2), out[2];
	ssize_t n;

	if (test_in_qemu())
		SKIP("/proc shows the emulator");
	need_calls_in_proc();
	setenv("ROTA_BLOCKED_MS", "5", 1);
	CHECK_EQ(pipe(out), 0);
	dup2(out[1], 2);
	CHECK_EQ(rota_run(print_and_block, NULL, NULL), 0);
	dup2(saved, 2);
	close(saved);
	close(out[1]);
	n = read(out[0], said, sizeof said - 1);
	close(out[0]);
	CHECK(n > 0);
	CHECK(strstr(said, "rota: task \"main\"") != NULL);
	CHECK(strstr(said, "waiting in clock_nanosleep") != NULL);
	CHECK(strstr(said, "\n  #1 ") != NULL || valgrind_watches()); /* it has the registers, not the kernel */
	CHECK(strstr(said, "let worker 0 go after ") != NULL || valgrind_watches()); /* the watchdog is late */
}
