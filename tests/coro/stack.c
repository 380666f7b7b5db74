/* stack.c - pools, slabs, guards, and what they cost */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/atomic.h"
#include "child.h"
#include "coro.h"
#include "coro/overflow.h"

static struct rota__stack_pool pool;

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Pages of a stack's usable part that are in memory.  Takes numbers, because a cold stack has no
 * struct to ask. */
static size_t pages_in(void *base, size_t stack_bytes)
{
	unsigned char in_memory[2048];
	size_t n = (stack_bytes - page_bytes()) / page_bytes(), count = 0;

	CHECK(n <= sizeof in_memory);
	CHECK_EQ(mincore(base, stack_bytes - page_bytes(), in_memory), 0);
	for (size_t i = 0; i < n; i++)
		count += in_memory[i] & 1;
	return count;
}

static size_t pages_of(const struct rota__stack *stack)
{
	return pages_in(stack->base, stack->bytes);
}

/* ---- shape ---- */

TEST(a_stack_has_the_size_asked_for_rounded_up_to_a_power_of_two_within_limits)
{
	static const size_t asked[][2] = {
		{ 0, 64 << 10 },
		{ 1, 16 << 10 },
		{ 16 << 10, 16 << 10 },
		{ (16 << 10) + 1, 32 << 10 },
		{ 100000, 128 << 10 },
		{ 8 << 20, 8 << 20 },
		{ (size_t)1 << 40, 8 << 20 },
	};

	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		struct rota__stack *stack;

		rota__stack_pool_init(&pool, asked[i][0]);
		stack = rota__stack_get(&pool);
		CHECK(stack != NULL);
		CHECK_EQ(stack->bytes, asked[i][1]);
		/* guard below, struct and at most 512 bytes above */
		CHECK((char *)stack->top - (char *)stack->base >=
			(ptrdiff_t)(asked[i][1] - page_bytes() - 512));
		CHECK_EQ((uintptr_t)stack->top % 64, 0);
		CHECK_EQ((uintptr_t)stack->base % page_bytes(), 0);
		rota__stack_put(&pool, stack);
		rota__stack_pool_fini(&pool);
	}
}

enum { MANY = 300 };

TEST(stacks_do_not_overlap_and_every_usable_byte_can_be_written)
{
	static struct rota__stack *stack[MANY];

	rota__stack_pool_init(&pool, 16 << 10);
	for (int i = 0; i < MANY; i++) {
		stack[i] = rota__stack_get(&pool);
		CHECK(stack[i] != NULL && stack[i]->owner == NULL);
		memset(stack[i]->base, i & 0xff,
			(size_t)((char *)stack[i]->top - (char *)stack[i]->base));
	}
	for (int i = 0; i < MANY; i++) {
		for (char *p = stack[i]->base; p < (char *)stack[i]->top; p++)
			CHECK(*p == (char)(i & 0xff));
		CHECK(stack[i]->top == stack[i]);
		rota__stack_put(&pool, stack[i]);
	}
	rota__stack_pool_fini(&pool);
}

static void poke(void *at)
{
	signal(SIGSEGV, SIG_DFL); /* sanitizers have their own, which start symbolizers */
	*(volatile char *)at = 1;
}

static bool poke_kills(void *at)
{
	struct child child;

	child_run(&child, poke, at);
	return child.status != 0;
}

TEST(the_byte_below_every_stack_faults)
{
	struct rota__stack *stack[20];

	rota__stack_pool_init(&pool, 0);
	for (int i = 0; i < 20; i++)
		stack[i] = rota__stack_get(&pool);
	for (int i = 0; i < 20; i++) {
		CHECK(poke_kills((char *)stack[i]->base - 1));
		CHECK(poke_kills((char *)stack[i]->base - page_bytes()));
		CHECK(!poke_kills(stack[i]->base));
	}
	for (int i = 0; i < 20; i++)
		rota__stack_put(&pool, stack[i]);
	rota__stack_pool_fini(&pool);
}

