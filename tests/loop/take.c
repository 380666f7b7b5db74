/* take.c - a loop that another thread takes over while its own is stuck, and gives back */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/atomic.h"
#include "harness/test.h"
#include "loop/loop.h"

static void done(struct rota__op *op)
{
}

/* A loop with a receive pending, and the ways to its thread. */
struct stuck {
	struct rota_loop *loop;
	int fds[2];	/* what is written to [1] is received */
	int said[2], told[2];
	bool spin;	/* else it blocks in read(2) */
	uint32_t go_on; /* for one that spins */
	struct rota__op op;
	char buf[16];
};

static void say(int fd)
{
	CHECK_EQ(write(fd, "", 1), 1);
}

static void hear(int fd)
{
	char c;

	CHECK_EQ(read(fd, &c, 1), 1);
}

static void submit_receive(struct stuck *s)
{
	s->op = (struct rota__op){ .kind = OP_RECV, .fd = s->fds[0], .done = done,
		.buf = { .base = s->buf, .len = sizeof s->buf } };
	rota__op_submit(s->loop, &s->op);
	rota__loop_turn(s->loop, ROTA_NOW);
	CHECK_EQ(s->op.state, OP_PENDING);
}

static void receive(struct stuck *s, const char *text)
{
	CHECK_EQ(write(s->fds[1], text, strlen(text)), strlen(text));
	while (s->op.state != OP_DONE)
		rota__loop_turn(s->loop, ROTA_FOREVER);
	CHECK_EQ(s->op.result, strlen(text));
	CHECK(memcmp(s->buf, text, strlen(text)) == 0);
}

static void be_stuck(struct stuck *s)
{
	say(s->said[1]);
	if (s->spin)
		while (load_acquire(&s->go_on) == 0)
			;
	else
		hear(s->told[0]);
}

static void *own_thread(void *arg)
{
	struct stuck *s = arg;

	CHECK_EQ(rota__loop_enter(s->loop), 0);
	submit_receive(s);
	be_stuck(s);
	/* Meanwhile the loop was run by another thread, and given back. */
	rota__loop_lost();
	CHECK_EQ(rota__loop_take(s->loop), 0);
	if (s->op.state != OP_PENDING)
		submit_receive(s);
	receive(s, "at home");
	rota__loop_leave(s->loop);
	return NULL;
}

static pthread_t begin(struct stuck *s, bool spin)
{
	struct rota_loop_options options = { .shareable = true };
	pthread_t thread;

	*s = (struct stuck){ .spin = spin };
	CHECK_EQ(rota_loop_new(&s->loop, &options), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s->fds), 0);
	CHECK_EQ(pipe(s->said), 0);
	CHECK_EQ(pipe(s->told), 0);
	CHECK_EQ(pthread_create(&thread, NULL, own_thread, s), 0);
	hear(s->said[0]);
	return thread;
}

static void release(struct stuck *s)
{
	rota__loop_lost();
	if (s->spin)
		store_release(&s->go_on, 1);
	else
		say(s->told[1]);
}

static void end(struct stuck *s, pthread_t thread)
{
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(rota_loop_free(s->loop), 0);
	for (int i = 0; i < 2; i++) {
		close(s->fds[i]);
		close(s->said[i]);
		close(s->told[i]);
	}
}

/* What the stuck thread had asked for comes, and so does what is asked for in its place. */
static void serve_in_its_place(struct stuck *s)
{
	CHECK_EQ(rota__loop_take(s->loop), 0);
	CHECK(rota_loop_current() == s->loop);
	receive(s, "asked for by it");
	submit_receive(s);
	receive(s, "asked for by me");
}

TEST(a_loop_goes_on_while_its_thread_blocks_in_a_system_call)
{
	struct stuck s;
	pthread_t thread = begin(&s, false);

	serve_in_its_place(&s);
	release(&s);
	end(&s, thread);
}

TEST(a_loop_goes_on_while_its_thread_computes)
{
	struct stuck s;
	pthread_t thread = begin(&s, true);

	serve_in_its_place(&s);
	release(&s);
	end(&s, thread);
}

static void take_and_end(void *arg)
{
	struct stuck *s = arg;

	CHECK_EQ(rota__loop_take(s->loop), 0);
	receive(s, "first");
	submit_receive(s);
	rota__loop_lost();
}

static void *visitor(void *arg)
{
	take_and_end(arg);
	return NULL;
}

TEST(what_a_thread_asked_for_that_has_ended_is_not_lost)
{
	struct stuck s;
	pthread_t thread = begin(&s, false), other;

	CHECK_EQ(pthread_create(&other, NULL, visitor, &s), 0);
	CHECK_EQ(pthread_join(other, NULL), 0);
	say(s.told[1]); /* the receive that is pending now was the visitor's */
	end(&s, thread);
}

static void count(struct rota_post *post)
{
	post->next = NULL;
}

TEST(posts_and_timers_are_served_by_whoever_has_the_loop)
{
	struct rota_post post = { .fn = count, .next = (struct rota_post *)1 };
	uint64_t deadline = rota_deadline(ROTA_MILLISECONDS(3));
	struct stuck s;
	pthread_t thread = begin(&s, true);

	rota_post(s.loop, &post);
	CHECK_EQ(rota__loop_take(s.loop), 0);
	rota__loop_turn(s.loop, deadline);
	CHECK(post.next == NULL);
	while (rota_loop_now_ns(s.loop) < deadline)
		rota__loop_turn(s.loop, deadline);
	release(&s);
	end(&s, thread);
}

static void *try_to_take(void *loop)
{
	return (void *)(intptr_t)rota__loop_take(loop);
}

TEST(a_loop_is_not_taken_that_is_not_shareable_or_does_not_run)
{
	struct rota_loop_options options[2] = { { .shareable = false }, { .shareable = true } };

	for (int i = 0; i < 2; i++) {
		struct rota_loop *loop;
		pthread_t thread;
		void *answer;

		CHECK_EQ(rota_loop_new(&loop, &options[i]), 0);
		CHECK_EQ(rota__loop_take(loop), -EPERM); /* it does not run */
		CHECK_EQ(rota__loop_enter(loop), 0);
		CHECK_EQ(rota__loop_take(loop), options[i].shareable ? -EBUSY : -EPERM);
		CHECK_EQ(pthread_create(&thread, NULL, try_to_take, loop), 0);
		CHECK_EQ(pthread_join(thread, &answer), 0);
		CHECK_EQ((intptr_t)answer, options[i].shareable ? 0 : -EPERM);
		rota__loop_lost();
		if (options[i].shareable)
			CHECK_EQ(rota__loop_take(loop), 0);
		else
			rota__loop_here = loop;
		rota__loop_leave(loop);
		CHECK_EQ(rota_loop_free(loop), 0);
	}
}

static void *run_elsewhere(void *loop)
{
	return (void *)(intptr_t)rota_loop_run(loop, ROTA_RUN_NOWAIT);
}

TEST(a_shareable_loop_runs_on_one_thread_after_another)
{
	struct rota_loop_options options = { .shareable = true };
	struct rota_loop *loop;
	pthread_t thread;
	void *answer;

	CHECK_EQ(rota_loop_new(&loop, &options), 0);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(rota_loop_run(loop, ROTA_RUN_NOWAIT), 0);
		CHECK_EQ(pthread_create(&thread, NULL, run_elsewhere, loop), 0);
		CHECK_EQ(pthread_join(thread, &answer), 0);
		CHECK_EQ((intptr_t)answer, 0);
	}
	CHECK_EQ(rota_loop_free(loop), 0);
}
