/* explore.c - run a few threads in every order there is (explore.h) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitizers.h"
#include "coro/context.h"
#include "explore.h"
#include "harness/test.h"

enum { DEPTH_MAX = 512, STACK = 64 * 1024, LATE_MAX = 64 };

struct thread {
	void *sp;
	void (*body)(void);
	bool (*waits_for)(void);
	bool ended;
	/* Stores that nobody else has seen, the oldest first. */
	struct late_store {
		void *place;
		size_t bytes;
		char value[8];
	} late[LATE_MAX];
	int late_count;
};

static struct thread threads[EXPLORE_THREADS_MAX];
static char stacks[EXPLORE_THREADS_MAX][STACK];
static int thread_count, running;
static int asked; /* whose waits_for() is being called */
static void *scheduler_sp;
static int interruptions, bound; /* of this run so far; 0 = no bound */
static bool may_be_late;
static const char *failure;

/* The decisions of this run: which of the threads that could go on did. */
static struct {
	uint8_t choice, options;
} path[DEPTH_MAX];
static int depth, known;

static int pick(void);

/* Who has been picked goes on, and who called does when it is picked again; -1: whoever began the run. */
static void go_on(void **ret_sp, int next)
{
	void *sp = next >= 0 ? threads[next].sp : scheduler_sp;
	bool stays = next == running;

	running = asked = next;
	if (next >= 0)
		threads[next].waits_for = NULL;
	if (!stays)
		rota__switch(ret_sp, sp, NULL);
}

void explore_point(void)
{
	go_on(&threads[running].sp, failure == NULL ? pick() : -1);
}

/* ---- store buffers ---- */

static void empty(struct thread *t)
{
	for (int i = 0; i < t->late_count; i++)
		memcpy(t->late[i].place, t->late[i].value, t->late[i].bytes);
	t->late_count = 0;
}

void explore_fence(void)
{
	empty(&threads[running]);
}

void explore_fence_all(void)
{
	for (int i = 0; i < thread_count; i++)
		empty(&threads[i]);
}

/* A thread sees its own stores at once. */
void explore_load(const void *place, void *ret_value, size_t bytes)
{
	const struct thread *t = &threads[running];

	memcpy(ret_value, place, bytes);
	for (int i = 0; i < t->late_count; i++)
		if (t->late[i].place == place && t->late[i].bytes == bytes)
			memcpy(ret_value, t->late[i].value, bytes);
}

static bool decide(void);

void explore_store(void *place, const void *value, size_t bytes)
{
	struct thread *t = &threads[running];
	struct late_store *late = &t->late[t->late_count];

	CHECK(bytes <= sizeof late->value);
	if (t->late_count == 0 && !(may_be_late && decide())) {
		memcpy(place, value, bytes);
		return;
	}
	CHECK(t->late_count < LATE_MAX);
	late->place = place;
	late->bytes = bytes;
	memcpy(late->value, value, bytes);
	t->late_count++;
}

/* Every store is seen some day, but others may go on before. */
static void see_all_in_time(void)
{
	if (threads[running].late_count > 0)
		explore_point();
	explore_fence();
}

void explore_wait(bool (*ready)(void))
{
	see_all_in_time();
	threads[running].waits_for = ready;
	explore_point();
}

int explore_me(void)
{
	return asked;
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
	see_all_in_time();
	threads[running].ended = true;
	explore_point();
	abort(); /* who has ended does not go on */
}

static bool can_go_on(int i)
{
	asked = i;
	return !threads[i].ended && (threads[i].waits_for == NULL || threads[i].waits_for());
}

/* One of so many; the first time in this run, the first. */
static int choose(int options)
{
	CHECK(depth < DEPTH_MAX);
	if (depth == known) {
		path[depth].choice = 0;
		known++;
	}
	path[depth].options = (uint8_t)options;
	return path[depth++].choice;
}

/* Yes or no; a yes counts as an interruption. */
static bool decide(void)
{
	bool yes = !(bound > 0 && interruptions == bound) && choose(2) == 1;

	interruptions += yes;
	return yes;
}

/* Who goes on, the running thread first if it can; -1: nobody can. */
static int pick(void)
{
	int able[EXPLORE_THREADS_MAX], count = 0, choice;
	bool can_stay = running >= 0 && can_go_on(running);

	if (can_stay)
		able[count++] = running;
	if (can_stay && bound > 0 && interruptions == bound)
		return running;
	for (int i = 0; i < thread_count; i++)
		if (i != running && can_go_on(i))
			able[count++] = i;
	if (count <= 1)
		return count == 0 ? -1 : able[0]; /* no decision */
	choice = choose(count);
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
		t->late_count = 0;
		t->sp = rota__context_make(stacks[i] + STACK, thread_main);
	}
	depth = interruptions = 0;
	running = -1;
	go_on(&scheduler_sp, pick());
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

static struct explore_result walk(void (*reset)(void), void (*const bodies[])(void), int count, int interruptions_max)
{
	struct explore_result result = { 0 };

#if defined(ROTA_ASAN) || defined(ROTA_TSAN)
	SKIP("sanitizers do not know these stacks, and the marks that such builds keep are of a real thread");
#endif
	CHECK(count <= EXPLORE_THREADS_MAX);
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

struct explore_result explore(void (*reset)(void), void (*const bodies[])(void), int count, int interruptions_max)
{
	may_be_late = false;
	return walk(reset, bodies, count, interruptions_max);
}

struct explore_result explore_late(void (*reset)(void), void (*const bodies[])(void), int count, int interruptions_max)
{
	may_be_late = true;
	return walk(reset, bodies, count, interruptions_max);
}

struct explore_result explore_both(void (*reset)(void), void (*const bodies[])(void), int count, int interruptions_max)
{
	struct explore_result result = explore(reset, bodies, count, interruptions_max);

	printf("# %llu interleavings\n", (unsigned long long)result.interleavings);
	if (result.failure != NULL)
		return result;
	result = explore_late(reset, bodies, count, interruptions_max > 0 ? interruptions_max : 4);
	printf("# %llu interleavings, with late stores\n", (unsigned long long)result.interleavings);
	return result;
}
