/* channels.c - channels: order, capacity, rendezvous, closing, places kept, cancellation */
#include <stdlib.h>

#include "base/atomic.h"
#include "task/run.h"

static struct rota_chan ch;
static struct rota_scope_options collect = { .flags = ROTA_SCOPE_COLLECT };

static int send_three(void *arg)
{
	for (int i = 1; i <= 3; i++) {
		int rc = rota_chan_send(&ch, &i);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static void check_recv(int expected)
{
	int value = -1;

	CHECK_EQ(rota_chan_recv(&ch, &value), 0);
	CHECK_EQ(value, expected);
}

static void values_arrive_in_order(uint32_t capacity)
{
	struct rota_scope scope;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), capacity), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, send_three, NULL);
	for (int i = 1; i <= 3; i++)
		check_recv(i);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TASK_TEST(values_arrive_in_order_whatever_the_capacity)
{
	values_arrive_in_order(0);
	values_arrive_in_order(1);
	values_arrive_in_order(2);
	values_arrive_in_order(3);
	values_arrive_in_order(1000);
	values_arrive_in_order(ROTA_UNBOUNDED);
}

TASK_TEST(capacity_is_exact_and_try_forms_do_not_wait)
{
	int value = 7;

	CHECK_EQ(rota_chan_init(&ch, 0, 1), -EINVAL);
	CHECK_EQ(rota_chan_init(&ch, sizeof value, 3), 0);
	CHECK_EQ(rota_chan_try_recv(&ch, &value), -EAGAIN);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(rota_chan_try_send(&ch, &i), 0);
	CHECK_EQ(rota_chan_try_send(&ch, &value), -EAGAIN);
	CHECK_EQ(rota_chan_count(&ch), 3);
	CHECK_EQ(rota_chan_send_until(&ch, &value, rota_deadline(ROTA_MILLISECONDS(1))), -ETIMEDOUT);
	for (int i = 0; i < 3; i++)
		check_recv(i);
	CHECK_EQ(rota_chan_recv_until(&ch, &value, rota_deadline(ROTA_MILLISECONDS(1))), -ETIMEDOUT);
	CHECK_EQ(value, 7);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TEST(outside_of_tasks_only_the_try_forms_work)
{
	int value = 1;

	CHECK_EQ(rota_chan_init(&ch, sizeof value, 1), 0);
	CHECK_EQ(rota_chan_send(&ch, &value), -EPERM);
	CHECK_EQ(rota_chan_recv(&ch, &value), -EPERM);
	CHECK_EQ(rota_chan_reserve(&ch), -EPERM);
	CHECK_EQ(rota_chan_try_send(&ch, &value), 0);
	CHECK_EQ(rota_chan_try_recv(&ch, &value), 0);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TASK_TEST(a_rendezvous_needs_both)
{
	struct rota_scope scope;
	int value = 5;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 0), 0);
	CHECK_EQ(rota_chan_try_send(&ch, &value), -EAGAIN);
	CHECK_EQ(rota_chan_reserve(&ch), -EINVAL);
	rota_scope_open(&scope);
	rota_spawn(&scope, send_three, NULL);
	others_wait();
	CHECK_EQ(rota_chan_count(&ch), 0);
	CHECK_EQ(rota_chan_fini(&ch), -EBUSY);
	CHECK_EQ(rota_chan_try_recv(&ch, &value), 0); /* from the sender's hand */
	CHECK_EQ(value, 1);
	check_recv(2);
	check_recv(3);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

static int got[4], results[4];

static int receive(void *arg)
{
	int i = (int)(long)arg;

	results[i] = rota_chan_recv(&ch, &got[i]);
	return 0;
}

TASK_TEST(receivers_are_served_in_the_order_they_came)
{
	struct rota_scope scope;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 1), 0);
	rota_scope_open(&scope);
	for (long i = 0; i < 3; i++) {
		rota_spawn(&scope, receive, (void *)i);
		others_wait();
	}
	CHECK_EQ(send_three(NULL), 0); /* straight to the three: no room is needed */
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(got[0], 1);
	CHECK_EQ(got[1], 2);
	CHECK_EQ(got[2], 3);
}

