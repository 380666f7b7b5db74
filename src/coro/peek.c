/* peek.c - where another thread is (peek.h) */
#include "coro/peek.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/atomic.h"
#include "coro/valgrind.h"

enum {
	ANSWER_MS = 20, /* a thread that has no CPU for longer is not the one that keeps it from
			   others */
};

/* ---- asking a thread that runs ----
 *
 *	IDLE --ask--> ASKED --handler--> FILLING --> ANSWERED --taken--> IDLE
 *	                 \--no answer in time--> IDLE
 */
enum { IDLE, ASKED, FILLING, ANSWERED };

static struct {
	pthread_mutex_t asking;
	uint32_t state; /* futex */
	pid_t tid;
	const void *top;
	struct rota__peek *into;
	int signo; /* 0: not chosen yet */
} desk = { .asking = PTHREAD_MUTEX_INITIALIZER };

static void futex(uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout, NULL, 0);
}

size_t rota__read_carefully(void *to, const void *from, size_t size)
{
	struct iovec local = { to, size }, remote = { (void *)from, size };
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	return n > 0 ? (size_t)n : 0;
}

static size_t words_between(uintptr_t sp, const void *top)
{
	size_t words = (uintptr_t)top > sp ? ((uintptr_t)top - sp) / sizeof(uintptr_t) : 0;

	return words < PEEK_WORDS ? words : PEEK_WORDS;
}

static bool registers_of(struct rota__peek *peek, const ucontext_t *u)
{
#if defined(__x86_64__)
	peek->pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	peek->sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
	peek->fp = (uintptr_t)u->uc_mcontext.gregs[REG_RBP];
	return true;
#elif defined(__aarch64__)
	peek->pc = u->uc_mcontext.pc;
	peek->sp = u->uc_mcontext.sp;
	peek->fp = u->uc_mcontext.regs[29];
	return true;
#else
	return false;
#endif
}

/* Carefully: the stack whose top we were told may be another than the one we are on by now, with anything in between. */
static void copy_stack(struct rota__peek *peek, const void *top)
{
	size_t size = words_between(peek->sp, top) * sizeof *peek->stack;

	peek->words = rota__read_carefully(peek->stack, (void *)peek->sp, size) / sizeof *peek->stack;
}

static void rang(const ucontext_t *context);

static void answer(int signo, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	uint32_t asked = ASKED;

	(void)signo;
	if (info->si_code == SI_TIMER)
		rang(context);
	else if (load_relaxed(&desk.tid) == (pid_t)syscall(SYS_gettid) &&
		cas_acq_rel(&desk.state, &asked, FILLING)) {
		struct rota__peek *peek = desk.into;

		peek->syscall = -1;
		peek->words = 0;
		if (registers_of(peek, context))
			copy_stack(peek, desk.top);
		store_release(&desk.state, ANSWERED); /* acquired in ask() */
		futex(&desk.state, FUTEX_WAKE, 1, NULL);
	}
	errno = saved_errno;
}

static int ask(struct rota__peek *peek, pid_t tid, const void *top)
{
	static const struct timespec patience = { .tv_nsec = ANSWER_MS * 1000000L };
	uint32_t state;

	store_relaxed(&desk.tid, tid); /* a late handler may look at it */
	desk.top = top;
	desk.into = peek;
	store_release(&desk.state, ASKED); /* acquired by the handler's exchange */
	if (syscall(SYS_tgkill, getpid(), tid, desk.signo) < 0) {
		store_release(&desk.state, IDLE);
		return -errno;
	}
	while ((state = load_acquire(&desk.state)) != ANSWERED) {
		futex(&desk.state, FUTEX_WAIT, state, &patience);
		state = ASKED;
		if (cas_acq_rel(&desk.state, &state, IDLE))
			return -ETIMEDOUT;
	}
	store_release(&desk.state, IDLE);
	return 0;
}

/* ---- looking at one that waits in the kernel ---- */

/* "running", or "NUMBER ARGUMENTS... SP PC", the number -1 outside of system calls.  True: it
 * waits. */
