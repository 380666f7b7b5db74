/* test.h - how a test is written
 *
 *	TEST(a_name_that_is_a_sentence)
 *	{
 *		CHECK_EQ(rota_frobnicate(3), 9);
 *	}
 *
 * Writing TEST registers it; test.c has main().  Each test runs in a process of its own, so it may
 * crash, exhaust descriptors or change limits without harm to the others.  It passes when it
 * returns with every check true, the descriptors open that were open before, and no process left.
 *
 * A failed check ends the test's process on the spot, without unwinding.  Checks therefore work in
 * a task on its own stack, in any thread, and in a forked child of the test. */
#ifndef HARNESS_TEST_H
#define HARNESS_TEST_H

#include <stdbool.h>
#include <stddef.h>

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *test);

#define TEST(test_name)                                                                            \
	static void test_##test_name(void);                                                        \
	__attribute__((constructor)) static void register_##test_name(void)                        \
	{                                                                                          \
		static struct test test = { .name = #test_name, .run = test_##test_name };         \
		test_register(&test);                                                              \
	}                                                                                          \
	static void test_##test_name(void)

/* `condition` holds. */
#define CHECK(condition)                                                                           \
	((condition) ? (void)0 : test_fail(__FILE__, __LINE__, "CHECK(%s)", #condition))

/* Two integers are the same number; both are printed if not, errors with their meaning. */
#define CHECK_EQ(a, b)                                                                             \
	test_check_eq(__FILE__, __LINE__, #a, #b, (long long)(a), (long long)(b))

/* Two strings have the same bytes, or both are NULL. */
#define CHECK_STR(a, b) test_check_str(__FILE__, __LINE__, #a, #b, (a), (b))

/* This machine cannot run the test: say why and end it. */
#define SKIP(reason) test_skip(reason)

/* How often to do what is repeated to find races: a fifth of `often` under ThreadSanitizer, where to make a task costs half a
 * millisecond.  At least once. */
int test_times(int often);

/* True under qemu-user, which cannot do a few things: start threads in the fork of a process that has
 * threads, for one. */
bool test_in_qemu(void);

/* Run fn(arg) in a forked child, for behaviour that ends the process: what it writes to stderr goes
 * to `err` (up to n - 1 bytes and a zero; NULL with n = 0 lets it pass), and the wait status is the
 * answer.  A child whose fn returns exits with 0.  A check that fails in there fails the test. */
int test_run_child(void (*fn)(void *arg), void *arg, char *err, size_t n);

void test_check_eq(
	const char *file, int line, const char *a_text, const char *b_text, long long a, long long b);
void test_check_str(const char *file, int line, const char *a_text, const char *b_text,
	const char *a, const char *b);
void test_fail(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void test_skip(const char *reason) __attribute__((noreturn));

#endif
