/* stack.c - slabs, the depot of each stack size, and the slow half of the pools
 *
 * A slab is a mapping: its own record and bitmaps in the first page, then the slots.  Slabs of one
 * size grow geometrically, so a small program maps 1 MiB of address space and a million stacks need
 * some dozen mappings.  The mapping is NORESERVE and never takes huge pages: a touched stack must
 * cost one page.
 *
 * Cold slots are claimed in short runs, under the depot's lock; their guards are made outside of
 * it, and their structs are written one at a time as they are handed out, so that a claim touches
 * no page of a stack.
 *
 * Guard pages.  MADV_GUARD_INSTALL puts a mark into the page table, without splitting the mapping,
 * and the mark survives MADV_DONTNEED.  Where the kernel is older, mprotect() makes guards until a
 * quarter of vm.max_map_count stacks have one (two mappings each, so half of what the process may
 * have); the stacks after that keep the page unused and look at its upper end when they are put. */
#include "coro/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/atomic.h"
#include "coro/overflow.h"
#include "coro/sanitize.h"
#include "coro/valgrind.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13; libc headers are older */
#endif

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41 /* Linux 5.17 */
#define PR_SET_VMA_ANON_NAME 0
#endif

enum {
	SIZE_SHIFT_MIN = 14, /* 16 KiB; with 9 doublings to 8 MiB that makes: */
	SIZE_CLASSES = 10,
	SLAB_STACKS_MIN = 16, /* 1 MiB of addresses at the default size */
	SLAB_STACKS_MAX = 65536,
	RUN_MAX = 16, /* slots claimed at once; the first claims are 1, 2, 4 ... */
	COLOURS = 8,
	COLOUR_BYTES = 64,
	GAP_BYTES = 256, /* below the base, looked at when a stack without a guard is put */
	SLABS_KNOWN_MAX = 4096,
	MAPS_UNKNOWN = 65530, /* the kernel's default of vm.max_map_count */
};

/* No slab is larger, unless a single stack is. */
#define SLAB_BYTES_MAX ((size_t)4 << 30)

struct rota__stack_slab {
	struct rota__stack_slab *next;
	struct rota__stack_depot *depot;
	size_t mapped_bytes;
	char *slots;
	unsigned count, cold_count;
	unsigned known; /* our place in known[], or SLABS_KNOWN_MAX */
	/* A bit for each slot, in words of 64: [0 .. words) cold, [words .. 2 words) has a guard.
	 * Written under the lock. A pool reads the guard bits of slots it has claimed without it:
	 * nobody else changes those bits, but others share the word, hence the relaxed access. */
	unsigned words;
	uint64_t bits[];
};

struct rota__stack_depot {
	size_t stack_bytes;
	unsigned pools;
	struct rota__stack_slab *slabs; /* the latest first */
	size_t slab_count, slot_count, cold_count;
	struct rota__stack *warm; /* magazines, the latest first, linked through `batch` */
};

/* One lock for all sizes: it is taken once for 64 warm or 16 cold stacks. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rota__stack_depot depots[SIZE_CLASSES];
static size_t page_bytes;
static enum rota__stack_guard guard_kind = STACK_GUARD_BEST;
static size_t mprotect_guards, mprotect_guards_max;

/* The slabs there are, for rota__stack_of(), which may run in a signal handler: written under the
 * lock, read without.  begin is 0 in a free entry and is written last (released). */
static struct known_slab {
	uintptr_t begin, end;
	unsigned shift;
} known[SLABS_KNOWN_MAX];
static unsigned known_end; /* entries from here on were never used */

static void lock_for_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void unlock_after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

/* Not every madvise() that answers 0 has made a guard (emulators ignore what they do not know), so
 * ask the kernel to write there: only a guarded page is EFAULT. */
