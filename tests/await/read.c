/* read.c - the ways to read a stream: some, exactly, a line, up to a delimiter, without taking */
#include "await/ends.h"

EACH_KIND(read_takes_what_is_there_and_then_the_end)
{
	char buf[16];

	put(&ends, "hello");
	CHECK_EQ(rota_read(ends.in, buf, 3), 3);
	CHECK(memcmp(buf, "hel", 3) == 0);
	CHECK_EQ(rota_read(ends.in, buf, sizeof buf), 2);
	CHECK(memcmp(buf, "lo", 2) == 0);
	CHECK_EQ(rota_read(ends.in, buf, 0), 0);
	ends_finish(&ends, kind);
	CHECK_EQ(rota_read(ends.in, buf, sizeof buf), 0);
	CHECK_EQ(rota_read(ends.in, buf, sizeof buf), 0); /* and again */
	ends_close(&ends);
}

static int put_later(void *arg)
{
	rota_yield();
	rota_yield();
	put(arg, "later");
	return 0;
}

EACH_KIND(read_waits_until_there_is_something)
{
	struct rota_scope scope;
	char buf[16];

	rota_scope_open(&scope);
	for (int i = 0; i < 3; i++) {
		rota_spawn(&scope, put_later, &ends);
		CHECK_EQ(rota_read(ends.in, buf, sizeof buf), 5);
		CHECK(memcmp(buf, "later", 5) == 0);
	}
	CHECK_EQ(rota_scope_join(&scope), 0);
	ends_close(&ends);
}

EACH_KIND(vectored_reads_fill_one_piece_after_the_other)
{
	char a[2] = "", b[3] = "", c[8] = "";
	struct iovec iov[] = { { a, 2 }, { b, 3 }, { c, 8 } };

	put(&ends, "abcdefg");
	CHECK_EQ(rota_readv(ends.in, iov, 3), 7);
	CHECK(memcmp(a, "ab", 2) == 0 && memcmp(b, "cde", 3) == 0 && memcmp(c, "fg", 2) == 0);
	put(&ends, "123456");
	CHECK_EQ(rota_peek(ends.in, c, 1), 1); /* all of it is read ahead now */
	CHECK_EQ(rota_readv(ends.in, iov, 2), 5);
	CHECK(memcmp(a, "12", 2) == 0 && memcmp(b, "345", 3) == 0);
	CHECK_EQ(rota_read(ends.in, c, sizeof c), 1);
	CHECK_EQ(c[0], '6');
	ends_close(&ends);
}

/* ---- peek ---- */

EACH_KIND(peeked_bytes_are_read_again_by_every_other_call)
{
	struct rota_lease lease;
	char buf[16];

	put(&ends, "12line\r\nxx;exactlease");
	CHECK_EQ(rota_peek(ends.in, buf, 4), 4);
	CHECK(memcmp(buf, "12li", 4) == 0);
	CHECK_EQ(rota_peek(ends.in, buf, 2), 2);
	CHECK(memcmp(buf, "12", 2) == 0);
	CHECK_EQ(rota_read(ends.in, buf, 2), 2);
	CHECK_EQ(rota_read_line(ends.in, buf, sizeof buf), 4);
	CHECK_STR(buf, "line");
	CHECK_EQ(rota_read_until(ends.in, ";", 1, buf, sizeof buf), 3);
	CHECK_STR(buf, "xx;");
	CHECK_EQ(rota_read_exactly(ends.in, buf, 5), 5);
	CHECK(memcmp(buf, "exact", 5) == 0);
	CHECK_EQ(rota_wait_readable(ends.in), 0);
	CHECK_EQ(rota_read_lease(ends.in, &lease), 5);
	CHECK(memcmp(lease.data, "lease", 5) == 0);
	rota_lease_return(&lease);
	ends_finish(&ends, kind);
	CHECK_EQ(rota_peek(ends.in, buf, 4), 0);
	ends_close(&ends);
}

/* ---- exactly ---- */

static int put_slowly(void *arg)
{
	struct ends *ends = arg;

	for (int i = 0; i < 100; i++) {
		char c = (char)('a' + i % 26);

		CHECK_EQ(rota_write_all(ends->out, &c, 1), 1);
		rota_yield();
	}
	return 0;
}

EACH_KIND(reading_exactly_waits_for_all)
{
	struct rota_scope scope;
	char buf[100];

	rota_scope_open(&scope);
	rota_spawn(&scope, put_slowly, &ends);
	CHECK_EQ(rota_read_exactly(ends.in, buf, 100), 100);
	CHECK_EQ(rota_stream_received(ends.in), 100);
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (int i = 0; i < 100; i++)
		CHECK_EQ(buf[i], 'a' + i % 26);
	CHECK_EQ(rota_read_exactly(ends.in, buf, 0), 0);
	ends_close(&ends);
}

