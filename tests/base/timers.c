/* timers.c - the wheel and the heap against the plainest model there is: a table that is searched */
#include <stdlib.h>
#include <string.h>

#include "base/timers.h"
#include "harness/test.h"

enum { TIMERS = 300 };

static struct rota__timers store;
static struct rota__timer timers[TIMERS];

/* The model: armed ones by (deadline, order of arming). */
static struct {
	bool armed;
	uint64_t deadline_ns, order;
} model[TIMERS];
static uint64_t next_order;

static uint64_t random_state = 88172645463325252u;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int model_earliest(void)
{
	int best = -1;

	for (int i = 0; i < TIMERS; i++)
		if (model[i].armed &&
			(best < 0 || model[i].deadline_ns < model[best].deadline_ns ||
				(model[i].deadline_ns == model[best].deadline_ns &&
					model[i].order < model[best].order)))
			best = i;
	return best;
}

static void arm(int i, uint64_t deadline_ns)
{
	timers_arm(&store, &timers[i], deadline_ns);
	model[i].armed = true;
	model[i].deadline_ns = deadline_ns;
	model[i].order = next_order++;
}

static void cancel(int i)
{
	timers_cancel(&store, &timers[i]);
	model[i].armed = false;
}

/* Pop all that is due and compare each with the model's choice. */
static void pop_all(uint64_t now_ns)
{
	struct rota__timer *t;
	int expected;

	while ((t = rota__timers_pop_due(&store, now_ns)) != NULL) {
		expected = model_earliest();
		CHECK(expected >= 0);
		CHECK_EQ(t - timers, expected);
		CHECK(t->deadline_ns <= now_ns);
		CHECK(!timers_armed(t));
		model[expected].armed = false;
	}
	expected = model_earliest();
	CHECK(expected < 0 || model[expected].deadline_ns > now_ns);
}

static void check_next(void)
{
	int earliest = model_earliest();

	if (earliest < 0)
		CHECK(rota__timers_next_ns(&store) == UINT64_MAX);
	else
		CHECK(rota__timers_next_ns(&store) <= model[earliest].deadline_ns);
}

static bool seen[TIMERS];

static void see(struct rota__timer *timer, void *arg)
{
	CHECK(arg == seen && !seen[timer - timers]);
	seen[timer - timers] = true;
}

/* All that are armed are visited, once, and stay in their order, as what is popped afterwards shows. */
static void check_each(void)
{
	memset(seen, 0, sizeof seen);
	rota__timers_each(&store, see, seen);
	for (int i = 0; i < TIMERS; i++)
		CHECK_EQ(seen[i], model[i].armed);
}

/* A deadline at any distance, often shared with others, sometimes past or at the end of time. */
static uint64_t random_deadline(uint64_t now_ns)
{
	uint64_t spread = random64() >> (random64() % 64);

	switch (random64() % 8) {
	case 0:
		return now_ns > spread ? now_ns - spread : 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return (now_ns & ~UINT64_C(0xfffff)) + (random64() % 4 << 16); /* few values, slot edges */
	default:
		return now_ns > UINT64_MAX - spread ? UINT64_MAX : now_ns + spread;
	}
}

static void random_run(uint64_t seed, int steps)
{
	uint64_t now = seed * 1000003;

	random_state ^= seed * UINT64_C(0x9e3779b97f4a7c15);
	memset(timers, 0, sizeof timers);
	memset(model, 0, sizeof model);
	rota__timers_init(&store, now);
	for (int step = 0; step < steps; step++) {
		int i = (int)(random64() % TIMERS);

		if (random64() % 16 == 0) {
			uint64_t jump = random64() >> (random64() % 60 + 4);

			now = now > UINT64_MAX - jump ? now : now + jump;
			pop_all(now);
		} else if (model[i].armed) {
			cancel(i);
			CHECK(!timers_armed(&timers[i]));
		} else {
			arm(i, random_deadline(now));
			CHECK(timers_armed(&timers[i]));
		}
		if (step % 8 == 0)
			check_next();
		if (step % 64 == 0)
			check_each();
	}
	pop_all(UINT64_MAX);
	CHECK(rota__timers_next_ns(&store) == UINT64_MAX);
}

TEST(random_operations_agree_with_a_plain_table)
{
	for (uint64_t seed = 1; seed <= 60; seed++)
		random_run(seed, 20000);
}

