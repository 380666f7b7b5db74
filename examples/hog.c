/* hog.c - four tasks tick every millisecond while a fifth keeps its thread: how late do they come?
 *
 * With ROTA_MODEL=steal its worker goes on on another thread; else the ticks wait for 200 ms. */
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { TICKERS = 4, TICKS = 400 };
static uint64_t late_ns[TICKERS * TICKS];
static const char *model;

static int tick(void *arg)
{
	uint64_t *late = arg, due_ns = rota_now_ns();

	for (int i = 0; i < TICKS; i++) {
		due_ns += ROTA_MILLISECONDS(1);
		rota_sleep_until(due_ns);
		late[i] = rota_now_ns() - due_ns;
	}
	return 0;
}

/* What no task should do: compute for 100 ms, then wait as long in read(2). */
static int hog(void *arg)
{
	struct itimerspec in_100_ms = { .it_value = { .tv_nsec = 100000000 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	uint64_t end_ns, expired;

	rota_sleep(ROTA_MILLISECONDS(50));
	for (end_ns = rota_now_ns() + ROTA_MILLISECONDS(100); rota_now_ns() < end_ns;)
		;
	timerfd_settime(fd, 0, &in_100_ms, NULL);
	return read(fd, &expired, sizeof expired) < 0 ? -1 : close(fd);
}

static int app(void *arg)
{
	struct rota_scope scope;

	model = rota_model_name();
	rota_scope_open(&scope);
	for (int i = 0; i < TICKERS; i++)
		rota_spawn(&scope, tick, late_ns + i * TICKS);
	rota_spawn(&scope, hog, NULL);
	return rota_scope_join(&scope);
}

static void name(const struct rota_blocked *b)
{
	if (!b->over)
		printf("%s, spawned at %s, keeps worker %u: %s\n", b->task_name, b->site, b->worker, b->call ? b->call : "computing");
}

static int by_size(const void *a, const void *b)
{
	return (*(const uint64_t *)a > *(const uint64_t *)b) - (*(const uint64_t *)a < *(const uint64_t *)b);
}

int main(void)
{
	struct rota_options options = { .workers = 2, .blocked_ns = ROTA_MILLISECONDS(10), .on_blocked = name };
	int rc = rota_run(app, NULL, &options), n = TICKERS * TICKS;

	qsort(late_ns, (size_t)n, sizeof *late_ns, by_size);
	printf("%s, late by: p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", model, late_ns[n / 2] / 1e6,
		late_ns[n * 99 / 100] / 1e6, late_ns[n - 1] / 1e6);
	return rc < 0;
}
