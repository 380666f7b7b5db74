/* loop.h - a test with a loop of its own: what is open at its end is closed, and nothing may stay
 *
 *	LOOP_TEST(a_sentence) { ... loop ... }        the loop runs when the test says run(loop)
 *
 * Handles that are left open outlive the body, and so are static (each test has a process of its own). */
#ifndef TESTS_IO_LOOP_H
#define TESTS_IO_LOOP_H

#include <rota.h>
#include <string.h>

#include "harness/test.h"

static inline void run(struct rota_loop *loop)
{
	CHECK_EQ(rota_loop_run(loop, ROTA_RUN_DEFAULT), 0);
}

static inline void close_handle(struct rota_handle *handle, void *arg)
{
	rota_handle_close(handle, NULL);
}

static inline void with_loop(void (*body)(struct rota_loop *loop))
{
	struct rota_loop *loop;

	int rc = rota_loop_new(&loop, NULL);

	if (rc == -ENOSYS || rc == -EPERM)
		SKIP("this kernel refuses the poller");
	CHECK_EQ(rc, 0);
	body(loop);
	rota_loop_each_handle(loop, close_handle, NULL);
	run(loop);
	CHECK_EQ(rota_loop_free(loop), 0);
}

#define LOOP_TEST(name)                                                                                                \
	static void body_of_##name(struct rota_loop *loop);                                                            \
	TEST(name)                                                                                                     \
	{                                                                                                              \
		with_loop(body_of_##name);                                                                             \
	}                                                                                                              \
	static void body_of_##name(struct rota_loop *loop)

#endif
