/* forkjoin.c - tasks that split their work among tasks: a task and a scope at each level
 *
 * Once with children that run later, once with those that run at once. */
#include "bench.h"

#include <rota.h>

static int (*spawn)(struct rota_scope *, rota_fn, void *, const char *, const char *);

struct fib {
	int n;
	uint64_t result;
};

static int fib(void *arg)
{
	struct fib *f = arg, a = { .n = f->n - 1 }, b = { .n = f->n - 2 };
	struct rota_scope scope;
	int rc;

	if (f->n < 2) {
		f->result = (uint64_t)f->n;
		return 0;
	}
	rota_scope_open(&scope);
	spawn(&scope, fib, &a, "fib", ROTA_HERE);
	rc = fib(&b);
	if (rc < 0)
		rota_scope_cancel(&scope);
	rc = rota_scope_join(&scope);
	f->result = a.result + b.result;
	return rc;
}

/* A million leaves below six levels of ten. */
struct part {
	uint64_t first, count, sum;
};

static int skynet(void *arg)
{
	struct part *p = arg, parts[10];
	struct rota_scope scope;
	int rc;

	if (p->count == 1) {
		p->sum = p->first;
		return 0;
	}
	rota_scope_open(&scope);
	for (uint64_t i = 0; i < 10; i++) {
		parts[i] = (struct part){ p->first + i * (p->count / 10), p->count / 10, 0 };
		spawn(&scope, skynet, &parts[i], "skynet", ROTA_HERE);
	}
	rc = rota_scope_join(&scope);
	p->sum = 0;
	for (int i = 0; i < 10; i++)
		p->sum += parts[i].sum;
	return rc;
}

static int measure(const char *fib_metric, const char *skynet_metric)
{
	struct fib f = { .n = 30 };
	struct part all = { 0, 1000000, 0 };

	for (int warm = 1; warm >= 0; warm--) {
		uint64_t start_ns = bench_now_ns();

		if (fib(&f) < 0 || f.result != 832040)
			return -1;
		if (!warm)
			bench_result(fib_metric, (double)(bench_now_ns() - start_ns) / 1e6);
		start_ns = bench_now_ns();
		if (skynet(&all) < 0 || all.sum != UINT64_C(499999500000))
			return -1;
		if (!warm)
			bench_result(skynet_metric, (double)(bench_now_ns() - start_ns) / 1e6);
	}
	return 0;
}

static int measure_both(void *arg)
{
	int rc;

	(void)arg;
	spawn = rota_spawn_at;
	rc = measure("fib-30", "skynet");
	spawn = rota_spawn_now_at;
	return rc < 0 ? rc : measure("fib-30-now", "skynet-now");
}

int main(void)
{
	struct rota_options options = { .model = ROTA_STEAL };

	return rota_run(measure_both, NULL, &options) < 0;
}
