/* write.c - writing a stream: all of it, however slowly the peer reads */
#include <sys/mman.h>

#include "await/ends.h"
#include "await/temp.h"

enum { LARGE = 8 << 20 }; /* more than any socket's buffers */

static char large[LARGE];

/* Reads to the end, in pieces of odd sizes, letting others run in between; checks every byte. */
static int read_slowly(void *arg)
{
	static char buf[70000];
	uint64_t total = 0;
	ssize_t n;

	for (size_t size = 1;; size = size * 3 % 65537) {
		n = rota_read(arg, buf, size);
		if (n <= 0)
			break;
		check_pattern(buf, (size_t)n, total);
		total += (uint64_t)n;
		rota_yield();
	}
	return n < 0 ? (int)n : (int)total;
}

EACH_KIND(all_is_written_to_a_slow_reader)
{
	struct rota_scope scope;
	struct rota_task *reader;
	int total;

	fill_pattern(large, LARGE, 0);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&reader, &scope, read_slowly, ends.in, NULL), 0);
	CHECK_EQ(rota_write_all(ends.out, large, LARGE), LARGE);
	CHECK_EQ(rota_stream_written(ends.out), LARGE);
	ends_finish(&ends, kind);
	CHECK_EQ(rota_join(reader, &total), 0);
	CHECK_EQ(total, LARGE);
	rota_scope_join(&scope);
	ends_close(&ends);
}

EACH_KIND(write_takes_what_there_is_room_for)
{
	ssize_t n = rota_write(ends.out, large, LARGE);

	CHECK(n > 0 && n < LARGE);
	CHECK_EQ(rota_stream_written(ends.out), n);
	ends_close(&ends);
}

static int write_all(void *arg)
{
	return (int)rota_write_all(arg, large, LARGE);
}

/* Run fn(arg) until something has come out at the other end, then cut it short. */
static void cut_short(rota_fn fn, void *arg, struct rota_stream *in)
{
	struct rota_scope scope;
	struct rota_task *writer;
	int rc;

	rota_scope_open_with(&scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	CHECK_EQ(rota_spawn_task(&writer, &scope, fn, arg, NULL), 0);
	CHECK_EQ(rota_wait_readable(in), 0);
	rota_task_cancel(writer);
	CHECK_EQ(rota_join(writer, &rc), 0);
	CHECK_EQ(rc, -ECANCELED);
	rota_scope_join(&scope);
}

EACH_KIND(a_write_that_is_cut_short_tells_how_far_it_came)
{
	uint64_t written;
	char buf[4096];
	ssize_t n;

	fill_pattern(large, LARGE, 0);
	cut_short(write_all, ends.out, ends.in);
	written = rota_stream_written(ends.out);
	CHECK(written > 0 && written < LARGE);
	ends_finish(&ends, kind);
	for (uint64_t seen = 0;; seen += (uint64_t)n) {
		n = rota_read(ends.in, buf, sizeof buf);
		CHECK(n >= 0);
		if (n == 0) {
			CHECK_EQ(seen, written);
			break;
		}
		check_pattern(buf, (size_t)n, seen);
	}
	ends_close(&ends);
}

EACH_KIND(pieces_are_written_in_order_however_many_and_whatever_their_size)
{
	enum { PIECES = 200 };
	struct iovec iov[PIECES];
	struct rota_task *reader;
	struct rota_scope scope;
	size_t total = 0;
	int seen;

	fill_pattern(large, LARGE, 0);
	for (int i = 0; i < PIECES; i++) {
		size_t size = i % 7 == 0 ? 0 : (size_t)i * (size_t)i;

		iov[i] = (struct iovec){ large + total, size };
		total += size;
	}
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&reader, &scope, read_slowly, ends.in, NULL), 0);
	CHECK_EQ(rota_writev_all(ends.out, iov, PIECES), (long long)total);
	CHECK_EQ(rota_stream_written(ends.out), total);
	CHECK_EQ(rota_writev_all(ends.out, iov, 0), 0);
	CHECK_EQ(rota_writev_all(ends.out, iov, 1), 0); /* an empty piece */
	CHECK_EQ(rota_write_all(ends.out, "", 0), 0);
	ends_finish(&ends, kind);
	CHECK_EQ(rota_join(reader, &seen), 0);
	CHECK_EQ(seen, (long long)total);
	rota_scope_join(&scope);
	ends_close(&ends);
}