/* The same, while each that is popped may arm and cancel others, which is for the next phase if it is armed. */
static void pop_phase(uint64_t now_ns)
{
	bool waits[TIMERS] = { false };
	struct rota__timer *t;

	rota__timers_phase_begin(&store);
	while ((t = rota__timers_pop_due(&store, now_ns)) != NULL) {
		int expected = -1;

		for (int i = 0; i < TIMERS; i++)
			if (model[i].armed && !waits[i] && (expected < 0 || model[i].deadline_ns < model[expected].deadline_ns ||
				(model[i].deadline_ns == model[expected].deadline_ns && model[i].order < model[expected].order)))
				expected = i;
		CHECK_EQ(t - timers, expected);
		model[expected].armed = false;
		for (int k = 0; k < 3; k++) {
			int i = (int)(random64() % TIMERS);

			if (model[i].armed)
				cancel(i);
			arm(i, random_deadline(now_ns));
			waits[i] = true;
		}
		check_next();
	}
	rota__timers_phase_end(&store);
	for (int i = 0; i < TIMERS; i++)
		CHECK(!model[i].armed || waits[i] || model[i].deadline_ns > now_ns);
}

TEST(what_is_armed_while_others_are_due_is_due_in_the_next_phase_in_its_order)
{
	uint64_t now = 1000;

	rota__timers_init(&store, now);
	for (int round = 0; round < 2000; round++) {
		int i = (int)(random64() % TIMERS);

		if (!model[i].armed)
			arm(i, random_deadline(now));
		now += random64() >> (random64() % 40 + 20);
		pop_phase(now);
		check_next();
	}
	pop_all(UINT64_MAX);
	CHECK(rota__timers_next_ns(&store) == UINT64_MAX);
}

TEST(equal_deadlines_fire_in_arming_order_across_levels)
{
	uint64_t when = UINT64_C(1) << 40;

	rota__timers_init(&store, 0);
	/* Armed from far, from nearer and from very near: on different levels of the wheel. */
	for (int i = 0; i < 30; i++) {
		arm(i, when);
		pop_all(when - (when >> (i + 1)));
	}
	pop_all(when);
	CHECK_EQ(model_earliest(), -1);
}

TEST(the_next_deadline_is_exact_when_nothing_was_cancelled)
{
	rota__timers_init(&store, 1000);
	arm(0, UINT64_C(5000000000));
	arm(1, UINT64_C(7000000000));
	CHECK_EQ(rota__timers_next_ns(&store), 5000000000);
	arm(2, 1500);
	CHECK_EQ(rota__timers_next_ns(&store), 1500);
	pop_all(1500);
	CHECK_EQ(rota__timers_next_ns(&store), 5000000000);
}

TEST(a_deadline_in_the_past_is_due_at_once_and_zero_too)
{
	rota__timers_init(&store, 1u << 30);
	arm(0, 77);
	arm(1, 0);
	CHECK_EQ(rota__timers_pop_due(&store, 1u << 30) - timers, 1);
	CHECK_EQ(rota__timers_pop_due(&store, 1u << 30) - timers, 0);
	CHECK(rota__timers_pop_due(&store, 1u << 30) == NULL);
}

TEST(cancelling_what_is_not_armed_does_nothing)
{
	struct rota__timer timer = { 0 };

	rota__timers_init(&store, 5);
	timers_cancel(&store, &timer);
	timers_arm(&store, &timer, 10);
	timers_cancel(&store, &timer);
	timers_cancel(&store, &timer);
	CHECK(rota__timers_pop_due(&store, 100) == NULL);
}

TEST(a_million_timers_fire_in_order)
{
	enum { MANY = 1000000 };
	struct rota__timer *many = calloc(MANY, sizeof *many), *t;
	uint64_t last = 0;
	size_t fired = 0;

	CHECK(many != NULL);
	rota__timers_init(&store, 0);
	for (size_t i = 0; i < MANY; i++)
		timers_arm(&store, &many[i], random64() % 1000000000);
	while ((t = rota__timers_pop_due(&store, 1000000000)) != NULL) {
		CHECK(t->deadline_ns >= last);
		last = t->deadline_ns;
		fired++;
	}
	CHECK_EQ(fired, MANY);
	free(many);
}
