/* primes.c - computing on all cores, and joining: how many primes there are below a number:  ROTA_MODEL=steal primes [BELOW] */
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARTS = 64 };

struct part {
	unsigned long from, to, primes;
};

static bool is_prime(unsigned long n)
{
	for (unsigned long d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return n > 1;
}

static int count(void *arg)
{
	struct part *part = arg;

	for (unsigned long n = part->from; n < part->to; n++) {
		part->primes += is_prime(n);
		if (n % 1024 == 0 && rota_yield() < 0) /* long work lets others have a turn, and can be cancelled */
			return rota_cancelled();
	}
	return 0;
}

static int app(void *below)
{
	unsigned long end = *(unsigned long *)below, total = 0;
	struct part parts[PARTS] = { { 0 } };
	struct rota_scope scope;
	int rc;

	rota_scope_open(&scope);
	for (unsigned long i = 0; i < PARTS; i++) { /* many more parts than workers: whoever is done takes another */
		parts[i] = (struct part){ .from = end / PARTS * i, .to = i + 1 < PARTS ? end / PARTS * (i + 1) : end };
		rota_spawn(&scope, count, &parts[i]);
	}
	rc = rota_scope_join(&scope);
	for (int i = 0; i < PARTS; i++)
		total += parts[i].primes;
	if (rc == 0)
		printf("%lu primes below %lu\n", total, end);
	return rc;
}

int main(int argc, char **argv)
{
	unsigned long below = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;

	return rota_run(app, &below, NULL) < 0;
}
