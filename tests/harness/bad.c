/* bad.c - tests that must not pass, one for each way to fail; verdicts.py runs them */
#include "harness/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static int side_effects;

TEST(a_false_check_fails)
{
	CHECK(1 + 1 == 3);
}

TEST(unequal_numbers_fail)
{
	CHECK_EQ(side_effects++ - 22, 0);
}

TEST(equal_bits_of_unequal_numbers_fail)
{
	CHECK_EQ(-1, UINT32_MAX);
}

TEST(unequal_strings_fail)
{
	CHECK_STR("left", NULL);
}

TEST(a_signal_fails)
{
	raise(SIGSEGV);
}

TEST(an_early_exit_fails)
{
	exit(0);
}

static void exit_with_9(void)
{
	_exit(9);
}

TEST(a_bad_exit_after_the_test_fails)
{
	CHECK_EQ(atexit(exit_with_9), 0);
}

TEST(a_leaked_descriptor_fails)
{
	CHECK(open("/dev/null", O_RDONLY) >= 0);
}

TEST(a_closed_descriptor_fails)
{
	close(STDIN_FILENO);
}

static void *check_false(void *unused)
{
	CHECK(!"in a thread");
	return NULL;
}

TEST(a_false_check_in_a_thread_fails)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, check_false, NULL), 0);
	pthread_join(thread, NULL);
}

static void call_check_false(void *unused)
{
	check_false(NULL);
}

TEST(a_false_check_in_a_child_fails)
{
	test_run_child(call_check_false, NULL, NULL, 0);
}

TEST(a_process_left_behind_fails)
{
	if (fork() == 0)
		for (;;)
			pause();
}

TEST(a_skipped_test_says_why)
{
	SKIP("for want of a nail");
}

TEST(the_last_one_passes)
{
}