TEST(stack_of_finds_the_stack_from_any_of_its_addresses_and_no_other)
{
	static struct rota__stack *stack[MANY];
	int local;

	rota__stack_pool_init(&pool, 0);
	CHECK(rota__stack_of(&local) == NULL);
	CHECK(rota__stack_of(NULL) == NULL);
	for (int i = 0; i < MANY; i++)
		stack[i] = rota__stack_get(&pool);
	for (int i = 0; i < MANY; i++) {
		char *low = (char *)stack[i]->base - page_bytes();

		CHECK(rota__stack_of(low) == stack[i]);
		CHECK(rota__stack_of(stack[i]->base) == stack[i]);
		CHECK(rota__stack_of((char *)stack[i]->top - 1) == stack[i]);
		CHECK(rota__stack_of(low + stack[i]->bytes - 1) == stack[i]);
		CHECK(rota__stack_of(low + stack[i]->bytes) != stack[i]);
		CHECK(rota__stack_of(low - 1) != stack[i]);
	}
	for (int i = 0; i < MANY; i++)
		rota__stack_put(&pool, stack[i]);
	rota__stack_pool_fini(&pool);
	for (int i = 0; i < MANY; i++)
		CHECK(rota__stack_of(stack[i]) == NULL);
}

TEST(two_sizes_live_side_by_side)
{
	struct rota__stack_pool small, large;
	struct rota__stack *s, *l;

	rota__stack_pool_init(&small, 16 << 10);
	rota__stack_pool_init(&large, 1 << 20);
	s = rota__stack_get(&small);
	l = rota__stack_get(&large);
	CHECK_EQ(s->bytes, 16 << 10);
	CHECK_EQ(l->bytes, 1 << 20);
	CHECK(rota__stack_of(s->base) == s);
	CHECK(rota__stack_of(l->base) == l);
	rota__stack_put(&small, s);
	rota__stack_put(&large, l);
	rota__stack_pool_fini(&small);
	rota__stack_pool_fini(&large);
}

/* ---- order and memory ---- */

TEST(the_stack_put_last_is_got_first)
{
	struct rota__stack *stack[5];

	rota__stack_pool_init(&pool, 0);
	for (int i = 0; i < 5; i++)
		stack[i] = rota__stack_get(&pool);
	for (int i = 0; i < 5; i++) {
		stack[i]->owner = &pool;
		rota__stack_put(&pool, stack[i]);
	}
	for (int i = 4; i >= 0; i--) {
		CHECK(rota__stack_get(&pool) == stack[i]);
		CHECK(stack[i]->owner == NULL);
	}
	for (int i = 0; i < 5; i++)
		rota__stack_put(&pool, stack[i]);
	rota__stack_pool_fini(&pool);
}

TEST(a_small_program_maps_little_and_touches_a_page_for_each_stack_in_use)
{
	struct rota__stack *first, *second;

	rota__stack_pool_init(&pool, 0);
	CHECK_EQ(rota__stack_pool_count(&pool).mapped, 0);
	first = rota__stack_get(&pool);
	CHECK_EQ(rota__stack_pool_count(&pool).slabs, 1);
	CHECK_EQ(rota__stack_pool_count(&pool).mapped, 16);
	CHECK_EQ(pages_of(first), 1);
	second = rota__stack_get(&pool);
	CHECK_EQ(pages_of(second), 1);
	if (second->base > first->base) { /* the neighbour above has not been handed out */
		CHECK_EQ(pages_in((char *)second->base + second->bytes, second->bytes), 0);
	}
	rota__stack_put(&pool, first);
	rota__stack_put(&pool, second);
	rota__stack_pool_fini(&pool);
}

static unsigned own_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned n = 0;
	char line[512];

	CHECK(maps != NULL);
	while (fgets(line, sizeof line, maps) != NULL)
		n++;
	fclose(maps);
	return n;
}