TASK_TEST(a_cancelled_sender_keeps_its_value_and_a_served_one_has_sent)
{
	struct rota_task *sender;
	struct rota_scope scope;
	int value = 9;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 1), 0);
	rota_scope_open_with(&scope, &collect);
	rota_spawn_task(&sender, &scope, send_three, NULL, NULL);
	others_wait(); /* 1 is inside, 2 waits */
	rota_task_cancel(sender);
	CHECK_EQ(rota_scope_join(&scope), -ECANCELED);
	check_recv(1);
	CHECK_EQ(rota_chan_try_recv(&ch, &value), -EAGAIN);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TASK_TEST(a_value_that_was_handed_over_survives_the_cancellation_of_its_receiver)
{
	struct rota_task *receiver;
	struct rota_scope scope;
	int value = 9;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 1), 0);
	rota_scope_open(&scope);
	rota_spawn_task(&receiver, &scope, receive, (void *)0, NULL);
	others_wait();
	CHECK_EQ(rota_chan_send(&ch, &value), 0);
	rota_task_cancel(receiver);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(results[0], 0);
	CHECK_EQ(got[0], 9);
}

TASK_TEST(a_cancelled_receiver_takes_nothing)
{
	struct rota_task *first;
	struct rota_scope scope;
	int value = 9;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 1), 0);
	rota_scope_open(&scope);
	rota_spawn_task(&first, &scope, receive, (void *)0, NULL);
	others_wait();
	rota_spawn(&scope, receive, (void *)1);
	others_wait();
	rota_task_cancel(first);
	CHECK_EQ(rota_chan_send(&ch, &value), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(results[0], -ECANCELED);
	CHECK_EQ(got[1], 9);
}

TASK_TEST(after_a_close_what_is_inside_is_received_and_then_the_end)
{
	int value = 3;

	CHECK_EQ(rota_chan_init(&ch, sizeof value, 2), 0);
	CHECK_EQ(rota_chan_send(&ch, &value), 0);
	rota_chan_close(&ch);
	rota_chan_close(&ch);
	CHECK(rota_chan_is_closed(&ch));
	CHECK_EQ(rota_chan_send(&ch, &value), ROTA_ECLOSED);
	CHECK_EQ(rota_chan_try_send(&ch, &value), ROTA_ECLOSED);
	check_recv(3);
	CHECK_EQ(rota_chan_recv(&ch, &value), ROTA_ECLOSED);
	CHECK_EQ(rota_chan_try_recv(&ch, &value), ROTA_ECLOSED);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TASK_TEST(a_close_wakes_who_waits_to_send_and_who_waits_to_receive)
{
	struct rota_scope scope;
	int value = 0;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 1), 0);
	rota_scope_open_with(&scope, &collect);
	rota_spawn(&scope, send_three, NULL);
	others_wait();
	rota_chan_close(&ch);
	CHECK_EQ(rota_scope_join(&scope), ROTA_ECLOSED);
	check_recv(1);
	CHECK_EQ(rota_chan_recv(&ch, &value), ROTA_ECLOSED);

	CHECK_EQ(rota_chan_fini(&ch), 0);
	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 1), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, receive, (void *)0);
	others_wait();
	rota_chan_close(&ch);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(results[0], ROTA_ECLOSED);
}

/* ---- places ---- */

