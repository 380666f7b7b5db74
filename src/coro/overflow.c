/* overflow.c - the handler that names an overflowing stack
 *
 * Faults come in three kinds:
 *
 *	in the guard of one of our stacks	report, put the old disposition back, return: the
 *						instruction faults again and the program dies there
 *	anything else, old handler present	call it, as the kernel would have
 *	anything else, default			put the default back and return, likewise
 *
 * Everything in the handler is async-signal-safe but for the symbol names: dladdr() takes the
 * dynamic linker's lock. A thread that overflows inside of dlopen() could hang in the report, hence
 * the plain message is written out first. */
#include "coro/overflow.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/atomic.h"
#include "coro/report.h"
#include "coro/stack.h"

enum {
	SIGNAL_STACK_BYTES = 64 << 10, /* the kernel's frame is up to 11 KiB (AMX), dladdr small */
	FRAMES_FIRST = 24,             /* shown of a long backtrace: where it overflowed ... */
	FRAMES_LAST = 8,               /* ... and where it came from */
};

static size_t (*describe)(void *owner, char *buf, size_t n);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned threads; /* between thread_init and thread_fini */
static const int fault_signals[] = { SIGSEGV, SIGBUS };
enum { FAULTS = sizeof fault_signals / sizeof *fault_signals };
static struct sigaction before[FAULTS];

static __thread unsigned thread_depth;
static __thread void *thread_signal_stack; /* ours, or NULL */

/* ---- the report ---- */

static void add_owner(struct rota__report *t, const struct rota__stack *stack)
{
	size_t (*fn)(void *, char *, size_t) = load_acquire(&describe);
	size_t room = sizeof t->bytes - t->n - 64; /* for what follows in the line */
	size_t n;

	if (fn == NULL || stack->owner == NULL) {
		rota__report_add(t, "a coroutine");
		return;
	}
	n = fn(stack->owner, t->bytes + t->n, room);
	t->n += n < room ? n : room;
}

static void report(const struct rota__stack *stack)
{
	struct rota__report t = { .n = 0 };

	rota__report_add(&t, "rota: stack overflow in ");
	add_owner(&t, stack);
	rota__report_add(&t, ", stack of ");
	rota__report_number(&t, stack->bytes >> 10, 10);
	rota__report_add(&t, " KiB\n");
	rota__report_write(&t);
}

/* ---- the backtrace: frame pointers only, all within the stack ---- */

struct frame {
	struct frame *caller;
	uintptr_t return_address;
};

static uintptr_t without_signature(uintptr_t code)
{
#if defined(__aarch64__)
	register uintptr_t x30 __asm__("x30") = code;

	__asm__("hint #7" : "+r"(x30)); /* xpaclri */
	return x30;
#else
	return code;
#endif
}

static bool frame_ok(const struct rota__stack *stack, const struct frame *f)
{
	uintptr_t at = (uintptr_t)f;

	return at % sizeof(void *) == 0 && at >= (uintptr_t)stack->base &&
	       at + sizeof *f <= (uintptr_t)stack->top;
}

static void show_frame(unsigned number, uintptr_t code)
{
	struct rota__report t = { .n = 0 };

	rota__report_frame(&t, number, code);
	rota__report_write(&t);
}

static unsigned count_frames(const struct rota__stack *stack, const struct frame *f)
{
	unsigned n = 0;

	for (; frame_ok(stack, f) && f->return_address != 0; f = f->caller, n++)
		if (f->caller <= f)
			return n + 1;
	return n;
}

static void backtrace_of(const struct rota__stack *stack, uintptr_t pc, const struct frame *f)
{
	unsigned n = count_frames(stack, f);

	show_frame(0, pc);
	for (unsigned i = 1; i <= n; i++, f = f->caller) {
		if (i <= FRAMES_FIRST || i + FRAMES_LAST > n) {
			show_frame(i, without_signature(f->return_address));
		} else if (i == FRAMES_FIRST + 1) {
			struct rota__report t = { .n = 0 };

			rota__report_add(&t, "  ... ");
			rota__report_number(&t, n - FRAMES_FIRST - FRAMES_LAST, 10);
			rota__report_add(&t, " frames ...\n");
			rota__report_write(&t);
		}
	}
}

/* ---- the handler ---- */

/* Where the thread was; all 0 on a machine we do not know. */
struct place {
	uintptr_t pc, sp, fp;
};

static struct place place_of(const ucontext_t *u)
{
#if defined(__x86_64__)
	return (struct place){
		.pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP],
		.sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP],
		.fp = (uintptr_t)u->uc_mcontext.gregs[REG_RBP],
	};
#elif defined(__aarch64__)
	return (struct place){
		.pc = u->uc_mcontext.pc,
		.sp = u->uc_mcontext.sp,
		.fp = u->uc_mcontext.regs[29],
	};
#else
	return (struct place){ .pc = 0 };
#endif
}