TEST(a_hundred_thousand_stacks_take_few_mappings_where_the_kernel_can_mark_guards)
{
	enum { N = 100000 };
	struct rota__stack **stack = malloc(N * sizeof *stack);
	unsigned before = own_mappings();

	if (watched())
		SKIP("shadow memory for 6 GiB of stacks");
	rota__stack_pool_init(&pool, 0);
	for (int i = 0; i < N; i++)
		CHECK((stack[i] = rota__stack_get(&pool)) != NULL);
	if (stack[0]->gapped || stack[N - 1]->gapped || own_mappings() > before + N)
		SKIP("no MADV_GUARD_INSTALL here");
	CHECK(rota__stack_pool_count(&pool).slabs < 20);
	CHECK(own_mappings() <= before + 20);
	for (int i = 0; i < N; i++)
		rota__stack_put(&pool, stack[i]);
	rota__stack_pool_fini(&pool);
	CHECK_EQ(rota__stack_pool_count(&pool).mapped, 0);
	free(stack);
}

static long kib_in(const char *path, const char *key)
{
	FILE *file = fopen(path, "r");
	long kib = -1;
	char line[256];

	CHECK(file != NULL);
	while (fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			kib = atol(line + strlen(key));
	fclose(file);
	return kib;
}

static long own_kib(void)
{
	return kib_in("/proc/self/status", "VmRSS:") + kib_in("/proc/self/status", "VmPTE:");
}

static void *wait_once(struct co *co, void *value)
{
	co_yield (co, NULL);
	return value;
}

/* Memory of `n` tasks that wait, in bytes for each: pages and page tables. */
static long bytes_waiting(size_t n)
{
	struct co *co = malloc(n * sizeof *co);
	long before, after;

	CHECK(co != NULL);
	memset(co, 1, n * sizeof *co); /* in memory before we measure */
	before = own_kib();
	rota__stack_pool_init(&pool, 0);
	for (size_t i = 0; i < n; i++) {
		co_init(&co[i], &pool, wait_once, (void *)i);
		co_start(&co[i]);
	}
	after = own_kib();
	for (size_t i = 0; i < n; i++) {
		CHECK((size_t)co_resume(&co[i], NULL) == i);
		rota__stack_put(&pool, co[i].stack);
	}
	rota__stack_pool_fini(&pool);
	CHECK(own_kib() < before + 4096);
	free(co);
	return (long)((after - before) * 1024 / (long)n);
}

TEST(a_million_waiting_tasks_take_4300_bytes_each_and_give_them_all_back)
{
	if (watched())
		SKIP("too much for this tool");
	if (kib_in("/proc/meminfo", "MemAvailable:") < 6 << 20)
		SKIP("needs 6 GiB of free memory");
	CHECK(bytes_waiting(1000000) <= 4300);
}

TEST(ten_thousand_waiting_tasks_take_4300_bytes_each)
{
	if (watched())
		SKIP("the tool's own memory would count");
	CHECK(bytes_waiting(10000) <= 4300);
}

/* ---- trim ---- */

static struct rota__stack *held[1000];
static void *held_base[1000];

/* Written to this depth a stack has five pages, whatever its colour. */
enum { FIVE_PAGES = 18000, BYTES = STACK_BYTES_DEFAULT };

static void hold(unsigned n, size_t deep)
{
	for (unsigned i = 0; i < n; i++) {
		held[i] = rota__stack_get(&pool);
		held_base[i] = held[i]->base;
		memset((char *)held[i]->top - deep, 1, deep);
	}
}

static void put_all(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rota__stack_put(&pool, held[i]);
}

TEST(trim_keeps_as_many_warm_stacks_as_told_the_hottest_and_gives_the_rest_back)
{
	static const unsigned keeps[] = { 1000, 999, 500, 128, 64, 63, 1, 0 };

	rota__stack_pool_init(&pool, 0);
	for (size_t k = 0; k < sizeof keeps / sizeof *keeps; k++) {
		unsigned warm = 0;

		hold(1000, FIVE_PAGES);
		put_all(1000);
		rota__stack_pool_trim(&pool, keeps[k]);
		/* Whoever still has pages in a mapped slab is warm. */
		for (unsigned i = 0; i < 1000; i++)
			if (rota__stack_of(held[i]) != NULL)
				warm += pages_in(held_base[i], BYTES) == 5;
		CHECK_EQ(warm, keeps[k]);
		for (unsigned i = 1000 - (keeps[k] < 64 ? keeps[k] : 1); i < 1000 && keeps[k] > 0;
			i++)
			CHECK(rota__stack_of(held[i]) == held[i]);
	}
	CHECK_EQ(rota__stack_pool_count(&pool).slabs, 0);
	rota__stack_pool_fini(&pool);
}

TEST(trim_leaves_stacks_that_are_out_alone_and_their_guards_whole)
{
	rota__stack_pool_init(&pool, 0);
	hold(200, FIVE_PAGES);
	for (unsigned i = 0; i < 200; i += 2)
		rota__stack_put(&pool, held[i]);
	rota__stack_pool_trim(&pool, 0);
	for (unsigned i = 0; i < 200; i++) {
		if (i % 2 == 0) {
			CHECK_EQ(pages_in(held_base[i], BYTES), 0);
			continue;
		}
		CHECK_EQ(pages_of(held[i]), 5);
		for (size_t at = 1; at <= FIVE_PAGES; at++)
			CHECK(((char *)held[i]->top)[-(ptrdiff_t)at] == 1);
	}
	for (unsigned i = 0; i < 200; i += 2) {
		held[i] = rota__stack_get(&pool);
		CHECK(*(char *)held[i]->base == 0);
	}
	for (unsigned i = 0; i < 200; i += 23)
		CHECK(poke_kills((char *)held[i]->base - 1));
	put_all(200);
	rota__stack_pool_fini(&pool);
	CHECK_EQ(rota__stack_pool_count(&pool).mapped, 0);
}

TEST(a_stack_that_outlives_its_pool_goes_back_into_another)
{
	struct rota__stack_pool other;
	struct rota__stack *stack;

	rota__stack_pool_init(&pool, 0);
	rota__stack_pool_init(&other, 0);
	stack = rota__stack_get(&pool);
	memset(stack->base, 5, 100);
	rota__stack_pool_fini(&pool);
	CHECK_EQ(((char *)stack->base)[99], 5);
	rota__stack_put(&other, stack);
	CHECK(rota__stack_get(&other) == stack);
	rota__stack_put(&other, stack);
	rota__stack_pool_fini(&other);
	CHECK_EQ(rota__stack_pool_count(&other).mapped, 0);
}

/* ---- depth ---- */

static void *use_stack(struct co *co, void *value)
{
	size_t bytes = (size_t)value;
	volatile char frame[bytes];

	for (size_t i = 0; i < bytes; i++)
		frame[i] = 1;
	return co_yield (co, (void *)(uintptr_t)frame);
}

TEST(used_tells_how_deep_a_stack_was_ever_written)
{
	static const size_t depths[] = { 10, 1000, 5000, 4096 * 3, 50000, 20000 };
	size_t deepest = 0;
	struct co co;

	rota__stack_pool_init(&pool, 0);
	co.stack = rota__stack_get(&pool);
	CHECK_EQ(rota__stack_used(co.stack), 0);
	rota__stack_put(&pool, co.stack);
	for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
		size_t frame;

		co_init(&co, &pool, use_stack, (void *)depths[i]);
		frame = (size_t)((char *)co.stack->top - (char *)co_start(&co));
		deepest = frame > deepest ? frame : deepest;
		CHECK(rota__stack_used(co.stack) >= deepest);
		if (!SANITIZED) /* their frames are padded */
			CHECK(rota__stack_used(co.stack) <= deepest + 4096);
		co_resume(&co, NULL);
		rota__stack_put(&pool, co.stack);
		/* The last switch may have pushed zeros over the lowest words of a shallow one. */
		CHECK(rota__stack_used(co.stack) + 128 >= deepest);
	}
	rota__stack_pool_trim(&pool, 0);
	co.stack = rota__stack_get(&pool);
	CHECK_EQ(rota__stack_used(co.stack), 0);
	rota__stack_put(&pool, co.stack);
	rota__stack_pool_fini(&pool);
}

