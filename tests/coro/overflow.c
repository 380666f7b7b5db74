/* overflow.c - what a process says and how it dies when a stack overflows, or something else faults
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "coro.h"
#include "coro/overflow.h"

static struct rota__stack_pool pool;

/* Sanitizers bring handlers of their own, which run instead of the default we compare with. */
static void default_handlers(void)
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
}

/* Valgrind calls a wild write an error of ours, whoever handles the fault. */
static void need_silence_about_wild_writes(void)
{
	if (valgrind_watches())
		SKIP("valgrind reports the fault itself");
}

static size_t describe(void *owner, char *buf, size_t n)
{
	struct co *task = owner;

	return (size_t)snprintf(
		buf, n, "task \"%s\" (spawned at pond.c:12)", (const char *)task->arg);
}

static __attribute__((noinline, no_sanitize("address"))) unsigned recurse(unsigned n)
{
	volatile char frame[100];

	frame[n % 100] = 1;
	if (n == 0)
		return 0;
	return recurse(n - 1) + (unsigned)frame[n % 100];
}

static void *recurse_for_ever(struct co *co, void *value)
{
	return (void *)(uintptr_t)recurse(1u << 30);
}

static struct co frog;

static void run(void *(*fn)(struct co *, void *))
{
	default_handlers();
	CHECK_EQ(rota__overflow_thread_init(), 0);
	rota__overflow_set_describe(describe);
	rota__stack_pool_init(&pool, 0);
	co_init(&frog, &pool, fn, "frog");
	co_start(&frog);
}

static void run_recursion(void *arg)
{
	run(recurse_for_ever);
}

static const char frog_overflowed[] =
	"rota: stack overflow in task \"frog\" (spawned at pond.c:12), stack of 64 KiB\n";

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

TEST(a_recursion_without_end_is_named_with_its_task_and_dies_of_SIGSEGV)
{
	struct child child;

	child_run(&child, run_recursion, NULL);
	CHECK(child_died_of(&child, SIGSEGV));
	CHECK(starts_with(child.said, frog_overflowed));
}

static void enter_and_recurse(void *stack)
{
	rota__stack_entered();
	dprintf(STDERR_FILENO, "%p\n", __builtin_return_address(0));
	recurse(1u << 30);
}

static void run_from_own_entry(void *arg)
{
	struct rota__stack *stack;
	void *sp, *main_sp;

	default_handlers();
	CHECK_EQ(rota__overflow_thread_init(), 0);
	rota__stack_pool_init(&pool, 0);
	stack = rota__stack_get(&pool);
	sp = rota__stack_start(stack, stack->top, enter_and_recurse);
	rota__stack_switch(NULL, &main_sp, stack, sp, stack, false);
}

/* The outermost frame is where the entry function was called from, and nothing beyond. */
TEST(the_report_shows_both_ends_of_a_long_backtrace)
{
	struct child child;
	unsigned frames = 0;
	const char *last = NULL;
	size_t n;

#if defined(ROTA_CONTEXT_UCONTEXT)
	SKIP("the C library's frames lie beyond the entry function here");
#endif
	child_run(&child, run_from_own_entry, NULL);
	CHECK(child_said(&child, "\n  #0  0x"));
	CHECK(child_said(&child, " frames ...\n"));
	for (const char *at = child.said; (at = strstr(at, "\n  #")) != NULL; at++, frames++)
		last = at;
	CHECK_EQ(frames, 1 + 24 + 8);
	n = strcspn(child.said, "\n"); /* the first line: the return address of the entry */
	CHECK(strncmp(strstr(last, "  0x") + 2, child.said, n) == 0);
}

/* ---- frames larger than what is left ---- */

static __attribute__((noinline, no_sanitize("address"))) unsigned big_frame(size_t bytes)
{
	volatile char frame[bytes];

	/* from the top down, a page at a time, as -fstack-clash-protection does */
	for (size_t i = bytes; i > 0; i -= i < 1000 ? i : 1000)
		frame[i - 1] = 1;
	return (unsigned)frame[0];
}