TASK_TEST(a_place_that_is_kept_counts_and_survives_a_close)
{
	struct rota_scope scope;
	int value = 4;

	CHECK_EQ(rota_chan_init(&ch, sizeof value, 1), 0);
	CHECK_EQ(rota_chan_send_reserved(&ch, &value), -EPERM);
	CHECK_EQ(rota_chan_unreserve(&ch), -EPERM);
	CHECK_EQ(rota_chan_reserve(&ch), 0);
	CHECK_EQ(rota_chan_try_send(&ch, &value), -EAGAIN);
	CHECK_EQ(rota_chan_reserve_until(&ch, ROTA_NOW), -ETIMEDOUT);
	rota_scope_open(&scope);
	rota_spawn(&scope, receive, (void *)0);
	others_wait();
	rota_chan_close(&ch);
	others_wait();
	CHECK_EQ(rota_chan_try_recv(&ch, &value), -EAGAIN); /* not the end: a value may come */
	CHECK_EQ(rota_chan_send_reserved(&ch, &value), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(got[0], 4);
	CHECK_EQ(rota_chan_recv(&ch, &value), ROTA_ECLOSED);
}

TASK_TEST(the_last_place_given_back_ends_a_closed_channel)
{
	struct rota_scope scope;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 1), 0);
	CHECK_EQ(rota_chan_reserve(&ch), 0);
	rota_chan_close(&ch);
	rota_scope_open(&scope);
	rota_spawn(&scope, receive, (void *)0);
	rota_spawn(&scope, receive, (void *)1);
	others_wait();
	CHECK_EQ(rota_chan_unreserve(&ch), 0);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(results[0], ROTA_ECLOSED);
	CHECK_EQ(results[1], ROTA_ECLOSED);
}

static int reserve_and_send_8(void *arg)
{
	int value = 8, rc = rota_chan_reserve(&ch);

	return rc < 0 ? rc : rota_chan_send_reserved(&ch, &value);
}

TASK_TEST(who_waits_for_a_place_is_served_in_turn_with_senders)
{
	struct rota_scope scope;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 1), 0);
	CHECK_EQ(rota_chan_reserve(&ch), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, reserve_and_send_8, NULL);
	others_wait();
	rota_spawn(&scope, send_three, NULL);
	others_wait();
	CHECK_EQ(rota_chan_unreserve(&ch), 0);
	others_wait(); /* the place is the first one's, who came before the sender, and it is used */
	check_recv(8);
	for (int i = 1; i <= 3; i++)
		check_recv(i);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TASK_TEST(with_all_places_kept_a_waiting_sender_and_a_receiver_still_meet)
{
	struct rota_scope scope;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 1), 0);
	CHECK_EQ(rota_chan_reserve(&ch), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, reserve_and_send_8, NULL); /* waits for a place */
	others_wait();
	rota_spawn(&scope, send_three, NULL);
	others_wait();
	check_recv(1);
	check_recv(2);
	check_recv(3);
	CHECK_EQ(rota_chan_unreserve(&ch), 0);
	check_recv(8);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

/* ---- sizes ---- */

static size_t live_bytes;

enum { HEADER = 64 }; /* keeps the alignment that loops want */

static void *counting_alloc(size_t size)
{
	size_t *block = aligned_alloc(HEADER, (size + 2 * HEADER - 1) / HEADER * HEADER);

	*block = size;
	add_relaxed(&live_bytes, size);
	return (char *)block + HEADER;
}

static size_t *block_of(void *ptr)
{
	return (size_t *)((char *)ptr - HEADER);
}

static void counting_free(void *ptr)
{
	if (ptr == NULL)
		return;
	add_relaxed(&live_bytes, -*block_of(ptr));
	free(block_of(ptr));
}

static void *counting_realloc(void *ptr, size_t size)
{
	void *copy = counting_alloc(size);
	size_t old = ptr != NULL ? *block_of(ptr) : 0;

	if (old > 0)
		memcpy(copy, ptr, old < size ? old : size);
	counting_free(ptr);
	return copy;
}

static int burst(void *arg)
{
	size_t before = load_relaxed(&live_bytes);

	for (int i = 0; i < 100000; i++)
		CHECK_EQ(rota_chan_send(&ch, &i), 0);
	CHECK(load_relaxed(&live_bytes) - before >= 400000);
	for (int i = 0; i < 100000; i++)
		check_recv(i);
	CHECK_EQ(rota_chan_recv_until(&ch, &(int){ 0 }, rota_deadline(1)), -ETIMEDOUT);
	CHECK(load_relaxed(&live_bytes) - before < 4096);
	return 0;
}