/* The stack that overflowed, or NULL.  A wild pointer into a guard is not an overflow: the thread
 * must run on that very stack.  The frame pointer counts too, because the stack pointer of a frame
 * that is larger than the guard is already beyond it. */
static struct rota__stack *overflowed(const siginfo_t *info, const struct place *at)
{
	struct rota__stack *stack = info->si_code > 0 ? rota__stack_of(info->si_addr) : NULL;

	if (stack == NULL || info->si_addr >= stack->base)
		return NULL;
	if (at->pc != 0 && rota__stack_of((void *)at->sp) != stack &&
		rota__stack_of((void *)at->fp) != stack)
		return NULL;
	return stack;
}

static void put_back(unsigned which, bool to_default)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigaction(fault_signals[which], to_default ? &dfl : &before[which], NULL);
}

/* Die of the signal: return to the instruction that faults, or if none did, send it anew. */
static void die_on_return(int sig, unsigned which, const siginfo_t *info, bool to_default)
{
	put_back(which, to_default);
	if (info->si_code <= 0) /* from kill() or the like: blocked now, delivered on return */
		raise(sig);
}

static void pass_on(int sig, unsigned which, siginfo_t *info, void *context)
{
	struct sigaction old = before[which];
	sigset_t self;

	if (!(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_IGN && info->si_code <= 0)
		return;
	if (!(old.sa_flags & SA_SIGINFO) &&
		(old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN)) {
		die_on_return(sig, which, info, true); /* a real fault cannot be ignored */
		return;
	}
	if (old.sa_flags & (int)SA_RESETHAND)
		before[which] = (struct sigaction){ .sa_handler = SIG_DFL };
	pthread_sigmask(SIG_BLOCK, &old.sa_mask, NULL); /* the kernel undoes it on return */
	sigemptyset(&self);
	sigaddset(&self, sig);
	if (old.sa_flags & SA_NODEFER)
		pthread_sigmask(SIG_UNBLOCK, &self, NULL);
	if (old.sa_flags & SA_SIGINFO)
		old.sa_sigaction(sig, info, context);
	else
		old.sa_handler(sig);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	unsigned which = sig == fault_signals[0] ? 0 : 1;
	struct place at = place_of(context);
	struct rota__stack *stack = overflowed(info, &at);

	if (stack != NULL) {
		report(stack);
		if (at.pc != 0)
			backtrace_of(stack, at.pc, (const struct frame *)at.fp);
		die_on_return(sig, which, info, false);
	} else {
		pass_on(sig, which, info, context);
	}
	errno = saved_errno;
}

_Noreturn void rota__overflow_found(struct rota__stack *stack)
{
	report(stack);
	abort();
}

/* ---- setting up ---- */

void rota__overflow_set_describe(size_t (*fn)(void *owner, char *buf, size_t n))
{
	store_release(&describe, fn); /* acquired in add_owner() */
}

static void handlers_install(void)
{
	struct sigaction ours = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigemptyset(&ours.sa_mask);
	for (unsigned i = 0; i < FAULTS; i++)
		sigaction(fault_signals[i], &ours, &before[i]);
}

/* Unless someone put a handler over ours: then it may call ours, which therefore stays. */
static void handlers_remove(void)
{
	for (unsigned i = 0; i < FAULTS; i++) {
		struct sigaction now;

		sigaction(fault_signals[i], NULL, &now);
		if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault)
			put_back(i, false);
	}
}

static int signal_stack_init(void)
{
	stack_t now, ours = { .ss_size = SIGNAL_STACK_BYTES };

	if (sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE))
		return 0; /* the program's own serves as well */
	ours.ss_sp = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (ours.ss_sp == MAP_FAILED)
		return -ENOMEM;
	sigaltstack(&ours, NULL);
	thread_signal_stack = ours.ss_sp;
	return 0;
}

/* The child must not find it taken by a thread that it does not have. */
static void lock_for_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void unlock_after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

static void at_fork(void)
{
	pthread_atfork(lock_for_fork, unlock_after_fork, unlock_after_fork);
}

int rota__overflow_thread_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int rc;

	if (thread_depth++ > 0)
		return 0;
	pthread_once(&once, at_fork);
	rc = signal_stack_init();
	pthread_mutex_lock(&lock);
	if (threads++ == 0)
		handlers_install();
	pthread_mutex_unlock(&lock);
	return rc;
}

static void signal_stack_fini(void)
{
	stack_t now, none = { .ss_flags = SS_DISABLE };

	if (thread_signal_stack == NULL)
		return;
	if (sigaltstack(NULL, &now) == 0 && now.ss_sp == thread_signal_stack)
		sigaltstack(&none, NULL);
	munmap(thread_signal_stack, SIGNAL_STACK_BYTES);
	thread_signal_stack = NULL;
}

void rota__overflow_thread_fini(void)
{
	if (--thread_depth > 0)
		return;
	pthread_mutex_lock(&lock);
	if (--threads == 0)
		handlers_remove();
	pthread_mutex_unlock(&lock);
	signal_stack_fini();
}