static bool madvise_guards_work(void)
{
	void *page =
		mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool works;

	if (page == MAP_FAILED)
		return false;
	works = madvise(page, page_bytes, MADV_GUARD_INSTALL) == 0 &&
		getrandom(page, 1, GRND_NONBLOCK) < 0 && errno == EFAULT;
	munmap(page, page_bytes);
	return works;
}

static size_t max_map_count(void)
{
	char text[24] = "";
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (fd >= 0)
		close(fd);
	return n > 0 ? strtoul(text, NULL, 10) : MAPS_UNKNOWN;
}

static void set_up_once(void)
{
	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	mprotect_guards_max = max_map_count() / 4;
	if (guard_kind == STACK_GUARD_BEST)
		guard_kind = madvise_guards_work() ? STACK_GUARD_MADVISE : STACK_GUARD_MPROTECT;
	for (unsigned i = 0; i < SIZE_CLASSES; i++)
		depots[i].stack_bytes = (size_t)1 << (SIZE_SHIFT_MIN + i);
	pthread_atfork(lock_for_fork, unlock_after_fork, unlock_after_fork);
}

void rota__stack_guard_choose(enum rota__stack_guard guard)
{
	guard_kind = guard;
}

/* ---- slabs ---- */

static void slab_make_known(struct rota__stack_slab *slab, size_t stack_bytes)
{
	unsigned i;

	for (i = 0; i < SLABS_KNOWN_MAX && known[i].begin != 0; i++)
		;
	slab->known = i;
	if (i == SLABS_KNOWN_MAX)
		return; /* works all the same, only unnamed in reports */
	store_relaxed(&known[i].end, (uintptr_t)slab->slots + slab->count * stack_bytes);
	store_relaxed(&known[i].shift, (unsigned)__builtin_ctzl(stack_bytes));
	store_release(&known[i].begin, (uintptr_t)slab->slots); /* acquired in stack_of() */
	if (i >= known_end)
		store_release(&known_end, i + 1); /* acquired in stack_of() */
}

static size_t slab_head_bytes(unsigned words)
{
	size_t bytes = sizeof(struct rota__stack_slab) + 2 * words * sizeof(uint64_t);

	return (bytes + page_bytes - 1) & ~(page_bytes - 1);
}

static struct rota__stack_slab *slab_map(struct rota__stack_depot *depot, unsigned count)
{
	unsigned words = (count + 63) / 64;
	size_t head_bytes = slab_head_bytes(words);
	size_t bytes = head_bytes + count * depot->stack_bytes;
	struct rota__stack_slab *slab = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (slab == MAP_FAILED)
		return NULL;
	madvise(slab, bytes, MADV_NOHUGEPAGE);
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, slab, bytes, "rota stacks");
	slab->depot = depot;
	slab->mapped_bytes = bytes;
	slab->slots = (char *)slab + head_bytes;
	slab->count = slab->cold_count = count;
	slab->words = words;
	for (unsigned i = 0; i < count; i++)
		slab->bits[i / 64] |= (uint64_t)1 << i % 64;
	return slab;
}

/* Double what there is; where the system does not grant that much, be content with less. */
static struct rota__stack_slab *slab_new(struct rota__stack_depot *depot)
{
	size_t count = depot->slot_count < SLAB_STACKS_MIN ? SLAB_STACKS_MIN : depot->slot_count;
	struct rota__stack_slab *slab = NULL;

	if (count > SLAB_STACKS_MAX)
		count = SLAB_STACKS_MAX;
	if (count > SLAB_BYTES_MAX / depot->stack_bytes)
		count = SLAB_BYTES_MAX / depot->stack_bytes;
	while (count > 0 && (slab = slab_map(depot, (unsigned)count)) == NULL)
		count /= 2;
	if (slab == NULL)
		return NULL;
	slab_make_known(slab, depot->stack_bytes);
	slab->next = depot->slabs;
	depot->slabs = slab;
	depot->slab_count++;
	depot->slot_count += count;
	depot->cold_count += count;
	return slab;
}

