/* explore.c - run a few threads in every order there is (explore.h) */
#include <stdlib.h>

#include "base/sanitizers.h"
#include "coro/context.h"
#include "explore.h"
#include "harness/test.h"

enum { THREADS_MAX = 4, DEPTH_MAX = 512, STACK = 64 * 1024 };

struct thread {
	void *sp;
	void (*body)(void);
	bool (*waits_for)(void);
	bool ended;
	char stack[STACK];
};

static struct thread threads[THREADS_MAX];
static int thread_count, running;
static void *scheduler_sp;
static int interruptions, bound; /* of this run so far; 0 = no bound */
static const char *failure;

/* The decisions of this run: which of the threads that could go on did. */
static struct {
	uint8_t choice, options;
} path[DEPTH_MAX];
static int depth, known;

void explore_point(void)
{
	rota__switch(&threads[running].sp, scheduler_sp, NULL);
}

void explore_wait(bool (*ready)(void))
{
	threads[running].waits_for = ready;
	explore_point();
}

void explore_check(bool holds, const char *what)
{
	if (!holds && failure == NULL)
		failure = what;
}

static void thread_main(void *unused)
{
	(void)unused;
	threads[running].body();
	threads[running].ended = true;
	explore_point();
	abort(); /* who has ended does not go on */
}

static bool can_go_on(const struct thread *t)
{
	return !t->ended && (t->waits_for == NULL || t->waits_for());
}

/* Who goes on, the running thread first if it can; -1: nobody can. */
static int pick(void)
{
	int able[THREADS_MAX], count = 0, choice;
	bool can_stay = running >= 0 && can_go_on(&threads[running]);

	if (can_stay)
		able[count++] = running;
	for (int i = 0; i < thread_count && !(can_stay && bound > 0 && interruptions == bound); i++)
		if (i != running && can_go_on(&threads[i]))
			able[count++] = i;
	if (count <= 1)
		return count == 0 ? -1 : able[0]; /* no decision */
	CHECK(depth < DEPTH_MAX);
	if (depth == known) {
		path[depth].choice = 0;
		known++;
	}
	path[depth].options = (uint8_t)count;
	choice = path[depth++].choice;
	interruptions += can_stay && choice > 0;
	return able[choice];
}

static void run_once(void (*const bodies[])(void))
{
	for (int i = 0; i < thread_count; i++) {
		struct thread *t = &threads[i];

		t->body = bodies[i];
		t->waits_for = NULL;
		t->ended = false;
		t->sp = rota__context_make(t->stack + STACK, thread_main);
	}
	depth = interruptions = 0;
	running = -1;
	while (failure == NULL && (running = pick()) >= 0) {
		threads[running].waits_for = NULL;
		rota__switch(&scheduler_sp, threads[running].sp, NULL);
	}
	for (int i = 0; i < thread_count; i++)
		explore_check(threads[i].ended, "a thread waits for ever");
}

/* Change the last decision that has an untried alternative. */
static bool next_path(void)
{
	while (known > 0) {
		if (++path[known - 1].choice < path[known - 1].options)
			return true;
		known--;
	}
	return false;
}

struct explore_result explore(void (*reset)(void), void (*const bodies[])(void), int count, int interruptions_max)
{
	struct explore_result result = { 0 };

#if defined(ROTA_ASAN) || defined(ROTA_TSAN)
	SKIP("sanitizers do not know these stacks, and the marks that such builds keep are of a real thread");
#endif
	CHECK(count <= THREADS_MAX);
	thread_count = count;
	bound = interruptions_max;
	known = 0;
	failure = NULL;
	do {
		reset();
		run_once(bodies);
		result.interleavings++;
	} while (failure == NULL && next_path());
	result.failure = failure;
	return result;
}
