/* limiter.c - a rate limiter: at most five at once, and then one more every two milliseconds
 *
 * A token bucket is a semaphore with a limit, and a task that fills it. */
#include <inttypes.h>
#include <rota.h>
#include <stdio.h>

enum { BURST = 5, CALLS = 20 };

#define EVERY ROTA_MILLISECONDS(2)

static struct rota_semaphore bucket;

static int fill(void *arg)
{
	int rc;

	for (uint64_t next = rota_deadline(EVERY); (rc = rota_sleep_until(next)) == 0; next += EVERY)
		rota_semaphore_release(&bucket, 1); /* -EOVERFLOW: it is full, and stays so */
	return rc;
}

static int call(void *arg)
{
	int rc = rota_semaphore_acquire(&bucket, 1);

	return rc; /* here the limited work would be done */
}

static int app(void *arg)
{
	uint64_t began = rota_now_ns(), took;
	struct rota_scope filler, calls;
	int rc;

	rota_semaphore_init(&bucket, BURST, BURST);
	rota_scope_open(&filler);
	rota_spawn(&filler, fill, NULL);
	rota_scope_open(&calls);
	for (int i = 0; i < CALLS; i++)
		rota_spawn(&calls, call, NULL);
	rc = rota_scope_join(&calls);
	took = rota_now_ns() - began;
	rota_scope_cancel(&filler);
	rota_scope_join(&filler);
	printf("%d calls in %" PRIu64 " ms: %s\n", CALLS, took / 1000000,
		took >= (CALLS - BURST) * EVERY ? "within the rate" : "too fast");
	return rc;
}

int main(void)
{
	return rota_run(app, NULL, NULL) < 0;
}