static void slab_unlink(struct rota__stack_slab *slab)
{
	struct rota__stack_depot *depot = slab->depot;
	struct rota__stack_slab **at = &depot->slabs;
	size_t guarded = 0;

	while (*at != slab)
		at = &(*at)->next;
	*at = slab->next;
	depot->slab_count--;
	depot->slot_count -= slab->count;
	depot->cold_count -= slab->count;
	if (slab->known < SLABS_KNOWN_MAX)
		store_release(&known[slab->known].begin, 0);
	if (guard_kind == STACK_GUARD_MPROTECT)
		for (unsigned w = 0; w < slab->words; w++)
			guarded += (size_t)__builtin_popcountll(slab->bits[slab->words + w]);
	add_relaxed(&mprotect_guards, -guarded);
}

static void slab_cool(struct rota__stack_slab *slab, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		slab->bits[i / 64] |= (uint64_t)1 << i % 64;
	slab->cold_count += count;
	slab->depot->cold_count += count;
}

/* ---- cold slots: claim a run, make its guards, hand out one by one ---- */

static bool guard_make(void *page)
{
	switch (guard_kind) {
	case STACK_GUARD_MADVISE:
		return madvise(page, page_bytes, MADV_GUARD_INSTALL) == 0;
	case STACK_GUARD_MPROTECT:
		if (add_relaxed(&mprotect_guards, 1) < mprotect_guards_max &&
			mprotect(page, page_bytes, PROT_NONE) == 0)
			return true;
		add_relaxed(&mprotect_guards, -1);
		return false;
	default:
		return false;
	}
}

/* Make the guards that `need` has bits for, in the 64 slots of word `w`; the lock is not held. */
static void guards_make(struct rota__stack_slab *slab, unsigned w, uint64_t need)
{
	uint64_t missing = 0, *guarded = &slab->bits[slab->words + w];

	for (uint64_t left = need; left != 0; left &= left - 1) {
		unsigned i = w * 64 + (unsigned)__builtin_ctzll(left);

		if (!guard_make(slab->slots + i * slab->depot->stack_bytes))
			missing |= left & -left;
	}
	if (missing == 0)
		return;
	pthread_mutex_lock(&lock);
	store_relaxed(guarded, *guarded & ~missing);
	pthread_mutex_unlock(&lock);
}

/* The lowest run of cold slots in the first word that has any, at most `max` long, as a mask. */
static uint64_t cold_run(struct rota__stack_slab *slab, unsigned max, unsigned *ret_word)
{
	unsigned w = 0, first, length;
	uint64_t cold;

	while (slab->bits[w] == 0)
		w++;
	cold = slab->bits[w];
	first = (unsigned)__builtin_ctzll(cold);
	cold = ~(cold >> first);
	length = cold == 0 ? 64 : (unsigned)__builtin_ctzll(cold);
	if (length > max)
		length = max;
	*ret_word = w;
	return (((uint64_t)1 << length) - 1) << first;
}

static bool run_claim(struct rota__stack_pool *pool)
{
	struct rota__stack_depot *depot = pool->depot;
	struct rota__stack_slab *slab;
	unsigned w, count;
	uint64_t run, need, *guarded;

	pthread_mutex_lock(&lock);
	for (slab = depot->slabs; slab != NULL && slab->cold_count == 0; slab = slab->next)
		;
	if (slab == NULL && (slab = slab_new(depot)) == NULL) {
		pthread_mutex_unlock(&lock);
		return false;
	}
	run = cold_run(slab, pool->run_claim, &w);
	count = (unsigned)__builtin_popcountll(run);
	slab->bits[w] &= ~run;
	slab->cold_count -= count;
	depot->cold_count -= count;
	guarded = &slab->bits[slab->words + w];
	need = run & ~*guarded;
	store_relaxed(guarded, *guarded | need);
	pthread_mutex_unlock(&lock);

	guards_make(slab, w, need);
	pool->run_slab = slab;
	pool->run_next = w * 64 + (unsigned)__builtin_ctzll(run);
	pool->run_end = pool->run_next + count;
	if (pool->run_claim < RUN_MAX)
		pool->run_claim *= 2;
	return true;
}