EACH_KIND(an_end_before_all_came_is_an_error_and_tells_how_much_did)
{
	char buf[8] = "";

	put(&ends, "abc");
	ends_finish(&ends, kind);
	CHECK_EQ(rota_read_exactly(ends.in, buf, 8), ROTA_EOF);
	CHECK_EQ(rota_stream_received(ends.in), 3);
	CHECK_STR(buf, "abc");
	CHECK_EQ(rota_read_exactly(ends.in, buf, 8), ROTA_EOF);
	CHECK_EQ(rota_stream_received(ends.in), 0);
	ends_close(&ends);
}

static int read_eight(void *arg)
{
	char buf[8];

	return (int)rota_read_exactly(arg, buf, 8);
}

EACH_KIND(what_came_before_a_time_out_is_told)
{
	put(&ends, "abc");
	CHECK_EQ(rota_timeout(ROTA_MILLISECONDS(2), read_eight, ends.in), -ETIMEDOUT);
	CHECK_EQ(rota_stream_received(ends.in), 3);
	ends_close(&ends);
}

/* ---- lines ---- */

EACH_KIND(lines_come_without_their_ends)
{
	static const char *const lines[] = { "one", "two", "", "", "with\rin it", "last" };
	char buf[16];

	put(&ends, "one\ntwo\r\n\n\r\nwith\rin it\nlast");
	ends_finish(&ends, kind);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		CHECK_EQ(rota_read_line(ends.in, buf, sizeof buf), (long long)strlen(lines[i]));
		CHECK_STR(buf, lines[i]);
	}
	CHECK_EQ(rota_read_line(ends.in, buf, sizeof buf), ROTA_EOF);
	CHECK_EQ(rota_read_line(ends.in, buf, 0), -EINVAL);
	ends_close(&ends);
}

/* A room of n bytes holds lines of up to n - 1, whichever way they end. */
EACH_KIND(the_room_for_a_line_is_exact)
{
	static const char *const ends_of_lines[] = { "\n", "\r\n", "" };
	char line[16], buf[16];

	for (int e = 0; e < 3; e++) {
		for (size_t length = 0; length < 10; length++) {
			for (size_t room = 1; room < 12; room++) {
				struct ends fresh = ends_open(kind);
				ssize_t n;

				memset(line, 'x', length);
				strcpy(line + length, ends_of_lines[e]);
				if (line[0] != '\0')
					put(&fresh, line);
				ends_finish(&fresh, kind);
				line[length] = '\0';
				n = rota_read_line(fresh.in, buf, room);
				if (length == 0 && e == 2) {
					CHECK_EQ(n, ROTA_EOF);
				} else if (length < room) {
					CHECK_EQ(n, (long long)length);
					CHECK_STR(buf, line);
				} else {
					CHECK_EQ(n, ROTA_ELIMIT);
					CHECK_EQ(rota_read(fresh.in, buf, 1), 1); /* nothing was consumed */
				}
				ends_close(&fresh);
			}
		}
	}
	ends_close(&ends);
}

EACH_KIND(a_line_may_come_byte_by_byte)
{
	struct rota_scope scope;
	char buf[200];

	rota_scope_open(&scope);
	rota_spawn(&scope, put_slowly, &ends);
	rota_spawn(&scope, put_slowly, &ends);
	CHECK_EQ(rota_scope_join(&scope), 0);
	put(&ends, "\n");
	CHECK_EQ(rota_read_line(ends.in, buf, sizeof buf), ROTA_ELIMIT); /* 200 need room for 201 */
	CHECK_EQ(rota_read_exactly(ends.in, buf, 100), 100);
	CHECK_EQ(rota_read_line(ends.in, buf, sizeof buf), 100);
	ends_close(&ends);
}

static int put_line_of(void *arg)
{
	struct ends *ends = arg;
	static char line[100001];

	memset(line, 'x', sizeof line);
	line[100000] = '\n';
	return (int)rota_write_all(ends->out, line, sizeof line);
}

EACH_KIND(a_long_line_has_room_if_the_caller_has)
{
	static char buf[100001];
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, put_line_of, &ends);
	CHECK_EQ(rota_read_line(ends.in, buf, sizeof buf), 100000);
	CHECK_EQ(strlen(buf), 100000);
	CHECK_EQ(rota_scope_join(&scope), 0);
	ends_close(&ends);
}

/* ---- delimiters ---- */