TEST(used_reaches_to_the_last_byte_of_a_large_stack)
{
	struct rota__stack *stack;

	rota__stack_pool_init(&pool, 8 << 20);
	stack = rota__stack_get(&pool);
	((char *)stack->top)[-3000000] = 1;
	CHECK(rota__stack_used(stack) >= 3000000);
	CHECK(rota__stack_used(stack) < 3000000 + 16);
	*(char *)stack->base = 1;
	CHECK_EQ(rota__stack_used(stack), (char *)stack->top - (char *)stack->base);
	CHECK_EQ(pages_of(stack), 3); /* looking touched nothing */
	rota__stack_put(&pool, stack);
	rota__stack_pool_fini(&pool);
}

/* ---- when the system refuses ---- */

static void set_address_space(size_t more)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	FILE *statm = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	CHECK(statm != NULL && fscanf(statm, "%lu", &pages) == 1);
	fclose(statm);
	if (more != SIZE_MAX)
		limit.rlim_cur = pages * page_bytes() + more;
	CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

TEST(get_answers_NULL_when_no_memory_can_be_mapped_and_works_again_when_it_can)
{
	unsigned n = 0;

	if (watched())
		SKIP("the tool needs address space of its own");
	rota__stack_pool_init(&pool, 1 << 20);
	set_address_space(0);
	CHECK(rota__stack_get(&pool) == NULL);
	set_address_space(
		(50 << 20) + (100 << 10)); /* not a whole first slab of 16, nor doublings */
	while (n < 1000 && (held[n] = rota__stack_get(&pool)) != NULL)
		n++;
	CHECK_EQ(n, 50); /* smaller slabs filled what was left */
	CHECK(rota__stack_get(&pool) == NULL);
	set_address_space(SIZE_MAX);
	held[n] = rota__stack_get(&pool);
	CHECK(held[n] != NULL);
	put_all(n + 1);
	rota__stack_pool_fini(&pool);
	CHECK_EQ(rota__stack_pool_count(&pool).mapped, 0);
}