static void *make_big_frame(struct co *co, void *value)
{
	return (void *)(uintptr_t)big_frame(300000);
}

static void run_big_frame(void *arg)
{
	run(make_big_frame);
}

TEST(a_frame_larger_than_the_whole_stack_is_named_if_it_is_touched_from_the_top)
{
	struct child child;

	if (SANITIZED)
		SKIP("instrumented arrays are touched from the bottom");
	child_run(&child, run_big_frame, NULL);
	CHECK(child_died_of(&child, SIGSEGV));
	CHECK(starts_with(child.said, frog_overflowed));
}

/* clash_protected.c: probes each page of a frame, whatever it writes. */
extern const bool clash_protection;
unsigned clash_protected(size_t bytes);

static void *make_protected_frame(struct co *co, void *value)
{
	return (void *)(uintptr_t)clash_protected(200000);
}

static void run_protected_frame(void *arg)
{
	run(make_protected_frame);
}

TEST(a_frame_that_would_jump_over_the_guard_is_named_with_stack_clash_protection)
{
	struct child child;

	if (!clash_protection)
		SKIP("the compiler has no -fstack-clash-protection");
	child_run(&child, run_protected_frame, NULL);
	CHECK(child_died_of(&child, SIGSEGV));
	CHECK(starts_with(child.said, frog_overflowed));
}

/* ---- without a describer, on other threads, with other sizes ---- */

static void run_unnamed(void *arg)
{
	default_handlers();
	CHECK_EQ(rota__overflow_thread_init(), 0);
	rota__stack_pool_init(&pool, 1 << 20);
	co_init(&frog, &pool, recurse_for_ever, NULL);
	co_start(&frog);
}

TEST(a_stack_that_nobody_can_describe_is_reported_with_its_size)
{
	struct child child;

	child_run(&child, run_unnamed, NULL);
	CHECK(child_died_of(&child, SIGSEGV));
	CHECK(starts_with(child.said, "rota: stack overflow in a coroutine, stack of 1024 KiB\n"));
}

static void *thread_that_overflows(void *arg)
{
	run(recurse_for_ever);
	return NULL;
}

static void run_thread(void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, thread_that_overflows, NULL), 0);
	pthread_join(thread, NULL);
}

TEST(an_overflow_on_any_prepared_thread_is_named)
{
	struct child child;

	child_run(&child, run_thread, NULL);
	CHECK(child_died_of(&child, SIGSEGV));
	CHECK(starts_with(child.said, frog_overflowed));
}

/* ---- other faults ---- */

static volatile char *volatile nowhere = NULL;

static void *write_nowhere(struct co *co, void *value)
{
	*nowhere = 1;
	return NULL;
}

static void run_null_pointer(void *arg)
{
	run(write_nowhere);
}

TEST(a_null_pointer_in_a_task_dies_silently_as_ever)
{
	struct child child;

	need_silence_about_wild_writes();
	child_run(&child, run_null_pointer, NULL);
	CHECK(child_died_of(&child, SIGSEGV));
	CHECK(!child_said(&child, "rota:"));
}

/* Whoever writes into the guard runs elsewhere: on another stack, or on the thread's own. */
static void *write_into_foreign_guard(struct co *self, void *value)
{
	struct rota__stack *other = rota__stack_get(&pool);

	/* neither this stack's guard nor its neighbour's: several stacks away */
	for (int i = 0; i < 4; i++)
		other = rota__stack_get(&pool);
	*((volatile char *)other->base - 1) = 1;
	return NULL;
}

static void run_foreign_guard(void *arg)
{
	run(write_into_foreign_guard);
}

static void *do_nothing(struct co *co, void *value)
{
	return NULL;
}

