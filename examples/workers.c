/* workers.c - four workers take jobs from a queue, the urgent ones first, until all are done */
#include <rota.h>
#include <stdio.h>

struct job {
	int urgency, number;
};

static struct rota_queue jobs;
static int done_by[4];

static int urgent_first(const void *a, const void *b)
{
	return ((const struct job *)b)->urgency - ((const struct job *)a)->urgency;
}

static int work(void *count)
{
	struct job job;
	int rc;

	while ((rc = rota_queue_get(&jobs, &job)) == 0) {
		rota_sleep(ROTA_MILLISECONDS(1)); /* the job */
		++*(int *)count;
		rota_queue_task_done(&jobs);
	}
	return rc == ROTA_ECLOSED ? 0 : rc; /* shut down: the day is over */
}

static int app(void *arg)
{
	struct rota_scope crew;
	int total = 0, rc;

	rc = rota_queue_init(&jobs, sizeof(struct job), 16, ROTA_QUEUE_PRIORITY, urgent_first);
	if (rc < 0)
		return rc;
	rota_scope_open(&crew);
	for (int i = 0; i < 4; i++)
		rota_spawn(&crew, work, &done_by[i]);
	for (int i = 0; i < 100 && rc == 0; i++) /* waits while sixteen are waiting */
		rc = rota_queue_put(&jobs, &(struct job){ .urgency = i % 3, .number = i });
	if (rc == 0)
		rc = rota_queue_join(&jobs);
	rota_queue_shutdown(&jobs, true);
	rota_scope_join(&crew);
	for (int i = 0; i < 4; i++)
		total += done_by[i];
	printf("%d jobs done by 4 workers\n", total);
	rota_queue_fini(&jobs);
	return rc;
}

int main(void)
{
	return rota_run(app, NULL, NULL) < 0;
}
