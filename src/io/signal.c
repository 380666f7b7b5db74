/* signal.c - the one dispatcher of signals in the process
 *
 * The list of watches is guarded by a spin lock that is taken only with all signals blocked, in the
 * handler (sa_mask is full) and outside of it alike: so a thread never meets its own lock. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/atomic.h"
#include "io/signal.h"

enum { SIGNALS = 64 };

static uint32_t lock;
static struct list watches = { &watches, &watches };
static uint32_t watchers[SIGNALS + 1];
static struct sigaction former[SIGNALS + 1];

static void take_lock(void)
{
	while (swap_acquire(&lock, 1)) /* pairs with the release in drop_lock() */
		while (load_relaxed(&lock))
			;
}

static void drop_lock(void)
{
	store_release(&lock, 0);
}

static void block_and_lock(sigset_t *old)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, old);
	take_lock();
}

static void unlock_and_restore(const sigset_t *old)
{
	drop_lock();
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* The child must not find it taken by a thread that it does not have. */
static sigset_t mask_before_fork;

static void lock_for_fork(void)
{
	sigset_t old;

	block_and_lock(&old);
	mask_before_fork = old;
}

static void unlock_after_fork(void)
{
	sigset_t old = mask_before_fork;

	unlock_and_restore(&old);
}

static void at_fork(void)
{
	pthread_atfork(lock_for_fork, unlock_after_fork, unlock_after_fork);
}

static void uncatch(int signo)
{
	if (--watchers[signo] == 0)
		sigaction(signo, &former[signo], NULL);
}

/* The watch wants no signal any more.  Under the lock; async-signal-safe, as sigaction(2) is. */
static void uncatch_all(struct rota__signal_watch *w)
{
	for (int signo = 1; signo <= SIGNALS; signo++)
		if (w->wanted & (UINT64_C(1) << (signo - 1)))
			uncatch(signo);
	w->wanted = 0;
}

/* Async-signal-safe: atomics, and an eventfd write in rota_post(). */
static void on_signal(int signo)
{
	int saved = errno;
	uint64_t bit = UINT64_C(1) << (signo - 1);
	struct list *it;

	take_lock();
	list_each(it, &watches)
	{
		struct rota__signal_watch *w = container_of(it, struct rota__signal_watch, link);

		if (!(w->wanted & bit))
			continue;
		__atomic_fetch_or(&w->arrived, bit, __ATOMIC_RELEASE); /* pairs with deliver() */
		if (w->at_once != NULL)
			w->at_once(w);
		if (w->loop != NULL && !swap_acq_rel(&w->posted, 1))
			rota_post(w->loop, &w->post);
		if (w->once)
			uncatch_all(w);
	}
	drop_lock();
	errno = saved;
}

static void deliver(struct rota_post *post)
{
	struct rota__signal_watch *w = container_of(post, struct rota__signal_watch, post);
	uint64_t arrived;

	store_seq(&w->posted, 0); /* before taking: what comes now is posted anew */
	arrived = swap_seq(&w->arrived, 0);
	for (int signo = 1; signo <= SIGNALS && w->started; signo++)
		if (arrived & (UINT64_C(1) << (signo - 1)))
			w->fn(w, signo);
}

static int catch(int signo)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (watchers[signo]++ > 0)
		return 0;
	sigfillset(&action.sa_mask);
	if (sigaction(signo, &action, &former[signo]) == 0)
		return 0;
	watchers[signo]--;
	return rota_errno();
}

/* A handler for a fault returns to the instruction that faults, for ever. */
static bool is_fault(int signo)
{
	return signo == SIGSEGV || signo == SIGBUS || signo == SIGFPE || signo == SIGILL;
}

static uint64_t bit_of(int signo)
{
	return signo < 1 || signo > SIGNALS || is_fault(signo) ? 0 : UINT64_C(1) << (signo - 1);
}

static int start(struct rota__signal_watch *w, const struct rota__signal_watch *what, const int *signals, size_t count)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	sigset_t old;
	int rc = 0;

	pthread_once(&once, at_fork);
	*w = *what;
	block_and_lock(&old);
	for (size_t i = 0; i < count && rc == 0; i++) {
		uint64_t bit = bit_of(signals[i]);

		if (w->wanted & bit)
			continue; /* named twice */
		rc = bit != 0 ? catch(signals[i]) : -EINVAL;
		if (rc == 0)
			w->wanted |= bit;
	}
	w->started = rc == 0;
	if (rc == 0)
		list_append(&watches, &w->link);
	else
		uncatch_all(w);
	unlock_and_restore(&old);
	return rc;
}

int rota__signal_watch_start(struct rota__signal_watch *w, struct rota_loop *loop, rota__signal_fn fn,
	const int *signals, size_t count)
{
	return start(w, &(struct rota__signal_watch){ .post = { .fn = deliver }, .loop = loop, .fn = fn }, signals, count);
}

int rota__signal_watch_start_once(struct rota__signal_watch *w, struct rota_loop *loop, rota__signal_fn fn,
	void (*at_once)(struct rota__signal_watch *watch), const int *signals, size_t count)
{
	struct rota__signal_watch what = {
		.post = { .fn = deliver }, .loop = loop, .fn = fn, .at_once = at_once, .once = true
	};

	return start(w, &what, signals, count);
}

bool rota__signal_watch_stop(struct rota__signal_watch *w)
{
	sigset_t old;

	if (!w->started)
		return load_seq(&w->posted);
	block_and_lock(&old);
	w->started = false;
	list_remove(&w->link);
	uncatch_all(w);
	unlock_and_restore(&old);
	return load_seq(&w->posted);
}
