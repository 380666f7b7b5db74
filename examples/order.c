/* order.c - Node.js's order: prints Start, End, Promise, Timeout, Immediate, always */
#include <rota.h>
#include <stdio.h>

static void say(void *text)
{
	puts(text);
}

static struct rota_result say_then(const struct rota_settled *it, void *text)
{
	puts(text);
	return rota_result_value(NULL, NULL);
}

int main(void)
{
	struct rota_loop *loop;
	struct rota_promise *p;

	if (rota_loop_new(&loop, NULL) < 0)
		return 1;
	puts("Start");
	rota_set_timeout(loop, 0, say, "Timeout");
	p = rota_promise_of(loop, rota_result_value(NULL, NULL));
	rota_promise_unref(rota_promise_then(p, say_then, NULL, "Promise"));
	rota_set_immediate(loop, say, "Immediate");
	puts("End");

	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	return rota_loop_free(loop) < 0;
}
