/* rescue.c - a loop is taken from its thread, and never while the thread is inside: every interleaving of small cases
 *
 * The code under test is loop/inside.h itself, compiled with the model's atomics; also with stores that are late, because it is
 * a matter of fences.  What is handed over ThreadSanitizer checks.  `holder` stands for the loop: who touches it must have it, and
 * nobody else meanwhile. */
#include <stdio.h>
#include <string.h>

#include "explore.h"
#include "harness/test.h"

static struct rota__marks *marks_of_this_thread(void);
#define rota__marks_here (*marks_of_this_thread())
#undef ROTA_CHECK_INSIDE
#include "loop/inside.h"

enum holder { DRIVER, RESCUER, SPARE };

static struct rota__marks marks;
static enum holder holder;
static enum rota__lost rest;
static int touching, rounds, attempts;
static bool gone, stray_noted, without_fence;

void (*rota__come_back)(void);

static struct rota__marks *marks_of_this_thread(void)
{
	return &marks;
}

static void touch(enum holder who)
{
	explore_check(holder == who, "it is somebody else's");
	explore_check(touching++ == 0, "two at a time");
	explore_point();
	explore_check(holder == who, "it was taken in the middle");
	touching--;
}

static void reset(void)
{
	marks = (struct rota__marks){ .rest = rest, .lost = rest };
	holder = DRIVER;
	touching = 0;
	gone = stray_noted = false;
}

static bool stray_is_noted(void)
{
	return stray_noted;
}

/* Who has lost its loop goes on as who took it has noted, which may take a moment. */
static void come_back(void)
{
	gone = marks_wanted(&marks) && marks_lost(&marks);
	if (gone)
		explore_wait(stray_is_noted);
}

/* The thread whose loop it is: in the program's code, inside, and so on. */
static void drive(void)
{
	for (int i = 0; i < rounds && !gone; i++) {
		bool before = rota__enter();

		if (!gone) {
			touch(DRIVER);
			rota__leave(&before);
		}
	}
}

/* As in task/rescue.c: membarrier(2), or its own where each thread has one, too. */
static void fence_both(void)
{
	if (rest == LOST_NOT && !without_fence)
		explore_fence_all();
	else
		explore_fence();
}

/* The watchdog, and who goes on with the loop. */
static void rescue(void)
{
	for (int i = 0; i < attempts && holder == DRIVER; i++) {
		if (!marks_ask(&marks))
			continue;
		fence_both();
		if (marks_outside(&marks) && marks_take(&marks)) {
			explore_check(holder == DRIVER, "it was given to somebody else");
			holder = RESCUER;
			explore_point();
			stray_noted = true;
			touch(RESCUER);
			touch(RESCUER);
			return;
		}
		marks_drop(&marks);
	}
}

static void (*const both[])(void) = { drive, rescue };

static void explore_case(int rounds_, int attempts_)
{
	struct explore_result result;

	rota__come_back = come_back;
	rounds = rounds_;
	attempts = attempts_;
	result = explore(reset, both, 2, 0);
	printf("# %llu interleavings\n", (unsigned long long)result.interleavings);
	CHECK_STR(result.failure ? result.failure : "none", "none");
	CHECK(result.interleavings > 10);
	result = explore_late(reset, both, 2, 4);
	printf("# %llu interleavings, with late stores\n", (unsigned long long)result.interleavings);
	CHECK_STR(result.failure ? result.failure : "none", "none");
}

TEST(a_loop_is_never_taken_while_its_thread_is_inside)
{
	rest = LOST_NOT;
	for (int i = 1; i <= 3; i++)
		for (int j = 1; j <= 2; j++)
			explore_case(i, j);
}

TEST(nor_where_every_thread_pays_for_its_own_fences)
{
	rest = LOST_NOT_BUT_FENCE;
	for (int i = 1; i <= 2; i++)
		for (int j = 1; j <= 2; j++)
			explore_case(i, j);
}

TEST(without_the_fence_in_all_threads_it_would_be)
{
	rota__come_back = come_back;
	rest = LOST_NOT;
	without_fence = true;
	rounds = 2;
	attempts = 1;
	CHECK(explore(reset, both, 2, 0).failure == NULL);
	CHECK(explore_late(reset, both, 2, 4).failure != NULL);
}

/* ---- the thread gives it away itself ---- */

static bool (*give)(void);

static bool give_it(void)
{
	return marks_give(&marks);
}

/* As if the thread were its own watchdog. */
static bool ask_and_take(void)
{
	return marks_ask(&marks) && marks_take(&marks);
}

static void drive_and_give(void)
{
	for (int i = 0; i < rounds && !gone; i++) {
		bool before = rota__enter();

		if (gone)
			return;
		touch(DRIVER);
		if (give()) {
			holder = SPARE;
			stray_noted = true;
		} else {
			touch(DRIVER);
		}
		rota__leave(&before);
	}
}

static struct explore_result explore_giving(bool (*how)(void), enum rota__lost rest_, int rounds_, int attempts_)
{
	static void (*const giver_and_rescuer[])(void) = { drive_and_give, rescue };

	rota__come_back = come_back;
	give = how;
	rest = rest_;
	rounds = rounds_;
	attempts = attempts_;
	return explore(reset, giver_and_rescuer, 2, 0);
}

TEST(a_loop_that_its_thread_gives_away_is_not_taken_too)
{
	for (int i = 0; i < 8; i++) {
		struct explore_result result =
			explore_giving(give_it, i & 1 ? LOST_NOT_BUT_FENCE : LOST_NOT, i & 2 ? 2 : 1, i & 4 ? 2 : 1);

		printf("# %llu interleavings\n", (unsigned long long)result.interleavings);
		CHECK_STR(result.failure ? result.failure : "none", "none");
	}
}

TEST(it_would_be_if_the_thread_gave_it_away_by_a_wish_like_the_watchdogs)
{
	CHECK(explore_giving(ask_and_take, LOST_NOT, 2, 1).failure != NULL);
}

/* ---- a look that is left out ---- */

/* The checker sees what goes wrong if nobody looks at `lost` on the way in. */
static void drive_blindly(void)
{
	store_relaxed(&marks.inside, true);
	touch(DRIVER);
	store_relaxed(&marks.inside, false);
}

TEST(without_the_look_on_the_way_in_it_would_be)
{
	static void (*const blind[])(void) = { drive_blindly, rescue };

	attempts = 1;
	CHECK(explore(reset, blind, 2, 0).failure != NULL);
}
