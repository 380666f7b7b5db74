/* idle.c - load: connections that do nothing; how much memory of the server each one takes
 *
 *	load_idle PORT COUNT SERVER-PID
 *
 * Resident memory and page tables of the process, not what the kernel keeps for sockets, which is the
 * same for all: before, with all connected and accepted, and after one echo of 64 bytes on each. */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static double memory_of(const char *pid)
{
	char path[64], line[256];
	long sum_kb = 0, kb;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%s/status", pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kb) == 1 || sscanf(line, "VmPTE: %ld", &kb) == 1)
			sum_kb += kb;
	if (f != NULL)
		fclose(f);
	return (double)sum_kb * 1024;
}

/* The server is done when its memory has not changed for a while. */
static double settled_memory_of(const char *pid)
{
	double last = -1, now = memory_of(pid);

	for (int quiet = 0; quiet < 4; last = now, now = memory_of(pid)) {
		quiet = now == last ? quiet + 1 : 0;
		usleep(100000);
	}
	return now;
}

static int connect_to(int port, int index)
{
	struct sockaddr_in address = { .sin_family = AF_INET }, source = { .sin_family = AF_INET };
	struct linger reset = { 1, 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_port = htons((uint16_t)port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(index % 8));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0 ||
		connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		perror("connect");
		exit(2);
	}
	return fd;
}

static void echo_once(int fd)
{
	char out[64], in[64];

	memset(out, 'i', sizeof out);
	if (send(fd, out, sizeof out, MSG_NOSIGNAL) != sizeof out ||
		recv(fd, in, sizeof in, MSG_WAITALL) != sizeof in || memcmp(in, out, sizeof in) != 0) {
		fprintf(stderr, "load_idle: no echo\n");
		exit(3);
	}
}

int main(int argc, char **argv)
{
	int port = argc > 1 ? atoi(argv[1]) : 0, count = argc > 2 ? atoi(argv[2]) : 0;
	double base, idle;
	int *fds;

	if (argc != 4 || count < 1) {
		fprintf(stderr, "usage: load_idle PORT COUNT SERVER-PID\n");
		return 64;
	}
	fds = calloc((size_t)count, sizeof *fds);
	echo_once(fds[0] = connect_to(port, 0)); /* what is made at the first connection is not theirs */
	base = settled_memory_of(argv[3]);
	for (int i = 1; i < count; i++)
		fds[i] = connect_to(port, i);
	idle = settled_memory_of(argv[3]);
	for (int i = 1; i < count; i++)
		echo_once(fds[i]);
	printf("idle=%.0f used=%.0f base=%.0f\n", (idle - base) / (count - 1),
		(settled_memory_of(argv[3]) - base) / (count - 1), base);
	return 0;
}
