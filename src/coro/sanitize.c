/* sanitize.c - the instrumented half of sanitize.h; empty in an ordinary build
 *
 * AddressSanitizer wants the bounds of the stack we go to.  For the thread's own stack nobody knows
 * them but the tool itself: it tells them when we arrive elsewhere, so they are noted there.
 *
 * Nothing here may keep an address of thread-local data over the switch: the other side may resume
 * on another thread.  Hence this_thread(), which is called anew each time. */
#include "coro/sanitize.h"

#if defined(ROTA_ASAN) || defined(ROTA_TSAN)

struct thread_stack {
	bool leaving; /* between the thread's own stack and the arrival on another */
	const void *bottom;
	size_t size;
	void *fiber;
};

static __attribute__((noinline)) struct thread_stack *this_thread(void)
{
	static __thread struct thread_stack thread;

	__asm__ volatile(""); /* keeps the compiler from merging two calls */
	return &thread;
}

#if defined(ROTA_ASAN)

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* Its own frame must be a real one: with from_dies the fake frames go while it still runs. */
__attribute__((no_sanitize_address)) static void arrive(void *fake)
{
	const void *left_bottom;
	size_t left_size;

	__sanitizer_finish_switch_fiber(fake, &left_bottom, &left_size);
	if (this_thread()->leaving) {
		this_thread()->leaving = false;
		this_thread()->bottom = left_bottom;
		this_thread()->size = left_size;
	}
}

__attribute__((no_sanitize_address)) void *rota__sanitized_switch(struct rota__stack *from,
	void **save_sp, struct rota__stack *to, void *to_sp, void *value, bool from_dies)
{
	struct thread_stack *thread = this_thread();
	void *fake = NULL;

	if (from == NULL)
		thread->leaving = true;
	__sanitizer_start_switch_fiber(from_dies ? NULL : &fake,
		to == NULL ? thread->bottom : to->base,
		to == NULL ? thread->size : (size_t)((char *)to->top - (char *)to->base));
	value = rota__switch(save_sp, to_sp, value);
	arrive(fake);
	return value;
}

/* The last user's frames that never returned left their redzones. */
void rota__sanitized_start(struct rota__stack *stack)
{
	__asan_unpoison_memory_region(stack->base, (char *)stack->top - (char *)stack->base);
}

__attribute__((no_sanitize_address)) void rota__sanitized_entered(void)
{
	arrive(NULL);
}

void rota__sanitized_cold(struct rota__stack *stack)
{
	rota__sanitized_start(stack);
}

#else /* ROTA_TSAN */

#include <pthread.h>
#include <sanitizer/tsan_interface.h>
#include <signal.h>

/* A signal that finds the thread at work is kept with the fiber, until that calls something that ThreadSanitizer intercepts;
 * a fiber that is left may never do so.  Blocking all is such a call: what has come is delivered, and what comes now waits
 * until we are the other one. */
static void become(void *fiber)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	__tsan_switch_to_fiber(fiber, 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void *rota__sanitized_switch(struct rota__stack *from, void **save_sp, struct rota__stack *to,
	void *to_sp, void *value, bool from_dies)
{
	if (from == NULL)
		this_thread()->fiber = __tsan_get_current_fiber();
	become(to == NULL ? this_thread()->fiber : to->fiber);
	return rota__switch(save_sp, to_sp, value);
}

/* A fiber for each task, not for each stack: its shadow call stack ends where the last task left
 * it. */
void rota__sanitized_start(struct rota__stack *stack)
{
	rota__sanitized_cold(stack);
	stack->fiber = __tsan_create_fiber(0);
}

void rota__sanitized_entered(void) {}

void rota__sanitized_cold(struct rota__stack *stack)
{
	if (stack->fiber != NULL)
		__tsan_destroy_fiber(stack->fiber);
	stack->fiber = NULL;
}

#endif
#endif
