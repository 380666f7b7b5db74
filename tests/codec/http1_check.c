/* http1_check.c - a stream of messages gives the log written beside it, however it is cut */
#include "http1_check.h"

#include <stdio.h>
#include <stdlib.h>

/* What a log is held against: all of it, or its last line only. */
struct expected {
	const char *text;
	bool end_only;
};

static bool agrees(const char *log, const struct expected *expected)
{
	size_t len = strlen(log), end = strlen(expected->text);

	if (!expected->end_only)
		return strcmp(log, expected->text) == 0;
	return len >= end && strcmp(log + len - end, expected->text) == 0 &&
	       (len == end || log[len - end - 1] == '\n');
}

static bool run(const struct http1_log_setup *setup, struct span bytes,
	const struct expected *expected, const size_t *cuts, size_t count)
{
	char *log = http1_log(setup, bytes, cuts, count);
	bool good = agrees(log, expected);

	if (!good) {
		fprintf(stderr, "# cut at");
		for (size_t i = 0; i < count && i < 8; i++)
			fprintf(stderr, " %zu", cuts[i]);
		fprintf(stderr, "%s of %zu bytes: %.*s\n# log:\n%s\n# expected:\n%s\n",
			count > 8 ? " ..." : "", bytes.len, bytes.len < 500 ? (int)bytes.len : 500,
			bytes.at, log, expected->text);
	}
	free(log);
	return good;
}

static bool run_bytewise(
	const struct http1_log_setup *setup, struct span bytes, const struct expected *expected)
{
	size_t *cuts = calloc(bytes.len + 1, sizeof(*cuts));
	bool good;

	if (cuts == NULL)
		return false;
	for (size_t i = 0; i < bytes.len; i++)
		cuts[i] = i;
	good = run(setup, bytes, expected, cuts, bytes.len);
	free(cuts);
	return good;
}

/* Longer streams are cut at a stride, so that a check stays within some thousand runs. */
static bool run_cut_once(
	const struct http1_log_setup *setup, struct span bytes, const struct expected *expected)
{
	size_t stride = 1 + bytes.len / 2000;

	for (size_t cut = 1; cut < bytes.len; cut += stride)
		if (!run(setup, bytes, expected, &cut, 1))
			return false;
	return true;
}

/* xorshift; the same cuts in every run. */
static size_t draw(uint64_t *state, size_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (size_t)(*state % below);
}

static bool run_cut_twice(
	const struct http1_log_setup *setup, struct span bytes, const struct expected *expected)
{
	uint64_t state = UINT64_C(88172645463325252) ^ bytes.len;

	for (int i = 0; i < 50; i++) {
		size_t a = draw(&state, bytes.len + 1), b = draw(&state, bytes.len + 1);
		size_t cuts[2] = { a < b ? a : b, a < b ? b : a };

		if (!run(setup, bytes, expected, cuts, 2))
			return false;
	}
	return true;
}

static bool check(
	const struct http1_log_setup *setup, struct span bytes, const struct expected *expected)
{
	return run(setup, bytes, expected, NULL, 0) && run_bytewise(setup, bytes, expected) &&
	       run_cut_once(setup, bytes, expected) && run_cut_twice(setup, bytes, expected);
}

bool http1_logs(const struct http1_log_setup *setup, struct span bytes, const char *expected)
{
	return check(setup, bytes, &(struct expected){ expected, false });
}

bool http1_refuses(const struct http1_log_setup *setup, struct span bytes, int error)
{
	char line[64];

	snprintf(line, sizeof(line), "error %s %u\n", http1_log_error_name(error),
		rota__http1_error_status(error));
	return check(setup, bytes, &(struct expected){ line, true });
}