EACH_KIND(a_delimiter_is_found_wherever_the_bytes_are_cut)
{
	const char *text = "head: 1\r\n\r\r\n\r\nbody";
	const long long expected = (long long)strlen(text) - 4;

	for (size_t cut = 0; cut <= strlen(text); cut++) {
		struct ends fresh = ends_open(kind);
		char buf[64];

		CHECK_EQ(rota_write_all(fresh.out, text, cut), (long long)cut);
		if (cut > 0)
			CHECK(rota_peek(fresh.in, buf, 1) == 1);
		CHECK(rota_write_all(fresh.out, text + cut, strlen(text) - cut) >= 0);
		CHECK_EQ(rota_read_until(fresh.in, "\r\n\r\n", 4, buf, sizeof buf), expected);
		CHECK(strncmp(buf, text, (size_t)expected) == 0 && buf[expected] == '\0');
		CHECK_EQ(rota_read_exactly(fresh.in, buf, 4), 4);
		ends_close(&fresh);
	}
	ends_close(&ends);
}

EACH_KIND(without_the_delimiter_nothing_is_consumed)
{
	char buf[8];

	put(&ends, "abcdef");
	CHECK_EQ(rota_read_until(ends.in, ";", 1, buf, 6), ROTA_ELIMIT);
	CHECK_EQ(rota_read_until(ends.in, ";", 1, buf, 0), -EINVAL);
	CHECK_EQ(rota_read_until(ends.in, "", 0, buf, 8), -EINVAL);
	ends_finish(&ends, kind);
	CHECK_EQ(rota_read_until(ends.in, ";", 1, buf, 8), ROTA_EOF);
	CHECK_EQ(rota_read_until(ends.in, "f", 1, buf, 6), ROTA_ELIMIT); /* six bytes and the 0 */
	CHECK_EQ(rota_read_until(ends.in, "f", 1, buf, 7), 6);
	CHECK_STR(buf, "abcdef");
	CHECK_EQ(rota_read_until(ends.in, "f", 1, buf, 7), 0);
	ends_close(&ends);
}

/* ---- waiting without a buffer ---- */

EACH_KIND(waiting_for_something_to_read_takes_nothing)
{
	struct rota_scope scope;
	char buf[8];

	rota_scope_open(&scope);
	rota_spawn(&scope, put_later, &ends);
	CHECK_EQ(rota_wait_readable(ends.in), 0);
	CHECK_EQ(rota_wait_readable(ends.in), 0);
	CHECK_EQ(rota_read(ends.in, buf, sizeof buf), 5);
	CHECK_EQ(rota_scope_join(&scope), 0);
	ends_finish(&ends, kind);
	CHECK_EQ(rota_wait_readable(ends.in), 0); /* the end is something */
	CHECK_EQ(rota_read(ends.in, buf, sizeof buf), 0);
	ends_close(&ends);
}

/* ---- leases ---- */

EACH_KIND(a_lease_lends_what_came)
{
	struct rota_lease lease;

	for (int i = 0; i < 1000; i++) { /* more than there are buffers */
		put(&ends, "lent");
		CHECK_EQ(rota_read_lease(ends.in, &lease), 4);
		CHECK_EQ(lease.size, 4);
		CHECK(memcmp(lease.data, "lent", 4) == 0);
		rota_lease_return(&lease);
		CHECK(lease.data == NULL);
		rota_lease_return(&lease); /* once more does nothing */
	}
	ends_finish(&ends, kind);
	CHECK_EQ(rota_read_lease(ends.in, &lease), 0);
	ends_close(&ends);
}

EACH_KIND(a_lease_that_is_cut_short_lends_nothing)
{
	for (int i = 0; i < 300; i++)
		CHECK_EQ(rota_timeout(ROTA_MICROSECONDS(10), take_lease, ends.in), -ETIMEDOUT);
	put(&ends, "x");
	CHECK_EQ(take_lease(ends.in), 1);
	ends_close(&ends);
}

enum { MANY = 300 };

static int hold_lease(void *arg)
{
	struct rota_lease lease;

	CHECK_EQ(rota_read_lease(arg, &lease), 1);
	for (int i = 0; i < 10; i++)
		rota_yield();
	rota_lease_return(&lease);
	return 0;
}

TASK_TEST(more_leases_than_buffers_wait_for_each_other)
{
	static struct ends ends[MANY];
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (int i = 0; i < MANY; i++) {
		ends[i] = ends_open(UNIX_PAIR);
		rota_spawn(&scope, hold_lease, ends[i].in);
	}
	rota_yield();
	for (int i = 0; i < MANY; i++)
		put(&ends[i], "x");
	CHECK_EQ(rota_scope_join(&scope), 0);
	for (int i = 0; i < MANY; i++)
		ends_close(&ends[i]);
}