static bool waits_in_kernel(struct rota__peek *peek, pid_t tid)
{
	char path[64], line[256];
	unsigned long sp, pc;
	int fd, n;

	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = (int)read(fd, line, sizeof line - 1);
	close(fd);
	if (n <= 0)
		return false;
	line[n] = '\0';
	if (sscanf(line, "%ld %*s %*s %*s %*s %*s %*s %lx %lx", &peek->syscall, &sp, &pc) != 3 ||
		peek->syscall < 0)
		return false;
	peek->sp = sp;
	peek->pc = pc;
	peek->fp = 0;
	return true;
}

/* The thread's state, a letter, see proc_pid_stat(5); 0: nobody knows. */
static char state_of(pid_t tid)
{
	char path[64], line[128];
	const char *name_end;
	int fd, n;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = (int)read(fd, line, sizeof line - 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	name_end = strrchr(line, ')');
	return name_end != NULL && name_end[1] == ' ' ? name_end[2] : 0;
}

/* Where the kernel does not tell about system calls the state must do.  Without /proc it waits, for all we know: to
 * take somebody for blocked who only has no CPU costs little. */
bool rota__peek_waits(pid_t tid)
{
	struct rota__peek at;

	return waits_in_kernel(&at, tid) || state_of(tid) != 'R';
}

int rota__peek(struct rota__peek *peek, pid_t tid, const void *top)
{
	char state;
	int rc;

	if (waits_in_kernel(peek, tid)) {
		copy_stack(peek, top);
		return 0;
	}
	state = state_of(tid);
	if (state != 'R' && state != 0) /* the signal would interrupt it */
		return -EAGAIN;
	pthread_mutex_lock(&desk.asking);
	rc = ask(peek, tid, top);
	pthread_mutex_unlock(&desk.asking);
	if (rc == 0)
		valgrind_any_will_do(peek->stack, peek->words * sizeof *peek->stack);
	return rc;
}

/* ---- the signal ---- */

static bool still_ours(void)
{
	struct sigaction now;

	return desk.signo != 0 && sigaction(desk.signo, NULL, &now) == 0 &&
	       (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == answer;
}

/* A signal that nobody uses. */
static int take_signal(void)
{
	struct sigaction ours = { .sa_sigaction = answer,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	struct sigaction before;

	sigfillset(&ours.sa_mask);
	for (int signo = SIGRTMAX; signo > SIGRTMIN; signo--) {
		if (sigaction(signo, NULL, &before) < 0 || (before.sa_flags & SA_SIGINFO) ||
			before.sa_handler != SIG_DFL || sigaction(signo, &ours, NULL) < 0)
			continue;
		desk.signo = signo;
		return 0;
	}
	return -EAGAIN;
}

/* Whoever was asking is not in the child. */
static void forget_question(void)
{
	pthread_mutex_init(&desk.asking, NULL);
	desk.state = IDLE;
}

static void at_fork(void)
{
	pthread_atfork(NULL, NULL, forget_question);
}

/* The signal stays ours for good: a question that was given up may still be on its way, and would
 * kill. */
int rota__peek_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int rc;

	pthread_once(&once, at_fork);
	pthread_mutex_lock(&desk.asking);
	rc = still_ours() ? 0 : take_signal();
	pthread_mutex_unlock(&desk.asking);
	return rc;
}

/* ---- alarms ---- */

static _Thread_local struct rota__alarm *alarm_here __attribute__((tls_model("initial-exec")));

/* Too large for a signal's stack; whose alarm rings at the same time as another one says nothing. */
static struct rota__peek alarm_peek;
static uint32_t alarm_rings;

static void rang(const ucontext_t *context)
{
	struct rota__alarm *alarm = alarm_here;

	if (alarm == NULL || swap_acquire(&alarm_rings, 1) != 0) /* pairs with the release below */
		return;
	alarm_peek.syscall = -1;
	alarm_peek.words = 0;
	if (registers_of(&alarm_peek, context))
		alarm->fn(alarm, &alarm_peek);
	store_release(&alarm_rings, 0);
}

void rota__peek_stack(struct rota__peek *at, const void *top)
{
	copy_stack(at, top);
	valgrind_any_will_do(at->stack, at->words * sizeof *at->stack);
}

void rota__alarm_init(struct rota__alarm *alarm)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = desk.signo };

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	alarm->made = timer_create(CLOCK_MONOTONIC, &event, &alarm->timer) == 0;
	alarm_here = alarm;
}