static void run_return(struct rota__stack_pool *pool)
{
	pool->run_claim = 1;
	if (pool->run_next == pool->run_end)
		return;
	pthread_mutex_lock(&lock);
	slab_cool(pool->run_slab, pool->run_next, pool->run_end - pool->run_next);
	pthread_mutex_unlock(&lock);
	pool->run_next = pool->run_end;
}

static size_t struct_offset(unsigned slot, size_t stack_bytes)
{
	return stack_bytes - sizeof(struct rota__stack) - slot % COLOURS * COLOUR_BYTES;
}

/* The first byte of the stack that is touched, apart from its guard. */
static struct rota__stack *stack_warm_up(struct rota__stack_slab *slab, unsigned slot)
{
	size_t bytes = slab->depot->stack_bytes;
	char *low = slab->slots + slot * bytes;
	struct rota__stack *stack = (struct rota__stack *)(low + struct_offset(slot, bytes));
	uint64_t guarded = load_relaxed(&slab->bits[slab->words + slot / 64]);

	*stack = (struct rota__stack){
		.base = low + page_bytes,
		.top = stack,
		.bytes = bytes,
		.valgrind_id = valgrind_stack_register(low + page_bytes, stack),
		.gapped = (guarded >> slot % 64 & 1) == 0,
	};
	return stack;
}

/* ---- the depot: warm magazines, and the way back to cold ---- */

static void depot_give(
	struct rota__stack_depot *depot, struct rota__stack *magazine, unsigned count)
{
	if (count == 0)
		return;
	magazine->batch_count = (uint16_t)count;
	pthread_mutex_lock(&lock);
	magazine->batch = depot->warm;
	store_relaxed(&depot->warm, magazine);
	pthread_mutex_unlock(&lock);
}

static struct rota__stack *depot_take(struct rota__stack_depot *depot)
{
	struct rota__stack *magazine;

	if (load_relaxed(&depot->warm) == NULL) /* a glance; what counts is looked at below */
		return NULL;
	pthread_mutex_lock(&lock);
	magazine = depot->warm;
	if (magazine != NULL)
		store_relaxed(&depot->warm, magazine->batch);
	pthread_mutex_unlock(&lock);
	return magazine;
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)(*(struct rota__stack *const *)a)->base;
	uintptr_t y = (uintptr_t)(*(struct rota__stack *const *)b)->base;

	return (x > y) - (x < y);
}

static struct rota__stack_slab *slab_of(struct rota__stack_depot *depot, char *slot)
{
	struct rota__stack_slab *slab = depot->slabs;

	while (slot < slab->slots || slot >= slab->slots + slab->count * depot->stack_bytes)
		slab = slab->next;
	return slab;
}

/* Take the pages of the `count` neighbours from `slot` on; a slab that is left all cold goes. */
static void cool_range(struct rota__stack_depot *depot, char *slot, unsigned count)
{
	struct rota__stack_slab *slab;
	bool all_cold;

	madvise(slot, count * depot->stack_bytes, MADV_DONTNEED);
	pthread_mutex_lock(&lock);
	slab = slab_of(depot, slot);
	slab_cool(slab, (unsigned)((size_t)(slot - slab->slots) / depot->stack_bytes), count);
	all_cold = slab->cold_count == slab->count;
	if (all_cold)
		slab_unlink(slab);
	pthread_mutex_unlock(&lock);
	if (all_cold)
		munmap(slab, slab->mapped_bytes);
}