/* ---- sendfile ---- */

EACH_KIND(a_part_of_a_file_is_sent_to_a_slow_reader)
{
	struct rota_scope scope;
	struct rota_task *reader;
	int file = memfd_create("large", MFD_CLOEXEC), total;

	fill_pattern(large, LARGE, 0);
	CHECK_EQ(pwrite(file, large, LARGE, 1000), LARGE);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&reader, &scope, read_slowly, ends.in, NULL), 0);
	CHECK_EQ(rota_sendfile(ends.out, file, 1000, LARGE - 77), LARGE - 77);
	CHECK_EQ(rota_stream_written(ends.out), LARGE - 77);
	ends_finish(&ends, kind);
	CHECK_EQ(rota_join(reader, &total), 0);
	CHECK_EQ(total, LARGE - 77);
	rota_scope_join(&scope);
	CHECK_EQ(lseek(file, 0, SEEK_CUR), 0); /* its position stays */
	close(file);
	ends_close(&ends);
}

EACH_KIND(a_file_that_is_too_short_is_an_error)
{
	int file = memfd_create("short", MFD_CLOEXEC);
	char buf[8];

	CHECK_EQ(write(file, "12345", 5), 5);
	CHECK_EQ(rota_sendfile(ends.out, file, 2, 10), ROTA_EOF);
	CHECK_EQ(rota_stream_written(ends.out), 3);
	CHECK_EQ(rota_read_exactly(ends.in, buf, 3), 3);
	CHECK(memcmp(buf, "345", 3) == 0);
	CHECK_EQ(rota_sendfile(ends.out, file, 0, 0), 0);
	CHECK_EQ(rota_sendfile(ends.out, -1, 0, 1), -EBADF);
	close(file);
	ends_close(&ends);
}

struct sending {
	struct rota_stream *out;
	int file;
};

static int send_it(void *arg)
{
	struct sending *s = arg;

	return (int)rota_sendfile(s->out, s->file, 0, LARGE);
}

/* sendfile(2) refuses those of /proc. */
TASK_TEST(a_file_that_the_system_cannot_send_is_copied)
{
	struct ends ends = ends_open(TCP_PAIR);
	char buf[16], expected[16];
	FILE *f = fopen("/proc/self/status", "re");

	CHECK(f != NULL);
	CHECK_EQ(rota_sendfile(ends.out, fileno(f), 1, 10), 10);
	CHECK_EQ(rota_stream_written(ends.out), 10);
	CHECK_EQ(fread(expected, 1, 11, f), 11);
	CHECK_EQ(rota_read_exactly(ends.in, buf, 10), 10);
	CHECK(memcmp(buf, expected + 1, 10) == 0);
	CHECK_EQ(rota_sendfile(ends.out, fileno(f), 0, 1 << 20), ROTA_EOF);
	fclose(f);
	ends_close(&ends);
}

EACH_KIND(a_sendfile_that_is_cut_short_tells_how_far_it_came)
{
	struct sending sending = { ends.out, memfd_create("large", MFD_CLOEXEC) };

	CHECK_EQ(pwrite(sending.file, large, LARGE, 0), LARGE);
	cut_short(send_it, &sending, ends.in);
	CHECK(rota_stream_written(ends.out) > 0 && rota_stream_written(ends.out) < LARGE);
	close(sending.file);
	ends_close(&ends);
}

/* ---- a peer that has gone ---- */

EACH_KIND(writing_to_a_peer_that_has_gone_is_an_error_and_no_signal)
{
	ssize_t n = 1;

	rota_close(ends.in);
	ends.in = NULL;
	for (int i = 0; i < 3 && n > 0; i++) /* TCP learns it from the answer to the first */
		n = rota_write_all(ends.out, "x", 1);
	CHECK(n == -EPIPE || n == -ECONNRESET);
	ends_close(&ends);
}

EACH_KIND(sending_a_file_to_a_peer_that_has_gone_is_an_error_and_no_signal)
{
	int file = memfd_create("large", MFD_CLOEXEC);
	ssize_t n = 1;

	CHECK_EQ(pwrite(file, large, LARGE, 0), LARGE);
	rota_close(ends.in);
	ends.in = NULL;
	for (int i = 0; i < 3 && n > 0; i++)
		n = rota_sendfile(ends.out, file, 0, 1);
	CHECK(n == -EPIPE || n == -ECONNRESET);
	close(file);
	ends_close(&ends);
}
