/* pipe.c - limit: send(2) and recv(2) in turn, on one thread that waits for nothing */
#include "bench.h"

#include <sys/socket.h>

enum { MESSAGE = 64 << 10, COUNT = 16384 };

static char message[MESSAGE], buffer[MESSAGE];

int main(void)
{
	uint64_t total = (uint64_t)MESSAGE * COUNT, start_ns;
	int ends[2];
	double rate;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
		return 1;
	start_ns = bench_now_ns();
	for (int i = 0; i < COUNT; i++)
		if (send(ends[0], message, sizeof message, 0) != MESSAGE ||
			recv(ends[1], buffer, sizeof buffer, 0) != MESSAGE)
			return 1;
	rate = (double)total * 1e3 / (double)(bench_now_ns() - start_ns);
	bench_result("pipe-64k", rate);
	bench_result("pipe-64k-pool", rate);
	bench_result("pipe-64k-tasks", rate);
	return 0;
}