TEST(an_unbounded_channel_gives_the_memory_of_a_burst_back)
{
	rota_set_allocator(&(struct rota_allocator){ counting_alloc, counting_realloc, counting_free });
	CHECK_EQ(rota_chan_init(&ch, sizeof(int), ROTA_UNBOUNDED), 0);
	CHECK_EQ(rota_run(burst, NULL, NULL), 0);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

struct wide {
	char text[100];
	int number;
};

ROTA_CHAN_OF(wides, struct wide)

TASK_TEST(values_of_any_size_are_copied_whole)
{
	struct wide in = { "a long value", 42 }, out;
	unsigned char byte = 200, byte_out = 0;

	CHECK_EQ(wides_init(&ch, 3), 0);
	for (int i = 0; i < 10; i++) { /* around the ring */
		in.number = i;
		CHECK_EQ(wides_send(&ch, in), 0);
		memset(&out, 0, sizeof out);
		CHECK_EQ(wides_recv(&ch, &out), 0);
		CHECK(memcmp(&in, &out, sizeof in) == 0);
	}
	CHECK_EQ(rota_chan_fini(&ch), 0);
	CHECK_EQ(rota_chan_init(&ch, 1, 1), 0);
	CHECK_EQ(rota_chan_send(&ch, &byte), 0);
	CHECK_EQ(rota_chan_recv(&ch, &byte_out), 0);
	CHECK_EQ(byte_out, 200);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TASK_TEST(recv_many_takes_what_is_there)
{
	int values[8];

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 8), 0);
	CHECK_EQ(send_three(NULL), 0);
	CHECK_EQ(send_three(NULL), 0);
	CHECK_EQ(rota_chan_recv_many(&ch, values, 0), -EINVAL);
	CHECK_EQ(rota_chan_recv_many(&ch, values, 4), 4);
	CHECK_EQ(values[3], 1);
	CHECK_EQ(rota_chan_recv_many(&ch, values, 8), 2);
	CHECK_EQ(values[1], 3);
	rota_chan_close(&ch);
	CHECK_EQ(rota_chan_recv_many(&ch, values, 8), ROTA_ECLOSED);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

/* A pair that never has to wait for each other may not keep the others from running. */
static bool others_ran;

static int note_that_others_ran(void *arg)
{
	store_relaxed(&others_ran, true);
	return 0;
}

TASK_TEST(a_task_that_is_always_served_at_once_lets_others_run)
{
	struct rota_scope scope;
	int value = 1;

	CHECK_EQ(rota_chan_init(&ch, sizeof value, 1), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, note_that_others_ran, NULL);
	while (!load_relaxed(&others_ran)) { /* for ever, if nobody else ever runs */
		CHECK_EQ(rota_chan_send(&ch, &value), 0);
		CHECK_EQ(rota_chan_recv(&ch, &value), 0);
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TASK_TEST(recv_many_waits_for_the_first_until_its_deadline)
{
	int values[8];

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 8), 0);
	CHECK_EQ(rota_chan_recv_many_until(&ch, values, 8, ROTA_NOW), -ETIMEDOUT);
	CHECK_EQ(rota_chan_recv_many_until(&ch, values, 8, rota_deadline(ROTA_MILLISECONDS(1))), -ETIMEDOUT);
	CHECK_EQ(send_three(NULL), 0);
	CHECK_EQ(rota_chan_recv_many_until(&ch, values, 8, ROTA_NOW), 3); /* what is there wins */
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TEST(a_place_can_be_tried_outside_of_tasks)
{
	struct rota_chan rendezvous;
	int value = 1;

	CHECK_EQ(rota_chan_init(&rendezvous, sizeof value, 0), 0);
	CHECK_EQ(rota_chan_try_reserve(&rendezvous), -EINVAL);
	CHECK_EQ(rota_chan_fini(&rendezvous), 0);
	CHECK_EQ(rota_chan_init(&ch, sizeof value, 1), 0);
	CHECK_EQ(rota_chan_try_reserve(&ch), 0);
	CHECK_EQ(rota_chan_try_reserve(&ch), -EAGAIN);
	CHECK_EQ(rota_chan_try_send(&ch, &value), -EAGAIN);
	CHECK_EQ(rota_chan_send_reserved(&ch, &value), 0);
	rota_chan_close(&ch);
	CHECK_EQ(rota_chan_try_reserve(&ch), ROTA_ECLOSED);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

/* ---- the indices, and how many are inside ---- */

/* As if so many values had gone through. */
static void went_through(uint32_t count)
{
	ch.head = ch.tail = ch.head_seen = ch.tail_seen = count;
}

static void wrap(uint32_t capacity)
{
	int sent = 0, received = 0, value;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), capacity), 0);
	went_through(UINT32_MAX - 2 * capacity);
	for (int round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < capacity; i++, sent++) {
			CHECK_EQ(rota_chan_count(&ch), i);
			CHECK_EQ(rota_chan_try_send(&ch, &sent), 0);
		}
		CHECK_EQ(rota_chan_try_send(&ch, &sent), -EAGAIN);
		CHECK_EQ(rota_chan_try_reserve(&ch), -EAGAIN);
		for (uint32_t i = capacity; i > 0; i--, received++) {
			CHECK_EQ(rota_chan_count(&ch), i);
			CHECK_EQ(rota_chan_try_recv(&ch, &value), 0);
			CHECK_EQ(value, received);
		}
		CHECK_EQ(rota_chan_try_recv(&ch, &value), -EAGAIN);
	}
	CHECK(ch.head < UINT32_MAX / 2); /* it has */
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TEST(a_channel_goes_on_when_its_indices_wrap)
{
	for (uint32_t capacity = 1; capacity <= 9; capacity++)
		wrap(capacity);
}

