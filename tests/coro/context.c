/* context.c - the switch: values, registers, order, threads */
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "coro.h"

static struct rota__stack_pool pool;

static void *as_ptr(uintptr_t n)
{
	return (void *)n;
}

/* ---- values ---- */

static void *add_up(struct co *co, void *value)
{
	uintptr_t sum = 0;

	while ((value = co_yield (co, as_ptr(sum))) != NULL)
		sum += (uintptr_t)value;
	return as_ptr(sum + 1000);
}

TEST(a_value_passes_with_every_switch_both_ways)
{
	struct co co;

	rota__stack_pool_init(&pool, 0);
	co_init(&co, &pool, add_up, NULL);
	CHECK_EQ((uintptr_t)co_start(&co), 0);
	for (uintptr_t i = 1, sum = 0; i <= 100; i++) {
		sum += i;
		CHECK_EQ((uintptr_t)co_resume(&co, as_ptr(i)), sum);
	}
	CHECK_EQ((uintptr_t)co_resume(&co, NULL), 6050);
	CHECK(co.done);
	rota__stack_put(&pool, co.stack);
	rota__stack_pool_fini(&pool);
}

static struct {
	void *value, *main_sp;
	uintptr_t frame;
	bool aligned_store_worked;
} entered;

static void note_entry(void *value)
{
	void *sp;
	volatile _Alignas(32) char aligned[32];

	rota__stack_entered();
	memset((char *)aligned, 1, sizeof aligned);
	entered.value = value;
	entered.frame = (uintptr_t)__builtin_frame_address(0);
	entered.aligned_store_worked = (uintptr_t)aligned % 32 == 0;
	rota__stack_switch(entered.value, &sp, NULL, entered.main_sp, NULL, true);
}

TEST(entry_starts_on_an_aligned_frame_below_any_top_with_the_value_as_argument)
{
	struct rota__stack *stack;

	rota__stack_pool_init(&pool, 0);
	stack = rota__stack_get(&pool);
	for (size_t lower = 0; lower < 64; lower++) {
		char *top = (char *)stack->top - lower;
		void *sp = rota__stack_start(stack, top, note_entry);

		entered.value = NULL;
		rota__stack_switch(NULL, &entered.main_sp, stack, sp, stack, false);
		CHECK(entered.value == stack);
		CHECK(entered.frame < (uintptr_t)top);
		CHECK_EQ(entered.frame % 16, 0);
		CHECK(entered.aligned_store_worked);
	}
	rota__stack_put(&pool, stack);
	rota__stack_pool_fini(&pool);
}

/* ---- registers ---- */

/* With the bare switch, so no sanitizer may watch these stacks. */
#if !defined(ROTA_ASAN) && !defined(ROTA_TSAN)

/* Switch with a pattern derived from `seed` in every register that must survive, and return how
 * many came back changed. */
static unsigned switch_with_registers(void **save_sp, void *to_sp, void *value, uint64_t seed);

