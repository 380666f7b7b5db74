/* run.h - run a test's body as the first task of a run */
#ifndef ROTA_TESTS_TASK_RUN_H
#define ROTA_TESTS_TASK_RUN_H

#include <rota.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/test.h"

/* TASK_TEST(name) { ... }: the body runs inside rota_run(). */
#define TASK_TEST(name)                                                                            \
	static void name##_body(void);                                                             \
	static int name##_app(void *arg)                                                           \
	{                                                                                          \
		name##_body();                                                                     \
		return 0;                                                                          \
	}                                                                                          \
	TEST(name)                                                                                 \
	{                                                                                          \
		CHECK_EQ(rota_run(name##_app, NULL, NULL), 0);                                     \
	}                                                                                          \
	static void name##_body(void)

#endif