void rota__alarm_fini(struct rota__alarm *alarm)
{
	if (alarm->made)
		timer_delete(alarm->timer);
	alarm->made = false;
	alarm_here = NULL;
}

void rota__alarm_set(struct rota__alarm *alarm, uint64_t in_ns)
{
	struct itimerspec when = { .it_interval = { 0 } };

	if (!alarm->made)
		return;
	if (in_ns != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(in_ns / 1000000000);
		when.it_value.tv_nsec = (long)(in_ns % 1000000000);
	}
	timer_settime(alarm->timer, 0, &when, NULL);
}

/* ---- which functions ---- */

struct text_search {
	uintptr_t code;
	bool found;
};

static int holds_code(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct text_search *search = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];

		if (h->p_type == PT_LOAD && (h->p_flags & PF_X) &&
			search->code - (info->dlpi_addr + h->p_vaddr) < h->p_memsz) {
			search->found = true;
			return 1;
		}
	}
	return 0;
}

static bool is_code(uintptr_t address)
{
	struct text_search search = { .code = address };

	dl_iterate_phdr(holds_code, &search);
	return search.found;
}

/* Is the instruction before `code` a call? */
static bool behind_call(uintptr_t code)
{
#if defined(__x86_64__)
	unsigned char b[8]; /* b[8 - n] is n bytes before */

	if (rota__read_carefully(b, (void *)(code - 8), 8) != 8)
		return false;
	if (b[3] == 0xe8) /* call rel32 */
		return true;
	/* call r/m64: ff /2, with a modrm byte and what that brings */
	for (int length = 2; length <= 7; length++) {
		unsigned char modrm = b[8 - length + 1];
		unsigned mod = modrm >> 6, rm = modrm & 7;
		int sib = mod != 3 && rm == 4;
		int offset = mod == 1 ? 1 : mod == 2 || (mod == 0 && rm == 5) ? 4 : 0;

		if (b[8 - length] == 0xff && ((modrm >> 3) & 7) == 2 && length == 2 + sib + offset)
			return true;
	}
	return false;
#elif defined(__aarch64__)
	uint32_t insn;

	if (rota__read_carefully(&insn, (void *)(code - 4), 4) != 4)
		return false;
	return (insn & 0xfc000000) == 0x94000000 || (insn & 0xfffffc1f) == 0xd63f0000; /* bl, blr */
#else
	return true;
#endif
}

static bool is_return_address(uintptr_t word)
{
	return word > 4096 && is_code(word) && behind_call(word);
}

/* Is the word at `at` a saved frame pointer, which the return address follows? */
static bool is_frame_record(const struct rota__peek *peek, size_t at)
{
	uintptr_t here = peek->sp + at * sizeof(uintptr_t), caller = peek->stack[at];

	return at + 1 < peek->words && caller > here && caller % sizeof(uintptr_t) == 0 &&
	       (caller - peek->sp) / sizeof(uintptr_t) < peek->words &&
	       is_return_address(peek->stack[at + 1]);
}

unsigned rota__peek_frames(const struct rota__peek *peek, uintptr_t *pcs, unsigned room)
{
	unsigned n = 0;
	size_t at = 0, fp = (peek->fp - peek->sp) / sizeof(uintptr_t);

	if (room == 0)
		return 0;
	pcs[n++] = peek->pc;
	while (n < room && at < peek->words) {
		/* Below the frame that the frame pointer names there may be one without such a
		 * pointer. */
		if ((peek->fp == 0 || at >= fp) && is_frame_record(peek, at)) {
			pcs[n++] = peek->stack[at + 1];
			at = (peek->stack[at] - peek->sp) / sizeof(uintptr_t);
		} else {
			if (is_return_address(peek->stack[at]))
				pcs[n++] = peek->stack[at];
			at++;
		}
	}
	return n;
}