#if defined(__x86_64__)
static unsigned switch_with_registers(void **save_sp, void *to_sp, void *value, uint64_t seed)
{
	uint64_t in[6], out[6];
	struct {
		void **save_sp;
		void *to_sp, *value;
		uint64_t *in, *out;
	} arg = { save_sp, to_sp, value, in, out };
	unsigned changed = 0;

	for (unsigned i = 0; i < 6; i++)
		in[i] = seed * 0x9e3779b97f4a7c15u + i;
	/* rbp cannot be named as clobbered: kept on the stack, beyond the red zone. */
	__asm__ volatile("lea	-128(%%rsp), %%rsp\n\t"
			 "push	%%rbp\n\t"
			 "push	%%rax\n\t" /* arg */
			 "mov	%%rsp, %%rcx\n\t"
			 "and	$-16, %%rsp\n\t"
			 "push	%%rcx\n\t"
			 "push	%%rcx\n\t"
			 "mov	0(%%rax), %%rdi\n\t"
			 "mov	8(%%rax), %%rsi\n\t"
			 "mov	16(%%rax), %%rdx\n\t"
			 "mov	24(%%rax), %%rax\n\t"
			 "mov	0(%%rax), %%rbx\n\t"
			 "mov	8(%%rax), %%rbp\n\t"
			 "mov	16(%%rax), %%r12\n\t"
			 "mov	24(%%rax), %%r13\n\t"
			 "mov	32(%%rax), %%r14\n\t"
			 "mov	40(%%rax), %%r15\n\t"
			 "call	rota__switch\n\t"
			 "pop	%%rcx\n\t"
			 "mov	%%rcx, %%rsp\n\t"
			 "pop	%%rax\n\t"
			 "mov	32(%%rax), %%rax\n\t"
			 "mov	%%rbx, 0(%%rax)\n\t"
			 "mov	%%rbp, 8(%%rax)\n\t"
			 "mov	%%r12, 16(%%rax)\n\t"
			 "mov	%%r13, 24(%%rax)\n\t"
			 "mov	%%r14, 32(%%rax)\n\t"
			 "mov	%%r15, 40(%%rax)\n\t"
			 "pop	%%rbp\n\t"
			 "lea	128(%%rsp), %%rsp\n\t"
			 : "+a"(*(void **)&(void *){ &arg })
			 :
			 : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
			 "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
			 "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
			 "xmm14", "xmm15", "memory", "cc");
	for (unsigned i = 0; i < 6; i++)
		changed += out[i] != in[i];
	return changed;
}
#elif defined(__aarch64__)
static unsigned switch_with_registers(void **save_sp, void *to_sp, void *value, uint64_t seed)
{
	uint64_t in[18], out[18];
	struct {
		void **save_sp;
		void *to_sp, *value;
		uint64_t *in, *out;
	} arg = { save_sp, to_sp, value, in, out };
	register void *x0 __asm__("x0") = &arg;
	unsigned changed = 0;

	for (unsigned i = 0; i < 18; i++)
		in[i] = seed * 0x9e3779b97f4a7c15u + i;
	__asm__ volatile("stp	x29, x0, [sp, #-16]!\n\t"
			 "ldr	x9, [x0, #24]\n\t"
			 "ldp	x19, x20, [x9, #0]\n\t"
			 "ldp	x21, x22, [x9, #16]\n\t"
			 "ldp	x23, x24, [x9, #32]\n\t"
			 "ldp	x25, x26, [x9, #48]\n\t"
			 "ldp	x27, x28, [x9, #64]\n\t"
			 "ldp	d8, d9, [x9, #80]\n\t"
			 "ldp	d10, d11, [x9, #96]\n\t"
			 "ldp	d12, d13, [x9, #112]\n\t"
			 "ldp	d14, d15, [x9, #128]\n\t"
			 "ldr	x2, [x0, #16]\n\t"
			 "ldr	x1, [x0, #8]\n\t"
			 "ldr	x0, [x0, #0]\n\t"
			 "bl	rota__switch\n\t"
			 "ldp	x29, x0, [sp], #16\n\t"
			 "ldr	x9, [x0, #32]\n\t"
			 "stp	x19, x20, [x9, #0]\n\t"
			 "stp	x21, x22, [x9, #16]\n\t"
			 "stp	x23, x24, [x9, #32]\n\t"
			 "stp	x25, x26, [x9, #48]\n\t"
			 "stp	x27, x28, [x9, #64]\n\t"
			 "stp	d8, d9, [x9, #80]\n\t"
			 "stp	d10, d11, [x9, #96]\n\t"
			 "stp	d12, d13, [x9, #112]\n\t"
			 "stp	d14, d15, [x9, #128]\n\t"
			 : "+r"(x0)
			 :
			 : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
			 "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
			 "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "v0", "v1", "v2",
			 "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",
			 "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23",
			 "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "memory", "cc");
	for (unsigned i = 0; i < 18; i++)
		changed += out[i] != in[i];
	return changed;
}
#else
static unsigned switch_with_registers(void **save_sp, void *to_sp, void *value, uint64_t seed)
{
	(void)seed; /* no registers of ours on this machine: ucontext saves what it saves */
	rota__switch(save_sp, to_sp, value);
	return 0;
}
#endif

static void *ring_sp[3], *main_sp;
static unsigned ring_turns, registers_changed;

static void keep_registers(void *value)
{
	uintptr_t self = (uintptr_t)value;

	for (uint64_t turn = 0; turn < ring_turns; turn++)
		registers_changed += switch_with_registers(&ring_sp[self], ring_sp[(self + 1) % 3],
			as_ptr((self + 1) % 3), turn * 3 + self);
	rota__switch(&ring_sp[self], main_sp, NULL);
}

TEST(callee_saved_registers_survive_while_other_contexts_change_them)
{
	struct rota__stack *stack[3];

	rota__stack_pool_init(&pool, 0);
	ring_turns = 1000;
	for (uintptr_t i = 0; i < 3; i++)
		stack[i] = rota__stack_get(&pool);
	for (uintptr_t i = 0; i < 3; i++)
		ring_sp[i] = rota__context_make(stack[i]->top, keep_registers);
	rota__switch(&main_sp, ring_sp[0], as_ptr(0));
	CHECK_EQ(registers_changed, 0);
	for (unsigned i = 0; i < 3; i++)
		rota__stack_put(&pool, stack[i]);
	rota__stack_pool_fini(&pool);
}

/* Registers that the switch in place must save, or tell the compiler that it does not. */
static void keep_registers_while_in_place_ones_pass(void *value)
{
	for (uint64_t turn = 0; turn < ring_turns; turn++)
		registers_changed += switch_with_registers(&ring_sp[0], ring_sp[1], NULL, turn);
	rota__switch(&ring_sp[0], main_sp, NULL);
}

static __attribute__((noinline)) uint64_t spread(uint64_t n)
{
	__asm__("" : "+r"(n));
	return n * 0x9e3779b97f4a7c15u;
}

static bool in_place_kept;

static void switch_in_place(void *value)
{
	for (uint64_t turn = 0;; turn++) {
		uint64_t a = spread(turn), b = spread(turn + 1), c = spread(turn + 2),
			 d = spread(turn + 3), e = spread(turn + 4), f = spread(turn + 5);
		double p = (double)(turn % 99), q = p * 3, r = p * 5, s = p * 7, t = p * 9;
		long double u = (long double)turn / 3;

		rota__switch_inline(&ring_sp[1], ring_sp[0], NULL);
		in_place_kept &= a == spread(turn) && b == spread(turn + 1) &&
				 c == spread(turn + 2) && d == spread(turn + 3) &&
				 e == spread(turn + 4) && f == spread(turn + 5);
		in_place_kept &= q == p * 3 && r == p * 5 && s == p * 7 && t == p * 9 &&
				 u == (long double)turn / 3;
	}
}

TEST(a_called_switch_and_one_in_place_lead_to_each_other)
{
	struct rota__stack *stack[2];

	rota__stack_pool_init(&pool, 0);
	ring_turns = 1000;
	in_place_kept = true;
	stack[0] = rota__stack_get(&pool);
	stack[1] = rota__stack_get(&pool);
	ring_sp[0] = rota__context_make(stack[0]->top, keep_registers_while_in_place_ones_pass);
	ring_sp[1] = rota__context_make(stack[1]->top, switch_in_place);
	rota__switch_inline(&main_sp, ring_sp[0], NULL);
	CHECK_EQ(registers_changed, 0);
	CHECK(in_place_kept);
	rota__stack_put(&pool, stack[0]);
	rota__stack_put(&pool, stack[1]);
	rota__stack_pool_fini(&pool);
}
#endif

/* More values alive over the switch than there are registers, integer and floating. */
static void *juggle(struct co *co, void *value)
{
	uintptr_t seed = (uintptr_t)value;
	uint64_t a = seed, b = seed + 1, c = seed + 2, d = seed + 3, e = seed + 4, f = seed + 5,
		 g = seed + 6, h = seed + 7;
	double p = (double)seed + 0.25, q = p * 2, r = p * 3, s = p * 4, t = p * 5, u = p * 6,
	       v = p * 7, w = p * 8, x = p * 9, y = p * 10;
	uintptr_t ok = 1;

	for (int i = 0; i < 100; i++) {
		co_yield (co, NULL);
		a += b, b += c, c += d, d += e, e += f, f += g, g += h, h += 1;
		p += q, q += r, r += s, s += t, t += u, u += v, v += w, w += x, x += y, y += 1;
	}
	/* The same without switches. */
	uint64_t A = seed, B = seed + 1, C = seed + 2, D = seed + 3, E = seed + 4, F = seed + 5,
		 G = seed + 6, H = seed + 7;
	double P = (double)seed + 0.25, Q = P * 2, R = P * 3, S = P * 4, T = P * 5, U = P * 6,
	       V = P * 7, W = P * 8, X = P * 9, Y = P * 10;

	for (int i = 0; i < 100; i++) {
		A += B, B += C, C += D, D += E, E += F, F += G, G += H, H += 1;
		P += Q, Q += R, R += S, S += T, T += U, U += V, V += W, W += X, X += Y, Y += 1;
	}
	ok &= a == A && b == B && c == C && d == D && e == E && f == F && g == G && h == H;
	ok &= p == P && q == Q && r == R && s == S && t == T && u == U && v == V && w == W &&
	      x == X && y == Y;
	return as_ptr(ok);
}

TEST(integers_and_doubles_live_on_over_a_hundred_switches)
{
	struct co co[2];

	rota__stack_pool_init(&pool, 0);
	for (uintptr_t i = 0; i < 2; i++) {
		co_init(&co[i], &pool, juggle, as_ptr(i * 7 + 1));
		co_start(&co[i]);
	}
	for (int turn = 0; turn < 100; turn++)
		for (int i = 0; i < 2; i++) {
			void *result = co_resume(&co[i], NULL);

			if (co[i].done)
				CHECK_EQ((uintptr_t)result, 1);
		}
	for (int i = 0; i < 2; i++) {
		CHECK(co[i].done);
		rota__stack_put(&pool, co[i].stack);
	}
	rota__stack_pool_fini(&pool);
}

/* ---- who switches to whom ---- */

static void *go_deeper(struct co *co, void *value)
{
	uintptr_t levels = (uintptr_t)value, below = 0;
	struct co child;

	if (levels > 0) {
		co_init(&child, &pool, go_deeper, as_ptr(levels - 1));
		co_resume_from(&child, co->stack, &child);
		co_yield (co, NULL); /* all the way out, once, with everyone below suspended */
		below = (uintptr_t)co_resume_from(&child, co->stack, NULL);
		CHECK(child.done);
		rota__stack_put(&pool, child.stack);
	} else {
		co_yield (co, NULL);
	}
	return as_ptr(below + 1);
}

TEST(contexts_nest_500_deep_and_unwind_in_order)
{
	struct co co;

	rota__stack_pool_init(&pool, 0);
	co_init(&co, &pool, go_deeper, as_ptr(499));
	co_start(&co);
	CHECK_EQ((uintptr_t)co_resume(&co, NULL), 500);
	CHECK(co.done);
	rota__stack_put(&pool, co.stack);
	rota__stack_pool_fini(&pool);
}

enum { CROWD = 200 };

static struct co crowd[CROWD];

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* A pattern over 1 to 16 KiB of stack, checked after each switch, which goes straight to a random
 * other coroutine. */
static void *keep_pattern(struct co *co, void *value)
{
	uint32_t self = (uint32_t)(co - crowd), random = self;
	size_t words = 128 + self * 64 % 1920;
	uint64_t pattern[words];

	for (size_t i = 0; i < words; i++)
		pattern[i] = self * i;
	for (unsigned *left = value; *left > 0; --*left) {
		struct co *to = &crowd[next_random(&random) % CROWD];

		if (to == co)
			continue;
		rota__stack_switch(co->stack, &co->sp, to->stack, to->sp, to, false);
		for (size_t i = 0; i < words; i++)
			if (pattern[i] != self * i)
				return "a pattern changed";
	}
	co->resumer_sp = crowd[0].resumer_sp; /* the one that was entered from outside */
	return NULL;
}

TEST(a_crowd_that_switches_at_random_keeps_every_byte_of_its_stacks)
{
	unsigned left = 20000;
	void *trouble;

	rota__stack_pool_init(&pool, 0);
	for (int i = 0; i < CROWD; i++)
		co_init(&crowd[i], &pool, keep_pattern, &left);
	trouble = rota__stack_switch(
		NULL, &crowd[0].resumer_sp, crowd[0].stack, crowd[0].sp, &crowd[0], false);
	CHECK(trouble == NULL);
	CHECK_EQ(left, 0);
	for (int i = 0; i < CROWD; i++)
		rota__stack_put(&pool, crowd[i].stack);
	rota__stack_pool_fini(&pool);
}

/* ---- a stack after its task ---- */

static void *count_once(struct co *co, void *value)
{
	volatile char frame[2000];

	memset((char *)frame, 7, sizeof frame);
	++*(unsigned *)value;
	return NULL;
}

TEST(a_stack_serves_the_next_task_after_one_that_ended_deep_in_its_frames)
{
	unsigned runs = 0;
	struct rota__stack *stack = NULL;
	struct co co;

	rota__stack_pool_init(&pool, 0);
	for (int i = 0; i < 1000; i++) {
		co_init(&co, &pool, count_once, &runs);
		CHECK(stack == NULL || co.stack == stack);
		stack = co.stack;
		co_start(&co);
		CHECK(co.done);
		rota__stack_put(&pool, co.stack);
	}
	CHECK_EQ(runs, 1000);
	rota__stack_pool_fini(&pool);
}

/* The entry function that runs one task after the other, as a scheduler's does. */
struct task {
	void (*fn)(unsigned *runs);
};

static void *run_tasks(struct co *co, void *value)
{
	unsigned runs = 0;

	while (value != NULL) {
		((struct task *)value)->fn(&runs);
		if (runs % 3 == 0)
			value = co_yield (co, as_ptr(runs));
	}
	return as_ptr(runs);
}

static void one_task(unsigned *runs)
{
	volatile char frame[3000];

	memset((char *)frame, (int)*runs, sizeof frame);
	++*runs;
}

TEST(a_stack_serves_the_next_task_without_a_switch_in_between)
{
	struct task task = { one_task };
	struct co co;

	rota__stack_pool_init(&pool, 0);
	co_init(&co, &pool, run_tasks, &task);
	CHECK_EQ((uintptr_t)co_start(&co), 3);
	CHECK_EQ((uintptr_t)co_resume(&co, &task), 6);
	CHECK_EQ((uintptr_t)co_resume(&co, NULL), 6);
	CHECK(co.done);
	rota__stack_put(&pool, co.stack);
	rota__stack_pool_fini(&pool);
}

/* A dying task puts its own stack back, takes it (the hottest) for the next task and goes there. */
struct relay {
	unsigned left;
	void *main_sp;
	struct rota__stack *stack[2];
};

static void relay_entry(void *value)
{
	struct relay *relay = value;
	struct rota__stack *own, *next;
	void *ignored, *sp;

	rota__stack_entered();
	own = relay->stack[relay->left % 2];
	if (--relay->left == 0)
		rota__stack_switch(own, &ignored, NULL, relay->main_sp, NULL, true);
	next = relay->stack[relay->left % 2];
	sp = rota__stack_start(next, next->top, relay_entry);
	rota__stack_switch(own, &ignored, next, sp, relay, true);
}

TEST(a_dying_task_switches_straight_to_the_next)
{
	struct relay relay = { .left = 1001 };
	void *sp;

	rota__stack_pool_init(&pool, 0);
	relay.stack[0] = rota__stack_get(&pool);
	relay.stack[1] = rota__stack_get(&pool);
	sp = rota__stack_start(relay.stack[1], relay.stack[1]->top, relay_entry);
	rota__stack_switch(NULL, &relay.main_sp, relay.stack[1], sp, &relay, false);
	CHECK_EQ(relay.left, 0);
	rota__stack_put(&pool, relay.stack[0]);
	rota__stack_put(&pool, relay.stack[1]);
	rota__stack_pool_fini(&pool);
}

/* ---- threads ---- */

/* Not pthread_self(): it is declared const, so the compiler may keep its answer over a switch. */
static pid_t this_thread(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static void *remember_threads(struct co *co, void *value)
{
	pid_t *seen = value;

	for (int i = 0; i < 3; i++) {
		seen[i] = this_thread();
		co_yield (co, NULL);
	}
	return NULL;
}

struct visit {
	struct co *co;
	pid_t thread;
};

static void *resume_here(void *value)
{
	struct visit *visit = value;

	visit->thread = this_thread();
	co_resume(visit->co, NULL);
	return NULL;
}

TEST(a_context_goes_on_on_another_thread_than_it_began)
{
	struct visit visit[2];
	pid_t seen[3];
	struct co co;

	rota__stack_pool_init(&pool, 0);
	co_init(&co, &pool, remember_threads, seen);
	co_start(&co);
	CHECK_EQ(seen[0], this_thread());
	for (int i = 0; i < 2; i++) {
		pthread_t thread;

		visit[i].co = &co;
		CHECK_EQ(pthread_create(&thread, NULL, resume_here, &visit[i]), 0);
		pthread_join(thread, NULL);
		CHECK_EQ(seen[i + 1], visit[i].thread);
	}
	co_resume(&co, NULL);
	CHECK(co.done);
	rota__stack_put(&pool, co.stack);
	rota__stack_pool_fini(&pool);
}