TEST(mprotect_guards_stop_before_the_map_limit_and_gaps_follow)
{
	enum { N = 40000 };
	struct rota__stack **stack = malloc(N * sizeof *stack);
	unsigned guarded = 0;

	if (watched())
		SKIP("too many stacks for this tool");
	rota__stack_guard_choose(STACK_GUARD_MPROTECT);
	rota__stack_pool_init(&pool, 16 << 10);
	for (int i = 0; i < N; i++) {
		CHECK((stack[i] = rota__stack_get(&pool)) != NULL);
		guarded += !stack[i]->gapped;
	}
	CHECK(guarded >= 1000 && guarded < N);
	CHECK(!stack[0]->gapped && stack[N - 1]->gapped);
	CHECK(poke_kills((char *)stack[0]->base - 1));
	for (int i = 0; i < N; i++)
		rota__stack_put(&pool, stack[i]);
	rota__stack_pool_fini(&pool);
	CHECK(own_mappings() < 1000);
	/* The budget came back with the slabs. */
	rota__stack_pool_init(&pool, 16 << 10);
	for (int i = 0; i < N; i++) {
		stack[i] = rota__stack_get(&pool);
		guarded -= !stack[i]->gapped;
	}
	CHECK_EQ(guarded, 0);
	for (int i = 0; i < N; i++)
		rota__stack_put(&pool, stack[i]);
	rota__stack_pool_fini(&pool);
	free(stack);
}

static size_t describe_owner(void *owner, char *buf, size_t n)
{
	return (size_t)snprintf(buf, n, "task \"%s\" (spawned at here.c:7)", (const char *)owner);
}

static void overflow_into_gap(void *arg)
{
	struct rota__stack *stack;

	rota__overflow_set_describe(describe_owner);
	rota__stack_guard_choose(STACK_GUARD_GAP);
	rota__stack_pool_init(&pool, 0);
	stack = rota__stack_get(&pool);
	stack->owner = "greedy";
	((volatile char *)stack->base)[-200] = 1;
	rota__stack_put(&pool, stack);
}

static void fill_to_the_brim(void *arg)
{
	struct rota__stack *stack;

	rota__stack_guard_choose(STACK_GUARD_GAP);
	rota__stack_pool_init(&pool, 0);
	stack = rota__stack_get(&pool);
	memset(stack->base, 1, (size_t)((char *)stack->top - (char *)stack->base));
	rota__stack_put(&pool, stack);
	rota__stack_pool_fini(&pool);
}

