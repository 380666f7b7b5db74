/* unwind.c - from inside a task, and from outside into a suspended one, every kind of unwinder
 * finds the frames up to the entry function and stops there
 *
 * Each function of the chain notes the address it returns to; those are what must be found. */
#include <dlfcn.h>
#include <execinfo.h>
#include <stdio.h>
#include <unwind.h>

#include "coro.h"

enum { CHAIN = 4, FRAMES_MAX = 64 };

static struct rota__stack_pool pool;
static void *returns_to[CHAIN]; /* [0]: the innermost function's */
static int found_count;
static void *found[FRAMES_MAX];
static void *(*look)(struct co *co);

#if defined(__aarch64__)
static void *code(void *address)
{
	register void *x30 __asm__("x30") = address;

	__asm__("hint #7" : "+r"(x30)); /* strip the signature */
	return x30;
}
#else
static void *code(void *address)
{
	return address;
}
#endif

#define NOTE(n) (returns_to[n] = code(__builtin_return_address(0)))

static __attribute__((noinline)) void *innermost(struct co *co)
{
	void *result;

	NOTE(0);
	result = look(co);
	__asm__ volatile(""); /* no tail call */
	return result;
}

static __attribute__((noinline)) void *middle(struct co *co)
{
	void *result;

	NOTE(1);
	result = innermost(co);
	__asm__ volatile("");
	return result;
}

static void enter(void *value)
{
	struct co *co = value;

	rota__stack_entered();
	NOTE(2);
	value = middle(co);
	co->done = true;
	rota__stack_switch(co->stack, &co->sp, NULL, co->resumer_sp, value, true);
}

/* The addresses are found one after the other, and after them nothing. */
static void check_chain_ends_the_list(void)
{
	int at = 0;

	while (at < found_count && found[at] != returns_to[0])
		at++;
	CHECK(at < found_count);
	CHECK(found[at + 1] == returns_to[1]);
	CHECK(found[at + 2] == returns_to[2]);
	CHECK_EQ(found_count, at + 3);
}

static void run_in_task(void *(*fn)(struct co *co), struct co *co)
{
	look = fn;
	rota__stack_pool_init(&pool, 0);
	*co = (struct co){ .stack = rota__stack_get(&pool) };
	co->sp = rota__stack_start(co->stack, co->stack->top, enter);
	co_start(co);
}

static void finish(struct co *co)
{
	CHECK(co->done);
	rota__stack_put(&pool, co->stack);
	rota__stack_pool_fini(&pool);
}

/* ---- from inside ---- */

static void *look_with_glibc(struct co *co)
{
	found_count = backtrace(found, FRAMES_MAX);
	return NULL;
}

TEST(glibcs_backtrace_ends_at_the_entry_function)
{
	struct co co;

#if defined(ROTA_CONTEXT_UCONTEXT)
	SKIP("the C library's frames lie beyond the entry function here");
#endif
	run_in_task(look_with_glibc, &co);
	check_chain_ends_the_list();
	finish(&co);
}

/* The unwinder ends every list with an address of 0. */
static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *arg)
{
	if (found_count < FRAMES_MAX && _Unwind_GetIP(context) != 0)
		found[found_count++] = (void *)_Unwind_GetIP(context);
	return _URC_NO_REASON;
}

static void *look_with_unwinder(struct co *co)
{
	found_count = 0;
	*(_Unwind_Reason_Code *)co->arg = _Unwind_Backtrace(note_frame, NULL);
	return NULL;
}

TEST(the_unwinder_of_the_compiler_reports_end_of_stack)
{
	_Unwind_Reason_Code code = _URC_NO_REASON;
	struct co co;

#if defined(ROTA_CONTEXT_UCONTEXT)
	SKIP("the C library's frames lie beyond the entry function here");
#endif
	look = look_with_unwinder;
	rota__stack_pool_init(&pool, 0);
	co = (struct co){ .stack = rota__stack_get(&pool), .arg = &code };
	co.sp = rota__stack_start(co.stack, co.stack->top, enter);
	co_start(&co);
	CHECK_EQ(code, _URC_END_OF_STACK);
	check_chain_ends_the_list();
	finish(&co);
}

static void walk(void **frame, const struct rota__stack *stack)
{
	found_count = 0;
	while (frame != NULL) {
		CHECK((void *)frame >= stack->base && (void *)(frame + 2) <= stack->top);
		CHECK(found_count < FRAMES_MAX);
		found[found_count++] = code(frame[1]);
		frame = frame[0];
	}
}

static void *look_at_frame_pointers(struct co *co)
{
	walk(__builtin_frame_address(0), co->stack);
	return NULL;
}

TEST(a_walk_by_frame_pointers_ends_at_the_entry_function)
{
	struct co co;

#if defined(ROTA_CONTEXT_UCONTEXT)
	SKIP("the C library's frames lie beyond the entry function here");
#endif
	run_in_task(look_at_frame_pointers, &co);
	check_chain_ends_the_list();
	finish(&co);
}

/* ---- from outside ---- */

static void *suspend(struct co *co)
{
	return co_yield (co, NULL);
}

static void *suspend_by_call(struct co *co)
{
	return rota__switch(&co->sp, co->resumer_sp, NULL);
}

/* Where in the saved frame the frame record lies: see the layouts in context_*.S. */
static void **frame_of_suspended(const struct co *co)
{
#if defined(__x86_64__)
	return (void **)((char *)co->sp + 40);
#else
	return co->sp;
#endif
}

TEST(a_suspended_stack_is_walked_from_its_saved_stack_pointer)
{
	struct co co;

#if defined(ROTA_CONTEXT_UCONTEXT)
	SKIP("the saved frame is the C library's");
#endif
	run_in_task(suspend, &co);
	walk(frame_of_suspended(&co), co.stack);
	check_chain_ends_the_list();
	co_resume(&co, NULL);
	finish(&co);

	if (SANITIZED)
		return; /* they must hear of every switch */
	run_in_task(suspend_by_call, &co);
	walk(frame_of_suspended(&co), co.stack);
	check_chain_ends_the_list();
	co_resume(&co, NULL);
	finish(&co);
}

TEST(a_stack_that_was_never_entered_is_a_walk_of_one_frame)
{
	struct rota__stack *stack;
	struct co co;

#if defined(ROTA_CONTEXT_UCONTEXT)
	SKIP("the saved frame is the C library's");
#endif
	rota__stack_pool_init(&pool, 0);
	stack = rota__stack_get(&pool);
	co.sp = rota__stack_start(stack, stack->top, enter);
	walk(frame_of_suspended(&co), stack);
	CHECK_EQ(found_count, 1);
	rota__stack_put(&pool, stack);
	rota__stack_pool_fini(&pool);
}
