/* gate.c - who passes a gate while it is shut, in every interleaving of small cases
 *
 * The code under test is base/gate.h itself, compiled with the model's atomics.  The owner does what a run does at its end
 * (sched/handle.c): he shuts, waits until nobody is inside, looks at what has come, and gives all back. */

#include "base/gate.h"
#include "harness/test.h"

enum { USERS = 2 };

static uint32_t gate;
static bool freed, hasty;
static int accepted, came, seen;

static void reset(void)
{
	gate = GATE_SHUT;
	freed = false;
	accepted = came = seen = 0;
}

static void use(void)
{
	for (int i = 0; i < 2; i++) {
		if (!gate_enter(&gate))
			continue;
		explore_check(!freed, "somebody is inside after the end");
		explore_point();
		explore_check(!freed, "what is used is given back");
		came++;
		accepted++;
		gate_leave(&gate);
	}
}

/* gate_is_empty(), where to look is no step of its own. */
static bool is_empty(void)
{
	return (gate & ~GATE_SHUT) == 0;
}

static void own(void)
{
	gate_open(&gate);
	explore_point();
	gate_shut(&gate);
	if (!hasty)
		explore_wait(is_empty);
	seen = came;
	freed = true;
}

static void own_and_look(void)
{
	own();
	explore_point();
	explore_check(hasty || accepted == seen, "what was accepted is not seen");
}

static struct explore_result run(int interruptions)
{
	static void (*const bodies[])(void) = { own_and_look, use, use };
	return explore_both(reset, bodies, 1 + USERS, interruptions);
}

TEST(in_every_interleaving_nobody_is_inside_when_it_is_shut_and_empty)
{
	hasty = false;
	CHECK_STR(run(4).failure, NULL);
}

TEST(not_waiting_for_those_inside_is_found_to_be_wrong)
{
	hasty = true;
	CHECK(run(4).failure != NULL);
}
