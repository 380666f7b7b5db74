/* process.c - limit: vfork, execve, wait4 */
#include "bench.h"

#include <sys/wait.h>
#include <unistd.h>

enum { ONE_BY_ONE = 300, AT_ONCE = 16, ROUNDS = 25 };

static void start(void)
{
	char *argv[] = { "/bin/true", NULL };
	pid_t pid = vfork();

	if (pid == 0) {
		execve(argv[0], argv, environ);
		_exit(127);
	}
	if (pid < 0)
		exit(1);
}

static void measure(const char *metric, int at_once, int count)
{
	uint64_t start_ns = bench_now_ns();
	int status;

	for (int left = count; left > 0; left -= at_once) {
		for (int i = 0; i < at_once; i++)
			start();
		for (int i = 0; i < at_once; i++)
			if (wait(&status) < 0 || status != 0)
				exit(1);
	}
	bench_result(metric, (double)(bench_now_ns() - start_ns) / 1e3 / count);
}

int main(void)
{
	measure("process-one", 1, ONE_BY_ONE);
	measure("process-16", AT_ONCE, AT_ONCE * ROUNDS);
	return 0;
}
