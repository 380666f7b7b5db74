/* pipeline.c - three stages joined by channels: numbers, their squares, the sum
 *
 * A stage that is slower than the one before it makes that one wait: no more than eight values are ever on
 * the way.  The end of the numbers goes down the pipeline as a close. */
#include <inttypes.h>
#include <rota.h>
#include <stdio.h>

ROTA_CHAN_OF(numbers, uint64_t)

static struct rota_chan plain, squared;

static int count_up(void *arg)
{
	uint64_t last = *(uint64_t *)arg;
	int rc = 0;

	for (uint64_t i = 1; i <= last && rc == 0; i++)
		rc = numbers_send(&plain, i);
	rota_chan_close(&plain);
	return rc;
}

static int square(void *arg)
{
	uint64_t n;
	int rc;

	while ((rc = numbers_recv(&plain, &n)) == 0)
		if ((rc = numbers_send(&squared, n * n)) < 0)
			break;
	rota_chan_close(&squared);
	return rc == ROTA_ECLOSED ? 0 : rc;
}

static int add_up(void *sum)
{
	uint64_t n;
	int rc;

	while ((rc = numbers_recv(&squared, &n)) == 0)
		*(uint64_t *)sum += n;
	return rc == ROTA_ECLOSED ? 0 : rc;
}

static int app(void *arg)
{
	uint64_t last = 1000, sum = 0;
	struct rota_call stages[] = { { count_up, &last }, { square, NULL }, { add_up, &sum } };
	int rc;

	if (numbers_init(&plain, 8) < 0 || numbers_init(&squared, 8) < 0)
		return -ENOMEM;
	rc = rota_gather(stages, 3, NULL);
	printf("the squares of 1 to %" PRIu64 " add up to %" PRIu64 "\n", last, sum);
	rota_chan_fini(&plain);
	rota_chan_fini(&squared);
	return rc;
}

int main(void)
{
	return rota_run(app, NULL, NULL) < 0;
}
