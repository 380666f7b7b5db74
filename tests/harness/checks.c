/* checks.c - the harness lets good tests pass; verdicts.py shows that it stops bad ones */
#include "harness/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(true_checks_pass)
{
	char copy[] = "same";

	CHECK(1 + 1 == 2);
	CHECK_EQ(-22, -22L);
	CHECK_EQ(4294967295u, 4294967295ll);
	CHECK_STR("same", copy);
	CHECK_STR(NULL, NULL);
}

TEST(a_test_may_print_on_stdout_without_harm_to_tap)
{
	puts("not ok 1 - this line must not reach TAP");
}

TEST(a_test_may_change_its_process)
{
	CHECK_EQ(setenv("ROTA_TEST_LEFT_THIS", "1", 1), 0);
	CHECK_EQ(chdir("/"), 0);
}

TEST(the_next_test_does_not_see_it)
{
	CHECK(!getenv("ROTA_TEST_LEFT_THIS"));
}

static void abort_loudly(void *word)
{
	fprintf(stderr, "about to abort: %s\n", (char *)word);
	abort();
}

TEST(run_child_reports_the_signal_and_what_was_said)
{
	char word[] = "now", err[4096];
	int status = test_run_child(abort_loudly, word, err, sizeof err);

	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGABRT);
	CHECK(strstr(err, "about to abort: now\n"));
}

static void do_nothing(void *unused)
{
}

TEST(run_child_reports_a_good_end)
{
	char err[16] = "untouched";

	CHECK_EQ(test_run_child(do_nothing, NULL, err, sizeof err), 0);
	CHECK_STR(err, "");
	CHECK_EQ(test_run_child(do_nothing, NULL, NULL, 0), 0);
}

static void say_much(void *unused)
{
	for (int i = 0; i < 100000; i++)
		fputs("0123456789", stderr);
}

TEST(run_child_keeps_what_fits_and_lets_the_rest_go)
{
	char err[8];

	CHECK_EQ(test_run_child(say_much, NULL, err, sizeof err), 0);
	CHECK_STR(err, "0123456");
}

static void *check_in_thread(void *unused)
{
	CHECK(pthread_self());
	return NULL;
}

TEST(checks_work_in_threads)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, check_in_thread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}
