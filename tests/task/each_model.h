/* each_model.h - the same program under every model
 *
 * EACH_MODEL(name) { ... }: the body runs as the first task, once under single, group and steal; the last two with
 * four workers. */
#ifndef ROTA_TESTS_TASK_EACH_MODEL_H
#define ROTA_TESTS_TASK_EACH_MODEL_H

#include <rota.h>

#include "harness/test.h"

static inline void run_under(enum rota_model model, rota_fn app)
{
	struct rota_options options = { .model = model, .workers = 4, .blocked_ns = ROTA_FOREVER, .rescue_ns = ROTA_SECONDS(3600) };

	CHECK_EQ(rota_run(app, NULL, &options), 0);
}

#define EACH_MODEL(name)                                                                           \
	static void name##_body(void);                                                             \
	static int name##_app(void *arg)                                                           \
	{                                                                                          \
		name##_body();                                                                     \
		return 0;                                                                          \
	}                                                                                          \
	TEST(name##_under_single)                                                                  \
	{                                                                                          \
		run_under(ROTA_SINGLE, name##_app);                                                \
	}                                                                                          \
	TEST(name##_under_group)                                                                   \
	{                                                                                          \
		run_under(ROTA_GROUP, name##_app);                                                 \
	}                                                                                          \
	TEST(name##_under_steal)                                                                   \
	{                                                                                          \
		run_under(ROTA_STEAL, name##_app);                                                 \
	}                                                                                          \
	static void name##_body(void)

#endif