static void poke_guard_from_outside(void *arg)
{
	run(do_nothing);
	*((volatile char *)frog.stack->base - 1) = 1;
}

TEST(a_wild_pointer_into_another_stacks_guard_is_no_overflow)
{
	struct child child;

	need_silence_about_wild_writes();
	child_run(&child, run_foreign_guard, NULL);
	CHECK(child_died_of(&child, SIGSEGV));
	CHECK(!child_said(&child, "rota:"));
	child_run(&child, poke_guard_from_outside, NULL);
	CHECK(child_died_of(&child, SIGSEGV));
	CHECK(!child_said(&child, "rota:"));
}

static void run_signal_from_outside(void *arg)
{
	default_handlers();
	CHECK_EQ(rota__overflow_thread_init(), 0);
	raise(SIGSEGV);
	CHECK(!"survived");
}

TEST(a_SIGSEGV_that_was_sent_kills_as_by_default)
{
	struct child child;

	child_run(&child, run_signal_from_outside, NULL);
	CHECK(child_died_of(&child, SIGSEGV));
	CHECK(!child_said(&child, "rota:"));
}

/* ---- handlers that were there before ---- */

static sigjmp_buf recovered;
static void *faulted_at;
static volatile sig_atomic_t signals;

static void recover(int sig, siginfo_t *info, void *context)
{
	faulted_at = info->si_addr;
	signals++;
	siglongjmp(recovered, 1);
}

static void count_signal(int sig)
{
	signals++;
}

static void handle(int sig, void (*fn)(int, siginfo_t *, void *), void (*plain)(int), int flags)
{
	struct sigaction action = { .sa_flags = flags };

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR1);
	if (fn != NULL)
		action.sa_sigaction = fn;
	else
		action.sa_handler = plain;
	sigaction(sig, &action, NULL);
}

TEST(the_programs_own_handler_still_gets_every_other_fault_and_may_recover)
{
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need_silence_about_wild_writes();
	handle(SIGSEGV, recover, NULL, SA_SIGINFO);
	CHECK_EQ(rota__overflow_thread_init(), 0);
	for (int i = 0; i < 3; i++) {
		faulted_at = NULL;
		if (sigsetjmp(recovered, 1) == 0)
			*(volatile char *)page = 1;
		CHECK(faulted_at == page);
	}
	CHECK_EQ(signals, 3);
	rota__overflow_thread_fini();
	munmap(page, 4096);
}

static sigset_t mask_inside;

static void note_mask(int sig, siginfo_t *info, void *context)
{
	pthread_sigmask(SIG_SETMASK, NULL, &mask_inside);
	signals++;
}

TEST(the_programs_own_handler_runs_under_the_mask_it_asked_for)
{
	sigset_t outside;

	handle(SIGSEGV, note_mask, NULL, SA_SIGINFO);
	CHECK_EQ(rota__overflow_thread_init(), 0);
	raise(SIGSEGV);
	CHECK_EQ(signals, 1);
	CHECK(sigismember(&mask_inside, SIGSEGV) && sigismember(&mask_inside, SIGUSR1));
	pthread_sigmask(SIG_SETMASK, NULL, &outside);
	CHECK(!sigismember(&outside, SIGSEGV) && !sigismember(&outside, SIGUSR1));
	rota__overflow_thread_fini();

	handle(SIGSEGV, note_mask, NULL, SA_SIGINFO | SA_NODEFER);
	CHECK_EQ(rota__overflow_thread_init(), 0);
	raise(SIGSEGV);
	CHECK_EQ(signals, 2);
	CHECK(!sigismember(&mask_inside, SIGSEGV) && sigismember(&mask_inside, SIGUSR1));
	rota__overflow_thread_fini();
}

static void run_one_shot_handler(void *arg)
{
	handle(SIGSEGV, NULL, count_signal, (int)SA_RESETHAND);
	CHECK_EQ(rota__overflow_thread_init(), 0);
	raise(SIGSEGV);
	CHECK_EQ(signals, 1);
	raise(SIGSEGV);
	CHECK(!"survived");
}

