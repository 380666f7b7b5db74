/* main.c - a program of somebody else: two tasks that wait at the same time */
#include <rota.h>
#include <stdio.h>

static int count(void *arg)
{
	int rc = rota_sleep(ROTA_MILLISECONDS(1));

	++*(int *)arg;
	return rc;
}

static int app(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	rota_spawn(&scope, count, arg);
	rota_spawn(&scope, count, arg);
	return rota_scope_join(&scope);
}

int main(void)
{
	int counted = 0;
	int rc = rota_run(app, &counted, NULL);

	if (rc != 0 || counted != 2) {
		fprintf(stderr, "%d tasks: %s\n", counted, rota_strerror(rc));
		return 1;
	}
	puts("both tasks ran");
	return 0;
}
