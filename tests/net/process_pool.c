/* process_pool.c - functions in processes of their own, and what they may do to nobody else */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/keeper.h"
#include "task/run.h"

static struct rota_process_pool *pool;

static int reverse(const void *in, size_t in_bytes, void *out, size_t *out_bytes);

static const struct rota_process_function functions[] = { { "backwards", reverse }, { NULL, NULL } };

/* The body runs in a run with a pool of `count` workers. */
#define POOL_TEST(name, count)                                                                     \
	static void name##_body(void);                                                             \
	static int name##_app(void *arg)                                                           \
	{                                                                                          \
		name##_body();                                                                     \
		return 0;                                                                          \
	}                                                                                          \
	TEST(name)                                                                                 \
	{                                                                                          \
		struct rota_process_pool_options options = {                                       \
			.workers = (count), .answer_bytes_max = 100000, .functions = functions     \
		};                                                                                 \
		CHECK_EQ(rota_process_pool_open(&pool, &options), 0);                              \
		CHECK_EQ(rota_run(name##_app, NULL, NULL), 0);                                     \
		rota_process_pool_close(pool);                                                     \
	}                                                                                          \
	static void name##_body(void)

static uint64_t replaced(void)
{
	struct rota_process_pool_stats stats;

	rota_process_pool_stats(pool, &stats);
	CHECK_EQ(stats.idle, stats.workers);
	return stats.replaced;
}

/* ---- what workers do ---- */

static int add(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	const int *numbers = in;

	*out_bytes = 0;
	return numbers[0] + numbers[1];
}

static int reverse(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	for (size_t i = 0; i < in_bytes; i++)
		((char *)out)[i] = ((const char *)in)[in_bytes - 1 - i];
	*out_bytes = in_bytes;
	return 1;
}

static int die(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	return raise(SIGKILL);
}

static int leave(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	_exit(9);
	return 0;
}

static int hang(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	for (;;)
		pause();
	return 0;
}

static int boast(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	*out_bytes += 1;
	return 0;
}

__attribute__((no_sanitize("address"))) static int overwrite(
	const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	volatile char *at = out;

	signal(SIGSEGV, SIG_DFL); /* a sanitizer would make a report of it */
	for (size_t i = 0; i < *out_bytes + 16; i++)
		at[i] = 1;
	return 0;
}

static int rave(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	*out_bytes = 0;
	return send(3, "garbage", 7, 0) == 7 ? 0 : -errno;
}

static int refuse(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	return -EDOM;
}

static int who(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	*out_bytes = 0;
	return getpid();
}

/* The descriptors it has, beyond its own socket. */
static int descriptors(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	*out_bytes = 0;
	return count;
}

static int call(rota_process_fn fn, struct rota_answer *answer)
{
	return rota_process_call(pool, fn, NULL, 0, answer);
}

static void check_alive(void)
{
	struct rota_answer a;
	int numbers[2] = { 3, 4 };

	CHECK_EQ(rota_process_call(pool, add, numbers, sizeof numbers, &a), 7);
	CHECK(a.data == NULL);
}

/* ---- what their callers see ---- */

POOL_TEST(bytes_go_in_and_out_and_the_result_is_the_functions, 1)
{
	struct rota_answer a;

	check_alive();
	CHECK_EQ(rota_process_call(pool, reverse, "abc", 3, &a), 1);
	CHECK_EQ(a.bytes, 3);
	CHECK_EQ(memcmp(a.data, "cba", 3), 0);
	rota_free(a.data);
	CHECK_EQ(call(refuse, &a), -EDOM);
	CHECK(a.data == NULL);
	CHECK_EQ(replaced(), 0);
}

POOL_TEST(long_messages_pass_whole, 2)
{
	enum { SIZE = 100000 };
	char *data = malloc(SIZE);
	struct rota_answer a;

	for (int i = 0; i < SIZE; i++)
		data[i] = (char)(i * 7 + i / 256);
	for (int round = 0; round < 5; round++) {
		CHECK_EQ(rota_process_call(pool, reverse, data, SIZE, &a), 1);
		CHECK_EQ(a.bytes, SIZE);
		for (int i = 0; i < SIZE; i++)
			CHECK(((char *)a.data)[i] == data[SIZE - 1 - i]);
		rota_free(a.data);
	}
	free(data);
}

POOL_TEST(a_crash_is_its_callers_error_and_the_worker_is_replaced, 1)
{
	struct rota_answer a;
	int first = call(who, &a);

	CHECK_EQ(call(die, &a), ROTA_ECRASHED);
	CHECK_EQ(a.how.signal, SIGKILL);
	CHECK_EQ(call(leave, &a), ROTA_ECRASHED);
	CHECK_EQ(a.how.code, 9);
	CHECK_EQ(replaced(), 2);
	check_alive();
	CHECK(call(who, &a) != first);
}

POOL_TEST(a_crash_before_the_input_was_read_is_told_as_well, 1)
{
	enum { SIZE = 4 << 20 }; /* more than the socket takes */
	char *data = calloc(1, SIZE);
	struct rota_answer a;

	kill(call(who, &a), SIGKILL);
	/* Whether the pool has heard of it by now is chance; the call is made, or told of the crash. */
	int rc = rota_process_call(pool, descriptors, data, SIZE, &a);

	CHECK(rc == ROTA_ECRASHED || rc == 4);
	check_alive();
	free(data);
}

POOL_TEST(a_worker_that_died_idle_is_replaced_before_it_is_asked, 1)
{
	struct rota_answer a;

	CHECK_EQ(call(leave, &a), ROTA_ECRASHED);
	check_alive();
}

POOL_TEST(an_answer_that_is_too_long_is_an_error, 1)
{
	struct rota_answer a;

	CHECK_EQ(call(boast, &a), ROTA_ELIMIT);
	CHECK_EQ(replaced(), 0); /* no harm was done */
	CHECK_EQ(call(overwrite, &a), ROTA_ECRASHED);
	CHECK_EQ(a.how.signal, SIGSEGV);
	check_alive();
}

POOL_TEST(garbage_from_a_worker_is_an_error, 1)
{
	struct rota_answer a;

	CHECK_EQ(call(rave, &a), ROTA_EPROTOCOL);
	CHECK_EQ(replaced(), 1);
	check_alive();
}

static int call_hang(void *arg)
{
	struct rota_answer a;

	return call(hang, &a);
}

/* Both the one that was asked and its child come back from here; the child later, or first. */
static int fork_and_return(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	pid_t child = fork();

	*out_bytes = 0;
	if (*(const int *)in == 0)
		return child == 0 ? 8 : 7;
	if (child > 0)
		waitpid(child, NULL, 0);
	return child == 0 ? 8 : 7;
}

POOL_TEST(a_function_that_forks_is_answered_once_and_by_who_was_asked, 1)
{
	struct rota_answer answer;

	for (int later = 0; later < 2; later++)
		for (int i = 0; i < 20; i++) {
			CHECK_EQ(rota_process_call(pool, fork_and_return, &later, sizeof later, &answer), 7);
			CHECK_EQ(rota_process_call(pool, add, (int[]){ 2, i }, 2 * sizeof(int), &answer), 2 + i);
		}
	CHECK_EQ(replaced(), 0);
}

/* As a child that talks on the worker's socket would: an answer that looks right, to no question. */
static int answer_twice(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	struct rota__message m = { .magic = MESSAGE_MAGIC, .kind = MESSAGE_ANSWER, .number = 0, .result = 99 };

	*out_bytes = 0;
	return send(3, &m, sizeof m, 0) == sizeof m ? 1 : -errno;
}

POOL_TEST(an_answer_to_another_call_is_nobodys, 1)
{
	struct rota_answer answer;

	CHECK_EQ(rota_process_call(pool, answer_twice, "", 0, &answer), ROTA_EPROTOCOL);
	CHECK_EQ(rota_process_call(pool, add, (int[]){ 2, 3 }, 2 * sizeof(int), &answer), 5);
	CHECK_EQ(replaced(), 1);
}

/* Its child holds the pipe of that name for ever. */
static int start_one_and_die(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	int begun[2];
	char byte;

	if (pipe(begun) < 0)
		return -errno;
	if (fork() == 0) {
		open(in, O_WRONLY);
		close(begun[1]);
		for (;;)
			pause();
	}
	close(begun[1]);
	while (read(begun[0], &byte, 1) != 0)
		; /* it has not opened it yet */
	return raise(SIGKILL);
}

POOL_TEST(what_a_function_started_goes_with_its_worker, 1)
{
	char folder[] = "/tmp/rota-pool-XXXXXX", path[64], byte;
	struct rota_answer answer;
	int fd;

	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/held", folder);
	CHECK_EQ(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	CHECK_EQ(rota_process_call(pool, start_one_and_die, path, sizeof path, &answer), ROTA_ECRASHED);
	CHECK_EQ(answer.how.signal, SIGKILL);
	while (read(fd, &byte, 1) != 0) /* somebody has it still */
		rota_yield();
	close(fd);
	unlink(path);
	rmdir(folder);
}

POOL_TEST(functions_are_called_by_name, 1)
{
	struct rota_answer answer;

	CHECK_EQ(rota_process_call_named(pool, "backwards", "abc", 3, &answer), 1);
	CHECK_EQ(answer.bytes, 3);
	CHECK(memcmp(answer.data, "cba", 3) == 0);
	rota_free(answer.data);
	CHECK_EQ(rota_process_call_named(pool, PLUG_IN ":count_bytes", "abcd", 4, &answer), 4);
	CHECK_EQ(rota_process_call_named(pool, PLUG_IN ":nothing_like_that", "", 0, &answer), -ENOENT);
	CHECK_EQ(rota_process_call_named(pool, "no/such/library.so:f", "", 0, &answer), -ENOENT);
	CHECK_EQ(rota_process_call_named(pool, "nobody", "", 0, &answer), -ENOENT);
	CHECK_EQ(rota_process_call_named(pool, "", "", 0, &answer), -EINVAL);
	CHECK_EQ(rota_process_call(pool, NULL, "", 0, &answer), -EINVAL);
	CHECK_EQ(rota_process_call(pool, add, "", 0, NULL), -EINVAL);
	CHECK_EQ(replaced(), 0);
}

POOL_TEST(a_function_that_hangs_is_killed_at_the_deadline, 1)
{
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(5), call_hang, NULL), -ETIMEDOUT);
	CHECK_EQ(replaced(), 1);
	check_alive();
}

POOL_TEST(a_caller_in_the_line_that_is_cancelled_costs_no_worker, 1)
{
	struct rota_scope scope, inner;
	struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };
	struct rota_task *first, *second;
	int result;

	rota_scope_open_with(&scope, &collect);
	CHECK_EQ(rota_spawn_task(&first, &scope, call_hang, NULL, NULL), 0);
	others_wait();
	CHECK_EQ(rota_spawn_task(&second, &scope, call_hang, NULL, NULL), 0);
	others_wait();
	rota_task_cancel(second);
	CHECK_EQ(rota_join(second, &result), 0);
	CHECK_EQ(result, -ECANCELED);
	rota_task_cancel(first);
	rota_scope_join(&scope);
	CHECK_EQ(replaced(), 1);
	rota_scope_open(&inner);
	rota_scope_cancel(&inner);
	CHECK_EQ(call_hang(NULL), -ECANCELED);
	rota_scope_join(&inner);
	check_alive();
}

