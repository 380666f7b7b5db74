/* debuggee.c - a task that waits in nested functions, for tests/coro/debugger.py to look at
 *
 *	task_enters -> task_works -> wait_by_call      (the switch as a function)
 *	                          -> wait_in_place     (the switch in place) */
#include "coro/context.h"
#include "coro/stack.h"
#include "coro/switch.h"

static void *task_sp, *main_sp;

__attribute__((noinline)) void task_is_suspended(void *sp);
__attribute__((noinline)) void task_is_running(void);

__attribute__((noinline)) void task_is_suspended(void *sp)
{
	__asm__ volatile("" : : "r"(sp));
}

__attribute__((noinline)) void task_is_running(void)
{
	__asm__ volatile("");
}

static __attribute__((noinline)) void wait_by_call(void)
{
	rota__switch(&task_sp, main_sp, NULL);
	__asm__ volatile("");
}

static __attribute__((noinline)) void wait_in_place(void)
{
	rota__switch_inline(&task_sp, main_sp, NULL);
	__asm__ volatile("");
}

static __attribute__((noinline)) void task_works(void)
{
	task_is_running();
	wait_by_call();
	wait_in_place();
	__asm__ volatile("");
}

static void task_enters(void *value)
{
	task_works();
	rota__switch(&task_sp, main_sp, NULL);
}

static __attribute__((noinline)) void resume_by_call(void)
{
	rota__switch(&main_sp, task_sp, NULL);
	__asm__ volatile("");
}

static __attribute__((noinline)) void resume_in_place(void)
{
	rota__switch_inline(&main_sp, task_sp, NULL);
	__asm__ volatile("");
}

int main(void)
{
	struct rota__stack_pool pool;
	struct rota__stack *stack;

	rota__stack_pool_init(&pool, 0);
	stack = rota__stack_get(&pool);
	if (stack == NULL)
		return 1;
	task_sp = rota__context_make(stack->top, task_enters);
	resume_by_call();
	task_is_suspended(task_sp);
	resume_in_place();
	task_is_suspended(task_sp);
	resume_by_call();
	rota__stack_put(&pool, stack);
	rota__stack_pool_fini(&pool);
	return 0;
}