TEST(an_overflow_into_a_gap_is_named_when_the_stack_is_put)
{
	struct child child;

	child_run(&child, overflow_into_gap, NULL);
	CHECK(child_died_of(&child, SIGABRT));
	CHECK(child_said(&child, "rota: stack overflow in task \"greedy\" (spawned at here.c:7), "
				 "stack of 64 KiB\n"));
	child_run(&child, fill_to_the_brim, NULL);
	CHECK_EQ(child.status, 0);
	CHECK_EQ(child.said[0], 0);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 20000, SHELF = 64 };

/* Stacks that change hands between threads, as tasks that are stolen do. */
static struct rota__stack *shelf[SHELF];

static void *churn(void *seed)
{
	struct rota__stack_pool own;
	uint32_t random = (uint32_t)(uintptr_t)seed;
	unsigned rounds = watched() ? ROUNDS / 10 : ROUNDS;

	rota__stack_pool_init(&own, 16 << 10);
	for (unsigned i = 0; i < rounds; i++) {
		struct rota__stack *stack = rota__stack_get(&own);

		CHECK(stack != NULL && stack->owner == NULL);
		stack->owner = seed;
		((uintptr_t *)stack->top)[-8] = (uintptr_t)stack ^ 1;
		random = random * 1664525u + 1013904223u;
		/* put on the shelf, take what was there */
		stack = swap_acq_rel(&shelf[random >> 8 & (SHELF - 1)], stack);
		if (stack != NULL) {
			CHECK_EQ(((uintptr_t *)stack->top)[-8], (uintptr_t)stack ^ 1);
			rota__stack_put(&own, stack);
		}
		if ((random >> 20) % 512 == 0)
			rota__stack_pool_trim(&own, random >> 30);
	}
	rota__stack_pool_fini(&own);
	return NULL;
}

TEST(pools_of_four_threads_exchange_stacks_and_lose_none)
{
	pthread_t thread[THREADS];

	rota__stack_pool_init(&pool, 16 << 10);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, churn, (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < SHELF; i++)
		if (shelf[i] != NULL)
			rota__stack_put(&pool, shelf[i]);
	rota__stack_pool_trim(&pool, 0);
	CHECK_EQ(rota__stack_pool_count(&pool).mapped, 0);
	rota__stack_pool_fini(&pool);
}

static void *put_here(void *value)
{
	struct rota__stack_pool own;

	rota__stack_pool_init(&own, 0);
	for (int i = 0; i < 1000; i++)
		rota__stack_put(&own, held[i]);
	CHECK(own.free_count <= STACK_MAGAZINE);
	rota__stack_pool_fini(&own);
	return NULL;
}

TEST(a_thread_that_only_puts_feeds_one_that_only_gets)
{
	pthread_t thread;

	rota__stack_pool_init(&pool, 0);
	for (int round = 0; round < 5; round++) {
		hold(1000, 100);
		CHECK(rota__stack_pool_count(&pool).mapped <= 1024);
		CHECK_EQ(pthread_create(&thread, NULL, put_here, NULL), 0);
		pthread_join(thread, NULL);
	}
	rota__stack_pool_fini(&pool);
	CHECK_EQ(rota__stack_pool_count(&pool).mapped, 0);
}

static void use_pool_in_child(void *arg)
{
	struct rota__stack_pool own;
	struct rota__stack *stack;

	rota__stack_pool_init(&own, 16 << 10);
	stack = rota__stack_get(&own);
	CHECK(stack != NULL);
	rota__stack_put(&own, stack);
	rota__stack_pool_fini(&own);
}

TEST(a_child_forked_while_threads_use_the_depot_can_use_it_too)
{
	pthread_t thread[2];
	struct child child;

	if (SANITIZED)
		SKIP("forking while threads run is not for sanitizers");
	rota__stack_pool_init(&pool, 16 << 10);
	for (uintptr_t i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, churn, (void *)(i + 1)), 0);
	for (int i = 0; i < 20; i++) {
		child_run(&child, use_pool_in_child, NULL);
		CHECK_EQ(child.status, 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < SHELF; i++)
		if (shelf[i] != NULL)
			rota__stack_put(&pool, shelf[i]);
	rota__stack_pool_fini(&pool);
}
