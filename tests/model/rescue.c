/* rescue.c - a loop is taken from its thread, and never while the thread is inside: every interleaving of small cases
 *
 * The code under test is loop/inside.h itself, compiled with the model's atomics.  The explorer walks over sequentially consistent
 * runs: that the fence in all threads makes the marks behave so is membarrier(2)'s part, and ThreadSanitizer checks
 * what is handed over.  `holder` stands for the loop: who touches it must have it, and nobody else meanwhile. */
#include <stdio.h>
#include <string.h>

#include "explore.h"
#include "harness/test.h"

static struct rota__marks *marks_of_this_thread(void);
#define rota__marks_here (*marks_of_this_thread())
#undef ROTA_CHECK_INSIDE
#include "loop/inside.h"

enum holder { DRIVER, RESCUER };

static struct rota__marks marks;
static enum holder holder;
static enum rota__lost rest;
static int touching, rounds, attempts;
static bool gone;

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
	gone = false;
}

static void come_back(void)
{
	gone = marks_wanted(&marks) && marks_lost(&marks);
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

/* The watchdog, and who goes on with the loop. */
static void rescue(void)
{
	for (int i = 0; i < attempts && holder == DRIVER; i++) {
		if (!marks_ask(&marks))
			continue;
		if (marks_outside(&marks) && marks_take(&marks)) {
			holder = RESCUER;
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