static void cool_magazine(struct rota__stack_depot *depot, struct rota__stack *magazine)
{
	struct rota__stack *all[STACK_MAGAZINE];
	unsigned n = 0, run;
	char *slots[STACK_MAGAZINE];

	for (struct rota__stack *s = magazine; s != NULL; s = s->next)
		all[n++] = s;
	qsort(all, n, sizeof *all, by_address);
	for (unsigned i = 0; i < n; i++) {
		slots[i] = (char *)all[i]->base - page_bytes;
		rota__sanitized_cold(all[i]);
		valgrind_stack_deregister(all[i]->valgrind_id);
	}
	for (unsigned i = 0; i < n; i += run) {
		run = 1;
		while (i + run < n && slots[i + run] == slots[i] + run * depot->stack_bytes)
			run++;
		cool_range(depot, slots[i], run);
	}
}

/* Take what comes after the first `keep` stacks of a list. */
static struct rota__stack *cut(struct rota__stack **list, size_t keep)
{
	struct rota__stack *rest;

	for (; keep > 0 && *list != NULL; keep--)
		list = &(*list)->next;
	rest = *list;
	*list = NULL;
	return rest;
}

static void depot_trim(struct rota__stack_depot *depot, size_t keep)
{
	struct rota__stack **at = &depot->warm, *rest, *next;

	pthread_mutex_lock(&lock);
	while (*at != NULL && (*at)->batch_count <= keep) {
		keep -= (*at)->batch_count;
		at = &(*at)->batch;
	}
	rest = *at;
	if (rest != NULL && keep > 0) { /* cut this one in two */
		struct rota__stack *kept = rest;

		rest = cut(&kept, keep);
		rest->batch = kept->batch;
		rest->batch_count = (uint16_t)(kept->batch_count - keep);
		kept->batch_count = (uint16_t)keep;
		at = &kept->batch;
	}
	store_relaxed(at, NULL);
	pthread_mutex_unlock(&lock);

	for (; rest != NULL; rest = next) {
		next = rest->batch;
		cool_magazine(depot, rest);
	}
}

/* ---- pools ---- */

static struct rota__stack_depot *depot_for(size_t stack_bytes)
{
	struct rota__stack_depot *depot = depots;

	if (stack_bytes == 0)
		stack_bytes = STACK_BYTES_DEFAULT;
	if (stack_bytes < 2 * page_bytes)
		stack_bytes = 2 * page_bytes;
	while (depot->stack_bytes < stack_bytes && depot < depots + SIZE_CLASSES - 1)
		depot++;
	return depot;
}

void rota__stack_pool_init(struct rota__stack_pool *pool, size_t stack_bytes)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_up_once);
	*pool = (struct rota__stack_pool){ .depot = depot_for(stack_bytes), .run_claim = 1 };
	pthread_mutex_lock(&lock);
	pool->depot->pools++;
	pthread_mutex_unlock(&lock);
}

static void give_beyond(struct rota__stack_pool *pool, size_t keep)
{
	struct rota__stack *rest;

	if (pool->spare != NULL)
		depot_give(pool->depot, pool->spare, STACK_MAGAZINE);
	pool->spare = NULL;
	if (pool->free_count <= keep)
		return;
	rest = cut(&pool->free, keep);
	depot_give(pool->depot, rest, pool->free_count - (unsigned)keep);
	pool->free_count = (unsigned)keep;
}

void rota__stack_pool_trim(struct rota__stack_pool *pool, size_t keep)
{
	run_return(pool);
	give_beyond(pool, keep);
	depot_trim(pool->depot, keep - pool->free_count);
}

void rota__stack_pool_fini(struct rota__stack_pool *pool)
{
	bool last;

	run_return(pool);
	give_beyond(pool, 0);
	pthread_mutex_lock(&lock);
	last = --pool->depot->pools == 0;
	pthread_mutex_unlock(&lock);
	if (last)
		depot_trim(pool->depot, 0);
}