static int many(void *arg)
{
	struct rota_answer a;
	int numbers[2] = { 0, 0 };

	for (int i = 0; i < 20; i++) {
		numbers[0] = i;
		CHECK_EQ(rota_process_call(pool, add, numbers, sizeof numbers, &a), i);
		if (i % 7 == 3)
			CHECK_EQ(call(die, &a), ROTA_ECRASHED);
	}
	return 0;
}

POOL_TEST(callers_of_workers_that_keep_crashing_all_get_their_own_answers, 3)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < 10; i++)
		rota_spawn(&scope, many, NULL);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(replaced(), 30);
}

/* The first call of this worker is answered with 0. */
static int count_calls(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	static int calls;

	*out_bytes = 0;
	return calls++;
}

static int expect_place(void *arg)
{
	struct rota_answer a;

	CHECK_EQ(rota_process_call(pool, count_calls, NULL, 0, &a), (int)(intptr_t)arg);
	return 0;
}

POOL_TEST(calls_are_served_in_the_order_they_came, 1)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (intptr_t i = 0; i < 8; i++) {
		rota_spawn(&scope, expect_place, (void *)i);
		others_wait();
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
}

POOL_TEST(workers_have_no_descriptors_of_the_program, 1)
{
	struct rota_answer a;

	CHECK_EQ(call(descriptors, &a), 4); /* 0, 1, 2 and its socket */
	CHECK_EQ(call(die, &a), ROTA_ECRASHED);
	CHECK_EQ(call(descriptors, &a), 4); /* nor has one that was made while the loop runs */
}

