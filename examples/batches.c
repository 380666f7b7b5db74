/* batches.c - what comes one by one goes on in batches: eight lines, or those that came within two milliseconds
 *
 * A select is for a task that waits for more than one thing: here for the next line, and for the moment at which a batch
 * that is not full goes out all the same. */
#include <rota.h>
#include <stdio.h>

enum { BATCH = 8 };

#define PATIENCE ROTA_MILLISECONDS(2)

static struct rota_chan lines;
static int batches, total;

static void send_off(int count)
{
	if (count == 0)
		return;
	batches++; /* here they would be written, all at once */
	total += count;
}

static int collect(void *arg)
{
	uint64_t due = ROTA_FOREVER; /* of the batch that has begun */
	int count = 0, line, at;

	do {
		struct rota_branch wait[] = { rota_on_recv(&lines, &line), rota_on_time(due) };

		at = rota_select(wait, 2);
		if (at == 0)
			at = wait[0].result; /* 0 or ROTA_ECLOSED */
		if (at == 0 && count++ == 0)
			due = rota_deadline(PATIENCE);
		if (at != 0 || count == BATCH) {
			send_off(count);
			count = 0;
			due = ROTA_FOREVER;
		}
	} while (at >= 0);
	return at == ROTA_ECLOSED ? 0 : at;
}

static int app(void *arg)
{
	static const int bursts[] = { 20, 3, 27 };
	struct rota_scope scope;
	int rc = rota_chan_init(&lines, sizeof(int), 4), line = 0;

	if (rc < 0)
		return rc;
	rota_scope_open(&scope);
	rota_spawn(&scope, collect, NULL);
	for (int i = 0; i < 3 && rc == 0; i++) {
		for (int n = 0; n < bursts[i] && rc == 0; n++, line++)
			rc = rota_chan_send(&lines, &line);
		rota_sleep(3 * PATIENCE);
	}
	rota_chan_close(&lines);
	rc = rota_scope_join(&scope);
	printf("%d lines in %d batches\n", total, batches);
	rota_chan_fini(&lines);
	return rc;
}

int main(void)
{
	return rota_run(app, NULL, NULL) < 0;
}