TEST(an_unbounded_channel_grows_while_its_indices_wrap)
{
	enum { VALUES = 1000 };
	int value;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), ROTA_UNBOUNDED), 0);
	CHECK_EQ(rota_chan_try_send(&ch, &(int){ 0 }), 0); /* it has slots */
	CHECK_EQ(rota_chan_try_recv(&ch, &value), 0);
	went_through(UINT32_MAX - 20);
	for (int i = 0; i < VALUES; i++)
		CHECK_EQ(rota_chan_try_send(&ch, &i), 0);
	CHECK_EQ(rota_chan_count(&ch), VALUES);
	for (int i = 0; i < VALUES; i++) {
		CHECK_EQ(rota_chan_try_recv(&ch, &value), 0);
		CHECK_EQ(value, i);
	}
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TASK_TEST(who_waits_across_the_wrap_is_served_in_order)
{
	struct rota_scope scope;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 1), 0);
	went_through(UINT32_MAX);
	rota_scope_open(&scope);
	rota_spawn(&scope, send_three, NULL);
	for (int i = 1; i <= 3; i++)
		check_recv(i);
	CHECK_EQ(rota_scope_join(&scope), 0);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}

TASK_TEST(a_close_leaves_the_count_of_what_is_inside_and_those_that_wait_to_send_are_not_counted)
{
	struct rota_scope scope;

	CHECK_EQ(rota_chan_init(&ch, sizeof(int), 2), 0);
	rota_scope_open_with(&scope, &collect);
	rota_spawn(&scope, send_three, NULL); /* the third waits */
	others_wait();
	CHECK_EQ(rota_chan_count(&ch), 2);
	rota_chan_close(&ch);
	CHECK_EQ(rota_chan_count(&ch), 2);
	CHECK_EQ(rota_scope_join(&scope), ROTA_ECLOSED);
	CHECK_EQ(rota_chan_count(&ch), 2);
	check_recv(1);
	CHECK_EQ(rota_chan_count(&ch), 1);
	check_recv(2);
	CHECK_EQ(rota_chan_count(&ch), 0);
	CHECK_EQ(rota_chan_fini(&ch), 0);
}