TEST(a_handler_that_was_to_run_once_runs_once)
{
	struct child child;

	child_run(&child, run_one_shot_handler, NULL);
	CHECK(child_died_of(&child, SIGSEGV));
}

TEST(a_sent_SIGSEGV_that_was_ignored_stays_ignored)
{
	signal(SIGSEGV, SIG_IGN);
	CHECK_EQ(rota__overflow_thread_init(), 0);
	raise(SIGSEGV);
	rota__overflow_thread_fini();
}

static void say_and_exit(int sig, siginfo_t *info, void *context)
{
	static const char text[] = "the old handler saw it\n";

	CHECK_EQ(write(STDERR_FILENO, text, sizeof text - 1), (ssize_t)sizeof text - 1);
	_exit(42);
}

static void run_with_old_handler(void *arg)
{
	default_handlers();
	handle(SIGSEGV, say_and_exit, NULL, SA_SIGINFO | SA_ONSTACK);
	CHECK_EQ(rota__overflow_thread_init(), 0);
	rota__overflow_set_describe(describe);
	rota__stack_pool_init(&pool, 0);
	co_init(&frog, &pool, recurse_for_ever, "frog");
	co_start(&frog);
}

TEST(after_the_report_an_older_handler_sees_the_overflow_too)
{
	struct child child;

	child_run(&child, run_with_old_handler, NULL);
	CHECK(starts_with(child.said, frog_overflowed));
	CHECK(child_said(&child, "the old handler saw it\n"));
	CHECK(WIFEXITED(child.status) && WEXITSTATUS(child.status) == 42);
}

/* ---- coming and going ---- */

static bool handled_by(int sig, void (*plain)(int))
{
	struct sigaction now;

	sigaction(sig, NULL, &now);
	return !(now.sa_flags & SA_SIGINFO) && now.sa_handler == plain;
}

TEST(the_last_fini_leaves_everything_as_the_first_init_found_it)
{
	stack_t before, after;

	signal(SIGSEGV, count_signal);
	signal(SIGBUS, SIG_DFL);
	sigaltstack(NULL, &before);
	CHECK_EQ(rota__overflow_thread_init(), 0);
	CHECK_EQ(rota__overflow_thread_init(), 0);
	CHECK(!handled_by(SIGSEGV, count_signal));
	rota__overflow_thread_fini();
	CHECK(!handled_by(SIGSEGV, count_signal)); /* one init is still to be undone */
	rota__overflow_thread_fini();
	CHECK(handled_by(SIGSEGV, count_signal));
	CHECK(handled_by(SIGBUS, SIG_DFL));
	sigaltstack(NULL, &after);
	CHECK_EQ(after.ss_flags, before.ss_flags);
	if (!(before.ss_flags & SS_DISABLE))
		CHECK(after.ss_sp == before.ss_sp);
}

TEST(a_handler_installed_over_ours_is_not_torn_away_by_fini)
{
	CHECK_EQ(rota__overflow_thread_init(), 0);
	signal(SIGSEGV, count_signal);
	rota__overflow_thread_fini();
	CHECK(handled_by(SIGSEGV, count_signal));
}

TEST(a_signal_stack_of_the_programs_own_is_used_and_kept)
{
	static char own[65536];
	stack_t mine = { .ss_sp = own, .ss_size = sizeof own }, now;

	CHECK_EQ(sigaltstack(&mine, NULL), 0);
	CHECK_EQ(rota__overflow_thread_init(), 0);
	sigaltstack(NULL, &now);
	CHECK(now.ss_sp == own);
	rota__overflow_thread_fini();
	sigaltstack(NULL, &now);
	CHECK(now.ss_sp == own);
	mine.ss_flags = SS_DISABLE;
	sigaltstack(&mine, NULL);
}