/* It is a grandchild: nobody waits for it but the harness. */
static bool has_exited(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return true;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(file);
	return state == 'Z';
}

POOL_TEST(without_its_keeper_a_pool_says_so, 1)
{
	struct rota_answer a;
	char path[64], text[32] = "";
	int rc, worker = call(who, &a);

	/* The keeper is our only child. */
	snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
	FILE *file = fopen(path, "re");

	if (file == NULL || fgets(text, sizeof text, file) == NULL)
		SKIP("the kernel does not list children");
	fclose(file);
	kill(atoi(text), SIGKILL);
	CHECK(waitid(P_PID, (id_t)atoi(text), &(siginfo_t){ 0 }, WEXITED | WNOWAIT) == 0);
	rc = call(who, &a);
	while (rc > 0) /* the worker may live for a moment more */
		rc = call(who, &a);
	CHECK_EQ(rc, -EPIPE);
	while (!has_exited(worker))
		CHECK_EQ(rota_sleep(ROTA_MILLISECONDS(1)), 0);
}

static int open_in_run(void *arg)
{
	return rota_process_pool_open(&pool, NULL);
}

static void *nothing(void *arg)
{
	return NULL;
}

TEST(a_pool_is_opened_outside_of_runs)
{
	struct rota_process_pool_options too_many = { .workers = 1000 };

	CHECK_EQ(rota_process_pool_open(&pool, &too_many), -EINVAL);
	CHECK_EQ(rota_run(open_in_run, NULL, NULL), -EBUSY);
}

TEST(a_pool_is_opened_before_threads_are_started)
{
	pthread_t thread;

#if defined(__SANITIZE_THREAD__)
	SKIP("ThreadSanitizer has a thread in every program, so the pool does not look");
#endif
	CHECK_EQ(pthread_create(&thread, NULL, nothing, NULL), 0);
	CHECK_EQ(rota_process_pool_open(&pool, NULL), -EBUSY);
	pthread_join(thread, NULL);
}

TEST(a_pool_that_is_never_used_is_closed)
{
	CHECK_EQ(rota_process_pool_open(&pool, NULL), 0);
	rota_process_pool_close(pool);
	rota_process_pool_close(NULL);
}
