/* hello.c - two tasks that wait at the same time: takes 1 s, not 2 */
#include <rota.h>
#include <stdio.h>

static int greet(void *name)
{
	int rc;

	printf("%s: starting\n", (char *)name);
	rc = rota_sleep(ROTA_SECONDS(1)); /* the task waits here; the loop does not */
	printf("%s: done\n", (char *)name);
	return rc;
}

static int app(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope); /* children cannot outlive this scope */
	rota_spawn(&scope, greet, (void *)"Task 1");
	rota_spawn(&scope, greet, (void *)"Task 2");
	return rota_scope_join(&scope); /* gather: waits for both, first error wins */
}

int main(void)
{
	return rota_run(app, NULL, NULL) < 0;
}