struct rota__stack *rota__stack_get_slow(struct rota__stack_pool *pool)
{
	struct rota__stack *magazine = pool->spare;

	pool->spare = NULL;
	if (magazine != NULL)
		magazine->batch_count = STACK_MAGAZINE;
	else
		magazine = depot_take(pool->depot);
	if (magazine != NULL) {
		pool->free = magazine->next;
		pool->free_count = magazine->batch_count - 1u;
		return magazine;
	}
	if (pool->run_next == pool->run_end && !run_claim(pool))
		return NULL;
	return stack_warm_up(pool->run_slab, pool->run_next++);
}

void rota__stack_put_slow(struct rota__stack_pool *pool)
{
	if (pool->spare != NULL)
		depot_give(pool->depot, pool->spare, STACK_MAGAZINE);
	pool->spare = pool->free;
	pool->free = NULL;
	pool->free_count = 0;
}

struct rota__stack_count rota__stack_pool_count(const struct rota__stack_pool *pool)
{
	struct rota__stack_depot *depot = pool->depot;
	struct rota__stack_count count;

	pthread_mutex_lock(&lock);
	count = (struct rota__stack_count){
		.slabs = depot->slab_count,
		.mapped = depot->slot_count,
		.cold = depot->cold_count,
	};
	pthread_mutex_unlock(&lock);
	return count;
}

/* ---- looking at stacks ---- */

struct rota__stack *rota__stack_of(const void *address)
{
	uintptr_t at = (uintptr_t)address;

	for (unsigned i = 0, end = load_acquire(&known_end); i < end; i++) {
		uintptr_t begin = load_acquire(&known[i].begin);
		unsigned shift = load_relaxed(&known[i].shift);
		struct rota__stack *stack;
		size_t slot;

		if (begin == 0 || at < begin || at >= load_relaxed(&known[i].end))
			continue;
		slot = (at - begin) >> shift;
		stack = (struct rota__stack *)(begin + (slot << shift) +
					       struct_offset((unsigned)slot, (size_t)1 << shift));
		return stack->top == stack ? stack : NULL; /* zero while cold */
	}
	return NULL;
}

/* The lowest page at or above `page` that is in memory; `end` if none. */
static char *resident_page(char *page, char *end)
{
	unsigned char resident[256];

	while (page < end) {
		size_t n = ((size_t)(end - page) + page_bytes - 1) / page_bytes;

		if (n > sizeof resident)
			n = sizeof resident;
		if (mincore(page, n * page_bytes, resident) < 0)
			return end;
		for (size_t i = 0; i < n; i++)
			if (resident[i] & 1)
				return page + i * page_bytes;
		page += n * page_bytes;
	}
	return end;
}

/* Reads what may be another thread's or a dead frame: not for the instrumented eye. */
#if defined(__clang__)
#define UNINSTRUMENTED __attribute__((noinline, no_sanitize("address", "thread")))
#else
#define UNINSTRUMENTED __attribute__((noinline, no_sanitize("address"), no_sanitize("thread")))
#endif

static UNINSTRUMENTED const char *first_not_zero(const char *from, const char *end)
{
	const volatile uint64_t *word = (const volatile uint64_t *)from;

	valgrind_look_away();
	while ((const char *)word < end && *word == 0)
		word++;
	valgrind_look_again();
	return (const char *)word;
}

size_t rota__stack_used(const struct rota__stack *stack)
{
	char *page = stack->base, *top = stack->top;

	while ((page = resident_page(page, top)) < top) {
		char *end = page + page_bytes < top ? page + page_bytes : top;
		const char *touched = first_not_zero(page, end);

		if (touched < end)
			return (size_t)(top - touched);
		page = end;
	}
	return 0;
}

void rota__stack_check_gap(struct rota__stack *stack)
{
	const char *base = stack->base;

	if (first_not_zero(base - GAP_BYTES, base) != base)
		rota__overflow_found(stack);
}
